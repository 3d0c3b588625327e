#include "providers/cpu/registry.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include "ir/graph.h"
#include "providers/cpu/bytes.h"
#include "providers/cpu/kernel_list.h"

namespace sardonyx::cpu {
namespace {

using Family = std::span<const KernelEntry> (*)();

constexpr Family kFamilies[] = {
    ByteConvKernels,    ByteProductKernels, ByteImageKernels,   ByteQuantizeKernels,  // before the same operators' general kernels
    BlockedKernels,     ElementwiseKernels, ReductionKernels, MatrixKernels,   ConvolutionKernels, QuantizationKernels,
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

std::vector<const KernelEntry*> KernelRows(std::string_view domain, std::string_view op_type) {
  const auto& index = Index();
  const std::tuple key(ir::NormalDomain(domain), op_type);
  const auto first = std::lower_bound(index.begin(), index.end(), key, [](auto* entry, const auto& k) { return KeyOf(entry) < k; });
  const auto last = std::find_if(first, index.end(), [&](auto* entry) { return KeyOf(entry) != key; });
  return {first, last};
}

std::vector<const KernelEntry*> FindKernels(std::string_view domain, std::string_view op_type, int64_t opset_version) {
  std::vector<const KernelEntry*> rows = KernelRows(domain, op_type);
  std::erase_if(rows, [&](auto* row) { return opset_version < row->since_version || row->until_version < opset_version; });
  return rows;
}

}  // namespace sardonyx::cpu
