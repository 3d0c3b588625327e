// Writing at indices.
#include <algorithm>
#include <limits>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();

V Index64(Call& c, V indices) { return c.b.Cast(indices, DataType::kInt64); }

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
    source =
        FullLike(c.b, index, c.arg("value").is_tensor() ? c.b.Cast(c.tensor("value"), c.b.dtype(x)) : c.NumberAs("value", c.b.dtype(x)));
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
  V rows = c.b.Unsqueeze(index, {1});
  V y = reduction == "none" ? c.b.Op("ScatterND", {moved, rows, updates})
                            : c.b.Op("ScatterND", {moved, rows, updates}, {{"reduction", reduction}});
  return c.b.SwapAxes(y, 0, axis);
}
Outputs IndexAdd(Call& c) {
  V x = c.tensor("self");
  V index = Index64(c, c.b.Flatten(c.tensor("index")));
  V source = c.b.Cast(c.tensor("source"), c.b.dtype(x));
  const IValue& alpha = c.arg("alpha");
  const bool one = alpha.is_none() || (alpha.is_int() && alpha.integer() == 1) || (alpha.is_double() && alpha.number() == 1);
  if (!one) source = Times(c.b, source, c.NumberAs(alpha, c.b.dtype(x)));
  if (c.rank("self") > 0) return ScatterSlices(c, x, c.Axis("dim", c.rank("self")), index, source, std::string(c.param()));
  // A scalar is taken as a vector of one.
  V y = ScatterSlices(c, c.b.Flatten(x), 0, index, c.b.Flatten(source), std::string(c.param()));
  return c.b.Reshape(y, std::vector<int64_t>{});
}
Outputs IndexReduce(Call& c) {
  // scatter_reduce with the index of a slice for each of its elements.
  ops::GraphBuilder& b = c.b;
  const bool scalar = c.rank("self") == 0;
  V x = scalar ? b.Flatten(c.tensor("self")) : c.tensor("self"), source = scalar ? b.Flatten(c.tensor("source")) : c.tensor("source");
  const int64_t axis = scalar ? 0 : c.Axis("dim", c.rank("self"));
  std::vector<int64_t> shape(b.rank(x), 1);
  shape[static_cast<size_t>(axis)] = -1;
  V index = b.Expand(b.Reshape(Index64(c, c.tensor("index")), shape), b.ShapeOf(source));
  V y = Apply(c, "aten.scatter_reduce.two",
              {AsArgument(x), IValue(axis), AsArgument(index), AsArgument(source), c.arg("reduce"), c.arg("include_self")});
  return scalar ? b.Reshape(y, std::vector<int64_t>{}) : y;
}
// At places of the tensor laid out as a vector.
Outputs Put(Call& c) {
  V x = c.tensor("self");
  V rows = c.b.Unsqueeze(Index64(c, c.b.Flatten(c.tensor("index"))), {1});
  V updates = c.b.Flatten(c.b.Cast(c.tensor("source"), c.b.dtype(x)));
  V flat = c.b.Flatten(x);
  V y = c.Bool("accumulate", false) ? c.b.Op("ScatterND", {flat, rows, updates}, {{"reduction", "add"}})
                                    : c.b.Op("ScatterND", {flat, rows, updates});
  return c.b.Reshape(y, c.b.ShapeOf(x));
}
Outputs IndexFill(Call& c) {
  // A scalar is taken as a vector of one.
  const bool scalar = c.rank("self") == 0;
  V x = scalar ? c.b.Flatten(c.tensor("self")) : c.tensor("self");
  const int64_t axis = scalar ? 0 : c.Axis("dim", c.rank("self"));
  V index = Index64(c, c.b.Flatten(c.tensor("index")));
  V value = c.arg("value").is_tensor() ? c.b.Cast(c.tensor("value"), c.b.dtype(x)) : c.NumberAs("value", c.b.dtype(x));
  V size = c.b.SizeOf(x, axis);
  // Which positions along the axis are named.
  V wanted = c.b.Where(c.b.Op("Less", {index, c.b.Int(0)}), c.b.Add(index, size), index);
  V hit = AnyOf(c.b, c.b.Op("Equal", {c.b.Unsqueeze(Arange(c.b, size), {1}), c.b.Unsqueeze(wanted, {0})}), {1}, false);
  std::vector<int64_t> shape(c.b.rank(x), 1);
  shape[static_cast<size_t>(axis)] = -1;
  V filled = c.b.Where(c.b.Reshape(hit, shape), value, x);
  return scalar ? c.b.Reshape(filled, std::vector<int64_t>{}) : filled;
}

