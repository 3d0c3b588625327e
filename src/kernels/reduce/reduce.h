// Reductions over any set of axes.
#pragma once

#include <cstdint>
#include <vector>

#include "sardonyx/data_type.h"
#include "sardonyx/tensor.h"

namespace sardonyx::kernels {

enum class ReduceOp : uint8_t { kSum, kMean, kMax, kMin, kProd, kL1, kL2, kLogSum, kLogSumExp, kSumSquare };

// How the elements of a tensor fall into the outputs of a reduction. Neighbouring axes of one kind are merged, so what runs
// innermost is either one contiguous reduced run, or a contiguous run of outputs that rows are accumulated into.
class ReduceShape {
 public:
  // reduced[d] says whether axis d is reduced.
  ReduceShape(const Dims& dims, const std::vector<bool>& reduced);

  // Independent pieces of work, for splitting over threads, and rough elements of input of each.
  int64_t units() const { return units_; }
  int64_t elements_per_unit() const { return elements_per_unit_; }
  // How many elements each output combines; 0 if a reduced axis is empty.
  int64_t count() const { return count_; }

 private:
  template <class Hub>
  friend class Reducer;
  struct Loop {
    std::vector<int64_t> sizes, strides;  // outermost first
    int64_t total = 1;
    void Add(int64_t size, int64_t stride);
    int64_t Offset(int64_t flat) const;
  };
  bool rows_ = false;    // the innermost run is reduced; else it is kept
  int64_t run_ = 1;      // its length
  Loop kept_, reduced_;  // the loops around it
  int64_t count_ = 1;
  int64_t units_ = 0;
  int64_t elements_per_unit_ = 1;
};

// Computes the outputs of units [begin, end). `y` has the element type of `x` or, where `y_dtype` differs, that. Floats are
// accumulated in double; integers wrap, and their mean, root and logarithms are truncated to their type. NaN passes.
// An empty reduction gives the neutral element (max: the lowest value; mean: NaN, or 0 of an integer).
void Reduce(ReduceOp op, DataType dtype, const void* x, const ReduceShape& shape, DataType y_dtype, void* y, int64_t begin, int64_t end);

}  // namespace sardonyx::kernels
