#include "ops/graph_builder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <unordered_set>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "ops/schema.h"

namespace sardonyx::ops {
namespace {

constexpr size_t kSmallConstant = 1024;  // bytes; equal ones below are one initializer

// The oldest opset that importers build for.
constexpr int64_t kOldestOpset = 18;

// The first opset of each release with a new IR version (onnx/docs/Versioning.md).
int64_t IrVersion(int64_t opset) {
  constexpr int64_t kFirst[][2] = {{28, 14}, {25, 13}, {24, 12}, {23, 11}, {21, 10}, {19, 9}};
  for (const auto& [first, version] : kFirst)
    if (opset >= first) return version;
  return 8;
}

// What makes two nodes the same; empty where they never are.
std::string NodeText(std::string_view op_type, std::string_view domain, const GraphBuilder::Values& inputs, size_t outputs,
                     const std::vector<Attr>& attributes) {
  if (op_type.starts_with("Random") || op_type == "Bernoulli" || op_type == "Multinomial" || op_type == "Dropout") return "";
  std::string text = fmt::format("{}:{}/{}", domain, op_type, outputs);
  for (const ir::Value* input : inputs) text += fmt::format(" {}", static_cast<const void*>(input));
  for (const Attr& attribute : attributes) {
    text += "|" + attribute.name + "=";
    if (const auto* v = std::get_if<int64_t>(&attribute.value)) {
      text += fmt::format("i{}", *v);
    } else if (const auto* f = std::get_if<float>(&attribute.value)) {
      text += fmt::format("f{:a}", *f);
    } else if (const auto* s = std::get_if<std::string>(&attribute.value)) {
      text += "s" + *s;
    } else if (const auto* list = std::get_if<std::vector<int64_t>>(&attribute.value)) {
      for (const int64_t one : *list) text += fmt::format("i{}", one);
    } else if (const auto* floats = std::get_if<std::vector<float>>(&attribute.value)) {
      for (const float one : *floats) text += fmt::format("f{:a}", one);
    } else if (const auto* strings = std::get_if<std::vector<std::string>>(&attribute.value)) {
      for (const std::string& one : *strings) text += fmt::format("s{}:{}", one.size(), one);
    } else {
      return "";  // graphs and tensors
    }
  }
  return text;
}

template <class T>
Tensor NumberOf(double value) {
  if constexpr (std::is_same_v<T, double>) {
    return Tensor::Scalar<double>(value);
  } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    constexpr double kLowest = static_cast<double>(std::numeric_limits<T>::min()),
                     kBeyond = static_cast<double>(std::numeric_limits<T>::max());
    if (!(value > kLowest)) return Tensor::Scalar<T>(std::numeric_limits<T>::min());  // NaN as well
    return Tensor::Scalar<T>(value >= kBeyond ? std::numeric_limits<T>::max() : static_cast<T>(value));
  } else if constexpr (std::is_same_v<T, bool>) {
    return Tensor::Scalar<bool>(value != 0);
  } else {
    return Tensor::Scalar<T>(T(static_cast<float>(value)));
  }
}

std::optional<Tensor> MakeNumber(double value, DataType dtype) {
  switch (dtype) {
    case DataType::kFloat:
      return NumberOf<float>(value);
    case DataType::kDouble:
      return NumberOf<double>(value);
    case DataType::kFloat16:
      return NumberOf<Float16>(value);
    case DataType::kBfloat16:
      return NumberOf<BFloat16>(value);
    case DataType::kFloat8E4M3FN:
      return NumberOf<Float8E4M3FN>(value);
    case DataType::kFloat8E4M3FNUZ:
      return NumberOf<Float8E4M3FNUZ>(value);
    case DataType::kFloat8E5M2:
      return NumberOf<Float8E5M2>(value);
    case DataType::kFloat8E5M2FNUZ:
      return NumberOf<Float8E5M2FNUZ>(value);
    case DataType::kInt8:
      return NumberOf<int8_t>(value);
    case DataType::kInt16:
      return NumberOf<int16_t>(value);
    case DataType::kInt32:
      return NumberOf<int32_t>(value);
    case DataType::kInt64:
      return NumberOf<int64_t>(value);
    case DataType::kUint8:
      return NumberOf<uint8_t>(value);
    case DataType::kUint16:
      return NumberOf<uint16_t>(value);
    case DataType::kUint32:
      return NumberOf<uint32_t>(value);
    case DataType::kUint64:
      return NumberOf<uint64_t>(value);
    case DataType::kBool:
      return NumberOf<bool>(value);
    default:
      return std::nullopt;
  }
}

}  // namespace

