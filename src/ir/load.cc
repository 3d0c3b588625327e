#include "ir/load.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/file.h"
#include "base/status_macros.h"
#include "ir/onnx_wire.h"

namespace sardonyx::ir {
namespace fs = std::filesystem;
namespace {

enum class Form { kBinary, kGzipOrTar, kText, kJson };

// By content: suffixes lie.
Form FormOf(const Bytes& bytes) {
  const std::string_view view = bytes.view();
  if (view.size() >= 2 && view[0] == '\x1f' && view[1] == '\x8b') return Form::kGzipOrTar;
  if (view.size() >= 262 && view.substr(257, 5) == "ustar") return Form::kGzipOrTar;
  const size_t start = view.substr(0, 4096).find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return Form::kBinary;
  if (view[start] == '{') return Form::kJson;
  if (view[start] == '<' || view[start] == '#') return Form::kText;
  return Form::kBinary;
}

bool HasModelSuffix(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.ends_with(".onnx") || name.ends_with(".onnx.gz") || name.ends_with(".onnx.tar") || name.ends_with(".onnx.tar.gz") ||
         name.ends_with(".onnxtxt");
}

// The one model of a folder.
StatusOr<fs::path> ModelOfFolder(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (HasModelSuffix(entry.path())) found.push_back(entry.path());
  if (error) return Corrupt(fmt::format("{}: {}", folder.string(), error.message()));
  if (found.empty()) return Corrupt(fmt::format("{}: no .onnx file in this folder", folder.string()));
  if (found.size() > 1) {
    std::sort(found.begin(), found.end());
    return Usage(fmt::format("{}: {} models in this folder; name one, as {}", folder.string(), found.size(), found[0].string()));
  }
  return found[0];
}

}  // namespace

StatusOr<std::unique_ptr<Model>> ParseModel(const Bytes& bytes, const fs::path& folder, const LoadOptions& options) {
  if (bytes.empty()) return Corrupt("the file is empty");
  auto model = std::make_unique<Model>();
  MessageReader reader(bytes, folder, options);
  RETURN_IF_ERROR(reader.ReadModel(bytes.view(), model.get()).WithContext("not a valid ONNX file"));
  // Any bytes that happen to be a protobuf message parse; a model has at least one of these.
  if (!model->graph && model->ir_version == 0 && model->opset_imports.empty())
    return Corrupt("not an ONNX model: no ir_version, opset_import or graph in it");
  return model;
}

StatusOr<std::unique_ptr<Model>> LoadModel(const fs::path& path, const LoadOptions& options) {
  fs::path file = path;
  std::error_code error;
  if (path != "-" && fs::is_directory(path, error)) {
    ASSIGN_OR_RETURN(file, ModelOfFolder(path));
  }
  ASSIGN_OR_RETURN(const Bytes bytes, MapFile(file));
  const fs::path folder = file == "-" ? fs::path() : file.parent_path();
  const auto parse = [&]() -> StatusOr<std::unique_ptr<Model>> {
    switch (FormOf(bytes)) {
      case Form::kBinary: return ParseModel(bytes, folder, options);
      default: return Unsupported("this form of model file");
    }
  };
  StatusOr<std::unique_ptr<Model>> model = parse().WithContext(file.string());
  if (model.ok()) (*model)->path = file;
  return model;
}

}  // namespace sardonyx::ir
