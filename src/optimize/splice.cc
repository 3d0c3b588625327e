#include "optimize/splice.h"

#include <algorithm>
#include <memory>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

namespace sardonyx::optimize {
namespace {

// The value of a call's attribute: given, or the function's default; null if there is neither.
const ir::Attribute* FindAttribute(const ir::Node& call, const ir::Function& function, std::string_view name) {
  if (const ir::Attribute* given = call.attribute(name)) return given;
  for (const ir::Attribute& attribute : function.attribute_defaults)
    if (attribute.name == name) return &attribute;
  return nullptr;
}

using MapValue = std::function<ir::Value*(ir::Value*)>;

// The copy's subgraphs are copies too; values of graphs around them are taken through `map`.
ir::Attribute CopyAttribute(const ir::Attribute& source, ir::Node* owner, const MapValue& map) {
  ir::Attribute copy = source;
  const auto copy_graph = [&](std::shared_ptr<ir::Graph>& graph) {
    if (!graph) return;
    auto clone = std::make_shared<ir::Graph>();
    clone->SetOwner(owner);
    ir::CloneGraph(*graph, clone.get(), map);
    graph = std::move(clone);
  };
  if (auto* graph = std::get_if<std::shared_ptr<ir::Graph>>(&copy.value)) copy_graph(*graph);
  if (auto* graphs = std::get_if<std::vector<std::shared_ptr<ir::Graph>>>(&copy.value))
    std::for_each(graphs->begin(), graphs->end(), copy_graph);
  return copy;
}

void BindAttributes(ir::Node* node, const ir::Node& call, const ir::Function& function) {
  auto& attributes = node->mutable_attributes();
  for (size_t i = attributes.size(); i-- > 0;) {
    if (attributes[i].ref_attr_name.empty()) continue;
    const ir::Attribute* source = FindAttribute(call, function, attributes[i].ref_attr_name);
    if (!source) {
      attributes.erase(attributes.begin() + static_cast<std::ptrdiff_t>(i));
      continue;
    }
    ir::Attribute bound = CopyAttribute(*source, node, nullptr);
    bound.name = attributes[i].name;
    attributes[i] = std::move(bound);
  }
  for (const auto& [name, sub] : ir::Subgraphs(*node))
    for (const auto& inner : sub->nodes()) BindAttributes(inner.get(), call, function);
}

ir::Node* CopyNode(const ir::Node& source, ir::Graph* graph, size_t position, const MapValue& map) {
  ir::Node* copy = graph->InsertNode(position, source.op_type, source.domain);
  copy->name = source.name;
  copy->overload = source.overload;
  copy->doc = source.doc;
  copy->metadata = source.metadata;
  copy->device_configurations = source.device_configurations;
  copy->extras = source.extras;
  copy->opset_version = source.opset_version;
  copy->ResizeInputs(source.inputs().size());
  for (size_t i = 0; i < source.inputs().size(); ++i)
    if (ir::Value* input = source.input(i)) copy->SetInput(i, map(input));
  for (ir::Value* output : source.outputs()) copy->AddOutput(output ? map(output) : nullptr);
  // Appended, not set: two attributes of one name are an error to report, not to repair.
  for (const ir::Attribute& attribute : source.attributes()) copy->mutable_attributes().push_back(CopyAttribute(attribute, copy, map));
  return copy;
}

}  // namespace

StatusOr<std::vector<ir::Node*>> SpliceBody(ir::Node* call, const ir::Function& function, const SpliceOptions& options) {
  const ir::Graph& body = *function.body;
  ir::Graph& graph = *call->graph();
  if (call->inputs().size() > body.inputs().size() || call->outputs().size() > body.outputs().size())
    return Invalid(fmt::format("{} inputs and {} outputs for a function with {} and {}", call->inputs().size(), call->outputs().size(),
                               body.inputs().size(), body.outputs().size()));

  ir::ValueMap map;
  for (size_t i = 0; i < body.inputs().size(); ++i) map.emplace(body.inputs()[i].value, call->input(i));
  // An output that is an input of the body, or an output twice, needs a copy.
  std::vector<std::pair<const ir::Value*, ir::Value*>> copies;
  for (size_t i = 0; i < call->outputs().size(); ++i) {
    ir::Value* output = call->output(i);
    if (output && !map.emplace(body.outputs()[i].value, output).second) copies.emplace_back(body.outputs()[i].value, output);
  }
  const MapValue resolve = [&](ir::Value* value) -> ir::Value* {
    const auto it = map.find(value);
    if (it != map.end()) return it->second;
    ir::Value* copy = graph.AddValue(options.value_name(value->name()));
    copy->type = value->type;
    return map[value] = copy;
  };

  std::vector<ir::Node*> added;
  size_t position = std::min(options.position, graph.nodes().size());
  for (const ir::Value* value : body.initializers()) graph.SetInitializer(resolve(const_cast<ir::Value*>(value)), *value->initializer());
  for (const auto& node : body.nodes()) {
    ir::Node* copy = CopyNode(*node, &graph, position++, resolve);
    copy->name = options.node_name(node->name.empty() ? node->op_type : node->name);
    BindAttributes(copy, *call, function);
    added.push_back(copy);
  }
  for (const auto& [from, to] : copies) {
    ir::Node* identity = graph.InsertNode(position++, "Identity");
    identity->name = options.node_name("Identity");
    identity->AddInput(map[from]);
    identity->AddOutput(to);
    added.push_back(identity);
  }
  return added;
}

}  // namespace sardonyx::optimize
