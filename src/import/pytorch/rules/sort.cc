// Order: sorting, and what stands at a place of the order.
#include <algorithm>
#include <limits>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

struct Sorted {
  V values, indices;
};
// The first `count` (int64 vector of one) in order; equal elements keep theirs, as ONNX's TopK has it.
Sorted TopK(Call& c, V x, V count, int64_t axis, bool largest) {
  const DataType type = c.b.dtype(x);
  const bool narrow = type == DataType::kBool || type == DataType::kUint8 || type == DataType::kInt8 || type == DataType::kInt16;
  if (narrow) x = c.b.Cast(x, DataType::kInt32);
  const std::vector<V> made = c.b.Ops("TopK", {x, count}, 2, {{"axis", axis}, {"largest", largest ? 1 : 0}});
  return {narrow ? c.b.Cast(made[0], type) : made[0], made[1]};
}
Sorted SortAll(Call& c, V x, int64_t axis, bool descending) {
  return TopK(c, x, c.b.Unsqueeze(c.b.SizeOf(x, axis), {0}), axis, descending);
}

Outputs Sort(Call& c) {
  V x = c.tensor("self");
  const int64_t rank = c.rank("self");
  if (rank == 0) return c.param() == "argsort" ? Outputs(c.b.Int(0)) : Outputs{x, c.b.Int(0)};
  const Sorted sorted = SortAll(c, x, c.param() == "msort" ? 0 : c.Axis("dim", rank, -1), c.Bool("descending", false));
  if (c.param() == "argsort") return sorted.indices;
  if (c.param() == "msort") return sorted.values;
  return Outputs{sorted.values, sorted.indices};
}
Outputs TopKOf(Call& c) {
  V x = c.tensor("self");
  if (c.rank("self") == 0) return Outputs{x, c.b.Int(0)};
  const Sorted top = TopK(c, x, c.b.Unsqueeze(c.Number("k"), {0}), c.Axis("dim", c.rank("self"), -1), c.Bool("largest", true));
  return Outputs{top.values, top.indices};
}

// The k-th smallest (a scalar, from 0).
Sorted Nth(Call& c, V x, int64_t axis, V n, bool keepdim) {
  const Sorted sorted = SortAll(c, x, axis, false);
  V at = keepdim ? c.b.Unsqueeze(n, {0}) : n;
  return {c.b.Gather(sorted.values, at, axis), c.b.Gather(sorted.indices, at, axis)};
}
Outputs KthValue(Call& c) {
  V x = c.tensor("self");
  if (c.rank("self") == 0) return Outputs{x, c.b.Int(0)};
  const Sorted found = Nth(c, x, c.Axis("dim", c.rank("self"), -1), c.b.Sub(c.Number("k"), c.b.Int(1)), c.Bool("keepdim", false));
  return Outputs{found.values, found.indices};
}
Outputs Median(Call& c) {
  // The lower of the two in the middle.
  V x = c.tensor("self");
  const bool whole = c.is_none("dim");
  if (c.rank("self") == 0) return whole ? Outputs(x) : Outputs{x, c.b.Int(0)};
  if (whole) x = c.b.Flatten(x);
  const int64_t axis = whole ? 0 : c.Axis("dim", c.rank("self"));
  V middle = c.b.Div(c.b.Sub(c.b.SizeOf(x, axis), c.b.Int(1)), c.b.Int(2));
  const Sorted found = Nth(c, x, axis, middle, !whole && c.Bool("keepdim", false));
  return whole ? Outputs(found.values) : Outputs{found.values, found.indices};
}

Outputs NanMedian(Call& c) {
  // NaN sorts last; the middle of what is before.
  ops::GraphBuilder& b = c.b;
  V x = c.tensor("self");
  const bool whole = c.is_none("dim");
  if (!IsFloatingPoint(b.dtype(x)) || b.rank(x) == 0) return Median(c);
  if (whole) x = b.Flatten(x);
  const int64_t axis = whole ? 0 : c.Axis("dim", c.rank("self"));
  V missing = IsNan(b, x);
  V filled = b.Where(missing, b.NumberLike(std::numeric_limits<double>::infinity(), x), x);
  V count = b.Reduce("ReduceSum", b.Cast(Not(b, missing), DataType::kInt64), {axis}, true);
  V middle = b.Div(b.Op("Max", {b.Sub(count, b.Int(1)), b.Int(0)}), b.Int(2));
  const Sorted sorted = SortAll(c, filled, axis, false);
  V nothing = b.Op("Equal", {count, b.Int(0)});
  V found = b.Where(nothing, b.NumberLike(std::numeric_limits<double>::quiet_NaN(), x), GatherAlong(c, sorted.values, axis, middle));
  V index = GatherAlong(c, sorted.indices, axis, middle);
  if (whole) return b.Squeeze(found, {0});
  if (c.Bool("keepdim", false)) return Outputs{found, index};
  return Outputs{b.Squeeze(found, {axis}), b.Squeeze(index, {axis})};
}

