// Along an axis: running sums, products and extremes, differences, segments.
#include <functional>
#include <limits>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();

Outputs CumulativeSum(Call& c) {
  V x = c.tensor("self");
  const DataType type = c.b.dtype(x);
  const DataType sum = c.Dtype("dtype", IsInteger(type) || type == DataType::kBool ? DataType::kInt64 : type);
  x = c.b.Cast(x, sum);
  if (c.rank("self") == 0) return x;
  // CumSum has no small integers.
  const bool narrow = IsInteger(sum) && sum != DataType::kInt64 && sum != DataType::kInt32;
  return c.b.Cast(c.b.Op("CumSum", {narrow ? c.b.Cast(x, DataType::kInt64) : x, c.b.Int(c.Axis("dim", c.rank("self")))}), sum);
}

// Running results of an associative operation, which takes what stands before and what comes after. Hillis and Steele, 1986: in step k
// every element is combined with the one 2^k before it, so that log2(n) steps do.
using Combine = std::function<std::vector<V>(const std::vector<V>& earlier, const std::vector<V>& later)>;
std::vector<V> Running(Call& c, const std::vector<V>& values, int64_t axis, const Combine& combine) {
  ops::GraphBuilder& b = c.b;
  V count = b.SizeOf(values[0], axis), at = Arange(b, count);
  std::vector<int64_t> along(b.rank(values[0]), 1);
  along[static_cast<size_t>(axis)] = -1;
  const auto step = [&](V distance, const std::vector<V>& now) {
    V from = b.Sub(at, distance);
    V inside = b.Reshape(b.Op("GreaterOrEqual", {from, b.Int(0)}), along);
    V clipped = b.Op("Max", {from, b.Int(0)});
    std::vector<V> earlier;
    for (V value : now) earlier.push_back(b.Gather(value, clipped, axis));
    std::vector<V> combined = combine(earlier, now);
    for (size_t i = 0; i < now.size(); ++i) combined[i] = b.Where(inside, combined[i], now[i]);
    return combined;
  };
  if (const std::optional<int64_t> known = b.static_dim(values[0], axis)) {
    std::vector<V> now = values;
    for (int64_t distance = 1; distance < *known; distance *= 2) now = step(b.Int(distance), now);
    return now;
  }
  std::vector<V> state = {b.Int(1)};
  state.insert(state.end(), values.begin(), values.end());
  std::vector<V> made = b.Loop(nullptr, b.Op("Less", {b.Int(1), count}), state, 0, [&](V, const std::vector<V>& now) -> std::vector<V> {
    V next = b.Mul(now[0], b.Int(2));
    std::vector<V> result = step(now[0], std::vector<V>(now.begin() + 1, now.end()));
    result.insert(result.begin(), {b.Op("Less", {next, count}), next});
    return result;
  });
  made.erase(made.begin());
  return made;
}

Outputs CumulativeProduct(Call& c) {
  V x = c.tensor("self");
  const DataType type = c.b.dtype(x);
  x = c.b.Cast(x, c.Dtype("dtype", IsInteger(type) || type == DataType::kBool ? DataType::kInt64 : type));
  if (c.rank("self") == 0) return x;
  return Running(c, {x}, c.Axis("dim", c.rank("self")),
                 [&](const std::vector<V>& earlier, const std::vector<V>& later) -> std::vector<V> { return {c.b.Mul(earlier[0], later[0])}; })[0];
}

Outputs CumulativeLogSum(Call& c) {
  V x = c.float_tensor("self");
  if (c.rank("self") == 0) return x;
  return Running(c, {x}, c.Axis("dim", c.rank("self")), [&](const std::vector<V>& earlier, const std::vector<V>& later) -> std::vector<V> {
    return {Apply(c, "aten.logaddexp.default", {AsArgument(earlier[0]), AsArgument(later[0])})};
  })[0];
}

