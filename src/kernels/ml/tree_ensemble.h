// Decision trees and what they say of rows of features: by walks down one array of nodes that knows every kind of split, and where
// all splits are comparisons by the much faster layout of compact_forest.h.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/thread_pool.h"
#include "sardonyx/status.h"

namespace sardonyx::kernels {

// What a split asks of its feature x; true goes to the true branch. Numbers of TreeEnsemble-5's nodes_modes.
enum class SplitMode : uint8_t { kLeq, kLt, kGte, kGt, kEq, kNeq, kMember };
// "BRANCH_LEQ", ...; nullopt for anything else, "LEAF" too.
std::optional<SplitMode> ParseSplitMode(std::string_view name);

// How the trees' values become one. Numbers of TreeEnsemble-5's aggregate_function.
enum class TreeAggregate : uint8_t { kAverage, kSum, kMin, kMax };
std::optional<TreeAggregate> ParseTreeAggregate(std::string_view name);  // "AVERAGE", "SUM", "MIN", "MAX"

// A split node or, with the top bit set, a leaf, by its number.
using TreeLink = uint32_t;
inline constexpr TreeLink kLeafBit = 0x80000000u;

// A forest as a binding reads it from attributes. T, float or double, is what features are compared and added up in.
template <class T>
struct TreeForest {
  struct Split {
    T threshold = 0;
    uint32_t feature = 0;
    TreeLink if_true = 0, if_false = 0;
    SplitMode mode = SplitMode::kLeq;
    bool missing_is_true = false;  // NaN goes to the true branch
    std::vector<T> members;        // kMember: the set
  };
  struct Weight {
    uint32_t target;
    T value;
  };
  std::vector<Split> splits;
  std::vector<std::vector<Weight>> leaves;
  std::vector<TreeLink> roots;
  uint32_t targets = 1;
  TreeAggregate aggregate = TreeAggregate::kSum;
};

template <class T>
class CompactForest;

template <class T>
class TreeEnsemble {
 public:
  TreeEnsemble();
  TreeEnsemble(TreeEnsemble&&) noexcept;
  TreeEnsemble& operator=(TreeEnsemble&&) noexcept;
  ~TreeEnsemble();

  // kInvalid for links that lead nowhere or in a circle (branches may meet again) and for targets out of range.
  static StatusOr<TreeEnsemble> Create(TreeForest<T> forest);

  uint32_t targets() const { return targets_; }
  size_t trees() const { return roots_.size(); }
  // Features that a row must have.
  int64_t features() const { return features_; }

  // For each of `rows` rows of `stride` features, the aggregate of every target over the trees (for kAverage the sum) in
  // scores[row * targets + target], and whether any leaf had something to say of it in `given`; 0 where none had.
  // Trees add up in their order whatever the number of threads. Precondition: stride >= features().
  void Score(const T* x, int64_t rows, int64_t stride, T* scores, uint8_t* given, ThreadPool* pool) const;

 private:
  struct Node {
    T threshold;
    uint32_t feature;
    TreeLink if_true, if_false;
  };
  // Of nodes that ask something other than the common x <= threshold.
  struct Unusual {
    SplitMode mode;
    bool missing_is_true;
    uint32_t members_begin, members_end;
  };
  struct Weight {
    uint32_t target;
    T value;
  };

  Status CheckLinks() const;
  void MakeDense();
  uint32_t Walk(TreeLink at, const T* row) const;
  bool Test(const Node& node, const Unusual& unusual, T x) const;
  // What a leaf says of one row.
  void Add(uint32_t leaf, T* scores, uint8_t* given) const;
  void AddSparse(uint32_t leaf, T* scores, uint8_t* given) const;
  // What leaves[row] say of rows [0, rows), one leaf a row.
  void AddColumn(const uint32_t* leaves, int64_t rows, T* scores, uint8_t* given) const;
  void WalkRows(const T* x, int64_t rows, int64_t stride, T* scores, uint8_t* given) const;
  void ScoreRows(const T* x, int64_t rows, int64_t stride, T* scores, uint8_t* given) const;
  void ScoreRow(const T* x, T* scores, uint8_t* given, ThreadPool* pool) const;

  std::vector<Node> nodes_;
  std::vector<Unusual> unusual_;  // per node; empty when every node asks x <= threshold
  std::vector<T> members_;        // sorted within each node's range
  std::vector<uint32_t> leaf_begin_;
  std::vector<Weight> weights_;
  // Where all leaves speak of the same targets and are added up: those targets, and each leaf's values for them.
  std::vector<uint32_t> dense_targets_;
  std::vector<T> dense_values_;
  std::vector<TreeLink> roots_;
  std::unique_ptr<const CompactForest<T>> compact_;  // null where it cannot be
  uint32_t targets_ = 1;
  int64_t features_ = 0;
  TreeAggregate aggregate_ = TreeAggregate::kSum;
};

extern template class TreeEnsemble<float>;
extern template class TreeEnsemble<double>;

}  // namespace sardonyx::kernels
