// Which instruction set the SIMD kernels run on: the best one that the machine has, unless someone chooses another.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sardonyx/status.h"

namespace sardonyx::kernels {

// Instruction sets that the kernels are compiled for and this machine has, best first: "avx3", "avx2", "sse4", ...
std::vector<std::string> SimdTargets();
// The one in use.
std::string SimdTarget();

// Kernels that run from now on use `name`, or the best one when it is empty. Nothing may be running. kUsage when it is none
// of SimdTargets().
Status ChooseSimdTarget(std::string_view name);

// Chooses what the environment variable SARDONYX_SIMD names, at the first call; every call returns how that went.
Status ApplySimdEnvironment();

}  // namespace sardonyx::kernels
