#include "providers/cpu/generator.h"

#include <vector>

namespace sardonyx::cpu {

StatusOr<DataType> DtypeAttribute(const NodeInfo& node, std::string_view name, DataType fallback) {
  const int64_t number = node.GetInt(name, 0);
  if (number == 0) return fallback;
  if (number < 0 || number >= kNumDataTypes)
    return Invalid(fmt::format("{}: {} is {}, which is no element type", node.node().op_type, name, number));
  return static_cast<DataType>(number);
}

std::span<const KernelEntry> GeneratorKernels() {
  static const std::vector<KernelEntry>* const kEntries = [] {
    auto* all = new std::vector<KernelEntry>();
    for (auto part : {ConstantKernels(), SeriesKernels(), RandomKernels(), IndexKernels()})
      all->insert(all->end(), part.begin(), part.end());
    return all;
  }();
  return *kEntries;
}

}  // namespace sardonyx::cpu