// The extreme so far and where it stands: the last of equals, and NaN once there is one.
Outputs CumulativeExtreme(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.tensor("self");
  const int64_t rank = c.rank("self");
  if (rank == 0) return Outputs{x, b.Int(0)};
  const int64_t axis = c.Axis("dim", rank);
  const DataType type = b.dtype(x);
  if (type == DataType::kBool) x = b.Cast(x, DataType::kInt32);
  std::vector<int64_t> along(static_cast<size_t>(rank), 1);
  along[static_cast<size_t>(axis)] = -1;
  V places = b.Expand(b.Reshape(Arange(b, b.SizeOf(x, axis)), along), b.ShapeOf(x));
  const std::vector<V> made = Running(c, {x, places}, axis, [&](const std::vector<V>& earlier, const std::vector<V>& later) -> std::vector<V> {
    V moves = b.Op(c.param() == "max" ? "GreaterOrEqual" : "LessOrEqual", {later[0], earlier[0]});
    if (IsFloatingPoint(type)) moves = b.Op("Or", {moves, IsNan(b, later[0])});
    return {b.Where(moves, later[0], earlier[0]), b.Where(moves, later[1], earlier[1])};
  });
  return Outputs{b.Cast(made[0], type), made[1]};
}

Outputs Diff(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.tensor("self");
  const int64_t axis = c.Axis("dim", c.rank("self"), -1);
  if (c.Int("n", 1) == 0) return x;
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

// Sums, means, products or extremes of slices that stand one behind the other along an axis.
Outputs SegmentReduce(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.tensor("data"), starts = nullptr, ends = nullptr;
  const int64_t axis = c.Axis("axis", static_cast<int64_t>(b.rank(x)), 0);
  const bool counted = !c.is_none("lengths");
  V places = b.Cast(c.tensor(counted ? "lengths" : "offsets"), DataType::kInt64);
  // Axes before `axis` have segments of their own.
  if (static_cast<int64_t>(b.rank(places)) != axis + 1) return c.Unsupported("segment_reduce with lengths of another rank than axis + 1");
  if (counted) {
    ends = b.Op("CumSum", {places, b.Int(axis)});
    starts = b.Sub(ends, places);
  } else {
    starts = b.Slice(places, axis, 0, -1);
    ends = b.Slice(places, axis, 1, kEnd);
  }
  V at = Arange(b, b.SizeOf(x, axis)), first = b.Unsqueeze(starts, {-1}), last = b.Unsqueeze(ends, {-1});
  V member = b.Op("And", {b.Op("GreaterOrEqual", {at, first}), b.Op("Less", {at, last})});
  std::vector<int64_t> more;
  for (int64_t i = axis + 2; i <= static_cast<int64_t>(b.rank(x)); ++i) more.push_back(i);
  if (!more.empty()) member = b.Unsqueeze(member, more);  // [.., segments, n, 1...]
  const std::string reduce = c.String("reduce");
  const double infinity = std::numeric_limits<double>::infinity();
  const double neutral = reduce == "max" ? -infinity : reduce == "min" ? infinity : reduce == "prod" ? 1 : 0;
  const char* op = reduce == "max" ? "ReduceMax" : reduce == "min" ? "ReduceMin" : reduce == "prod" ? "ReduceProd" : "ReduceSum";
  V y = b.Reduce(op, b.Where(member, b.Unsqueeze(x, {axis}), b.NumberLike(neutral, x)), {axis + 1}, false);
  V count = b.Reduce("ReduceSum", b.Cast(member, b.dtype(x)), {axis + 1}, false);
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
    {"aten.cumsum", CumulativeSum},
    {"aten.cumprod", CumulativeProduct},
    {"aten.cummax", CumulativeExtreme, "max"},
    {"aten.cummin", CumulativeExtreme, "min"},
    {"aten.logcumsumexp", CumulativeLogSum},
    {"aten._logcumsumexp", CumulativeLogSum},
    {"aten.diff", Diff},
    {"aten.gradient", Gradient},
    {"aten.segment_reduce", SegmentReduce},
};

}  // namespace

std::span<const RuleRow> RunningValues() { return kRows; }

}  // namespace sardonyx::pytorch::rules