GraphBuilder::GraphBuilder(int64_t opset, std::string_view graph_name) : opset_(opset), model_(std::make_unique<ir::Model>()) {
  if (opset < kOldestOpset || opset > NewestOpset(""))
    Fail(Unsupported(fmt::format("graphs are built for opset {} to {}, not {}", kOldestOpset, NewestOpset(""), opset)));
  model_->SetOpset("", opset);
  model_->ir_version = IrVersion(opset);
  model_->graph = std::make_unique<ir::Graph>();
  model_->graph->name = graph_name;
  inference_ = std::make_unique<IncrementalInference>(*model_);
  scopes_.push_back({model_->graph.get(), {}, {}});
}

void GraphBuilder::Fail(Status status) {
  if (status_.ok()) status_ = std::move(status);
}

void GraphBuilder::Require(int64_t opset, std::string_view what) {
  if (opset_ >= opset) return;
  needed_opset_ = std::max(needed_opset_, opset);
  Fail(Unsupported(fmt::format("{} needs opset {}: convert with --opset {} or higher", what, opset, opset)));
}

std::string GraphBuilder::UniqueName(std::string_view base) {
  std::string name(base.empty() ? "value" : base);
  if (names_.insert(name).second) return name;
  for (int& count = name_counts_[name];;) {
    std::string candidate = fmt::format("{}_{}", name, ++count);
    if (names_.insert(candidate).second) return candidate;
  }
}

std::string GraphBuilder::ValueName(std::string_view op_type) {
  return UniqueName(place_.empty() ? std::string(op_type) : fmt::format("{}/{}", place_, op_type));
}

ir::Value* GraphBuilder::Input(std::string_view name, ir::Type type) {
  names_.insert(std::string(name));
  ir::Graph& graph = *model_->graph;
  Value value = graph.AddValue(name, /*keep_duplicate=*/true);
  graph.AddInput({value, type, "", {}, {}});
  inference_->SetFacts(value, {std::move(type), std::nullopt, std::nullopt});
  return value;
}

void GraphBuilder::Output(Value value, std::string_view name) {
  if (value == nullptr) return Fail(Internal(fmt::format("output '{}' has no value", name)));
  ir::Graph& graph = *model_->graph;
  const bool own = value->producer() != nullptr && value->graph() == &graph && !value->is_graph_output();
  if (!own) {
    Value copy = graph.AddValue(UniqueName("output"), true);
    ir::Node* node = graph.AddNode("Identity");
    node->AddInput(value);
    node->AddOutput(copy);
    inference_->SetFacts(copy, {value->type, std::nullopt, std::nullopt});
    value = copy;
  }
  names_.insert(std::string(name));
  graph.Rename(value, name);
  graph.AddOutput({value, value->type, "", {}, {}});
}

ir::Value* GraphBuilder::Constant(Tensor tensor) {
  std::string key;
  if (tensor.byte_size() <= kSmallConstant && tensor.dtype() != DataType::kString) {
    key = tensor.TypeString();
    key.append(static_cast<const char*>(tensor.raw_data()), tensor.byte_size());
    if (const auto found = constants_.find(key); found != constants_.end()) return found->second;
  }
  std::string name = tensor.rank() == 0 ? fmt::format("const_{}", DataTypeName(tensor.dtype()))
                                        : fmt::format("const_{}_{}", DataTypeName(tensor.dtype()), tensor.num_elements());
  Value value = Weight(name, std::move(tensor));
  if (!key.empty()) constants_.emplace(std::move(key), value);
  return value;
}

