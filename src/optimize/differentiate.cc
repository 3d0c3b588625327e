#include "optimize/differentiate.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "ops/inference.h"
#include "ops/schema.h"
#include "optimize/gradient/backpropagation.h"
#include "optimize/gradient/bodies.h"
#include "optimize/gradient/sequences.h"
#include "optimize/inline_functions.h"

namespace sardonyx::optimize {
namespace {

constexpr std::string_view kDomain = "ai.onnx.preview.training";

bool IsGradient(const ir::Node& node) { return node.domain == kDomain && node.op_type == "Gradient"; }

void FindGradients(const ir::Graph& graph, std::vector<ir::Node*>* found) {
  for (const auto& node : graph.nodes()) {
    if (IsGradient(*node)) found->push_back(node.get());
    for (const auto& [name, sub] : ir::Subgraphs(*node)) FindGradients(*sub, found);
  }
}

// What a Gradient differentiates.
struct Region {
  std::vector<ir::Value*> xs, zs;
  ir::Value* y = nullptr;
  std::vector<ir::Node*> nodes;  // that y needs besides xs and zs, producers first

  std::vector<ir::Value*> Leaves() const {
    std::vector<ir::Value*> leaves = xs;
    leaves.insert(leaves.end(), zs.begin(), zs.end());
    return leaves;
  }
};

// Depth first without recursion: a chain may be longer than a stack is deep.
void CollectNodes(Region* region) {
  std::unordered_set<const ir::Value*> leaves;
  for (const ir::Value* leaf : region->Leaves()) leaves.insert(leaf);
  struct Visit {
    ir::Node* node;
    std::vector<ir::Value*> needs;
    size_t next = 0;
  };
  std::vector<Visit> stack;
  std::unordered_set<const ir::Node*> seen;
  const auto enter = [&](ir::Value* value) {
    if (!value || leaves.contains(value) || !value->producer() || !seen.insert(value->producer()).second) return;
    Visit visit{value->producer(), value->producer()->inputs()};
    const std::vector<ir::Value*> captured = CapturedValues(*visit.node);
    visit.needs.insert(visit.needs.end(), captured.begin(), captured.end());
    stack.push_back(std::move(visit));
  };
  enter(region->y);
  while (!stack.empty()) {
    Visit& top = stack.back();
    if (top.next < top.needs.size()) {
      enter(top.needs[top.next++]);
    } else {
      region->nodes.push_back(top.node);
      stack.pop_back();
    }
  }
}

StatusOr<Region> ReadRegion(const ir::Node& gradient) {
  Region region;
  const auto find = [&](const std::string& name) -> StatusOr<ir::Value*> {
    ir::Value* value = gradient.graph()->FindInScope(name);
    if (!value || !value->is_defined()) return Invalid(fmt::format("no value is named '{}'", name));
    return value;
  };
  for (const std::string& name : gradient.GetStrings("xs")) {
    ASSIGN_OR_RETURN(ir::Value * value, find(name));
    region.xs.push_back(value);
  }
  for (const std::string& name : gradient.GetStrings("zs")) {
    ASSIGN_OR_RETURN(ir::Value * value, find(name));
    region.zs.push_back(value);
  }
  ASSIGN_OR_RETURN(region.y, find(gradient.GetString("y", "")));
  const size_t leaves = region.xs.size() + region.zs.size();
  if (gradient.inputs().size() != leaves || gradient.outputs().size() > region.xs.size())
    return Invalid(fmt::format("has {} inputs and {} outputs for {} names in xs and {} in zs", gradient.inputs().size(),
                               gradient.outputs().size(), region.xs.size(), region.zs.size()));
  CollectNodes(&region);
  return region;
}

// Operators among `nodes`, and in the branches of theirs, that are differentiated through their bodies.
void FindFunctions(const ir::Model& model, ir::Node* node, std::unordered_set<const ir::Node*>* found, std::vector<ir::Node*>* bodies) {
  for (const auto& [name, sub] : ir::Subgraphs(*node))
    for (const auto& inner : sub->nodes()) FindFunctions(model, inner.get(), found, bodies);
  if (Backpropagation::Knows(*node)) return;
  if (HasGradientBody(*node)) bodies->push_back(node);
  const int64_t opset = node->opset_version ? node->opset_version : model.OpsetVersion(node->domain);
  const ops::OpSchema* schema = ops::FindSchema(ir::NormalDomain(node->domain), node->op_type, opset);
  if (schema && schema->has_function) found->insert(node);
}

class Expander {
 public:
  Expander(ir::Model& model, const DifferentiateOptions& options) : model_(model), options_(options) {}

