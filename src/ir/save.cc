#include "ir/save.h"

#include <fmt/format.h>

#include "base/status_macros.h"
#include "formats/archive.h"
#include "ir/json.h"
#include "ir/onnx_wire.h"
#include "ir/text.h"

namespace sardonyx::ir {
namespace fs = std::filesystem;
namespace {

// Protobuf messages of 2 GiB or more cannot be read by its own libraries.
constexpr uint64_t kMaxMessageBytes = (uint64_t{1} << 31) - 1;
// Data of at least this many bytes goes out when the message would be too large.
constexpr int64_t kAutomaticThreshold = 1024;
// Pages, so that a mapped tensor is aligned for every type and every reader.
constexpr uint64_t kExternalAlignment = 4096;

// A file under construction: data at aligned offsets.
class DataFile {
 public:
  uint64_t Append(Bytes data) {
    const uint64_t offset = (size_ + kExternalAlignment - 1) / kExternalAlignment * kExternalAlignment;
    pieces_.emplace_back(offset, std::move(data));
    size_ = offset + pieces_.back().second.size();
    return offset;
  }
  bool empty() const { return pieces_.empty(); }
  Status WriteTo(const ByteSink& sink) const {
    static const char kZeros[kExternalAlignment] = {};
    uint64_t at = 0;
    for (const auto& [offset, data] : pieces_) {
      RETURN_IF_ERROR(sink(kZeros, offset - at));
      RETURN_IF_ERROR(sink(data.data(), data.size()));
      at = offset + data.size();
    }
    return {};
  }

