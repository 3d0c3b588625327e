#include "providers/cpu/registry.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include "ir/graph.h"

namespace sardonyx::cpu {
namespace {

using Family = std::span<const KernelEntry> (*)();

constexpr Family kFamilies[] = {
    ElementwiseKernels, ReductionKernels, MatrixKernels,   ConvolutionKernels, QuantizationKernels,
    RecurrentKernels,   MovementKernels,  GeneratorKernels, SequenceKernels,   TextKernels,
    ClassicalMlKernels, SignalKernels,    VisionKernels,   TrainingKernels,  MicrosoftKernels,
};

auto KeyOf(const KernelEntry* entry) { return std::tuple(ir::NormalDomain(entry->domain), entry->op_type); }

// Every row, sorted by operator; rows of one operator keep the order of their lists.
const std::vector<const KernelEntry*>& Index() {
  static const auto* const index = [] {
    auto* rows = new std::vector<const KernelEntry*>();
    for (Family family : kFamilies)
      for (const KernelEntry& entry : family()) rows->push_back(&entry);
    std::stable_sort(rows->begin(), rows->end(), [](auto* a, auto* b) { return KeyOf(a) < KeyOf(b); });
    return rows;
  }();
  return *index;
}

}  // namespace

std::vector<const KernelEntry*> FindKernels(std::string_view domain, std::string_view op_type, int64_t opset_version) {
  const auto& index = Index();
  const std::tuple key(ir::NormalDomain(domain), op_type);
  std::vector<const KernelEntry*> found;
  auto row = std::lower_bound(index.begin(), index.end(), key, [](auto* entry, const auto& k) { return KeyOf(entry) < k; });
  for (; row != index.end() && KeyOf(*row) == key; ++row)
    if ((*row)->since_version <= opset_version && opset_version <= (*row)->until_version) found.push_back(*row);
  return found;
}

}  // namespace sardonyx::cpu
