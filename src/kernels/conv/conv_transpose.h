// ConvTranspose: X [batch, groups * channels, spatial...], W [groups * channels, outputs, kernel...] ->
// Y [batch, groups * outputs, spatial...].
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "kernels/conv/window.h"

namespace sardonyx::kernels {

struct ConvTransposeAttributes {
  WindowAttributes window;
  std::vector<int64_t> output_padding;
  std::vector<int64_t> output_shape;  // spatial; its pads are then computed
};

struct ConvTransposeShape {
  int64_t batch = 1, groups = 1;
  int64_t channels = 1;  // of a group's input
  int64_t outputs = 1;   // of a group
  // The window by which a convolution would make X from Y: `input` is Y's size, `output` X's.
  Window window;
  Dims output;  // dims of Y
};

StatusOr<ConvTransposeShape> PlanConvTranspose(std::span<const int64_t> x, std::span<const int64_t> w, int64_t groups,
                                               std::span<const int64_t> kernel_shape, const ConvTransposeAttributes& attributes);

// T: float (by GemmF32), double. bias: [groups * outputs] or null.
template <class T>
size_t ConvTransposeWorkspace(const ConvTransposeShape& shape);
template <class T>
void ConvTranspose(const ConvTransposeShape& shape, const T* x, const T* w, const T* bias, T* y, void* workspace, ThreadPool& pool);

}  // namespace sardonyx::kernels
