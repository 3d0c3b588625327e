// Some nodes of a graph as a model of their own.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "ir/model.h"

namespace sardonyx::delegate {

struct GroupModel {
  std::unique_ptr<ir::Model> model;
  // What it reads from outside and what is read outside of it: its inputs and outputs, under the same names.
  std::vector<const ir::Value*> inputs, outputs;
};

// `nodes` of `graph`, in its order. Constants that they read come along (their data is shared), other values become inputs.
GroupModel MakeGroupModel(const ir::Model& model, const ir::Graph& graph, std::span<const ir::Node* const> nodes);

}  // namespace sardonyx::delegate
