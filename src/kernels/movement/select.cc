#include "kernels/movement/select.h"

#include <algorithm>

#include <fmt/format.h>

#include "kernels/movement/row_walk.h"

namespace sardonyx::kernels {

StatusOr<std::vector<int64_t>> CompressedIndices(std::span<const bool> condition, int64_t size) {
  std::vector<int64_t> indices;
  for (size_t i = 0; i < condition.size(); ++i) {
    if (!condition[i]) continue;
    if (static_cast<int64_t>(i) >= size) return Invalid(fmt::format("condition {} is true, but the axis has {} elements", i, size));
    indices.push_back(static_cast<int64_t>(i));
  }
  return indices;
}

Status ReverseSequence(Element element, const void* src, std::span<const int64_t> dims, bool batch_first, std::span<const int64_t> lengths,
                       void* dst, ThreadPool* pool) {
  if (dims.size() < 2) return Invalid("the input must have at least two dimensions");
  const int64_t batch = dims[batch_first ? 0 : 1], time = dims[batch_first ? 1 : 0];
  if (static_cast<int64_t>(lengths.size()) != batch)
    return Invalid(fmt::format("{} sequence lengths for a batch of {}", lengths.size(), batch));
  for (int64_t length : lengths)
    if (length < 0 || length > time) return Invalid(fmt::format("sequence length {} is not in [0, {}]", length, time));
  const int64_t inner = Dims(dims).Product(2, dims.size());
  if (inner == 0) return {};
  DispatchElement(element, [&]<class T>() {
    const auto body = [&](int64_t begin, int64_t end) {
      for (int64_t item = begin; item < end; ++item) {
        const int64_t b = item / time, t = item % time;
        const int64_t from = t < lengths[b] ? lengths[b] - 1 - t : t;
        const auto place = [&](int64_t step) { return (batch_first ? b * time + step : step * batch + b) * inner; };
        std::copy_n(static_cast<const T*>(src) + place(from), inner, static_cast<T*>(dst) + place(t));
      }
    };
    RunParallel(pool, batch * time, 10 + static_cast<double>(inner), body);
  });
  return {};
}

void Trilu(Element element, const void* src, int64_t matrices, int64_t rows, int64_t cols, bool upper, int64_t k, void* dst,
           ThreadPool* pool) {
  if (cols == 0) return;
  k = std::clamp(k, -rows, cols);
  DispatchElement(element, [&]<class T>() {
    const auto body = [&](int64_t begin, int64_t end) {
      for (int64_t item = begin; item < end; ++item) {
        const T* from = static_cast<const T*>(src) + item * cols;
        T* to = static_cast<T*>(dst) + item * cols;
        // Upper keeps columns [row + k, cols), lower [0, row + k + 1).
        const int64_t edge = std::clamp<int64_t>(item % rows + k + (upper ? 0 : 1), 0, cols);
        const int64_t first = upper ? edge : 0, last = upper ? cols : edge;
        std::fill(to, to + first, T{});
        if (to != from) std::copy(from + first, from + last, to + first);
        std::fill(to + last, to + cols, T{});
      }
    };
    RunParallel(pool, matrices * rows, 10 + static_cast<double>(cols), body);
  });
}

}  // namespace sardonyx::kernels
