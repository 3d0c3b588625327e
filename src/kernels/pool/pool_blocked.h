// Pooling of float tensors in blocks of 16 channels (kernels/conv/blocked_tile.h). X is `planes` planes (batch x blocks of channels) of
// window.input_size() positions of 16 channels, Y as many of window.output_size().
#pragma once

#include <cstdint>

#include "base/thread_pool.h"
#include "kernels/conv/window.h"

namespace sardonyx::kernels {

// As MaxPool<float> and AveragePool<float> of pool.h.
void BlockedMaxPool(const Window& window, int64_t planes, const float* x, float* y, ThreadPool& pool);
void BlockedAveragePool(const Window& window, int64_t planes, bool count_include_pad, const float* x, float* y, ThreadPool& pool);

// The mean or maximum of `size` positions of each plane: 16 numbers a plane.
void BlockedGlobalPool(bool maximum, int64_t planes, int64_t size, const float* x, float* y, ThreadPool& pool);

// y = x * scale + bias for planes of `size` positions. Plane p takes the 16 scales at scale + p % scale_planes * 16, and likewise its
// biases, if there are any. y may be x.
struct BlockedScaleArguments {
  int64_t planes = 0, size = 0;
  const float* x = nullptr;
  const float* scale = nullptr;
  int64_t scale_planes = 1;
  const float* bias = nullptr;
  float* y = nullptr;
};
void BlockedScale(const BlockedScaleArguments& arguments, ThreadPool& pool);

}  // namespace sardonyx::kernels
