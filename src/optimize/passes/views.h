// What chains of Reshape, Transpose and Gather of one slice amount to: a view of the value that they begin with.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ir/graph.h"

namespace sardonyx::optimize {

// Element (i0, i1, ...) is element offset + sum(i * stride) of `base`, row-major. All dims are known and positive.
struct StridedView {
  ir::Value* base = nullptr;
  std::vector<int64_t> base_dims;
  std::vector<int64_t> dims, strides;  // the stride of an axis of size 1 means nothing
  int64_t offset = 0;
  int transposes = 0, gathers = 0;  // in the chain
};

// The longest chain behind `value` that is a view; nullopt when its shape is not known.
std::optional<StridedView> ViewOf(ir::Value* value);

// How a view of all rows of a matrix [rows, columns] and of a range of its columns is made from just those columns: a Reshape to
// `shape`, then a Transpose by `perm`. nullopt when it is no such view.
struct Arrangement {
  std::vector<int64_t> shape, perm;
  int64_t first_column = 0, columns = 0;
};
std::optional<Arrangement> ArrangementOf(const StridedView& view, int64_t columns);

}  // namespace sardonyx::optimize
