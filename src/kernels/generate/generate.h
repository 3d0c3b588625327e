// Tensors made from a few numbers: fills, ranges, windows, one-hot vectors.
#pragma once

#include <cstdint>
#include <optional>

#include "sardonyx/data_type.h"

namespace sardonyx::kernels {

// `count` copies of the single element at `element`. Any element type.
void FillElements(DataType dtype, const void* element, int64_t count, void* out);

// max(ceil((limit - start) / delta), 0); nullopt when delta is zero or the number has no meaning or passes 2^62.
std::optional<int64_t> RangeLength(double start, double limit, double delta);
std::optional<int64_t> RangeLength(int64_t start, int64_t limit, int64_t delta);

// a0 - a1 cos(2 pi i / n) + a2 cos(4 pi i / n), n = size if periodic, else size - 1.
void CosineWindow(double a0, double a1, double a2, int64_t size, bool periodic, double* out);

// out[outer, depth, inner] = on where the index of [outer, inner] is that class, else off. Negative indices count from the
// end when `wrap`; those out of range match nothing. `values` holds off and on, of `dtype` (addressable by bytes, or string).
void OneHot(const int64_t* indices, int64_t outer, int64_t depth, int64_t inner, bool wrap, DataType dtype, const void* values, void* out);

// Which elements [0, count) are not zero (strings: not empty); flags[i] is 0 or 1. Any element type of at least a byte.
void NonZeroFlags(DataType dtype, const void* data, int64_t count, uint8_t* flags);

}  // namespace sardonyx::kernels
