// Searching in order, counting, and what occurs once.
#include <limits>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();

// How many elements of a sorted sequence stand before each value. NaN comes after every number.
Outputs SearchSorted(Call& c) {
  ops::GraphBuilder& b = c.b;
  const bool bucketize = c.param() == "bucketize";
  std::vector<IValue> operands = {bucketize ? c.arg("boundaries") : c.arg("sorted_sequence"), c.arg("self")};
  const std::vector<V> v = c.Promoted(operands);
  V sequence = v[0], values = v[1];
  if (!c.is_none("sorter")) sequence = GatherAlong(c, sequence, static_cast<int64_t>(b.rank(sequence)) - 1, c.tensor("sorter"));
  bool right = c.Bool("right", false);
  if (c.arg("side").is_string()) right = c.String("side") == "right";
  V wide = b.known_rank(sequence) == size_t{1} ? sequence : b.Unsqueeze(sequence, {-2});
  V behind = b.Op(right ? "Greater" : "GreaterOrEqual", {wide, b.Unsqueeze(values, {-1})});
  V count = b.Op("ReduceSum", {b.Cast(Not(b, behind), DataType::kInt64), b.Ints({-1})}, {{"keepdims", 0}});
  return b.Cast(count, c.Bool("out_int32", false) ? DataType::kInt32 : DataType::kInt64);
}

// How often each of `size` (a scalar) numbers occurs among indices [n], each time counted as its weight [n].
V Counts(ops::GraphBuilder& b, V indices, V weights, V size) {
  V zeros = Full(b, b.Unsqueeze(size, {0}), b.NumberLike(0, weights));
  return b.Op("ScatterND", {zeros, b.Unsqueeze(indices, {1}), weights}, {{"reduction", "add"}});
}

Outputs BinCount(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = b.Cast(c.tensor("self"), DataType::kInt64);
  // One more than the largest, 0 for an empty tensor.
  V largest = Maximum(b, b.Concat({x, b.Ints({-1})}, 0), {}, false);
  V size = b.Op("Max", {b.Add(largest, b.Int(1)), c.is_none("minlength") ? b.Int(0) : c.Number("minlength")});
  V weights = c.is_none("weights") ? FullLike(b, x, b.Int(1)) : c.tensor("weights");
  if (!c.is_none("weights") && b.dtype(weights) != DataType::kFloat) weights = b.Cast(weights, DataType::kDouble);
  return Counts(b, x, weights, size);
}

// ---- Histograms: points [n, axes], and for each axis the edges of its bins, the last of which belongs to the last bin.

struct Bounds {
  V low, high;  // scalars
};
// Of one axis: as given, or those of the numbers x [n]; a single number gets `margin` around it, none at all 0 to 1.
Bounds BoundsOf(Call& c, V x, size_t axis, double margin) {
  ops::GraphBuilder& b = c.b;
  Bounds bounds;
  const IValue& range = c.arg("range");
  if (range.is_list() && range.list().size() > 2 * axis + 1) {
    bounds = {c.NumberAs(range.list()[2 * axis], b.dtype(x)), c.NumberAs(range.list()[2 * axis + 1], b.dtype(x))};
  } else {
    // Of nothing: a 0 and a 1 in its place.
    V empty = b.Op("Equal", {b.SizeOf(x, 0), b.Int(0)});
    if (b.static_dim(x, 0).value_or(1) == 0 || !b.static_dim(x, 0)) {
      V instead = b.Slice(b.Cast(b.Ints({0, 1}), b.dtype(x)), 0, b.Int(0), b.Mul(b.Cast(empty, DataType::kInt64), b.Int(2)));
      x = b.Concat({x, instead}, 0);
    }
    bounds = {Minimum(b, x, {}, false), Maximum(b, x, {}, false)};
  }
  V more = b.Where(b.Op("Equal", {bounds.low, bounds.high}), b.NumberLike(margin, x), b.NumberLike(0, x));
  return {b.Sub(bounds.low, more), b.Add(bounds.high, more)};
}
V EdgesBetween(Call& c, const Bounds& bounds, int64_t bins) {
  const DataType type = c.b.dtype(bounds.low);
  return Apply(c, "aten.linspace.Tensor_Tensor", {AsArgument(bounds.low), AsArgument(bounds.high), IValue(bins + 1), IValue(type)});
}

