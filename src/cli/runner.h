// Models on engines, ours and others, as functions from inputs to outputs.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "ir/model.h"
#include "validate/comparison.h"

namespace sardonyx::cli {

// Makes `model` ready to run. `provider`: "cpu" is ours; "float64" is ours, computing in double what the model says in shorter types
// (optimize/widen.h); "onnxruntime" and "openvino", each also as NAME=LIBRARY, are other engines that the user has; a list with commas is
// a session's providers, in order of preference. Other engines read files: `file` is where the model lies, empty for one made in memory,
// which is then written to a temporary folder. Errors are the engine's.
StatusOr<validate::Runner> MakeRunner(std::shared_ptr<const ir::Model> model, const std::filesystem::path& file,
                                      const std::string& provider, int threads);

}  // namespace sardonyx::cli
