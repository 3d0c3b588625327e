// Einsum: products and sums named by letters.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/thread_pool.h"
#include "sardonyx/status.h"
#include "sardonyx/tensor.h"

namespace sardonyx::kernels {

// Labels of one term: 0..51 for letters, 52 + i for dim i (from the right) of the ellipsis.
using EinsumTerm = std::vector<int>;

struct EinsumEquation {
  std::vector<EinsumTerm> inputs;
  EinsumTerm output;
  std::vector<int64_t> size;  // by label
  Dims output_dims;
};

// Reads "ij,jk->ik", with spaces, ellipses and an implicit output, for operands of these dims. kInvalid, saying where, when
// the text is malformed or does not fit the dims.
StatusOr<EinsumEquation> ParseEinsum(std::string_view equation, std::span<const Dims> dims);

// Evaluates pair by pair from the left, each as a batch of matrix products. T: float, double, int64_t (sums wrap).
// kResource when an intermediate is too large.
template <class T>
Status Einsum(const EinsumEquation& equation, std::span<const Dims> dims, std::span<const T* const> inputs, T* y, ThreadPool& pool);

}  // namespace sardonyx::kernels
