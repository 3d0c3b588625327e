// TextParser: the textual syntax to serialized ONNX messages.
//
// The text becomes a ModelProto, which the loader then reads as any file: names are linked, defaults kept and limits
// enforced in one place.
#pragma once

#include <string>
#include <string_view>

#include "ir/graph.h"
#include "ir/text_reader.h"

namespace sardonyx::ir {

// A type of the syntax: what a value-info needs (`wire`) and what a tensor of that type needs.
struct ParsedType {
  std::string wire;  // TypeProto
  DataType dtype = DataType::kUndefined;
  bool is_dense = false;
  bool is_sparse = false;
  bool has_shape = false;
  bool is_static = false;     // has_shape and every dim is a number
  std::vector<int64_t> dims;  // when is_static
};

// Each method reads one construct at the cursor and returns its serialized message.
class TextParser {
 public:
  explicit TextParser(std::string_view text) : reader_(text) {}

  StatusOr<std::string> Model();
  StatusOr<std::string> Graph(int depth);
  StatusOr<std::string> Function();
  Status ExpectEnd();

 private:
  // text_parser.cc
  Status ModelHeader(std::string* model);
  Status FunctionHeader(std::string* function);
  Status OpsetImports(int field, std::string* out);
  Status StringPairs(int field, std::string* out);
  StatusOr<std::string> GraphAfterName(std::string_view name, int depth);
  Status GraphInputs(std::string* inputs, std::string* initializers, std::string* sparse_initializers);
  Status GraphOutputs(std::string* outputs);
  Status GraphValues(std::string* value_info, std::string* initializers, std::string* sparse_initializers);
  Status FunctionAttributes(std::string* names, std::string* defaults);
  Status FunctionNames(int field, std::string* names, std::string* value_info);
  Status Nodes(int field, int depth, std::string* out);
  StatusOr<std::string> Node(int depth);
  Status NameList(int field, std::string* out);
  Status OperatorName(std::string* op_type, std::string* domain, std::string* overload);

  // text_attributes.cc
  struct AttributeValue;
  Status AttributeList(int field, int depth, std::string* out);
  StatusOr<std::string> AttributeAfterName(std::string_view name, int depth);
  Status SingleValue(AttributeType expected, int depth, AttributeValue* value);
  Status TypedValue(AttributeType expected, AttributeValue* value);
  Status AttributeValues(AttributeType declared, int depth, std::string* out);

  // text_types.cc
  bool NextIsType();
  StatusOr<ParsedType> Type(int depth);
  Status TensorType(ParsedType* type);
  Status ShapeOf(ParsedType* type, std::string* shape);
  Status Opaque(std::string* opaque);
  // A value-info: optional type and name; *type is what was read (empty wire when absent).
  StatusOr<std::string> ValueInfo(ParsedType* type, std::string* name);
  // The data of a tensor of `type` after `=` or `name`: TensorProto, SparseTensorProto.
  StatusOr<std::string> TensorData(const ParsedType& type, std::string_view name);
  StatusOr<std::string> SparseTensorData(const ParsedType& type, std::string_view name);
  Status Elements(const ParsedType& type, uint64_t count, std::string* out);
  Status Strings(uint64_t count, std::string* out);
  Status Initializer(const ParsedType& type, std::string_view name, std::string* initializers, std::string* sparse_initializers);

  TextReader reader_;
};

}  // namespace sardonyx::ir
