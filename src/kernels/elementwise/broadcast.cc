#include "kernels/elementwise/broadcast.h"

#include <fmt/format.h>

namespace sardonyx::kernels {

StatusOr<Dims> BroadcastShape(const Dims& a, const Dims& b) {
  const Dims& longer = a.rank() >= b.rank() ? a : b;
  const Dims& shorter = a.rank() >= b.rank() ? b : a;
  Dims result = longer;
  const size_t offset = longer.rank() - shorter.rank();
  for (size_t d = 0; d < shorter.rank(); ++d) {
    const int64_t other = shorter[d];
    if (result[offset + d] == other || other == 1) continue;
    if (result[offset + d] != 1) return Usage(fmt::format("shapes {} and {} do not broadcast together", a.ToString(), b.ToString()));
    result[offset + d] = other;
  }
  return result;
}

StatusOr<Dims> AlignAtAxis(const Dims& dims, int64_t axis, size_t rank) {
  const int64_t spare = static_cast<int64_t>(rank) - static_cast<int64_t>(dims.rank());
  const int64_t first = axis < 0 ? spare : axis;
  if (spare < 0 || first > spare) return Usage(fmt::format("a shape {} at axis {} does not fit into rank {}", dims.ToString(), axis, rank));
  Dims result(rank, 1);
  std::copy(dims.begin(), dims.end(), result.begin() + first);
  return result;
}

BroadcastLoop::BroadcastLoop(const Dims& output, std::span<const Dims* const> operands)
    : count_(operands.size()), num_elements_(output.num_elements()) {
  // Innermost first while merging; turned round at the end.
  Dims sizes;
  std::array<Dims, kMaxOperands> strides;
  std::array<int64_t, kMaxOperands> dense;  // the stride of an operand's next dim
  dense.fill(1);
  for (size_t from_end = 0; from_end < output.rank(); ++from_end) {
    const int64_t size = output[output.rank() - 1 - from_end];
    std::array<int64_t, kMaxOperands> stride{};
    for (size_t i = 0; i < count_; ++i) {
      const Dims& dims = *operands[i];
      const int64_t own = from_end < dims.rank() ? dims[dims.rank() - 1 - from_end] : 1;
      stride[i] = own == 1 ? 0 : dense[i];
      dense[i] *= own;
    }
    if (size == 1) continue;
    bool merges = !sizes.empty();
    for (size_t i = 0; i < count_ && merges; ++i) merges = stride[i] == strides[i].back() * sizes.back();
    if (merges) {
      sizes[sizes.rank() - 1] *= size;
    } else {
      sizes.push_back(size);
      for (size_t i = 0; i < count_; ++i) strides[i].push_back(stride[i]);
    }
  }
  if (sizes.empty()) return;  // one element: contiguous for all
  run_ = sizes[0];
  for (size_t i = 0; i < count_; ++i) scalar_[i] = strides[i][0] == 0;
  for (size_t d = sizes.rank(); d-- > 1;) {
    sizes_.push_back(sizes[d]);
    for (size_t i = 0; i < count_; ++i) strides_[i].push_back(strides[i][d]);
  }
}

}  // namespace sardonyx::kernels
