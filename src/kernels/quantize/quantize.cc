#include "kernels/quantize/quantize.h"

#include "kernels/elementwise/convert.h"
#include "kernels/elementwise/loop.h"

namespace sardonyx::kernels {
namespace {

// x[i] /= scale, rounded to the precision of the division.
void Divide(float* x, int64_t n, const float* scales, int64_t step, DataType precision) {
  SARDONYX_INDEPENDENT_LOOP
  for (int64_t i = 0; i < n; ++i) x[i] /= scales[i * step];
  if (precision == DataType::kFloat16) {
    for (int64_t i = 0; i < n; ++i) x[i] = static_cast<float>(Float16(x[i]));
  } else if (precision == DataType::kBfloat16) {
    for (int64_t i = 0; i < n; ++i) x[i] = static_cast<float>(BFloat16(x[i]));
  }
}

// x[i] += zero point. A zero point of 0, as narrow floats mostly have it, leaves the sign of zero as it is.
void Shift(float* x, int64_t n, const QuantizationTables& tables, int64_t index, int64_t step) {
  if (tables.zero_points == nullptr) return;
  const float* const zero_points = tables.zero_points + index;
  SARDONYX_INDEPENDENT_LOOP
  for (int64_t i = 0; i < n; ++i) x[i] = zero_points[i * step] == 0 ? x[i] : x[i] + zero_points[i * step];
}

}  // namespace

IntegerRange RangeOf(DataType dtype) {
  const int bits = BitsPerElement(dtype);
  const bool is_signed = dtype == DataType::kInt8 || dtype == DataType::kInt16 || dtype == DataType::kInt4 || dtype == DataType::kInt2;
  const float half = static_cast<float>(1 << (bits - 1));
  return is_signed ? IntegerRange{-half, half - 1} : IntegerRange{0, 2 * half - 1};
}

void Quantize(const QuantizationLayout& layout, const QuantizationTables& tables, DataType precision, const ConvertOptions& options,
              DataType x_dtype, const void* x, DataType y_dtype, void* y, int64_t begin, int64_t end) {
  const bool to_integer = IsInteger(y_dtype);
  const IntegerRange range = to_integer ? RangeOf(y_dtype) : IntegerRange{};
  float chunk[kChunk];
  for (int64_t at = begin; at < end; at += kChunk) {
    const int64_t count = std::min(kChunk, end - at);
    LoadElements(x_dtype, x, at, count, chunk);
    layout.ForEachRun(at, at + count, [&](int64_t position, int64_t n, int64_t index, int64_t step) {
      float* const v = chunk + (position - at);
      Divide(v, n, tables.scales + index, step, precision);
      if (!to_integer) return Shift(v, n, tables, index, step);
      if (tables.zero_points == nullptr) {
        SARDONYX_INDEPENDENT_LOOP
        for (int64_t i = 0; i < n; ++i) v[i] = Saturated(v[i], 0.0f, range);
      } else {
        const float* const zero_points = tables.zero_points + index;
        SARDONYX_INDEPENDENT_LOOP
        for (int64_t i = 0; i < n; ++i) v[i] = Saturated(v[i], zero_points[i * step], range);
      }
    });
    StoreElements(chunk, count, y_dtype, y, at, options);
  }
}

void Dequantize(const QuantizationLayout& layout, const QuantizationTables& tables, DataType x_dtype, const void* x, DataType y_dtype,
                void* y, int64_t begin, int64_t end) {
  float chunk[kChunk];
  for (int64_t at = begin; at < end; at += kChunk) {
    const int64_t count = std::min(kChunk, end - at);
    LoadElements(x_dtype, x, at, count, chunk);
    layout.ForEachRun(at, at + count, [&](int64_t position, int64_t n, int64_t index, int64_t step) {
      float* const v = chunk + (position - at);
      const float* const scales = tables.scales + index;
      if (tables.zero_points != nullptr) {
        const float* const zero_points = tables.zero_points + index;
        SARDONYX_INDEPENDENT_LOOP
        for (int64_t i = 0; i < n; ++i) v[i] -= zero_points[i * step];
      }
      SARDONYX_INDEPENDENT_LOOP
      for (int64_t i = 0; i < n; ++i) v[i] *= scales[i * step];
    });
    StoreElements(chunk, count, y_dtype, y, at);
  }
}

DynamicParameters ChooseUint8Parameters(const float* x, int64_t count) {
  float low = 0, high = 0;
  for (int64_t i = 0; i < count; ++i) {
    low = x[i] < low ? x[i] : low;
    high = x[i] > high ? x[i] : high;
  }
  const float scale = high == low ? 1.0f : (high - low) / 255.0f;
  const float zero_point = Saturated(-low / scale, 0.0f, {0, 255});
  return {scale, static_cast<uint8_t>(zero_point)};
}

}  // namespace sardonyx::kernels
