// Order: sorting, searching, counting, running extremes.
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
  if (!IsFloatingPoint(b.dtype(x))) return Median(c);
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

Outputs CumulativeSum(Call& c) {
  V x = c.tensor("self");
  const DataType type = c.b.dtype(x);
  x = c.b.Cast(x, c.Dtype("dtype", IsInteger(type) || type == DataType::kBool ? DataType::kInt64 : type));
  if (c.rank("self") == 0) return x;
  return c.b.Op("CumSum", {x, c.b.Int(c.Axis("dim", c.rank("self")))});
}

// [..., i, j] of x along its last axis: element j where j <= i, else `other`.
V Prefixes(Call& c, V x, double other) {
  ops::GraphBuilder& b = c.b;
  V n = Arange(b, b.SizeOf(x, -1));
  V before = b.Op("LessOrEqual", {b.Unsqueeze(n, {0}), b.Unsqueeze(n, {1})});
  return b.Where(before, b.Unsqueeze(x, {-2}), b.NumberLike(other, x));
}
Outputs Cumulative(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.tensor("self");
  const std::string_view op = c.param();
  const int64_t rank = c.rank("self");
  const DataType type = b.dtype(x);
  const bool indices = op == "max" || op == "min";
  if (rank == 0) return indices ? Outputs{x, b.Int(0)} : Outputs(x);
  const int64_t axis = c.Axis("dim", rank);
  if (op == "prod") x = b.Cast(x, c.Dtype("dtype", IsInteger(type) || type == DataType::kBool ? DataType::kInt64 : type));
  V y = b.SwapAxes(x, axis, rank - 1);
  const auto back = [&](V value) { return b.SwapAxes(value, axis, rank - 1); };
  const double infinity = std::numeric_limits<double>::infinity(), large = IsFloatingPoint(type) ? infinity : 9e18;
  if (op == "prod") return back(b.Reduce("ReduceProd", Prefixes(c, y, 1), {rank}, false));
  if (op == "logsumexp") return back(b.Reduce("ReduceLogSumExp", Prefixes(c, y, -infinity), {rank}, false));
  V all = Prefixes(c, y, op == "max" ? -large : large);
  V best = op == "max" ? Maximum(b, all, {rank}, false) : Minimum(b, all, {rank}, false);
  // The last place among equals, as PyTorch's comparison with >= gives.
  V n = Arange(b, b.SizeOf(y, -1));
  V before = b.Op("LessOrEqual", {b.Unsqueeze(n, {0}), b.Unsqueeze(n, {1})});
  V hit = b.Op("And", {b.Op("Equal", {all, b.Unsqueeze(best, {-1})}), before});
  V index = b.Op("ArgMax", {b.Cast(hit, DataType::kInt32)}, {{"axis", rank}, {"keepdims", 0}, {"select_last_index", 1}});
  return Outputs{back(best), back(index)};
}

// How many elements of a sorted sequence stand before each value.
Outputs SearchSorted(Call& c) {
  ops::GraphBuilder& b = c.b;
  const bool bucketize = c.param() == "bucketize";
  std::vector<IValue> operands = {bucketize ? c.arg("boundaries") : c.arg("sorted_sequence"), c.arg("self")};
  const std::vector<V> v = c.Promoted(operands);
  V sequence = v[0], values = v[1];
  if (!c.is_none("sorter")) return c.Unsupported("searchsorted with a sorter");
  bool right = c.Bool("right", false);
  if (c.arg("side").is_string()) right = c.String("side") == "right";
  V wide = b.known_rank(sequence) == size_t{1} ? sequence : b.Unsqueeze(sequence, {-2});
  V before = b.Op(right ? "LessOrEqual" : "Less", {wide, b.Unsqueeze(values, {-1})});
  V count = b.Op("ReduceSum", {b.Cast(before, DataType::kInt64), b.Ints({-1})}, {{"keepdims", 0}});
  return b.Cast(count, c.Bool("out_int32", false) ? DataType::kInt32 : DataType::kInt64);
}

