// Transposes of matrices whose rows lie anywhere.
#pragma once

#include <cstdint>

namespace sardonyx::kernels {

// out[k * out_stride + i] = source[i * stride + k] for i < lines, k < length, in elements of 4 bytes. The two do not overlap.
void TransposeLines32(const void* source, int64_t stride, int64_t lines, int64_t length, void* out, int64_t out_stride);

}  // namespace sardonyx::kernels
