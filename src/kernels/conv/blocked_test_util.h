// Between row-major tensors and blocks of 16 channels, for tests.
#pragma once

#include <vector>

#include "kernels/conv/blocked_tile.h"
#include "sardonyx/tensor.h"

namespace sardonyx::kernels {

// What stands in the padding must not matter: it is filled with something that would be noticed.
inline std::vector<float> ToBlocked(const std::vector<float>& x, const Dims& dims) {
  const int64_t size = dims.Product(2, dims.rank()), blocks = ChannelBlocks(dims[1]);
  std::vector<float> result(static_cast<size_t>(dims[0] * blocks * size * kChannelBlock), 1e30f);
  for (int64_t n = 0; n < dims[0]; ++n)
    for (int64_t c = 0; c < dims[1]; ++c)
      for (int64_t i = 0; i < size; ++i)
        result[((n * blocks + c / kChannelBlock) * size + i) * kChannelBlock + c % kChannelBlock] = x[(n * dims[1] + c) * size + i];
  return result;
}

inline std::vector<float> FromBlocked(const std::vector<float>& x, const Dims& dims) {
  const int64_t size = dims.Product(2, dims.rank()), blocks = ChannelBlocks(dims[1]);
  std::vector<float> result(static_cast<size_t>(dims.num_elements()));
  for (int64_t n = 0; n < dims[0]; ++n)
    for (int64_t c = 0; c < dims[1]; ++c)
      for (int64_t i = 0; i < size; ++i)
        result[(n * dims[1] + c) * size + i] = x[((n * blocks + c / kChannelBlock) * size + i) * kChannelBlock + c % kChannelBlock];
  return result;
}

}  // namespace sardonyx::kernels
