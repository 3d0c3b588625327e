// Where what kernels prepare of their constants can be kept from one compilation of a program to the next (NodeInfo::Prepared).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace sardonyx::runtime {

// The same program asks in the same order each time; that is how its answers are told apart.
class PreparedStore {
 public:
  virtual ~PreparedStore() = default;
  // What `fill` writes into `bytes` of memory, or wrote in the compilation that is repeated. Null without memory.
  virtual std::shared_ptr<const void> Get(size_t bytes, const std::function<void(void*)>& fill) = 0;
};

}  // namespace sardonyx::runtime
