#include "optimize/version/adapter.h"

#include <map>
#include <tuple>

namespace sardonyx::optimize::version {
namespace {

constexpr std::span<const Adapter> (*kFamilies[])() = {
    AxisAdapters,   BroadcastAdapters, InputAdapters,   NormalizationAdapters, PoolAdapters,   QuantizeAdapters, RecurrentAdapters,
    ResizeAdapters, ControlAdapters,   SoftmaxAdapters, TypeAdapters,          SignalAdapters, MlAdapters};

using Index = std::map<std::tuple<std::string_view, std::string_view, int>, const Adapter*>;

Index MakeIndex() {
  Index index;
  for (const auto family : kFamilies)
    for (const Adapter& adapter : family()) index.emplace(std::tuple(adapter.domain, adapter.op_type, adapter.since), &adapter);
  return index;
}

}  // namespace

const Adapter* FindAdapter(std::string_view domain, std::string_view op_type, int since) {
  static const Index* const kIndex = new Index(MakeIndex());  // lives as long as the program
  const auto found = kIndex->find(std::tuple(domain, op_type, since));
  return found == kIndex->end() ? nullptr : found->second;
}

std::vector<Adapter> AllAdapters() {
  std::vector<Adapter> all;
  for (const auto family : kFamilies) all.insert(all.end(), family().begin(), family().end());
  return all;
}

}  // namespace sardonyx::optimize::version
