// What an operator's schema alone says of types: which inputs it takes, and outputs that follow from type variables.
#pragma once

#include "ops/inference.h"

namespace sardonyx::ops::infer {

// kInvalid when the node has too few or too many inputs or outputs, or omits one that it must have.
Status CheckArity(const OpSchema& schema, const ir::Node& node);

// kInvalid when a known input type is not among those that the schema allows, or when two inputs that share a type
// variable have different types.
Status CheckInputTypes(const InferenceContext& context);

// Fills in what an inference function left open of output i's kind and element type, by the output's type variable:
// bound by an input, or the variable's only type. Shapes stay as they are.
void CompleteBySchema(const InferenceContext& context, size_t i, ir::Type& type);

}  // namespace sardonyx::ops::infer