  // One step: false when no Gradient is left.
  StatusOr<bool> Step() {
    std::vector<ir::Node*> gradients;
    FindGradients(*model_.graph, &gradients);
    if (gradients.empty()) return false;
    // One whose y needs no other Gradient.
    for (ir::Node* gradient : gradients) {
      const std::string label = gradient->Label();  // the node itself will be gone
      StatusOr<Region> region = ReadRegion(*gradient);
      if (!region.ok()) return region.status().WithContext(label);
      if (std::any_of(region->nodes.begin(), region->nodes.end(), [](const ir::Node* node) { return IsGradient(*node); })) continue;
      if (ReplaceSequences(*region)) {
        RETURN_IF_ERROR(InferTypes());
        return true;
      }
      ASSIGN_OR_RETURN(const bool expanded, ExpandFunctions(*region));
      if (!expanded) RETURN_IF_ERROR(Replace(gradient, *std::move(region)).WithContext(label));
      return true;
    }
    return Invalid(fmt::format("{} needs its own result", gradients[0]->Label()));
  }

  // Contradictions are not the business of this pass: the checker and the kernels report them.
  Status InferTypes() {
    ops::InferenceOptions options;
    options.on_error = [](const ir::Graph&, const ir::Node*, const Status&) {};
    return ops::InferTypes(model_, options);
  }

  size_t replaced() const { return replaced_; }

 private:
  bool ReplaceSequences(const Region& region) {
    bool changed = false;
    for (ir::Node* node : region.nodes) changed = ReplaceSequenceUse(node) || changed;
    return changed;
  }

  StatusOr<bool> ExpandFunctions(const Region& region) {
    std::unordered_set<const ir::Node*> functions;
    std::vector<ir::Node*> bodies;
    for (ir::Node* node : region.nodes) FindFunctions(model_, node, &functions, &bodies);
    std::erase_if(functions, [&](const ir::Node* node) { return kept_.contains(node); });
    if (functions.empty() && bodies.empty()) return false;
    for (ir::Node* node : bodies) RETURN_IF_ERROR(CallBody(node));
    InlineOptions options;
    options.max_nodes = options_.max_nodes;
    options.expand_operator = [&](const ir::Node& node, int64_t) { return functions.contains(&node); };
    ASSIGN_OR_RETURN(const size_t expanded, InlineFunctions(model_, options));
    // What has no body after all (it needs types that are not known) is reported as without derivative.
    if (expanded == 0) kept_.insert(functions.begin(), functions.end());
    RETURN_IF_ERROR(InferTypes());
    return true;
  }

  // The node becomes a call of a function of the model, which inlining then replaces.
  Status CallBody(ir::Node* node) {
    constexpr std::string_view kBodyDomain = "sardonyx.gradient";
    const std::string label = node->Label();
    std::string name;
    do name = fmt::format("{}_{}", node->op_type, ++bodies_);
    while (model_.FindFunction(kBodyDomain, name));
    const int64_t opset = node->opset_version ? node->opset_version : model_.OpsetVersion(node->domain);
    StatusOr<ir::Function> function = GradientBody(*node, opset, kBodyDomain, name);
    if (!function.ok()) return function.status().WithContext("derivative of " + label);
    model_.functions.push_back(*std::move(function));
    node->domain = kBodyDomain;
    node->op_type = name;
    return {};
  }

