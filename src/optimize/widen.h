// A model that computes in a wider floating-point type than it declares: in double, the reference for how exact an engine is; in float,
// for machines that multiply no narrower numbers.
#pragma once

#include "ir/model.h"
#include "sardonyx/status.h"

namespace sardonyx::optimize {

// Afterwards every floating-point tensor between nodes of the main graph and its subgraphs that is narrower than `to` (kDouble: float,
// float16, bfloat16; kFloat: float16 alone, and a Cast to it still rounds) is of that type. Weights keep the values that they are stored
// with, and so do the types of the graph's inputs and outputs: what comes in is widened by a Cast, what goes out is rounded once. Tables
// that Gather reads stay as they are.
// A node whose operator does not take the type (for double the scale of a QuantizeLinear, the boxes of a NonMaxSuppression, all of a tree
// ensemble) stands between Casts and computes in its own; operators that the specification defines by others are replaced by their bodies
// where that avoids it. Calls of model-local functions are inlined. Value types must not be known before: they are inferred here.
//
// kUnsupported, and the model computes what it did, for graph inputs that are sequences or optionals of such tensors, and for operators of
// unknown domains, whose types are not known. Returns how many Casts were inserted.
StatusOr<size_t> WidenFloats(ir::Model& model, DataType to);

// Whether a weight of the model, of two axes or more, is float16.
bool HasFloat16Weights(const ir::Model& model);

}  // namespace sardonyx::optimize
