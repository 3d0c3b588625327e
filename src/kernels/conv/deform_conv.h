// DeformConv: a convolution whose kernel positions are moved by an input.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "kernels/conv/conv.h"

namespace sardonyx::kernels {

// offset: [batch, offset_groups * kernel * rank, output...]; mask (or null): [batch, offset_groups * kernel, output...].
// Samples outside of X are zero; fractional positions are interpolated linearly. T: float, double.
template <class T>
size_t DeformConvWorkspace(const ConvShape& shape);
template <class T>
void DeformConv(const ConvShape& shape, int64_t offset_groups, const T* x, const T* w, const T* offset, const T* bias, const T* mask, T* y,
                void* workspace, ThreadPool& pool);

// Causal depthwise convolution over time (CausalConvWithState): x, y [batch, channels, length]; w [channels, kernel]; past
// and present [batch, channels, kernel - 1]; bias and past may be null. y is activated by SiLU if asked for.
void CausalConv(int64_t batch, int64_t channels, int64_t length, int64_t kernel, const float* x, const float* w, const float* bias,
                const float* past, bool silu, float* y, float* present, ThreadPool& pool);

}  // namespace sardonyx::kernels
