// Families whose kernels are not merged yet: empty lists, so that registry.cc links. A family's row goes when it arrives.
#include "providers/cpu/registry.h"

namespace sardonyx::cpu {

std::span<const KernelEntry> QuantizationKernels() { return {}; }

}  // namespace sardonyx::cpu