  // The nodes of the region once more, with the Gradient's inputs in the place of what xs and zs name.
  void Recompute(const ir::Node& gradient, Region* region) {
    std::unordered_map<const ir::Value*, ir::Value*> map;
    const std::vector<ir::Value*> leaves = region->Leaves();
    for (size_t i = 0; i < leaves.size(); ++i) map[leaves[i]] = gradient.input(i);
    std::vector<ir::Node*> copies;
    const auto resolve = [&](ir::Value* value) {
      const auto found = map.find(value);
      return found == map.end() ? value : found->second;
    };
    for (ir::Node* node : region->nodes) {
      const std::vector<ir::Value*> captured = CapturedValues(*node);
      const auto changes = [&](const ir::Value* value) { return map.contains(value); };
      if (!std::any_of(node->inputs().begin(), node->inputs().end(), changes) && !std::any_of(captured.begin(), captured.end(), changes))
        continue;
      for (ir::Value* output : node->outputs()) {
        if (!output) continue;
        ir::Value* copy = gradient.graph()->AddValue(output->name() + "_recomputed");
        copy->type = output->type;
        map[output] = copy;
      }
      copies.push_back(ir::CloneNode(*node, gradient.graph(), resolve));
      copies.back()->opset_version = node->opset_version;
    }
    for (ir::Value*& x : region->xs) x = resolve(x);
    for (ir::Value*& z : region->zs) z = resolve(z);
    region->y = resolve(region->y);
    region->nodes = std::move(copies);
  }

  Status Replace(ir::Node* gradient, Region region) {
    ir::Graph& graph = *gradient->graph();
    nodes_ += region.nodes.size();
    if (nodes_ > options_.max_nodes) return Resource(fmt::format("gradients expand to more than {} nodes", options_.max_nodes));
    if (region.Leaves() != gradient->inputs()) Recompute(*gradient, &region);
    if (!region.y->type.is_tensor() || !IsFloatingPoint(region.y->type.dtype))
      return Unsupported(fmt::format("y is {}, not a tensor of floating-point numbers", region.y->type.ToString()));
    Emitter emitter(graph, fmt::format("{}/", gradient->name.empty() ? fmt::format("Gradient_{}", replaced_) : gradient->name));
    Backpropagation backpropagation(model_, emitter, region.xs);
    backpropagation.Seed(region.y, emitter.Of(region.y).Filled(1));
    RETURN_IF_ERROR(backpropagation.Run(region.nodes));
    nodes_ += emitter.nodes();

    const std::vector<ir::Value*> outputs = gradient->outputs();
    graph.RemoveNode(gradient);
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (!outputs[i]) continue;
      const Term dx = backpropagation.Gradient(region.xs[i]);
      ir::Node* identity = graph.AddNode("Identity");
      identity->opset_version = Emitter::kOpset;
      identity->AddInput((dx.empty() ? emitter.Of(region.xs[i]).Filled(0) : dx).value());
      identity->AddOutput(outputs[i]);
    }
    ++replaced_;
    if (!graph.SortTopologically()) return Invalid("the graph has a cycle");
    return InferTypes();
  }

  ir::Model& model_;
  const DifferentiateOptions& options_;
  std::unordered_set<const ir::Node*> kept_;  // functions that could not be expanded
  size_t replaced_ = 0, nodes_ = 0, bodies_ = 0;
};

}  // namespace

StatusOr<size_t> ExpandGradients(ir::Model& model, const DifferentiateOptions& options) {
  std::vector<ir::Node*> gradients;
  FindGradients(*model.graph, &gradients);
  if (gradients.empty()) return size_t{0};
  if (gradients.size() > options.max_gradients)
    return Resource(fmt::format("{} nodes of Gradient; at most {} are expanded", gradients.size(), options.max_gradients));
  Expander expander(model, options);
  RETURN_IF_ERROR(expander.InferTypes());
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, expander.Step());
    if (!more) return expander.replaced();
  }
}

}  // namespace sardonyx::optimize
