// What needs no pattern: constants, dead nodes, nodes that compute the same. Each gives the number of nodes that it took away.
#pragma once

#include "optimize/rewrite/pass.h"

namespace sardonyx::optimize {

// Nodes whose inputs are all known become constants, by `options.evaluate`, and so do sizes that inference knows. DequantizeLinear
// stays, since kernels of 8-bit numbers want what it reads; so do random operators, and what cannot be computed (running it says
// why). Constants that nothing reads any more are dropped on the way.
StatusOr<size_t> FoldConstants(ir::Model& model, const PassOptions& options);
// DequantizeLinear of constants as well, once the passes that want it have run.
StatusOr<size_t> FoldDequantized(ir::Model& model, const PassOptions& options);
// Nodes that no output needs.
StatusOr<size_t> RemoveDeadNodes(ir::Model& model, const PassOptions& options);
// Nodes that have the same operator, inputs and attributes as an earlier one of their graph.
StatusOr<size_t> ShareEqualNodes(ir::Model& model, const PassOptions& options);

}  // namespace sardonyx::optimize
