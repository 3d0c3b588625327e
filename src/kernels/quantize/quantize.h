// Linear quantization: q = saturate(round(x / scale) + zero_point), x = (q - zero_point) * scale.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/elementwise/convert_element.h"
#include "kernels/elementwise/math.h"
#include "sardonyx/data_type.h"

namespace sardonyx::kernels {

// Which scale an element takes. The tensor is seen as [outer, length, inner], `length` being the quantized axis.
//   per tensor: one scale;  per axis: scale[c];  blocked: scale[outer, c / block, inner].
struct QuantizationLayout {
  enum class Kind : uint8_t { kPerTensor, kPerAxis, kBlocked } kind = Kind::kPerTensor;
  int64_t length = 1, inner = 1;
  int64_t block = 1;

  int64_t blocks() const { return length / block + (length % block != 0); }

  // Calls f(position, n, index, step) for runs that cover elements [begin, end): element position + i takes the scale at
  // index + i * step; step is 0 or 1.
  template <class F>
  void ForEachRun(int64_t begin, int64_t end, F&& f) const {
    if (kind == Kind::kPerTensor) return f(begin, end - begin, int64_t{0}, int64_t{0});
    for (int64_t at = begin; at < end;) {
      const int64_t i = at % inner, c = at / inner % length, outer = at / inner / length;
      int64_t n, index, step;
      if (kind == Kind::kPerAxis) {
        step = inner == 1;
        n = inner == 1 ? length - c : inner - i;
        index = c;
      } else {
        step = inner != 1;
        n = inner == 1 ? std::min(length - c, block - c % block) : inner - i;
        index = (outer * blocks() + c / block) * inner + i;
      }
      n = std::min(n, end - at);
      f(at, n, index, step);
      at += n;
    }
  }
};

// Scales and zero points, one each for every index of the layout, as float; null zero points are 0.
struct QuantizationTables {
  const float* scales;
  const float* zero_points;
};

// Quantizes elements [begin, end) of x to y_dtype: an integer type of at most 16 bits (rounding half to even, saturating;
// NaN gives the lowest value) or a float of at most 8 (with the zero point, rounded and overflowing as `options` say). The
// quotient is first rounded to `precision` if that is float16 or bfloat16. `begin` is a multiple of 8.
void Quantize(const QuantizationLayout& layout, const QuantizationTables& tables, DataType precision, const ConvertOptions& options,
              DataType x_dtype, const void* x, DataType y_dtype, void* y, int64_t begin, int64_t end);

// The reverse. y_dtype is a floating-point type.
void Dequantize(const QuantizationLayout& layout, const QuantizationTables& tables, DataType x_dtype, const void* x, DataType y_dtype,
                void* y, int64_t begin, int64_t end);

// Smallest and largest value of an integer type of at most 16 bits.
struct IntegerRange {
  float low, high;
};
IntegerRange RangeOf(DataType dtype);

// round(x) + zero_point within the range.
inline float Saturated(float x, float zero_point, const IntegerRange& range) {
  const float shifted = math::RoundHalfEven(x) + zero_point;
  const float raised = shifted > range.low ? shifted : range.low;  // NaN too
  return raised < range.high ? raised : range.high;
}

// Scale and zero point that map [min, max], widened to hold 0, to uint8.
struct DynamicParameters {
  float scale;
  uint8_t zero_point;
};
DynamicParameters ChooseUint8Parameters(const float* x, int64_t count);

}  // namespace sardonyx::kernels
