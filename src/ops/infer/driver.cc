#include "ops/infer/driver.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/status_macros.h"
#include "ops/function_body.h"
#include "ops/infer/merge.h"
#include "ops/infer/node_context.h"
#include "ops/infer/schema_types.h"

namespace sardonyx::ops::infer {
namespace {

// Bounds on what a hostile model can cost: functions that call functions, loops inside loops.
constexpr int kMaxCallDepth = 32;
constexpr int64_t kVisitsAtLeast = 50'000;
constexpr int64_t kVisitsPerNode = 20;

std::string InputTypes(const std::vector<ir::Value*>& inputs, const std::unordered_map<const ir::Value*, Entry>& values) {
  constexpr size_t kMaxShown = 8;
  std::string text;
  for (size_t i = 0; i < inputs.size() && i < kMaxShown; ++i) {
    const auto found = values.find(inputs[i]);
    if (i > 0) text += ", ";
    text += inputs[i] == nullptr ? "-" : found == values.end() ? "?" : found->second.facts.type.ToString();
  }
  return inputs.size() > kMaxShown ? text + ", ..." : text;
}

// "If 'check'.then_branch / Conv 'c1'": where an error is, from the outermost graph.
std::string Path(const ir::Graph* graph) {
  std::string path;
  for (; graph != nullptr && graph->owner() != nullptr; graph = graph->outer()) {
    std::string attribute;
    for (const auto& [name, subgraph] : ir::Subgraphs(*graph->owner()))
      if (subgraph == graph) attribute = "." + name;
    path = graph->owner()->Label() + attribute + " / " + path;
  }
  return path;
}

const OpSchema& UnknownSchema() {
  static const OpSchema* const kUnknown = new OpSchema();
  return *kUnknown;
}

// A copy of `node` whose attributes have the values that its function's caller gave. Attributes without one are absent.
ir::Node ResolveAttributes(const ir::Node& node, const Frame& frame) {
  ir::Node resolved = node;
  std::vector<ir::Attribute>& attributes = resolved.mutable_attributes();
  std::erase_if(attributes, [&](ir::Attribute& attribute) {
    if (attribute.ref_attr_name.empty()) return false;
    if (frame.attributes == nullptr) return true;
    const auto found = frame.attributes->find(attribute.ref_attr_name);
    if (found == frame.attributes->end()) return true;
    attribute.value = found->second->value;
    attribute.type = found->second->type;
    attribute.ref_attr_name.clear();
    return false;
  });
  return resolved;
}

bool HasReferences(const ir::Node& node) {
  return std::any_of(node.attributes().begin(), node.attributes().end(), [](const auto& a) { return !a.ref_attr_name.empty(); });
}

int64_t OpsetVersion(const std::vector<ir::OpsetImport>& imports, std::string_view domain) {
  for (const ir::OpsetImport& import : imports)
    if (ir::NormalDomain(import.domain) == domain) return import.version;
  return 0;
}

}  // namespace

StatusOr<InferenceResult> Driver::Run() {
  InferenceResult result;
  if (model_.graph == nullptr) return result;
  CollectSymbols(*model_.graph);
  BindOverriddenInputs();
  CollectDeclared(*model_.graph, !inputs_contradict_declared_);
  for (const ir::Function& function : model_.functions)
    if (function.body) CollectDeclared(*function.body, !inputs_contradict_declared_);
  visits_left_ = std::max(kVisitsAtLeast, visits_left_ * kVisitsPerNode);

  Frame frame;
  frame.opset_imports = &model_.opset_imports;
  const std::vector<ValueFacts> inputs = MainInputs();
  Errors errors;
  InferGraph(*model_.graph, frame, &inputs, errors);
  Status first;
  for (const GraphError& error : errors) {
    const Status status = error.status.WithContext(Path(error.graph) + (error.node ? error.node->Label() : "graph"));
    if (options_.on_error) options_.on_error(*error.graph, error.node, status);
    if (first.ok()) first = status;
  }
  if (!first.ok() && !options_.on_error) return first;
  for (auto& [value, entry] : frame.values) result.facts.emplace(value, std::move(entry.facts));
  return result;
}

Status Driver::Step(const ir::Node& node, Frame& frame) {
  visits_left_ = kVisitsAtLeast * kVisitsPerNode;  // a bound for this node's subgraphs and functions
  Errors errors;
  InferNode(node, frame, errors);
  for (const GraphError& error : errors)
    return error.status.WithContext(Path(error.graph) + (error.node ? error.node->Label() : "graph"));
  return {};
}

void Driver::Declare(ir::Value* value, const ir::Type& type, Frame& frame) {
  ReserveSymbols(type);
  declared_[value] = type;
  Errors errors;
  SetFacts(value, EntryOf(value, frame).facts, frame, nullptr, errors);
}

Entry& Driver::EntryOf(const ir::Value* value, Frame& frame) {
  const auto [found, inserted] = frame.values.try_emplace(value);
  if (inserted) {
    const auto declared = declared_.find(value);
    if (declared != declared_.end())
      found->second.facts.type = declared->second;
    else if (frame.depth == 0)
      found->second.facts.type = value->type;
  }
  return found->second;
}

void Driver::SeedInputs(const ir::Graph& graph, Frame& frame, const std::vector<ValueFacts>* inputs, Errors& errors) {
  const auto& infos = graph.inputs();
  if (inputs != nullptr && inputs->size() != infos.size())
    errors.push_back({&graph, nullptr, Invalid(fmt::format("has {} inputs, but is given {}", infos.size(), inputs->size()))});
  for (size_t i = 0; i < infos.size(); ++i) {
    if (infos[i].value == nullptr) continue;
    frame.values.erase(infos[i].value);  // of an earlier visit
    const bool given = inputs != nullptr && i < inputs->size();
    SetFacts(infos[i].value, given ? (*inputs)[i] : ValueFacts(), frame, nullptr, errors);
  }
}

void Driver::SeedInitializers(const ir::Graph& graph, Frame& frame, Errors& errors) {
  const bool inputs_are_constant = model_.ir_version < 4 || options_.defaults_are_constant;
  for (ir::Value* value : graph.initializers()) {
    const ir::StoredTensor* stored = value->initializer();
    if (stored == nullptr || (value->is_graph_input() && !inputs_are_constant)) continue;
    if (Entry& entry = EntryOf(value, frame); entry.facts.constant || entry.facts.elements) continue;  // a second visit
    ir::Type type = ir::Type::Tensor(stored->dtype, ir::Shape::Of(stored->dims));
    type.raw_dtype = stored->raw_dtype;
    SetFacts(value, {std::move(type), std::nullopt, std::nullopt}, frame, nullptr, errors);
    EntryOf(value, frame).undecoded = stored;
  }
  for (ir::Value* value : graph.sparse_initializers()) {
    const ir::StoredSparseTensor* stored = value->sparse_initializer();
    if (stored == nullptr || value->is_graph_input()) continue;
    // Nodes see a sparse initializer as the dense tensor.
    SetFacts(value, {ir::Type::Tensor(stored->values.dtype, ir::Shape::Of(stored->dims)), std::nullopt, std::nullopt}, frame, nullptr,
             errors);
  }
}

std::vector<ValueFacts> Driver::InferGraph(const ir::Graph& graph, Frame& frame, const std::vector<ValueFacts>* inputs, Errors& errors) {
  SeedInputs(graph, frame, inputs, errors);
  SeedInitializers(graph, frame, errors);
  const NodeOrder& order = Order(graph);
  for (const ir::Node* node : order.cyclic) errors.push_back({&graph, node, Invalid("depends on its own output: the graph has a cycle")});
  for (const ir::Node* node : order.nodes) InferNode(*node, frame, errors);
  std::vector<ValueFacts> outputs;
  for (const ir::ValueInfo& info : graph.outputs()) outputs.push_back(info.value ? EntryOf(info.value, frame).facts : ValueFacts());
  return outputs;
}

const NodeOrder& Driver::Order(const ir::Graph& graph) {
  const auto [found, inserted] = orders_.try_emplace(&graph);
  if (inserted) found->second = OrderNodes(graph);
  return found->second;
}

void Driver::InferNode(const ir::Node& node, Frame& frame, Errors& errors) {
  std::vector<ValueFacts> outputs(node.outputs().size());
  if (visits_left_-- > 0) {
    std::optional<ir::Node> resolved;
    if (HasReferences(node)) resolved = ResolveAttributes(node, frame);
    const ir::Node& effective = resolved ? *resolved : node;
    for (const ir::Value* input : node.inputs())
      if (input != nullptr && !input->is_defined())
        errors.push_back({node.graph(), &node, Invalid(fmt::format("reads '{}', which nothing defines", input->name()))});
    const ir::Function* function = model_.FindFunction(ir::NormalDomain(node.domain), node.op_type, node.overload);
    const Status status = function != nullptr ? InferByFunction(*function, effective, frame, outputs, errors)
                                              : InferBySchema(effective, node, frame, outputs, errors);
    if (!status.ok()) {
      outputs.assign(outputs.size(), ValueFacts());
      // What inference does not support leaves the types open; it is not the model's fault.
      if (status.code() != StatusCode::kUnsupported)
        errors.push_back({node.graph(), &node, status.WithContext(fmt::format("({})", InputTypes(node.inputs(), frame.values)))});
    }
  }
  for (size_t i = 0; i < outputs.size(); ++i)
    if (node.output(i) != nullptr) SetFacts(node.output(i), std::move(outputs[i]), frame, &node, errors);
}

Status Driver::InferByFunction(const ir::Function& function, const ir::Node& node, Frame& frame, std::vector<ValueFacts>& outputs,
                               Errors& errors) {
  if (function.body == nullptr) return Unsupported("function without a body");
  if (frame.depth >= kMaxCallDepth) return Unsupported(fmt::format("functions call each other more than {} deep", kMaxCallDepth));
  std::unordered_map<std::string_view, const ir::Attribute*> attributes;
  for (const ir::Attribute& attribute : function.attribute_defaults) attributes[attribute.name] = &attribute;
  for (const ir::Attribute& attribute : node.attributes()) attributes[attribute.name] = &attribute;
  Frame callee;
  callee.id = ++frames_;
  callee.depth = frame.depth + 1;
  callee.opset_imports = &function.opset_imports;
  callee.attributes = &attributes;

  const ir::Graph& body = *function.body;
  if (node.inputs().size() > body.inputs().size())
    return Invalid(fmt::format("has {} inputs; function {} takes {}", node.inputs().size(), function.name, body.inputs().size()));
  if (outputs.size() > body.outputs().size())
    return Invalid(fmt::format("has {} outputs; function {} gives {}", outputs.size(), function.name, body.outputs().size()));
  std::vector<ValueFacts> inputs(body.inputs().size());
  const NodeContext reader(*this, frame, node, node, UnknownSchema(), 0);  // decodes constants as operators would see them
  for (size_t i = 0; i < node.inputs().size(); ++i) inputs[i] = reader.input_facts(i);
  Errors inner;
  std::vector<ValueFacts> results = InferGraph(body, callee, &inputs, inner);
  for (size_t i = 0; i < outputs.size(); ++i) outputs[i] = std::move(results[i]);
  for (auto saved = callee.saved_types.rbegin(); saved != callee.saved_types.rend(); ++saved) saved->first->type = std::move(saved->second);
  for (const GraphError& error : inner) {
    const std::string place = Path(error.graph) + (error.node ? error.node->Label() : "graph");
    errors.push_back({node.graph(), &node, error.status.WithContext(fmt::format("in function {}: {}", function.name, place))});
  }
  return {};
}

Status Driver::InferBySchema(const ir::Node& node, const ir::Node& original, Frame& frame, std::vector<ValueFacts>& outputs,
                             Errors& errors) {
  const std::string_view domain = ir::NormalDomain(node.domain);
  // A node that was inlined from a function of another opset, or is being converted, says which version it means.
  int64_t version = original.opset_version != 0 ? original.opset_version : OpsetVersion(*frame.opset_imports, domain);
  if (version == 0) version = NewestOpset(domain);  // the missing import is for the checker to report
  const OpSchema* schema = FindRunnableSchema(domain, node.op_type, version);
  NodeContext context(*this, frame, node, original, schema ? *schema : UnknownSchema(), version);
  Status status;
  if (schema != nullptr) status = CheckArity(*schema, node);
  if (schema != nullptr && status.ok()) {
    if (options_.strict) status = CheckInputTypes(context);
    if (const InferenceFunction infer = FindInference(*schema); status.ok() && infer != nullptr) {
      status = infer(context);
    } else if (status.ok()) {
      ASSIGN_OR_RETURN(std::unique_ptr<ir::Function> body, FunctionBody(*schema, node));
      if (body != nullptr) {
        bodies_.push_back(std::move(body));
        status = InferByFunction(*bodies_.back(), node, frame, context.outputs(), errors);
      }
    }
  }
  context.FinishSubgraphs(errors);
  RETURN_IF_ERROR(status);
  outputs = std::move(context.outputs());
  for (size_t i = 0; schema != nullptr && i < outputs.size(); ++i) CompleteBySchema(context, i, outputs[i].type);
  return {};
}

void Driver::SetFacts(ir::Value* value, ValueFacts facts, Frame& frame, const ir::Node* node, Errors& errors) {
  const auto declared = declared_.find(value);
  if (declared != declared_.end()) {
    const auto is_fresh = [&](std::string_view name) { return fresh_symbols_.contains(std::string(name)); };
    Merged merged = MergeDeclared(facts.type, declared->second, is_fresh);
    if (merged.contradiction && options_.strict)
      errors.push_back(
          {value->graph(), node,
           Invalid(fmt::format("'{}' is declared {}, but is {}", value->name(), declared->second.ToString(), facts.type.ToString()))});
    facts.type = std::move(merged.type);
  } else if (!facts.type.known() && frame.depth == 0) {
    facts.type = value->type;  // what a pass or an earlier run knew
  }
  if (frame.depth > 0) frame.saved_types.emplace_back(value, value->type);
  value->type = facts.type;
  Entry& entry = frame.values[value];
  entry.facts = std::move(facts);
  entry.undecoded = nullptr;
}

}  // namespace sardonyx::ops::infer
