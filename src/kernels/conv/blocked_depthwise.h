// Depthwise convolution, one filter a channel, of float tensors in blocks of 16 channels: channels are lanes, so that strides, dilations
// and odd widths cost nothing.
#pragma once

#include <cstdint>

#include "kernels/conv/blocked_tile.h"
#include "kernels/conv/conv.h"

namespace sardonyx::kernels {

// Rows of a kernel (its depth times its height) that BlockedDepthwise takes at most.
inline constexpr int64_t kMaxDepthwiseRows = 64;

// W [channels, 1, taps] packed as [blocks of channels, taps, 16], missing channels zero.
int64_t PackedDepthwiseWeightsSize(int64_t channels, int64_t taps);
void PackDepthwiseWeights(const float* w, int64_t channels, int64_t taps, float* out);

struct BlockedDepthwiseArguments {
  ConvShape shape;  // groups are the channels, each with one input and one output
  const float* x = nullptr;
  const float* weights = nullptr;   // PackDepthwiseWeights
  const float* bias = nullptr;      // of whole blocks, or null
  const float* residual = nullptr;  // laid out as y, or null; may be y
  Activation activation = {};
  float* y = nullptr;
};
void BlockedDepthwise(const BlockedDepthwiseArguments& arguments, ThreadPool& pool);

}  // namespace sardonyx::kernels
