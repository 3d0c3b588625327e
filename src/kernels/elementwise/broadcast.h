// How operands of different shapes walk together over one output: ONNX's multidirectional broadcasting.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "sardonyx/status.h"
#include "sardonyx/tensor.h"

namespace sardonyx::kernels {

// The shape that `a` and `b` broadcast to; kUsage, naming both, when they don't.
StatusOr<Dims> BroadcastShape(const Dims& a, const Dims& b);

// `dims` with ones put around it so that its first dim stands at `axis` of a shape of rank `rank`: how the operators of
// opset 1 to 6 align their second input. axis -1: the last dims align. kUsage when it does not fit.
StatusOr<Dims> AlignAtAxis(const Dims& dims, int64_t axis, size_t rank);

// The loop over an output of dense operands. Neighbouring dims that all operands step through alike are merged, so the
// innermost run is as long as it can be: along it an operand is either contiguous or one element.
class BroadcastLoop {
 public:
  static constexpr size_t kMaxOperands = 3;

  // Every operand must broadcast to `output`.
  BroadcastLoop(const Dims& output, std::span<const Dims* const> operands);

  int64_t num_elements() const { return num_elements_; }
  // True when operand i stays at one element along the innermost run.
  bool is_scalar(size_t i) const { return scalar_[i]; }

  // Calls row(output offset, offsets of the operands, length) for the runs that cover elements [begin, end) of the output,
  // in order. Offsets count elements.
  template <class Row>
  void ForRange(int64_t begin, int64_t end, Row&& row) const {
    if (begin >= end) return;
    Dims index(sizes_.rank(), 0);
    std::array<int64_t, kMaxOperands> at{};
    int64_t row_index = begin / run_;
    for (size_t d = sizes_.rank(); d-- > 0; row_index /= sizes_[d]) {
      index[d] = row_index % sizes_[d];
      for (size_t i = 0; i < count_; ++i) at[i] += index[d] * strides_[i][d];
    }
    for (int64_t position = begin, skip = begin % run_; position < end; skip = 0) {
      const int64_t length = std::min(run_ - skip, end - position);
      std::array<int64_t, kMaxOperands> offsets = at;
      for (size_t i = 0; i < count_; ++i) offsets[i] += scalar_[i] ? 0 : skip;
      row(position, offsets, length);
      position += length;
      Advance(index, at);
    }
  }

 private:
  void Advance(Dims& index, std::array<int64_t, kMaxOperands>& at) const {
    for (size_t d = sizes_.rank(); d-- > 0;) {
      for (size_t i = 0; i < count_; ++i) at[i] += strides_[i][d];
      if (++index[d] < sizes_[d]) return;
      index[d] = 0;
      for (size_t i = 0; i < count_; ++i) at[i] -= strides_[i][d] * sizes_[d];
    }
  }

  size_t count_;
  int64_t num_elements_;
  int64_t run_ = 1;  // length of the innermost run
  std::array<bool, kMaxOperands> scalar_{};
  Dims sizes_;                              // of the loops around it, outermost first
  std::array<Dims, kMaxOperands> strides_;  // in elements, one a loop
};

}  // namespace sardonyx::kernels
