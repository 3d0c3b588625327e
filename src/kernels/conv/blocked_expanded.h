// A pointwise convolution and the depthwise one that alone reads its result, as inverted residuals begin (M. Sandler et al.,
// "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018): rows of the wide tensor between them are computed as they are
// needed, and never leave the second-level cache. Tensors are in blocks of 16 channels (blocked_tile.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/conv/conv.h"

namespace sardonyx::kernels {

struct ExpandedDepthwiseArguments {
  ConvShape shape;           // of the depthwise convolution, over two axes; groups are the channels between both
  int64_t channels = 0;      // of X: [batch, channels, height, width]
  const float* x = nullptr;  // blocked
  const float* expand_weights = nullptr;  // PackBlockedWeights of one group and one tap
  const float* expand_bias = nullptr;     // of whole blocks, or null
  Activation expand_activation = {};
  const float* weights = nullptr;  // PackDepthwiseWeights
  const float* bias = nullptr;     // of whole blocks, or null
  Activation activation = {};
  float* y = nullptr;  // blocked
};
// Same bits as one convolution after the other. The kernel has at most kMaxDepthwiseRows rows.
size_t ExpandedDepthwiseWorkspace(const ConvShape& shape, int threads);
void ExpandedDepthwise(const ExpandedDepthwiseArguments& arguments, void* workspace, ThreadPool& pool);

}  // namespace sardonyx::kernels
