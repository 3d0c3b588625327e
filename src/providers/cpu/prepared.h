// Weights in the form that kernels compute with.
#pragma once

#include <memory>

#include "runtime/kernel.h"

namespace sardonyx::cpu {

// `count` floats that `fill` writes, or that it wrote earlier (NodeInfo::Prepared). Null when there is no memory.
template <class F>
std::shared_ptr<const float> PreparedFloats(const runtime::NodeInfo& node, int64_t count, const F& fill) {
  return std::static_pointer_cast<const float>(
      node.Prepared(static_cast<size_t>(count) * sizeof(float), [&](void* memory) { fill(static_cast<float*>(memory)); }));
}

}  // namespace sardonyx::cpu
