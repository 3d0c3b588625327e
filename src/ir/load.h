// Reading ONNX files of every form.
#pragma once

#include <filesystem>
#include <memory>

#include "base/bytes.h"
#include "ir/model.h"

namespace sardonyx::ir {

struct LoadOptions {
  // Bounds on what a hostile file can cost.
  int max_graph_depth = 64;                         // nested subgraphs
  uint64_t max_unpacked_bytes = uint64_t{1} << 36;  // of a .gz or .tar
  uint64_t max_expansion = 1000;                    // unpacked / packed
};

// Reads .onnx, .onnx.gz, .onnx.tar(.gz), .onnxtxt and .json (by content, not suffix), or a folder that holds exactly one
// model; "-" is standard input. Binary files are mapped and weights are views of them. kCorrupt names the file and the
// byte offset. A file of a newer IR version loads; the checker reports it.
StatusOr<std::unique_ptr<Model>> LoadModel(const std::filesystem::path& path, const LoadOptions& options = {});

// A ModelProto in memory; views keep `bytes` alive. `folder` is where external data lies.
StatusOr<std::unique_ptr<Model>> ParseModel(const Bytes& bytes, const std::filesystem::path& folder, const LoadOptions& options = {});
// Single messages, as conformance data stores them.
StatusOr<StoredTensor> ParseTensor(const Bytes& bytes);
// TensorProto, SequenceProto, OptionalProto or SparseTensorProto, by what `type` says.
StatusOr<sardonyx::Value> ParseValue(const Bytes& bytes, const Type& type);

}  // namespace sardonyx::ir
