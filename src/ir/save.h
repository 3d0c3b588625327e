// Writing models.
#pragma once

#include <filesystem>
#include <string>

#include "base/file.h"
#include "ir/model.h"

namespace sardonyx::ir {

struct SaveOptions {
  // Tensors of at least this many bytes go to an external file beside the model; -1: as they are stored now, and by
  // themselves to an external file when the model would pass protobuf's 2 GB limit.
  int64_t external_threshold = -1;
  // Name of that file; empty: the model's name + ".data".
  std::string external_name;
};

// By suffix: .onnx (binary), .onnx.gz, .onnx.tar(.gz), .onnxtxt, .json. Replaces an existing file atomically.
Status SaveModel(const Model& model, const std::filesystem::path& path, const SaveOptions& options = {});

// The canonical ModelProto: fields in ascending order, unknown ones last. External tensors stay external.
std::string SerializeModel(const Model& model);
std::string SerializeTensor(const StoredTensor& tensor);
std::string SerializeType(const Type& type);
StatusOr<std::string> SerializeValue(const sardonyx::Value& value);

}  // namespace sardonyx::ir
