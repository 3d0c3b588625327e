// Reading and writing at indices.
#include <algorithm>
#include <limits>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {

V GatherAlong(Call& c, V x, int64_t axis, V indices) {
  return c.b.Op("GatherElements", {x, c.b.Cast(indices, DataType::kInt64)}, {{"axis", axis}});
}

namespace {

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();

V Index64(Call& c, V indices) { return c.b.Cast(indices, DataType::kInt64); }

Outputs IndexSelect(Call& c) {
  V x = c.tensor("self");
  V index = Index64(c, c.tensor("index"));
  if (c.rank("self") == 0) return x;
  if (c.b.known_rank(index) == size_t{0}) index = c.b.Unsqueeze(index, {0});
  return c.b.Gather(x, index, c.Axis("dim", c.rank("self")));
}

Outputs Embedding(Call& c) { return c.b.Gather(c.tensor("weight"), Index64(c, c.tensor("indices")), 0); }

Outputs Gather(Call& c) {
  V x = c.tensor("self");
  V index = Index64(c, c.tensor("index"));
  const int64_t rank = c.rank("self");
  if (rank == 0) return c.b.known_rank(index) == size_t{0} ? x : c.b.Expand(x, c.b.ShapeOf(index));
  return GatherAlong(c, x, c.Axis("dim", rank), index);
}

Outputs TakeAlongDim(Call& c) {
  V x = c.tensor("self");
  V index = Index64(c, c.tensor("indices"));
  if (c.is_none("dim")) return GatherAlong(c, c.b.Flatten(x), 0, c.b.Flatten(index));
  // Everything but the axis broadcasts.
  const int64_t rank = c.rank("self"), axis = c.Axis("dim", rank);
  std::vector<V> of_index, of_x;
  for (int64_t i = 0; i < rank; ++i) {
    V xs = c.b.SizeOf(x, i), is = c.b.SizeOf(index, i);
    V both = c.b.dim(x, i) == c.b.dim(index, i) ? xs : c.b.Op("Max", {xs, is});
    of_x.push_back(i == axis ? xs : both);
    of_index.push_back(i == axis ? is : both);
  }
  return GatherAlong(c, c.b.Expand(x, c.b.Stack1D(of_x)), axis, c.b.Expand(index, c.b.Stack1D(of_index)));
}

Outputs Take(Call& c) {
  V index = Index64(c, c.tensor("index"));
  return c.b.Gather(c.b.Flatten(c.tensor("self")), index, 0);
}

// Indices of the elements that are not 0, as rows: [count, rank].
V NonZeroRows(Call& c, V mask) {
  V flags = c.b.dtype(mask) == DataType::kBool ? mask : ToBool(c.b, mask);
  return c.b.Transpose(c.b.Op("NonZero", {flags}), {1, 0});
}
Outputs NonZero(Call& c) { return NonZeroRows(c, c.tensor("self")); }
Outputs NonZeroStatic(Call& c) {
  // `size` rows: what lacks is filled, what is more is left out.
  V rows = NonZeroRows(c, c.tensor("self"));
  const int64_t size = c.Int("size");
  V padded = c.b.Op("Pad", {rows, c.b.Ints({0, 0, size, 0}), c.b.Int(c.Int("fill_value", -1))});
  return c.b.Slice(padded, 0, 0, size);
}
Outputs NonZeroTuple(Call& c) {
  V mask = c.tensor(c.is_none("self") ? "condition" : "self");
  V columns = c.b.Op("NonZero", {ToBool(c.b, mask)});
  std::vector<V> list;
  for (size_t i = 0; i < c.b.rank(mask); ++i) list.push_back(c.b.Gather(columns, c.b.Int(static_cast<int64_t>(i)), 0));
  return IValue::MakeList(Outputs(list).values);
}

Outputs MaskedSelect(Call& c) {
  V x = c.tensor("self");
  V mask = ToBool(c.b, c.tensor("mask"));
  V shape = c.b.ShapeOf(c.b.Op("Or", {mask, FullLike(c.b, x, c.b.Scalar<bool>(false))}));
  return c.b.Op("Compress", {c.b.Flatten(c.b.Expand(x, shape)), c.b.Flatten(c.b.Expand(mask, shape))});
}

// The indices of x[i, :, j, ...]: a mask stands for as many axes as it has.
struct Indexed {
  std::vector<V> indices;  // one an axis of x, or null where the whole axis is taken
  size_t first = 0, count = 0;
  bool adjacent = true;
};
Indexed ReadIndices(Call& c, V x) {
  Indexed read;
  const IValue& list = c.arg("indices");
  const std::vector<IValue> given = list.is_list() ? list.list() : std::vector<IValue>{list};
  for (const IValue& item : given) {
    if (item.is_none()) {
      read.indices.push_back(nullptr);
      continue;
    }
    V index = c.ToTensor(item);
    const DataType type = c.b.dtype(index);
    if (type == DataType::kBool || type == DataType::kUint8) {
      V columns = c.b.Op("NonZero", {ToBool(c.b, index)});
      for (size_t i = 0; i < c.b.rank(index); ++i) read.indices.push_back(c.b.Gather(columns, c.b.Int(static_cast<int64_t>(i)), 0));
    } else {
      read.indices.push_back(Index64(c, index));
    }
  }
  while (read.indices.size() < c.b.rank(x)) read.indices.push_back(nullptr);
  std::vector<size_t> at;
  for (size_t i = 0; i < read.indices.size(); ++i)
    if (read.indices[i] != nullptr) at.push_back(i);
  read.count = at.size();
  read.first = at.empty() ? 0 : at[0];
  read.adjacent = at.empty() || at.back() - at[0] + 1 == at.size();
  return read;
}

// The indexed axes first.
std::vector<int64_t> IndexedFirst(const Indexed& read) {
  std::vector<int64_t> perm;
  for (size_t i = 0; i < read.indices.size(); ++i)
    if (read.indices[i] != nullptr) perm.push_back(static_cast<int64_t>(i));
  for (size_t i = 0; i < read.indices.size(); ++i)
    if (read.indices[i] == nullptr) perm.push_back(static_cast<int64_t>(i));
  return perm;
}

// The indices broadcast together, as rows: [..., count].
V IndexRows(Call& c, const Indexed& read, size_t* rank) {
  std::vector<V> columns;
  V sum = nullptr;
  for (V index : read.indices) {
    if (index == nullptr) continue;
    columns.push_back(index);
    sum = sum == nullptr ? index : c.b.Add(sum, index);
  }
  *rank = c.b.rank(sum);
  const bool same = std::all_of(columns.begin(), columns.end(), [&](V column) {
    const ir::Shape *a = c.b.shape(column), *d = c.b.shape(sum);
    return a && d && a->rank() == d->rank() && std::equal(a->dims().begin(), a->dims().end(), d->dims().begin());
  });
  for (V& column : columns) {
    if (!same) column = c.b.Expand(column, c.b.ShapeOf(sum));
    column = c.b.Unsqueeze(column, {-1});
  }
  return c.b.Concat(columns, -1);
}

Outputs Index(Call& c) {
  V x = c.tensor("self");
  // One mask of x's whole shape.
  const IValue& list = c.arg("indices");
  if (list.is_list() && list.list().size() == 1 && list.list()[0].is_tensor()) {
    V mask = c.ToTensor(list.list()[0]);
    if (c.b.dtype(mask) == DataType::kBool && c.b.known_rank(mask) == size_t{1}) return c.b.Op("Compress", {x, mask}, {{"axis", 0}});
  }
  const Indexed read = ReadIndices(c, x);
  if (read.count == 0) return x;
  if (read.count == 1) return c.b.Gather(x, read.indices[read.first], static_cast<int64_t>(read.first));
  size_t index_rank = 0;
  V rows = IndexRows(c, read, &index_rank);
  V y = c.b.Op("GatherND", {c.b.Transpose(x, IndexedFirst(read)), rows});
  if (!read.adjacent || read.first == 0) return y;
  // Adjacent indices stay where they were: behind the first axes.
  const auto rank = static_cast<int64_t>(c.b.rank(y)), moved = static_cast<int64_t>(index_rank), first = static_cast<int64_t>(read.first);
  std::vector<int64_t> perm;
  for (int64_t i = 0; i < first; ++i) perm.push_back(moved + i);
  for (int64_t i = 0; i < moved; ++i) perm.push_back(i);
  for (int64_t i = moved + first; i < rank; ++i) perm.push_back(i);
  return c.b.Transpose(y, perm);
}

Outputs IndexPut(Call& c) {
  V x = c.tensor("self");
  V values = c.b.Cast(c.tensor("values"), c.b.dtype(x));
  const bool accumulate = c.Bool("accumulate", false);
  const IValue& list = c.arg("indices");
  // A mask with one value: a selection.
  if (!accumulate && list.is_list() && list.list().size() == 1 && list.list()[0].is_tensor() && c.b.known_rank(values) == size_t{0}) {
    V mask = c.ToTensor(list.list()[0]);
    if (c.b.dtype(mask) == DataType::kBool) {
      for (size_t i = c.b.rank(mask); i < c.b.rank(x); ++i) mask = c.b.Unsqueeze(mask, {-1});
      return c.b.Where(mask, values, x);
    }
  }
  const Indexed read = ReadIndices(c, x);
  if (read.count == 0) return c.b.Expand(values, c.b.ShapeOf(x));
  size_t index_rank = 0;
  V rows = IndexRows(c, read, &index_rank);
  const std::vector<int64_t> perm = IndexedFirst(read);
  V moved = c.b.Transpose(x, perm);
  // The values' shape as x[...] gives it, its index axes brought to the front.
  std::vector<V> sizes;
  const int64_t front = static_cast<int64_t>(index_rank), rest = static_cast<int64_t>(c.b.rank(x) - read.count);
  const int64_t before = read.adjacent ? static_cast<int64_t>(read.first) : 0;
  for (int64_t i = 0; i < before; ++i) sizes.push_back(c.b.SizeOf(x, i));
  for (int64_t i = 0; i < front; ++i) sizes.push_back(c.b.SizeOf(rows, i));
  for (int64_t i = before; i < rest; ++i) sizes.push_back(c.b.SizeOf(moved, static_cast<int64_t>(read.count) + i));
  V updates = c.b.Expand(values, c.b.Stack1D(sizes));
  if (before > 0) {
    std::vector<int64_t> to_front;
    for (int64_t i = 0; i < front; ++i) to_front.push_back(before + i);
    for (int64_t i = 0; i < before; ++i) to_front.push_back(i);
    for (int64_t i = before + front; i < front + rest; ++i) to_front.push_back(i);
    updates = c.b.Transpose(updates, to_front);
  }
  const bool flag = c.b.dtype(x) == DataType::kBool;
  if (accumulate && flag) return c.Unsupported("accumulation of booleans");
  V y = accumulate ? c.b.Op("ScatterND", {moved, rows, updates}, {{"reduction", "add"}}) : c.b.Op("ScatterND", {moved, rows, updates});
  std::vector<int64_t> back(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) back[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
  return c.b.Transpose(y, back);
}

Outputs MaskedScatter(Call& c) {
  // The k-th true of the mask takes element k of the source.
  V x = c.tensor("self");
  V mask = c.b.Expand(ToBool(c.b, c.tensor("mask")), c.b.ShapeOf(x));
  V source = c.b.Flatten(c.b.Cast(c.tensor("source"), c.b.dtype(x)));
  V flat = c.b.Cast(c.b.Flatten(mask), DataType::kInt64);
  V order = c.b.Sub(c.b.Op("CumSum", {flat, c.b.Int(0)}), c.b.Int(1));
  V taken = c.b.Gather(source, c.b.Op("Max", {order, c.b.Int(0)}), 0);
  return c.b.Where(mask, c.b.Reshape(taken, c.b.ShapeOf(x)), x);
}

// Elements: x[index] (along an axis) combined with the source's.
V ScatterElements(Call& c, V x, int64_t axis, V index, V source, const std::string& reduction) {
  const int64_t rank = static_cast<int64_t>(c.b.rank(x));
  if (rank == 0) {
    x = c.b.Unsqueeze(x, {0});
    index = c.b.Reshape(index, {-1});
    source = c.b.Reshape(source, {-1});
  }
  V y = reduction == "none" ? c.b.Op("ScatterElements", {x, index, source}, {{"axis", axis}})
                            : c.b.Op("ScatterElements", {x, index, source}, {{"axis", axis}, {"reduction", reduction}});
  return rank == 0 ? c.b.Squeeze(y, {0}) : y;
}

// The part of a source that an index covers: they may differ in size.
V Covered(Call& c, V source, V index) {
  for (size_t i = 0; i < c.b.rank(index) && c.b.known_rank(source) == c.b.known_rank(index); ++i) {
    const auto axis = static_cast<int64_t>(i);
    if (c.b.dim(source, axis) == c.b.dim(index, axis)) continue;
    source = c.b.Slice(source, axis, c.b.Int(0), c.b.SizeOf(index, axis));
  }
  return source;
}

Outputs Scatter(Call& c) {
  V x = c.tensor("self");
  V index = Index64(c, c.tensor("index"));
  V source = nullptr;
  if (!c.is_none("src"))
    source = Covered(c, c.b.Cast(c.tensor("src"), c.b.dtype(x)), index);
  else
    source = FullLike(c.b, index, c.arg("value").is_tensor() ? c.b.Cast(c.tensor("value"), c.b.dtype(x)) : c.NumberAs("value", c.b.dtype(x)));
  std::string reduction(c.param());
  if (c.arg("reduce").is_string()) reduction = c.String("reduce") == "multiply" ? "mul" : c.String("reduce");
  return ScatterElements(c, x, c.Axis("dim", c.rank("self")), index, source, reduction);
}

Outputs ScatterReduce(Call& c) {
  V x = c.tensor("self");
  const int64_t axis = c.Axis("dim", c.rank("self"));
  V index = Index64(c, c.tensor("index"));
  V source = Covered(c, c.b.Cast(c.tensor("src"), c.b.dtype(x)), index);
  const std::string reduce = c.String("reduce");
  const bool include = c.Bool("include_self", true);
  const std::string op = reduce == "sum" || reduce == "mean" ? "add" : reduce == "prod" ? "mul" : reduce == "amax" ? "max" : "min";
  if (!include) {
    // What is written to begins at the operation's neutral element.
    const DataType type = c.b.dtype(x);
    const bool floating = IsFloatingPoint(type);
    const double large = floating ? std::numeric_limits<double>::infinity() : 9.3e18;
    const double neutral = op == "add" ? 0 : op == "mul" ? 1 : op == "max" ? -large : large;
    x = ScatterElements(c, x, axis, index, FullLike(c.b, source, c.b.Number(neutral, type)), "none");
  }
  V y = ScatterElements(c, x, axis, index, source, op);
  if (reduce != "mean") return y;
  V ones = FullLike(c.b, source, c.b.NumberLike(1, x));
  V count = ScatterElements(c, FullLike(c.b, x, c.b.NumberLike(include ? 1 : 0, x)), axis, index, ones, "add");
  count = c.b.Op("Max", {count, c.b.NumberLike(1, count)});
  return IsFloatingPoint(c.b.dtype(y)) ? c.b.Div(y, count) : FloorDivide(c.b, y, count);
}

// Whole slices along an axis: index [n], source with n there.
V ScatterSlices(Call& c, V x, int64_t axis, V index, V source, const std::string& reduction) {
  V moved = c.b.SwapAxes(x, 0, axis), updates = c.b.SwapAxes(source, 0, axis);
  V rows = c.b.Unsqueeze(index, {-1});
  V y = reduction == "none" ? c.b.Op("ScatterND", {moved, rows, updates}) : c.b.Op("ScatterND", {moved, rows, updates}, {{"reduction", reduction}});
  return c.b.SwapAxes(y, 0, axis);
}
Outputs IndexAdd(Call& c) {
  V x = c.tensor("self");
  V index = Index64(c, c.b.Flatten(c.tensor("index")));
  V source = c.b.Cast(c.tensor("source"), c.b.dtype(x));
  const IValue& alpha = c.arg("alpha");
  const bool one = alpha.is_none() || (alpha.is_int() && alpha.integer() == 1) || (alpha.is_double() && alpha.number() == 1);
  if (!one) source = c.b.Mul(source, c.NumberAs(alpha, c.b.dtype(x)));
  return ScatterSlices(c, x, c.Axis("dim", c.rank("self")), index, source, std::string(c.param()));
}
Outputs IndexFill(Call& c) {
  V x = c.tensor("self");
  const int64_t axis = c.Axis("dim", c.rank("self"));
  V index = Index64(c, c.b.Flatten(c.tensor("index")));
  V value = c.arg("value").is_tensor() ? c.b.Cast(c.tensor("value"), c.b.dtype(x)) : c.NumberAs("value", c.b.dtype(x));
  V size = c.b.SizeOf(x, axis);
  // Which positions along the axis are named.
  V wanted = c.b.Where(c.b.Op("Less", {index, c.b.Int(0)}), c.b.Add(index, size), index);
  V hit = AnyOf(c.b, c.b.Op("Equal", {c.b.Unsqueeze(Arange(c.b, size), {1}), c.b.Unsqueeze(wanted, {0})}), {1}, false);
  std::vector<int64_t> shape(static_cast<size_t>(c.rank("self")), 1);
  shape[static_cast<size_t>(axis)] = -1;
  return c.b.Where(c.b.Reshape(hit, shape), value, x);
}

// x with its slice [start, end) by step replaced.
V SliceScatter(Call& c, V x, V source, int64_t axis, V start, V end, int64_t step) {
  source = c.b.Cast(source, c.b.dtype(x));
  V size = c.b.SizeOf(x, axis);
  // The positions that the slice has, from a slice of all positions.
  V positions = c.b.Slice(Arange(c.b, size), 0, start, end, step);
  const std::optional<std::vector<int64_t>> known = c.b.constant_ints(positions);
  const std::optional<int64_t> total = c.b.static_dim(x, axis);
  if (known && total && static_cast<int64_t>(known->size()) == *total && step == 1) {
    const ir::Shape *a = c.b.shape(source), *d = c.b.shape(x);
    if (a && d && a->rank() == d->rank()) return source;
  }
  V updates = c.b.SwapAxes(source, 0, axis), moved = c.b.SwapAxes(x, 0, axis);
  return c.b.SwapAxes(c.b.Op("ScatterND", {moved, c.b.Unsqueeze(positions, {1}), updates}), 0, axis);
}
V Vector(Call& c, const IValue& value, int64_t fallback) { return value.is_none() ? c.b.Ints({fallback}) : c.b.Unsqueeze(c.ToNumber(value), {0}); }
Outputs SliceScatterOf(Call& c) {
  return SliceScatter(c, c.tensor("self"), c.tensor("src"), c.Axis("dim", c.rank("self"), 0), Vector(c, c.arg("start"), 0), Vector(c, c.arg("end"), kEnd),
                      c.Int("step", 1));
}
// internal.narrow_scatter(self, source, dim, start, length)
Outputs NarrowScatter(Call& c) {
  V x = c.ToTensor(c.arg(size_t{0})), start = c.b.Unsqueeze(c.ToNumber(c.arg(size_t{3})), {0});
  const int64_t axis = NormalAxis(c.arg(size_t{2}).is_int() ? c.arg(size_t{2}).integer() : 0, static_cast<int64_t>(c.b.rank(x)));
  return SliceScatter(c, x, c.ToTensor(c.arg(size_t{1})), axis, start, c.b.Add(start, c.b.Unsqueeze(c.ToNumber(c.arg(size_t{4})), {0})), 1);
}
Outputs SelectScatter(Call& c) {
  V x = c.tensor("self");
  const int64_t axis = c.Axis("dim", c.rank("self"));
  V index = c.b.Unsqueeze(c.Number("index"), {0});
  V source = c.b.Unsqueeze(c.b.Cast(c.tensor("src"), c.b.dtype(x)), {axis});
  return ScatterSlices(c, x, axis, index, source, "none");
}
Outputs DiagonalScatter(Call& c) {
  // The source as a diagonal of a matrix, where that diagonal is.
  V x = c.tensor("self");
  const int64_t rank = c.rank("self"), offset = c.Int("offset", 0);
  const int64_t a = c.Axis("dim1", rank, 0), d = c.Axis("dim2", rank, 1);
  std::vector<int64_t> perm;
  for (int64_t i = 0; i < rank; ++i)
    if (i != a && i != d) perm.push_back(i);
  perm.push_back(a);
  perm.push_back(d);
  V y = c.b.Transpose(x, perm);
  V rows = c.b.Unsqueeze(Arange(c.b, c.b.SizeOf(y, rank - 2)), {1}), columns = c.b.Unsqueeze(Arange(c.b, c.b.SizeOf(y, rank - 1)), {0});
  V on = c.b.Op("Equal", {c.b.Sub(columns, rows), c.b.Int(offset)});
  // Element k lies in row k (column k + offset), or column k where the offset is negative.
  V source = c.b.Cast(c.tensor("src"), c.b.dtype(x));
  const int64_t last = rank - 2;
  V length = c.b.SizeOf(source, last), wanted = c.b.SizeOf(y, offset >= 0 ? rank - 2 : rank - 1);
  std::vector<V> pads(static_cast<size_t>(2 * (rank - 1)), c.b.Int(0));
  pads.back() = c.b.Sub(wanted, length);
  V padded = c.b.Op("Pad", {source, c.b.Stack1D(pads)});
  V spread = c.b.Unsqueeze(padded, {offset >= 0 ? rank - 1 : rank - 2});
  std::vector<int64_t> back(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) back[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
  return c.b.Transpose(c.b.Where(on, spread, y), back);
}

Outputs Copy(Call& c) {
  V x = c.tensor("self");
  return c.b.Expand(c.b.Cast(c.tensor("src"), c.b.dtype(x)), c.b.ShapeOf(x));
}

// Sums, means or maxima of embeddings, a bag a row or from an offset to the next.
Outputs EmbeddingBag(Call& c) {
  V weight = c.tensor("weight");
  V indices = Index64(c, c.tensor("indices")), offsets = c.is_none("offsets") ? nullptr : Index64(c, c.tensor("offsets"));
  const int64_t mode = c.Int("mode", 0);
  const bool last = c.Bool("include_last_offset", false);
  const int64_t padding = c.is_none("padding_idx") ? -1 : c.Int("padding_idx");
  V rows = c.b.Gather(weight, indices, 0);  // [n, d]
  V count = c.b.SizeOf(indices, 0);
  V bags = c.b.SizeOf(offsets, 0);
  V begins = offsets, ends = nullptr;
  if (last) {
    begins = c.b.Slice(offsets, 0, 0, -1);
    ends = c.b.Slice(offsets, 0, 1, kEnd);
    bags = c.b.SizeOf(begins, 0);
  } else {
    ends = c.b.Concat({c.b.Slice(offsets, 0, 1, kEnd), c.b.Unsqueeze(count, {0})}, 0);
  }
  // member[bag, i]: index i belongs to the bag.
  V position = c.b.Unsqueeze(Arange(c.b, count), {0});
  V member = c.b.Op("And", {c.b.Op("GreaterOrEqual", {position, c.b.Unsqueeze(begins, {1})}), c.b.Op("Less", {position, c.b.Unsqueeze(ends, {1})})});
  if (padding >= 0) member = c.b.Op("And", {member, Not(c.b, c.b.Op("Equal", {c.b.Unsqueeze(indices, {0}), c.b.Int(padding)}))});
  const DataType type = c.b.dtype(weight);
  V out = nullptr;
  V weights = c.b.Cast(member, type);
  V size = c.b.Reduce("ReduceSum", weights, {1}, true);
  if (mode == 2) {
    V wide = c.b.Where(c.b.Unsqueeze(member, {2}), c.b.Unsqueeze(rows, {0}), c.b.Number(-std::numeric_limits<double>::infinity(), type));
    V largest = c.b.Op("ReduceMax", {wide, c.b.Ints({1})}, {{"keepdims", 0}});
    out = c.b.Where(c.b.Op("Greater", {size, c.b.NumberLike(0, size)}), largest, c.b.NumberLike(0, largest));
  } else {
    if (!c.is_none("per_sample_weights")) rows = c.b.Mul(rows, c.b.Unsqueeze(c.tensor("per_sample_weights"), {1}));
    out = c.b.Op("MatMul", {weights, rows});
    if (mode == 1) out = c.b.Div(out, c.b.Op("Max", {size, c.b.NumberLike(1, size)}));
  }
  V sizes = c.b.Cast(c.b.Squeeze(size, {1}), DataType::kInt64);
  return Outputs{out, indices, sizes, offsets};
}

constexpr RuleRow kRows[] = {
    {"aten.index_select", IndexSelect},
    {"aten.embedding", Embedding},
    {"aten.gather", Gather},
    {"aten.take_along_dim", TakeAlongDim},
    {"aten.take", Take},
    {"aten.nonzero", NonZero},
    {"aten.argwhere", NonZero},
    {"aten.nonzero_static", NonZeroStatic},
    {"aten.nonzero_numpy", NonZeroTuple},
    {"aten.masked_select", MaskedSelect},
    {"aten.index.Tensor", Index},
    {"aten._unsafe_index", Index},
    {"aten.index_put", IndexPut},
    {"aten._unsafe_index_put", IndexPut},
    {"aten._index_put_impl", IndexPut},
    {"aten.masked_scatter", MaskedScatter},
    {"aten.scatter", Scatter, "none"},
    {"aten.scatter_add", Scatter, "add"},
    {"aten.scatter_reduce", ScatterReduce},
    {"aten.index_add", IndexAdd, "add"},
    {"aten.index_copy", IndexAdd, "none"},
    {"aten.index_fill", IndexFill},
    {"aten.slice_scatter", SliceScatterOf},
    {"aten.select_scatter", SelectScatter},
    {"aten.diagonal_scatter", DiagonalScatter},
    {"internal.narrow_scatter", NarrowScatter},
    {"aten.copy", Copy},
    {"aten.embedding_bag", EmbeddingBag},
    {"aten._embedding_bag", EmbeddingBag},
    {"aten._embedding_bag_forward_only", EmbeddingBag},
};

}  // namespace

std::span<const RuleRow> Indexing() { return kRows; }

}  // namespace sardonyx::pytorch::rules
