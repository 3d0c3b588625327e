// The transforms of Winograd's convolution, one patch and one block of channels at a time. Internal to winograd.cc.
//
// Y = A'((G w G') * (B' x B)) A, by Toom and Cook's interpolation. F(2) takes the points 0, 1, -1 and infinity, F(4) 0, 5/8, -5/8, 3/2,
// -3/2 and infinity: near 1 both ways, so that powers stay small, and exact in binary. (The more usual 0, 1, -1, 2, -2 cost a digit more.)
#pragma once

#include <cstdint>

#include "kernels/gemm/activation.h"

namespace sardonyx::kernels {

inline constexpr int kMaxPatch = 6;
inline constexpr float kPointA = 0.625f, kPointB = 1.5f;  // of F(4)

// Patch of (m + 2)^2 positions, 16 channels each, `row_stride` floats from row to row; element i of the result at to[i * stride].
void TransformWinogradInput(int m, const float* patch, int64_t row_stride, float* to, int64_t stride);

// The outputs of a patch from its products, element i at from[i * stride].
struct WinogradOutput {
  const float* from;
  int64_t stride;
  int64_t rows, columns;   // inside the image, of m x m
  const float* bias;       // 16, or null
  const float* residual;   // laid out as y, or null
  const Activation* activation;
  float* y;
  int64_t row_stride;  // floats
};
void TransformWinogradOutput(int m, const WinogradOutput& output);

// G w G' of the 3x3 kernels of 16 outputs, w[k * 16 + output]; element i at to[i * stride]. In double: weights are rounded once.
void TransformWinogradKernels(int m, const float* w, float* to, int64_t stride);

}  // namespace sardonyx::kernels
