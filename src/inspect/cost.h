// The arithmetic of a node: multiply-accumulates and floating point operations, from the shapes of its values.
#pragma once

#include "inspect/sizes.h"
#include "ir/graph.h"

namespace sardonyx::inspect {

struct Cost {
  uint64_t macs = 0;   // multiply-accumulates of the matrix operators
  uint64_t flops = 0;  // all operations; a multiply-accumulate is two
  bool known = true;   // false: nothing is known of the operator, or a shape that matters is missing
};

// Of one run of the node. If counts its dearer branch; Loop and Scan count their body times the number of rounds, where that
// is known, else once.
Cost CostOf(const ir::Node& node, const Sizes& sizes);
Cost CostOf(const ir::Graph& graph, const Sizes& sizes);

}  // namespace sardonyx::inspect
