// Matrix product for the element types that have no kernel of their own (double, 32- and 64-bit integers).
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "base/thread_pool.h"

namespace sardonyx::kernels {

// Element (i, j) is data[i * row_stride + j * column_stride].
template <class T>
struct Matrix {
  const T* data = nullptr;
  int64_t row_stride = 0;
  int64_t column_stride = 1;
};

// Signed sums wrap instead of overflowing: they are computed in the unsigned type.
template <class T>
T WrappingMulAdd(T a, T b, T sum) {
  if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
    using U = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<U>(a) * static_cast<U>(b) + static_cast<U>(sum));
  } else {
    return a * b + sum;
  }
}

// C[m,n] = A[m,k] * B[k,n]; rows of C are `c_stride` apart. Split over rows; sums run in k's order.
template <class T>
void GemmGeneric(int64_t m, int64_t n, int64_t k, const Matrix<T>& a, const Matrix<T>& b, T* c, int64_t c_stride, ThreadPool& pool) {
  pool.ParallelFor(m, static_cast<double>(n * k), [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      T* row = c + i * c_stride;
      std::fill_n(row, n, T{0});
      for (int64_t p = 0; p < k; ++p) {
        const T left = a.data[i * a.row_stride + p * a.column_stride];
        const T* right = b.data + p * b.row_stride;
        for (int64_t j = 0; j < n; ++j) row[j] = WrappingMulAdd(left, right[j * b.column_stride], row[j]);
      }
    }
  });
}

}  // namespace sardonyx::kernels