V HistogramOf(Call& c, V points, const std::vector<V>& edges) {
  ops::GraphBuilder& b = c.b;
  const DataType type = b.dtype(points);
  V place = b.Int(0), inside = nullptr, bins = b.Int(1);
  std::vector<V> sizes, widths;
  for (size_t i = 0; i < edges.size(); ++i) {
    V x = b.Gather(points, b.Int(static_cast<int64_t>(i)), 1), count = b.Sub(b.SizeOf(edges[i], 0), b.Int(1));
    V reached = b.Op("GreaterOrEqual", {b.Unsqueeze(x, {1}), b.Unsqueeze(edges[i], {0})});
    V bin = b.Sub(b.Reduce("ReduceSum", b.Cast(reached, DataType::kInt64), {1}, false), b.Int(1));
    V first = b.Gather(edges[i], b.Int(0), 0), last = b.Gather(edges[i], b.Int(-1), 0);
    V within = b.Op("And", {b.Op("GreaterOrEqual", {x, first}), b.Op("LessOrEqual", {x, last})});
    inside = inside ? b.Op("And", {inside, within}) : within;
    bin = b.Op("Min", {b.Op("Max", {bin, b.Int(0)}), b.Sub(count, b.Int(1))});
    place = b.Add(b.Mul(place, count), bin);
    bins = b.Mul(bins, count);
    sizes.push_back(count);
    widths.push_back(b.Sub(b.Slice(edges[i], 0, 1, kEnd), b.Slice(edges[i], 0, 0, -1)));
  }
  V one = b.Number(int64_t{1}, type), zero = b.Number(int64_t{0}, type);
  V weights = c.is_none("weight") ? one : b.Cast(b.Flatten(c.tensor("weight")), type);
  V histogram = b.Reshape(Counts(b, b.Where(inside, place, b.Int(0)), b.Where(inside, weights, zero), bins), b.Stack1D(sizes));
  if (!c.Bool("density", false)) return histogram;
  histogram = b.Div(histogram, b.Reduce("ReduceSum", histogram, {}, false));
  for (size_t i = 0; i < widths.size(); ++i) {
    std::vector<int64_t> along(widths.size(), 1);
    along[i] = -1;
    histogram = b.Div(histogram, b.Reshape(widths[i], along));
  }
  return histogram;
}

// histc, whose bins are of one width: counted by division, as PyTorch does.
Outputs Histc(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = b.Flatten(c.tensor("self"));
  const DataType type = b.dtype(x);
  const bool real = IsFloatingPoint(type);
  if (!real) x = b.Cast(x, DataType::kFloat);
  const int64_t bins = c.Int("bins", 100);
  Bounds bounds = {c.NumberAs("min", b.dtype(x)), c.NumberAs("max", b.dtype(x))};
  if (c.Double("min", 0) == c.Double("max", 0)) {
    // Those of the numbers; of none at all, the bounds given.
    if (b.static_dim(x, 0) != int64_t{0}) {
      V known = b.Concat({x, b.Slice(b.Unsqueeze(bounds.low, {0}), 0, b.SizeOf(x, 0), b.Int(1))}, 0);
      bounds = {Minimum(b, known, {}, false), Maximum(b, known, {}, false)};
    }
    V margin = b.Where(b.Op("Equal", {bounds.low, bounds.high}), b.NumberLike(1, x), b.NumberLike(0, x));
    bounds = {b.Sub(bounds.low, margin), b.Add(bounds.high, margin)};
  }
  V number = b.NumberLike(static_cast<double>(bins), x);
  V position = b.Cast(b.Op("Floor", {b.Div(b.Mul(b.Sub(x, bounds.low), number), b.Sub(bounds.high, bounds.low))}), DataType::kInt64);
  V inside = b.Op("And", {b.Op("GreaterOrEqual", {x, bounds.low}), b.Op("LessOrEqual", {x, bounds.high})});
  // What lies outside is counted in a bin behind the last.
  V index = b.Where(inside, b.Op("Min", {position, b.Int(bins - 1)}), b.Int(bins));
  V counts = Counts(b, index, FullLike(b, x, b.NumberLike(1, x)), b.Int(bins + 1));
  return b.Cast(b.Slice(counts, 0, 0, bins), type);
}

Outputs Histogram(Call& c) {
  V x = c.b.Flatten(c.tensor("self"));
  V edges = c.arg("bins").is_tensor() ? c.tensor("bins") : EdgesBetween(c, BoundsOf(c, x, 0, 1), c.Int("bins"));
  return Outputs{HistogramOf(c, c.b.Unsqueeze(x, {1}), {edges}), edges};
}

// Of points of several axes; param says what is asked for: "edges", "counts" or both.
Outputs HistogramOfPoints(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.tensor("self");
  const std::optional<int64_t> axes = b.static_dim(x, -1);
  if (!axes) return c.Unsupported("a histogram of points whose number of coordinates is not known");
  V points = b.Reshape(x, {-1, *axes});
  const IValue& bins = c.arg("bins");
  std::vector<V> edges;
  for (size_t i = 0; i < static_cast<size_t>(*axes); ++i) {
    if (bins.is_list() && i < bins.list().size() && bins.list()[i].is_tensor()) {
      edges.push_back(c.ToTensor(bins.list()[i]));
      continue;
    }
    const std::vector<int64_t> counts = c.Ints("bins");
    if (counts.empty() || (bins.is_list() && i >= counts.size())) return c.Unsupported("a histogram with fewer bins than axes");
    edges.push_back(EdgesBetween(c, BoundsOf(c, b.Gather(points, b.Int(static_cast<int64_t>(i)), 1), i, 0.5), counts[bins.is_list() ? i : 0]));
  }
  const IValue list = IValue::MakeList(Outputs(edges).values);
  if (c.param() == "edges") return list;
  V histogram = HistogramOf(c, points, edges);
  if (c.param() == "counts") return histogram;
  Outputs both = histogram;
  const auto& wanted = c.node().outputs;
  if (wanted.size() == 2 && wanted[1]->kind == Kind::kList)
    both.values.push_back(list);
  else
    for (V edge : edges) both.values.push_back(AsArgument(edge));
  return both;
}

