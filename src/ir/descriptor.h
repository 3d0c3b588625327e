// What onnx.proto says of its messages, as tables: for code that treats messages alike (JSON, comparison) whatever they mean.
// Source: onnx.proto and onnx-data.proto of ONNX 1.23, through tools/make_onnx_descriptors.py.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace sardonyx::ir {

// kModelProto, kTensorProto, kTypeProtoTensor (TypeProto.Tensor) ...
enum class MessageKind : uint8_t {
#include "ir/descriptor_kinds.inc"
  kCount
};

// The kinds of fields that occur in ONNX.
enum class FieldKind : uint8_t { kInt32, kInt64, kUint64, kFloat, kDouble, kString, kBytes, kEnum, kMessage };

struct EnumValue {
  std::string_view name;
  int32_t number;
};

struct EnumDescriptor {
  std::span<const EnumValue> values;
  const EnumValue* Find(std::string_view name) const;
  const EnumValue* Find(int32_t number) const;
};

struct FieldDescriptor {
  int number;
  std::string_view name;       // "doc_string"
  std::string_view json_name;  // "docString"
  FieldKind kind;
  bool repeated;
  bool packed;                   // how a writer packs repeated scalars; readers take both forms
  MessageKind message;           // kMessage
  const EnumDescriptor* values;  // kEnum
  bool is_scalar() const { return kind != FieldKind::kString && kind != FieldKind::kBytes && kind != FieldKind::kMessage; }
};

struct MessageDescriptor {
  std::string_view name;                    // "ModelProto", "TypeProto.Tensor"
  std::span<const FieldDescriptor> fields;  // ascending numbers
  // Null when the message has no such field.
  const FieldDescriptor* Find(int number) const;
  const FieldDescriptor* Find(std::string_view name_or_json_name) const;
};

const MessageDescriptor& DescriptorOf(MessageKind kind);

// How deep messages may nest: a graph inside an attribute adds three levels.
inline constexpr int kMaxMessageDepth = 256;

}  // namespace sardonyx::ir
