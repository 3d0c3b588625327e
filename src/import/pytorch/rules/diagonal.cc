// Diagonals, grids and combinations.
#include <algorithm>
#include <functional>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

// Where in memory the elements of a strided view lie: offset + the sum of index times stride, of the view's shape.
V StridedIndices(Call& c, const IValue& offset) {
  ops::GraphBuilder& b = c.b;
  const IValue::List &sizes = c.arg("size").list(), &strides = c.arg("stride").list();
  V index = offset.is_none() ? b.Int(0) : c.ToNumber(offset);
  for (size_t axis = 0; axis < sizes.size() && axis < strides.size(); ++axis) {
    std::vector<int64_t> along(sizes.size(), 1);
    along[axis] = -1;
    index = b.Add(index, b.Reshape(b.Mul(Arange(b, c.ToNumber(sizes[axis])), c.ToNumber(strides[axis])), along));
  }
  return index;
}
// Strides are those of memory, which the value of a transposed or cut tensor does not show.
bool ShowsMemory(Call& c, std::string_view name) {
  const IValue& given = c.arg(name);
  if (!given.is_tensor() || given.tensor().cell == nullptr || InOrder(*given.tensor().cell, c.is_none("storage_offset"))) return true;
  c.Unsupported("as_strided of a view: make a tensor of its own first, by contiguous() or clone()");
  return false;
}
Outputs AsStrided(Call& c) {
  const std::string_view self = c.is_none("self") ? "a" : "self";
  if (!ShowsMemory(c, self)) return c.b.Int(0);
  return c.b.Gather(c.b.Flatten(c.tensor(self)), StridedIndices(c, c.arg("storage_offset")), 0);
}
Outputs AsStridedScatter(Call& c) {
  V x = c.tensor("self");
  V rows = c.b.Reshape(StridedIndices(c, c.arg("storage_offset")), {-1, 1});
  V y = c.b.Op("ScatterND", {c.b.Flatten(x), rows, c.b.Flatten(c.b.Cast(c.tensor("src"), c.b.dtype(x)))});
  return c.b.Reshape(y, c.b.ShapeOf(x));
}

Outputs Diagonal(Call& c) {
  // Gathered from the two axes laid out as one, last.
  V x = c.tensor(c.is_none("self") ? "A" : "self");
  const int64_t rank = static_cast<int64_t>(c.b.rank(x)), offset = c.Int("offset", 0);
  const int64_t a = c.Axis("dim1", rank, 0), d = c.Axis("dim2", rank, 1);
  V y = c.b.Transpose(x, AxesLast(rank, a, d));
  V rows = c.b.SizeOf(y, rank - 2), columns = c.b.SizeOf(y, rank - 1);
  V zero = c.b.Int(0);
  V count = c.b.Op(
      "Max",
      {c.b.Op("Min", {offset >= 0 ? rows : c.b.Add(rows, c.b.Int(offset)), offset >= 0 ? c.b.Sub(columns, c.b.Int(offset)) : columns}),
       zero});
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
Outputs DiagFlat(Call& c) {
  V flat = c.b.Flatten(c.tensor("self"));
  return c.translator.Apply("aten.diag_embed.default", {IValue(TensorValue{flat, false, {}, {}}), c.arg("offset")})[0];
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
    grids.push_back(c.b.Expand(c.b.Reshape(axes[i], shape), c.b.Stack1D(sizes)));
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
    {"aten.as_strided", AsStrided},
    {"aten.as_strided_copy", AsStrided},
    {"prims.as_strided", AsStrided},
    {"aten.as_strided_scatter", AsStridedScatter},
    {"aten.diagonal", Diagonal},
    {"aten.diagonal_copy", Diagonal},
    {"aten.linalg_diagonal", Diagonal},
    {"aten.diag_embed", DiagEmbed},
    {"aten.diag", Diag},
    {"aten.diagflat", DiagFlat},
    {"aten.trace", Trace},
    {"aten.block_diag", BlockDiag},
    {"aten.meshgrid", Meshgrid},
    {"aten.cartesian_prod", CartesianProduct},
    {"aten.combinations", Combinations},
};

}  // namespace

std::span<const RuleRow> Diagonals() { return kRows; }

}  // namespace sardonyx::pytorch::rules
