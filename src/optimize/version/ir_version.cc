#include "optimize/version/ir_version.h"

#include <algorithm>
#include <iterator>

namespace sardonyx::optimize::version {
namespace {

// https://github.com/onnx/onnx/blob/main/docs/Versioning.md: the first opset of each release with a new IR version.
struct Release {
  int64_t ir_version, opset;
};
constexpr Release kReleases[] = {{3, 1},  {4, 9},   {5, 10},  {6, 11},  {7, 12},  {8, 15},
                                 {9, 19}, {10, 21}, {11, 23}, {12, 24}, {13, 25}, {14, 28}};

int64_t IrVersionOf(DataType dtype) {
  using enum DataType;
  switch (dtype) {
    case kBfloat16:
      return 4;
    case kFloat8E4M3FN:
    case kFloat8E4M3FNUZ:
    case kFloat8E5M2:
    case kFloat8E5M2FNUZ:
      return 9;
    case kUint4:
    case kInt4:
      return 10;
    case kFloat4E2M1:
      return 11;
    case kFloat8E8M0:
      return 12;
    case kUint2:
    case kInt2:
      return 13;
    case kFloat6E2M3:
    case kFloat6E3M2:
      return 14;
    default:
      return 1;
  }
}

int64_t IrVersionOf(const ir::Type& type) {
  int64_t version = std::max<int64_t>(IrVersionOf(type.dtype), type.kind == ir::Type::Kind::kOptional ? 8 : 1);
  for (const ir::Type* inner = type.element.get(); inner; inner = inner->element.get())
    version = std::max(version, IrVersionOf(inner->dtype));
  return version;
}

// The least IR version that has what the graph uses.
int64_t IrVersionOf(const ir::Graph& graph) {
  // Before IR version 4 initializers are inputs, which a subgraph cannot have beyond what its node gives.
  int64_t version = graph.owner() && !graph.initializers().empty() ? 4 : 1;
  for (const auto& value : graph.values()) version = std::max(version, IrVersionOf(value->type));
  for (const auto& node : graph.nodes()) {
    if (!node->overload.empty()) version = std::max<int64_t>(version, 10);
    for (const auto& [name, sub] : ir::Subgraphs(*node)) version = std::max(version, IrVersionOf(*sub));
  }
  return version;
}

int64_t IrVersionOf(const ir::Model& model) {
  int64_t version = std::max<int64_t>(3, model.graph ? IrVersionOf(*model.graph) : 1);
  if (!model.training_info.empty()) version = std::max<int64_t>(version, 7);
  if (!model.device_configurations.empty()) version = std::max<int64_t>(version, 11);
  for (const ir::Function& function : model.functions) {
    version = std::max<int64_t>(version, !function.overload.empty() ? 10 : !function.attribute_defaults.empty() ? 9 : 8);
    if (function.body) version = std::max(version, IrVersionOf(*function.body));
  }
  return version;
}

// Constants that Constant of opset 1 does not hold become initializers of the main graph.
void HoistConstants(ir::Graph& main, ir::Graph& graph) {
  std::vector<ir::Node*> hoisted;
  for (const auto& node : graph.nodes()) {
    for (const auto& [name, sub] : ir::Subgraphs(*node)) HoistConstants(main, *sub);
    if (node->op_type != "Constant" || !ir::NormalDomain(node->domain).empty() || !node->output(0)) continue;
    const ir::Attribute* attribute = node->attribute("value");
    const auto* tensor = attribute ? std::get_if<ir::StoredTensor>(&attribute->value) : nullptr;
    const bool is_float =
        tensor && (tensor->dtype == DataType::kFloat || tensor->dtype == DataType::kDouble || tensor->dtype == DataType::kFloat16);
    if (tensor && !is_float) hoisted.push_back(node.get());
  }
  for (ir::Node* node : hoisted) {
    ir::Value* value = node->output(0);
    ir::StoredTensor tensor = std::get<ir::StoredTensor>(node->attribute("value")->value);
    graph.RemoveNode(node);
    if (&graph == &main && !value->is_graph_output()) {
      tensor.name = value->name();
      graph.SetInitializer(value, std::move(tensor));
      continue;
    }
    tensor.name = value->name() + "_value";
    ir::Value* initializer = main.AddInitializer(std::move(tensor));
    if (value->is_graph_output()) {  // must stay something that a node gives
      ir::Node* identity = graph.InsertNode(0, "Identity");
      identity->AddInput(initializer);
      identity->AddOutput(value);
    } else {
      graph.ReplaceUses(value, initializer);
    }
  }
}

void ListInitializersAsInputs(ir::Graph& graph) {
  for (ir::Value* value : graph.initializers()) {
    if (value->is_graph_input() || !value->initializer()) continue;
    ir::ValueInfo info;
    info.value = value;
    info.type = ir::Type::Tensor(value->initializer()->dtype, ir::Shape::Of(value->initializer()->dims));
    graph.AddInput(std::move(info));
  }
}

}  // namespace

int64_t IrVersionOfOpset(int64_t opset) {
  int64_t version = kReleases[0].ir_version;
  for (const Release& release : kReleases)
    if (release.opset <= opset) version = release.ir_version;
  return version;
}

void PrepareIrVersion(ir::Model& model) {
  if (model.opset_imports.empty() && model.ir_version < 3) {
    model.opset_imports.push_back({"", 1, {}});
    model.ir_version = 3;
  }
  if (model.ir_version >= 4 || !model.graph) return;
  for (size_t i = model.graph->inputs().size(); i-- > 0;)
    if (model.graph->inputs()[i].value->initializer()) model.graph->RemoveInput(i);
}

void FinishIrVersion(ir::Model& model, int64_t opset_before, int64_t opset_after) {
  const int64_t released = IrVersionOfOpset(opset_after);
  if (opset_after > opset_before) model.ir_version = std::max(model.ir_version, released);
  if (opset_after < opset_before) model.ir_version = std::max(released, std::min(model.ir_version, IrVersionOf(model)));
  if (model.graph && opset_after != opset_before && opset_after < 9) HoistConstants(*model.graph, *model.graph);
  if (model.ir_version < 4 && model.graph) ListInitializersAsInputs(*model.graph);
}

}  // namespace sardonyx::optimize::version
