// Reading .pt2 archives: what torch.export.save writes, of every layout from torch 2.1 on.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "formats/torch_save.h"
#include "import/pytorch/torch_graph.h"
#include "sardonyx/status.h"

namespace sardonyx::pytorch {

// kCorrupt names the entry or the place in the JSON; kUnsupported for archives that hold compiled code and no graph.
StatusOr<Program> ReadExportedProgram(const Bytes& bytes);

// The JSON of an exported program alone, as the archive has it; `parameter` gives the tensor of a parameter, buffer or constant by its
// name, null when there is none.
using FindParameter = std::function<StatusOr<std::shared_ptr<const Parameter>>(const std::string& name)>;
StatusOr<Program> ReadExportedJson(std::string_view json, const FindParameter& find);

}  // namespace sardonyx::pytorch
