// Bodies of the operators that the specification defines by other operators.
#pragma once

#include <memory>

#include "ir/model.h"
#include "ops/schema.h"

namespace sardonyx::ops {

// The body of `schema` for `node` (bodies may depend on its attributes and on the types of its inputs, which are read
// from Value::type). Null when the schema defines none, or none for this node.
StatusOr<std::unique_ptr<ir::Function>> FunctionBody(const OpSchema& schema, const ir::Node& node);

}  // namespace sardonyx::ops
