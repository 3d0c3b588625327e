// Arithmetic on dims and axes that every movement operator needs.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "sardonyx/status.h"
#include "sardonyx/tensor.h"

namespace sardonyx::kernels {

// `axis` in [-rank, rank) counted from the front. kInvalid otherwise.
StatusOr<size_t> ResolveAxis(int64_t axis, size_t rank);
// The same for a list, in its order. kInvalid if one occurs twice.
StatusOr<Dims> ResolveAxes(std::span<const int64_t> axes, size_t rank);

// 0, 1, ..., rank - 1.
Dims AllAxes(size_t rank);

// Elements to step over for one step along each axis of a dense row-major tensor.
Dims RowMajorStrides(std::span<const int64_t> dims);

// Numpy's multidirectional broadcast of two shapes. kInvalid if they don't broadcast.
StatusOr<Dims> BroadcastDims(std::span<const int64_t> a, std::span<const int64_t> b);
// Strides with which a dense tensor of `dims` is read as one of `out`, to which it broadcasts: 0 along stretched axes.
Dims BroadcastStrides(std::span<const int64_t> dims, std::span<const int64_t> out);

// Reshape: the dims that `target` asks of a tensor of `dims`. -1 stands for what is left (at most once); 0 for the input's
// dim at that place, or, with `allow_zero`, for itself. kInvalid if the numbers of elements differ.
StatusOr<Dims> ReshapedDims(std::span<const int64_t> dims, std::span<const int64_t> target, bool allow_zero);
// Squeeze: without `axes` every dim of 1 goes. kInvalid if a named dim is not 1.
StatusOr<Dims> SqueezedDims(std::span<const int64_t> dims, std::span<const int64_t> axes);
// Unsqueeze: `axes` are places in the result.
StatusOr<Dims> UnsqueezedDims(std::span<const int64_t> dims, std::span<const int64_t> axes);

// One axis of a slice: `count` elements from `start` by `step`.
struct SliceRange {
  int64_t start = 0, count = 0, step = 1;
};
// start and end as Slice gives them: negative from the back, then clamped to the axis as the specification of Slice-13 has
// it. kInvalid for step 0.
StatusOr<SliceRange> ResolveSlice(int64_t dim, int64_t start, int64_t end, int64_t step);

}  // namespace sardonyx::kernels
