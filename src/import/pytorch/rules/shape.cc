// Shapes and views: what moves elements without computing.
#include <algorithm>
#include <limits>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();

// What it is given, as a tensor of its own (or a view, where the signature says so).
Outputs Same(Call& c) {
  const IValue& given = c.arg(size_t{0});
  if (!given.is_tensor()) return given;
  TensorValue tensor = given.tensor();
  tensor.cell = nullptr;
  return tensor;
}

// Complex tensors move as pairs: their last axis stays where it is.
struct Moved {
  V value;
  bool is_complex;
  int64_t rank;  // without the pair's axis
};
Moved Of(Call& c, std::string_view name = "self") {
  const bool is_complex = c.is_complex(name);
  V value = is_complex ? c.complex_tensor(name).value : c.tensor(name);
  return {value, is_complex, static_cast<int64_t>(c.b.rank(value)) - (is_complex ? 1 : 0)};
}
Outputs Result(const Moved& x, V value) { return TensorValue{value, x.is_complex, {}, {}}; }

V Reshaped(Call& c, const Moved& x, V shape) { return c.b.Reshape(x.value, x.is_complex ? c.b.Concat({shape, c.b.Ints({2})}, 0) : shape); }

Outputs View(Call& c) {
  const Moved x = Of(c);
  if (c.arg("dtype").is_dtype()) {
    const DataType from = c.b.dtype(x.value), to = c.Dtype("dtype", DataType::kUndefined);
    if (to == from) return Result(x, x.value);
    if (c.b.Has("BitCast") && BitsPerElement(from) == BitsPerElement(to)) return c.b.Op("BitCast", {x.value}, {{"to", to}});
    return c.Unsupported("a view of the bytes as another type (one of the same size can be said from opset 26 on: --opset 26)");
  }
  return Result(x, Reshaped(c, x, c.IntVector(c.is_none("size") ? "shape" : "size")));
}
Outputs ViewAs(Call& c) {
  const Moved x = Of(c);
  V other = c.is_complex("other") ? c.complex_tensor("other").value : c.tensor("other");
  if (c.is_complex("other") != x.is_complex) return c.Unsupported("a view of a complex number as a real one");
  V shape = nullptr;
  std::vector<V> sizes;
  if (c.b.shape(other) != nullptr) {
    for (size_t i = 0; i < c.b.rank(other); ++i) sizes.push_back(c.b.SizeOf(other, static_cast<int64_t>(i)));
    shape = c.b.Stack1D(sizes);
  } else {
    shape = c.b.ShapeOf(other);
  }
  return Result(x, c.b.Reshape(x.value, shape));
}

// The sizes of x, those of axes [begin, end) replaced.
V SizesWith(Call& c, const Moved& x, int64_t begin, int64_t end, const std::vector<V>& middle) {
  std::vector<V> sizes;
  for (int64_t i = 0; i < begin; ++i) sizes.push_back(c.b.SizeOf(x.value, i));
  sizes.insert(sizes.end(), middle.begin(), middle.end());
  for (int64_t i = end; i < x.rank; ++i) sizes.push_back(c.b.SizeOf(x.value, i));
  return c.b.Stack1D(sizes);
}

Outputs Flatten(Call& c) {
  const Moved x = Of(c);
  if (x.rank == 0) return Result(x, Reshaped(c, x, c.b.Ints({1})));
  const int64_t begin = c.Axis("start_dim", x.rank, 0), end = c.Axis("end_dim", x.rank, -1);
  if (begin == end) return Result(x, x.value);
  // A size that follows from the others, unless a static one can be had.
  bool known = true;
  int64_t product = 1;
  for (int64_t i = begin; i <= end; ++i) {
    const std::optional<int64_t> size = c.b.static_dim(x.value, i);
    known &= size.has_value();
    product *= size.value_or(1);
  }
  return Result(x, Reshaped(c, x, SizesWith(c, x, begin, end + 1, {c.b.Int(known ? product : -1)})));
}

// The first elements, as many as the size has; zeros where there are fewer.
Outputs Resize(Call& c) {
  V size = c.is_none("the_template") ? c.IntVector(c.is_none("size") ? "shape" : "size") : c.b.ShapeOf(c.tensor("the_template"));
  V flat = c.b.Flatten(c.tensor(c.is_none("self") ? "a" : "self"));
  V count = c.b.Op("ReduceProd", {size}, {{"keepdims", 0}});
  V lack = c.b.Op("Max", {c.b.Sub(count, c.b.SizeOf(flat, 0)), c.b.Int(0)});
  V enough = c.b.Op("Pad", {flat, c.b.Stack1D({c.b.Int(0), lack})});
  return c.b.Reshape(c.b.Slice(enough, 0, c.b.Int(0), count), size);
}

