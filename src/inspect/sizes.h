// Sizes: numbers of elements and bytes of a model's values, under assumptions for the dimensions that are not numbers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace sardonyx::inspect {

// Sizes of symbolic dimensions by name. A symbol that is not listed, and a dimension that nothing is known of, counts as 1.
using SymbolSizes = std::map<std::string, int64_t>;

// Products and sums that stop at the largest number instead of wrapping: dimensions come from files.
uint64_t SaturatingMultiply(uint64_t a, uint64_t b);
uint64_t SaturatingAdd(uint64_t a, uint64_t b);

class Sizes {
 public:
  explicit Sizes(SymbolSizes symbols = {}) : symbols_(std::move(symbols)) {}

  // Dims of a tensor, from its type (declared or inferred) or its stored data; nullopt if the rank is unknown or it is no
  // tensor. Null gives nullopt.
  std::optional<std::vector<int64_t>> DimsOf(const ir::Value* value) const;
  DataType DtypeOf(const ir::Value* value) const;
  // 0 when unknown.
  uint64_t Elements(const ir::Value* value) const;
  uint64_t Bytes(const ir::Value* value) const;

  // Symbols that were taken to be 1 so far.
  const std::set<std::string>& assumed() const { return assumed_; }

 private:
  int64_t SizeOf(const ir::Dim& dim) const;
  SymbolSizes symbols_;
  mutable std::set<std::string> assumed_;
};

// The tensor that a value always is: an initializer's, or that of the Constant node which makes it. Else null.
const ir::StoredTensor* StoredTensorOf(const ir::Value* value);

}  // namespace sardonyx::inspect
