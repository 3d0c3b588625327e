#include "kernels/movement/shape_math.h"

#include <algorithm>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::kernels {

StatusOr<size_t> ResolveAxis(int64_t axis, size_t rank) {
  const auto signed_rank = static_cast<int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank)
    return Invalid(fmt::format("axis {} is not in [{}, {}) of a tensor of rank {}", axis, -signed_rank, signed_rank, rank));
  return static_cast<size_t>(axis < 0 ? axis + signed_rank : axis);
}

StatusOr<Dims> ResolveAxes(std::span<const int64_t> axes, size_t rank) {
  if (axes.size() > rank) return Invalid(fmt::format("{} axes of a tensor of rank {}", axes.size(), rank));
  Dims resolved;
  std::vector<bool> seen(rank);
  for (int64_t given : axes) {
    ASSIGN_OR_RETURN(const size_t axis, ResolveAxis(given, rank));
    if (seen[axis]) return Invalid(fmt::format("axis {} is given twice", axis));
    seen[axis] = true;
    resolved.push_back(static_cast<int64_t>(axis));
  }
  return resolved;
}

Dims AllAxes(size_t rank) {
  Dims axes(rank, 0);
  for (size_t i = 0; i < rank; ++i) axes[i] = static_cast<int64_t>(i);
  return axes;
}

Dims RowMajorStrides(std::span<const int64_t> dims) {
  Dims strides(dims.size(), 1);
  for (size_t i = dims.size(); i-- > 1;) strides[i - 1] = strides[i] * std::max<int64_t>(dims[i], 1);
  return strides;
}

StatusOr<Dims> BroadcastDims(std::span<const int64_t> a, std::span<const int64_t> b) {
  if (a.size() < b.size()) std::swap(a, b);
  for (int64_t dim : a)
    if (dim < 0) return Invalid(fmt::format("negative dimension in the shape {}", Dims(a).ToString()));
  Dims out(a);
  const size_t shift = a.size() - b.size();
  for (size_t i = 0; i < b.size(); ++i) {
    int64_t& dim = out[shift + i];
    if (dim == b[i] || b[i] == 1) continue;
    if (dim != 1) return Invalid(fmt::format("{} and {} do not broadcast together", Dims(a).ToString(), Dims(b).ToString()));
    dim = b[i];
  }
  return out;
}

Dims BroadcastStrides(std::span<const int64_t> dims, std::span<const int64_t> out) {
  const Dims own = RowMajorStrides(dims);
  Dims strides(out.size(), 0);
  const size_t shift = out.size() - dims.size();
  for (size_t i = 0; i < dims.size(); ++i)
    if (dims[i] != 1) strides[shift + i] = own[i];
  return strides;
}

StatusOr<Dims> ReshapedDims(std::span<const int64_t> dims, std::span<const int64_t> target, bool allow_zero) {
  const auto mismatch = [&] { return Invalid(fmt::format("{} cannot be reshaped to {}", Dims(dims).ToString(), Dims(target).ToString())); };
  Dims out(target);
  std::optional<size_t> inferred;
  // Products of the dims that -1 has to make equal. A dim copied by 0 stands on both sides; leaving it out lets an empty
  // batch [0,4] become [0,-1] = [0,4].
  int64_t given = 1, wanted = 1;
  for (size_t i = 0; i < std::max(target.size(), dims.size()); ++i) {
    const bool copied = i < target.size() && target[i] == 0 && !allow_zero;
    if (copied && i >= dims.size()) return mismatch();
    if (copied) {
      out[i] = dims[i];
      continue;
    }
    if (i < dims.size()) given *= dims[i];
    if (i >= target.size()) continue;
    if (target[i] == -1) {
      if (inferred) return Invalid(fmt::format("more than one -1 in the shape {}", Dims(target).ToString()));
      inferred = i;
    } else if (target[i] < -1 || __builtin_mul_overflow(wanted, target[i], &wanted)) {
      return mismatch();
    }
  }
  if (!inferred) return given == wanted ? StatusOr<Dims>(out) : mismatch();
  if (wanted == 0) return Invalid(fmt::format("-1 cannot be inferred beside 0 in the shape {}", Dims(target).ToString()));
  if (given % wanted != 0) return mismatch();
  out[*inferred] = given / wanted;
  return out;
}

StatusOr<Dims> SqueezedDims(std::span<const int64_t> dims, std::span<const int64_t> axes) {
  std::vector<bool> drop(dims.size());
  ASSIGN_OR_RETURN(const Dims resolved, ResolveAxes(axes, dims.size()));
  for (int64_t axis : resolved) {
    if (dims[axis] != 1) return Invalid(fmt::format("axis {} of {} is not 1 and cannot be squeezed", axis, Dims(dims).ToString()));
    drop[axis] = true;
  }
  Dims out;
  for (size_t i = 0; i < dims.size(); ++i)
    if (axes.empty() ? dims[i] != 1 : !drop[i]) out.push_back(dims[i]);
  return out;
}

StatusOr<Dims> UnsqueezedDims(std::span<const int64_t> dims, std::span<const int64_t> axes) {
  const size_t rank = dims.size() + axes.size();
  ASSIGN_OR_RETURN(const Dims resolved, ResolveAxes(axes, rank));
  std::vector<bool> added(rank);
  for (int64_t axis : resolved) added[axis] = true;
  Dims out;
  size_t next = 0;
  for (size_t i = 0; i < rank; ++i) out.push_back(added[i] ? 1 : dims[next++]);
  return out;
}

StatusOr<SliceRange> ResolveSlice(int64_t dim, int64_t start, int64_t end, int64_t step) {
  if (step == 0) return Invalid("a slice's step is 0");
  // A step beyond the dim takes one element whatever its size; bounding it keeps the arithmetic below from overflowing.
  step = std::clamp(step, -dim - 1, dim + 1);
  const auto from_front = [dim](int64_t i) { return i < 0 ? i + dim : i; };
  SliceRange range{.step = step};
  if (step > 0) {
    range.start = std::clamp<int64_t>(from_front(start), 0, dim);
    const int64_t last = std::clamp<int64_t>(from_front(end), 0, dim);
    range.count = last > range.start ? (last - range.start + step - 1) / step : 0;
  } else {
    // The specification lets a start before the axis stand for its first element here, unlike numpy.
    range.start = std::clamp<int64_t>(from_front(start), 0, std::max<int64_t>(dim, 1) - 1);
    const int64_t last = std::clamp<int64_t>(from_front(end), -1, dim - 1);
    range.count = dim > 0 && range.start > last ? (range.start - last - step - 1) / -step : 0;
  }
  if (range.count == 0) range.start = 0;
  return range;
}

}  // namespace sardonyx::kernels
