// Key and value caches of 8 or 4 bits an element.
#pragma once

#include "kernels/attention/attention.h"
#include "runtime/tensor_view.h"
#include "sardonyx/status.h"

namespace sardonyx::cpu {

struct QuantizedCache {
  DataType dtype = DataType::kUndefined;  // int8, float8e4m3fn, or uint8 for 4 bits, the lower half of a byte first
  const float* scales = nullptr;          // one, or one a channel: [heads, size]
  bool per_channel = false;
  int64_t heads = 0, size = 0;

  int64_t row_bytes() const { return dtype == DataType::kUint8 ? (size + 1) / 2 : size; }
  // One head's row of `size` elements. Values are rounded half to even and saturate.
  void Quantize(int64_t head, const float* values, uint8_t* codes) const;
  void Dequantize(int64_t head, const uint8_t* codes, float* values) const;
};

// kInvalid or kUnsupported unless caches of `cache`'s type with this scale and mode ("PER_TENSOR", "PER_CHANNEL") are known.
StatusOr<QuantizedCache> ReadQuantizedCache(const runtime::TensorView& cache, const runtime::TensorView* scale, std::string_view mode,
                                            int64_t heads, int64_t size);

}  // namespace sardonyx::cpu