ir::Value* GraphBuilder::Weight(std::string_view name, Tensor tensor) {
  ir::Graph& graph = *model_->graph;
  Value value = graph.AddValue(UniqueName(name), true);
  graph.SetInitializer(value, ir::StoredTensor::Of(value->name(), std::move(tensor)));
  inference_->SetInitializer(value);
  return value;
}

ir::Value* GraphBuilder::Ints(const std::vector<int64_t>& values) {
  return Constant(Tensor::From<int64_t>({static_cast<int64_t>(values.size())}, values));
}

ir::Value* GraphBuilder::Number(double value, DataType dtype) {
  std::optional<Tensor> tensor = MakeNumber(value, dtype);
  if (tensor) return Constant(*std::move(tensor));
  Fail(Unsupported(fmt::format("a number of type {}", DataTypeName(dtype))));
  return Unknown(1)[0];
}

ir::Value* GraphBuilder::Number(int64_t value, DataType dtype) {
  if (dtype == DataType::kInt64) return Scalar<int64_t>(value);
  if (dtype == DataType::kUint64) return Scalar<uint64_t>(static_cast<uint64_t>(value));
  return Number(static_cast<double>(value), dtype);
}

const ir::Shape* GraphBuilder::shape(Value value) const { return value != nullptr && value->type.shape ? &*value->type.shape : nullptr; }

std::optional<size_t> GraphBuilder::known_rank(Value value) const {
  const ir::Shape* known = shape(value);
  return known ? std::optional<size_t>(known->rank()) : std::nullopt;
}

size_t GraphBuilder::rank(Value value) {
  if (const ir::Shape* known = shape(value)) return known->rank();
  Fail(Unsupported(fmt::format("the rank of '{}' is not known", value ? value->name() : "")));
  return 0;
}

ir::Dim GraphBuilder::dim(Value value, int64_t axis) const {
  const ir::Shape* known = shape(value);
  if (known == nullptr) return {};
  const auto rank = static_cast<int64_t>(known->rank());
  if (axis < 0) axis += rank;
  return axis < 0 || axis >= rank ? ir::Dim() : (*known)[static_cast<size_t>(axis)];
}

std::optional<int64_t> GraphBuilder::static_dim(Value value, int64_t axis) const {
  const ir::Dim found = dim(value, axis);
  return found.is_constant() ? std::optional<int64_t>(found.value()) : std::nullopt;
}

std::optional<Dims> GraphBuilder::static_shape(Value value) const {
  const ir::Shape* known = shape(value);
  return known ? known->concrete() : std::nullopt;
}

const Tensor* GraphBuilder::constant(Value value) {
  if (value == nullptr) return nullptr;
  const ValueFacts& facts = inference_->facts(value);
  return facts.constant ? &*facts.constant : nullptr;
}

std::optional<std::vector<ir::Dim>> GraphBuilder::elements(Value value) {
  if (value == nullptr || !IsInteger(value->type.dtype)) return std::nullopt;
  return inference_->facts(value).elements;
}

std::optional<std::vector<int64_t>> GraphBuilder::constant_ints(Value value) {
  const std::optional<std::vector<ir::Dim>> known = elements(value);
  if (!known) return std::nullopt;
  std::vector<int64_t> ints;
  for (const ir::Dim& element : *known) {
    if (!element.is_constant()) return std::nullopt;
    ints.push_back(element.value());
  }
  return ints;
}

void GraphBuilder::Declare(Value value, const ir::Type& type) {
  if (value != nullptr) inference_->Declare(value, type);
}

