// Parts of ConvolutionKernels(), one list a file.
#pragma once

#include "kernels/conv/conv_transpose.h"
#include "kernels/conv/window.h"
#include "kernels/gemm/activation.h"
#include "providers/cpu/registry.h"

namespace sardonyx::cpu {

std::span<const KernelEntry> ConvKernels();           // Conv, ConvTranspose, FusedConv, DeformConv, Col2Im, CausalConvWithState
std::span<const KernelEntry> BlockedConvKernels();    // Conv and FusedConv of floats in blocks of channels
std::span<const KernelEntry> ExpandedConvKernels();   // PointwiseDepthwiseConv
std::span<const KernelEntry> QuantizedConvKernels();  // ConvInteger, QLinearConv
std::span<const KernelEntry> PoolKernels();           // MaxPool, AveragePool, LpPool, Global*, MaxUnpool, MaxRoiPool, RoiAlign
std::span<const KernelEntry> ResizeKernels();         // Resize, Upsample, GridSample, AffineGrid

// auto_pad, strides, dilations, pads and ceil_mode of a node.
StatusOr<kernels::WindowAttributes> ReadWindowAttributes(const NodeInfo& node);

// What a ConvTranspose says of itself.
struct ConvTransposeNode {
  kernels::ConvTransposeAttributes attributes;
  std::vector<int64_t> kernel_shape;
  int64_t groups = 1;
};
StatusOr<ConvTransposeNode> ReadConvTranspose(const NodeInfo& node);

// What a FusedConv ends with; none for a Conv. kUnsupported for a name that there is no activation of. The attributes' names may have
// a prefix.
StatusOr<kernels::Activation> ReadConvActivation(const NodeInfo& node, std::string_view prefix = "");

}  // namespace sardonyx::cpu
