// Checkpoints: files that hold weights and no graph. The graph comes from a named architecture (arch/architectures.h).
#pragma once

#include <filesystem>

#include "base/bytes.h"
#include "import/common/import.h"
#include "import/pytorch/arch/state_dict.h"

namespace sardonyx::pytorch {

// The weights of a torch.save file of any age: a state dict, or one inside a training checkpoint ("state_dict", "model", "ema" and their
// like), or those of a pickled module. Prefixes that every name has ("module.") are removed. kUnsupported if there are no weights.
StatusOr<arch::StateDict> ReadTorchCheckpoint(const Bytes& bytes);

// Those of a safetensors file or of an index of several.
StatusOr<arch::StateDict> ReadSafeTensorsCheckpoint(const std::filesystem::path& path);

// Whether `bytes` are a safetensors file, or the index of several.
bool IsSafeTensorsCheckpoint(const std::filesystem::path& path, const Bytes& bytes);

// Weights and options.architecture as a model.
StatusOr<import::Imported> ImportCheckpoint(const arch::StateDict& weights, std::string format, const import::ImportOptions& options);

}  // namespace sardonyx::pytorch