// x with as many elements along an axis replaced as the source has there, from `start` (a scalar, negative from the end) on; with
// `to_end`, that is all that are left.
V Replaced(Call& c, V x, V source, int64_t axis, V start, bool to_end) {
  ops::GraphBuilder& b = c.b;
  source = b.Cast(source, b.dtype(x));
  const std::optional<std::vector<int64_t>> known = b.constant_ints(start);
  const bool front = known && known->at(0) >= 0;
  V size = b.SizeOf(x, axis), zero = b.Int(0), begin = start;
  if (!front) {
    V from_end = b.Op("Max", {b.Add(start, size), zero});
    begin = known ? from_end : b.Where(b.Op("Less", {start, zero}), from_end, start);
  }
  V end = b.Add(begin, b.SizeOf(source, axis));
  const std::optional<std::vector<int64_t>> first = b.constant_ints(begin), last = b.constant_ints(end);
  const std::optional<int64_t> total = b.static_dim(x, axis);
  std::vector<V> parts;
  if (!(first && first->at(0) == 0)) parts.push_back(b.Slice(x, axis, zero, begin));
  parts.push_back(source);
  if (!to_end && !(last && total && last->at(0) >= *total)) parts.push_back(b.Slice(x, axis, end, b.Int(kEnd)));
  V y = b.Concat(parts, axis);
  if (x->type.shape) b.Declare(y, x->type);
  return y;
}
// x with its slice [start, end) by step replaced.
V SliceScatter(Call& c, V x, V source, int64_t axis, V start, V end, int64_t step) {
  if (step == 1) {
    const std::optional<std::vector<int64_t>> known = c.b.constant_ints(end);
    return Replaced(c, x, source, axis, c.b.Squeeze(start, {0}), known && known->at(0) == kEnd);
  }
  // The positions that the slice has, from a slice of all positions.
  V positions = c.b.Slice(Arange(c.b, c.b.SizeOf(x, axis)), 0, start, end, step);
  V updates = c.b.SwapAxes(c.b.Cast(source, c.b.dtype(x)), 0, axis), moved = c.b.SwapAxes(x, 0, axis);
  return c.b.SwapAxes(c.b.Op("ScatterND", {moved, c.b.Unsqueeze(positions, {1}), updates}), 0, axis);
}
V Vector(Call& c, const IValue& value, int64_t fallback) {
  return value.is_none() ? c.b.Ints({fallback}) : c.b.Unsqueeze(c.ToNumber(value), {0});
}
Outputs SliceScatterOf(Call& c) {
  return SliceScatter(c, c.tensor("self"), c.tensor("src"), c.Axis("dim", c.rank("self"), 0), Vector(c, c.arg("start"), 0),
                      Vector(c, c.arg("end"), kEnd), c.Int("step", 1));
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
  V index = c.b.Cast(c.Number("index"), DataType::kInt64);
  const std::optional<std::vector<int64_t>> known = c.b.constant_ints(index);
  return Replaced(c, x, c.b.Unsqueeze(c.tensor("src"), {axis}), axis, index, known && known->at(0) == -1);
}
Outputs DiagonalScatter(Call& c) {
  // The source as a diagonal of a matrix, where that diagonal is.
  V x = c.tensor("self");
  const int64_t rank = c.rank("self"), offset = c.Int("offset", 0);
  const int64_t a = c.Axis("dim1", rank, 0), d = c.Axis("dim2", rank, 1);
  const std::vector<int64_t> perm = AxesLast(rank, a, d);
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

constexpr RuleRow kRows[] = {
    {"aten.scatter", Scatter, "none"},
    {"aten.scatter_add", Scatter, "add"},
    {"aten.scatter_reduce", ScatterReduce},
    {"aten.index_add", IndexAdd, "add"},
    {"aten.index_copy", IndexAdd, "none"},
    {"aten.index_reduce", IndexReduce},
    {"aten.put", Put},
    {"aten.index_fill", IndexFill},
    {"aten.slice_scatter", SliceScatterOf},
    {"aten.select_scatter", SelectScatter},
    {"aten.diagonal_scatter", DiagonalScatter},
    {"internal.narrow_scatter", NarrowScatter},
    {"aten.copy", Copy},
};

}  // namespace

std::span<const RuleRow> Scattering() { return kRows; }

}  // namespace sardonyx::pytorch::rules
