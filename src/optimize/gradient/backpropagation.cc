#include "optimize/gradient/backpropagation.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/status_macros.h"
#include "ops/schema.h"
#include "optimize/gradient/rule.h"

namespace sardonyx::optimize {
namespace {

// Nodes of one derivative: bounds what a hostile graph can grow to.
constexpr size_t kMaxEmitted = 1'000'000;

// Of integers and the like nothing is a derivative; of an unknown type something might be. What sequences carry counts, so
// that the operators that make them are reported rather than passed over.
bool MayBeFloat(const ir::Type& type) {
  switch (type.kind) {
    case ir::Type::Kind::kTensor:
      return type.dtype == DataType::kUndefined || IsFloatingPoint(type.dtype);
    case ir::Type::Kind::kSequence:
    case ir::Type::Kind::kOptional:
      return !type.element || MayBeFloat(*type.element);
    default:
      return type.kind == ir::Type::Kind::kUnknown;
  }
}

bool IsIf(const ir::Node& node) { return ir::NormalDomain(node.domain).empty() && node.op_type == "If"; }
bool IsLoop(const ir::Node& node) { return ir::NormalDomain(node.domain).empty() && (node.op_type == "Loop" || node.op_type == "Scan"); }

void AddCaptured(const ir::Graph& graph, const std::function<bool(const ir::Graph*)>& inside, std::vector<ir::Value*>* captured) {
  const auto is_inside = [&](const ir::Graph* g) { return g == &graph || inside(g); };
  const auto add = [&](ir::Value* value) {
    if (value && !is_inside(value->graph()) && std::find(captured->begin(), captured->end(), value) == captured->end())
      captured->push_back(value);
  };
  for (const auto& node : graph.nodes()) {
    for (ir::Value* input : node->inputs()) add(input);
    for (const auto& [name, sub] : ir::Subgraphs(*node)) AddCaptured(*sub, is_inside, captured);
  }
  for (const ir::ValueInfo& output : graph.outputs()) add(output.value);
}

// Rules read what the schema requires without asking.
Status CheckPresence(const ir::Node& node, const ops::OpSchema& schema) {
  for (size_t i = 0; i < std::max(node.inputs().size(), schema.inputs.size()); ++i) {
    const ops::FormalParameter* parameter = schema.input(i);
    if (!parameter) return Invalid(fmt::format("has {} inputs", node.inputs().size()));
    const bool needed = parameter->arity == ops::Arity::kSingle || (parameter->arity == ops::Arity::kVariadic && i < node.inputs().size());
    if (needed && !node.input(i)) return Invalid(fmt::format("input {} ({}) is missing", i, parameter->name));
  }
  return node.output(0) ? Status() : Unsupported("its first output is left out");
}

}  // namespace

std::vector<ir::Value*> CapturedValues(const ir::Node& node) {
  std::vector<ir::Value*> captured;
  for (const auto& [name, sub] : ir::Subgraphs(node))
    AddCaptured(
        *sub, [](const ir::Graph*) { return false; }, &captured);
  return captured;
}

Backpropagation::Backpropagation(const ir::Model& model, Emitter& emitter, const std::vector<ir::Value*>& sources)
    : model_(model), emitter_(emitter), active_(sources.begin(), sources.end()) {}

bool Backpropagation::Knows(const ir::Node& node) { return IsIf(node) || IsLoop(node) || FindDerivative(node.domain, node.op_type); }

Status Backpropagation::CheckOperators(const std::vector<ir::Node*>& nodes) const {
  std::vector<std::string> unknown;
  for (const ir::Node* node : nodes) {
    const bool matters =
        std::any_of(node->outputs().begin(), node->outputs().end(), [&](const ir::Value* y) { return active_.contains(y); });
    if (matters && !Knows(*node)) unknown.push_back(node->Label());
  }
  if (unknown.empty()) return {};
  return Unsupported(fmt::format("no derivative is known of {}", fmt::join(unknown, ", ")));
}

Status Backpropagation::Run(const std::vector<ir::Node*>& nodes) {
  for (const ir::Node* node : nodes) {
    const auto is_active = [&](const ir::Value* value) { return active_.contains(value); };
    const std::vector<ir::Value*> captured = CapturedValues(*node);
    if (!std::any_of(node->inputs().begin(), node->inputs().end(), is_active) && !std::any_of(captured.begin(), captured.end(), is_active))
      continue;
    for (const ir::Value* output : node->outputs())
      if (output && MayBeFloat(output->type)) active_.insert(output);
  }
  RETURN_IF_ERROR(CheckOperators(nodes));
  for (size_t i = nodes.size(); i-- > 0;) {
    const Status status = Differentiate(*nodes[i]);
    if (!status.ok()) return status.WithContext("derivative of " + nodes[i]->Label());
    if (emitter_.nodes() > kMaxEmitted) return Resource(fmt::format("a derivative of more than {} nodes", kMaxEmitted));
  }
  return {};
}

Term Backpropagation::Gradient(ir::Value* source) {
  const auto found = gradients_.find(source);
  if (found == gradients_.end()) return Term();
  std::vector<Term>& terms = found->second;
  if (terms.size() > 1) terms = {emitter_.Sum(terms)};
  return terms[0];
}

Status Backpropagation::Differentiate(ir::Node& node) {
  std::vector<Term> dys;
  for (ir::Value* output : node.outputs()) dys.push_back(output && active_.contains(output) ? Gradient(output) : Term());
  if (std::all_of(dys.begin(), dys.end(), [](const Term& dy) { return dy.empty(); })) return {};
  for (ir::Value* input : node.inputs())
    if (input && active_.contains(input) && input->type.dtype == DataType::kUndefined)
      return Unsupported(fmt::format("the type of '{}' is not known", input->name()));
  if (IsIf(node)) return DifferentiateIf(node, dys);
  if (IsLoop(node)) return DifferentiateLoop(node, dys);

  const int64_t opset = node.opset_version ? node.opset_version : model_.OpsetVersion(node.domain);
  const ops::OpSchema* schema = ops::FindSchema(ir::NormalDomain(node.domain), node.op_type, opset);
  if (!schema) return Invalid(fmt::format("opset {} has no operator {}", opset, node.op_type));
  RETURN_IF_ERROR(CheckPresence(node, *schema));
  // Rules of several outputs look at the others themselves; only that of Split can do without the first.
  if (dys[0].empty() && node.op_type != "Split") return Unsupported("only its further outputs are differentiated");
  RuleContext context(
      emitter_, node, *schema, opset, std::move(dys), [this](const ir::Value* value) { return active_.contains(value); },
      [this](ir::Value* value, const Term& gradient) { gradients_[value].push_back(gradient); });
  return FindDerivative(node.domain, node.op_type)(context);
}

// An If of the same condition, whose branches compute the gradients of all that either of them captures.
Status Backpropagation::DifferentiateIf(ir::Node& node, const std::vector<Term>& dys) {
  std::vector<ir::Value*> captured = CapturedValues(node);
  std::erase_if(captured, [&](const ir::Value* value) { return !active_.contains(value); });
  const ir::Graph* branches[] = {node.GetGraph("then_branch"), node.GetGraph("else_branch")};
  if (!branches[0] || !branches[1]) return Invalid("has no branches");
  ir::Node* derivative = emitter_.graph().AddNode("If");
  derivative->opset_version = Emitter::kOpset;
  derivative->AddInput(node.input(0));
  for (size_t i = 0; i < 2; ++i) {
    ASSIGN_OR_RETURN(std::shared_ptr<ir::Graph> branch, DifferentiateBranch(*branches[i], derivative, dys, captured));
    derivative->SetAttribute(ir::Attribute(i == 0 ? "then_branch" : "else_branch", std::move(branch)));
  }
  for (ir::Value* value : captured) {
    ir::Value* gradient = emitter_.graph().AddValue(value->name() + "_gradient");
    gradient->type = value->type;
    derivative->AddOutput(gradient);
    gradients_[value].push_back(emitter_.Of(gradient));
  }
  return {};
}

StatusOr<std::shared_ptr<ir::Graph>> Backpropagation::DifferentiateBranch(const ir::Graph& branch, ir::Node* owner,
                                                                          const std::vector<Term>& dys,
                                                                          const std::vector<ir::Value*>& captured) {
  auto graph = std::make_shared<ir::Graph>();
  graph->SetOwner(owner);
  ir::CloneGraph(branch, graph.get(), nullptr);
  std::vector<ir::Node*> nodes;
  for (const auto& node : graph->nodes()) nodes.push_back(node.get());
  Emitter emitter(*graph, "gradient/");
  Backpropagation inner(model_, emitter, captured);
  for (size_t i = 0; i < graph->outputs().size() && i < dys.size(); ++i)
    if (!dys[i].empty()) inner.Seed(graph->outputs()[i].value, emitter.Of(dys[i].value()));
  RETURN_IF_ERROR(inner.Run(nodes));
  while (!graph->outputs().empty()) graph->RemoveOutput(graph->outputs().size() - 1);
  for (ir::Value* value : captured) {
    const Term gradient = inner.Gradient(value);
    const Term output = (gradient.empty() ? emitter.Of(value).Filled(0) : gradient).Op("Identity");
    ir::ValueInfo info;
    info.value = output.value();
    info.type = ir::Type::Tensor(value->type.dtype);
    graph->AddOutput(std::move(info));
  }
  if (!graph->SortTopologically()) return Invalid("a branch has a cycle");
  return graph;
}

}  // namespace sardonyx::optimize
