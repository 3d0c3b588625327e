// The order in which a graph's nodes are inferred.
#pragma once

#include <vector>

#include "ir/graph.h"

namespace sardonyx::ops::infer {

struct NodeOrder {
  std::vector<ir::Node*> nodes;   // producers before consumers, otherwise as in the file
  std::vector<ir::Node*> cyclic;  // nodes that (transitively) read their own output: they stand in `nodes` all the same
};

// A node depends on what its subgraphs capture as well. Linear in the graph's size times the nesting of subgraphs; no
// recursion over the length of the graph.
NodeOrder OrderNodes(const ir::Graph& graph);

}  // namespace sardonyx::ops::infer
