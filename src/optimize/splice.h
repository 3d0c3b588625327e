// Putting a function's body in the place of a node.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ir/model.h"
#include "sardonyx/status.h"

namespace sardonyx::optimize {

struct SpliceOptions {
  static constexpr size_t kAtEnd = static_cast<size_t>(-1);
  // Where in the call's graph the copies go; kAtEnd: behind all nodes, to be sorted by the caller.
  size_t position = kAtEnd;
  // The name that a value, or a node, of the body gets.
  std::function<std::string(const std::string&name)> value_name, node_name;
};

// Copies the nodes and initializers of the body into the graph of `call`, bound to its inputs, outputs and attributes:
// attributes that refer to the function's take the call's value, else the default, else vanish. The call itself stays, no
// longer the producer of its outputs; the caller removes it. Returns the copies. kInvalid if the call has more inputs or
// outputs than the function.
StatusOr<std::vector<ir::Node*>> SpliceBody(ir::Node* call, const ir::Function& function, const SpliceOptions& options);

}  // namespace sardonyx::optimize
