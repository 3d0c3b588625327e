// What the conversion of a graph with its subgraphs shares: what is known of values, fresh names, and what is to go.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "ir/model.h"
#include "ops/inference.h"

namespace sardonyx::optimize::version {

class Workspace {
 public:
  // `root` is the model's main graph, the body of a function or a graph of training.
  Workspace(ir::Model& model, ir::Graph& root);

  ir::Model& model() { return model_; }
  ir::Graph& root() { return root_; }

  // The value when it is a constant: an initializer, a Constant node's output, or what inference finds to be one.
  std::optional<Tensor> Constant(const ir::Value* value) const;
  // The elements of a small integer tensor as far as inference knows them, symbolic ones too; null if not even their number.
  const std::vector<ir::Dim>* Elements(const ir::Value* value) const;
  // Infers types and constants of the main graph. Called between rounds once nodes were added.
  void Infer();

  // A name that no value of the root graph and its subgraphs has: `base`, or with a number behind it.
  std::string FreshName(std::string_view base);

  // Remembers that `added` stands for `node`, or for what that stands for itself.
  void Derive(const ir::Node* added, const ir::Node& node) { origins_[added] = OriginOf(node); }
  // The label of the node of the file that `node` is or stands for.
  std::string OriginOf(const ir::Node& node) const;
  bool IsDerived(const ir::Node& node) const { return origins_.contains(&node); }
  size_t derived() const { return origins_.size(); }

  // The node goes at the end of the round; it no longer reads or defines anything then.
  void Remove(ir::Node* node) { dead_.insert(node); }
  bool IsRemoved(const ir::Node* node) const { return dead_.contains(node); }
  // The value may have lost its last reader: if it is a constant it goes too.
  void MaybeUnused(ir::Value* value) { maybe_unused_.insert(value); }
  // Carries both out.
  void Sweep();

 private:
  void CollectNames(const ir::Graph& graph);
  void SweepGraph(ir::Graph& graph);

  ir::Model& model_;
  ir::Graph& root_;
  std::unordered_map<const ir::Value*, ops::ValueFacts> facts_;
  std::unordered_set<std::string> names_;
  std::unordered_map<std::string, int> suffixes_;  // the next number to try behind a base
  std::unordered_map<const ir::Node*, std::string> origins_;
  std::unordered_set<const ir::Node*> dead_;
  std::unordered_set<ir::Value*> maybe_unused_;
};

// The outermost graph around `graph`.
const ir::Graph* Outermost(const ir::Graph* graph);

}  // namespace sardonyx::optimize::version
