// Deep copies of graphs and nodes.
#include "ir/model.h"

namespace sardonyx::ir {
namespace {

ValueInfo CopyInfo(const ValueInfo& info, Value* value) {
  ValueInfo copy = info;
  copy.value = value;
  return copy;
}

}  // namespace

Node* CloneNode(const Node& source, Graph* target, const std::function<Value*(Value*)>& map) {
  Node* node = target->AddNode(source.op_type, source.domain);
  node->name = source.name;
  node->overload = source.overload;
  node->doc = source.doc;
  node->opset_version = source.opset_version;
  node->metadata = source.metadata;
  node->device_configurations = source.device_configurations;
  node->extras = source.extras;
  node->ResizeInputs(source.inputs().size());
  for (size_t i = 0; i < source.inputs().size(); ++i)
    if (Value* input = source.inputs()[i]) node->SetInput(i, map(input));
  for (Value* output : source.outputs()) node->AddOutput(output ? map(output) : nullptr);
  const auto copy_graph = [&](const std::shared_ptr<Graph>& graph) {
    auto copy = std::make_shared<Graph>();
    copy->SetOwner(node);
    if (graph) CloneGraph(*graph, copy.get(), map);
    return copy;
  };
  for (const Attribute& attribute : source.attributes()) {
    Attribute copy = attribute;
    if (auto* graph = std::get_if<std::shared_ptr<Graph>>(&copy.value)) {
      *graph = copy_graph(*graph);
    } else if (auto* graphs = std::get_if<std::vector<std::shared_ptr<Graph>>>(&copy.value)) {
      for (auto& one : *graphs) one = copy_graph(one);
    }
    // Appended, not Set: two attributes of one name are an error to report, not to repair.
    node->mutable_attributes().push_back(std::move(copy));
  }
  return node;
}

void CloneGraph(const Graph& source, Graph* target, const std::function<Value*(Value*)>& outer) {
  ValueMap copies;
  for (const auto& value : source.values()) {
    Value* copy = target->AddValue(value->name(), /*keep_duplicate=*/true);
    copy->type = value->type;
    copies[value.get()] = copy;
  }
  const std::function<Value*(Value*)> map = [&](Value* value) -> Value* {
    const auto it = copies.find(value);
    if (it != copies.end()) return it->second;
    return outer ? outer(value) : value;
  };
  target->name = source.name;
  target->doc = source.doc;
  target->metadata = source.metadata;
  target->quantization_annotations = source.quantization_annotations;
  target->extras = source.extras;
  for (const Value* value : source.initializers()) target->SetInitializer(copies[value], *value->initializer());
  for (const Value* value : source.sparse_initializers()) target->SetSparseInitializer(copies[value], *value->sparse_initializer());
  for (const ValueInfo& info : source.inputs()) target->AddInput(CopyInfo(info, map(info.value)));
  for (const auto& node : source.nodes()) CloneNode(*node, target, map);
  for (const ValueInfo& info : source.outputs()) target->AddOutput(CopyInfo(info, map(info.value)));
  for (const ValueInfo& info : source.value_info) target->value_info.push_back(CopyInfo(info, map(info.value)));
}

std::unique_ptr<Model> CloneModel(const Model& model) {
  const auto clone_graph = [](const std::unique_ptr<Graph>& graph) -> std::unique_ptr<Graph> {
    if (!graph) return nullptr;
    auto copy = std::make_unique<Graph>();
    CloneGraph(*graph, copy.get(), nullptr);
    return copy;
  };
  auto copy = std::make_unique<Model>();
  copy->ir_version = model.ir_version;
  copy->opset_imports = model.opset_imports;
  copy->producer_name = model.producer_name;
  copy->producer_version = model.producer_version;
  copy->domain = model.domain;
  copy->doc = model.doc;
  copy->model_version = model.model_version;
  copy->graph = clone_graph(model.graph);
  copy->metadata = model.metadata;
  for (const TrainingInfo& info : model.training_info)
    copy->training_info.push_back(
        {clone_graph(info.initialization), clone_graph(info.algorithm), info.initialization_binding, info.update_binding, info.extras});
  for (const Function& f : model.functions)
    copy->functions.push_back({f.name, f.domain, f.overload, f.doc, f.attributes, f.attribute_defaults, f.opset_imports,
                               clone_graph(f.body), f.metadata, f.extras});
  copy->device_configurations = model.device_configurations;
  copy->extras = model.extras;
  copy->path = model.path;
  return copy;
}

}  // namespace sardonyx::ir
