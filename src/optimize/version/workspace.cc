#include "optimize/version/workspace.h"

#include <algorithm>

#include <fmt/format.h>

namespace sardonyx::optimize::version {
namespace {

// The tensor that a Constant node holds.
std::optional<Tensor> ConstantOf(const ir::Node& node) {
  if (node.op_type != "Constant" || !ir::NormalDomain(node.domain).empty() || node.attributes().size() != 1) return std::nullopt;
  const ir::Attribute& attribute = node.attributes()[0];
  if (!attribute.ref_attr_name.empty()) return std::nullopt;
  if (const auto* tensor = std::get_if<ir::StoredTensor>(&attribute.value)) {
    StatusOr<Tensor> decoded = tensor->ToTensor();
    return decoded.ok() ? std::optional(*std::move(decoded)) : std::nullopt;
  }
  if (const auto* value = std::get_if<int64_t>(&attribute.value)) return Tensor::Scalar<int64_t>(*value);
  if (const auto* value = std::get_if<float>(&attribute.value)) return Tensor::Scalar<float>(*value);
  if (const auto* values = std::get_if<std::vector<int64_t>>(&attribute.value))
    return Tensor::From<int64_t>({static_cast<int64_t>(values->size())}, *values);
  if (const auto* values = std::get_if<std::vector<float>>(&attribute.value))
    return Tensor::From<float>({static_cast<int64_t>(values->size())}, *values);
  return std::nullopt;
}

// The tensor when every element is known.
std::optional<Tensor> FromElements(const ops::ValueFacts& facts) {
  if (!facts.elements || !facts.type.is_tensor() || !facts.type.shape || facts.type.dtype != DataType::kInt64) return std::nullopt;
  std::vector<int64_t> values;
  for (const ir::Dim& dim : *facts.elements) {
    if (!dim.is_constant()) return std::nullopt;
    values.push_back(dim.value());
  }
  const std::optional<Dims> dims = facts.type.shape->concrete();
  if (!dims || dims->num_elements() != static_cast<int64_t>(values.size())) return std::nullopt;
  return Tensor::From<int64_t>(*dims, values);
}

}  // namespace

const ir::Graph* Outermost(const ir::Graph* graph) {
  while (graph->outer()) graph = graph->outer();
  return graph;
}

Workspace::Workspace(ir::Model& model, ir::Graph& root) : model_(model), root_(root) { CollectNames(root); }

void Workspace::CollectNames(const ir::Graph& graph) {
  for (const auto& value : graph.values()) names_.insert(value->name());
  for (const auto& node : graph.nodes())
    for (const auto& [name, sub] : ir::Subgraphs(*node)) CollectNames(*sub);
}

std::optional<Tensor> Workspace::Constant(const ir::Value* value) const {
  if (!value) return std::nullopt;
  if (value->initializer()) {
    if (!value->is_constant()) return std::nullopt;
    StatusOr<Tensor> tensor = value->initializer()->ToTensor();
    return tensor.ok() ? std::optional(tensor->Aligned()) : std::nullopt;
  }
  if (value->producer() && !IsRemoved(value->producer())) {
    if (std::optional<Tensor> tensor = ConstantOf(*value->producer())) return tensor->Aligned();
  }
  const auto facts = facts_.find(value);
  if (facts == facts_.end()) return std::nullopt;
  return facts->second.constant ? std::optional(facts->second.constant->Aligned()) : FromElements(facts->second);
}

const std::vector<ir::Dim>* Workspace::Elements(const ir::Value* value) const {
  const auto facts = facts_.find(value);
  return facts != facts_.end() && facts->second.elements ? &*facts->second.elements : nullptr;
}

void Workspace::Infer() {
  if (model_.graph.get() != &root_) return;  // the values of functions have the types of each call
  ops::InferenceOptions options;
  options.on_error = [](const ir::Graph&, const ir::Node*, const Status&) {};  // the check of the result reports
  StatusOr<ops::InferenceResult> result = ops::InferFacts(model_, options);
  if (result.ok()) facts_ = std::move(result->facts);
}

std::string Workspace::FreshName(std::string_view base) {
  std::string name(base);
  for (int& suffix = suffixes_[name]; !names_.insert(name).second;) name = fmt::format("{}_{}", base, ++suffix);
  return name;
}

std::string Workspace::OriginOf(const ir::Node& node) const {
  const auto origin = origins_.find(&node);
  return origin == origins_.end() ? node.Label() : origin->second;
}

void Workspace::Sweep() {
  SweepGraph(root_);
  dead_.clear();
  std::unordered_set<const ir::Node*> constants;
  for (ir::Value* value : maybe_unused_) {
    if (!value->uses().empty() || value->is_graph_output() || value->is_graph_input()) continue;
    if (value->initializer()) value->graph()->RemoveInitializer(value);
    if (value->producer() && value->producer()->op_type == "Constant") dead_.insert(value->producer());
  }
  maybe_unused_.clear();
  if (!dead_.empty()) SweepGraph(root_);
  dead_.clear();
}

void Workspace::SweepGraph(ir::Graph& graph) {
  for (const auto& node : graph.nodes())
    if (!dead_.contains(node.get()))
      for (const auto& [name, sub] : ir::Subgraphs(*node)) SweepGraph(*sub);
  const bool any = std::any_of(graph.nodes().begin(), graph.nodes().end(), [&](const auto& node) { return dead_.contains(node.get()); });
  if (any) graph.RemoveNodes([&](const ir::Node& node) { return dead_.contains(&node); });
}

}  // namespace sardonyx::optimize::version