 private:
  std::vector<std::pair<uint64_t, Bytes>> pieces_;
  uint64_t size_ = 0;
};

// Calls f for every tensor of the graph: initializers and attributes, subgraphs included.
Status ForEachTensor(Graph& graph, const std::function<Status(StoredTensor&)>& f) {
  for (Value* value : graph.initializers()) {
    StoredTensor tensor = *value->initializer();
    RETURN_IF_ERROR(f(tensor));
    graph.SetInitializer(value, std::move(tensor));
  }
  for (const auto& node : graph.nodes()) {
    for (Attribute& attribute : node->mutable_attributes()) {
      if (auto* tensor = std::get_if<StoredTensor>(&attribute.value)) RETURN_IF_ERROR(f(*tensor));
      if (auto* tensors = std::get_if<std::vector<StoredTensor>>(&attribute.value))
        for (StoredTensor& tensor : *tensors) RETURN_IF_ERROR(f(tensor));
    }
    for (const auto& [name, sub] : Subgraphs(*node)) RETURN_IF_ERROR(ForEachTensor(*sub, f));
  }
  return {};
}

bool IsExternal(const StoredTensor& tensor) { return std::holds_alternative<StoredTensor::External>(tensor.storage); }

// Moves tensors into `data`: those of at least `threshold` bytes, and those that lie in other files already.
Status MoveOut(Model& model, int64_t threshold, const std::string& location, DataFile* data) {
  return ForEachTensor(*model.graph, [&](StoredTensor& tensor) -> Status {
    if (tensor.dtype == DataType::kString || tensor.dtype == DataType::kUndefined) return {};
    if (!IsExternal(tensor) && static_cast<int64_t>(tensor.byte_size()) < threshold) return {};
    ASSIGN_OR_RETURN(const Tensor content, tensor.ToTensor());
    const uint64_t offset = data->Append(Bytes(content.raw_data(), content.byte_size(), content.owner()));
    StoredTensor::External external;
    external.entries = {{"location", location}, {"offset", std::to_string(offset)}, {"length", std::to_string(content.byte_size())}};
    tensor.storage = std::move(external);
    return {};
  });
}

// Brings tensors that lie in other files into the model: for forms that are one file.
Status MoveIn(Model& model) {
  return ForEachTensor(*model.graph, [&](StoredTensor& tensor) -> Status {
    if (!IsExternal(tensor)) return {};
    ASSIGN_OR_RETURN(const Tensor content, tensor.ToTensor());
    tensor.storage = StoredTensor::Memory{content};
    return {};
  });
}

struct Traits {
  bool any_external = false;
  bool elsewhere = false;  // some external data is not beside `path`
};

Traits Examine(const Model& model, const fs::path& path) {
  Traits traits;
  if (!model.graph) return traits;
  const auto look = [&](const StoredTensor& tensor) {
    const auto* external = std::get_if<StoredTensor::External>(&tensor.storage);
    if (!external) return;
    traits.any_external = true;
    std::error_code error;
    const fs::path target = path.parent_path().empty() ? fs::path(".") : path.parent_path();
    const fs::path source = external->folder.empty() ? fs::path(".") : external->folder;
    if (external->files || !fs::equivalent(source, target, error) || error) traits.elsewhere = true;
  };
  const std::function<void(const Graph&)> visit = [&](const Graph& graph) {
    for (const Value* value : graph.initializers()) look(*value->initializer());
    for (const auto& node : graph.nodes()) {
      for (const Attribute& attribute : node->attributes())
        if (const auto* tensor = std::get_if<StoredTensor>(&attribute.value)) look(*tensor);
      for (const auto& [name, sub] : Subgraphs(*node)) visit(*sub);
    }
  };
  visit(*model.graph);
  return traits;
}

Status WriteGzip(const ByteSink& sink, const formats::WireRope& rope) {
  formats::GzipWriter gzip(sink);
  RETURN_IF_ERROR(rope.WriteTo([&](const void* data, size_t size) { return gzip.Write(data, size); }));
  return gzip.Finish();
}

Status SaveTar(const Model& model, const fs::path& path, const std::string& stem, const DataFile& data, bool compressed) {
  std::vector<formats::ArchiveMember> members;
  members.push_back({stem, Bytes::Own(SerializeModel(model))});
  if (!data.empty()) {
    std::string content;
    RETURN_IF_ERROR(data.WriteTo([&](const void* piece, size_t size) {
      content.append(static_cast<const char*>(piece), size);
      return Status();
    }));
    members.push_back({stem + ".data", Bytes::Own(std::move(content))});
  }
  return WriteFileAtomically(path, [&](const ByteSink& sink) -> Status {
    if (!compressed) return formats::WriteTar(members, sink);
    formats::GzipWriter gzip(sink);
    RETURN_IF_ERROR(formats::WriteTar(members, [&](const void* piece, size_t size) { return gzip.Write(piece, size); }));
    return gzip.Finish();
  });
}

Status SaveAs(const Model& original, const fs::path& path, const SaveOptions& options) {
  const std::string name = path.filename().string();
  const bool tar = name.ends_with(".tar") || name.ends_with(".tar.gz");
  const bool text = name.ends_with(".onnxtxt"), json = name.ends_with(".json");
  const Traits traits = Examine(original, path);
  // The model's own name inside archives and for its data file: "m.onnx" of "m.onnx.tar.gz".
  std::string stem = name == "-" ? "model.onnx" : name;
  for (const std::string_view suffix : {".gz", ".tar"})
    if (stem.ends_with(suffix)) stem.resize(stem.size() - suffix.size());

  std::unique_ptr<Model> copy;
  const Model* model = &original;
  DataFile data;
  const std::string location = options.external_name.empty() ? stem + ".data" : options.external_name;
  const bool too_large =
      options.external_threshold < 0 && !text && !json && original.graph && WriteModel(original).size() > kMaxMessageBytes;
  const bool move_out = options.external_threshold >= 0 || too_large || (traits.any_external && (traits.elsewhere || tar));
  if (original.graph && (text || json) && traits.any_external) {
    copy = CloneModel(original);
    RETURN_IF_ERROR(MoveIn(*copy));
  } else if (original.graph && move_out && !text && !json) {
    copy = CloneModel(original);
    const int64_t threshold = options.external_threshold >= 0 ? options.external_threshold : too_large ? kAutomaticThreshold : INT64_MAX;
    RETURN_IF_ERROR(MoveOut(*copy, threshold, location, &data));
  }
  if (copy) model = copy.get();

  if (text) return WriteFileAtomically(path, PrintText(*model));
  if (json) {
    ASSIGN_OR_RETURN(const std::string document, WireToJson(SerializeModel(*model), MessageKind::kModelProto));
    return WriteFileAtomically(path, document);
  }
  if (tar) return SaveTar(*model, path, stem, data, name.ends_with(".gz"));
  if (!data.empty()) {
    if (name == "-") return Usage("a model with external data cannot go to standard output");
    RETURN_IF_ERROR(WriteFileAtomically(path.parent_path() / location, [&](const ByteSink& sink) { return data.WriteTo(sink); }));
  }
  const formats::WireRope rope = WriteModel(*model);
  return WriteFileAtomically(path,
                             [&](const ByteSink& sink) { return name.ends_with(".gz") ? WriteGzip(sink, rope) : rope.WriteTo(sink); });
}

}  // namespace

Status SaveModel(const Model& model, const fs::path& path, const SaveOptions& options) {
  return SaveAs(model, path, options).WithContext(path.string());
}

}  // namespace sardonyx::ir
