// Sequences whose elements are known, taken out of the way of derivatives.
#pragma once

#include "ir/graph.h"

namespace sardonyx::optimize {

// SequenceAt, ConcatFromSequence and SequenceLength of a sequence that SequenceConstruct, SequenceEmpty, SequenceInsert,
// SequenceErase and SplitToSequence make at places that are constant become operators on the tensors that it holds, and
// OptionalGetElement of what Optional holds that itself. Returns whether the node was one of them and is replaced.
bool ReplaceSequenceUse(ir::Node* node);

}  // namespace sardonyx::optimize
