// A model that computes in double what it declares in float, float16 or bfloat16: the reference for how exact an engine is.
#pragma once

#include "ir/model.h"
#include "sardonyx/status.h"

namespace sardonyx::optimize {

// Afterwards every floating-point tensor between nodes of the main graph and its subgraphs is double. Weights keep the values that they
// are stored with, and so do the types of the graph's inputs and outputs: what comes in is widened by a Cast, what goes out is rounded
// once. A node whose operator has no double (the scale of a QuantizeLinear, the boxes of a NonMaxSuppression, all of a tree ensemble)
// stands between Casts and computes in its own type; operators that the specification defines by others are replaced by their bodies
// where that avoids it. Calls of model-local functions are inlined. Value types must not be known before: they are inferred here.
//
// kUnsupported for graph inputs that are sequences or optionals of such tensors, and for operators of unknown domains, whose types are
// not known. Returns how many Casts were inserted.
StatusOr<size_t> WidenFloats(ir::Model& model);

}  // namespace sardonyx::optimize
