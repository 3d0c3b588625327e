#include "ir/save.h"

#include <fmt/format.h>

#include "base/status_macros.h"
#include "ir/onnx_wire.h"

namespace sardonyx::ir {

Status SaveModel(const Model& model, const std::filesystem::path& path, const SaveOptions& options) {
  const formats::WireRope rope = WriteModel(model);
  return WriteFileAtomically(path, [&](const ByteSink& sink) { return rope.WriteTo(sink); });
}

}  // namespace sardonyx::ir
