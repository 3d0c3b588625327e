// Parser of TorchScript's source.
#pragma once

#include <string_view>

#include "import/pytorch/torchscript/ast.h"
#include "sardonyx/status.h"

namespace sardonyx::pytorch {

// `module` is the file's dotted name ("__torch__.torch.nn.modules.conv"), with which its classes are qualified. kCorrupt, with the
// line, for what is no TorchScript or is nested too deeply.
StatusOr<std::unique_ptr<SourceFile>> ParseSource(std::string_view source, std::string_view module);

}  // namespace sardonyx::pytorch
