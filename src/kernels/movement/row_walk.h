// Row-by-row walks shared by the gathers and scatters.
#pragma once

#include <cstdint>
#include <span>

#include "base/thread_pool.h"
#include "kernels/movement/shape_math.h"
#include "sardonyx/tensor.h"

namespace sardonyx::kernels {

// pool->ParallelFor, or a plain call without a pool.
template <class F>
void RunParallel(ThreadPool* pool, int64_t count, double cost, const F& f) {
  if (count <= 0) return;
  if (pool != nullptr)
    pool->ParallelFor(count, cost, f);
  else
    f(int64_t{0}, count);
}

// The index space of GatherElements and ScatterElements: every element j of row r of the indices belongs to element
// base(r) + j * step() + index * stride() of the data.
class ElementsWalk {
 public:
  // Precondition: ranks are equal, at least 1, and index_dims fit in dims off `axis`.
  ElementsWalk(std::span<const int64_t> dims, size_t axis, std::span<const int64_t> index_dims)
      : axis_(axis), index_dims_(index_dims), strides_(RowMajorStrides(dims)) {
    const size_t last = index_dims.size() - 1;
    row_ = index_dims[last];
    rows_ = row_ == 0 ? 0 : index_dims_.Product(0, last);
    step_ = axis == last ? 0 : 1;
    stride_ = strides_[axis];
    size_ = dims[axis];
  }

  int64_t rows() const { return rows_; }
  int64_t row() const { return row_; }
  int64_t step() const { return step_; }
  int64_t stride() const { return stride_; }
  int64_t size() const { return size_; }  // of the indexed axis

  // f(base, first) for rows [begin, end): the row's base in the data and its first element in the indices.
  template <class F>
  void ForRows(int64_t begin, int64_t end, const F& f) const {
    for (int64_t r = begin; r < end; ++r) {
      int64_t base = 0, rest = r;
      for (size_t i = index_dims_.rank() - 1; i-- > 0; rest /= index_dims_[i])
        if (i != axis_) base += rest % index_dims_[i] * strides_[i];
      f(base, r * row_);
    }
  }

 private:
  size_t axis_;
  Dims index_dims_, strides_;
  int64_t rows_, row_, step_, stride_, size_;
};

}  // namespace sardonyx::kernels