Outputs Unflatten(Call& c) {
  const Moved x = Of(c);
  const int64_t axis = c.Axis("dim", x.rank);
  std::vector<V> sizes;
  for (const IValue& size : c.arg("sizes").list()) sizes.push_back(c.ToNumber(size));
  return Result(x, Reshaped(c, x, SizesWith(c, x, axis, axis + 1, sizes)));
}

Outputs Ravel(Call& c) { return c.b.Flatten(c.tensor("self")); }

Outputs Permuted(Call& c, const Moved& x, std::vector<int64_t> perm) {
  if (x.is_complex) perm.push_back(x.rank);
  return Result(x, c.b.Transpose(x.value, perm));
}
Outputs Permute(Call& c) {
  const Moved x = Of(c);
  std::vector<int64_t> dims = c.Ints("dims");
  if (dims.size() != static_cast<size_t>(x.rank)) return c.Unsupported("permute of another rank");
  for (int64_t& axis : dims) axis = NormalAxis(axis, x.rank);
  return Permuted(c, x, dims);
}
Outputs Transpose(Call& c) {
  const Moved x = Of(c);
  if (x.rank == 0) return Result(x, x.value);
  const bool swap = !c.is_none("axis0");
  std::vector<int64_t> perm = AllAxes(x.rank);
  std::swap(perm[static_cast<size_t>(c.Axis(swap ? "axis0" : "dim0", x.rank))],
            perm[static_cast<size_t>(c.Axis(swap ? "axis1" : "dim1", x.rank))]);
  return Permuted(c, x, perm);
}
Outputs MatrixTranspose(Call& c) {
  const Moved x = Of(c);
  if (x.rank < 2) return Result(x, x.value);
  std::vector<int64_t> perm = AllAxes(x.rank);
  if (c.param() == "all")
    std::reverse(perm.begin(), perm.end());
  else
    std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
  if (c.param() == "H" && x.is_complex) return Permuted(c, {Conjugate(c.b, x.value), true, x.rank}, perm);
  return Permuted(c, x, perm);
}
Outputs MoveAxes(Call& c) {
  const Moved x = Of(c);
  std::vector<int64_t> from = c.Ints("source"), to = c.Ints("destination");
  std::vector<int64_t> perm(static_cast<size_t>(x.rank), -1);
  std::vector<bool> taken(static_cast<size_t>(x.rank), false);
  for (size_t i = 0; i < from.size() && i < to.size(); ++i) {
    const int64_t source = NormalAxis(from[i], x.rank), target = NormalAxis(to[i], x.rank);
    if (source < 0 || source >= x.rank || target < 0 || target >= x.rank) return c.Unsupported("an axis out of range");
    perm[static_cast<size_t>(target)] = source;
    taken[static_cast<size_t>(source)] = true;
  }
  int64_t next = 0;
  for (int64_t& axis : perm) {
    if (axis >= 0) continue;
    while (next < x.rank && taken[static_cast<size_t>(next)]) ++next;
    axis = next++;
  }
  return Permuted(c, x, perm);
}

Outputs Unsqueeze(Call& c) {
  const Moved x = Of(c);
  return Result(x, c.b.Unsqueeze(x.value, {c.Axis("dim", x.rank + 1)}));
}
Outputs Squeeze(Call& c) {
  // Only axes of size 1; of a dynamic size PyTorch's export has decided that it is not.
  const Moved x = Of(c);
  std::vector<int64_t> axes;
  const bool of_none = c.arg("dim").is_list() && c.arg("dim").list().empty();
  if (of_none) return Result(x, x.value);
  for (const int64_t axis : c.is_none("dim") ? AllAxes(x.rank) : c.Axes("dim", x.rank))
    if (c.b.dim(x.value, axis).is_constant(1)) axes.push_back(axis);
  return Result(x, c.b.Squeeze(x.value, axes));
}

