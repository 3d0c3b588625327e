#include "kernels/ml/compact_forest.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace sardonyx::kernels {
namespace {

// Interleaved walks, of rows down one tree and of one row down several trees: enough to hide the latency of one.
constexpr int kRowWalks = 16, kTreeWalks = 12;
constexpr size_t kMaxMaskLeaves = 32;

// An integer that is ordered as x is; -0 counts as 0. Not for NaN.
template <class Key, class T>
inline Key KeyOf(T x) {
  const T normal = x + T{0};
  Key bits;
  std::memcpy(&bits, &normal, sizeof(bits));
  return bits ^ ((bits >> (8 * sizeof(Key) - 1)) & std::numeric_limits<Key>::max());
}

// A split as "key(x) <= key, then first, else second".
template <class Key>
struct Ordered {
  Key key;
  TreeLink first, second;
};

template <class Key, class Split>
Ordered<Key> Order(const Split& split) {
  const bool swap = split.mode == SplitMode::kGte || split.mode == SplitMode::kGt;
  const bool strict = split.mode == SplitMode::kLt || split.mode == SplitMode::kGte;  // x < t as a part of the answer
  Ordered<Key> ordered{0, swap ? split.if_false : split.if_true, swap ? split.if_true : split.if_false};
  if (std::isnan(split.threshold))  // nothing compares with it: always the false branch
    ordered.key = swap ? std::numeric_limits<Key>::max() : std::numeric_limits<Key>::min();
  else
    ordered.key = KeyOf<Key>(split.threshold) - (strict ? 1 : 0);
  return ordered;
}

bool IsOrdering(SplitMode mode) {
  return mode == SplitMode::kLeq || mode == SplitMode::kLt || mode == SplitMode::kGte || mode == SplitMode::kGt;
}

bool IsLeaf(TreeLink link) { return (link & kLeafBit) != 0; }

}  // namespace

template <class T>
std::optional<CompactForest<T>> CompactForest<T>::Create(const TreeForest<T>& forest) {
  CompactForest compact;
  for (const auto& split : forest.splits) {
    if (!IsOrdering(split.mode) || split.feature > std::numeric_limits<Index>::max()) return std::nullopt;
    compact.features_ = std::max<int64_t>(compact.features_, int64_t{split.feature} + 1);
  }
  // Branches that meet again are copied; a forest that grows too much by that is walked as it is.
  const size_t max_nodes = 4 * (forest.splits.size() + forest.leaves.size()) + forest.roots.size();
  for (TreeLink root : forest.roots)
    if (!compact.AddTree(forest, root, max_nodes)) return std::nullopt;
  if constexpr (sizeof(T) == 4) compact.GroupMasks();
  return compact;
}

template <class T>
void CompactForest<T>::GroupMasks() {
  const auto has_masks = [](const Tree& tree) { return tree.masks_end > tree.masks_begin; };
  if (trees_.empty() || features_ > kLeafMaskFeatures || !std::all_of(trees_.begin(), trees_.end(), has_masks)) return;
  for (size_t first = 0; first < trees_.size(); first += kLanes) {
    const size_t begin = group_keys_.size();
    group_begin_.push_back(begin);
    for (size_t t = first; t < std::min(trees_.size(), first + kLanes); ++t) {
      const size_t count = trees_[t].masks_end - trees_[t].masks_begin, end = std::max(group_keys_.size(), begin + count * kLanes);
      group_keys_.resize(end, std::numeric_limits<int32_t>::max());
      group_features_.resize(end);
      group_gone_.resize(end);
      for (size_t i = 0; i < count; ++i) {
        const LeafMask& mask = masks_[trees_[t].masks_begin + i];
        const size_t at = begin + i * kLanes + t - first;
        group_keys_[at] = mask.key;
        group_features_[at] = static_cast<uint8_t>(mask.feature);
        group_gone_[at] = mask.gone;
      }
    }
  }
  group_begin_.push_back(group_keys_.size());
}

