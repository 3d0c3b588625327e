// Operators that work along one axis: the tensor is seen as [outer, length, inner].
#pragma once

#include <cstdint>

#include "sardonyx/data_type.h"
#include "sardonyx/tensor.h"

namespace sardonyx::kernels {

struct AxisView {
  int64_t outer, length, inner;

  AxisView(int64_t o, int64_t l, int64_t i) : outer(o), length(l), inner(i) {}
  // Axis `axis` of `dims`.
  AxisView(const Dims& dims, size_t axis) : outer(dims.Product(0, axis)), length(dims[axis]), inner(dims.Product(axis + 1, dims.rank())) {}
  // What opset 1 to 12 did: all axes before `axis`, and all from it on, flattened.
  static AxisView Flattened(const Dims& dims, size_t axis) { return {dims.Product(0, axis), dims.Product(axis, dims.rank()), 1}; }

  int64_t lines() const { return outer * inner; }
};

// The functions below take lines [begin, end): line l is [l / inner, :, l % inner].

// Index of the largest (or smallest) element of each line, the first or the last one; NaN counts as both. length > 0.
void ArgExtreme(bool largest, bool select_last, DataType dtype, const void* x, const AxisView& view, int64_t* indices, int64_t begin,
                int64_t end);

// Running sums, or products, of each line. `exclusive`: without the element itself; `reverse`: from the end.
void Cumulate(bool product, bool exclusive, bool reverse, DataType dtype, const void* x, const AxisView& view, void* y, int64_t begin,
              int64_t end);

// The k largest (or smallest) elements of each line in order, equal ones by index; NaN is the largest. k <= length.
// values and indices are [outer, k, inner].
void TopK(int64_t k, bool largest, DataType dtype, const void* x, const AxisView& view, void* values, int64_t* indices, int64_t begin,
          int64_t end);

enum class SoftmaxKind : uint8_t { kSoftmax, kLogSoftmax, kHardmax };
// kHardmax: 1 at the first largest element, else 0. Computed in double for double, else in float; see also NarrowSoftmax().
void Softmax(SoftmaxKind kind, DataType dtype, const void* x, const AxisView& view, void* y, int64_t begin, int64_t end);

// x / ||x||_p of each line, p 1 or 2; zero lines stay zero.
void LpNormalize(int p, DataType dtype, const void* x, const AxisView& view, void* y, int64_t begin, int64_t end);

}  // namespace sardonyx::kernels