Outputs Histogram(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = b.Flatten(c.tensor("self"));
  const int64_t bins = c.Int("bins", 100);
  V low = c.NumberAs("min", b.dtype(x)), high = c.NumberAs("max", b.dtype(x));
  if (c.Double("min", 0) == 0 && c.Double("max", 0) == 0) {
    low = Minimum(b, x, {}, false);
    high = Maximum(b, x, {}, false);
    V same = b.Op("Equal", {low, high});
    V one = b.Where(same, b.NumberLike(1, x), b.NumberLike(0, x));
    low = b.Sub(low, one);
    high = b.Add(high, one);
  }
  V position = b.Op("Floor", {b.Div(b.Mul(b.Sub(x, low), b.NumberLike(static_cast<double>(bins), x)), b.Sub(high, low))});
  position = b.Op("Min", {position, b.NumberLike(static_cast<double>(bins - 1), x)});
  V inside = b.Op("And", {b.Op("GreaterOrEqual", {x, low}), b.Op("LessOrEqual", {x, high})});
  V index = b.Where(inside, b.Cast(position, DataType::kInt64), b.Int(-1));
  V hit = b.Op("Equal", {b.Unsqueeze(Arange(b, b.Int(bins)), {1}), b.Unsqueeze(index, {0})});
  return b.Reduce("ReduceSum", b.Cast(hit, b.dtype(x)), {1}, false);
}

Outputs BinCount(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = b.Cast(c.tensor("self"), DataType::kInt64);
  // One more than the largest, 0 for an empty tensor.
  V largest = Maximum(b, b.Concat({x, b.Ints({-1})}, 0), {}, false);
  V size = b.Op("Max", {b.Add(largest, b.Int(1)), c.is_none("minlength") ? b.Int(0) : c.Number("minlength")});
  V hit = b.Op("Equal", {b.Unsqueeze(Arange(b, size), {1}), b.Unsqueeze(x, {0})});
  if (c.is_none("weights")) return b.Reduce("ReduceSum", b.Cast(hit, DataType::kInt64), {1}, false);
  V weights = c.tensor("weights");
  if (!IsFloatingPoint(b.dtype(weights))) weights = b.Cast(weights, DataType::kDouble);
  return b.Reduce("ReduceSum", b.Where(hit, b.Unsqueeze(weights, {0}), b.NumberLike(0, weights)), {1}, false);
}

