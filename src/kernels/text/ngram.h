// TfIdfVectorizer: how often each n-gram of a pool occurs in rows of tokens.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sardonyx/status.h"

namespace sardonyx::kernels {

// The pool as a trie over dense token numbers.
class NgramPool {
 public:
  static constexpr int32_t kUnknownToken = -1;

  // `pool` holds the n-grams one after another, shortest first: those of n tokens begin at counts[n - 1]. indexes[i] is
  // the output column of the i-th n-gram. kInvalid where counts, pool and indexes do not fit together.
  static StatusOr<NgramPool> Create(std::span<const std::string> pool, std::span<const int64_t> counts, std::span<const int64_t> indexes);
  static StatusOr<NgramPool> Create(std::span<const int64_t> pool, std::span<const int64_t> counts, std::span<const int64_t> indexes);

  int32_t Token(const std::string& text) const;
  int32_t Token(int64_t number) const;
  // One more than the greatest column.
  int64_t columns() const { return columns_; }

  struct Options {
    int64_t min_length = 1, max_length = 1;  // tokens of an n-gram
    int64_t max_skip = 0;                    // tokens that may lie between two of an n-gram
  };
  // Adds the n-grams of one row to counts[column]. A gap is the same all through an n-gram; one token has no gap and is
  // counted once. Row holds what Token() gave.
  void Count(std::span<const int32_t> row, const Options& options, std::span<float> counts) const;

 private:
  Status Build(std::span<const int32_t> pool, std::span<const int64_t> counts, std::span<const int64_t> indexes);
  // Node that `token` leads to from `node`, or -1.
  int32_t Step(int32_t node, int32_t token) const;

  std::unordered_map<std::string, int32_t> texts_;
  std::unordered_map<int64_t, int32_t> numbers_;
  std::unordered_map<uint64_t, int32_t> edges_;  // node << 32 | token -> node
  std::vector<int32_t> first_;                   // per token: the node that it leads to from the root, or -1
  std::vector<int64_t> column_of_;               // per node; -1 where no n-gram ends
  int64_t columns_ = 0;
};

}  // namespace sardonyx::kernels
