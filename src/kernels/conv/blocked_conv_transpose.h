// ConvTranspose of float tensors in blocks of 16 channels. Outputs whose place modulo the stride is the same see the same positions of the
// kernel: for each such phase it is a direct convolution of stride 1 with some of the kernel's positions, whose outputs lie a stride apart.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/conv/blocked_conv.h"
#include "kernels/conv/conv_transpose.h"

namespace sardonyx::kernels {

// W [groups * channels, outputs, kernel...] packed phase by phase as PackBlockedWeights does: as many floats as
// PackedBlockedWeightsSize says for the whole kernel. `window` is ConvTransposeShape's; only its kernel, strides and dilations count.
void PackBlockedTransposeWeights(const Window& window, const float* w, int64_t groups, int64_t outputs, int64_t channels, float* out);

struct BlockedConvTransposeArguments {
  ConvTransposeShape shape;  // of at most three spatial axes
  const float* x = nullptr;
  const float* weights = nullptr;  // PackBlockedTransposeWeights
  const float* bias = nullptr;     // of whole blocks, or null
  float* y = nullptr;
};
size_t BlockedConvTransposeWorkspace(const ConvTransposeShape& shape, int threads);
void BlockedConvTranspose(const BlockedConvTransposeArguments& arguments, void* workspace, ThreadPool& pool);

}  // namespace sardonyx::kernels