bool GraphBuilder::Has(std::string_view op_type, std::string_view domain) const {
  const int64_t version = domain.empty() ? opset_ : model_->OpsetVersion(domain);
  const OpSchema* schema = FindSchema(domain, op_type, version == 0 ? NewestOpset(domain) : version);
  return schema != nullptr && !schema->deprecated;
}

GraphBuilder::Values GraphBuilder::Unknown(size_t count) {
  Values values;
  for (size_t i = 0; i < count; ++i) values.push_back(scopes_.back().graph->AddValue(UniqueName("unknown"), true));
  return values;
}

const GraphBuilder::Values* GraphBuilder::FindKnown(const std::string& text) const {
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope)
    if (const auto found = scope->known.find(text); found != scope->known.end()) return &found->second;
  return nullptr;
}

// Only integers and booleans: the elements that inference follows lose the sign of a zero.
std::optional<GraphBuilder::Values> GraphBuilder::Folded(const ir::Node& node) {
  if (!ir::Subgraphs(node).empty()) return std::nullopt;
  std::vector<Tensor> tensors;
  for (const Value output : node.outputs()) {
    if (output == nullptr || (!IsInteger(output->type.dtype) && output->type.dtype != DataType::kBool)) return std::nullopt;
    const Tensor* known = constant(output);
    if (known == nullptr || known->dtype() != output->type.dtype) return std::nullopt;
    tensors.push_back(*known);
  }
  Values values;
  for (Tensor& tensor : tensors) values.push_back(Constant(std::move(tensor)));
  return values;
}

GraphBuilder::Values GraphBuilder::AddNode(std::string_view op_type, const Values& inputs, size_t outputs, std::vector<Attr> attributes,
                                           std::string_view domain) {
  ir::Graph* graph = scopes_.back().graph;
  ir::Node* node = graph->AddNode(op_type, domain);
  node->name = place_;
  size_t last = inputs.size();
  while (last > 0 && inputs[last - 1] == nullptr) --last;
  for (size_t i = 0; i < last; ++i) node->SetInput(i, inputs[i]);
  for (Attr& attribute : attributes) node->SetAttribute(std::move(attribute));
  for (size_t i = 0; i < outputs; ++i) node->AddOutput(graph->AddValue(ValueName(op_type), true));
  if (const Status status = inference_->Infer(*node); !status.ok()) {
    Fail(status);
    return node->outputs();
  }
  if (std::optional<Values> constants = Folded(*node)) return *constants;
  return node->outputs();
}

namespace {

// Whether a version of an operator takes inputs of these types.
bool Takes(const OpSchema& schema, const GraphBuilder::Values& inputs) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    const FormalParameter* parameter = schema.input(i);
    if (inputs[i] == nullptr || !inputs[i]->type.known() || inputs[i]->type.dtype == DataType::kUndefined || parameter == nullptr) continue;
    const std::string spelling = inputs[i]->type.Spelling();
    const TypeConstraint* constraint = schema.constraint(parameter->type);
    const bool fits = constraint ? std::find(constraint->types.begin(), constraint->types.end(), spelling) != constraint->types.end()
                                 : parameter->type == spelling;
    if (!fits) return false;
  }
  return true;
}

}  // namespace

// Element types that an operator has only in a newer opset.
void GraphBuilder::CheckTypes(std::string_view op_type, const Values& inputs) {
  const OpSchema* schema = FindSchema("", op_type, opset_);
  if (schema == nullptr || Takes(*schema, inputs)) return;
  for (const OpSchema* newer : SchemaVersions("", op_type))
    if (newer->since_version > opset_ && Takes(*newer, inputs)) {
      const DataType type = inputs.empty() || inputs[0] == nullptr ? DataType::kUndefined : inputs[0]->type.dtype;
      return Require(newer->since_version, fmt::format("{} of {}", op_type, DataTypeName(type)));
    }
}

