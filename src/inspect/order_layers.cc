// Crossing reduction: sweeps of barycenters down and up, the best order kept.
#include <algorithm>
#include <limits>

#include "inspect/layers.h"

namespace sardonyx::inspect {
namespace {

using Vertex = Layers::Vertex;

// Depth-first from the first vertices, so that what belongs together starts together.
void InitialOrder(Layers* layers) {
  std::vector<char> seen(layers->vertices.size(), 0);
  std::vector<std::vector<int>> ranks(layers->ranks.size());
  std::vector<int> stack;
  for (const std::vector<int>& rank : layers->ranks) {
    for (int start : rank) {
      if (seen[static_cast<size_t>(start)]) continue;
      stack.push_back(start);
      while (!stack.empty()) {
        const int at = stack.back();
        stack.pop_back();
        if (seen[static_cast<size_t>(at)]) continue;
        seen[static_cast<size_t>(at)] = 1;
        const Vertex& vertex = layers->vertices[static_cast<size_t>(at)];
        ranks[static_cast<size_t>(vertex.rank)].push_back(at);
        for (auto next = vertex.down.rbegin(); next != vertex.down.rend(); ++next) stack.push_back(*next);
      }
    }
  }
  layers->ranks = std::move(ranks);
  layers->UpdatePositions();
}

void SortRank(Layers* layers, size_t rank, bool by_upper, std::vector<double>* key) {
  std::vector<int>& order = layers->ranks[rank];
  for (int v : order) {
    const Vertex& vertex = layers->vertices[static_cast<size_t>(v)];
    const std::vector<int>& neighbours = by_upper ? vertex.up : vertex.down;
    double sum = 0;
    for (int n : neighbours) sum += layers->vertices[static_cast<size_t>(n)].position;
    // Without neighbours it keeps its place, measured on the other rank's scale.
    const size_t other = by_upper ? rank - 1 : rank + 1;
    const double scale = static_cast<double>(layers->ranks[other].size()) / static_cast<double>(order.size());
    (*key)[static_cast<size_t>(v)] = neighbours.empty() ? vertex.position * scale : sum / static_cast<double>(neighbours.size());
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return (*key)[static_cast<size_t>(a)] < (*key)[static_cast<size_t>(b)]; });
  for (size_t i = 0; i < order.size(); ++i) layers->vertices[static_cast<size_t>(order[i])].position = static_cast<int>(i);
}

// Crossings between a rank and the next: inversions among the lower ends, counted with a tree of sums.
size_t CrossingsBelow(const Layers& layers, size_t rank, std::vector<int>* tree) {
  const size_t lower = rank + 1 < layers.ranks.size() ? layers.ranks[rank + 1].size() : 0;
  tree->assign(lower + 1, 0);
  size_t crossings = 0, total = 0;
  std::vector<int> ends;
  for (int v : layers.ranks[rank]) {
    ends.clear();
    for (int n : layers.vertices[static_cast<size_t>(v)].down) ends.push_back(layers.vertices[static_cast<size_t>(n)].position);
    // Lines of one vertex do not cross each other: count first, then add.
    for (int end : ends) {
      size_t not_right = 0;
      for (int i = end + 1; i > 0; i -= i & -i) not_right += static_cast<size_t>((*tree)[static_cast<size_t>(i)]);
      crossings += total - not_right;
    }
    for (int end : ends)
      for (size_t i = static_cast<size_t>(end) + 1; i <= lower; i += i & (~i + 1)) ++(*tree)[i];
    total += ends.size();
  }
  return crossings;
}

// How many more crossings `left` before `right` has than the other way round, by their neighbours in one rank.
long CrossingGain(const Layers& layers, const std::vector<int>& left, const std::vector<int>& right) {
  long gain = 0;
  for (int l : left)
    for (int r : right) {
      const int a = layers.vertices[static_cast<size_t>(l)].position, b = layers.vertices[static_cast<size_t>(r)].position;
      gain += (a > b) - (a < b);
    }
  return gain;
}

// Swaps neighbours as long as that helps.
void Transpose(Layers* layers) {
  constexpr size_t kManyNeighbours = 64;  // keeps the pairs to compare few
  for (int round = 0; round < 4; ++round) {
    bool better = false;
    for (std::vector<int>& rank : layers->ranks)
      for (size_t i = 0; i + 1 < rank.size(); ++i) {
        Vertex& left = layers->vertices[static_cast<size_t>(rank[i])];
        Vertex& right = layers->vertices[static_cast<size_t>(rank[i + 1])];
        if (std::max({left.up.size(), left.down.size(), right.up.size(), right.down.size()}) > kManyNeighbours) continue;
        if (CrossingGain(*layers, left.up, right.up) + CrossingGain(*layers, left.down, right.down) <= 0) continue;
        std::swap(rank[i], rank[i + 1]);
        std::swap(left.position, right.position);
        better = true;
      }
    if (!better) return;
  }
}

}  // namespace

size_t CountCrossings(const Layers& layers) {
  size_t total = 0;
  std::vector<int> tree;
  for (size_t rank = 0; rank + 1 < layers.ranks.size(); ++rank) total += CrossingsBelow(layers, rank, &tree);
  return total;
}

void OrderLayers(Layers* layers) {
  if (layers->ranks.size() < 2) return;
  InitialOrder(layers);
  const bool large = layers->vertices.size() > 60'000;
  const int max_sweeps = large ? 6 : 24;
  std::vector<double> key(layers->vertices.size());
  std::vector<std::vector<int>> best = layers->ranks;
  size_t fewest = CountCrossings(*layers);
  int without_gain = 0;
  for (int sweep = 0; sweep < max_sweeps && fewest > 0 && without_gain < 4; ++sweep) {
    if (sweep % 2 == 0)
      for (size_t rank = 1; rank < layers->ranks.size(); ++rank) SortRank(layers, rank, true, &key);
    else
      for (size_t rank = layers->ranks.size() - 1; rank-- > 0;) SortRank(layers, rank, false, &key);
    Transpose(layers);
    const size_t crossings = CountCrossings(*layers);
    ++without_gain;
    if (crossings < fewest) {
      fewest = crossings;
      best = layers->ranks;
      without_gain = 0;
    }
  }
  layers->ranks = std::move(best);
  layers->UpdatePositions();
}

}  // namespace sardonyx::inspect
