// Families whose kernels are not merged yet: empty lists, so that registry.cc links. A family's row goes when it arrives.
#include "providers/cpu/registry.h"

namespace sardonyx::cpu {

std::span<const KernelEntry> QuantizationKernels() { return {}; }
std::span<const KernelEntry> RecurrentKernels() { return {}; }
std::span<const KernelEntry> SignalKernels() { return {}; }
std::span<const KernelEntry> VisionKernels() { return {}; }
std::span<const KernelEntry> ClassicalMlKernels() { return {}; }

std::span<const KernelEntry> QuantizedConvKernels() { return {}; }
std::span<const KernelEntry> QuantizedMatMulKernels() { return {}; }
std::span<const KernelEntry> AlgebraKernels() { return {}; }
std::span<const KernelEntry> AttentionKernels() { return {}; }
}  // namespace sardonyx::cpu
