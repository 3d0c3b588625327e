#include "providers/cpu/matrix_attention_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sardonyx::cpu {

namespace {

int Round(float value, int low, int high) {
  return std::isnan(value) ? 0 : static_cast<int>(std::nearbyint(std::clamp(value, static_cast<float>(low), static_cast<float>(high))));
}

}  // namespace

void QuantizedCache::Quantize(int64_t head, const float* values, uint8_t* codes) const {
  const auto scaled = [&](int64_t i) {
    const float scale = scales[per_channel ? head * size + i : 0];
    return scale == 0 ? 0.0f : values[i] / scale;
  };
  if (dtype == DataType::kInt8) {
    for (int64_t i = 0; i < size; ++i) codes[i] = static_cast<uint8_t>(static_cast<int8_t>(Round(scaled(i), -128, 127)));
  } else if (dtype == DataType::kFloat8E4M3FN) {
    auto* out = reinterpret_cast<Float8E4M3FN*>(codes);
    for (int64_t i = 0; i < size; ++i) out[i] = Float8E4M3FN(scaled(i));
  } else {
    std::fill_n(codes, row_bytes(), uint8_t{0});
    for (int64_t i = 0; i < size; ++i) codes[i / 2] |= static_cast<uint8_t>((Round(scaled(i), -8, 7) + 8) << (i % 2 * 4));
  }
}

void QuantizedCache::Dequantize(int64_t head, const uint8_t* codes, float* values) const {
  for (int64_t i = 0; i < size; ++i) {
    const float scale = scales[per_channel ? head * size + i : 0];
    float value;
    if (dtype == DataType::kInt8)
      value = static_cast<int8_t>(codes[i]);
    else if (dtype == DataType::kFloat8E4M3FN)
      value = static_cast<float>(reinterpret_cast<const Float8E4M3FN*>(codes)[i]);
    else
      value = static_cast<float>((codes[i / 2] >> (i % 2 * 4) & 15) - 8);
    values[i] = scale * value;
  }
}

StatusOr<QuantizedCache> ReadQuantizedCache(const runtime::TensorView& cache, const runtime::TensorView* scale, std::string_view mode,
                                            int64_t heads, int64_t size) {
  QuantizedCache q{.dtype = cache.dtype, .heads = heads, .size = size};
  if (cache.dtype != DataType::kInt8 && cache.dtype != DataType::kUint8 && cache.dtype != DataType::kFloat8E4M3FN)
    return Unsupported(fmt::format("a cache of {}", DataTypeName(cache.dtype)));
  if (mode != "PER_TENSOR" && mode != "PER_CHANNEL") return Invalid(fmt::format("a quantized cache with quantization '{}'", mode));
  q.per_channel = mode == "PER_CHANNEL";
  const int64_t expected = q.per_channel ? heads * size : 1;
  if (scale == nullptr || scale->dtype != DataType::kFloat || scale->num_elements() != expected)
    return Invalid(fmt::format("a quantized cache needs {} float scales", expected));
  q.scales = scale->ptr<float>();
  return q;
}

}  // namespace sardonyx::cpu