template <class T>
LeafMaskGroup CompactForest<T>::Group(size_t number) const {
  const size_t begin = group_begin_[number], end = group_begin_[number + 1];
  return {static_cast<int64_t>((end - begin) / kLanes), &group_keys_[begin], &group_features_[begin], &group_gone_[begin]};
}

// Breadth first, so that the upper levels, which all walks share, lie together.
template <class T>
bool CompactForest<T>::AddTree(const TreeForest<T>& forest, TreeLink root, size_t max_nodes) {
  Tree tree{static_cast<uint32_t>(nodes_.size()), 0, 0, 0, 0};
  std::vector<TreeLink> level = {root}, next;
  size_t leaves = 0;
  for (;; ++tree.depth) {
    next.clear();
    const size_t first_of_next = nodes_.size() + level.size();
    for (TreeLink link : level) {
      if (IsLeaf(link)) {
        nodes_.push_back({std::numeric_limits<Key>::max(), 0, 0});
        leaf_of_node_.push_back(link & ~kLeafBit);
        ++leaves;
        continue;
      }
      const Ordered<Key> split = Order<Key>(forest.splits[link]);
      const size_t child = first_of_next + next.size() - nodes_.size();
      if (child > std::numeric_limits<Index>::max() || first_of_next + next.size() > max_nodes) return false;
      nodes_.push_back({split.key, static_cast<Index>(forest.splits[link].feature), static_cast<Index>(child)});
      leaf_of_node_.push_back(0);
      next.push_back(split.first);
      next.push_back(split.second);
    }
    if (next.empty()) break;
    level.swap(next);
  }
  if constexpr (sizeof(T) == 4)
    if (leaves > 1 && leaves <= kMaxMaskLeaves) AddMasks(forest, root, &tree);
  trees_.push_back(tree);
  return true;
}

template <class T>
void CompactForest<T>::AddMasks(const TreeForest<T>& forest, TreeLink root, Tree* tree) {
  tree->masks_begin = static_cast<uint32_t>(masks_.size());
  tree->mask_leaves_begin = static_cast<uint32_t>(mask_leaves_.size());
  // Depth first; an open entry is a split whose true branch is being walked: leaves met until it closes are those ruled out.
  struct Entry {
    TreeLink link;
    size_t closes;  // of a split to be closed: its place in masks_, else none
  };
  constexpr size_t kNone = ~size_t{0};
  std::vector<Entry> stack = {{root, kNone}};
  uint32_t leaf = 0;
  while (!stack.empty()) {
    const Entry entry = stack.back();
    stack.pop_back();
    if (entry.closes != kNone) {
      // `gone` held the first leaf of the true branch.
      uint32_t& gone = masks_[entry.closes].gone;
      gone = static_cast<uint32_t>(((uint64_t{1} << leaf) - 1) & ~((uint64_t{1} << gone) - 1));
    } else if (IsLeaf(entry.link)) {
      mask_leaves_.push_back(entry.link & ~kLeafBit);
      ++leaf;
    } else {
      const auto& split = forest.splits[entry.link];
      const Ordered<Key> ordered = Order<Key>(split);
      stack.push_back({ordered.second, kNone});
      stack.push_back({0, masks_.size()});
      stack.push_back({ordered.first, kNone});
      masks_.push_back({static_cast<int32_t>(ordered.key), split.feature, leaf});
    }
  }
  tree->masks_end = static_cast<uint32_t>(masks_.size());
}

template <class T>
uint32_t CompactForest<T>::MakeKeys(const T* x, int64_t rows, int64_t stride, Key* keys) const {
  uint32_t missing = 0;
  for (int64_t r = 0; r < rows; ++r) {
    const T* row = x + r * stride;
    bool nan = false;
    for (int64_t f = 0; f < features_; ++f) {
      nan |= row[f] != row[f];
      keys[f * kLanes + r] = KeyOf<Key>(row[f]);
    }
    missing |= uint32_t{nan} << r;
  }
  for (int64_t r = rows; r < kLanes; ++r)
    for (int64_t f = 0; f < features_; ++f) keys[f * kLanes + r] = 0;
  return missing;
}

