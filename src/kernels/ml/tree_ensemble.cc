#include "kernels/ml/tree_ensemble.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "kernels/ml/compact_forest.h"

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
TreeEnsemble<T>::TreeEnsemble() = default;
template <class T>
TreeEnsemble<T>::TreeEnsemble(TreeEnsemble&&) noexcept = default;
template <class T>
TreeEnsemble<T>& TreeEnsemble<T>::operator=(TreeEnsemble&&) noexcept = default;
template <class T>
TreeEnsemble<T>::~TreeEnsemble() = default;

template <class T>
StatusOr<TreeEnsemble<T>> TreeEnsemble<T>::Create(TreeForest<T> forest) {
  TreeEnsemble ensemble;
  ensemble.targets_ = forest.targets;
  ensemble.aggregate_ = forest.aggregate;
  ensemble.roots_ = forest.roots;
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
  ensemble.MakeDense();
  if (auto compact = CompactForest<T>::Create(forest)) ensemble.compact_ = std::make_unique<const CompactForest<T>>(*std::move(compact));
  return ensemble;
}

template <class T>
void TreeEnsemble<T>::MakeDense() {
  if (aggregate_ == TreeAggregate::kMin || aggregate_ == TreeAggregate::kMax || leaf_begin_.size() < 2) return;
  const auto by_target = [](const Weight& a, const Weight& b) { return a.target < b.target; };
  std::vector<uint32_t> targets;
  std::vector<T> values;
  for (size_t leaf = 0; leaf + 1 < leaf_begin_.size(); ++leaf) {
    std::vector<Weight> weights(weights_.begin() + leaf_begin_[leaf], weights_.begin() + leaf_begin_[leaf + 1]);
    std::sort(weights.begin(), weights.end(), by_target);
    if (leaf == 0)
      for (const Weight& weight : weights) targets.push_back(weight.target);
    if (targets.empty() || weights.size() != targets.size()) return;
    for (size_t i = 0; i < weights.size(); ++i) {
      if (weights[i].target != targets[i] || (i > 0 && targets[i] == targets[i - 1])) return;
      values.push_back(weights[i].value);
    }
  }
  dense_targets_ = std::move(targets);
  dense_values_ = std::move(values);
  weights_ = {};
  leaf_begin_ = {};
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
  if (dense_targets_.empty()) return AddSparse(leaf, scores, given);
  const size_t width = dense_targets_.size();
  for (size_t i = 0; i < width; ++i) {
    scores[dense_targets_[i]] += dense_values_[leaf * width + i];
    given[dense_targets_[i]] = 1;
  }
}

