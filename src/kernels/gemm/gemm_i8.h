// Product of 8-bit integer matrices into int32: C[m,n] = sum_k (A[i,k] - a_zero) * (B[k,j] - b_zero).
//
// Packing subtracts the zero points and widens to int16, so that any mix of int8 and uint8 is one kernel that multiplies
// pairs along k (pmaddwd and its like). Sums wrap modulo 2^32, as the specification allows them to.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"

namespace sardonyx::kernels {

// Element (i, j) is data[i * row_stride + j * column_stride], int8 or uint8.
struct MatrixI8 {
  const void* data = nullptr;
  bool is_signed = false;
  int64_t row_stride = 0;
  int64_t column_stride = 1;
  // One zero point for all (stride 0), or one a row of A / a column of B (stride 1). Null: none.
  const void* zero_points = nullptr;  // of the type of data
  int64_t zero_point_stride = 0;
};

// int16 elements of packed A[m,k] / B[k,n]: as gemm_f32.h's panels, but with pairs along k innermost.
int64_t PackedRowsSizeI8(int64_t m, int64_t k);
int64_t PackedColumnsSizeI8(int64_t k, int64_t n);
void PackRowsI8(const MatrixI8& a, int64_t m, int64_t k, int16_t* out, ThreadPool& pool);
void PackColumnsI8(const MatrixI8& b, int64_t k, int64_t n, int16_t* out, ThreadPool& pool);

struct GemmI8Arguments {
  int64_t m = 0, n = 0, k = 0;
  MatrixI8 a = {};
  MatrixI8 b = {};
  const int16_t* packed_a = nullptr;  // instead of a
  const int16_t* packed_b = nullptr;  // instead of b
  int32_t* c = nullptr;
  int64_t c_stride = 0;
};
size_t GemmI8Workspace(const GemmI8Arguments& arguments);
void GemmI8(const GemmI8Arguments& arguments, void* workspace, ThreadPool& pool);

// The step within: a block of C from packed panels of one depth block (see GemmBlockF32).
struct GemmBlockI8 {
  int64_t rows = 0, columns = 0, depth = 0;  // depth: elements, of which an odd last one is paired with zero
  const int16_t* a = nullptr;
  const int16_t* b = nullptr;
  int32_t* c = nullptr;
  int64_t c_stride = 0;
  bool accumulate = false;
};
void ComputeGemmBlockI8(const GemmBlockI8& block);

}  // namespace sardonyx::kernels