// Along the last axis: pairs[i, j] = whether element j is x[i]'s.
Outputs Mode(Call& c) {
  // The most frequent value, the smallest of several; of its places the last.
  ops::GraphBuilder& b = c.b;
  V x = c.tensor("self");
  const int64_t rank = c.rank("self"), axis = c.Axis("dim", rank, -1);
  if (rank == 0) return Outputs{x, b.Int(0)};
  V y = b.SwapAxes(x, axis, rank - 1);
  V equal = b.Op("Equal", {b.Unsqueeze(y, {-1}), b.Unsqueeze(y, {-2})});
  V count = b.Reduce("ReduceSum", b.Cast(equal, DataType::kInt64), {rank}, false);
  V most = b.Op("Equal", {count, Maximum(b, count, {rank - 1}, true)});
  const DataType type = b.dtype(x);
  V large = b.Number(IsFloatingPoint(type) ? std::numeric_limits<double>::infinity() : 9e18, type);
  V value = Minimum(b, b.Where(most, y, large), {rank - 1}, true);
  V where = b.Cast(b.Op("Equal", {y, value}), DataType::kInt32);
  V index = b.Op("ArgMax", {where}, {{"axis", rank - 1}, {"keepdims", 1}, {"select_last_index", 1}});
  value = b.SwapAxes(value, axis, rank - 1);
  index = b.SwapAxes(index, axis, rank - 1);
  if (c.Bool("keepdim", false)) return Outputs{value, index};
  return Outputs{b.Squeeze(value, {axis}), b.Squeeze(index, {axis})};
}

// One or several quantiles, which come first in the result; "nan": of what is a number.
Outputs Quantile(Call& c) {
  ops::GraphBuilder& b = c.b;
  V given = c.tensor("self");
  const bool whole = c.is_none("dim") || c.rank("self") == 0;
  const int64_t rank = whole ? 1 : c.rank("self"), axis = whole ? 0 : c.Axis("dim", rank);
  V x = whole ? b.Flatten(given) : given;
  V missing = IsNan(b, x);
  V sorted = SortAll(c, b.Where(missing, b.NumberLike(std::numeric_limits<double>::infinity(), x), x), axis, false).values;
  V count = c.param() == "nan" ? b.Reduce("ReduceSum", b.Cast(Not(b, missing), DataType::kInt64), {axis}, true) : b.SizeOf(x, axis);
  V last = b.Cast(b.Op("Max", {b.Sub(count, b.Int(1)), b.Int(0)}), b.dtype(x));
  V q = c.arg("q").is_tensor() ? b.Cast(c.tensor("q"), b.dtype(x)) : c.NumberAs("q", b.dtype(x));
  const bool one = b.rank(q) == 0;
  std::vector<int64_t> along(static_cast<size_t>(rank), 1);
  along[static_cast<size_t>(axis)] = -1;
  V position = b.Mul(b.Reshape(q, along), last);  // [.., quantiles, ..]
  V none = b.Reduce("ReduceSum", FullLike(b, x, b.Int(0)), {axis}, true);
  position = b.Expand(position, b.ShapeOf(b.Add(b.Cast(position, DataType::kInt64), none)));
  V below = b.Op("Floor", {position});
  V low = GatherAlong(c, sorted, axis, below), high = GatherAlong(c, sorted, axis, b.Op("Ceil", {position}));
  const std::string method = c.String("interpolation", "linear");
  V y = nullptr;
  if (method == "lower")
    y = low;
  else if (method == "higher")
    y = high;
  else if (method == "midpoint")
    y = b.Mul(b.Add(low, high), b.NumberLike(0.5, x));
  else if (method == "nearest")
    y = GatherAlong(c, sorted, axis, b.Op("Round", {position}));
  else
    y = b.Where(b.Op("Equal", {low, high}), low, b.Add(low, b.Mul(b.Sub(high, low), b.Sub(position, below))));
  // NaN where there is one, or where there is nothing but those.
  V bad = c.param() == "nan" ? AllOf(b, missing, {axis}, true) : AnyOf(b, missing, {axis}, true);
  y = b.Where(bad, b.NumberLike(std::numeric_limits<double>::quiet_NaN(), x), y);
  // The quantiles' axis to the front.
  std::vector<int64_t> perm = {axis};
  for (int64_t i = 0; i < rank; ++i)
    if (i != axis) perm.push_back(i);
  y = b.Transpose(y, perm);
  if (c.Bool("keepdim", false)) {
    std::vector<int64_t> ones;
    for (int64_t i = 0; i < (whole ? c.rank("self") : 1); ++i) ones.push_back(whole ? i + 1 : axis + 1);
    y = b.Unsqueeze(y, ones);
  }
  return one ? b.Squeeze(y, {0}) : y;
}

constexpr RuleRow kRows[] = {
    {"aten.sort", Sort, "sort"},
    {"aten.argsort", Sort, "argsort"},
    {"aten.msort", Sort, "msort"},
    {"aten.topk", TopKOf},
    {"aten.kthvalue", KthValue},
    {"aten.median", Median},
    {"aten.nanmedian", NanMedian},
    {"aten.mode", Mode},
    {"aten.quantile", Quantile, ""},
    {"aten.nanquantile", Quantile, "nan"},
};

}  // namespace

std::span<const RuleRow> Sorting() { return kRows; }

}  // namespace sardonyx::pytorch::rules
