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

// Rows that are looked up and longer than `max_norm` are scaled down to it.
Outputs EmbeddingRenorm(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.tensor("self"), index = b.Reshape(Index64(c, c.tensor("indices")), {-1, 1});
  V none = Full(b, b.Unsqueeze(b.SizeOf(x, 0), {0}), b.Scalar<int32_t>(0));
  V looked_up = ToBool(b, b.Op("ScatterND", {none, index, FullLike(b, b.Squeeze(index, {1}), b.Scalar<int32_t>(1))}));
  V norm = VectorNorm(c, x, c.Double("norm_type"), {1}, true), limit = c.NumberAs("max_norm", b.dtype(x));
  V longer = b.Op("And", {b.Unsqueeze(looked_up, {1}), b.Op("Greater", {norm, limit})});
  return b.Where(longer, b.Mul(x, b.Div(limit, b.Add(norm, b.NumberLike(1e-7, x)))), x);
}

Outputs Gather(Call& c) {
  V x = c.tensor("self");
  V index = Index64(c, c.tensor("index"));
  const int64_t rank = c.rank("self");
  if (rank == 0) return c.b.known_rank(index) == size_t{0} ? x : c.b.Expand(x, c.b.ShapeOf(index));
  if (rank == 1 && c.b.rank(index) == 0) return c.b.Gather(x, index, 0);
  // Without indices nothing is gathered, whatever the rank.
  if (c.b.rank(index) != static_cast<size_t>(rank)) return FullLike(c.b, index, c.b.NumberLike(0, x));
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

V AtIndices(Call& c, V x) {
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
Outputs Index(Call& c) {
  // Pairs of a complex tensor are a last axis that no index is for.
  if (c.is_complex("self")) return TensorValue{AtIndices(c, c.complex_tensor("self").value), true, {}, {}};
  return AtIndices(c, c.tensor("self"));
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
  // Booleans add up to whether there is any.
  const bool flag = accumulate && c.b.dtype(x) == DataType::kBool;
  if (flag) {
    moved = c.b.Cast(moved, DataType::kInt32);
    updates = c.b.Cast(updates, DataType::kInt32);
  }
  V y = accumulate ? c.b.Op("ScatterND", {moved, rows, updates}, {{"reduction", "add"}}) : c.b.Op("ScatterND", {moved, rows, updates});
  std::vector<int64_t> back(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) back[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
  return c.b.Transpose(flag ? ToBool(c.b, y) : y, back);
}

Outputs MaskedScatter(Call& c) {
  // The k-th true of the mask takes element k of the source.
  V x = c.tensor("self"), mask = ToBool(c.b, c.tensor("mask"));
  V shape = c.b.ShapeOf(c.b.Op("Or", {mask, FullLike(c.b, x, c.b.Scalar<bool>(false))}));
  x = c.b.Expand(x, shape);
  mask = c.b.Expand(mask, shape);
  V source = c.b.Flatten(c.b.Cast(c.tensor("source"), c.b.dtype(x)));
  V flat = c.b.Cast(c.b.Flatten(mask), DataType::kInt64);
  V order = c.b.Sub(c.b.Op("CumSum", {flat, c.b.Int(0)}), c.b.Int(1));
  V taken = c.b.Gather(source, c.b.Op("Max", {order, c.b.Int(0)}), 0);
  return c.b.Where(mask, c.b.Reshape(taken, c.b.ShapeOf(x)), x);
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
  V member = c.b.Op(
      "And", {c.b.Op("GreaterOrEqual", {position, c.b.Unsqueeze(begins, {1})}), c.b.Op("Less", {position, c.b.Unsqueeze(ends, {1})})});
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

// self[indices] where the mask is true; elsewhere the indices may lead anywhere, and `fill` stands.
Outputs MaskedIndex(Call& c) {
  V x = c.tensor("self");
  IValue::List indices = c.arg("indices").list();
  for (size_t i = 0; i < indices.size(); ++i) {
    if (!indices[i].is_tensor() || c.b.dtype(indices[i].tensor().value) == DataType::kBool) continue;
    V last = c.b.Sub(c.b.SizeOf(x, static_cast<int64_t>(i)), c.b.Int(1));
    V inside = c.b.Op("Min", {c.b.Op("Max", {Index64(c, c.ToTensor(indices[i])), c.b.Int(0)}), last});
    indices[i] = IValue(TensorValue{inside, false, {}, {}});
  }
  V taken = Apply(c, "aten.index.Tensor", {c.arg("self"), IValue::MakeList(std::move(indices))});
  return c.b.Where(c.tensor("mask"), taken, c.NumberAs("fill", c.b.dtype(x)));
}
// What the mask leaves out is added as zeros.
Outputs MaskedIndexAdd(Call& c) {
  V x = c.tensor("self"), mask = c.tensor("mask");
  IValue::List indices = c.arg("indices").list();
  for (IValue& index : indices)
    if (index.is_tensor()) index = AsArgument(c.b.Where(mask, Index64(c, c.ToTensor(index)), c.b.Int(0)));
  V values = c.b.Where(mask, c.b.Cast(c.tensor("values"), c.b.dtype(x)), c.b.NumberLike(0, x));
  return Apply(c, "aten.index_put.default", {c.arg("self"), IValue::MakeList(std::move(indices)), AsArgument(values), IValue(true)});
}

constexpr RuleRow kRows[] = {
    {"aten.index_select", IndexSelect},
    {"aten.embedding", Embedding},
    {"aten.embedding_renorm", EmbeddingRenorm},
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
    {"aten.index.Tensor_hacked_twin", Index},
    {"aten._unsafe_masked_index", MaskedIndex},
    {"aten._unsafe_masked_index_put_accumulate", MaskedIndexAdd},
    {"aten.index_put", IndexPut},
    {"aten._unsafe_index_put", IndexPut},
    {"aten._index_put_impl", IndexPut},
    {"aten.masked_scatter", MaskedScatter},
    {"aten.embedding_bag", EmbeddingBag},
    {"aten._embedding_bag", EmbeddingBag},
    {"aten._embedding_bag_forward_only", EmbeddingBag},
};

}  // namespace

std::span<const RuleRow> Indexing() { return kRows; }

}  // namespace sardonyx::pytorch::rules
