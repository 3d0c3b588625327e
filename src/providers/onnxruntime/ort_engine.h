// ONNX Runtime as an engine that groups of nodes are handed to.
#pragma once

#include <memory>
#include <string>

#include "providers/delegate/engine.h"

namespace sardonyx::onnxruntime {

// `library`: where it lies; empty: as OrtLibrary::Load finds it. kUnsupported, with what to do, when there is none.
StatusOr<std::shared_ptr<const delegate::Engine>> MakeEngine(const std::string& library);

}  // namespace sardonyx::onnxruntime