Outputs Expand(Call& c) {
  const Moved x = Of(c);
  const IValue& sizes = c.arg("size");
  std::vector<V> target;
  const auto count = static_cast<int64_t>(sizes.is_list() ? sizes.list().size() : 1);
  for (int64_t i = 0; i < count; ++i) {
    const IValue& size = sizes.list()[static_cast<size_t>(i)];
    // -1 keeps the size; 1 broadcasts with it.
    const bool keep = size.is_int() && size.integer() == -1;
    const int64_t own = i - (count - x.rank);
    target.push_back(keep ? (own >= 0 ? c.b.SizeOf(x.value, own) : c.b.Int(1)) : c.ToNumber(size));
  }
  if (x.is_complex) target.push_back(c.b.Int(2));
  V value = x.value;
  if (x.is_complex && count > x.rank) {
    std::vector<V> own;
    for (int64_t i = 0; i < count - x.rank; ++i) own.push_back(c.b.Int(1));
    for (int64_t i = 0; i < x.rank; ++i) own.push_back(c.b.SizeOf(value, i));
    own.push_back(c.b.Int(2));
    value = c.b.Reshape(value, c.b.Stack1D(own));
  }
  return Result(x, c.b.Expand(value, c.b.Stack1D(target)));
}
Outputs ExpandAs(Call& c) { return c.b.Expand(c.tensor("self"), c.b.ShapeOf(c.tensor("other"))); }
Outputs BroadcastTensors(Call& c) {
  std::vector<V> values = c.tensors("tensors");
  if (values.empty()) return {};
  V like = values[0];
  for (size_t i = 1; i < values.size(); ++i) {
    // Shapes broadcast as an addition of zeros would.
    V a = FullLike(c.b, like, c.b.Int(0)), b2 = FullLike(c.b, values[i], c.b.Int(0));
    like = c.b.Add(a, b2);
  }
  V shape = c.b.ShapeOf(like);
  for (V& value : values) value = c.b.Expand(value, shape);
  return values;
}

Outputs Repeat(Call& c) {
  V x = c.tensor("self");
  const bool tile = !c.is_none("dims");
  const std::string_view name = tile ? "dims" : "repeats";
  const auto rank = static_cast<int64_t>(c.b.rank(x)), count = static_cast<int64_t>(c.arg(name).is_list() ? c.arg(name).list().size() : 1);
  V repeats = c.IntVector(name);
  if (count > rank) x = c.b.Unsqueeze(x, AllAxes(count - rank));
  if (count < rank) repeats = c.b.Concat({c.b.Ints(std::vector<int64_t>(static_cast<size_t>(rank - count), 1)), repeats}, 0);
  if (const auto known = c.b.constant_ints(repeats); known && std::all_of(known->begin(), known->end(), [](int64_t n) { return n == 1; }))
    return x;
  return c.b.Op("Tile", {x, repeats});
}

Outputs RepeatInterleave(Call& c) {
  V x = c.is_none("self") ? nullptr : c.tensor("self");
  const IValue& repeats = c.arg("repeats");
  if (x == nullptr) {
    // The indices themselves: how often each number occurs.
    V counts = c.b.Cast(c.tensor("repeats"), DataType::kInt64);
    V ends = c.b.Op("CumSum", {counts, c.b.Int(0)});
    V total = c.b.Reduce("ReduceSum", counts, {}, false);
    V past = c.b.Op("GreaterOrEqual", {c.b.Unsqueeze(Arange(c.b, total), {1}), c.b.Unsqueeze(ends, {0})});
    return c.b.Reduce("ReduceSum", c.b.Cast(past, DataType::kInt64), {1}, false);
  }
  if (c.is_none("dim")) x = c.b.Flatten(x);
  const auto rank = static_cast<int64_t>(c.b.rank(x));
  const int64_t axis = c.is_none("dim") ? 0 : c.Axis("dim", rank);
  if (repeats.is_tensor() && c.b.known_rank(repeats.tensor().value) == size_t{1} && !c.b.dim(repeats.tensor().value, 0).is_constant(1)) {
    V indices = c.translator.Apply("aten.repeat_interleave.Tensor", {repeats})[0].tensor().value;
    return c.b.Gather(x, indices, axis);
  }
  // Each element in a new axis, repeated there.
  V times = c.b.Cast(c.ToNumber(repeats), DataType::kInt64);
  V wide = c.b.Unsqueeze(x, {axis + 1});
  std::vector<V> tiles(static_cast<size_t>(rank) + 1, c.b.Int(1)), sizes;
  tiles[static_cast<size_t>(axis) + 1] = times;
  for (int64_t i = 0; i < rank; ++i) sizes.push_back(i == axis ? c.b.Mul(c.b.SizeOf(x, i), times) : c.b.SizeOf(x, i));
  return c.b.Reshape(c.b.Op("Tile", {wide, c.b.Stack1D(tiles)}), c.b.Stack1D(sizes));
}

