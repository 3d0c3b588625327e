// TorchScript archives (torch.jit.save: traced, scripted, frozen, for mobile) as ONNX models.
#pragma once

#include "base/bytes.h"
#include "import/common/import.h"
#include "sardonyx/status.h"

namespace sardonyx::pytorch {

// Runs the module's `forward` on the inputs that options.inputs states, in the order of its parameters; a trace's own inputs say what
// is not stated. A dict or list parameter takes the inputs whose names begin with its own ("feats_a" is feats["a"]). Sizes of a script's
// inputs stay symbolic where its model can be said so; those of a trace are as stated. Operators that are not supported are in the report.
// kUsage if an input is stated nowhere.
StatusOr<import::Imported> ImportTorchScript(const Bytes& bytes, const import::ImportOptions& options);

}  // namespace sardonyx::pytorch
