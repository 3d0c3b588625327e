#include "optimize/version/node_editor.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/status_macros.h"
#include "ir/text.h"
#include "optimize/splice.h"

namespace sardonyx::optimize::version {
namespace {

std::string Quoted(const ir::Value* value) { return value ? fmt::format("'{}'", value->name()) : "which is omitted"; }

template <class T>
Tensor Scalar(double value) {
  return Tensor::Scalar<T>(static_cast<T>(value));
}
template <class T>
Tensor NarrowScalar(double value) {
  return Tensor::Scalar<T>(T(static_cast<float>(value)));
}

}  // namespace

Tensor IntsTensor(const std::vector<int64_t>& values) { return Tensor::From<int64_t>({static_cast<int64_t>(values.size())}, values); }

StatusOr<Tensor> NumberTensor(DataType dtype, double value) {
  switch (dtype) {
    case DataType::kFloat:
      return Scalar<float>(value);
    case DataType::kDouble:
      return Scalar<double>(value);
    case DataType::kFloat16:
      return NarrowScalar<Float16>(value);
    case DataType::kBfloat16:
      return NarrowScalar<BFloat16>(value);
    case DataType::kInt8:
      return Scalar<int8_t>(value);
    case DataType::kInt16:
      return Scalar<int16_t>(value);
    case DataType::kInt32:
      return Scalar<int32_t>(value);
    case DataType::kInt64:
      return Scalar<int64_t>(value);
    case DataType::kUint8:
      return Scalar<uint8_t>(value);
    case DataType::kUint16:
      return Scalar<uint16_t>(value);
    case DataType::kUint32:
      return Scalar<uint32_t>(value);
    case DataType::kUint64:
      return Scalar<uint64_t>(value);
    case DataType::kBool:
      return Tensor::Scalar<bool>(value != 0);
    default:
      return Unsupported(fmt::format("there is no constant of element type {} for it", DataTypeName(dtype)));
  }
}

NodeEditor::NodeEditor(Workspace& workspace, ir::Node* node, const ops::OpSchema& from, int64_t to, int64_t target, size_t* position)
    : workspace_(workspace), node_(node), from_(from), to_(to), target_(target), position_(position) {
  text_.emplace(from_, *node_);
  base_ = from_.name;
  for (size_t i = node_->outputs().size(); i-- > 0;)
    if (node_->output(i)) base_ = node_->output(i)->name();
}

bool NodeEditor::WantsOutput(size_t i) const {
  const ir::Value* output = node_->output(i);
  return output && (output->is_graph_output() || !output->uses().empty());
}

const ir::Shape* NodeEditor::shape(size_t i) const {
  const ir::Value* value = node_->input(i);
  return value && value->type.is_tensor() && value->type.shape ? &*value->type.shape : nullptr;
}

std::optional<int64_t> NodeEditor::Dim(size_t i, size_t axis) const { return text_->InputDim(i, axis); }

StatusOr<DataType> NodeEditor::Dtype(size_t i) const {
  if (const DataType dtype = text_->InputDtype(i); dtype != DataType::kUndefined) return dtype;
  return Unsupported(fmt::format("the element type of input {} ({}) is not known", InputName(i), Quoted(node_->input(i))));
}

StatusOr<int64_t> NodeEditor::Rank(size_t i) const {
  if (const std::optional<size_t> rank = text_->InputRank(i)) return static_cast<int64_t>(*rank);
  return Unsupported(fmt::format("the rank of input {} ({}) is not known", InputName(i), Quoted(node_->input(i))));
}

StatusOr<std::vector<int64_t>> NodeEditor::ConstantInts(size_t i) const {
  const std::optional<Tensor> tensor = Constant(i);
  if (!tensor) return Unsupported(fmt::format("input {} ({}) is not a constant", InputName(i), Quoted(node_->input(i))));
  if (tensor->dtype() == DataType::kInt64) return std::vector<int64_t>(tensor->data<int64_t>().begin(), tensor->data<int64_t>().end());
  if (tensor->dtype() == DataType::kInt32) return std::vector<int64_t>(tensor->data<int32_t>().begin(), tensor->data<int32_t>().end());
  return Unsupported(fmt::format("input {} ({}) is {}, not integers", InputName(i), Quoted(node_->input(i)), tensor->TypeString()));
}

StatusOr<double> NodeEditor::ConstantNumber(size_t i) const {
  const std::optional<Tensor> tensor = Constant(i);
  if (!tensor || tensor->num_elements() != 1)
    return Unsupported(fmt::format("input {} ({}) is not a constant number", InputName(i), Quoted(node_->input(i))));
  switch (tensor->dtype()) {
    case DataType::kFloat:
      return static_cast<double>(tensor->data<float>()[0]);
    case DataType::kDouble:
      return tensor->data<double>()[0];
    case DataType::kFloat16:
      return static_cast<double>(static_cast<float>(tensor->data<Float16>()[0]));
    case DataType::kBfloat16:
      return static_cast<double>(static_cast<float>(tensor->data<BFloat16>()[0]));
    case DataType::kBool:
      return tensor->data<bool>()[0] ? 1.0 : 0.0;
    default: {
      ASSIGN_OR_RETURN(const std::vector<int64_t> values, ConstantInts(i));
      return static_cast<double>(values[0]);
    }
  }
}

StatusOr<int64_t> NodeEditor::Axis(std::string_view name, size_t i, int64_t fallback) const {
  const int64_t axis = Int(name, fallback);
  if (axis >= 0) return axis;
  ASSIGN_OR_RETURN(const int64_t rank, Rank(i));
  if (axis + rank < 0) return Unsupported(fmt::format("{} is {}, but input {} has rank {}", name, axis, InputName(i), rank));
  return axis + rank;
}

void NodeEditor::SetInput(size_t i, ir::Value* value) {
  ir::Value* old = node_->input(i);
  node_->SetInput(i, value);
  if (old) workspace_.MaybeUnused(old);
  changed_ = true;
}

void NodeEditor::DropInput(size_t i) {
  if (node_->input(i)) SetInput(i, nullptr);
  size_t count = node_->inputs().size();
  while (count > 0 && !node_->input(count - 1)) --count;
  node_->ResizeInputs(count);
}

Status NodeEditor::IntsToInput(std::string_view attribute, size_t i) {
  if (!Has(attribute)) return {};
  SetInput(i, AddInts(attribute, node_->GetInts(attribute)));
  Remove(attribute);
  return {};
}

Status NodeEditor::InputToInts(size_t i, std::string_view attribute) {
  if (!HasInput(i)) return {};
  ASSIGN_OR_RETURN(std::vector<int64_t> values, ConstantInts(i));
  DropInput(i);
  Set(attribute, std::move(values));
  return {};
}

std::string NodeEditor::NewName(std::string_view hint) const { return workspace_.FreshName(fmt::format("{}_{}", base_, hint)); }

std::string NodeEditor::NodeName(std::string_view hint) const {
  return node_->name.empty() ? std::string() : fmt::format("{}/{}", node_->name, hint);
}

ir::Node* NodeEditor::InsertNode(size_t position, std::string_view op_type, const std::vector<ir::Value*>& inputs,
                                 std::vector<ir::Attribute> attributes, std::string_view hint) {
  ir::Node* added = node_->graph()->InsertNode(std::min(position, node_->graph()->nodes().size()), op_type);
  added->name = NodeName(hint);
  added->opset_version = to_;
  for (ir::Value* input : inputs) added->AddInput(input);
  for (ir::Attribute& attribute : attributes) added->SetAttribute(std::move(attribute));
  workspace_.Derive(added, *node_);
  changed_ = true;
  return added;
}

ir::Value* NodeEditor::AddNode(std::string_view op_type, const std::vector<ir::Value*>& inputs, std::vector<ir::Attribute> attributes,
                               std::string_view hint) {
  const std::string name = NewName(hint);
  ir::Node* added = InsertNode(*position_, op_type, inputs, std::move(attributes), hint);
  if (*position_ < node_->graph()->nodes().size()) ++*position_;
  ir::Value* value = node_->graph()->AddValue(name);
  added->AddOutput(value);
  return value;
}

ir::Node* NodeEditor::AddNodeBehind(std::string_view op_type, const std::vector<ir::Value*>& inputs, std::vector<ir::Attribute> attributes,
                                    ir::Value* output) {
  const size_t behind = *position_ == SpliceOptions::kAtEnd ? *position_ : *position_ + 1;
  ir::Node* added = InsertNode(behind, op_type, inputs, std::move(attributes), op_type);
  added->AddOutput(output);
  return added;
}

ir::Value* NodeEditor::AddConstant(std::string_view hint, const Tensor& tensor) {
  ir::Value* value = AddNode("Constant", {}, {ir::Attribute("value", ir::StoredTensor::Of("", tensor))}, hint);
  value->type = ir::Type::Tensor(tensor.dtype(), ir::Shape::Of(tensor.dims()));
  return value;
}

ir::Value* NodeEditor::AddInts(std::string_view hint, const std::vector<int64_t>& values) { return AddConstant(hint, IntsTensor(values)); }

StatusOr<ir::Value*> NodeEditor::AddNumber(std::string_view hint, DataType dtype, double value) {
  ASSIGN_OR_RETURN(const Tensor tensor, NumberTensor(dtype, value));
  return AddConstant(hint, tensor);
}

void NodeEditor::Reproduce(const std::vector<ir::Value*>& outputs) {
  ir::Graph* graph = node_->graph();
  ir::Node* twin = graph->InsertNode(std::min(*position_, graph->nodes().size()), node_->op_type, node_->domain);
  twin->name = node_->name;
  twin->overload = node_->overload;
  twin->doc = node_->doc;
  twin->metadata = node_->metadata;
  twin->device_configurations = node_->device_configurations;
  twin->extras = node_->extras;
  twin->opset_version = node_->opset_version;
  for (ir::Value* input : node_->inputs()) twin->AddInput(input);
  for (ir::Attribute& attribute : node_->mutable_attributes()) twin->SetAttribute(std::move(attribute));
  node_->mutable_attributes().clear();
  for (ir::Value* output : outputs) twin->AddOutput(output);
  workspace_.Derive(twin, *node_);
  workspace_.Remove(node_);
  node_ = twin;
  text_.emplace(from_, *node_);
  changed_ = true;
}

std::pair<ir::Value*, ir::Value*> NodeEditor::DetachOutput(size_t i, DataType dtype) {
  ir::Value* old = node_->output(i);
  ir::Value* fresh = node_->graph()->AddValue(NewName(from_.output(i) ? from_.output(i)->name : "output"));
  fresh->type = old->type;
  if (dtype != DataType::kUndefined) fresh->type.dtype = dtype;
  std::vector<ir::Value*> outputs = node_->outputs();
  outputs[i] = fresh;
  Reproduce(outputs);
  return {fresh, old};
}

void NodeEditor::ResizeOutputs(size_t count) {
  std::vector<ir::Value*> outputs = node_->outputs();
  while (outputs.size() < count) {
    const ops::FormalParameter* parameter = from_.output(outputs.size());
    outputs.push_back(node_->graph()->AddValue(NewName(parameter ? parameter->name : "unused")));
  }
  outputs.resize(count);
  Reproduce(outputs);
}

Status NodeEditor::ReplaceBy(const ir::Function& body) {
  ir::Graph* graph = node_->graph();
  SpliceOptions splice;
  splice.position = *position_;
  splice.value_name = [&](const std::string& name) { return NewName(name); };
  splice.node_name = [&](const std::string& name) { return NodeName(name); };
  const size_t before = graph->nodes().size();
  ASSIGN_OR_RETURN(const std::vector<ir::Node*> added, SpliceBody(node_, body, splice));
  int64_t opset = to_;
  for (const ir::OpsetImport& import : body.opset_imports)
    if (ir::NormalDomain(import.domain).empty()) opset = import.version;
  for (ir::Node* node : added) {
    const auto set = [&](const ir::Node& inner) {
      if (inner.opset_version == 0) const_cast<ir::Node&>(inner).opset_version = opset;
    };
    set(*node);
    workspace_.Derive(node, *node_);
    for (const auto& [name, sub] : ir::Subgraphs(*node)) ir::ForEachNode(*sub, set);
  }
  if (*position_ < before) *position_ += graph->nodes().size() - before;
  for (ir::Value* input : node_->inputs())
    if (input) workspace_.MaybeUnused(input);
  workspace_.Remove(node_);
  replaced_ = changed_ = true;
  return {};
}

Status NodeEditor::Replace() {
  const std::string text = fmt::format("<domain: \"\", opset_import: [\"\" : {}]>\n{} {}", to_, from_.name, text_->Text());
  StatusOr<ir::Function> body = ir::ParseFunctionText(text);
  if (!body.ok()) return Internal(fmt::format("nodes for {} {}: {}\n{}", from_.name, from_.since_version, body.status().message(), text));
  return ReplaceBy(*body);
}

}  // namespace sardonyx::optimize::version
