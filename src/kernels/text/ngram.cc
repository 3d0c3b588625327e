#include "kernels/text/ngram.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::kernels {

StatusOr<NgramPool> NgramPool::Create(std::span<const std::string> pool, std::span<const int64_t> counts,
                                      std::span<const int64_t> indexes) {
  NgramPool result;
  std::vector<int32_t> tokens;
  for (const std::string& text : pool)
    tokens.push_back(result.texts_.try_emplace(text, static_cast<int32_t>(result.texts_.size())).first->second);
  RETURN_IF_ERROR(result.Build(tokens, counts, indexes));
  return result;
}

StatusOr<NgramPool> NgramPool::Create(std::span<const int64_t> pool, std::span<const int64_t> counts, std::span<const int64_t> indexes) {
  NgramPool result;
  std::vector<int32_t> tokens;
  for (int64_t number : pool)
    tokens.push_back(result.numbers_.try_emplace(number, static_cast<int32_t>(result.numbers_.size())).first->second);
  RETURN_IF_ERROR(result.Build(tokens, counts, indexes));
  return result;
}

Status NgramPool::Build(std::span<const int32_t> pool, std::span<const int64_t> counts, std::span<const int64_t> indexes) {
  const auto size = static_cast<int64_t>(pool.size());
  if (size > std::numeric_limits<int32_t>::max()) return Unsupported("more than 2^31 tokens in the pool");
  column_of_.assign(1, -1);
  size_t ngram = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    const int64_t begin = counts[i], end = i + 1 < counts.size() ? counts[i + 1] : size;
    const auto length = static_cast<int64_t>(i) + 1;
    if (begin < 0 || end < begin || end > size || (end - begin) % length != 0)
      return Invalid(fmt::format("ngram_counts does not divide a pool of {} into {}-grams from {} to {}", size, length, begin, end));
    for (int64_t at = begin; at < end; at += length, ++ngram) {
      if (ngram >= indexes.size()) return Invalid(fmt::format("the pool holds more n-grams than ngram_indexes, {}", indexes.size()));
      int32_t node = 0;
      for (int64_t j = at; j < at + length; ++j) {
        const uint64_t key = static_cast<uint64_t>(node) << 32 | static_cast<uint32_t>(pool[j]);
        const auto [edge, added] = edges_.try_emplace(key, static_cast<int32_t>(column_of_.size()));
        if (added) column_of_.push_back(-1);
        node = edge->second;
      }
      if (indexes[ngram] < 0) return Invalid(fmt::format("negative ngram_indexes {}", indexes[ngram]));
      if (column_of_[node] >= 0) return Invalid(fmt::format("n-gram {} stands twice in the pool", ngram));
      column_of_[node] = indexes[ngram];
    }
  }
  first_.assign(std::max(texts_.size(), numbers_.size()), -1);
  for (size_t token = 0; token < first_.size(); ++token)
    if (const auto edge = edges_.find(token); edge != edges_.end()) first_[token] = edge->second;
  if (ngram != indexes.size()) return Invalid(fmt::format("{} ngram_indexes for {} n-grams", indexes.size(), ngram));
  for (int64_t index : indexes) columns_ = std::max(columns_, index < std::numeric_limits<int64_t>::max() ? index + 1 : index);
  return {};
}

int32_t NgramPool::Token(const std::string& text) const {
  const auto found = texts_.find(text);
  return found == texts_.end() ? kUnknownToken : found->second;
}

int32_t NgramPool::Token(int64_t number) const {
  const auto found = numbers_.find(number);
  return found == numbers_.end() ? kUnknownToken : found->second;
}

int32_t NgramPool::Step(int32_t node, int32_t token) const {
  if (token == kUnknownToken) return -1;
  if (node == 0) return first_[token];
  const auto found = edges_.find(static_cast<uint64_t>(node) << 32 | static_cast<uint32_t>(token));
  return found == edges_.end() ? -1 : found->second;
}

void NgramPool::Count(std::span<const int32_t> row, const Options& options, std::span<float> counts) const {
  const auto size = static_cast<int64_t>(row.size());
  // A stride of the row's length or more reaches no second token.
  const int64_t strides = std::min(std::max<int64_t>(options.max_skip, 0), std::max<int64_t>(size, 1) - 1) + 1;
  for (int64_t stride = 1; stride <= strides; ++stride) {
    for (int64_t start = 0; start < size; ++start) {
      int32_t node = 0;
      int64_t length = 1;
      for (int64_t at = start; at < size && length <= options.max_length; at += stride, ++length) {
        node = Step(node, row[at]);
        if (node < 0) break;
        const bool repeated = length == 1 && stride > 1;
        if (length >= options.min_length && !repeated && column_of_[node] >= 0) counts[column_of_[node]] += 1;
      }
    }
  }
}

}  // namespace sardonyx::kernels
