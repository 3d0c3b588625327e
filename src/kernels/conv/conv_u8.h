// Convolution of uint8 images by int8 weights, channels last: X [batch, spatial..., groups * channels], Y [batch, spatial...,
// groups * outputs], in the terms of conv.h and quad_i8.h.
#pragma once

#include <vector>

#include "kernels/conv/conv.h"
#include "kernels/gemm/quad_i8.h"

namespace sardonyx::kernels {

// W [groups * outputs, channels, kernel...], as the specification has it, packed for ConvU8.
class ConvU8Weights {
 public:
  // Empty (ok() false) when there is no memory.
  ConvU8Weights() = default;
  ConvU8Weights(const int8_t* w, int64_t groups, int64_t outputs, int64_t channels, int64_t taps, ThreadPool& pool);
  bool ok() const;
  // The sum of each output's weights: what a zero point of X is multiplied by.
  const std::vector<int32_t>& sums() const { return sums_; }
  int64_t groups() const { return groups_; }

 private:
  friend class ConvU8Run;
  int64_t groups_ = 0, outputs_ = 0, channels_ = 0, taps_ = 0;
  // One a group. Where the channels don't come in fours, all taps are one row: taps 1, depth taps * channels.
  std::vector<QuadWeights> packed_;
  bool rows_are_gathered_ = false;
  AlignedBuffer<int8_t> depthwise_;  // see depthwise_u8.h
  std::vector<int32_t> sums_;
};

struct ConvU8Arguments {
  ConvShape shape;
  const uint8_t* x = nullptr;
  uint8_t x_zero_point = 0;  // what lies in the padding
  const ConvU8Weights* weights = nullptr;
  QuadEpilogue epilogue = {};  // its arrays hold groups * outputs entries and kQuadPanel more; `out` and `stride` are set here
  void* y = nullptr;
};
// `threads` as of the pool.
size_t ConvU8Workspace(const ConvU8Arguments& arguments, int threads);
void ConvU8(const ConvU8Arguments& arguments, void* workspace, ThreadPool& pool);

}  // namespace sardonyx::kernels
