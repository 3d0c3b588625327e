// Sources of other frameworks, told apart by their content and handed to their importers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "import/common/import.h"

namespace sardonyx::cli {

struct SourceFlags {
  std::string from;                  // --from; empty: by content
  std::vector<std::string> inputs;   // --input
  std::vector<std::string> dynamic;  // --dynamic
  std::string architecture;          // --arch
  bool allow_unsupported = false;
};

// The model of a source that is no ONNX file; nothing if `path` is one. kUsage for flags that do not parse.
StatusOr<std::optional<import::Imported>> ImportSource(const std::string& path, const SourceFlags& flags, int64_t opset);

}  // namespace sardonyx::cli
