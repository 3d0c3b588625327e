// Replaces calls of functions by their bodies: model-local functions, and operators that the specification defines by
// others where the caller asks for it.
#pragma once

#include <functional>

#include "ir/model.h"
#include "sardonyx/status.h"

namespace sardonyx::optimize {

struct InlineOptions {
  // True for a model-local function whose calls shall be replaced. Null: all.
  std::function<bool(const ir::Function& function)> inline_function;
  // True for an operator (not a model-local function) whose specified body shall take its place. Null: none.
  std::function<bool(const ir::Node& node, int64_t opset_version)> expand_operator;
  // Bounds for hostile files: functions that call each other can grow without end.
  int max_depth = 64;
  size_t max_nodes = 4'000'000;
};

// Afterwards no node of the main graph or its subgraphs calls such a function. Values of a body are named
// CALL/NAME. Operator bodies need Value::type of the node's inputs (see ops::FunctionBody). Inlined nodes keep the opset of
// their function in Node::opset_version. Returns how many calls were replaced.
StatusOr<size_t> InlineFunctions(ir::Model& model, const InlineOptions& options = {});

}  // namespace sardonyx::optimize
