// safetensors: a header of JSON and then the tensors' bytes, one after another. Format: huggingface/safetensors, "Format".
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "sardonyx/tensor.h"

namespace sardonyx::formats {

struct SafeTensors {
  std::vector<std::pair<std::string, Tensor>> tensors;            // views of the file, in the order of their names
  std::vector<std::pair<std::string, std::string>> metadata;      // "__metadata__"
};

// Whether the bytes begin as such a file does.
bool IsSafeTensors(const Bytes& bytes);
// kCorrupt for offsets that overlap, leave holes, or do not fit dtype and shape; kUnsupported for dtypes that ONNX lacks.
StatusOr<SafeTensors> ReadSafeTensors(const Bytes& bytes);

// A file, or an index ("model.safetensors.index.json", whose "weight_map" says which file of the folder has which tensor).
StatusOr<SafeTensors> LoadSafeTensors(const std::filesystem::path& path);

}  // namespace sardonyx::formats