// An int bound of a slice, as a vector of one.
V Bound(Call& c, const IValue& value, int64_t fallback) {
  return value.is_none() ? c.b.Ints({fallback}) : c.b.Unsqueeze(c.ToNumber(value), {0});
}

Outputs Slice(Call& c) {
  const Moved x = Of(c);
  return Result(x,
                c.b.Slice(x.value, c.Axis("dim", x.rank, 0), Bound(c, c.arg("start"), 0), Bound(c, c.arg("end"), kEnd), c.Int("step", 1)));
}
Outputs Narrow(Call& c) {
  const Moved x = Of(c);
  V start = c.b.Unsqueeze(c.Number("start"), {0}), length = c.b.Unsqueeze(c.Number("length"), {0});
  const int64_t axis = c.Axis("dim", x.rank);
  if (const auto known = c.b.constant_ints(start); known && (*known)[0] < 0)
    start = c.b.Add(start, c.b.Unsqueeze(c.b.SizeOf(x.value, axis), {0}));
  return Result(x, c.b.Slice(x.value, axis, start, c.b.Add(start, length)));
}
Outputs Select(Call& c) {
  const Moved x = Of(c);
  V index = c.Number("index");
  return Result(x, c.b.Gather(x.value, index, c.Axis("dim", x.rank)));
}

constexpr RuleRow kRows[] = {
    {"aten.alias", Same},
    {"aten.clone", Same},
    {"aten.contiguous", Same},
    {"aten.detach", Same},
    {"aten.detach_copy", Same},
    {"aten.lift", Same},
    {"aten.lift_fresh", Same},
    {"aten.lift_fresh_copy", Same},
    {"aten.alias_copy", Same},
    {"aten.resolve_conj", Same},
    {"aten.resolve_neg", Same},
    {"aten.requires_grad", Same},
    {"aten._lazy_clone", Same},
    {"aten._to_cpu", Same},
    {"aten.to_dense", Same},
    {"aten._to_dense", Same},
    {"aten.pin_memory", Same},
    {"aten.cpu", Same},
    {"aten.cuda", Same},
    {"aten.view", View},
    {"aten.view_copy", View},
    {"aten.reshape", View},
    {"aten._unsafe_view", View},
    {"aten._reshape_alias", View},
    {"aten._reshape_copy", View},
    {"aten._reshape_alias_copy", View},
    {"aten._reshape_from_tensor", View},
    {"aten.view_as", ViewAs},
    {"aten.reshape_as", ViewAs},
    {"aten.flatten", Flatten},
    {"aten.unflatten", Unflatten},
    {"aten.ravel", Ravel},
    {"aten.resize", Resize},
    {"aten.resize_as", Resize},
    {"prims.resize", Resize},
    {"aten.permute", Permute},
    {"aten.permute_copy", Permute},
    {"aten.transpose", Transpose},
    {"aten.transpose_copy", Transpose},
    {"aten.swapaxes", Transpose},
    {"aten.swapdims", Transpose},
    {"aten.t", MatrixTranspose, ""},
    {"aten.t_copy", MatrixTranspose, ""},
    {"aten.mT", MatrixTranspose, ""},
    {"aten.mH", MatrixTranspose, "H"},
    {"aten.matrix_H", MatrixTranspose, "H"},
    {"aten.adjoint", MatrixTranspose, "H"},
    {"aten.numpy_T", MatrixTranspose, "all"},
    {"aten.T", MatrixTranspose, "all"},
    {"aten.movedim", MoveAxes},
    {"aten.moveaxis", MoveAxes},
    {"aten.unsqueeze", Unsqueeze},
    {"aten.unsqueeze_copy", Unsqueeze},
    {"aten.squeeze", Squeeze},
    {"aten.squeeze_copy", Squeeze},
    {"aten.expand", Expand},
    {"aten.expand_copy", Expand},
    {"aten.broadcast_to", Expand},
    {"aten.expand_as", ExpandAs},
    {"aten.broadcast_tensors", BroadcastTensors},
    {"aten.repeat", Repeat},
    {"aten.tile", Repeat},
    {"aten.repeat_interleave", RepeatInterleave},
    {"aten.slice.Tensor", Slice},
    {"aten.slice_copy", Slice},
    {"aten.narrow", Narrow},
    {"aten.narrow_copy", Narrow},
    {"aten.select.int", Select},
    {"aten.select_copy", Select},
};

}  // namespace

std::span<const RuleRow> Shapes() { return kRows; }

}  // namespace sardonyx::pytorch::rules
