#include "ops/infer/node_context.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace sardonyx::ops::infer {
namespace {

using ir::Dim;

template <class T>
std::vector<Dim> IntegerElements(const Tensor& tensor) {
  std::vector<Dim> elements;
  for (const T value : tensor.data<T>()) {
    const bool fits = !std::is_same_v<T, uint64_t> || static_cast<uint64_t>(value) <= static_cast<uint64_t>(INT64_MAX);
    elements.push_back(fits ? Dim(static_cast<int64_t>(value)) : Dim());
  }
  return elements;
}

template <class T>
std::vector<Dim> FloatElements(const Tensor& tensor) {
  std::vector<Dim> elements;
  for (const T value : tensor.data<T>()) {
    const bool integral = value >= -9.0e15 && value <= 9.0e15 && static_cast<T>(static_cast<int64_t>(value)) == value;
    elements.push_back(integral ? Dim(static_cast<int64_t>(value)) : Dim());
  }
  return elements;
}

std::optional<std::vector<Dim>> ElementsOf(const Tensor& tensor) {
  if (tensor.rank() > 1 || static_cast<size_t>(tensor.num_elements()) > kMaxElements) return std::nullopt;
  switch (tensor.dtype()) {
    case DataType::kInt64:
      return IntegerElements<int64_t>(tensor);
    case DataType::kInt32:
      return IntegerElements<int32_t>(tensor);
    case DataType::kInt16:
      return IntegerElements<int16_t>(tensor);
    case DataType::kInt8:
      return IntegerElements<int8_t>(tensor);
    case DataType::kUint64:
      return IntegerElements<uint64_t>(tensor);
    case DataType::kUint32:
      return IntegerElements<uint32_t>(tensor);
    case DataType::kUint16:
      return IntegerElements<uint16_t>(tensor);
    case DataType::kUint8:
      return IntegerElements<uint8_t>(tensor);
    case DataType::kBool:
      return IntegerElements<bool>(tensor);
    case DataType::kFloat:
      return FloatElements<float>(tensor);
    case DataType::kDouble:
      return FloatElements<double>(tensor);
    default:
      return std::nullopt;
  }
}

template <class T>
std::optional<Tensor> TensorOf(const Dims& dims, const std::vector<Dim>& elements) {
  StatusOr<Tensor> made = Tensor::Allocate(DataTypeOf<T>::value, dims);
  if (!made.ok() || static_cast<size_t>(made->num_elements()) != elements.size()) return std::nullopt;
  const std::span<T> data = made->mutable_data<T>();
  for (size_t i = 0; i < elements.size(); ++i) data[i] = static_cast<T>(elements[i].value());
  return *std::move(made);
}

// The tensor of elements that are all constant.
std::optional<Tensor> ConstantOf(const ValueFacts& facts) {
  if (!facts.elements || !facts.type.is_tensor() || !facts.type.shape || facts.type.shape->rank() > 1) return std::nullopt;
  for (const Dim& element : *facts.elements)
    if (!element.is_constant()) return std::nullopt;
  const Dims dims = facts.type.shape->rank() == 0 ? Dims() : Dims({static_cast<int64_t>(facts.elements->size())});
  switch (facts.type.dtype) {
    case DataType::kInt64:
      return TensorOf<int64_t>(dims, *facts.elements);
    case DataType::kInt32:
      return TensorOf<int32_t>(dims, *facts.elements);
    case DataType::kBool:
      return TensorOf<bool>(dims, *facts.elements);
    case DataType::kFloat:
      return TensorOf<float>(dims, *facts.elements);
    case DataType::kDouble:
      return TensorOf<double>(dims, *facts.elements);
    default:
      return std::nullopt;
  }
}

const ir::Type& UnknownType() {
  static const ir::Type* const kUnknown = new ir::Type();
  return *kUnknown;
}

}  // namespace

const Tensor* DecodeConstant(Entry& entry) {
  if (entry.undecoded != nullptr) {
    const ir::StoredTensor& stored = *std::exchange(entry.undecoded, nullptr);
    if (stored.byte_size() <= kMaxConstantBytes)
      if (StatusOr<Tensor> tensor = stored.ToTensor(); tensor.ok()) entry.facts.constant = tensor->Aligned();
  }
  if (!entry.facts.constant) entry.facts.constant = ConstantOf(entry.facts);
  return entry.facts.constant ? &*entry.facts.constant : nullptr;
}

