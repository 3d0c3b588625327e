// The canonical writer: fields in ascending order, then what the loader kept as unknown.
#include "ir/onnx_wire.h"

namespace sardonyx::ir {
namespace {

using formats::WireRope;
using formats::WireType;

// A field whose absence means its default is written when it differs from that, or stood in the file all the same.
void PutString(WireRope& rope, int field, const std::string& value, const Extras& extras) {
  if (!value.empty() || extras.Has(field)) rope.String(field, value);
}
void PutInt(WireRope& rope, int field, int64_t value, const Extras& extras) {
  if (value != 0 || extras.Has(field)) rope.Int(field, value);
}
void PutPairs(WireRope& rope, int field, const StringPairs& pairs) {
  for (const auto& [key, value] : pairs) rope.Message(field, WriteStringPair(key, value));
}

void PutInts(WireRope& rope, int field, const std::vector<int64_t>& values, bool packed) {
  if (!packed) {
    for (int64_t value : values) rope.Int(field, value);
    return;
  }
  WireRope payload;
  for (int64_t value : values) payload.Varint(static_cast<uint64_t>(value));
  rope.Message(field, std::move(payload));
}

void PutFloats(WireRope& rope, int field, const std::vector<float>& values, bool packed) {
  if (packed) return rope.String(field, {reinterpret_cast<const char*>(values.data()), values.size() * 4});
  for (float value : values) rope.Float(field, value);
}

int32_t TypeNumber(DataType dtype, int32_t raw) { return dtype == DataType::kUndefined ? raw : static_cast<int32_t>(dtype); }

WireRope WriteShape(const Shape& shape) {
  WireRope rope;
  for (size_t i = 0; i < shape.rank(); ++i) {
    WireRope dim;
    if (shape[i].is_constant()) dim.Int(1, shape[i].value());
    const Shape::DimExtras* extras = i < shape.dim_extras.size() ? &shape.dim_extras[i] : nullptr;
    if (shape[i].is_symbolic())
      dim.String(2, shape[i].ToString());
    else if (shape[i].is_unknown() && extras && extras->extras.Has(2))
      dim.String(2, "");
    if (extras) {
      PutString(dim, 3, extras->denotation, extras->extras);
      dim.Raw(extras->extras.unknown);
    }
    rope.Message(1, std::move(dim));
  }
  rope.Raw(shape.extras.unknown);
  return rope;
}

WireRope WriteValueInfo(const ValueInfo& info) {
  WireRope rope;
  PutString(rope, 1, info.value->name(), info.extras);
  if (info.type) rope.Message(2, WriteType(*info.type));
  PutString(rope, 3, info.doc, info.extras);
  PutPairs(rope, 4, info.metadata);
  rope.Raw(info.extras.unknown);
  return rope;
}

WireRope WriteOpset(const OpsetImport& opset) {
  WireRope rope;
  PutString(rope, 1, opset.domain, opset.extras);
  PutInt(rope, 2, opset.version, opset.extras);
  rope.Raw(opset.extras.unknown);
  return rope;
}

WireRope WriteGraph(const Graph& graph);

// The field of AttributeProto that holds the attribute's content.
void PutContent(WireRope& rope, const Attribute& attribute) {
  struct Writer {
    WireRope& rope;
    const Attribute& attribute;
    void operator()(std::monostate) const {}
    void operator()(float v) const { rope.Float(2, v); }
    void operator()(int64_t v) const { rope.Int(3, v); }
    void operator()(const std::string& v) const { rope.String(4, v); }
    void operator()(const StoredTensor& v) const { rope.Message(5, WriteTensor(v)); }
    void operator()(const std::shared_ptr<Graph>& v) const {
      if (v) rope.Message(6, WriteGraph(*v));
    }
    void operator()(const std::vector<float>& v) const { PutFloats(rope, 7, v, attribute.packed); }
    void operator()(const std::vector<int64_t>& v) const { PutInts(rope, 8, v, attribute.packed); }
    void operator()(const std::vector<std::string>& v) const {
      for (const std::string& one : v) rope.String(9, one);
    }
    void operator()(const std::vector<StoredTensor>& v) const {
      for (const StoredTensor& one : v) rope.Message(10, WriteTensor(one));
    }
    void operator()(const std::vector<std::shared_ptr<Graph>>& v) const {
      for (const auto& one : v) rope.Message(11, WriteGraph(*one));
    }
    // Fields beyond `doc_string` (13): see WriteAttribute.
    void operator()(const Type&) const {}
    void operator()(const std::vector<Type>&) const {}
    void operator()(const StoredSparseTensor&) const {}
    void operator()(const std::vector<StoredSparseTensor>&) const {}
  };
  if (!attribute.omitted) std::visit(Writer{rope, attribute}, attribute.value);
}

WireRope WriteAttribute(const Attribute& attribute) {
  constexpr int kTypeWasAbsent = 19;  // see ReadAttribute
  WireRope rope;
  const Extras& extras = attribute.extras;
  PutString(rope, 1, attribute.name, extras);
  PutContent(rope, attribute);
  PutString(rope, 13, attribute.doc, extras);
  if (const auto* type = std::get_if<Type>(&attribute.value)) rope.Message(14, WriteType(*type));
  if (const auto* types = std::get_if<std::vector<Type>>(&attribute.value))
    for (const Type& one : *types) rope.Message(15, WriteType(one));
  if (!extras.Has(kTypeWasAbsent)) PutInt(rope, 20, static_cast<int64_t>(attribute.type), extras);
  PutString(rope, 21, attribute.ref_attr_name, extras);
  if (const auto* sparse = std::get_if<StoredSparseTensor>(&attribute.value)) rope.Message(22, WriteSparseTensor(*sparse));
  if (const auto* list = std::get_if<std::vector<StoredSparseTensor>>(&attribute.value))
    for (const StoredSparseTensor& one : *list) rope.Message(23, WriteSparseTensor(one));
  rope.Raw(extras.unknown);
  return rope;
}

WireRope WriteNode(const Node& node) {
  WireRope rope;
  for (const Value* input : node.inputs()) rope.String(1, input ? std::string_view(input->name()) : std::string_view());
  for (const Value* output : node.outputs()) rope.String(2, output ? std::string_view(output->name()) : std::string_view());
  PutString(rope, 3, node.name, node.extras);
  PutString(rope, 4, node.op_type, node.extras);
  for (const Attribute& attribute : node.attributes()) rope.Message(5, WriteAttribute(attribute));
  PutString(rope, 6, node.doc, node.extras);
  PutString(rope, 7, node.domain, node.extras);
  PutString(rope, 8, node.overload, node.extras);
  PutPairs(rope, 9, node.metadata);
  for (const std::string& one : node.device_configurations) rope.String(10, one);
  rope.Raw(node.extras.unknown);
  return rope;
}

// An initializer is called what its value is called, whatever the tensor was named when it was made.
WireRope WriteInitializer(const Value& value) {
  if (value.initializer()->name == value.name()) return WriteTensor(*value.initializer());
  StoredTensor renamed = *value.initializer();
  renamed.name = value.name();
  return WriteTensor(renamed);
}

WireRope WriteGraph(const Graph& graph) {
  WireRope rope;
  for (const auto& node : graph.nodes()) rope.Message(1, WriteNode(*node));
  PutString(rope, 2, graph.name, graph.extras);
  for (const Value* value : graph.initializers()) rope.Message(5, WriteInitializer(*value));
  PutString(rope, 10, graph.doc, graph.extras);
  for (const ValueInfo& info : graph.inputs()) rope.Message(11, WriteValueInfo(info));
  for (const ValueInfo& info : graph.outputs()) rope.Message(12, WriteValueInfo(info));
  for (const ValueInfo& info : graph.value_info) rope.Message(13, WriteValueInfo(info));
  for (const QuantizationAnnotation& annotation : graph.quantization_annotations) {
    WireRope message;
    PutString(message, 1, annotation.tensor_name, annotation.extras);
    PutPairs(message, 2, annotation.parameters);
    message.Raw(annotation.extras.unknown);
    rope.Message(14, std::move(message));
  }
  for (const Value* value : graph.sparse_initializers()) rope.Message(15, WriteSparseTensor(*value->sparse_initializer()));
  PutPairs(rope, 16, graph.metadata);
  rope.Raw(graph.extras.unknown);
  return rope;
}

WireRope WriteFunction(const Function& function) {
  WireRope rope;
  const Extras& extras = function.extras;
  PutString(rope, 1, function.name, extras);
  for (const ValueInfo& info : function.body->inputs()) rope.String(4, info.value->name());
  for (const ValueInfo& info : function.body->outputs()) rope.String(5, info.value->name());
  for (const std::string& name : function.attributes) rope.String(6, name);
  for (const auto& node : function.body->nodes()) rope.Message(7, WriteNode(*node));
  PutString(rope, 8, function.doc, extras);
  for (const OpsetImport& opset : function.opset_imports) rope.Message(9, WriteOpset(opset));
  PutString(rope, 10, function.domain, extras);
  for (const Attribute& attribute : function.attribute_defaults) rope.Message(11, WriteAttribute(attribute));
  for (const ValueInfo& info : function.body->value_info) rope.Message(12, WriteValueInfo(info));
  PutString(rope, 13, function.overload, extras);
  PutPairs(rope, 14, function.metadata);
  rope.Raw(extras.unknown);
  return rope;
}

WireRope WriteTrainingInfo(const TrainingInfo& info) {
  WireRope rope;
  if (info.initialization) rope.Message(1, WriteGraph(*info.initialization));
  if (info.algorithm) rope.Message(2, WriteGraph(*info.algorithm));
  PutPairs(rope, 3, info.initialization_binding);
  PutPairs(rope, 4, info.update_binding);
  rope.Raw(info.extras.unknown);
  return rope;
}

}  // namespace

WireRope WriteStringPair(const std::string& key, const std::string& value) {
  WireRope rope;
  rope.String(1, key);
  rope.String(2, value);
  return rope;
}

WireRope WriteType(const Type& type) {
  WireRope rope, inner;
  int field = 0;
  switch (type.kind) {
    case Type::Kind::kUnknown:
      break;
    case Type::Kind::kTensor:
    case Type::Kind::kSparseTensor:
      field = type.kind == Type::Kind::kTensor ? 1 : 8;
      PutInt(inner, 1, TypeNumber(type.dtype, type.raw_dtype), type.inner_extras);
      if (type.shape) inner.Message(2, WriteShape(*type.shape));
      break;
    case Type::Kind::kSequence:
    case Type::Kind::kOptional:
      field = type.kind == Type::Kind::kSequence ? 4 : 9;
      if (type.element) inner.Message(1, WriteType(*type.element));
      break;
    case Type::Kind::kMap:
      field = 5;
      PutInt(inner, 1, TypeNumber(type.dtype, type.raw_dtype), type.inner_extras);
      if (type.element) inner.Message(2, WriteType(*type.element));
      break;
    case Type::Kind::kOpaque:
      field = 7;
      PutString(inner, 1, type.opaque_domain, type.inner_extras);
      PutString(inner, 2, type.opaque_name, type.inner_extras);
      break;
  }
  inner.Raw(type.inner_extras.unknown);
  // The denotation is field 6: between the kinds.
  if (field != 0 && field < 6) rope.Message(field, std::move(inner));
  PutString(rope, 6, type.denotation, type.extras);
  if (field > 6) rope.Message(field, std::move(inner));
  rope.Raw(type.extras.unknown);
  return rope;
}

WireRope WriteTensor(const StoredTensor& tensor) {
  WireRope rope;
  const Extras& extras = tensor.extras;
  PutInts(rope, 1, tensor.dims, tensor.dims_packed);
  PutInt(rope, 2, TypeNumber(tensor.dtype, tensor.raw_dtype), extras);
  if (tensor.has_segment) {
    WireRope segment;
    PutInt(segment, 1, tensor.segment_begin, tensor.segment_extras);
    PutInt(segment, 2, tensor.segment_end, tensor.segment_extras);
    segment.Raw(tensor.segment_extras.unknown);
    rope.Message(3, std::move(segment));
  }
  const auto* typed = std::get_if<StoredTensor::Typed>(&tensor.storage);
  const auto* memory = std::get_if<StoredTensor::Memory>(&tensor.storage);
  const auto* external = std::get_if<StoredTensor::External>(&tensor.storage);
  if (typed && typed->field < 8) rope.Payload(typed->field, typed->payload);
  if (const auto* strings = std::get_if<StoredTensor::Strings>(&tensor.storage))
    for (const std::string& one : strings->values) rope.String(6, one);
  if (memory && tensor.dtype == DataType::kString)
    for (const std::string& one : memory->tensor.data<std::string>()) rope.String(6, one);
  PutString(rope, 8, tensor.name, extras);
  if (const auto* raw = std::get_if<StoredTensor::Raw>(&tensor.storage)) rope.Payload(9, raw->data);
  if (memory && tensor.dtype != DataType::kString)
    rope.Payload(9, Bytes(memory->tensor.raw_data(), memory->tensor.byte_size(), memory->tensor.owner()));
  if (typed && typed->field > 8) rope.Payload(typed->field, typed->payload);
  PutString(rope, 12, tensor.doc, extras);
  if (external) PutPairs(rope, 13, external->entries);
  PutInt(rope, 14, external ? 1 : 0, extras);
  PutPairs(rope, 16, tensor.metadata);
  rope.Raw(extras.unknown);
  return rope;
}

WireRope WriteSparseTensor(const StoredSparseTensor& tensor) {
  WireRope rope;
  rope.Message(1, WriteTensor(tensor.values));
  rope.Message(2, WriteTensor(tensor.indices));
  PutInts(rope, 3, tensor.dims, tensor.dims_packed);
  rope.Raw(tensor.extras.unknown);
  return rope;
}

WireRope WriteModel(const Model& model) {
  WireRope rope;
  const Extras& extras = model.extras;
  PutInt(rope, 1, model.ir_version, extras);
  PutString(rope, 2, model.producer_name, extras);
  PutString(rope, 3, model.producer_version, extras);
  PutString(rope, 4, model.domain, extras);
  PutInt(rope, 5, model.model_version, extras);
  PutString(rope, 6, model.doc, extras);
  if (model.graph) rope.Message(7, WriteGraph(*model.graph));
  for (const OpsetImport& opset : model.opset_imports) rope.Message(8, WriteOpset(opset));
  PutPairs(rope, 14, model.metadata);
  for (const TrainingInfo& info : model.training_info) rope.Message(20, WriteTrainingInfo(info));
  for (const Function& function : model.functions) rope.Message(25, WriteFunction(function));
  for (const std::string& one : model.device_configurations) rope.String(26, one);
  rope.Raw(extras.unknown);
  return rope;
}

}  // namespace sardonyx::ir
