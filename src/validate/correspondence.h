// Which values of two models stand for each other.
#pragma once

#include <utility>
#include <vector>

#include "ir/model.h"

namespace sardonyx::validate {

struct Correspondence {
  bool by_name = true;
  // (candidate, reference): tensors that nodes of the main graphs give, in the candidate's topological order.
  std::vector<std::pair<const ir::Value*, const ir::Value*>> pairs;
  size_t without_counterpart = 0;  // values of the candidate
};

// By name, where at least a quarter of the candidate's values have a namesake; else the longest sequence of nodes that both
// models have in their order, equal in operator, output shape as far as inferred, and shapes of their weights. Types must have
// been inferred (ops::InferTypes), and nodes sorted.
Correspondence FindCorrespondence(const ir::Graph& candidate, const ir::Graph& reference);

}  // namespace sardonyx::validate
