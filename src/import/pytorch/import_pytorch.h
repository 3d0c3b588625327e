// Models of PyTorch: .pt2 (torch.export.save), TorchScript and checkpoints, told apart by their content.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "import/common/import.h"
#include "import/pytorch/torch_graph.h"
#include "sardonyx/status.h"

namespace sardonyx::pytorch {

enum class Format { kNone, kExportedProgram, kTorchScript, kCheckpoint, kSafetensors };
// By the file's bytes (a zip's entries), never by its suffix.
Format DetectFormat(const Bytes& bytes);
std::string_view FormatName(Format format);

// Reads, translates, and reports. The model is not checked yet. kUnsupported when the format has no importer; operators that are not
// supported are in the report.
StatusOr<import::Imported> ImportPyTorch(const std::filesystem::path& path, const import::ImportOptions& options);

// A program, however it was read, as a model: passes, translation, names, metadata.
StatusOr<import::Imported> TranslateProgram(const Program& program, const import::ImportOptions& options);

}  // namespace sardonyx::pytorch
