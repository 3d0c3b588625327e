// Convolutions that gather their input in a way of their own: create functions of rows in convolution_conv.cc.
#pragma once

#include "providers/cpu/registry.h"

namespace sardonyx::cpu {

StatusOr<std::unique_ptr<Kernel>> CreateDeformConv(const NodeInfo& node);
StatusOr<std::unique_ptr<Kernel>> CreateCol2Im(const NodeInfo& node);
StatusOr<std::unique_ptr<Kernel>> CreateCausalConvWithState(const NodeInfo& node);

}  // namespace sardonyx::cpu
