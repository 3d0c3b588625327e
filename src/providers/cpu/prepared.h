// Weights in the form that kernels compute with.
#pragma once

#include <memory>

#include "runtime/kernel.h"

namespace sardonyx::cpu {

// `count` elements that `fill` writes, or that it wrote earlier (NodeInfo::Prepared). Null when there is no memory.
template <class T, class F>
std::shared_ptr<const T> PreparedArray(const runtime::NodeInfo& node, int64_t count, const F& fill) {
  return std::static_pointer_cast<const T>(
      node.Prepared(static_cast<size_t>(count) * sizeof(T), [&](void* memory) { fill(static_cast<T*>(memory)); }));
}
template <class F>
std::shared_ptr<const float> PreparedFloats(const runtime::NodeInfo& node, int64_t count, const F& fill) {
  return PreparedArray<float>(node, count, fill);
}

}  // namespace sardonyx::cpu
