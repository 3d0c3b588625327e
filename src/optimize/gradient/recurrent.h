// RNN, GRU and LSTM as Scan, for the sake of their derivatives.
#pragma once

#include "ir/model.h"
#include "sardonyx/status.h"

namespace sardonyx::optimize {

bool IsRecurrent(const ir::Node& node);

// A function that computes what the node does, by its equations in the specification. kUnsupported for an unknown activation.
StatusOr<ir::Function> RecurrentBody(const ir::Node& node, std::string_view domain, std::string_view name);

}  // namespace sardonyx::optimize
