// Determinants and inverses of square matrices, by elimination with partial pivoting in double.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace sardonyx::kernels {

// `lu` holds the n x n matrix and is overwritten.
inline double Determinant(double* lu, int64_t n) {
  double determinant = 1;
  for (int64_t column = 0; column < n; ++column) {
    int64_t pivot = column;
    for (int64_t row = column + 1; row < n; ++row)
      if (std::abs(lu[row * n + column]) > std::abs(lu[pivot * n + column])) pivot = row;
    if (lu[pivot * n + column] == 0) return 0;
    if (pivot != column) {
      std::swap_ranges(lu + pivot * n, lu + (pivot + 1) * n, lu + column * n);
      determinant = -determinant;
    }
    determinant *= lu[column * n + column];
    for (int64_t row = column + 1; row < n; ++row) {
      const double factor = lu[row * n + column] / lu[column * n + column];
      for (int64_t i = column + 1; i < n; ++i) lu[row * n + i] -= factor * lu[column * n + i];
    }
  }
  return determinant;
}

// Gauss-Jordan: overwrites `matrix` (n x n) and leaves its inverse in `inverse`. False for a singular matrix.
inline bool Invert(double* matrix, double* inverse, int64_t n) {
  std::fill_n(inverse, n * n, 0.0);
  for (int64_t i = 0; i < n; ++i) inverse[i * n + i] = 1;
  for (int64_t column = 0; column < n; ++column) {
    int64_t pivot = column;
    for (int64_t row = column + 1; row < n; ++row)
      if (std::abs(matrix[row * n + column]) > std::abs(matrix[pivot * n + column])) pivot = row;
    if (matrix[pivot * n + column] == 0) return false;
    if (pivot != column) {
      std::swap_ranges(matrix + pivot * n, matrix + (pivot + 1) * n, matrix + column * n);
      std::swap_ranges(inverse + pivot * n, inverse + (pivot + 1) * n, inverse + column * n);
    }
    const double scale = 1 / matrix[column * n + column];
    for (int64_t i = 0; i < n; ++i) {
      matrix[column * n + i] *= scale;
      inverse[column * n + i] *= scale;
    }
    for (int64_t row = 0; row < n; ++row) {
      const double factor = matrix[row * n + column];
      if (row == column || factor == 0) continue;
      for (int64_t i = 0; i < n; ++i) {
        matrix[row * n + i] -= factor * matrix[column * n + i];
        inverse[row * n + i] -= factor * inverse[column * n + i];
      }
    }
  }
  return true;
}

}  // namespace sardonyx::kernels
