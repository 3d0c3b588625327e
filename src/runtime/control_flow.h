// If, Loop and Scan: kernels that run subprograms. They belong to the runtime, whatever providers run the rest.
#pragma once

#include <span>

#include "runtime/kernel.h"

namespace sardonyx::runtime {

std::span<const KernelEntry> ControlFlowKernels();

}  // namespace sardonyx::runtime
