// The copy that most movement operators are: the same index space seen through two sets of strides.
#pragma once

#include <cstdint>
#include <span>

#include "base/thread_pool.h"
#include "kernels/movement/element.h"

namespace sardonyx::kernels {

// dst[i . dst_strides] = src[i . src_strides] for every index i of `dims`. Pointers are those of index 0; strides are in
// elements, of either sign, and source strides may be 0 (a broadcast). All of dst's places differ and none is read.
// Neighbouring dims that step alike are merged, rows that are contiguous on both sides are copied whole, and transposes
// go tile by tile; the work is split over `pool` (null: the calling thread).
// Precondition: every place lies inside the memory of src and dst.
void CopyStrided(Element element, std::span<const int64_t> dims, const void* src, std::span<const int64_t> src_strides, void* dst,
                 std::span<const int64_t> dst_strides, ThreadPool* pool);

// Address of element `offset` of `data`.
const void* ElementAt(Element element, const void* data, int64_t offset);
void* ElementAt(Element element, void* data, int64_t offset);

}  // namespace sardonyx::kernels