template <class T>
void TreeEnsemble<T>::AddSparse(uint32_t leaf, T* scores, uint8_t* given) const {
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
void TreeEnsemble<T>::AddColumn(const uint32_t* leaves, int64_t rows, T* scores, uint8_t* given) const {
  const size_t width = dense_targets_.size();
  if (width == 0) {
    for (int64_t r = 0; r < rows; ++r) AddSparse(leaves[r], scores + r * targets_, given + r * targets_);
  } else if (width == 1) {
    scores += dense_targets_[0];
    for (int64_t r = 0; r < rows; ++r) scores[r * targets_] += dense_values_[leaves[r]];
  } else {
    for (int64_t r = 0; r < rows; ++r)
      for (size_t i = 0; i < width; ++i) scores[r * targets_ + dense_targets_[i]] += dense_values_[leaves[r] * width + i];
  }
}

template <class T>
void TreeEnsemble<T>::WalkRows(const T* x, int64_t rows, int64_t stride, T* scores, uint8_t* given) const {
  constexpr int64_t kBlock = 32;  // rows whose features stay in cache while every tree is walked
  for (int64_t block = 0; block < rows; block += kBlock) {
    const int64_t last = std::min(rows, block + kBlock);
    for (TreeLink root : roots_)
      for (int64_t r = block; r < last; ++r) Add(Walk(root, x + r * stride), scores + r * targets_, given + r * targets_);
  }
}

// Rows in blocks that share each tree's nodes in the first-level cache.
template <class T>
void TreeEnsemble<T>::ScoreRows(const T* x, int64_t rows, int64_t stride, T* scores, uint8_t* given) const {
  using Forest = CompactForest<T>;
  constexpr int64_t kLanes = Forest::kLanes, kMaxGroups = 8, kKeys = 16384;
  alignas(64) typename Forest::Key on_stack[kKeys];
  std::vector<typename Forest::Key> on_heap;
  const int64_t group_keys = compact_->keys_of_group();
  const int64_t max_groups = std::clamp<int64_t>(kKeys / group_keys, 1, kMaxGroups);
  typename Forest::Key* keys = on_stack;
  if (group_keys > kKeys) {
    on_heap.resize(static_cast<size_t>(group_keys));
    keys = on_heap.data();
  }
  for (int64_t block = 0; block < rows; block += max_groups * kLanes) {
    const int64_t count = std::min(max_groups * kLanes, rows - block), groups = (count + kLanes - 1) / kLanes;
    const T* block_x = x + block * stride;
    T* block_scores = scores + block * targets_;
    uint8_t* block_given = given + block * targets_;
    uint32_t missing[kMaxGroups];
    for (int64_t g = 0; g < groups; ++g)
      missing[g] = compact_->MakeKeys(block_x + g * kLanes * stride, std::min(kLanes, count - g * kLanes), stride, keys + g * group_keys);
    for (size_t t = 0; t < roots_.size(); ++t) {
      uint32_t leaves[kMaxGroups * kLanes];
      compact_->FindLeaves(t, keys, groups, leaves);
      AddColumn(leaves, count, block_scores, block_given);
    }
    for (int64_t r = 0; r < count; ++r) {
      if (!roots_.empty())
        for (uint32_t target : dense_targets_) block_given[r * targets_ + target] = 1;
      if ((missing[r / kLanes] >> (r % kLanes) & 1) == 0) continue;
      std::fill_n(block_scores + r * targets_, targets_, T{0});
      std::fill_n(block_given + r * targets_, targets_, uint8_t{0});
      WalkRows(block_x + r * stride, 1, stride, block_scores + r * targets_, block_given + r * targets_);
    }
  }
}

// Few rows, perhaps many trees: the walks run in parallel, the sums in order.
template <class T>
void TreeEnsemble<T>::ScoreRow(const T* x, T* scores, uint8_t* given, ThreadPool* pool) const {
  using Forest = CompactForest<T>;
  constexpr double kMaskCost = 2, kWalkCost = 6, kSlowWalkCost = 40;  // nanoseconds
  constexpr size_t kFew = 1024, kFewKeys = 4096;
  const size_t trees = roots_.size();
  alignas(64) typename Forest::Key few_keys[kFewKeys];
  uint32_t few_leaves[kFew];
  std::vector<typename Forest::Key> many_keys;
  std::vector<uint32_t> many_leaves;
  typename Forest::Key* keys = few_keys;
  uint32_t* leaves = few_leaves;
  if (trees > kFew) {
    many_leaves.resize(trees);
    leaves = many_leaves.data();
  }
  bool compact = compact_ != nullptr;
  if (compact) {
    if (static_cast<size_t>(compact_->keys_of_row()) > kFewKeys) {
      many_keys.resize(static_cast<size_t>(compact_->keys_of_row()));
      keys = many_keys.data();
    }
    compact = !compact_->MakeKeysOfRow(x, keys);
  }
  const auto find = [&](int64_t begin, int64_t end) {
    if (compact) return compact_->FindLeavesOfRow(static_cast<size_t>(begin), static_cast<size_t>(end), keys, leaves + begin);
    for (int64_t t = begin; t < end; ++t) leaves[t] = Walk(roots_[t], x);
  };
  const auto find_groups = [&](int64_t begin, int64_t end) {
    constexpr int64_t kGroup = Forest::kLanes;
    find(begin * kGroup, std::min(end * kGroup, static_cast<int64_t>(trees)));
  };
  const auto groups = static_cast<int64_t>((trees + Forest::kLanes - 1) / Forest::kLanes);
  const double cost = !compact ? kSlowWalkCost : compact_->masks_row() ? kMaskCost : kWalkCost;
  if (pool != nullptr)
    pool->ParallelFor(groups, cost * static_cast<double>(Forest::kLanes), find_groups);
  else
    find_groups(0, groups);
  if (dense_targets_.size() == 1 && trees > 0) {
    T& score = scores[dense_targets_[0]];
    T sum = score;
    for (size_t t = 0; t < trees; ++t) sum += dense_values_[leaves[t]];
    score = sum;
    given[dense_targets_[0]] = 1;
    return;
  }
  for (size_t t = 0; t < trees; ++t) Add(leaves[t], scores, given);
}

template <class T>
void TreeEnsemble<T>::Score(const T* x, int64_t rows, int64_t stride, T* scores, uint8_t* given, ThreadPool* pool) const {
  constexpr int64_t kFewRows = 4;
  constexpr double kWalkCost = 5, kSlowWalkCost = 40;  // nanoseconds of one tree and row
  std::fill_n(scores, rows * targets_, T{0});
  std::fill_n(given, rows * targets_, uint8_t{0});
  if (rows <= kFewRows) {
    for (int64_t r = 0; r < rows; ++r) ScoreRow(x + r * stride, scores + r * targets_, given + r * targets_, pool);
    return;
  }
  const auto score = [&](int64_t first, int64_t count) {
    const T* from = x + first * stride;
    T* to = scores + first * targets_;
    uint8_t* to_given = given + first * targets_;
    compact_ ? ScoreRows(from, count, stride, to, to_given) : WalkRows(from, count, stride, to, to_given);
  };
  if (pool == nullptr) return score(0, rows);
  constexpr int64_t kGroup = CompactForest<T>::kLanes;  // ranges of whole groups
  const double cost = static_cast<double>(roots_.size() * kGroup) * (compact_ ? kWalkCost : kSlowWalkCost);
  pool->ParallelFor((rows + kGroup - 1) / kGroup, cost,
                    [&](int64_t begin, int64_t end) { score(begin * kGroup, std::min(rows, end * kGroup) - begin * kGroup); });
}

template class TreeEnsemble<float>;
template class TreeEnsemble<double>;

}  // namespace sardonyx::kernels
