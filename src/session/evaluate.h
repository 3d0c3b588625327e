// One node computed now: what folding constants needs of the engine.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "ir/model.h"
#include "runtime/provider.h"
#include "sardonyx/value.h"

namespace sardonyx {

// Runs a copy of `node` on tensors as inputs (none where omitted); one value an output, none where omitted. `memory_limit` as in
// runtime::CompileOptions.
StatusOr<std::vector<Value>> EvaluateNode(const ir::Model& model, const ir::Node& node, std::span<const Value> inputs,
                                          std::span<const std::shared_ptr<runtime::Provider>> providers, ThreadPool& pool,
                                          int64_t memory_limit);

}  // namespace sardonyx
