// Chains of element-wise operators.
#pragma once

#include "optimize/rewrite/pass.h"

namespace sardonyx::optimize {

// Two or more element-wise operators of float tensors of one shape, each the only reader of the one before, become
// sardonyx.Elementwise: one pass over memory. Not next to convolutions and poolings, whose blocked layouts such operators keep.
StatusOr<size_t> FuseElementwise(ir::Model& model, const PassOptions& options);

}  // namespace sardonyx::optimize
