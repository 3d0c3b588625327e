// Shapes and views: what moves elements without computing.
#include <algorithm>
#include <limits>
#include <numeric>

#include <fmt/format.h>

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
    if (c.Dtype("dtype", DataType::kUndefined) == c.b.dtype(x.value)) return Result(x, x.value);
    return c.Unsupported("a view of the bytes as another type");
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
  std::swap(perm[static_cast<size_t>(c.Axis(swap ? "axis0" : "dim0", x.rank))], perm[static_cast<size_t>(c.Axis(swap ? "axis1" : "dim1", x.rank))]);
  return Permuted(c, x, perm);
}
Outputs MatrixTranspose(Call& c) {
  const Moved x = Of(c);
  if (x.rank < 2) return Result(x, x.value);
  std::vector<int64_t> perm = AllAxes(x.rank);
  if (c.param() == "all") std::reverse(perm.begin(), perm.end());
  else std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
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
  if (const auto known = c.b.constant_ints(repeats); known && std::all_of(known->begin(), known->end(), [](int64_t n) { return n == 1; })) return x;
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
V Bound(Call& c, const IValue& value, int64_t fallback) { return value.is_none() ? c.b.Ints({fallback}) : c.b.Unsqueeze(c.ToNumber(value), {0}); }

Outputs Slice(Call& c) {
  const Moved x = Of(c);
  return Result(x, c.b.Slice(x.value, c.Axis("dim", x.rank, 0), Bound(c, c.arg("start"), 0), Bound(c, c.arg("end"), kEnd), c.Int("step", 1)));
}
Outputs Narrow(Call& c) {
  const Moved x = Of(c);
  V start = c.b.Unsqueeze(c.Number("start"), {0}), length = c.b.Unsqueeze(c.Number("length"), {0});
  const int64_t axis = c.Axis("dim", x.rank);
  if (const auto known = c.b.constant_ints(start); known && (*known)[0] < 0) start = c.b.Add(start, c.b.Unsqueeze(c.b.SizeOf(x.value, axis), {0}));
  return Result(x, c.b.Slice(x.value, axis, start, c.b.Add(start, length)));
}
Outputs Select(Call& c) {
  const Moved x = Of(c);
  V index = c.Number("index");
  return Result(x, c.b.Gather(x.value, index, c.Axis("dim", x.rank)));
}

Outputs Concatenate(Call& c) {
  const IValue& list = c.arg("tensors");
  std::vector<IValue> parts = list.is_list() ? list.list() : std::vector<IValue>{list};
  bool is_complex = false;
  DataType type = c.PromotedType(parts);
  std::vector<V> values;
  size_t rank = 0;
  for (const IValue& part : parts) is_complex |= part.is_tensor() && part.tensor().is_complex;
  for (const IValue& part : parts) {
    V value = is_complex ? part.tensor().value : c.b.Cast(c.ToTensor(part), type);
    // An empty vector is left out, whatever the others' rank.
    if (!is_complex && c.b.known_rank(value) == size_t{1} && c.b.dim(value, 0).is_constant(0) && parts.size() > 1) continue;
    rank = std::max(rank, c.b.rank(value));
    values.push_back(value);
  }
  if (values.empty()) return c.b.Cast(c.ToTensor(parts.at(0)), type);
  const int64_t axis = c.Axis("dim", static_cast<int64_t>(rank) - (is_complex ? 1 : 0), 0);
  return TensorValue{c.b.Concat(values, axis), is_complex, {}, {}};
}
Outputs Stack(Call& c) {
  const IValue::List& parts = c.arg("tensors").list();
  DataType type = c.PromotedType(parts);
  std::vector<V> values;
  for (const IValue& part : parts) values.push_back(c.b.Cast(c.ToTensor(part), type));
  if (values.empty()) return c.Unsupported("a stack of no tensors");
  const int64_t axis = c.Axis("dim", static_cast<int64_t>(c.b.rank(values[0])) + 1, 0);
  for (V& value : values) value = c.b.Unsqueeze(value, {axis});
  return c.b.Concat(values, axis);
}
// hstack, vstack, dstack, column_stack, row_stack.
Outputs StackAlong(Call& c) {
  std::vector<V> values = c.tensors("tensors");
  int64_t axis = 0;
  for (V& value : values) {
    const size_t rank = c.b.rank(value);
    if (c.param() == "h") {
      if (rank == 0) value = c.b.Reshape(value, {1});
      axis = rank <= 1 ? 0 : 1;
    } else if (c.param() == "v") {
      if (rank < 2) value = c.b.Reshape(value, {1, -1});
    } else if (c.param() == "d") {
      if (rank < 2) value = c.b.Reshape(value, {1, -1});
      if (rank < 3) value = c.b.Unsqueeze(value, {2});
      axis = 2;
    } else {
      if (rank < 2) value = c.b.Reshape(value, {-1, 1});
      axis = 1;
    }
  }
  return c.b.Concat(values, axis);
}

// Pieces of x along an axis, at these sizes.
std::vector<V> Pieces(Call& c, V x, int64_t axis, const std::vector<int64_t>& sizes) {
  if (sizes.size() == 1) return {x};
  return c.b.Ops("Split", {x, c.b.Ints(sizes)}, sizes.size(), {{"axis", axis}});
}
std::vector<V> EqualPieces(Call& c, V x, int64_t axis, int64_t size) {
  const std::optional<int64_t> total = c.b.static_dim(x, axis);
  if (!total) {
    // The number of pieces is the source's own.
    const auto count = static_cast<int64_t>(c.node().outputs.size());
    if (count <= 1) return {c.Unsupported("a split of an axis whose size is not known into a list of unknown length")};
    std::vector<V> pieces;
    for (int64_t i = 0; i < count; ++i) pieces.push_back(c.b.Slice(x, axis, i * size, i + 1 == count ? kEnd : (i + 1) * size));
    return pieces;
  }
  std::vector<int64_t> sizes;
  for (int64_t at = 0; at < *total && size > 0; at += size) sizes.push_back(std::min(size, *total - at));
  if (sizes.empty()) sizes.push_back(0);
  return Pieces(c, x, axis, sizes);
}
Outputs Split(Call& c) {
  V x = c.tensor("self");
  const int64_t axis = c.Axis("dim", c.rank("self"), 0);
  const std::string_view name = c.is_none("split_sizes") ? "split_size" : "split_sizes";
  if (!c.arg(name).is_list()) {
    if (c.IsStatic(name)) return EqualPieces(c, x, axis, c.Int(name));
    const auto count = static_cast<int64_t>(c.node().outputs.size());
    if (count <= 1) return c.Unsupported("a split into a list of unknown length");
    V size = c.Number(name);
    std::vector<V> pieces;
    for (int64_t i = 0; i < count; ++i)
      pieces.push_back(c.b.Slice(x, axis, c.b.Mul(c.b.Int(i), size), i + 1 == count ? c.b.Int(kEnd) : c.b.Mul(c.b.Int(i + 1), size)));
    return pieces;
  }
  if (c.IsStatic(name)) return Pieces(c, x, axis, c.Ints(name));
  const size_t count = c.arg(name).list().size();
  return c.b.Ops("Split", {x, c.IntVector(name)}, count, {{"axis", axis}});
}
Outputs Chunk(Call& c) {
  V x = c.tensor("self");
  const int64_t axis = c.Axis("dim", c.rank("self"), 0), chunks = c.Int("chunks");
  const std::optional<int64_t> size = c.b.static_dim(x, axis);
  if (size && chunks > 0) return EqualPieces(c, x, axis, std::max<int64_t>(1, (*size + chunks - 1) / chunks));
  if (chunks <= 0) return c.Unsupported("a number of chunks below 1");
  // ceil(size / chunks) each; the last ones may be missing, but the source says how many there are.
  const auto count = c.node().outputs.size() > 1 ? static_cast<int64_t>(c.node().outputs.size()) : chunks;
  V each = c.b.Div(c.b.Add(c.b.SizeOf(x, axis), c.b.Int(chunks - 1)), c.b.Int(chunks));
  std::vector<V> pieces;
  for (int64_t i = 0; i < count; ++i)
    pieces.push_back(c.b.Slice(x, axis, c.b.Mul(c.b.Int(i), each), i + 1 == count ? c.b.Int(kEnd) : c.b.Mul(c.b.Int(i + 1), each)));
  return pieces;
}
Outputs TensorSplit(Call& c) {
  V x = c.tensor("self");
  const int64_t axis = c.Axis("dim", c.rank("self"), 0);
  const std::optional<int64_t> total = c.b.static_dim(x, axis);
  std::vector<int64_t> starts = {0};
  if (!c.is_none("indices")) {
    for (const int64_t at : c.Ints("indices")) starts.push_back(at);
  } else {
    if (!total) return c.Unsupported("tensor_split of an axis whose size is not known");
    const int64_t sections = c.Int("sections");
    for (int64_t i = 1; i < sections; ++i) starts.push_back(i * (*total / sections) + std::min(i, *total % sections));
  }
  std::vector<V> pieces;
  for (size_t i = 0; i < starts.size(); ++i) pieces.push_back(c.b.Slice(x, axis, starts[i], i + 1 < starts.size() ? starts[i + 1] : kEnd));
  return pieces;
}
Outputs Unbind(Call& c) {
  V x = c.tensor("self");
  const int64_t axis = c.Axis("dim", c.rank("self"), 0);
  const std::optional<int64_t> known = c.b.static_dim(x, axis);
  const int64_t count = known.value_or(static_cast<int64_t>(c.node().outputs.size()));
  if (!known && count <= 1) return c.Unsupported("unbind of an axis whose size is not known");
  std::vector<V> parts;
  for (int64_t i = 0; i < count; ++i) parts.push_back(c.b.Gather(x, c.b.Int(i), axis));
  return IValue::MakeList(Outputs(parts).values);
}

V Reverse(Call& c, V x, int64_t axis) { return c.b.Slice(x, axis, -1, std::numeric_limits<int64_t>::min() + 1, -1); }
Outputs Flip(Call& c) {
  V x = c.tensor("self");
  const std::vector<int64_t> axes = c.param() == "lr" ? std::vector<int64_t>{1} : c.param() == "ud" ? std::vector<int64_t>{0} : c.Axes("dims", c.rank("self"));
  for (const int64_t axis : axes) x = Reverse(c, x, axis);
  return x;
}
V Rolled(Call& c, V x, int64_t axis, V shift) {
  // The last `shift` elements go to the front.
  const std::optional<std::vector<int64_t>> known = c.b.constant_ints(shift);
  const std::optional<int64_t> size = c.b.static_dim(x, axis);
  if (known && known->size() == 1 && size) {
    const int64_t by = *size == 0 ? 0 : (((*known)[0] % *size) + *size) % *size;
    if (by == 0) return x;
    return c.b.Concat({c.b.Slice(x, axis, *size - by, kEnd), c.b.Slice(x, axis, 0, *size - by)}, axis);
  }
  V total = c.b.SizeOf(x, axis);
  V at = c.b.Sub(total, c.b.Op("Mod", {shift, total}));
  return c.b.Concat({c.b.Slice(x, axis, at, c.b.Int(kEnd)), c.b.Slice(x, axis, c.b.Int(0), at)}, axis);
}
Outputs Roll(Call& c) {
  V x = c.tensor("self");
  const IValue& shifts = c.arg("shifts");
  const std::vector<int64_t> dims = c.Ints("dims");
  if (dims.empty()) {
    V flat = Rolled(c, c.b.Flatten(x), 0, c.ToNumber(shifts.is_list() ? shifts.list().at(0) : shifts));
    return c.b.Reshape(flat, c.b.ShapeOf(x));
  }
  for (size_t i = 0; i < dims.size(); ++i)
    x = Rolled(c, x, NormalAxis(dims[i], c.rank("self")), c.ToNumber(shifts.is_list() ? shifts.list().at(i) : shifts));
  return x;
}
Outputs Rot90(Call& c) {
  V x = c.tensor("self");
  const int64_t times = ((c.Int("k", 1) % 4) + 4) % 4;
  std::vector<int64_t> dims = c.Ints("dims", {0, 1});
  for (int64_t& axis : dims) axis = NormalAxis(axis, c.rank("self"));
  if (dims.size() != 2) return c.Unsupported("rot90 needs two axes");
  if (times == 0) return x;
  if (times == 2) return Reverse(c, Reverse(c, x, dims[0]), dims[1]);
  if (times == 1) return c.b.SwapAxes(Reverse(c, x, dims[1]), dims[0], dims[1]);
  return Reverse(c, c.b.SwapAxes(x, dims[0], dims[1]), dims[1]);
}

Outputs AtLeast(Call& c) {
  const bool many = !c.is_none("tensors");
  std::vector<V> values = many ? c.tensors("tensors") : std::vector<V>{c.tensor("self")};
  for (V& value : values) {
    const size_t rank = c.b.rank(value);
    if (c.param() == "1" && rank == 0) value = c.b.Reshape(value, {1});
    if (c.param() == "2") value = rank == 0 ? c.b.Reshape(value, {1, 1}) : rank == 1 ? c.b.Unsqueeze(value, {0}) : value;
    if (c.param() == "3") value = rank == 0 ? c.b.Reshape(value, {1, 1, 1}) : rank == 1 ? c.b.Unsqueeze(value, {0, 2}) : rank == 2 ? c.b.Unsqueeze(value, {2}) : value;
  }
  return values;
}

// [.., c, h, w] with c divided: PyTorch's order is that of ONNX's CRD.
Outputs PixelShuffle(Call& c) {
  V x = c.tensor("self");
  const int64_t rank = c.rank("self");
  const bool shuffle = c.param() == "up";
  const int64_t r = c.Int(shuffle ? "upscale_factor" : "downscale_factor");
  std::vector<V> lead, sizes;
  for (int64_t i = 0; i < rank - 3; ++i) lead.push_back(c.b.SizeOf(x, i));
  if (rank != 4) {
    std::vector<V> four = {c.b.Int(-1)};
    for (int64_t i = rank - 3; i < rank; ++i) four.push_back(c.b.SizeOf(x, i));
    x = c.b.Reshape(x, c.b.Stack1D(four));
  }
  V y;
  if (shuffle) {
    y = c.b.Op("DepthToSpace", {x}, {{"blocksize", r}, {"mode", "CRD"}});
  } else {
    V n = c.b.SizeOf(x, 0), ch = c.b.SizeOf(x, 1), h = c.b.Div(c.b.SizeOf(x, 2), c.b.Int(r)), w = c.b.Div(c.b.SizeOf(x, 3), c.b.Int(r));
    V split = c.b.Reshape(x, c.b.Stack1D({n, ch, h, c.b.Int(r), w, c.b.Int(r)}));
    y = c.b.Reshape(c.b.Transpose(split, {0, 1, 3, 5, 2, 4}), c.b.Stack1D({n, c.b.Mul(ch, c.b.Int(r * r)), h, w}));
  }
  if (rank == 4) return y;
  for (int64_t i = 1; i < 4; ++i) lead.push_back(c.b.SizeOf(y, i));
  return c.b.Reshape(y, c.b.Stack1D(lead));
}
Outputs ChannelShuffle(Call& c) {
  V x = c.tensor("self");
  const int64_t rank = c.rank("self"), groups = c.Int("groups");
  std::vector<V> split = {c.b.SizeOf(x, 0), c.b.Int(groups), c.b.Div(c.b.SizeOf(x, 1), c.b.Int(groups))}, sizes;
  for (int64_t i = 0; i < rank; ++i) sizes.push_back(c.b.SizeOf(x, i));
  split.insert(split.end(), sizes.begin() + 2, sizes.end());
  return c.b.Reshape(c.b.SwapAxes(c.b.Reshape(x, c.b.Stack1D(split)), 1, 2), c.b.Stack1D(sizes));
}

Outputs Unfold(Call& c) {
  // Windows along an axis become a last axis.
  V x = c.tensor("self");
  const int64_t axis = c.Axis("dimension", c.rank("self")), size = c.Int("size"), step = c.Int("step");
  const int64_t rank = c.rank("self");
  if (rank == 0) return c.b.Reshape(x, {1});
  V count = c.b.Add(c.b.Div(c.b.Sub(c.b.SizeOf(x, axis), c.b.Int(size)), c.b.Int(step)), c.b.Int(1));
  V starts = c.b.Mul(Arange(c.b, count), c.b.Int(step));
  V indices = c.b.Add(c.b.Unsqueeze(starts, {1}), c.b.Unsqueeze(Arange(c.b, c.b.Int(size)), {0}));
  V windows = c.b.Gather(x, indices, axis);  // [..., count, size, ...]
  std::vector<int64_t> perm;
  for (int64_t i = 0; i <= rank; ++i)
    if (i != axis + 1) perm.push_back(i);
  perm.push_back(axis + 1);
  return c.b.Transpose(windows, perm);
}

Outputs Pad(Call& c) {
  V x = c.tensor("self");
  const int64_t rank = c.rank("self");
  const std::string_view name = c.is_none("pad") ? "padding" : "pad";
  std::string mode = c.param().empty() ? c.String("mode", "constant") : std::string(c.param());
  if (mode == "replicate") mode = "edge";
  if (mode == "circular") mode = "wrap";
  // PyTorch: pairs from the last axis on; ONNX: all begins, then all ends.
  const IValue::List& pairs = c.arg(name).list();
  const auto axes = static_cast<int64_t>(pairs.size() / 2);
  if (axes > rank) return c.Unsupported("more padded axes than the tensor has");
  if (mode == "wrap" && !c.IsStatic(name)) return c.Unsupported("circular padding by a symbolic size");
  if (mode == "wrap") {
    for (int64_t i = 0; i < axes; ++i) {
      const int64_t axis = rank - 1 - i, before = pairs[static_cast<size_t>(2 * i)].integer(), after = pairs[static_cast<size_t>(2 * i) + 1].integer();
      std::vector<V> parts;
      if (before > 0) parts.push_back(c.b.Slice(x, axis, -before, kEnd));
      parts.push_back(x);
      if (after > 0) parts.push_back(c.b.Slice(x, axis, 0, after));
      x = c.b.Concat(parts, axis);
    }
    return x;
  }
  std::vector<V> begins(static_cast<size_t>(rank), c.b.Int(0)), ends = begins;
  bool any = false;
  for (int64_t i = 0; i < axes; ++i) {
    const IValue &before = pairs[static_cast<size_t>(2 * i)], &after = pairs[static_cast<size_t>(2 * i) + 1];
    begins[static_cast<size_t>(rank - 1 - i)] = c.ToNumber(before);
    ends[static_cast<size_t>(rank - 1 - i)] = c.ToNumber(after);
    any |= !(before.is_int() && before.integer() == 0 && after.is_int() && after.integer() == 0);
  }
  if (!any) return x;
  begins.insert(begins.end(), ends.begin(), ends.end());
  V pads = c.b.Stack1D(begins);
  const bool flag = c.b.dtype(x) == DataType::kBool;
  if (flag) x = c.b.Cast(x, DataType::kInt32);
  V value = mode == "constant" && !c.is_none("value") ? c.NumberAs("value", c.b.dtype(x)) : nullptr;
  V y = mode == "constant" ? c.b.Op("Pad", {x, pads, value}) : c.b.Op("Pad", {x, pads}, {{"mode", mode}});
  return flag ? c.b.Cast(y, DataType::kBool) : y;
}

Outputs Tril(Call& c) {
  V x = c.tensor("self");
  V k = c.is_none("diagonal") || (c.arg("diagonal").is_int() && c.Int("diagonal") == 0) ? nullptr : c.Number("diagonal");
  // ONNX Runtime's Trilu knows few types: booleans go through integers.
  const DataType type = c.b.dtype(x);
  if (type == DataType::kBool) {
    V y = c.b.Op("Trilu", {c.b.Cast(x, DataType::kInt64), k}, {{"upper", c.param() == "upper" ? 1 : 0}});
    return c.b.Cast(y, type);
  }
  return c.b.Op("Trilu", {x, k}, {{"upper", c.param() == "upper" ? 1 : 0}});
}

Outputs AsStrided(Call& c) {
  V x = c.tensor("self");
  const std::vector<int64_t> sizes = c.Ints("size"), strides = c.Ints("stride");
  const int64_t offset = c.Int("storage_offset", 0);
  std::vector<int64_t> indices = {offset};
  for (size_t axis = 0; axis < sizes.size(); ++axis) {
    std::vector<int64_t> wider;
    if (indices.size() * static_cast<size_t>(std::max<int64_t>(1, sizes[axis])) > (size_t{1} << 24)) return c.Unsupported("a large as_strided");
    for (const int64_t base : indices)
      for (int64_t i = 0; i < sizes[axis]; ++i) wider.push_back(base + i * strides[axis]);
    indices = std::move(wider);
  }
  const auto count = static_cast<int64_t>(indices.size());
  V flat = c.b.Gather(c.b.Flatten(x), c.b.Constant(Tensor::From<int64_t>({count}, indices)), 0);
  return c.b.Reshape(flat, sizes);
}

Outputs Diagonal(Call& c) {
  // Gathered from the two axes laid out as one, last.
  V x = c.tensor("self");
  const int64_t rank = c.rank("self"), offset = c.Int("offset", 0);
  const int64_t a = c.Axis("dim1", rank, 0), d = c.Axis("dim2", rank, 1);
  std::vector<int64_t> perm;
  for (int64_t i = 0; i < rank; ++i)
    if (i != a && i != d) perm.push_back(i);
  perm.push_back(a);
  perm.push_back(d);
  V y = c.b.Transpose(x, perm);
  V rows = c.b.SizeOf(y, rank - 2), columns = c.b.SizeOf(y, rank - 1);
  V zero = c.b.Int(0);
  V count = c.b.Op("Max", {c.b.Op("Min", {offset >= 0 ? rows : c.b.Add(rows, c.b.Int(offset)), offset >= 0 ? c.b.Sub(columns, c.b.Int(offset)) : columns}), zero});
  V steps = c.b.Mul(Arange(c.b, count), c.b.Add(columns, c.b.Int(1)));
  V indices = c.b.Add(steps, offset >= 0 ? c.b.Int(offset) : c.b.Mul(c.b.Int(-offset), columns));
  std::vector<V> sizes;
  for (int64_t i = 0; i < rank - 2; ++i) sizes.push_back(c.b.SizeOf(y, i));
  sizes.push_back(c.b.Mul(rows, columns));
  return c.b.Gather(c.b.Reshape(y, c.b.Stack1D(sizes)), indices, rank - 2);
}

// A diagonal of zeros' matrix: x on it.
Outputs DiagEmbed(Call& c) {
  V x = c.tensor("self");
  const int64_t rank = c.rank("self"), offset = c.Int("offset", c.is_none("diagonal") ? 0 : c.Int("diagonal", 0));
  const int64_t a = NormalAxis(c.Int("dim1", -2), rank + 1), d = NormalAxis(c.Int("dim2", -1), rank + 1);
  V size = c.b.Add(c.b.SizeOf(x, rank - 1), c.b.Int(std::abs(offset)));
  V steps = Arange(c.b, size);
  V rows = c.b.Unsqueeze(steps, {1}), columns = c.b.Unsqueeze(steps, {0});
  V on = c.b.Op("Equal", {c.b.Sub(columns, rows), c.b.Int(offset)});
  // Element min(row, column) of the diagonal, where on it.
  V padded = c.b.Op("Pad", {x, c.b.Ints({0, std::abs(offset)}), nullptr, c.b.Ints({rank - 1})});
  V spread = c.b.Unsqueeze(padded, {offset >= 0 ? rank : rank - 1});  // the row counts above the diagonal, the column below
  V y = c.b.Where(on, spread, c.b.NumberLike(0, x));
  std::vector<int64_t> perm;
  int64_t next = 0;
  for (int64_t i = 0; i <= rank; ++i) perm.push_back(i == a ? rank - 1 : i == d ? rank : next++);
  return c.b.Transpose(y, perm);
}
Outputs Diag(Call& c) {
  const int64_t rank = c.rank("self"), k = c.Int("diagonal", 0);
  if (rank == 1) return Outputs(c.translator.Apply("aten.diag_embed.default", {c.arg("self"), IValue(k)})[0]);
  return Outputs(c.translator.Apply("aten.diagonal.default", {c.arg("self"), IValue(k)})[0]);
}
Outputs Trace(Call& c) {
  V diagonal = c.translator.Apply("aten.diagonal.default", {c.arg("self")})[0].tensor().value;
  V sum = c.b.Reduce("ReduceSum", IsInteger(c.b.dtype(diagonal)) ? c.b.Cast(diagonal, DataType::kInt64) : diagonal, {}, false);
  return sum;
}

Outputs BlockDiag(Call& c) {
  std::vector<V> rows = c.tensors("tensors");
  for (V& one : rows) {
    const size_t rank = c.b.rank(one);
    one = rank == 0 ? c.b.Reshape(one, {1, 1}) : rank == 1 ? c.b.Unsqueeze(one, {0}) : one;
  }
  std::vector<V> padded;
  V before = c.b.Int(0), total = c.b.Int(0);
  for (V one : rows) total = c.b.Add(total, c.b.SizeOf(one, 1));
  for (V one : rows) {
    V width = c.b.SizeOf(one, 1), after = c.b.Sub(c.b.Sub(total, before), width);
    padded.push_back(c.b.Op("Pad", {one, c.b.Stack1D({c.b.Int(0), before, c.b.Int(0), after})}));
    before = c.b.Add(before, width);
  }
  return c.b.Concat(padded, 0);
}

Outputs Meshgrid(Call& c) {
  std::vector<V> axes = c.tensors("tensors");
  const bool xy = c.String("indexing", "ij") == "xy";
  for (V& axis : axes) axis = c.b.Flatten(axis);
  if (xy && axes.size() >= 2) std::swap(axes[0], axes[1]);
  std::vector<V> sizes, grids;
  for (V axis : axes) sizes.push_back(c.b.SizeOf(axis, 0));
  for (size_t i = 0; i < axes.size(); ++i) {
    std::vector<int64_t> shape(axes.size(), 1);
    shape[i] = -1;
    V grid = c.b.Expand(c.b.Reshape(axes[i], shape), c.b.Stack1D(sizes));
    grids.push_back(xy && axes.size() >= 2 ? c.b.SwapAxes(grid, 0, 1) : grid);
  }
  if (xy && grids.size() >= 2) std::swap(grids[0], grids[1]);
  return IValue::MakeList(Outputs(grids).values);
}
Outputs CartesianProduct(Call& c) {
  IValue::List lists = c.arg("tensors").list();
  if (lists.size() == 1) return lists[0];
  const std::vector<IValue> grids = c.translator.Apply("aten.meshgrid.default", {c.arg("tensors")});
  std::vector<V> columns;
  for (const IValue& grid : grids) columns.push_back(c.b.Reshape(grid.tensor().value, {-1, 1}));
  return c.b.Concat(columns, 1);
}
Outputs Combinations(Call& c) {
  // Rows of indices, chosen now: their number must be known.
  V x = c.tensor("self");
  const std::optional<int64_t> n = c.b.static_dim(x, 0);
  const int64_t r = c.Int("r", 2);
  const bool again = c.Bool("with_replacement", false);
  if (!n) return c.Unsupported("combinations of a number of elements that is not known");
  std::vector<int64_t> rows, pick;
  const std::function<void(int64_t)> choose = [&](int64_t from) {
    if (static_cast<int64_t>(pick.size()) == r) {
      rows.insert(rows.end(), pick.begin(), pick.end());
      return;
    }
    for (int64_t i = from; i < *n && rows.size() < (size_t{1} << 20); ++i) {
      pick.push_back(i);
      choose(again ? i : i + 1);
      pick.pop_back();
    }
  };
  choose(0);
  const auto count = static_cast<int64_t>(rows.size()) / std::max<int64_t>(1, r);
  return c.b.Gather(x, c.b.Constant(Tensor::From<int64_t>({count, r}, rows)), 0);
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
    {"aten.cpu", Same},
    {"aten.cuda", Same},
    {"aten.view", View},
    {"aten.view_copy", View},
    {"aten.reshape", View},
    {"aten._unsafe_view", View},
    {"aten._reshape_alias", View},
    {"aten.view_as", ViewAs},
    {"aten.reshape_as", ViewAs},
    {"aten.flatten", Flatten},
    {"aten.unflatten", Unflatten},
    {"aten.ravel", Ravel},
    {"aten.permute", Permute},
    {"aten.permute_copy", Permute},
    {"aten.transpose", Transpose},
    {"aten.transpose_copy", Transpose},
    {"aten.swapaxes", Transpose},
    {"aten.swapdims", Transpose},
    {"aten.t", MatrixTranspose, ""},
    {"aten.t_copy", MatrixTranspose, ""},
    {"aten.mT", MatrixTranspose, ""},
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
    {"aten.cat", Concatenate},
    {"aten.concat", Concatenate},
    {"aten.concatenate", Concatenate},
    {"aten.stack", Stack},
    {"aten.hstack", StackAlong, "h"},
    {"aten.vstack", StackAlong, "v"},
    {"aten.row_stack", StackAlong, "v"},
    {"aten.dstack", StackAlong, "d"},
    {"aten.column_stack", StackAlong, "c"},
    {"aten.split.Tensor", Split},
    {"aten.split.sizes", Split},
    {"aten.unsafe_split", Split},
    {"aten.split_copy", Split},
    {"aten.split_with_sizes", Split},
    {"aten.split_with_sizes_copy", Split},
    {"aten.unsafe_split_with_sizes", Split},
    {"aten.chunk", Chunk},
    {"aten.unsafe_chunk", Chunk},
    {"aten.tensor_split", TensorSplit},
    {"aten.unbind", Unbind},
    {"aten.unbind_copy", Unbind},
    {"aten.flip", Flip, ""},
    {"aten.fliplr", Flip, "lr"},
    {"aten.flipud", Flip, "ud"},
    {"aten.roll", Roll},
    {"aten.rot90", Rot90},
    {"aten.atleast_1d", AtLeast, "1"},
    {"aten.atleast_2d", AtLeast, "2"},
    {"aten.atleast_3d", AtLeast, "3"},
    {"aten.pixel_shuffle", PixelShuffle, "up"},
    {"aten.pixel_unshuffle", PixelShuffle, "down"},
    {"aten.channel_shuffle", ChannelShuffle},
    {"aten.native_channel_shuffle", ChannelShuffle},
    {"aten.unfold", Unfold},
    {"aten.unfold_copy", Unfold},
    {"aten.pad", Pad, ""},
    {"aten.constant_pad_nd", Pad, "constant"},
    {"aten._pad_enum", Pad, "constant"},
    {"aten.reflection_pad1d", Pad, "reflect"},
    {"aten.reflection_pad2d", Pad, "reflect"},
    {"aten.reflection_pad3d", Pad, "reflect"},
    {"aten.replication_pad1d", Pad, "edge"},
    {"aten.replication_pad2d", Pad, "edge"},
    {"aten.replication_pad3d", Pad, "edge"},
    {"aten._pad_circular", Pad, "wrap"},
    {"aten.tril", Tril, "lower"},
    {"aten.triu", Tril, "upper"},
    {"aten.as_strided", AsStrided},
    {"aten.as_strided_copy", AsStrided},
    {"aten.diagonal", Diagonal},
    {"aten.diagonal_copy", Diagonal},
    {"aten.linalg_diagonal", Diagonal},
    {"aten.diag_embed", DiagEmbed},
    {"aten.diag", Diag},
    {"aten.trace", Trace},
    {"aten.block_diag", BlockDiag},
    {"aten.meshgrid", Meshgrid},
    {"aten.cartesian_prod", CartesianProduct},
    {"aten.combinations", Combinations},
};

}  // namespace

std::span<const RuleRow> Shapes() { return kRows; }

}  // namespace sardonyx::pytorch::rules
