#include "cli/import_source.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "base/file.h"
#include "base/status_macros.h"
#include "import/pytorch/checkpoint.h"
#include "import/pytorch/import_pytorch.h"

namespace sardonyx::cli {

StatusOr<std::optional<import::Imported>> ImportSource(const std::string& path, const SourceFlags& flags, int64_t opset) {
  constexpr std::string_view kFormats[] = {"onnx", "pytorch"};
  if (!flags.from.empty() && std::find(std::begin(kFormats), std::end(kFormats), flags.from) == std::end(kFormats))
    return Usage(fmt::format("--from knows onnx and pytorch, not '{}'", flags.from));
  import::ImportOptions options;
  options.opset = opset;
  options.allow_unsupported = flags.allow_unsupported;
  options.architecture = flags.architecture;
  for (const std::string& text : flags.inputs) {
    ASSIGN_OR_RETURN(import::InputSpec spec, import::ParseInputSpec(text));
    options.inputs.push_back(std::move(spec));
  }
  for (const std::string& text : flags.dynamic) {
    ASSIGN_OR_RETURN(import::DynamicAxis axis, import::ParseDynamicAxis(text));
    options.dynamic.push_back(std::move(axis));
  }
  std::error_code error;
  if (flags.from == "onnx" || path == "-" || std::filesystem::is_directory(path, error)) return std::optional<import::Imported>();
  ASSIGN_OR_RETURN(const Bytes bytes, MapFile(path));
  if (flags.from != "pytorch" && !pytorch::IsPyTorch(bytes) && !pytorch::IsSafeTensorsCheckpoint(path, bytes)) return std::optional<import::Imported>();
  ASSIGN_OR_RETURN(import::Imported imported, pytorch::ImportPyTorch(path, bytes, options));
  return std::optional<import::Imported>(std::move(imported));
}

}  // namespace sardonyx::cli