void DecodeElements(Entry& entry) {
  if (entry.facts.elements) return;
  if (const Tensor* constant = DecodeConstant(entry)) entry.facts.elements = ElementsOf(*constant);
}

NodeContext::NodeContext(Driver& driver, Frame& frame, const ir::Node& node, const ir::Node& original, const OpSchema& schema,
                         int64_t opset_version)
    : driver_(driver), frame_(frame), node_(node), original_(original), schema_(schema), opset_version_(opset_version) {
  for (const ir::Value* value : node.inputs()) inputs_.push_back(value == nullptr ? nullptr : &driver.EntryOf(value, frame));
  outputs_.resize(node.outputs().size());
}

const ir::Type& NodeContext::input_type(size_t i) const { return has_input(i) ? inputs_[i]->facts.type : UnknownType(); }

ValueFacts NodeContext::input_facts(size_t i) const {
  if (!has_input(i)) return {};
  input_constant(i);
  return inputs_[i]->facts;
}

const Tensor* NodeContext::input_constant(size_t i) const { return has_input(i) ? DecodeConstant(*inputs_[i]) : nullptr; }

std::optional<std::vector<Dim>> NodeContext::input_elements(size_t i) const {
  if (!has_input(i)) return std::nullopt;
  DecodeElements(*inputs_[i]);
  const ValueFacts& facts = inputs_[i]->facts;
  if (facts.elements) return facts.elements;
  if (!facts.type.is_tensor() || !facts.type.shape || facts.type.shape->rank() > 1) return std::nullopt;
  const Dim count = facts.type.shape->num_elements();
  if (!count.is_constant() || count.value() < 0 || count.value() > static_cast<int64_t>(kMaxElements)) return std::nullopt;
  return std::vector<Dim>(static_cast<size_t>(count.value()));
}

void NodeContext::set_output_type(size_t i, ir::Type type) {
  if (i >= outputs_.size()) return;
  if (type.shape && type.shape->rank() > kMaxRank) type.shape.reset();
  outputs_[i].type = std::move(type);
}

void NodeContext::set_output_elements(size_t i, std::vector<Dim> elements) {
  if (i < outputs_.size() && elements.size() <= kMaxElements) outputs_[i].elements = std::move(elements);
}

void NodeContext::set_output_constant(size_t i, Tensor constant) {
  if (i < outputs_.size()) outputs_[i].constant = std::move(constant);
}

Dim NodeContext::NewSymbol(std::string_view hint) {
  // Numbered, so that the node's next visit (a loop's body is visited again) makes the same ones.
  return Dim::Symbol(driver_.NewSymbolName(frame_, original_, fmt::format("{}#{}", hint, symbols_++)));
}

StatusOr<std::vector<ValueFacts>> NodeContext::InferSubgraph(const ir::Graph& graph, const std::vector<ValueFacts>& inputs,
                                                             SubgraphErrors keep) {
  Errors errors;
  std::vector<ValueFacts> outputs = driver_.InferGraph(graph, frame_, &inputs, errors);
  if (keep == SubgraphErrors::kIgnore) errors.clear();
  subgraph_errors_[&graph] = std::move(errors);
  return outputs;
}

void NodeContext::FinishSubgraphs(Errors& errors) {
  for (const auto& [name, graph] : ir::Subgraphs(node_)) {
    if (graph == nullptr) continue;
    if (!subgraph_errors_.contains(graph)) (void)driver_.InferGraph(*graph, frame_, nullptr, subgraph_errors_[graph]);
    Errors& inner = subgraph_errors_[graph];
    std::move(inner.begin(), inner.end(), std::back_inserter(errors));
    inner.clear();
  }
}

}  // namespace sardonyx::ops::infer

namespace sardonyx::ops {

const ir::Shape* InferenceContext::input_shape(size_t i) const {
  if (!has_input(i)) return nullptr;
  const ir::Type& type = input_type(i);
  if (type.kind != ir::Type::Kind::kTensor && type.kind != ir::Type::Kind::kSparseTensor) return nullptr;
  return type.shape ? &*type.shape : nullptr;
}

void InferenceContext::SetOutput(size_t i, DataType dtype, std::optional<ir::Shape> shape) {
  ir::Type type = ir::Type::Tensor(dtype);
  type.shape = std::move(shape);
  set_output_type(i, std::move(type));
}

}  // namespace sardonyx::ops
