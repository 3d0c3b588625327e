// The functions that a custom operator's callbacks may call, and the callbacks as Sardonyx sees them.
#pragma once

#include "ops/inference.h"
#include "runtime/kernel.h"
#include "sardonyx/custom_op.h"

namespace sardonyx::custom_ops {

// Calls op.infer; null when it has none.
ops::InferenceFunction MakeInference(const SardonyxCustomOp& op);

// Calls op.create, and op.run for each run. kUnsupported when the entry declines the node.
StatusOr<std::unique_ptr<runtime::Kernel>> MakeKernel(const SardonyxCustomOp& op, const runtime::NodeInfo& info);

}  // namespace sardonyx::custom_ops
