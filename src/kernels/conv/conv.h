// Convolution: Y[b, g, o, position] = epilogue(sum over channels c of the group and the kernel of W[g, o, c, kernel] * X).
//
// X is [batch, groups * channels, spatial...], W [groups * outputs, channels, kernel...], Y [batch, groups * outputs,
// spatial...], all row-major.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "kernels/conv/window.h"
#include "kernels/gemm/gemm_f32.h"

namespace sardonyx::kernels {

struct ConvShape {
  int64_t batch = 1;
  int64_t groups = 1;
  int64_t channels = 1;  // of a group's input
  int64_t outputs = 1;   // of a group
  Window window;
  Dims output;  // dims of Y

  int64_t depth() const { return channels * window.kernel_size(); }  // of the products
  // One input channel a group, over at most two axes: computed without products.
  bool is_depthwise() const { return channels == 1 && groups > 1 && window.depth().kernel == 1 && window.leading.empty(); }
};

// kInvalid when ranks, channels, groups or kernel_shape (empty: taken from W) disagree.
StatusOr<ConvShape> PlanConv(std::span<const int64_t> x, std::span<const int64_t> w, int64_t groups, std::span<const int64_t> kernel_shape,
                             const WindowAttributes& attributes);
// Bias must be [outputs of all groups].
Status CheckConvBias(const ConvShape& shape, std::span<const int64_t> bias);

// W packed for ConvF32: as many floats as W has.
void PackConvWeightsF32(const float* w, int64_t groups, int64_t outputs, int64_t depth, float* out, ThreadPool& pool);

struct ConvF32Arguments {
  ConvShape shape;
  const float* x = nullptr;
  const float* w = nullptr;         // read when depthwise
  const float* packed_w = nullptr;  // PackConvWeightsF32, when not depthwise
  const float* bias = nullptr;      // [groups * outputs], or null
  const float* residual = nullptr;  // dims of Y, added before the activation, or null
  Activation activation = {};
  float* y = nullptr;
};
size_t ConvF32Workspace(const ConvShape& shape, int threads);
void ConvF32(const ConvF32Arguments& arguments, void* workspace, ThreadPool& pool);

// 8-bit integers: Y (int32) = sum of (X - x_zero) * (W - w_zero). Weights are packed as rows of GemmI8.
struct ConvI8Arguments {
  ConvShape shape;
  const void* x = nullptr;
  bool x_signed = false;
  int32_t x_zero_point = 0;
  const int16_t* packed_w = nullptr;  // PackRowsI8 of each group's [outputs, depth], one after the other
  // Called once for each finished block: rows [row, row + rows) of [groups * outputs] and positions [first, first +
  // columns) of image `image`, sums in `sums` (`stride` apart).
  struct Sink {
    virtual ~Sink() = default;
    virtual void Store(int64_t image, int64_t row, int64_t rows, int64_t first, int64_t columns, const int32_t* sums,
                       int64_t stride) const = 0;
  };
  const Sink* sink = nullptr;
};
size_t ConvI8Workspace(const ConvShape& shape, int threads);
void ConvI8(const ConvI8Arguments& arguments, void* workspace, ThreadPool& pool);

// Plain loops, for types without a kernel of their own (double).
template <class T>
void ConvGeneric(const ConvShape& shape, const T* x, const T* w, const T* bias, T* y, ThreadPool& pool);

}  // namespace sardonyx::kernels
