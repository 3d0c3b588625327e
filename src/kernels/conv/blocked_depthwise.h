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

// The width of an image, and how a row of outputs is cut: made once for all rows.
struct DepthwiseWidth {
  explicit DepthwiseWidth(const WindowAxis& width);
  WindowAxis axis;
  int64_t low, high;             // positions [low, high) have their whole window inside
  int64_t strips, strip, wider;  // so many strips of positions between them; the first `wider` ones have one more than `strip`
};

// One row of one block's outputs: what BlockedDepthwise is made of.
struct DepthwiseRow {
  const DepthwiseWidth* width = nullptr;
  int64_t rows = 0;                         // kernel rows that see input
  const float* inputs[kMaxDepthwiseRows];   // first column of the input row
  const float* weights[kMaxDepthwiseRows];  // first tap of the kernel row
  const float* bias = nullptr;              // 16, or null
  const float* residual = nullptr;
  const Activation* activation = nullptr;
  float* output = nullptr;
};
void ComputeDepthwiseRow(const DepthwiseRow& row);

}  // namespace sardonyx::kernels
