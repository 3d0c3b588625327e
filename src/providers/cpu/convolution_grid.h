// GridSample and AffineGrid: create functions of rows in convolution_resize.cc.
#pragma once

#include "providers/cpu/registry.h"

namespace sardonyx::cpu {

StatusOr<std::unique_ptr<Kernel>> CreateGridSample(const NodeInfo& node);
StatusOr<std::unique_ptr<Kernel>> CreateAffineGrid(const NodeInfo& node);

}  // namespace sardonyx::cpu
