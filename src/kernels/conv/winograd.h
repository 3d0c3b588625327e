// Winograd's convolution for 3x3 kernels of stride 1 on tensors in blocks of 16 channels (blocked_tile.h): F(m x m, 3 x 3) computes m x m
// outputs from a patch of m + 2 with (m + 2)^2 products for each pair of channels instead of 9 m^2. A. Lavin, S. Gray, "Fast Algorithms
// for Convolutional Neural Networks" (2015).
//
// F(4x4) saves a factor of 4 at most, F(2x2) 2.25; but the weights take 4 and 1.8 times the memory, and outputs differ from those of the
// plain sum by more than its rounding: for F(4x4) by about 1e-6 of the largest magnitude, which winograd_test.cc bounds. An infinity or NaN
// makes all outputs of its patches NaN, not only those that see it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/conv/conv.h"

namespace sardonyx::kernels {

// Of m: outputs on each side of a patch. kNone: the direct convolution is faster, or the only one.
enum class Winograd : int { kNone = 0, k2 = 2, k4 = 4 };

// The form that is estimated to be fastest for these shapes.
Winograd ChooseWinograd(const ConvShape& shape);

// W [outputs, channels, 3, 3], transformed: [(m + 2)^2, blocks of outputs, channels, 16], missing outputs zero.
int64_t WinogradWeightsSize(Winograd form, int64_t outputs, int64_t channels);
void TransformWinogradWeights(Winograd form, const float* w, int64_t outputs, int64_t channels, float* out, ThreadPool& pool);

struct WinogradArguments {
  Winograd form = Winograd::k4;
  ConvShape shape;  // one group; 3x3, strides and dilations 1
  const float* x = nullptr;
  const float* weights = nullptr;   // TransformWinogradWeights
  const float* bias = nullptr;      // of whole blocks, or null
  const float* residual = nullptr;  // laid out as y, or null; may be y
  Activation activation = {};
  float* y = nullptr;
};
size_t WinogradWorkspace(Winograd form, const ConvShape& shape, int threads);
void WinogradConv(const WinogradArguments& arguments, void* workspace, ThreadPool& pool);

}  // namespace sardonyx::kernels
