// Kernels that keep tensors in blocks of 16 channels (runtime/layout.h), so that networks of convolutions stay blocked from end to end.
#pragma once

#include <optional>

#include "kernels/conv/blocked_tile.h"
#include "providers/cpu/registry.h"

namespace sardonyx::cpu {

// Parts of BlockedKernels(), whose rows stand before those of all families. They decline where no input is blocked.
std::span<const KernelEntry> BlockedElementwiseKernels();  // unary, binary, variadic operators
std::span<const KernelEntry> BlockedPoolKernels();         // MaxPool, AveragePool, Global*, ReduceMean over positions
std::span<const KernelEntry> BlockedChannelKernels();      // BatchNormalization, Concat, Split

inline bool IsBlocked(const NodeInfo& node, size_t i) { return node.has_input(i) && node.input_layout(i) == Layout::kNchw16c; }

// A float tensor with channels whose number is known, or nullopt.
struct BlockedType {
  size_t rank;
  int64_t channels;
};
std::optional<BlockedType> KnownChannels(const NodeInfo& node, size_t i);

// A blocked tensor as what it is in memory: [N, C / 16, spatial..., 16].
TensorView PhysicalView(const TensorView& view);
Dims PhysicalDims(const Dims& dims);

// The kernel that a node would have if nothing were blocked.
StatusOr<std::unique_ptr<Kernel>> CreatePlainKernel(const NodeInfo& node);

}  // namespace sardonyx::cpu
