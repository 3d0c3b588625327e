// ONNX messages <-> IR. Field numbers are those of onnx.proto (IR version 14); each reader and writer names the message.
#pragma once

#include <memory>

#include "formats/wire.h"
#include "ir/load.h"
#include "ir/model.h"

namespace sardonyx::ir {

// Reads messages out of one buffer; payloads stay views of it.
class MessageReader {
 public:
  // External data is looked for in `folder`, or in `files` if there are any.
  MessageReader(Bytes file, std::filesystem::path folder, const LoadOptions& options,
                std::shared_ptr<const StoredTensor::Files> files = nullptr)
      : file_(std::move(file)), folder_(std::move(folder)), files_(std::move(files)), options_(options) {}

  Status ReadModel(std::string_view message, Model* model);
  Status ReadTensor(std::string_view message, StoredTensor* tensor);
  Status ReadSparseTensor(std::string_view message, StoredSparseTensor* tensor);
  Status ReadType(std::string_view message, int depth, Type* type);
  // SequenceProto, MapProto, OptionalProto, TensorProto: what `type` says.
  StatusOr<sardonyx::Value> ReadValue(std::string_view message, const Type& type, int depth);

 private:
  struct PendingNode {
    std::string_view message;
    Node* node;
  };
  Status ReadGraph(std::string_view message, int depth, Graph* graph);
  Status DeclareNode(std::string_view message, Graph* graph, std::vector<PendingNode>* pending);
  Status ReadNode(std::string_view message, int depth, Node* node);
  Status ReadAttribute(std::string_view message, int depth, Node* owner, Attribute* attribute);
  Status ReadAttributeValue(const formats::WireReader& field, int depth, Node* owner, Attribute* attribute, bool* taken);
  Status ReadValueInfo(std::string_view message, std::string* name, ValueInfo* info);
  Status AddInputs(const std::vector<std::string_view>& messages, Graph* graph);
  Status AddOutputs(const std::vector<std::string_view>& messages, Graph* graph, bool outputs);
  Status ReadFunction(std::string_view message, Function* function);
  Status ReadTrainingInfo(std::string_view message, TrainingInfo* info);
  Status ReadAnnotation(std::string_view message, QuantizationAnnotation* annotation);
  Status ReadOpset(std::string_view message, OpsetImport* opset);
  Status ReadShape(std::string_view message, Shape* shape);
  Status ReadTensorType(std::string_view message, Type* type);
  Status ReadContainerType(std::string_view message, int depth, Type* type);
  StatusOr<sardonyx::Value> ReadSequence(std::string_view message, const Type& element, int depth);
  StatusOr<sardonyx::Value> ReadMap(std::string_view message, int depth);
  StatusOr<sardonyx::Value> ReadOptional(std::string_view message, const Type& element, int depth);

  Bytes Own(std::string_view part) const { return Bytes(part.data(), part.size(), file_.owner()); }

  Bytes file_;
  std::filesystem::path folder_;
  std::shared_ptr<const StoredTensor::Files> files_;
  LoadOptions options_;
};

// StringStringEntryProto.
Status ReadStringPair(std::string_view message, StringPairs* pairs);

// Writers: canonical (ascending fields, unknown ones last).
formats::WireRope WriteModel(const Model& model);
formats::WireRope WriteTensor(const StoredTensor& tensor);
formats::WireRope WriteSparseTensor(const StoredSparseTensor& tensor);
formats::WireRope WriteType(const Type& type);
formats::WireRope WriteStringPair(const std::string& key, const std::string& value);

}  // namespace sardonyx::ir
