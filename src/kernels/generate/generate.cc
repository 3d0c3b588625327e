#include "kernels/generate/generate.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <string>

#include "base/packed_bits.h"
#include "kernels/elementwise/convert.h"

namespace sardonyx::kernels {
namespace {

constexpr int64_t kMaxLength = int64_t{1} << 62;

template <class T>
void OneHotAs(const int64_t* indices, int64_t outer, int64_t depth, int64_t inner, bool wrap, const T* values, T* out) {
  std::fill_n(out, outer * depth * inner, values[0]);
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t i = 0; i < inner; ++i) {
      int64_t index = indices[o * inner + i];
      if (wrap && index < 0) index += depth;
      if (index >= 0 && index < depth) out[(o * depth + index) * inner + i] = values[1];
    }
  }
}

struct Bits128 {
  uint64_t low, high;
};

template <class T>
void NonZeroAs(const T* data, int64_t count, uint8_t* flags) {
  for (int64_t i = 0; i < count; ++i) flags[i] = data[i] != T(0);
}

}  // namespace

void FillElements(DataType dtype, const void* element, int64_t count, void* out) {
  if (dtype == DataType::kString) {
    std::fill_n(static_cast<std::string*>(out), count, *static_cast<const std::string*>(element));
    return;
  }
  if (const int bits = BitsPerElement(dtype); bits < 8) {
    uint8_t pattern[8] = {};  // 8 elements take `bits` bytes
    for (size_t i = 0; i < 8; ++i) SetPackedBits(pattern, i, bits, *static_cast<const uint8_t*>(element));
    const size_t bytes = PackedBytes(dtype, static_cast<size_t>(count)), width = static_cast<size_t>(bits);
    for (size_t i = 0; i < bytes; ++i) static_cast<uint8_t*>(out)[i] = pattern[i % width];
    const int64_t used = count % 8 * bits % 8;
    if (used != 0) static_cast<uint8_t*>(out)[bytes - 1] &= static_cast<uint8_t>((1 << used) - 1);
    return;
  }
  const auto stride = static_cast<size_t>(ElementStride(dtype));
  auto* bytes = static_cast<unsigned char*>(out);
  for (int64_t i = 0; i < count; ++i) std::memcpy(bytes + static_cast<size_t>(i) * stride, element, stride);
}

std::optional<int64_t> RangeLength(double start, double limit, double delta) {
  const double length = std::ceil((limit - start) / delta);
  if (delta == 0 || !(length < static_cast<double>(kMaxLength))) return std::nullopt;
  return length > 0 ? static_cast<int64_t>(length) : 0;
}

std::optional<int64_t> RangeLength(int64_t start, int64_t limit, int64_t delta) {
  if (delta == 0) return std::nullopt;
  if (delta > 0 ? limit <= start : limit >= start) return 0;
  // As unsigned, for the distance of two int64 may not be one.
  const auto low = static_cast<uint64_t>(std::min(start, limit)), high = static_cast<uint64_t>(std::max(start, limit));
  const uint64_t step = delta > 0 ? static_cast<uint64_t>(delta) : 0 - static_cast<uint64_t>(delta);
  const uint64_t length = (high - low - 1) / step + 1;
  if (length > static_cast<uint64_t>(kMaxLength)) return std::nullopt;
  return static_cast<int64_t>(length);
}

void CosineWindow(double a0, double a1, double a2, int64_t size, bool periodic, double* out) {
  const auto intervals = static_cast<double>(periodic ? size : size - 1);
  for (int64_t i = 0; i < size; ++i) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(i) / intervals;  // one symmetric sample: 0/0, as ONNX defines it
    out[i] = a0 - a1 * std::cos(angle) + a2 * std::cos(2 * angle);
  }
}

void OneHot(const int64_t* indices, int64_t outer, int64_t depth, int64_t inner, bool wrap, DataType dtype, const void* values, void* out) {
  const auto run = [&]<class T>(T) { OneHotAs(indices, outer, depth, inner, wrap, static_cast<const T*>(values), static_cast<T*>(out)); };
  if (dtype == DataType::kString) return run(std::string());
  switch (ElementStride(dtype)) {
    case 1:
      return run(uint8_t());
    case 2:
      return run(uint16_t());
    case 4:
      return run(uint32_t());
    case 8:
      return run(uint64_t());
    case 16:
      return run(Bits128());
    default:
      return;
  }
}

void NonZeroFlags(DataType dtype, const void* data, int64_t count, uint8_t* flags) {
  switch (dtype) {
    case DataType::kString: {
      const auto* strings = static_cast<const std::string*>(data);
      for (int64_t i = 0; i < count; ++i) flags[i] = !strings[i].empty();
      return;
    }
    case DataType::kComplex64:
      return NonZeroAs(static_cast<const std::complex<float>*>(data), count, flags);
    case DataType::kComplex128:
      return NonZeroAs(static_cast<const std::complex<double>*>(data), count, flags);
    default:
      return ConvertElements(dtype, data, DataType::kBool, flags, 0, count);
  }
}

}  // namespace sardonyx::kernels
