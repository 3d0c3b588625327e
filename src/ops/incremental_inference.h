// Inference while a graph is being built: node by node, in the order in which they are added.
#pragma once

#include <memory>

#include "ops/inference.h"

namespace sardonyx::ops {

// Neither nodes nor values that were inferred may be deleted while this lives: facts are kept by address.
class IncrementalInference {
 public:
  explicit IncrementalInference(ir::Model& model);
  ~IncrementalInference();
  IncrementalInference(const IncrementalInference&) = delete;
  IncrementalInference& operator=(const IncrementalInference&) = delete;

  // For values that no node gives: an input, an initializer (whose tensor is decoded when an operator asks for it).
  void SetFacts(ir::Value* value, ValueFacts facts);
  void SetInitializer(ir::Value* value);
  // Infers the node's outputs from its inputs, and its subgraphs anew. The error does not name the node's inputs' names.
  Status Infer(const ir::Node& node);
  // What the source says of a value that was inferred: refines its type, also when a subgraph is inferred again.
  void Declare(ir::Value* value, const ir::Type& type);

  // With the constant decoded if it is small.
  const ValueFacts& facts(const ir::Value* value);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sardonyx::ops