Outputs Unique(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.tensor("self");
  const bool by_axis = c.param() == "dim";
  const bool flag = b.dtype(x) == DataType::kBool;
  if (flag) x = b.Cast(x, DataType::kInt64);
  std::vector<ops::Attr> attributes = {{"sorted", 1}};
  if (by_axis) attributes.push_back({"axis", c.Axis("dim", c.rank("self"))});
  const std::vector<V> made = b.Ops("Unique", {x}, 4, std::move(attributes));
  V inverse = by_axis ? made[2] : b.Reshape(made[2], b.ShapeOf(x));
  return Outputs{flag ? b.Cast(made[0], DataType::kBool) : made[0], inverse, made[3]};
}
Outputs UniqueConsecutive(Call& c) {
  ops::GraphBuilder& b = c.b;
  if (!c.is_none("dim")) return c.Unsupported("unique_consecutive along an axis");
  V x = b.Flatten(c.tensor("self"));
  constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
  V changes = Not(b, b.Op("Equal", {b.Slice(x, 0, 1, kEnd), b.Slice(x, 0, 0, -1)}));
  // The first element begins a run, if there is one.
  V first = b.Slice(FullLike(b, x, b.Scalar<bool>(true)), 0, 0, 1);
  V begins = b.Concat({first, changes}, 0);
  V values = b.Op("Compress", {x, begins}, {{"axis", 0}});
  V run = b.Sub(b.Op("CumSum", {b.Cast(begins, DataType::kInt64), b.Int(0)}), b.Int(1));
  V places = b.Op("Compress", {Arange(b, b.SizeOf(x, 0)), begins}, {{"axis", 0}});
  V ends = b.Concat({b.Slice(places, 0, 1, kEnd), b.Unsqueeze(b.SizeOf(x, 0), {0})}, 0);
  return Outputs{values, b.Reshape(run, b.ShapeOf(c.tensor("self"))), b.Sub(ends, places)};
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

Outputs OneHot(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = b.Cast(c.tensor("self"), DataType::kInt64);
  V classes = c.Number("num_classes");
  if (const auto known = b.constant_ints(classes); known && (*known)[0] < 0) classes = b.Add(Maximum(b, x, {}, false), b.Int(1));
  return b.Op("OneHot", {x, b.Unsqueeze(classes, {0}), b.Ints({0, 1})}, {{"axis", -1}});
}

Outputs Diff(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.tensor("self");
  const int64_t axis = c.Axis("dim", c.rank("self"), -1);
  constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
  std::vector<V> parts;
  if (!c.is_none("prepend")) parts.push_back(c.tensor("prepend"));
  parts.push_back(x);
  if (!c.is_none("append")) parts.push_back(c.tensor("append"));
  x = b.Concat(parts, axis);
  for (int64_t i = 0; i < c.Int("n", 1); ++i) {
    V later = b.Slice(x, axis, 1, kEnd), earlier = b.Slice(x, axis, 0, -1);
    x = b.dtype(x) == DataType::kBool ? b.Op("Xor", {later, earlier}) : b.Sub(later, earlier);
  }
  return x;
}

// How fast x changes along an axis: central differences inside, one-sided ones (of first or second order) at the edges. Samples lie
// `spacing` apart, or at coordinates.
V GradientAlong(Call& c, V x, int64_t axis, const IValue& spacing, int64_t order) {
  ops::GraphBuilder& b = c.b;
  constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
  const auto cut = [&](V value, int64_t begin, int64_t end) { return b.Slice(value, b.rank(value) == 1 ? 0 : axis, begin, end); };
  const auto times = [&](double factor, V value) { return b.Mul(value, b.NumberLike(factor, value)); };
  V steps = nullptr;  // between samples, along the axis
  if (spacing.is_tensor()) {
    V places = b.Cast(c.ToTensor(spacing), b.dtype(x));
    std::vector<int64_t> shape(b.rank(x), 1);
    shape[static_cast<size_t>(axis)] = -1;
    steps = b.Reshape(b.Sub(b.Slice(places, 0, 1, kEnd), b.Slice(places, 0, 0, -1)), shape);
  } else {
    V step = spacing.is_none() ? b.NumberLike(1, x) : c.NumberAs(spacing, b.dtype(x));
    std::vector<V> sizes(b.rank(x), b.Int(1));
    sizes[static_cast<size_t>(axis)] = b.Sub(b.SizeOf(x, axis), b.Int(1));
    steps = b.Expand(step, b.Stack1D(sizes));
  }
  V slopes = b.Div(b.Sub(cut(x, 1, kEnd), cut(x, 0, -1)), steps);
  // Inside, the two slopes weighted by the other's step.
  V before = b.Slice(steps, axis, 0, -1), after = b.Slice(steps, axis, 1, kEnd);
  V left = b.Slice(slopes, axis, 0, -1), right = b.Slice(slopes, axis, 1, kEnd);
  V inside = b.Div(b.Add(b.Mul(left, after), b.Mul(right, before)), b.Add(before, after));
  V first = b.Slice(slopes, axis, 0, 1), last = b.Slice(slopes, axis, -1, kEnd);
  if (order == 2) {
    first = b.Sub(times(2, first), b.Slice(inside, axis, 0, 1));
    last = b.Sub(times(2, last), b.Slice(inside, axis, -1, kEnd));
  }
  return b.Concat({first, inside, last}, axis);
}
Outputs Gradient(Call& c) {
  V x = c.float_tensor("self");
  const int64_t rank = c.rank("self"), order = c.Int("edge_order", 1);
  const std::vector<int64_t> axes = c.is_none("dim") ? AllAxes(rank) : c.Axes("dim", rank);
  const IValue& spacing = c.arg("spacing");
  std::vector<V> parts;
  for (size_t i = 0; i < axes.size(); ++i)
    parts.push_back(GradientAlong(c, x, axes[i], spacing.is_list() ? spacing.list().at(i) : spacing, order));
  return IValue::MakeList(Outputs(parts).values);
}

// Sums, means, products or extremes of slices that stand one behind the other along axis 0.
Outputs SegmentReduce(Call& c) {
  ops::GraphBuilder& b = c.b;
  if (c.Int("axis", 0) != 0) return c.Unsupported("segment_reduce along another axis than 0");
  constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
  V x = c.tensor("data"), starts = nullptr, ends = nullptr;
  if (!c.is_none("lengths")) {
    V lengths = b.Cast(c.tensor("lengths"), DataType::kInt64);
    if (b.rank(lengths) != 1) return c.Unsupported("segment_reduce with lengths of several axes");
    ends = b.Op("CumSum", {lengths, b.Int(0)});
    starts = b.Sub(ends, lengths);
  } else {
    V offsets = b.Cast(c.tensor("offsets"), DataType::kInt64);
    if (b.rank(offsets) != 1) return c.Unsupported("segment_reduce with offsets of several axes");
    starts = b.Slice(offsets, 0, 0, -1);
    ends = b.Slice(offsets, 0, 1, kEnd);
  }
  V at = b.Unsqueeze(Arange(b, b.SizeOf(x, 0)), {0});
  V member = b.Op("And", {b.Op("GreaterOrEqual", {at, b.Unsqueeze(starts, {1})}), b.Op("Less", {at, b.Unsqueeze(ends, {1})})});
  std::vector<int64_t> more;
  for (int64_t i = 2; i <= static_cast<int64_t>(b.rank(x)); ++i) more.push_back(i);
  if (!more.empty()) member = b.Unsqueeze(member, more);  // [segments, n, 1...]
  const std::string reduce = c.String("reduce");
  const double infinity = std::numeric_limits<double>::infinity();
  const double neutral = reduce == "max" ? -infinity : reduce == "min" ? infinity : reduce == "prod" ? 1 : 0;
  const char* op = reduce == "max" ? "ReduceMax" : reduce == "min" ? "ReduceMin" : reduce == "prod" ? "ReduceProd" : "ReduceSum";
  V y = b.Reduce(op, b.Where(member, b.Unsqueeze(x, {0}), b.NumberLike(neutral, x)), {1}, false);
  V count = b.Reduce("ReduceSum", b.Cast(member, b.dtype(x)), {1}, false);
  V empty = b.Op("Equal", {count, b.NumberLike(0, x)});
  if (c.is_none("initial")) {
    if (reduce == "mean") y = b.Div(y, count);  // 0 / 0 of nothing
    return y;
  }
  V initial = c.NumberAs("initial", b.dtype(x));
  if (reduce == "mean") return b.Where(empty, initial, b.Div(b.Add(y, initial), count));
  return b.Op(reduce == "max" ? "Max" : reduce == "min" ? "Min" : reduce == "prod" ? "Mul" : "Add", {y, initial});
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
    {"aten.cumsum", CumulativeSum},
    {"aten.cumprod", Cumulative, "prod"},
    {"aten.cummax", Cumulative, "max"},
    {"aten.cummin", Cumulative, "min"},
    {"aten.logcumsumexp", Cumulative, "logsumexp"},
    {"aten._logcumsumexp", Cumulative, "logsumexp"},
    {"aten.searchsorted", SearchSorted, "search"},
    {"aten.bucketize", SearchSorted, "bucketize"},
    {"aten.histc", Histogram},
    {"aten.bincount", BinCount},
    {"aten._unique2", Unique, ""},
    {"aten._unique", Unique, ""},
    {"aten.unique_dim", Unique, "dim"},
    {"aten.unique_consecutive", UniqueConsecutive},
    {"aten.quantile", Quantile, ""},
    {"aten.nanquantile", Quantile, "nan"},
    {"aten.one_hot", OneHot},
    {"aten.diff", Diff},
    {"aten.gradient", Gradient},
    {"aten.segment_reduce", SegmentReduce},
};

}  // namespace

std::span<const RuleRow> Sorting() { return kRows; }

}  // namespace sardonyx::pytorch::rules
