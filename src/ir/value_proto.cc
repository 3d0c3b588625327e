// SequenceProto, MapProto and OptionalProto (onnx-data.proto) <-> Value.
#include <fmt/format.h>

#include "base/status_macros.h"
#include "ir/load.h"
#include "ir/onnx_wire.h"
#include "ir/read_fields.h"
#include "ir/save.h"

namespace sardonyx::ir {
namespace {

constexpr int kMaxValueDepth = 32;

// SequenceProto.DataType / OptionalProto.DataType.
enum ElementKind { kNoElement = 0, kTensorElement = 1, kSparseElement = 2, kSequenceElement = 3, kMapElement = 4, kOptionalElement = 5 };

ElementKind ElementKindOf(const sardonyx::Value& value) {
  switch (value.kind()) {
    case sardonyx::Value::Kind::kTensor:
      return kTensorElement;
    case sardonyx::Value::Kind::kSparseTensor:
      return kSparseElement;
    case sardonyx::Value::Kind::kSequence:
      return kSequenceElement;
    case sardonyx::Value::Kind::kMap:
      return kMapElement;
    case sardonyx::Value::Kind::kNone:
      return kOptionalElement;
  }
  return kNoElement;
}

const Type& ElementOf(const Type& type) {
  static const Type* const kUnknown = new Type();
  return type.element ? *type.element : *kUnknown;
}

formats::WireRope WriteValue(const sardonyx::Value& value);

formats::WireRope WriteSequence(const sardonyx::Value::Sequence& items) {
  // Field of SequenceProto for each kind of element.
  static constexpr int kField[] = {0, 3, 4, 5, 6, 7};
  formats::WireRope rope;
  const ElementKind kind = items.empty() ? kNoElement : ElementKindOf(items[0]);
  rope.Int(2, kind);
  for (const sardonyx::Value& item : items) rope.Message(kField[ElementKindOf(item)], WriteValue(item));
  return rope;
}

formats::WireRope WriteSparse(const SparseTensor& sparse) {
  StoredSparseTensor stored;
  stored.values = StoredTensor::Of("", sparse.values);
  stored.indices = StoredTensor::Of("", sparse.indices);
  stored.dims.assign(sparse.dims.begin(), sparse.dims.end());
  return WriteSparseTensor(stored);
}

formats::WireRope WriteMap(const sardonyx::Value::MapData& map) {
  formats::WireRope rope;
  rope.Int(2, static_cast<int64_t>(map.keys.dtype()));
  if (map.keys.dtype() == DataType::kString) {
    for (const std::string& key : map.keys.data<std::string>()) rope.String(4, key);
  } else {
    formats::WireRope keys;
    for (int64_t key : map.keys.data<int64_t>()) keys.Varint(static_cast<uint64_t>(key));
    rope.Message(3, std::move(keys));
  }
  // MapProto's values are a sequence; a tensor of scalars is one value a key.
  formats::WireRope values;
  if (map.values.is_sequence()) {
    values = WriteSequence(map.values.sequence());
  } else if (map.values.is_tensor()) {
    values.Int(2, kTensorElement);
    values.Message(3, WriteTensor(StoredTensor::Of("", map.values.tensor())));
  }
  rope.Message(5, std::move(values));
  return rope;
}

formats::WireRope WriteValue(const sardonyx::Value& value) {
  switch (value.kind()) {
    case sardonyx::Value::Kind::kTensor:
      return WriteTensor(StoredTensor::Of("", value.tensor()));
    case sardonyx::Value::Kind::kSparseTensor:
      return WriteSparse(value.sparse_tensor());
    case sardonyx::Value::Kind::kSequence:
      return WriteSequence(value.sequence());
    case sardonyx::Value::Kind::kMap:
      return WriteMap(value.map());
    case sardonyx::Value::Kind::kNone:
      break;
  }
  formats::WireRope none;
  none.Int(2, kNoElement);
  return none;
}

}  // namespace

StatusOr<sardonyx::Value> MessageReader::ReadSequence(std::string_view message, const Type& element, int depth) {
  sardonyx::Value::Sequence items;
  // A hint for elements whose declared type is unknown.
  const auto typed = [&](Type::Kind kind) {
    Type type = element;
    if (type.kind != kind && type.kind != Type::Kind::kOptional) {
      type = Type();
      type.kind = kind;
    }
    return type;
  };
  WireReader reader(message);
  while (reader.Next()) {
    Type::Kind kind;
    switch (reader.field()) {
      case 3:
        kind = Type::Kind::kTensor;
        break;
      case 4:
        kind = Type::Kind::kSparseTensor;
        break;
      case 5:
        kind = Type::Kind::kSequence;
        break;
      case 6:
        kind = Type::Kind::kMap;
        break;
      case 7:
        kind = Type::Kind::kOptional;
        break;
      default:
        continue;
    }
    if (reader.type() != WireType::kLength) return Corrupt("sequence element of a wrong wire type");
    // A tensor where the sequence's elements are optionals stands as itself.
    const Type type = reader.field() == 7 ? typed(Type::Kind::kOptional) : (element.kind == kind ? element : [&] {
      Type t;
      t.kind = kind;
      return t;
    }());
    ASSIGN_OR_RETURN(sardonyx::Value item, ReadValue(reader.bytes(), type, depth + 1));
    items.push_back(std::move(item));
  }
  RETURN_IF_ERROR(reader.status());
  return sardonyx::Value(std::move(items));
}

StatusOr<sardonyx::Value> MessageReader::ReadMap(std::string_view message, int depth) {
  std::vector<int64_t> keys;
  std::vector<std::string> string_keys;
  sardonyx::Value values;
  int32_t key_type = 0;
  Extras ignored;
  bool packed = false;
  WireReader reader(message);
  while (reader.Next()) {
    switch (reader.field()) {
      case 2:
        TakeInt(reader, &ignored, &key_type);
        break;
      case 3:
        RETURN_IF_ERROR(TakeInts(reader, &ignored, &keys, &packed));
        break;
      case 4:
        if (reader.type() == WireType::kLength) string_keys.emplace_back(reader.bytes());
        break;
      case 5: {
        if (reader.type() != WireType::kLength) break;
        ASSIGN_OR_RETURN(values, ReadSequence(reader.bytes(), Type(), depth + 1));
        break;
      }
      default:
        break;
    }
  }
  RETURN_IF_ERROR(reader.status());
  const bool strings = key_type == static_cast<int32_t>(DataType::kString);
  const size_t count = strings ? string_keys.size() : keys.size();
  Tensor key_tensor = strings ? Tensor::FromStrings(Dims{static_cast<int64_t>(count)}, std::move(string_keys))
                              : Tensor::From<int64_t>(Dims{static_cast<int64_t>(count)}, keys);
  // One tensor that holds all values is that tensor.
  if (values.is_sequence() && values.sequence().size() == 1 && count != 1 && values.sequence()[0].is_tensor()) {
    sardonyx::Value all = values.sequence()[0];
    values = std::move(all);
  }
  return sardonyx::Value::Map(std::move(key_tensor), std::move(values));
}

StatusOr<sardonyx::Value> MessageReader::ReadOptional(std::string_view message, const Type& element, int depth) {
  WireReader reader(message);
  sardonyx::Value value;
  while (reader.Next()) {
    Type type;
    switch (reader.field()) {
      case 3:
        type.kind = Type::Kind::kTensor;
        break;
      case 4:
        type.kind = Type::Kind::kSparseTensor;
        break;
      case 5:
        type.kind = Type::Kind::kSequence;
        break;
      case 6:
        type.kind = Type::Kind::kMap;
        break;
      case 7:
        type.kind = Type::Kind::kOptional;
        break;
      default:
        continue;
    }
    if (reader.type() != WireType::kLength) return Corrupt("optional content of a wrong wire type");
    if (element.kind == type.kind) type = element;
    ASSIGN_OR_RETURN(value, ReadValue(reader.bytes(), type, depth + 1));
  }
  RETURN_IF_ERROR(reader.status());
  return value;
}

StatusOr<sardonyx::Value> MessageReader::ReadValue(std::string_view message, const Type& type, int depth) {
  if (depth > kMaxValueDepth) return Corrupt(fmt::format("values nested deeper than {}", kMaxValueDepth));
  switch (type.kind) {
    case Type::Kind::kSequence:
      return ReadSequence(message, ElementOf(type), depth);
    case Type::Kind::kMap:
      return ReadMap(message, depth);
    case Type::Kind::kOptional:
      return ReadOptional(message, ElementOf(type), depth);
    case Type::Kind::kSparseTensor: {
      StoredSparseTensor stored;
      RETURN_IF_ERROR(ReadSparseTensor(message, &stored));
      ASSIGN_OR_RETURN(SparseTensor sparse, stored.ToSparseTensor());
      return sardonyx::Value(std::move(sparse));
    }
    default: {
      StoredTensor stored;
      RETURN_IF_ERROR(ReadTensor(message, &stored));
      ASSIGN_OR_RETURN(Tensor tensor, stored.ToTensor());
      return sardonyx::Value(std::move(tensor));
    }
  }
}

StatusOr<StoredTensor> ParseTensor(const Bytes& bytes) {
  StoredTensor tensor;
  MessageReader reader(bytes, {}, {});
  RETURN_IF_ERROR(reader.ReadTensor(bytes.view(), &tensor));
  return tensor;
}

StatusOr<sardonyx::Value> ParseValue(const Bytes& bytes, const Type& type) {
  return MessageReader(bytes, {}, {}).ReadValue(bytes.view(), type, 0);
}

std::string SerializeTensor(const StoredTensor& tensor) { return WriteTensor(tensor).Flatten(); }
std::string SerializeType(const Type& type) { return WriteType(type).Flatten(); }
std::string SerializeModel(const Model& model) { return WriteModel(model).Flatten(); }
StatusOr<std::string> SerializeValue(const sardonyx::Value& value) { return WriteValue(value).Flatten(); }

}  // namespace sardonyx::ir
