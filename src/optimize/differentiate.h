// Replaces the operator Gradient by nodes that compute it: reverse-mode differentiation of the graph.
#pragma once

#include <cstddef>

#include "ir/model.h"
#include "sardonyx/status.h"

namespace sardonyx::optimize {

struct DifferentiateOptions {
  // Bounds for hostile files: gradients of gradients grow fast.
  size_t max_nodes = 200'000;
  size_t max_gradients = 1000;
};

// Afterwards no node of the main graph or its subgraphs is a Gradient of ai.onnx.preview.training. Works on a sorted graph
// whose functions are inlined, and leaves it so; infers types if there is a Gradient. Returns how many were replaced.
//
// The gradient of a `y` that is no scalar is that of the sum of its elements. Values named in xs and zs may be given other
// values than they have; the part of the graph between them and y is then computed a second time. What y needs besides them
// counts as constant. Operators that are defined by others and have no derivative of their own are expanded first. An
// operator without either is kUnsupported: all of them are named.
StatusOr<size_t> ExpandGradients(ir::Model& model, const DifferentiateOptions& options = {});

}  // namespace sardonyx::optimize
