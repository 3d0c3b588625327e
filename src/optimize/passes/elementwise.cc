#include "optimize/passes/elementwise.h"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

#include "optimize/passes/conditions.h"

namespace sardonyx::optimize {
namespace {

bool IsOneOf(std::string_view op, std::initializer_list<std::string_view> list) { return std::find(list.begin(), list.end(), op) != list.end(); }

bool IsUnary(std::string_view op) {
  return IsOneOf(op, {"Abs", "Neg", "Relu", "Sqrt", "Exp", "Log", "Erf", "Reciprocal", "Sigmoid", "Tanh", "LeakyRelu", "Elu", "Swish",
                      "HardSwish", "HardSigmoid", "Gelu", "Softplus", "Floor", "Ceil"});
}
bool IsBinary(std::string_view op) { return IsOneOf(op, {"Add", "Sub", "Mul", "Div", "Pow"}); }

bool IsFloat(const ir::Value* value) { return value && value->type.is_tensor() && value->type.dtype == DataType::kFloat; }

// Broadcasting by attribute (before opset 7) is another operator.
bool IsElementwise(const ir::Model& model, const ir::Node& node) {
  if (!ir::NormalDomain(node.domain).empty() || node.outputs().size() != 1 || !IsFloat(node.output(0))) return false;
  if ((node.opset_version ? node.opset_version : model.OpsetVersion("")) < 7) return false;
  if (IsUnary(node.op_type)) return node.inputs().size() == 1 && IsFloat(node.input(0)) && node.GetString("approximate", "none") == "none";
  return IsBinary(node.op_type) && node.inputs().size() == 2 && IsFloat(node.input(0)) && IsFloat(node.input(1));
}

bool KeepsBlocks(const ir::Node* node) {
  return node && IsOneOf(node->op_type, {"Conv", "FusedConv", "ConvTranspose", "PointwiseDepthwiseConv", "MaxPool", "AveragePool",
                                         "GlobalAveragePool", "BatchNormalization"});
}

bool IsNextToConvolution(const std::vector<ir::Node*>& chain) {
  for (const ir::Node* node : chain)
    for (const ir::Value* input : node->inputs())
      if (KeepsBlocks(input->producer())) return true;
  const ir::Value* output = chain.back()->output(0);
  return std::any_of(output->uses().begin(), output->uses().end(), [](const ir::Use& use) { return KeepsBlocks(use.node); });
}

// The input along which the chain runs: one of the result's shape, what came before if there is something.
std::optional<size_t> MainInput(const ir::Node& node, const ir::Value* before) {
  for (size_t i = 0; i < node.inputs().size(); ++i)
    if (before ? node.input(i) == before : SameShape(node.input(i), node.output(0))) return i;
  return std::nullopt;
}

std::vector<ir::Node*> ChainFrom(const ir::Model& model, ir::Node* node) {
  std::vector<ir::Node*> chain = {node};
  constexpr size_t kMaxChain = 16;
  while (chain.size() < kMaxChain) {
    const ir::Value* output = chain.back()->output(0);
    if (output->is_graph_output() || output->uses().size() != 1) break;
    ir::Node* next = output->uses()[0].node;
    if (next->graph() != node->graph() || !IsElementwise(model, *next) || !SameShape(output, next->output(0))) break;
    chain.push_back(next);
  }
  return chain;
}

float Parameter(const ir::Node& node, size_t i) {
  if (i == 1) return node.GetFloat("beta", 0.5f);
  return node.GetFloat("alpha", node.op_type == "LeakyRelu" ? 0.01f : node.op_type == "HardSigmoid" ? 0.2f : 1.0f);
}

// The fused node before the last one of the chain, which it replaces.
void Fuse(ir::Graph& graph, const std::vector<ir::Node*>& chain) {
  size_t position = 0;
  while (graph.nodes()[position].get() != chain.back()) ++position;
  ir::Node* fused = graph.InsertNode(position, "Elementwise", "sardonyx");
  fused->opset_version = 1;
  fused->name = chain.back()->name;
  std::vector<std::string> steps;
  std::vector<int64_t> operands;
  std::vector<float> parameters;
  const ir::Value* before = nullptr;
  for (ir::Node* node : chain) {
    const size_t along = *MainInput(*node, before);
    if (!before) fused->AddInput(node->input(along));
    steps.push_back(node->op_type);
    parameters.insert(parameters.end(), {Parameter(*node, 0), Parameter(*node, 1)});
    if (node->inputs().size() == 2) {
      fused->AddInput(node->input(1 - along));
      const int64_t index = static_cast<int64_t>(fused->inputs().size()) - 1;
      operands.push_back(along == 0 ? index : -index);
    } else {
      operands.push_back(0);
    }
    before = node->output(0);
  }
  fused->SetAttribute(ir::Attribute("steps", std::move(steps)));
  fused->SetAttribute(ir::Attribute("operands", std::move(operands)));
  fused->SetAttribute(ir::Attribute("parameters", std::move(parameters)));
  ir::Value* output = chain.back()->output(0);
  const std::unordered_set<const ir::Node*> old(chain.begin(), chain.end());
  graph.RemoveNodes([&](const ir::Node& node) { return old.contains(&node); });
  fused->AddOutput(output);
}

size_t FuseGraph(const ir::Model& model, ir::Graph& graph) {
  size_t count = 0;
  std::unordered_set<const ir::Node*> done;
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    ir::Node* node = graph.nodes()[i].get();
    for (const auto& [name, sub] : ir::Subgraphs(*node)) count += FuseGraph(model, *sub);
    if (done.contains(node) || !IsElementwise(model, *node) || !MainInput(*node, nullptr)) continue;
    const std::vector<ir::Node*> chain = ChainFrom(model, node);
    // x op x is no chain: both operands would be what came before.
    const bool is_plain = std::all_of(chain.begin(), chain.end(), [](const ir::Node* one) {
      return one->inputs().size() == 1 || one->input(0) != one->input(1);
    });
    if (chain.size() < 2 || !is_plain || IsNextToConvolution(chain)) {
      done.insert(chain.begin(), chain.end());
      continue;
    }
    Fuse(graph, chain);
    ++count;
    --i;  // the nodes moved up
  }
  if (count > 0) {
    graph.RemoveUnusedValues();
    graph.SortTopologically();
  }
  return count;
}

}  // namespace

StatusOr<size_t> FuseElementwise(ir::Model& model, const PassOptions& options) {
  if (options.has_operator && !options.has_operator("sardonyx", "Elementwise", 1)) return size_t{0};
  return FuseGraph(model, *model.graph);
}

}  // namespace sardonyx::optimize
