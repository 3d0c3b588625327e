// Runs of float16 to float and back, by the machine's own conversions where it has them (F16C): those of Float16, to the bit but for which
// NaN a NaN becomes.
#pragma once

#include <cstdint>

#include "sardonyx/float_types.h"

namespace sardonyx::kernels {

void HalvesToFloats(const Float16* in, int64_t count, float* out);
// To the nearest, ties to even; beyond 65504 to infinity.
void FloatsToHalves(const float* in, int64_t count, Float16* out);

}  // namespace sardonyx::kernels
