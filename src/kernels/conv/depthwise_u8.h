// Depthwise convolution of uint8 rows, channels last: each channel by its own kernel.
#pragma once

#include <cstdint>

#include "kernels/gemm/quad_i8.h"

namespace sardonyx::kernels {

// Channels that are computed at a time; weights are packed for whole blocks.
inline constexpr int64_t kDepthwiseBlock = 64;

// Taps are taken in fours. Bytes of packed weights of `channels` channels of `taps` taps each.
int64_t DepthwiseU8Size(int64_t channels, int64_t taps);
// w [channels, taps].
void PackDepthwiseU8(const int8_t* w, int64_t channels, int64_t taps, int8_t* out);

// `count` outputs next to each other. taps[i * num_taps + t]: the pixel (all channels) that tap t of output i sees. Pixels are
// readable up to the end of the last block of channels. The epilogue's `out` is the first output's pixel.
struct DepthwiseU8Row {
  const int8_t* weights = nullptr;
  int64_t channels = 0;
  int64_t num_taps = 0;
  const uint8_t* const* taps = nullptr;
  int64_t count = 0;
  QuadEpilogue epilogue = {};
};
void ComputeDepthwiseU8(const DepthwiseU8Row& row);

}  // namespace sardonyx::kernels
