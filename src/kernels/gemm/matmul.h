// MatMul: batches of matrix products with numpy's broadcasting.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/gemm/gemm_f32.h"
#include "kernels/gemm/gemm_generic.h"
#include "sardonyx/status.h"
#include "sardonyx/tensor.h"

namespace sardonyx::kernels {

// How the products of a MatMul lie in its operands.
struct MatMulShape {
  int64_t m = 1, n = 1, k = 1;
  Dims output;     // dims of Y
  Dims batch;      // broadcast batch dims
  Dims a_strides;  // per batch dim, in matrices; 0 where A is broadcast
  Dims b_strides;
  bool a_batched = false, b_batched = false;  // some stride is not 0
  bool a_contiguous = false;                  // A has one matrix for every product, in order

  int64_t num_batches() const { return batch.num_elements(); }
  // Which matrix of the operand product `index` reads.
  static int64_t MatrixOf(const Dims& batch, const Dims& strides, int64_t index);
};

// Plans Y = op(A) * op(B), where op transposes the last two dims if asked. 1-D operands are a row (A) or a column (B) and
// leave no dim in Y. kInvalid for scalars, dims that do not fit, or sizes that overflow.
StatusOr<MatMulShape> PlanMatMul(std::span<const int64_t> a, std::span<const int64_t> b, bool transpose_a = false,
                                 bool transpose_b = false);

struct MatMulF32Arguments {
  MatMulShape shape;
  const float* a = nullptr;
  const float* b = nullptr;
  bool transpose_a = false, transpose_b = false;
  const float* packed_b = nullptr;  // PackColumnsF32 of B when it is one matrix; b is then not read
  float* y = nullptr;
  EpilogueF32 epilogue = {};  // column_bias, scale and activation only: it is applied to every product alike
};
size_t MatMulF32Workspace(const MatMulF32Arguments& arguments, int threads);
void MatMulF32(const MatMulF32Arguments& arguments, void* workspace, ThreadPool& pool);

template <class T>
void MatMulGeneric(const MatMulShape& s, const T* a, const T* b, bool transpose_a, bool transpose_b, T* y, ThreadPool& pool) {
  for (int64_t i = 0; i < s.num_batches(); ++i) {
    const T* left = a + MatMulShape::MatrixOf(s.batch, s.a_strides, i) * s.m * s.k;
    const T* right = b + MatMulShape::MatrixOf(s.batch, s.b_strides, i) * s.k * s.n;
    GemmGeneric<T>(s.m, s.n, s.k, transpose_a ? Matrix<T>{left, 1, s.m} : Matrix<T>{left, s.k, 1},
                   transpose_b ? Matrix<T>{right, 1, s.k} : Matrix<T>{right, s.n, 1}, y + i * s.m * s.n, s.n, pool);
  }
}

}  // namespace sardonyx::kernels
