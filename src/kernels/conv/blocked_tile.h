// The inner step of blocked convolutions: some output positions by some blocks of output channels, summed in registers.
//
// Blocked tensors hold kChannelBlock channels side by side: [N, C / 16, spatial..., 16]. The step does not know the geometry: it is
// told where each output position finds its input, so strides, dilations, padding, transposed convolutions and Winograd's
// products are all the same to it.
#pragma once

#include <cstdint>

#include "kernels/gemm/activation.h"

namespace sardonyx::kernels {

inline constexpr int64_t kChannelBlock = 16;
// Rows of the table below have room for this many positions, whatever the target takes.
inline constexpr int64_t kMaxTilePixels = 14;

constexpr int64_t ChannelBlocks(int64_t channels) { return (channels + kChannelBlock - 1) / kChannelBlock; }

// One position of the kernel: which weights it takes, and where each output position finds its first 16 input channels. The next 16 lie
// `step` floats on; padding is a pointer to 16 zeros whose step is 0.
struct TileTap {
  int64_t weights;
  const float* at[kMaxTilePixels];
  int64_t step[kMaxTilePixels];
};

struct ConvTile {
  int64_t pixels = 0;  // output positions: 1 ... TileLimits(pixels).pixels
  int64_t blocks = 0;  // blocks of output channels: 1 ... TileLimits(pixels).blocks
  int64_t channels = 0;
  const TileTap* taps = nullptr;
  int64_t num_taps = 0;
  const float* weights = nullptr;  // of a block: taps' [channels][16] at TileTap::weights
  int64_t weight_stride = 0;       // from block to block
  const float* bias = nullptr;     // 16 a block, or null
  const float* residual = nullptr;  // laid out as the output and added before the activation, or null; may be the output itself
  Activation activation = {};
  float* output = nullptr;  // of the first block; position p is stored at offsets[p]
  const int64_t* offsets = nullptr;  // kMaxTilePixels of them; beyond `pixels` some that may be read
  int64_t output_stride = 0;  // from block to block
  // Weights that are needed soon, one after the other: fetched into the second-level cache, so many vectors of 16 with every four channels.
  const float* next_weights = nullptr;
  int64_t next_vectors = 0;
};

// What fills the registers of the instruction set in use, for a convolution of so many positions: of a single one, more blocks.
struct TileShape {
  int64_t pixels, blocks;
};
TileShape TileLimits(int64_t positions);

// Every element is a chain of fused multiply-adds in order of taps and channels: its bits depend on nothing else.
void ComputeConvTile(const ConvTile& tile);

}  // namespace sardonyx::kernels
