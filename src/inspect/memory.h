// How much memory a run's intermediate tensors need at least.
#pragma once

#include <unordered_set>

#include "inspect/sizes.h"
#include "ir/graph.h"

namespace sardonyx::inspect {

struct PeakMemory {
  uint64_t bytes = 0;              // the most that is alive at once: inputs, outputs and intermediates, not weights
  const ir::Node* node = nullptr;  // while which this is so
  uint64_t total_bytes = 0;        // the sum of all of them: what a run without reuse would take
  bool complete = true;            // false: some value has no known size
};

// What is computed from weights alone counts as weights. Nodes run in the order of the file; a tensor lives from the node
// that makes it to the last one that reads it; what only renames data (Reshape, Identity, ...) takes none. The bodies of
// control flow need theirs while their node runs.
PeakMemory PlanPeakMemory(const ir::Graph& graph, const Sizes& sizes, int64_t ir_version);

// Nodes whose outputs never change: they read only initializers and outputs of such nodes, are deterministic and hold no
// subgraph. A runtime computes them once, at load; DequantizeLinear, which undoes the compression of weights, only where
// `dequantized` says so. Before IR version 4 every initializer had to be an input as well; later such an input's
// initializer is a default that a run may replace.
std::unordered_set<const ir::Node*> ConstantNodes(const ir::Graph& graph, int64_t ir_version, bool dequantized = false);

}  // namespace sardonyx::inspect
