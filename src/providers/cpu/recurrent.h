// What the bindings of recurrent layers share.
#pragma once

#include "kernels/recurrent/recurrent.h"
#include "providers/cpu/registry.h"

namespace sardonyx::cpu {

// The attributes activations, activation_alpha and activation_beta, or their defaults. kInvalid for unknown names.
Status ReadActivations(const NodeInfo& node, kernels::CellKind kind, int64_t directions, kernels::RecurrentOptions& options);

}  // namespace sardonyx::cpu
