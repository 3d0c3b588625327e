// Cycles among the nodes of a graph.
#pragma once

#include <vector>

#include "ir/graph.h"

namespace sardonyx::check {

// Nodes of each cycle in the order in which they feed each other, one cycle for every knot (strongly connected set of
// nodes). A node also depends on what the graphs inside it read. Takes time in proportion to the graph.
std::vector<std::vector<const ir::Node*>> FindCycles(const ir::Graph& graph);

}  // namespace sardonyx::check
