// Forests of balanced trees over random splits.
#include <cstdint>
#include <utility>
#include <vector>

#include "kernels/ml/tree_ensemble.h"
#include "measure.h"

namespace sardonyx::kernels {
namespace {

constexpr uint32_t kFeatures = 30;

uint32_t Next(uint32_t& state) { return state = state * 1664525u + 1013904223u, state >> 8; }

// Splits of `depth` levels; leaves are numbered on.
TreeLink Grow(TreeForest<float>& forest, int depth, uint32_t& random) {
  if (depth == 0) {
    forest.leaves.push_back({{0, static_cast<float>(Next(random) % 1000) / 1000}});
    return static_cast<TreeLink>(forest.leaves.size() - 1) | kLeafBit;
  }
  const auto at = static_cast<TreeLink>(forest.splits.size());
  forest.splits.push_back({.threshold = static_cast<float>(Next(random) % 2000) / 1000 - 1, .feature = Next(random) % kFeatures});
  const TreeLink yes = Grow(forest, depth - 1, random), no = Grow(forest, depth - 1, random);
  forest.splits[at].if_true = yes;
  forest.splits[at].if_false = no;
  return at;
}

// trees, depth, rows. Counts the decisions of all rows and trees.
void Forest(benchmark::State& state) {
  TreeForest<float> forest;
  uint32_t random = 1;
  for (int64_t t = 0; t < state.range(0); ++t) forest.roots.push_back(Grow(forest, static_cast<int>(state.range(1)), random));
  const auto ensemble = TreeEnsemble<float>::Create(std::move(forest));
  if (!ensemble.ok()) return state.SkipWithError(ensemble.status().message().c_str());
  const int64_t rows = state.range(2);
  std::vector<float> x(static_cast<size_t>(rows * kFeatures)), scores(static_cast<size_t>(rows));
  for (float& value : x) value = static_cast<float>(Next(random) % 2000) / 1000 - 1;
  std::vector<uint8_t> given(scores.size());
  for (auto _ : state) ensemble->Score(x.data(), rows, kFeatures, scores.data(), given.data(), &Pool());
  state.counters["decisions"] =
      benchmark::Counter(static_cast<double>(state.range(0) * state.range(1) * rows) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
}
BENCHMARK(Forest)->ArgNames({"trees", "depth", "rows"})->ArgsProduct({{100, 500}, {5, 8}, {1, 1000}})->UseRealTime();

}  // namespace
}  // namespace sardonyx::kernels
