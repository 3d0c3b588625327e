// Products of float rows with weights of 4 or 8 bits that stay so in memory: with few rows the weights' way from memory is
// what takes time, and it is a quarter or an eighth of floats'.
#pragma once

#include <cstdint>

#include "base/thread_pool.h"
#include "kernels/gemm/matmul_i8.h"

namespace sardonyx::kernels {

// Weights of 2 or 4 bits are stored in 4, others in 8. Panels of 32 columns, one after the other, each [blocks] of
//   float scale[32], float zero[32], uint8_t codes[block_size][16 or 32]
// where 4 bits of columns j and j + 16 share byte j. What fills a last block or panel is 0.
struct PackedNBits {
  int64_t n = 0, k = 0, bits = 4, block_size = 32;
  const uint8_t* data = nullptr;  // 64-byte aligned
  int64_t row_bytes() const { return bits == 4 ? 16 : 32; }
  int64_t block_bytes() const { return (256 + block_size * row_bytes() + 63) / 64 * 64; }
  int64_t blocks() const { return (k + block_size - 1) / block_size; }
  int64_t panel_bytes() const { return blocks() * block_bytes(); }
  int64_t bytes() const { return (n + 31) / 32 * panel_bytes(); }
};

// How `weights` are packed; `data` is for the caller to set. Precondition of packing: weights.block_of is null.
PackedNBits PlanNBits(const BlockwiseWeights& weights);
void PackNBits(const BlockwiseWeights& weights, const PackedNBits& packed, uint8_t* out, ThreadPool& pool);

// C[m,n] = A[m,k] W + bias; rows of A and C are dense, bias [n] or null.
void GemmNBits(int64_t m, const float* a, const PackedNBits& w, const float* bias, float* c, ThreadPool& pool);

}  // namespace sardonyx::kernels
