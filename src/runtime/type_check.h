// Holding a node's inputs against its schema, so that kernels may rely on it: required inputs are there, and inputs that
// share a type variable have one type, which the schema allows.
#pragma once

#include <span>

#include "ops/schema.h"
#include "sardonyx/status.h"
#include "sardonyx/value.h"

namespace sardonyx::runtime {

// What is there at one input. A tensor whose type is not known yet has dtype kUndefined.
struct InputKind {
  Value::Kind kind = Value::Kind::kNone;
  bool present = false;
  DataType dtype = DataType::kUndefined;
};

// kInvalid: too few or too many inputs or outputs, or a required one omitted.
Status CheckArity(const ir::Node& node, const ops::OpSchema& schema);
// kInvalid, saying which inputs contradict the schema or each other. Unknown types pass.
Status CheckInputTypes(const ops::OpSchema& schema, std::span<const InputKind> inputs);

}  // namespace sardonyx::runtime