template <class T>
bool CompactForest<T>::MakeKeysOfRow(const T* x, Key* keys) const {
  bool nan = false;
  for (int64_t f = 0; f < features_; ++f) {
    nan |= x[f] != x[f];
    keys[f] = KeyOf<Key>(x[f]);
  }
  for (int64_t f = features_; f < kLeafMaskFeatures; ++f) keys[f] = 0;
  return nan;
}

// Takes kWalks walks down `depth` levels, or until none of them moves any more.
template <class T>
template <int kWalks, int kStride, int kStep>
void CompactForest<T>::Descend(const Node** at, uint32_t depth, const Key* keys) const {
  const Node* node[kWalks];
  std::copy_n(at, kWalks, node);
  const auto step = [&] {
#pragma GCC unroll 16
    for (int w = 0; w < kWalks; ++w) node[w] += node[w]->child + (keys[node[w]->feature * kStride + w * kStep] > node[w]->key);
  };
  while (depth > 4) {
    step();
    step();
    step();
    unsigned children = 0;
#pragma GCC unroll 16
    for (int w = 0; w < kWalks; ++w) children |= node[w]->child;
    if (children == 0) break;
    depth -= 3;
  }
  for (; depth > 0; --depth) step();
  std::copy_n(node, kWalks, at);
}

template <class T>
void CompactForest<T>::FindLeaves(size_t number, const Key* keys, int64_t groups, uint32_t* leaves) const {
  const Tree& tree = trees_[number];
  if constexpr (sizeof(T) == 4) {
    if (tree.masks_end > tree.masks_begin) {
      FindLeavesByMasks(&masks_[tree.masks_begin], tree.masks_end - tree.masks_begin, keys, keys_of_group(), groups,
                        &mask_leaves_[tree.mask_leaves_begin], leaves);
      return;
    }
  }
  for (int64_t first = 0; first < groups * kLanes; first += kRowWalks) {
    const Node* at[kRowWalks];
    std::fill_n(at, kRowWalks, &nodes_[tree.root]);
    Descend<kRowWalks, kLanes, 1>(at, tree.depth, keys + first / kLanes * keys_of_group() + first % kLanes);
    for (int w = 0; w < kRowWalks; ++w) leaves[first + w] = leaf_of_node_[at[w] - nodes_.data()];
  }
}

template <class T>
void CompactForest<T>::FindLeavesOfRow(size_t first, size_t last, const Key* keys, uint32_t* leaves) const {
  if constexpr (sizeof(T) == 4) {
    if (masks_row() && CanMaskGroups()) {
      for (size_t t = first; t < last; t += kLanes) {
        uint32_t left[kLanes];
        FindLeavesLeft(Group(t / kLanes), keys, left);
        for (size_t i = 0; i < std::min<size_t>(kLanes, last - t); ++i)
          leaves[t - first + i] = mask_leaves_[trees_[t + i].mask_leaves_begin + static_cast<uint32_t>(std::countr_zero(left[i]))];
      }
      return;
    }
  }
  for (size_t t = first; t < last; t += kTreeWalks) {
    const Node* at[kTreeWalks];
    uint32_t depth = 0;
    for (size_t w = 0; w < kTreeWalks; ++w) {
      const Tree& tree = trees_[std::min(t + w, last - 1)];
      at[w] = &nodes_[tree.root];
      depth = std::max(depth, tree.depth);
    }
    Descend<kTreeWalks, 1, 0>(at, depth, keys);
    for (size_t w = 0; w < std::min<size_t>(kTreeWalks, last - t); ++w) leaves[t - first + w] = leaf_of_node_[at[w] - nodes_.data()];
  }
}

template class CompactForest<float>;
template class CompactForest<double>;

}  // namespace sardonyx::kernels
