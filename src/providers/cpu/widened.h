// Runs nodes of float16 and bfloat16 by the kernels of float.
//
// The kernel is made for a node whose narrow inputs and outputs are float (constants too, so it may pack them); each run
// widens its inputs and rounds its outputs once. So a heavy kernel accumulates in float and is written once.
#pragma once

#include "providers/cpu/registry.h"

namespace sardonyx::cpu {

using CreateFunction = StatusOr<std::unique_ptr<Kernel>> (*)(const NodeInfo& node);

// The kernel that `create` makes for this node, behind conversions if an input or output is float16 or bfloat16.
StatusOr<std::unique_ptr<Kernel>> CreateWidened(const NodeInfo& node, CreateFunction create);

// For KernelEntry::create: {"", "Conv", "gemm", AcceptsAll, Widened<CreateConv>}.
template <CreateFunction create>
StatusOr<std::unique_ptr<Kernel>> Widened(const NodeInfo& node) {
  return CreateWidened(node, create);
}

}  // namespace sardonyx::cpu
