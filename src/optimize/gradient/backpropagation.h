// Reverse-mode differentiation of a list of nodes.
#pragma once

#include <functional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "ir/model.h"
#include "optimize/gradient/term.h"
#include "sardonyx/status.h"

namespace sardonyx::optimize {

// Carries gradients from the values that are seeded back to `sources`, along values of floating-point type. If is
// differentiated branch by branch, Scan and Loop become a Scan that runs backwards.
class Backpropagation {
 public:
  // model: for opset imports.
  Backpropagation(const ir::Model& model, Emitter& emitter, const std::vector<ir::Value*>& sources);

  void Seed(ir::Value* value, const Term& gradient) { gradients_[value].push_back(gradient); }
  // nodes: those between the sources and what is seeded, producers first; others do no harm. kUnsupported, naming every node
  // whose operator has no derivative.
  Status Run(const std::vector<ir::Node*>& nodes);
  // The sum of what arrived at a source; empty if nothing did.
  Term Gradient(ir::Value* source);

  // Whether a derivative of the node's operator is known.
  static bool Knows(const ir::Node& node);

 private:
  Status CheckOperators(const std::vector<ir::Node*>& nodes) const;
  Status Differentiate(ir::Node& node);
  Status DifferentiateIf(ir::Node& node, const std::vector<Term>& dys);
  Status DifferentiateLoop(ir::Node& node, const std::vector<Term>& dys);  // Scan too; in loops.cc
  // Adds to the gradient of a value; dropped if nobody wants it.
  void Give(ir::Value* value, const Term& gradient) {
    if (active_.contains(value)) gradients_[value].push_back(gradient);
  }
  StatusOr<std::shared_ptr<ir::Graph>> DifferentiateBranch(const ir::Graph& branch, ir::Node* owner, const std::vector<Term>& dys,
                                                           const std::vector<ir::Value*>& captured);

  const ir::Model& model_;
  Emitter& emitter_;
  std::unordered_set<const ir::Value*> active_;  // sources and what depends on them
  std::unordered_map<const ir::Value*, std::vector<Term>> gradients_;
};

// Values of outer graphs that the subgraphs of `node` use, each once.
std::vector<ir::Value*> CapturedValues(const ir::Node& node);

}  // namespace sardonyx::optimize
