#include "providers/cpu/quantization.h"

#include <vector>

namespace sardonyx::cpu {

std::span<const KernelEntry> QuantizationKernels() {
  static const std::vector<KernelEntry>* const kEntries = [] {
    auto* all = new std::vector<KernelEntry>();
    for (auto part : {LinearQuantizationKernels(), QLinearKernels()}) all->insert(all->end(), part.begin(), part.end());
    return all;
  }();
  return *kEntries;
}

}  // namespace sardonyx::cpu
