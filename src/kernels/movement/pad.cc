#include "kernels/movement/pad.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "kernels/movement/row_walk.h"
#include "kernels/movement/shape_math.h"
#include "kernels/movement/strided_copy.h"

namespace sardonyx::kernels {
namespace {

// Where the element at `i` (counted from the first kept one; any integer) of an axis with `size` kept ones comes from.
int64_t Repeated(PadMode mode, int64_t i, int64_t size) {
  if (mode == PadMode::kEdge) return std::clamp<int64_t>(i, 0, size - 1);
  if (mode == PadMode::kWrap) return ((i % size) + size) % size;
  if (size == 1) return 0;
  const int64_t period = 2 * (size - 1);
  const int64_t at = ((i % period) + period) % period;
  return at < size ? at : period - at;
}

// What one axis keeps of its input: elements [first, first + count), which begin at `place` in the output.
struct Kept {
  int64_t first, count, place;
};
Kept KeptOf(int64_t dim, int64_t begin, int64_t end) {
  const int64_t first = std::max<int64_t>(-begin, 0);
  return {first, std::max<int64_t>(dim - first - std::max<int64_t>(-end, 0), 0), std::max<int64_t>(begin, 0)};
}

void PadConstant(Element element, const void* src, std::span<const int64_t> dims, std::span<const int64_t> begins,
                 std::span<const int64_t> ends, const void* value, void* dst, const Dims& out_dims, ThreadPool* pool) {
  const Dims src_strides = RowMajorStrides(dims), dst_strides = RowMajorStrides(out_dims);
  Dims kept_dims;
  int64_t from = 0, to = 0;
  for (size_t i = 0; i < dims.size(); ++i) {
    const Kept kept = KeptOf(dims[i], begins[i], ends[i]);
    kept_dims.push_back(kept.count);
    from += kept.first * src_strides[i];
    to += kept.place * dst_strides[i];
  }
  if (kept_dims != out_dims) {
    const Dims one(1, out_dims.num_elements()), still(1, 0), step(1, 1);
    CopyStrided(element, one, value, still, dst, step, pool);
  }
  if (kept_dims.num_elements() == 0) return;
  CopyStrided(element, kept_dims, ElementAt(element, src, from), src_strides, ElementAt(element, dst, to), dst_strides, pool);
}

}  // namespace

std::optional<PadMode> ParsePadMode(std::string_view name) {
  if (name == "constant") return PadMode::kConstant;
  if (name == "reflect") return PadMode::kReflect;
  if (name == "edge") return PadMode::kEdge;
  if (name == "wrap") return PadMode::kWrap;
  return std::nullopt;
}

StatusOr<Dims> PaddedDims(std::span<const int64_t> dims, std::span<const int64_t> begins, std::span<const int64_t> ends, PadMode mode) {
  Dims out;
  for (size_t i = 0; i < dims.size(); ++i) {
    constexpr int64_t kMost = int64_t{1} << 61;
    if (begins[i] < -kMost || begins[i] > kMost || ends[i] < -kMost || ends[i] > kMost)
      return Resource(fmt::format("pads {} and {} of axis {} overflow", begins[i], ends[i], i));
    const int64_t dim = dims[i] + begins[i] + ends[i];
    if (dim < 0)
      return Invalid(fmt::format("pads {} and {} leave less than nothing of axis {} of {}", begins[i], ends[i], i, Dims(dims).ToString()));
    const bool empty = KeptOf(dims[i], begins[i], ends[i]).count == 0;
    if (mode != PadMode::kConstant && empty && dim > 0)
      return Invalid(fmt::format("axis {} of {} has no element to pad with", i, Dims(dims).ToString()));
    out.push_back(dim);
  }
  return out;
}

void Pad(Element element, PadMode mode, const void* src, std::span<const int64_t> dims, std::span<const int64_t> begins,
         std::span<const int64_t> ends, const void* value, void* dst, const Dims& out_dims, ThreadPool* pool) {
  const int64_t total = out_dims.num_elements();
  if (total == 0) return;
  if (mode == PadMode::kConstant || dims.empty()) return PadConstant(element, src, dims, begins, ends, value, dst, out_dims, pool);

  // No tables: an index of the border is computed when it is needed, so that a wide border takes no memory but its own.
  const Dims strides = RowMajorStrides(dims);
  std::vector<Kept> kept;
  for (size_t i = 0; i < dims.size(); ++i) kept.push_back(KeptOf(dims[i], begins[i], ends[i]));
  const size_t last = dims.size() - 1;
  const int64_t row = out_dims[last];
  const Kept& inner = kept[last];
  DispatchElement(element, [&]<class T>() {
    const auto body = [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const T* from = static_cast<const T*>(src) + inner.first;
        int64_t rest = r;
        for (size_t i = last; i-- > 0; rest /= out_dims[i])
          from += (kept[i].first + Repeated(mode, rest % out_dims[i] - kept[i].place, kept[i].count)) * strides[i];
        T* to = static_cast<T*>(dst) + r * row;
        for (int64_t j = 0; j < inner.place; ++j) to[j] = from[Repeated(mode, j - inner.place, inner.count)];
        std::copy_n(from, inner.count, to + inner.place);
        for (int64_t j = inner.place + inner.count; j < row; ++j) to[j] = from[Repeated(mode, j - inner.place, inner.count)];
      }
    };
    RunParallel(pool, total / row, 5 + static_cast<double>(row), body);
  });
}

}  // namespace sardonyx::kernels
