// Parts of ConvolutionKernels(), one list a file.
#pragma once

#include "kernels/conv/window.h"
#include "providers/cpu/registry.h"

namespace sardonyx::cpu {

std::span<const KernelEntry> ConvKernels();           // Conv, ConvTranspose, FusedConv, DeformConv, Col2Im, CausalConvWithState
std::span<const KernelEntry> QuantizedConvKernels();  // ConvInteger, QLinearConv
std::span<const KernelEntry> PoolKernels();           // MaxPool, AveragePool, LpPool, Global*, MaxUnpool, MaxRoiPool, RoiAlign
std::span<const KernelEntry> ResizeKernels();         // Resize, Upsample, GridSample, AffineGrid

// auto_pad, strides, dilations, pads and ceil_mode of a node.
StatusOr<kernels::WindowAttributes> ReadWindowAttributes(const NodeInfo& node);

}  // namespace sardonyx::cpu