GraphBuilder::Values GraphBuilder::Ops(std::string_view op_type, Values inputs, size_t outputs, std::vector<Attr> attributes,
                                       std::string_view domain) {
  if (!ok()) return Unknown(outputs);
  if (!Has(op_type, domain) && (domain.empty() || IsStandardDomain(domain))) {
    const auto versions = SchemaVersions(domain, op_type);
    if (versions.empty())
      Fail(Internal(fmt::format("there is no operator {}", op_type)));
    else
      Require(versions.front()->since_version, op_type);
    return Unknown(outputs);
  }
  if (!domain.empty() && model_->OpsetVersion(domain) == 0) model_->SetOpset(domain, std::max(1, NewestOpset(domain)));
  const std::string text = NodeText(op_type, domain, inputs, outputs, attributes);
  if (!text.empty())
    if (const Values* known = FindKnown(text)) return *known;
  if (domain.empty()) CheckTypes(op_type, inputs);
  if (!ok()) return Unknown(outputs);
  Values values = AddNode(op_type, inputs, outputs, std::move(attributes), domain);
  if (!text.empty() && ok()) scopes_.back().known.emplace(text, values);
  return values;
}

ir::Value* GraphBuilder::Op(std::string_view op_type, Values inputs, std::vector<Attr> attributes, std::string_view domain) {
  return Ops(op_type, std::move(inputs), 1, std::move(attributes), domain)[0];
}

void GraphBuilder::Rename(Value value, std::string_view name) {
  if (value == nullptr || value->producer() == nullptr || value->is_graph_output() || value->name() == name) return;
  const std::string unique = UniqueName(name);
  value->graph()->Rename(value, unique);
}

namespace {

bool IsLive(const ir::Node& node) {
  return std::any_of(node.outputs().begin(), node.outputs().end(),
                     [](const ir::Value* output) { return output && (!output->uses().empty() || output->is_graph_output()); });
}

// From the last node to the first, so that one walk is enough. Subgraphs only of nodes that stay.
void RemoveDeadNodes(ir::Graph& graph) {
  std::unordered_set<const ir::Node*> dead;
  for (auto it = graph.nodes().rbegin(); it != graph.nodes().rend(); ++it) {
    ir::Node& node = **it;
    if (!IsLive(node)) {
      dead.insert(&node);
      while (!node.attributes().empty()) node.RemoveAttribute(node.attributes().back().name);  // its subgraphs let go
      node.ResizeInputs(0);
      continue;
    }
    for (const auto& [name, subgraph] : ir::Subgraphs(node)) RemoveDeadNodes(*subgraph);
  }
  graph.RemoveNodes([&](const ir::Node& node) { return dead.contains(&node); });
  graph.RemoveUnusedValues();
}

void NameNodes(ir::Graph& graph, std::unordered_map<std::string, int>& counts) {
  for (const auto& node : graph.nodes()) {
    std::string name = node->name.empty() ? node->op_type : fmt::format("{}/{}", node->name, node->op_type);
    const int count = counts[name]++;
    node->name = count == 0 ? name : fmt::format("{}_{}", name, count);
    for (const auto& [attribute, subgraph] : ir::Subgraphs(*node)) NameNodes(*subgraph, counts);
  }
}

}  // namespace

StatusOr<std::unique_ptr<ir::Model>> GraphBuilder::Finish() {
  RETURN_IF_ERROR(status_);
  ir::Graph& graph = *model_->graph;
  for (ir::ValueInfo& output : graph.mutable_outputs()) output.type = output.value->type;
  inference_.reset();
  discarded_.clear();
  RemoveDeadNodes(graph);
  std::vector<Value> unused;
  for (Value value : graph.initializers())
    if (value->uses().empty() && !value->is_graph_output()) unused.push_back(value);
  for (Value value : unused) graph.RemoveInitializer(value);
  graph.RemoveUnusedValues();
  std::unordered_map<std::string, int> counts;
  NameNodes(graph, counts);
  return std::move(model_);
}

}  // namespace sardonyx::ops