// ---- What occurs once

// Of a whole tensor, what was not asked for is empty.
Outputs OnceOf(Call& c, bool whole, V values, V inverse, V counts) {
  if (!whole) return Outputs{values, inverse, counts};
  V none = c.b.Ints({});
  return Outputs{values, c.Bool("return_inverse", false) ? inverse : none, c.Bool("return_counts", false) ? counts : none};
}

Outputs Unique(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.tensor("self");
  const bool by_axis = c.param() == "dim";
  const DataType type = b.dtype(x);
  if (type == DataType::kBool) x = b.Cast(x, DataType::kInt64);
  std::vector<ops::Attr> attributes = {{"sorted", 1}};
  if (by_axis) attributes.push_back({"axis", c.Axis("dim", c.rank("self"))});
  const std::vector<V> made = b.Ops("Unique", {x}, 4, std::move(attributes));
  V inverse = by_axis ? made[2] : b.Reshape(made[2], b.ShapeOf(x));
  return OnceOf(c, !by_axis, b.Cast(made[0], type), inverse, made[3]);
}

// Slices that differ from the one before, along an axis or of the tensor as a vector.
Outputs UniqueConsecutive(Call& c) {
  ops::GraphBuilder& b = c.b;
  V given = c.tensor("self");
  const bool whole = c.is_none("dim");
  V x = whole ? b.Flatten(given) : b.rank(given) == 0 ? b.Reshape(given, {1}) : given;
  const auto rank = static_cast<int64_t>(b.rank(x)), axis = whole ? 0 : c.Axis("dim", rank);
  V changes = Not(b, b.Op("Equal", {b.Slice(x, axis, 1, kEnd), b.Slice(x, axis, 0, -1)}));
  std::vector<int64_t> others;
  for (int64_t i = 0; i < rank; ++i)
    if (i != axis) others.push_back(i);
  if (!others.empty()) changes = AnyOf(b, changes, others, false);
  // The first begins a run, if there is one.
  V count = b.SizeOf(x, axis);
  V first = b.Slice(b.Unsqueeze(b.Scalar<bool>(true), {0}), 0, b.Int(0), count);
  V begins = b.Concat({first, changes}, 0);
  V values = b.Op("Compress", {x, begins}, {{"axis", axis}});
  V run = b.Sub(b.Op("CumSum", {b.Cast(begins, DataType::kInt64), b.Int(0)}), b.Int(1));
  V places = b.Op("Compress", {Arange(b, count), begins}, {{"axis", 0}});
  V ends = b.Concat({b.Slice(places, 0, 1, kEnd), b.Unsqueeze(count, {0})}, 0);
  // Of nothing there is no run, though there is an end.
  V lengths = b.Sub(b.Slice(ends, 0, b.Int(0), b.SizeOf(places, 0)), places);
  return OnceOf(c, whole, values, whole ? b.Reshape(run, b.ShapeOf(given)) : run, lengths);
}

Outputs OneHot(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = b.Cast(c.tensor("self"), DataType::kInt64);
  V classes = c.Number("num_classes");
  if (const auto known = b.constant_ints(classes); known && (*known)[0] < 0) classes = b.Add(Maximum(b, x, {}, false), b.Int(1));
  return b.Op("OneHot", {x, b.Unsqueeze(classes, {0}), b.Ints({0, 1})}, {{"axis", -1}});
}

constexpr RuleRow kRows[] = {
    {"aten.searchsorted", SearchSorted, "search"},
    {"aten.bucketize", SearchSorted, "bucketize"},
    {"aten.bincount", BinCount},
    {"aten.histc", Histc},
    {"aten.histogram", Histogram},
    {"aten.histogramdd", HistogramOfPoints, ""},
    {"aten._histogramdd_bin_edges", HistogramOfPoints, "edges"},
    {"aten._histogramdd_from_bin_cts", HistogramOfPoints, "counts"},
    {"aten._histogramdd_from_bin_tensors", HistogramOfPoints, "counts"},
    {"aten._unique2", Unique, ""},
    {"aten._unique", Unique, ""},
    {"aten.unique_dim", Unique, "dim"},
    {"aten.unique_consecutive", UniqueConsecutive},
    {"aten.unique_dim_consecutive", UniqueConsecutive},
    {"aten.one_hot", OneHot},
};

}  // namespace

std::span<const RuleRow> Counting() { return kRows; }

}  // namespace sardonyx::pytorch::rules
