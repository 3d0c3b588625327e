// Float pooling a row at a time: every kernel position is folded into a whole row of outputs by SIMD.
#pragma once

#include <cstdint>

namespace sardonyx::kernels {

// out[i] = the larger of out[i] and in[i * stride]; a NaN stays.
void MaxIntoRow(float* out, const float* in, int64_t stride, int64_t count);
// out[i] += in[i * stride]
void AddIntoRow(float* out, const float* in, int64_t stride, int64_t count);

}  // namespace sardonyx::kernels
