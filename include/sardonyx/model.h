// Model: an ONNX model, as loaded from any of its file forms.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "sardonyx/data_type.h"
#include "sardonyx/status.h"

namespace sardonyx {

namespace ir {
class Model;
}

// What a model says of one of its inputs or outputs.
struct ValueInfo {
  std::string name;
  // ONNX's spelling: "tensor(float)", "seq(tensor(int64))", "map(string,tensor(float))", ...
  std::string type;
  // Of a tensor: its element type; else undefined.
  DataType dtype = DataType::kUndefined;
  // Of a tensor of known rank: sizes, -1 where symbolic or unknown, and the symbols ("batch"), "" where there is none.
  bool has_shape = false;
  std::vector<int64_t> dims;
  std::vector<std::string> symbols;
  // An input that may be left out because the model has a default for it.
  bool optional = false;
};

// A handle: copies share the model, which does not change.
class Model {
 public:
  // .onnx, .onnx.gz, .onnx.tar, .onnxtxt, .json, or a folder with one of them. kCorrupt if it cannot be read.
  static StatusOr<Model> Load(const std::filesystem::path& path);
  // A serialized ModelProto; external data is looked for in `folder`.
  static StatusOr<Model> FromBytes(std::string bytes, const std::filesystem::path& folder = {});
  explicit Model(std::shared_ptr<const ir::Model> model) : model_(std::move(model)) {}

  // By suffix: .onnx, .onnx.gz, .onnx.tar, .onnxtxt, .json.
  Status Save(const std::filesystem::path& path) const;

  std::vector<ValueInfo> inputs() const;
  std::vector<ValueInfo> outputs() const;
  const std::filesystem::path& path() const;
  // The internal representation, for the project's own tools.
  const ir::Model& ir() const { return *model_; }

 private:
  std::shared_ptr<const ir::Model> model_;
};

}  // namespace sardonyx
