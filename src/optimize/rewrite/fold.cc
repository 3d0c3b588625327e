#include "optimize/rewrite/fold.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_set>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "ops/inference.h"

namespace sardonyx::optimize {
namespace {

bool IsRandom(const ir::Node& node) {
  static const std::set<std::string_view> kRandom = {"RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike",
                                                     "Multinomial",  "Bernoulli",     "Dropout"};
  return kRandom.contains(node.op_type);
}

bool IsFoldable(const ir::Node& node, bool dequantize) {
  if (node.op_type == "DequantizeLinear" && !dequantize) return false;
  if (IsRandom(node) || !ir::Subgraphs(node).empty() || node.outputs().empty()) return false;
  return std::all_of(node.inputs().begin(), node.inputs().end(),
                     [](const ir::Value* input) { return !input || (input->is_constant() && input->initializer()); });
}

Status Infer(ir::Model& model) {
  ops::InferenceOptions infer;
  infer.on_error = [](const ir::Graph&, const ir::Node*, const Status&) {};
  return ops::InferTypes(model, infer);
}

void SetConstant(ir::Value* value, const Tensor& tensor) {
  value->type = ir::Type::Tensor(tensor.dtype(), ir::Shape::Of(tensor.dims()));
  value->graph()->SetInitializer(value, ir::StoredTensor::Of(value->name(), tensor));
}

// Its uses end; large constants that only it read are freed at once: chains that compute weights would not fit otherwise.
void DropInputs(ir::Node& node) {
  constexpr uint64_t kLarge = 4096;
  const std::vector<ir::Value*> inputs = node.inputs();
  node.ResizeInputs(0);
  for (ir::Value* input : inputs)
    if (input && input->is_constant() && input->uses().empty() && !input->is_graph_output() && input->initializer() &&
        input->initializer()->byte_size() >= kLarge)
      input->graph()->RemoveInitializer(input);
}

// False where the node must stay.
bool FoldNode(const ir::Model& model, ir::Node& node, const Evaluator& evaluate) {
  std::vector<Value> inputs;
  for (const ir::Value* input : node.inputs()) {
    const std::optional<Tensor> tensor = ConstantTensor(input);
    if (input && !tensor) return false;
    inputs.push_back(tensor ? Value(*tensor) : Value());
  }
  StatusOr<std::vector<Value>> outputs = evaluate(model, node, inputs);
  if (!outputs.ok() || outputs->size() != node.outputs().size()) return false;
  for (size_t i = 0; i < outputs->size(); ++i)
    if (node.output(i) && !(*outputs)[i].is_tensor()) return false;
  inputs.clear();
  for (size_t i = 0; i < outputs->size(); ++i)
    if (node.output(i)) SetConstant(node.output(i), (*outputs)[i].tensor());
  DropInputs(node);
  return true;
}

size_t FoldGraph(const ir::Model& model, ir::Graph& graph, const Evaluator& evaluate, bool dequantize) {
  std::unordered_set<const ir::Node*> folded;
  std::vector<ir::Node*> nodes;
  for (const auto& node : graph.nodes()) nodes.push_back(node.get());
  size_t inner = 0;
  for (ir::Node* node : nodes) {
    for (const auto& [name, sub] : ir::Subgraphs(*node)) inner += FoldGraph(model, *sub, evaluate, dequantize);
    if (IsFoldable(*node, dequantize) && FoldNode(model, *node, evaluate)) folded.insert(node);
  }
  if (!folded.empty()) graph.RemoveNodes([&](const ir::Node& node) { return folded.contains(&node); });
  return folded.size() + inner;
}

std::optional<Tensor> KnownTensor(const ops::ValueFacts& facts, const ir::Type& type) {
  if (facts.constant) return facts.constant;
  if (!facts.elements || !type.is_tensor() || !type.shape || type.shape->rank() > 1) return std::nullopt;
  std::vector<int64_t> numbers;
  for (const ir::Dim& dim : *facts.elements) {
    if (!dim.is_constant()) return std::nullopt;
    numbers.push_back(dim.value());
  }
  const Dims dims = type.shape->rank() == 0 ? Dims{} : Dims{static_cast<int64_t>(numbers.size())};
  if (static_cast<int64_t>(numbers.size()) != dims.num_elements()) return std::nullopt;
  if (type.dtype == DataType::kInt64) return Tensor::From(dims, numbers);
  if (type.dtype == DataType::kInt32) return Tensor::From(dims, std::vector<int32_t>(numbers.begin(), numbers.end()));
  return std::nullopt;
}

// Sizes that inference knows. Values of subgraphs may differ from one evaluation to the next, and stay.
StatusOr<size_t> FoldSizes(ir::Model& model) {
  ops::InferenceOptions infer;
  infer.on_error = [](const ir::Graph&, const ir::Node*, const Status&) {};
  ASSIGN_OR_RETURN(const ops::InferenceResult result, ops::InferFacts(model, infer));
  std::unordered_set<const ir::Node*> folded;
  for (const auto& node : model.graph->nodes()) {
    if (node->outputs().size() != 1 || !node->output(0) || node->op_type == "DequantizeLinear" || IsRandom(*node)) continue;
    ir::Value* output = node->output(0);
    const auto facts = result.facts.find(output);
    if (facts == result.facts.end()) continue;
    const std::optional<Tensor> tensor = KnownTensor(facts->second, output->type);
    if (!tensor) continue;
    SetConstant(output, *tensor);
    DropInputs(*node);
    folded.insert(node.get());
  }
  if (!folded.empty()) model.graph->RemoveNodes([&](const ir::Node& node) { return folded.contains(&node); });
  return folded.size();
}

size_t RemoveDead(ir::Graph& graph) {
  std::unordered_set<const ir::Node*> dead;
  const auto is_dead = [&](const ir::Node& node) {
    return std::all_of(node.outputs().begin(), node.outputs().end(), [&](const ir::Value* output) {
      return !output || (!output->is_graph_output() && std::all_of(output->uses().begin(), output->uses().end(), [&](const ir::Use& use) {
                           return dead.contains(use.node);
                         }));
    });
  };
  size_t inner = 0;
  for (size_t i = graph.nodes().size(); i-- > 0;) {
    const ir::Node& node = *graph.nodes()[i];
    if (is_dead(node)) {
      dead.insert(&node);
      continue;
    }
    for (const auto& [name, sub] : ir::Subgraphs(node)) inner += RemoveDead(*sub);
  }
  if (dead.empty()) return inner;
  graph.RemoveNodes([&](const ir::Node& node) { return dead.contains(&node); });
  graph.RemoveUnusedValues();
  return dead.size() + inner;
}

// What two nodes must share to compute the same; empty for nodes that are never shared.
std::string KeyOf(const ir::Node& node) {
  if (IsRandom(node) || !ir::Subgraphs(node).empty()) return "";
  std::string key = fmt::format("{}.{}.{}.{}", node.domain, node.op_type, node.overload, node.opset_version);
  for (const ir::Value* input : node.inputs()) key += fmt::format(" {}", static_cast<const void*>(input));
  std::map<std::string_view, std::string> attributes;
  for (const ir::Attribute& attribute : node.attributes()) {
    std::string text;
    if (const auto* i = std::get_if<int64_t>(&attribute.value))
      text = fmt::format("{}", *i);
    else if (const auto* f = std::get_if<float>(&attribute.value))
      text = fmt::format("{:a}", *f);
    else if (const auto* s = std::get_if<std::string>(&attribute.value))
      text = *s;
    else if (const auto* ints = std::get_if<std::vector<int64_t>>(&attribute.value))
      text = fmt::format("{}", fmt::join(*ints, ","));
    else
      return "";
    attributes[attribute.name] = fmt::format("{}:{}", static_cast<int>(attribute.type), text);
  }
  for (const auto& [name, text] : attributes) key += fmt::format("\n{}={}", name, text);
  return key;
}

size_t ShareEqual(ir::Graph& graph) {
  std::unordered_map<std::string, ir::Node*> first;
  std::unordered_set<const ir::Node*> dead;
  for (const auto& node : graph.nodes()) {
    const std::string key = KeyOf(*node);
    if (key.empty()) continue;
    const auto [it, is_new] = first.emplace(key, node.get());
    if (is_new || it->second->outputs().size() != node->outputs().size()) continue;
    bool replaced = true;
    for (size_t i = 0; i < node->outputs().size(); ++i) {
      ir::Value *output = node->output(i), *same = it->second->output(i);
      if (!output) continue;
      if (same && !output->is_graph_output())
        graph.ReplaceUses(output, same);
      else
        replaced = replaced && output->uses().empty() && !output->is_graph_output();
    }
    if (replaced) dead.insert(node.get());
  }
  if (dead.empty()) return 0;
  graph.RemoveNodes([&](const ir::Node& node) { return dead.contains(&node); });
  graph.RemoveUnusedValues();
  return dead.size();
}

}  // namespace

StatusOr<size_t> FoldConstants(ir::Model& model, const PassOptions& options) {
  size_t total = 0;
  // Folded constants may make sizes known, and sizes may make nodes constant.
  for (int round = 0; round < 4; ++round) {
    size_t count = options.evaluate ? FoldGraph(model, *model.graph, options.evaluate, false) : 0;
    if (round > 0 && count == 0) break;
    if (count > 0) RETURN_IF_ERROR(Infer(model));
    ASSIGN_OR_RETURN(const size_t sizes, FoldSizes(model));
    total += count + sizes;
    if (sizes == 0) break;
  }
  if (total > 0) model.graph->RemoveUnusedValues();
  return total;
}

StatusOr<size_t> FoldDequantized(ir::Model& model, const PassOptions& options) {
  const size_t count = options.evaluate ? FoldGraph(model, *model.graph, options.evaluate, true) : 0;
  if (count > 0) model.graph->RemoveUnusedValues();
  return count;
}

StatusOr<size_t> RemoveDeadNodes(ir::Model& model, const PassOptions&) { return RemoveDead(*model.graph); }

StatusOr<size_t> ShareEqualNodes(ir::Model& model, const PassOptions&) { return ShareEqual(*model.graph); }

}  // namespace sardonyx::optimize
