#include "providers/cpu/reduction.h"

#include <vector>

namespace sardonyx::cpu {

std::span<const KernelEntry> ReductionKernels() {
  static const std::vector<KernelEntry>* const kEntries = [] {
    auto* all = new std::vector<KernelEntry>();
    for (auto part : {ReduceKernels(), AxisKernels(), RowNormalizationKernels(), ChannelKernels(), LossKernels()})
      all->insert(all->end(), part.begin(), part.end());
    return all;
  }();
  return *kEntries;
}

}  // namespace sardonyx::cpu
