// What conversion does to the IR version, and with the rules that came and went with it.
#pragma once

#include <cstdint>

#include "ir/model.h"

namespace sardonyx::optimize::version {

// The IR version of the release of ONNX that brought an opset of ai.onnx.
int64_t IrVersionOfOpset(int64_t opset);

// Before: a model without imports is of opset 1; initializers of IR versions below 4 are not kept as inputs, which they
// had to be, so that they count as the constants that they are.
void PrepareIrVersion(ir::Model& model);

// After, with versions of ai.onnx (alike if it was not converted): going up, the IR version is at least that of the target's release; going
// down, at most that, as far as what the model uses allows. Below IR version 4 initializers become inputs again, and below opset 9
// constants that are not floats, which Constant could not hold, become initializers.
void FinishIrVersion(ir::Model& model, int64_t opset_before, int64_t opset_after);

}  // namespace sardonyx::optimize::version
