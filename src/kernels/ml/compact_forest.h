// CompactForest: trees of ordering splits (<=, <, >=, >), laid out so that many walks go down at once without a branch.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <vector>

#include "kernels/ml/leaf_masks.h"
#include "kernels/ml/tree_ensemble.h"

namespace sardonyx::kernels {

// Features and thresholds are compared as integers whose order is that of the floats ("keys"): all four kinds of split become
// key(x) <= k exactly, a leaf becomes a split that always leads to itself, and one step of a walk is an addition:
//
//   node += node.child + (key(x[node.feature]) > node.key)
//
// since the two children of a node lie side by side. A dozen walks or more (of as many rows, or down as many trees) run interleaved,
// which hides the latency of each. Trees of at most 32 leaves are evaluated by masks of leaves (leaf_masks.h): of many rows at a time, or of one row
// for many trees at a time where there are few features.
// NaN has no key: rows with one are for the caller.
template <class T>
class CompactForest {
 public:
  static constexpr int64_t kLanes = kLeafMaskLanes;  // rows of a group
  using Key = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;

  // Nothing when some split asks for equality or membership, or when a tree or a feature's number is too large for the layout.
  // `forest` has been checked for dangling links and circles.
  static std::optional<CompactForest> Create(const TreeForest<T>& forest);

  // Keys a group of rows takes.
  int64_t keys_of_group() const { return features_ * kLanes; }
  // keys[feature * kLanes + row] of up to kLanes rows, 0 for rows that are missing. Bit r of the result: row r has a NaN among the
  // features that are asked for.
  uint32_t MakeKeys(const T* x, int64_t rows, int64_t stride, Key* keys) const;
  // leaves[group * kLanes + row]: where each row of `groups` groups ends in `tree`.
  void FindLeaves(size_t tree, const Key* keys, int64_t groups, uint32_t* leaves) const;
  // The same for one row, keys[feature]; true when it has a NaN. Ranges of trees begin at multiples of kLanes.
  int64_t keys_of_row() const { return std::max(features_, kLeafMaskFeatures); }
  bool masks_row() const { return !group_begin_.empty(); }
  bool MakeKeysOfRow(const T* x, Key* keys) const;
  // leaves[t - first]: where that row ends in each of the trees [first, last).
  void FindLeavesOfRow(size_t first, size_t last, const Key* keys, uint32_t* leaves) const;

 private:
  using Index = std::conditional_t<sizeof(T) == 4, uint16_t, uint32_t>;
  struct Node {
    Key key;
    Index feature;
    Index child;  // how far behind this node its true branch lies, and one further its false branch; 0 of a leaf
  };
  struct Tree {
    uint32_t root;
    uint32_t depth;
    // Splits as masks, when there are few enough leaves; else none.
    uint32_t masks_begin, masks_end, mask_leaves_begin;
  };

  bool AddTree(const TreeForest<T>& forest, TreeLink root, size_t max_nodes);
  void AddMasks(const TreeForest<T>& forest, TreeLink root, Tree* tree);
  void GroupMasks();
  LeafMaskGroup Group(size_t number) const;
  // Keys of walk w: keys[feature * kStride + w * kStep].
  template <int kWalks, int kStride, int kStep>
  void Descend(const Node** at, uint32_t depth, const Key* keys) const;

  std::vector<Node> nodes_;
  std::vector<uint32_t> leaf_of_node_;  // the leaf's number in the forest
  std::vector<Tree> trees_;
  std::vector<LeafMask> masks_;
  std::vector<uint32_t> mask_leaves_;  // of each tree with masks, its leaves from true to false
  // The masks once more, kLanes trees a group (LeafMaskGroup), where all trees have them: where a group begins, and the end of the last.
  std::vector<size_t> group_begin_;
  std::vector<int32_t> group_keys_;
  std::vector<uint8_t> group_features_;
  std::vector<uint32_t> group_gone_;
  int64_t features_ = 1;
};

extern template class CompactForest<float>;
extern template class CompactForest<double>;

}  // namespace sardonyx::kernels
