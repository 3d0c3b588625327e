// Families whose kernels are not merged yet: empty lists, so that registry.cc links. A family's row goes when it arrives.
#include "providers/cpu/registry.h"

namespace sardonyx::cpu {

std::span<const KernelEntry> QuantizationKernels() { return {}; }
std::span<const KernelEntry> SignalKernels() { return {}; }
std::span<const KernelEntry> VisionKernels() { return {}; }

std::span<const KernelEntry> AttentionKernels() { return {}; }
}  // namespace sardonyx::cpu
