// Convolution of float tensors in blocks of 16 channels (blocked_tile.h): direct, in tiles of output positions and channels.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/conv/blocked_tile.h"
#include "kernels/conv/conv.h"

namespace sardonyx::kernels {

// Whether BlockedConv computes it: one group, or groups of whole blocks of channels on both sides.
inline bool FitsBlocks(int64_t groups, int64_t channels, int64_t outputs) {
  return groups == 1 || (channels % kChannelBlock == 0 && outputs % kChannelBlock == 0);
}

// W [groups * outputs, channels, taps] packed as [groups, blocks of outputs, taps, channels, 16], missing outputs zero.
int64_t PackedBlockedWeightsSize(int64_t groups, int64_t outputs, int64_t channels, int64_t taps);
void PackBlockedWeights(const float* w, int64_t groups, int64_t outputs, int64_t channels, int64_t taps, float* out, ThreadPool& pool);

// Where output positions are stored, in floats: at first + d * depth + h * row + w * column, blocks of channels `block` apart and images
// `image`.
struct OutputGrid {
  int64_t first, depth, row, column, block, image;
};

struct BlockedConvArguments {
  ConvShape shape;
  const float* x = nullptr;
  // X is row-major: for the few channels of a network's input. One group, and no dilation along the width.
  bool plain_x = false;
  const float* weights = nullptr;   // PackBlockedWeights
  const float* bias = nullptr;      // of whole blocks: 16 * ChannelBlocks(groups * outputs), or null
  const float* residual = nullptr;  // blocked, dims of Y, or null; may be y
  Activation activation = {};
  float* y = nullptr;  // blocked
  const OutputGrid* grid = nullptr;  // null: Y is dense. A residual lies as Y does.
};
size_t BlockedConvWorkspace(const ConvShape& shape, bool plain_x, int threads);
void BlockedConv(const BlockedConvArguments& arguments, void* workspace, ThreadPool& pool);

}  // namespace sardonyx::kernels
