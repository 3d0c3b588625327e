// Operators that pick, reverse or blank whole stretches: Compress, ReverseSequence, Trilu, Unique.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/movement/element.h"
#include "sardonyx/status.h"
#include "sardonyx/tensor.h"

namespace sardonyx::kernels {

// Compress: the places of an axis of `size` whose condition is true. The condition may be shorter than the axis.
// kInvalid if it is true beyond the axis.
StatusOr<std::vector<int64_t>> CompressedIndices(std::span<const bool> condition, int64_t size);

// ReverseSequence: the first lengths[b] steps along time of each batch entry, reversed. `dims` is [batch, time, ...] when
// `batch_first`, else [time, batch, ...]. kInvalid unless there is a length in [0, time] per batch entry.
Status ReverseSequence(Element element, const void* src, std::span<const int64_t> dims, bool batch_first, std::span<const int64_t> lengths,
                       void* dst, ThreadPool* pool);

// Trilu: the triangle of each matrix [..., rows, cols] on and above (upper) or below diagonal k, zeros elsewhere.
void Trilu(Element element, const void* src, int64_t matrices, int64_t rows, int64_t cols, bool upper, int64_t k, void* dst,
           ThreadPool* pool);

// Unique: the different ones among `slices` stretches, compared element by element. Data is [outer, slices, inner]; a
// stretch is what one index of the middle axis selects. Equal NaNs are one value, greater than every number.
struct UniqueSlices {
  std::vector<int64_t> first;    // of each unique stretch, its first occurrence
  std::vector<int64_t> inverse;  // per stretch, which unique one it is
  std::vector<int64_t> counts;   // occurrences of each unique one
};
// `sorted`: uniques in ascending order, else in order of first occurrence. kUnsupported for types without an order.
StatusOr<UniqueSlices> FindUnique(DataType type, const void* data, int64_t outer, int64_t slices, int64_t inner, bool sorted);

}  // namespace sardonyx::kernels
