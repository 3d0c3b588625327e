#include "ir/load.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/file.h"
#include "base/status_macros.h"
#include "formats/archive.h"
#include "formats/zip.h"
#include "ir/json.h"
#include "ir/onnx_wire.h"
#include "ir/text.h"

namespace sardonyx::ir {
namespace fs = std::filesystem;
namespace {

using Files = std::shared_ptr<const StoredTensor::Files>;

bool HasModelSuffix(std::string_view name) {
  for (const std::string_view suffix : {".onnx", ".onnx.gz", ".onnx.tar", ".onnx.tar.gz", ".onnxtxt"})
    if (name.ends_with(suffix)) return true;
  return false;
}

// The one model of a folder.
StatusOr<fs::path> ModelOfFolder(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (HasModelSuffix(entry.path().filename().string())) found.push_back(entry.path());
  if (error) return Corrupt(fmt::format("{}: {}", folder.string(), error.message()));
  if (found.empty()) return Corrupt(fmt::format("{}: no .onnx file in this folder", folder.string()));
  if (found.size() > 1) {
    std::sort(found.begin(), found.end());
    return Usage(fmt::format("{}: {} models in this folder; name one, as {}", folder.string(), found.size(), found[0].string()));
  }
  return found[0];
}

StatusOr<std::unique_ptr<Model>> ParseBinary(const Bytes& bytes, const fs::path& folder, const LoadOptions& options, const Files& files) {
  if (bytes.empty()) return Corrupt("the file is empty");
  auto model = std::make_unique<Model>();
  MessageReader reader(bytes, folder, options, files);
  RETURN_IF_ERROR(reader.ReadModel(bytes.view(), model.get()).WithContext("not a valid ONNX file"));
  // Any bytes that happen to be a protobuf message parse; a model has at least one of these.
  if (!model->graph && model->ir_version == 0 && model->opset_imports.empty())
    return Corrupt("not an ONNX model: no ir_version, opset_import or graph in it");
  return model;
}

StatusOr<std::unique_ptr<Model>> ParseAnyForm(Bytes bytes, const fs::path& folder, const LoadOptions& options, Files files);

// An archive with one model and, where it has any, its external data.
StatusOr<std::unique_ptr<Model>> ParseArchive(const Bytes& bytes, const LoadOptions& options) {
  formats::UnpackLimits limits;
  limits.max_bytes = options.max_unpacked_bytes;
  limits.max_expansion = options.max_expansion;
  ASSIGN_OR_RETURN(std::vector<formats::ArchiveMember> members, formats::ReadTar(bytes, limits));
  std::vector<const formats::ArchiveMember*> models;
  auto files = std::make_shared<StoredTensor::Files>();
  for (const formats::ArchiveMember& member : members) {
    // What macOS adds beside each file is none of ours.
    const std::string base = fs::path(member.name).filename().string();
    if (HasModelSuffix(base) && !base.starts_with("._")) models.push_back(&member);
  }
  if (models.size() != 1) return Corrupt(fmt::format("{} models in the archive; it must hold exactly one .onnx file", models.size()));
  const fs::path folder = fs::path(models[0]->name).parent_path();
  for (const formats::ArchiveMember& member : members) {
    const std::string name = fs::path(member.name).lexically_relative(folder.empty() ? fs::path(".") : folder).string();
    files->emplace(name, member.content);
  }
  return ParseAnyForm(models[0]->content, {}, options, std::move(files)).WithContext(models[0]->name);
}

// What the bytes are is told by the bytes: suffixes lie.
StatusOr<std::unique_ptr<Model>> ParseAnyForm(Bytes bytes, const fs::path& folder, const LoadOptions& options, Files files) {
  formats::UnpackLimits limits;
  limits.max_bytes = options.max_unpacked_bytes;
  limits.max_expansion = options.max_expansion;
  switch (formats::DetectContainer(bytes.span())) {
    case formats::Container::kNone:
      break;
    case formats::Container::kTar:
      if (files) return Corrupt("an archive inside an archive");
      return ParseArchive(bytes, options);
    case formats::Container::kZip:
      RETURN_IF_ERROR(formats::ZipReader::Open(bytes, limits).status());  // a damaged one is no format that could be supported
      return Unsupported("a zip archive is not an ONNX model");
    default: {
      ASSIGN_OR_RETURN(bytes, formats::Decompress(bytes, limits));
      const formats::Container inner = formats::DetectContainer(bytes.span());
      if (inner == formats::Container::kTar) return ParseAnyForm(bytes, folder, options, files);
      if (inner != formats::Container::kNone) return Corrupt(fmt::format("{} inside a compressed file", formats::ContainerName(inner)));
    }
  }
  // The first byte of a ModelProto is a field tag; neither '{' nor '<' is one of its fields with a fitting wire type.
  const std::string_view view = bytes.view();
  const size_t start = view.substr(0, 4096).find_first_not_of(" \t\r\n");
  if (start != std::string_view::npos && view[start] == '{') {
    ASSIGN_OR_RETURN(std::string wire, JsonToWire(view, MessageKind::kModelProto));
    return ParseBinary(Bytes::Own(std::move(wire)), folder, options, files);
  }
  if (start != std::string_view::npos && (view[start] == '<' || view[start] == '#')) return ParseText(view, folder);
  return ParseBinary(bytes, folder, options, files);
}

}  // namespace

StatusOr<std::unique_ptr<Model>> ParseModel(const Bytes& bytes, const fs::path& folder, const LoadOptions& options) {
  return ParseAnyForm(bytes, folder, options, nullptr);
}

StatusOr<std::unique_ptr<Model>> LoadModel(const fs::path& path, const LoadOptions& options) {
  fs::path file = path;
  std::error_code error;
  if (path != "-" && fs::is_directory(path, error)) {
    ASSIGN_OR_RETURN(file, ModelOfFolder(path));
  }
  ASSIGN_OR_RETURN(const Bytes bytes, MapFile(file));
  const fs::path folder = file == "-" ? fs::path() : file.parent_path();
  StatusOr<std::unique_ptr<Model>> model =
      ParseAnyForm(bytes, folder, options, nullptr).WithContext(file == "-" ? "standard input" : file.string());
  if (model.ok()) (*model)->path = file;
  return model;
}

}  // namespace sardonyx::ir
