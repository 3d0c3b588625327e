// Bodies of the operators that the specification defines by other operators.
//
// Bodies that serve every node are text in functions/*.txt; those that depend on the node are built by function_body_*.cc.
// All are our own, written from the specification's semantics.
#pragma once

#include <memory>

#include "ir/model.h"
#include "ops/schema.h"

namespace sardonyx::ops {

// The body of `schema` for `node` (bodies may depend on its attributes and on the types of its inputs, which are read
// from Value::type). Null when the schema defines none, or none for this node: when too little is known of its types, or a
// subgraph that would have to become part of the body reads values of the graphs around it. `subgraph_opset` is the opset
// version of ai.onnx that the node's own subgraphs are written for, if known. The function has the operator's inputs, those
// that the node omits without effect, and its outputs as far as the node has them.
StatusOr<std::unique_ptr<ir::Function>> FunctionBody(const OpSchema& schema, const ir::Node& node, int64_t subgraph_opset = 0);

}  // namespace sardonyx::ops
