// Runs of elements between any two numeric element types.
//
// A tensor is read into, and written from, one of four hub types in which kernels compute: float, double, int64, uint64.
// So a kernel is written once per hub and serves every element type, sub-byte ones included, a cache-sized chunk at a time.
#pragma once

#include <cstdint>

#include "kernels/elementwise/convert_element.h"
#include "sardonyx/data_type.h"

namespace sardonyx::kernels {

// Elements [begin, begin + count) of `data` as Hub (float, double, int64_t or uint64_t). Not for strings and complex.
template <class Hub>
void LoadElements(DataType dtype, const void* data, int64_t begin, int64_t count, Hub* out);

// The reverse. For sub-byte types the element `begin` must start a byte; bits beyond the last element become zero.
template <class Hub>
void StoreElements(const Hub* in, int64_t count, DataType dtype, void* data, int64_t begin, const ConvertOptions& options = {});

// The hub in which every value of `dtype` is exact.
DataType HubOf(DataType dtype);

// Casts elements [begin, begin + count) of `in` to the same places of `out`. `in` and `out` may be the same memory when
// their elements have the same size. Not for strings and complex.
void ConvertElements(DataType in_dtype, const void* in, DataType out_dtype, void* out, int64_t begin, int64_t count,
                     const ConvertOptions& options = {});

// Bytes from one element to the next for byte-addressable types (strings: std::string objects).
int64_t ElementStride(DataType dtype);
inline const void* ElementAt(DataType dtype, const void* data, int64_t index) {
  return static_cast<const char*>(data) + ElementStride(dtype) * index;
}
inline void* ElementAt(DataType dtype, void* data, int64_t index) { return static_cast<char*>(data) + ElementStride(dtype) * index; }

// Elements of a chunk that kernels convert at a time: a multiple of what any packed byte holds; 4 KiB as double.
inline constexpr int64_t kChunk = 512;

}  // namespace sardonyx::kernels
