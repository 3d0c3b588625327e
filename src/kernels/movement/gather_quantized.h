// com.microsoft GatherBlockQuantized: rows of a table of weights of few bits, dequantized as they are gathered.
#pragma once

#include <cstdint>

#include "base/thread_pool.h"
#include "kernels/movement/gather.h"
#include "sardonyx/data_type.h"

namespace sardonyx::kernels {

// A tensor of logical shape [outer, size, inner] in the axes of the gather, and at the same time [before, length, after] in
// those of the quantization: each run of `block` elements along `length` shares a scale and a zero point.
struct QuantizedTable {
  DataType type;     // int4, uint4, a float of 4 or 8 bits, or uint8 with `bits` each
  int bits = 8;      // of one element
  const void* data;  // packed low bits first
  int64_t outer, size, inner;
  int64_t length, after, block;
  const float* scales;     // [before, ceil(length / block), after]
  const float* zeros;      // the same shape, or null
  float default_zero = 0;  // without zeros
};

// Elements [first, first + count) of packed data as floats.
void ReadQuantized(DataType type, int bits, const void* data, int64_t first, int64_t count, float* out);

// out[outer, k, inner] = (data - zero) * scale at index indices[k]. Precondition: CheckIndices(indices, table.size).
void GatherQuantized(const QuantizedTable& table, const Indices& indices, float* out, ThreadPool* pool);

}  // namespace sardonyx::kernels
