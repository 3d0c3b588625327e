// Models of PyTorch as ONNX models.
#pragma once

#include <filesystem>

#include "base/bytes.h"
#include "import/common/import.h"
#include "import/pytorch/torch_graph.h"
#include "sardonyx/status.h"

namespace sardonyx::pytorch {

// Whether the bytes are a file of PyTorch's that ImportPyTorch has a way for, told by content.
bool IsPyTorch(const Bytes& bytes);

// Reads, translates, and reports. The model is not checked yet. Operators that are not supported are in the report.
StatusOr<import::Imported> ImportPyTorch(const std::filesystem::path& path, const Bytes& bytes, const import::ImportOptions& options);

// A program, however it was read, as a model: functionalized, translated, with names and metadata.
StatusOr<import::Imported> ImportProgram(Program program, const import::ImportOptions& options);

}  // namespace sardonyx::pytorch
