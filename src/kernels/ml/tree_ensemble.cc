#include "kernels/ml/tree_ensemble.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::kernels {

std::optional<SplitMode> ParseSplitMode(std::string_view name) {
  constexpr std::string_view kNames[] = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER"};
  const auto* found = std::find(std::begin(kNames), std::end(kNames), name);
  if (found == std::end(kNames)) return std::nullopt;
  return static_cast<SplitMode>(found - kNames);
}

std::optional<TreeAggregate> ParseTreeAggregate(std::string_view name) {
  if (name == "AVERAGE") return TreeAggregate::kAverage;
  if (name == "SUM") return TreeAggregate::kSum;
  if (name == "MIN") return TreeAggregate::kMin;
  if (name == "MAX") return TreeAggregate::kMax;
  return std::nullopt;
}

template <class T>
StatusOr<TreeEnsemble<T>> TreeEnsemble<T>::Create(TreeForest<T> forest) {
  TreeEnsemble ensemble;
  ensemble.targets_ = forest.targets;
  ensemble.aggregate_ = forest.aggregate;
  ensemble.roots_ = std::move(forest.roots);
  bool plain = true;
  for (auto& split : forest.splits) {
    ensemble.nodes_.push_back({split.threshold, split.feature, split.if_true, split.if_false});
    ensemble.features_ = std::max<int64_t>(ensemble.features_, int64_t{split.feature} + 1);
    const auto begin = static_cast<uint32_t>(ensemble.members_.size());
    std::sort(split.members.begin(), split.members.end());
    ensemble.members_.insert(ensemble.members_.end(), split.members.begin(), split.members.end());
    ensemble.unusual_.push_back({split.mode, split.missing_is_true, begin, static_cast<uint32_t>(ensemble.members_.size())});
    plain = plain && split.mode == SplitMode::kLeq && !split.missing_is_true;
  }
  if (plain) ensemble.unusual_.clear();
  for (const auto& leaf : forest.leaves) {
    ensemble.leaf_begin_.push_back(static_cast<uint32_t>(ensemble.weights_.size()));
    for (const auto& weight : leaf) {
      if (weight.target >= forest.targets) return Invalid(fmt::format("a leaf's target {} is not below {}", weight.target, forest.targets));
      ensemble.weights_.push_back({weight.target, weight.value});
    }
  }
  ensemble.leaf_begin_.push_back(static_cast<uint32_t>(ensemble.weights_.size()));
  RETURN_IF_ERROR(ensemble.CheckLinks());
  return ensemble;
}

template <class T>
Status TreeEnsemble<T>::CheckLinks() const {
  const auto leads_somewhere = [&](TreeLink link) {
    return (link & kLeafBit) != 0 ? (link & ~kLeafBit) + 1 < leaf_begin_.size() : link < nodes_.size();
  };
  for (const Node& node : nodes_)
    if (!leads_somewhere(node.if_true) || !leads_somewhere(node.if_false)) return Invalid("a branch of a tree leads to no node");
  // Depth first without recursion: a node that is met again while its own branches are being walked closes a circle.
  enum State : uint8_t { kNew, kOpen, kDone };
  std::vector<State> state(nodes_.size(), kNew);
  std::vector<TreeLink> stack;
  for (TreeLink root : roots_) {
    if (!leads_somewhere(root)) return Invalid("a tree has no root");
    stack.push_back(root);
    while (!stack.empty()) {
      const TreeLink at = stack.back();
      if ((at & kLeafBit) != 0 || state[at] != kNew) {
        if ((at & kLeafBit) == 0) state[at] = kDone;
        stack.pop_back();
        continue;
      }
      state[at] = kOpen;
      for (TreeLink next : {nodes_[at].if_true, nodes_[at].if_false}) {
        if ((next & kLeafBit) != 0) continue;
        if (state[next] == kOpen) return Invalid(fmt::format("node {} of a tree is its own descendant", next));
        if (state[next] == kNew) stack.push_back(next);
      }
    }
  }
  return {};
}

template <class T>
bool TreeEnsemble<T>::Test(const Node& node, const Unusual& unusual, T x) const {
  if (unusual.missing_is_true && std::isnan(x)) return true;
  switch (unusual.mode) {
    case SplitMode::kLeq:
      return x <= node.threshold;
    case SplitMode::kLt:
      return x < node.threshold;
    case SplitMode::kGte:
      return x >= node.threshold;
    case SplitMode::kGt:
      return x > node.threshold;
    case SplitMode::kEq:
      return x == node.threshold;
    case SplitMode::kNeq:
      return x != node.threshold;
    case SplitMode::kMember:
      return !std::isnan(x) && std::binary_search(members_.begin() + unusual.members_begin, members_.begin() + unusual.members_end, x);
  }
  return false;
}

template <class T>
uint32_t TreeEnsemble<T>::Walk(TreeLink at, const T* row) const {
  if (unusual_.empty()) {
    while ((at & kLeafBit) == 0) {
      const Node& node = nodes_[at];
      at = row[node.feature] <= node.threshold ? node.if_true : node.if_false;
    }
  } else {
    while ((at & kLeafBit) == 0) {
      const Node& node = nodes_[at];
      at = Test(node, unusual_[at], row[node.feature]) ? node.if_true : node.if_false;
    }
  }
  return at & ~kLeafBit;
}

template <class T>
void TreeEnsemble<T>::Add(uint32_t leaf, T* scores, uint8_t* given) const {
  for (uint32_t i = leaf_begin_[leaf]; i < leaf_begin_[leaf + 1]; ++i) {
    const auto& [target, value] = weights_[i];
    T& score = scores[target];
    if (aggregate_ == TreeAggregate::kMin)
      score = given[target] != 0 ? std::min(score, value) : value;
    else if (aggregate_ == TreeAggregate::kMax)
      score = given[target] != 0 ? std::max(score, value) : value;
    else
      score += value;
    given[target] = 1;
  }
}

template <class T>
void TreeEnsemble<T>::Score(const T* x, int64_t rows, int64_t stride, T* scores, uint8_t* given, ThreadPool* pool) const {
  constexpr double kWalkCost = 40;  // nanoseconds of one tree
  constexpr int64_t kBlock = 32;    // rows whose features stay in cache while every tree is walked
  const auto trees = static_cast<int64_t>(roots_.size());
  std::fill_n(scores, rows * targets_, T{0});
  std::fill_n(given, rows * targets_, uint8_t{0});
  const auto add_rows = [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; block += kBlock) {
      const int64_t last = std::min(end, block + kBlock);
      for (TreeLink root : roots_)
        for (int64_t r = block; r < last; ++r) Add(Walk(root, x + r * stride), scores + r * targets_, given + r * targets_);
    }
  };
  if (pool == nullptr) return add_rows(0, rows);
  if (rows >= pool->threads() || trees < 64) return pool->ParallelFor(rows, kWalkCost * static_cast<double>(trees), add_rows);
  // Few rows, many trees: the walks run in parallel, the sums in order.
  std::vector<uint32_t> leaves(static_cast<size_t>(trees));
  for (int64_t r = 0; r < rows; ++r) {
    pool->ParallelFor(trees, kWalkCost, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) leaves[t] = Walk(roots_[t], x + r * stride);
    });
    for (uint32_t leaf : leaves) Add(leaf, scores + r * targets_, given + r * targets_);
  }
}

template class TreeEnsemble<float>;
template class TreeEnsemble<double>;

}  // namespace sardonyx::kernels
