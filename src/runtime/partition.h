// Which nodes run together as one unit, because a provider claimed them, and in which order units run.
#pragma once

#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "runtime/provider.h"

namespace sardonyx::runtime {

// One node, or the nodes of one claim.
struct Unit {
  std::vector<const ir::Node*> nodes;
  const Provider* provider = nullptr;  // null: node by node
  // Of a claim: what it reads from outside (initializers that cannot be overridden are left to the provider), and what is
  // read outside of it.
  std::vector<const ir::Value*> inputs;
  std::vector<const ir::Value*> outputs;
};

// The units of the `live` nodes of a graph (whose nodes are in topological order), in an order in which each finds its inputs
// computed. Providers claim in order of preference; none sees a node that an earlier one claimed or has an operator for.
// kInternal for a claim that is not sound: nodes of another graph, claimed twice, or not convex (a path leaves and enters it).
StatusOr<std::vector<Unit>> Partition(const ir::Graph& graph, const std::unordered_set<const ir::Node*>& live,
                                      std::span<const std::shared_ptr<Provider>> providers, const ir::Model& model, int threads);

// Every value that a node reads, its subgraphs' captures among them.
void ForEachRead(const ir::Node& node, const std::function<void(const ir::Value&)>& visit);

}  // namespace sardonyx::runtime
