// Bodies of operators that read images between their elements: GridSample, RoiAlign, DeformConv; and MaxRoiPool. Positions are
// computed, so that derivatives by them follow as well as those by the image.
#include <functional>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "optimize/gradient/bodies.h"
#include "optimize/gradient/body_text.h"

namespace sardonyx::optimize {
namespace {

using Name = std::string;
using Names = std::vector<Name>;

StatusOr<int64_t> RankOf(const ir::Node& node, size_t i) {
  if (node.input(i) && node.input(i)->type.shape) return static_cast<int64_t>(node.input(i)->type.shape->rank());
  return Unsupported(fmt::format("the rank of input {} is not known", i));
}

// What one axis contributes to a sample: elements (int64) with their weights. All of one shape, or broadcast.
struct Tap {
  Name index, weight;
};
using Taps = std::vector<Tap>;

// The rows [images * elements, channels] of x [images, channels, spatial...].
Name RowsOf(BodyText& b, const Name& x) {
  const Name last = b.Transpose(b.Reshape(x, {0, 0, -1}), {0, 2, 1});
  return b.Op("Reshape", {last, b.Join({b.Ints({-1}), b.Dims(x, 1, 2)})});
}

// The elements of an image of x: int64[].
Name PlaneSize(BodyText& b, const Name& x) { return b.Op("ReduceProd", {b.Op("Shape", {x}, "start = 2")}, "keepdims = 0"); }

// One value a combination of the axes' taps, by f(weighted rows).
void ForEachCorner(BodyText& b, const Name& rows, const Name& first, const std::vector<Taps>& axes, const Names& sizes,
                   const std::function<void(Name)>& f) {
  std::vector<size_t> at(axes.size(), 0);
  for (;;) {
    Name index = axes[0][at[0]].index, weight = axes[0][at[0]].weight;
    for (size_t a = 1; a < axes.size(); ++a) {
      index = b.Add(b.Mul(index, sizes[a]), axes[a][at[a]].index);
      weight = b.Mul(weight, axes[a][at[a]].weight);
    }
    f(b.Mul(b.Op("Gather", {rows, b.Add(index, first)}), b.Unsqueeze(weight, {-1})));
    size_t a = axes.size();
    while (a > 0 && ++at[a - 1] == axes[a - 1].size()) at[--a] = 0;
    if (a == 0) return;
  }
}

Name Interpolate(BodyText& b, const Name& rows, const Name& first, const std::vector<Taps>& axes, const Names& sizes) {
  Name sum;
  ForEachCorner(b, rows, first, axes, sizes, [&](const Name& value) { sum = sum.empty() ? value : b.Add(sum, value); });
  return sum;
}

// An axis of `size` elements as numbers.
struct Axis {
  Name size;                   // int64[]
  Name last, zero, low, high;  // floats
};

Name Inside(BodyText& b, const Axis& axis, const Name& i) {
  return b.AsFloat(b.Op("And", {b.Op("GreaterOrEqual", {i, axis.zero}), b.Op("LessOrEqual", {i, axis.last})}));
}

// x mirrored at low and high until it lies between them: low + r - |((x - low) mod 2 r) - r|, r = high - low.
Name Reflect(BodyText& b, const Axis& axis, const Name& x) {
  const Name range = b.Sub(axis.high, axis.low), positive = b.AsFloat(b.Op("Greater", {range, axis.zero}));
  const Name r = b.Add(range, b.Sub(b.Number(1), positive)), both = b.Mul(r, b.Number(2)), from = b.Sub(x, axis.low);
  const Name rest = b.Sub(from, b.Mul(b.Op("Floor", {b.Div(from, both)}), both));
  return b.Add(axis.low, b.Mul(b.Sub(r, b.Op("Abs", {b.Sub(rest, r)})), positive));
}

// The element that place i (a whole number) stands for, and its weight.
Tap Resolve(BodyText& b, const Axis& axis, const std::string& padding, const Name& i, const Name& weight) {
  const Name place = padding == "reflection" ? Reflect(b, axis, i) : i;
  return {b.AsInt(b.Op("Clip", {place, axis.zero, axis.last})), padding == "zeros" ? b.Mul(weight, Inside(b, axis, i)) : weight};
}

// Weights of the four elements around a fraction, as in GridSample: a = -0.75.
Names CubicWeights(BodyText& b, const Name& t) {
  const auto polynomial = [&](const Name& x, double c3, double c2, double c1, double c0) {
    Name y = b.Add(b.Mul(b.Number(c3), x), b.Number(c2));
    y = b.Add(b.Mul(y, x), b.Number(c1));
    return b.Add(b.Mul(y, x), b.Number(c0));
  };
  constexpr double a = -0.75;
  const auto near = [&](const Name& x) { return polynomial(x, a + 2, -(a + 3), 0, 1); };
  const auto far = [&](const Name& x) { return polynomial(x, a, -5 * a, 8 * a, -4 * a); };
  const Name one = b.Number(1);
  return {far(b.Add(t, one)), near(t), near(b.Sub(one, t)), far(b.Sub(b.Number(2), t))};
}

Taps LinearTaps(BodyText& b, const Axis& axis, const std::string& padding, const Name& x) {
  const Name floor = b.Op("Floor", {x}), fraction = b.Sub(x, floor), one = b.Number(1);
  return {Resolve(b, axis, padding, floor, b.Sub(one, fraction)), Resolve(b, axis, padding, b.Add(floor, one), fraction)};
}

struct GridOptions {
  std::string mode, padding;
  bool align_corners;
};

Taps GridTaps(BodyText& b, const GridOptions& options, const Axis& axis, const Name& normalized) {
  const Name one = b.Number(1), half = b.Number(0.5), shifted = b.Add(normalized, one);
  Name x = options.align_corners ? b.Mul(b.Mul(shifted, half), axis.last) : b.Mul(b.Sub(b.Mul(shifted, b.AsFloat(axis.size)), one), half);
  if (options.mode == "nearest") x = b.Op("Round", {x});
  if (options.padding != "zeros") {
    const Name outside = b.Op("Or", {b.Op("Less", {x, axis.low}), b.Op("Greater", {x, axis.high})});
    x = b.Op("Where", {outside, options.padding == "border" ? b.Op("Clip", {x, axis.zero, axis.last}) : Reflect(b, axis, x), x});
  }
  if (options.mode == "nearest") return {Resolve(b, axis, options.padding, x, b.Op("Add", {b.Mul(x, axis.zero), one}))};
  if (options.mode != "cubic" && options.mode != "bicubic") return LinearTaps(b, axis, options.padding, x);
  const Name floor = b.Op("Floor", {x});
  const Names weights = CubicWeights(b, b.Sub(x, floor));
  Taps taps;
  for (size_t t = 0; t < weights.size(); ++t)
    taps.push_back(Resolve(b, axis, options.padding, b.Add(floor, b.Number(static_cast<double>(t) - 1)), weights[t]));
  return taps;
}

Axis MakeAxis(BodyText& b, const Name& size, bool align_corners) {
  Axis axis{.size = size, .last = b.Sub(b.AsFloat(size), b.Number(1)), .zero = b.Number(0), .low = "", .high = ""};
  axis.low = align_corners ? axis.zero : b.Number(-0.5);
  axis.high = align_corners ? axis.last : b.Add(axis.last, b.Number(0.5));
  return axis;
}

}  // namespace

StatusOr<std::string> GridSampleBody(const ir::Node& node) {
  ASSIGN_OR_RETURN(const int64_t rank, RankOf(node, 0));
  const int64_t axes = rank - 2;
  if (axes < 1 || axes > 5) return Unsupported(fmt::format("GridSample over {} axes", axes));
  const GridOptions options{node.GetString("mode", "linear"), node.GetString("padding_mode", "zeros"),
                            node.GetInt("align_corners", 0) != 0};
  BodyText b("X");
  const Name points = b.AsFloat("grid");
  std::vector<Taps> taps;
  Names sizes;
  for (int64_t a = 0; a < axes; ++a) {
    sizes.push_back(b.Dim("X", 2 + a));
    const Name part = b.Op("Gather", {points, b.Int(axes - 1 - a)}, "axis = -1");
    taps.push_back(GridTaps(b, options, MakeAxis(b, sizes.back(), options.align_corners), b.Op("Reshape", {part, b.Ints({0, -1})})));
  }
  const Name first = b.Unsqueeze(b.Mul(b.Count(b.Dim("X", 0)), PlaneSize(b, "X")), {1});
  const Name y = b.Transpose(Interpolate(b, RowsOf(b, "X"), first, taps, sizes), {0, 2, 1});
  b.Output("Y", "Reshape", {y, b.Join({b.Dims("X", 0, 2), b.Dims("grid", 1, -1)})});
  return b.text();
}

namespace {

// The samples of RoiAlign along one axis: [rois, pooled, samples].
struct RoiAxis {
  Taps taps;
  Name valid;  // 1 or 0, as rois may have different numbers of samples
  Name count;  // [rois, 1, 1]
};

RoiAxis AlignAxis(BodyText& b, const ir::Node& node, bool half_pixel, int64_t low, const std::string& pooled_name, const Name& size) {
  const int64_t pooled = node.GetInt(pooled_name, 1), ratio = node.GetInt("sampling_ratio", 0);
  const Name scale = b.Number(node.GetFloat("spatial_scale", 1)), offset = b.Number(half_pixel ? 0.5 : 0), one = b.Number(1),
             zero = b.Number(0);
  const auto corner = [&](int64_t i) { return b.Sub(b.Mul(b.Op("Gather", {"rois", b.Ints({i})}, "axis = 1"), scale), offset); };
  const Name start = b.Unsqueeze(corner(low), {2});
  Name extent = b.Sub(b.Unsqueeze(corner(low + 2), {2}), start);
  if (!half_pixel) extent = b.Op("Max", {extent, one});
  const Name bin = b.Div(extent, b.Number(static_cast<double>(pooled)));
  RoiAxis axis;
  Name most;
  if (ratio > 0) {
    axis.count = b.Add(b.Mul(bin, zero), b.Number(static_cast<double>(ratio)));
    most = b.Int(ratio);
  } else {
    const Name limit = b.Add(b.Mul(b.AsFloat(size), b.Number(4)), b.Number(4));
    axis.count = b.Op("Clip", {b.Op("Ceil", {bin}), zero, limit});
    most = b.AsInt(b.Op("Max", {b.Op("ReduceMax", {axis.count}, "keepdims = 0"), one}));
  }
  const Name i = b.AsFloat(b.Count(most)), p = b.Unsqueeze(b.AsFloat(b.Count(b.Int(pooled))), {1});
  axis.valid = b.AsFloat(b.Op("Less", {i, axis.count}));
  const Name within = b.Div(b.Mul(b.Add(i, b.Number(0.5)), bin), b.Op("Max", {axis.count, one}));
  const Name x = b.Add(b.Add(start, b.Mul(p, bin)), within);
  const Name inside = b.AsFloat(b.Op("And", {b.Op("GreaterOrEqual", {x, b.Number(-1)}), b.Op("LessOrEqual", {x, b.AsFloat(size)})}));
  const Name last = b.Sub(b.AsFloat(size), one), position = b.Op("Max", {x, zero});
  const Name first = b.Op("Min", {b.Op("Floor", {position}), last}), second = b.Op("Min", {b.Add(first, one), last});
  const Name fraction = b.Op("Where", {b.Op("Less", {first, last}), b.Sub(position, first), zero});
  axis.taps = {{b.AsInt(first), b.Mul(b.Sub(one, fraction), inside)}, {b.AsInt(second), b.Mul(fraction, inside)}};
  return axis;
}

}  // namespace

StatusOr<std::string> RoiAlignBody(const ir::Node& node, int64_t opset_version) {
  if (!node.input(2)) return Invalid("batch_indices are missing");
  const bool half_pixel = opset_version >= 16 && node.GetString("coordinate_transformation_mode", "half_pixel") == "half_pixel";
  BodyText b("X");
  const Name height = b.Dim("X", 2), width = b.Dim("X", 3);
  RoiAxis rows = AlignAxis(b, node, half_pixel, 1, "output_height", height),
          columns = AlignAxis(b, node, half_pixel, 0, "output_width", width);
  // [rois, pooled height, samples, pooled width, samples]
  for (Tap& tap : rows.taps) tap = {b.Unsqueeze(tap.index, {3, 4}), b.Unsqueeze(tap.weight, {3, 4})};
  for (Tap& tap : columns.taps) tap = {b.Unsqueeze(tap.index, {1, 2}), b.Unsqueeze(tap.weight, {1, 2})};
  const Name valid = b.Unsqueeze(b.Mul(b.Unsqueeze(rows.valid, {3, 4}), b.Unsqueeze(columns.valid, {1, 2})), {-1});
  const Name count = b.Unsqueeze(b.Mul(rows.count, columns.count), {-1});  // [rois, 1, 1, 1]
  const Name first = b.Unsqueeze(b.Mul(b.AsInt("batch_indices"), PlaneSize(b, "X")), {1, 2, 3, 4});
  const Name image = RowsOf(b, "X"), samples = b.Ints({2, 4});
  Name y;
  if (node.GetString("mode", "avg") == "max") {
    // The largest of the weighted neighbours, as the operator has it.
    Name best;
    ForEachCorner(b, image, first, {rows.taps, columns.taps}, {height, width}, [&](const Name& value) {
      best = best.empty() ? value : b.Op("Max", {best, value});
    });
    const Name shown = b.Op("Where", {b.Op("Greater", {valid, b.Number(0)}), best, b.Number(-1e300)});
    y = b.Op("Where", {b.Op("Greater", {count, b.Number(0)}), b.Op("ReduceMax", {shown, samples}, "keepdims = 0"), b.Number(0)});
  } else {
    const Name values = b.Mul(Interpolate(b, image, first, {rows.taps, columns.taps}, {height, width}), valid);
    y = b.Div(b.Op("ReduceSum", {values, samples}, "keepdims = 0"), b.Op("Max", {count, b.Number(1)}));
  }
  b.Output("Y", "Transpose", {y}, "perm = [0, 3, 1, 2]");
  return b.text();
}

namespace {

// Which elements of an axis each bin holds: bool [rois, bins, size].
Name RoiBins(BodyText& b, const ir::Node& node, int64_t low, int64_t bins, const Name& size) {
  const Name scale = b.Number(node.GetFloat("spatial_scale", 1)), zero = b.Number(0), one = b.Number(1);
  const auto corner = [&](int64_t i) {
    const Name x = b.Mul(b.Op("Gather", {"rois", b.Ints({i})}, "axis = 1"), scale);
    return b.Unsqueeze(b.Mul(b.Op("Sign", {x}), b.Op("Floor", {b.Add(b.Op("Abs", {x}), b.Number(0.5))})), {2});
  };
  const Name start = corner(low), extent = b.Op("Max", {b.Add(b.Sub(corner(low + 2), start), one), one});
  const Name bin = b.Div(extent, b.Number(static_cast<double>(bins))), limit = b.AsFloat(size);
  const Name p = b.Unsqueeze(b.AsFloat(b.Count(b.Int(bins))), {1});
  const auto edge = [&](std::string_view round, const Name& at) {
    return b.Op("Clip", {b.Add(b.Op(round, {b.Mul(at, bin)}), start), zero, limit});
  };
  const Name begin = edge("Floor", p), end = edge("Ceil", b.Add(p, one)), i = b.AsFloat(b.Count(size));
  return b.Op("And", {b.Op("GreaterOrEqual", {i, begin}), b.Op("Less", {i, end})});
}

}  // namespace

StatusOr<std::string> MaxRoiPoolBody(const ir::Node& node) {
  const std::vector<int64_t> pooled = node.GetInts("pooled_shape");
  if (pooled.size() != 2) return Invalid("pooled_shape must be two numbers");
  BodyText b("X");
  const Name rows = b.Unsqueeze(RoiBins(b, node, 2, pooled[0], b.Dim("X", 2)), {1, 4});     // [rois, 1, bins, height, 1]
  const Name columns = b.Unsqueeze(RoiBins(b, node, 1, pooled[1], b.Dim("X", 3)), {1, 2});  // [rois, 1, 1, bins, width]
  const Name lowest = b.Number(-1e300), images = b.AsInt(b.Op("Gather", {"rois", b.Int(0)}, "axis = 1"));
  // The maximum of each bin's rows, then of its columns.
  const Name x = b.Unsqueeze(b.Op("Gather", {"X", images}), {2});
  const Name by_row = b.Op("ReduceMax", {b.Op("Where", {rows, x, lowest}), b.Ints({3})}, "keepdims = 0");
  const Name best = b.Op("ReduceMax", {b.Op("Where", {columns, b.Unsqueeze(by_row, {3}), lowest}), b.Ints({4})}, "keepdims = 0");
  const auto any = [&](const Name& bins, int64_t axis) {
    return b.Op("Greater", {b.Op("ReduceMax", {b.AsFloat(bins), b.Ints({axis})}, "keepdims = 0"), b.Number(0)});
  };
  b.Output("Y", "Where", {b.Op("And", {any(rows, 3), any(columns, 4)}), best, b.Number(0)});
  return b.text();
}

StatusOr<std::string> DeformConvBody(const ir::Node& node) {
  ASSIGN_OR_RETURN(const int64_t rank, RankOf(node, 0));
  const int64_t axes = rank - 2, group = node.GetInt("group", 1), offset_groups = node.GetInt("offset_group", 1);
  if (axes < 1 || axes > 3 || group < 1 || offset_groups < 1 || !node.input(2))
    return Unsupported(fmt::format("DeformConv over {} axes", axes));
  std::vector<int64_t> kernel = node.GetInts("kernel_shape");
  if (kernel.empty() && node.input(1)->type.shape && node.input(1)->type.shape->is_static())
    for (size_t i = 2; i < node.input(1)->type.shape->rank(); ++i) kernel.push_back((*node.input(1)->type.shape)[i].value());
  if (static_cast<int64_t>(kernel.size()) != axes) return Unsupported("DeformConv whose kernel is not known");
  const auto list = [&](std::string_view name, size_t count, int64_t fallback) {
    std::vector<int64_t> values = node.GetInts(name);
    values.resize(std::max(values.size(), count), fallback);
    return values;
  };
  const auto n = static_cast<size_t>(axes);
  const std::vector<int64_t> strides = list("strides", n, 1), dilations = list("dilations", n, 1), pads = list("pads", 2 * n, 0);
  int64_t taps = 1;
  for (int64_t k : kernel) taps *= k;
  if (taps < 1 || taps > 1 << 16) return Unsupported(fmt::format("a kernel of {} elements", taps));
  BodyText b("X");
  // Positions [images * offset groups, taps, outputs].
  const Name output = b.Op("Shape", {"offset"}, "start = 2"), outputs = b.Op("ReduceProd", {output});
  const Name offsets = b.Op("Reshape", {"offset", b.Join({b.Ints({-1, taps, axes}), outputs})});
  std::vector<Taps> all;
  Names sizes;
  int64_t inner = taps;
  for (int64_t a = 0; a < axes; ++a) {
    const auto i = static_cast<size_t>(a);
    inner /= kernel[i];
    std::vector<int64_t> starts;
    for (int64_t t = 0; t < taps; ++t) starts.push_back(t / inner % kernel[i] * dilations[i] - pads[i]);
    std::vector<int64_t> dims(n, 1);
    dims[i] = -1;
    const Name places = b.Mul(b.Reshape(b.Count(b.Dim("offset", 2 + a)), dims), b.Int(strides[i]));
    const Name spread = b.Op("Reshape", {b.Op("Expand", {places, output}), b.Ints({1, -1})});
    const Name base = b.AsFloat(b.Add(b.Reshape(b.Ints(starts), {-1, 1}), spread));
    sizes.push_back(b.Dim("X", 2 + a));
    const Name x = b.Add(b.Op("Gather", {offsets, b.Int(a)}, "axis = 2"), base);
    all.push_back(LinearTaps(b, MakeAxis(b, sizes.back(), true), "zeros", x));
  }
  const Name parts = b.Op("Reshape", {"X", b.Join({b.Mul(b.Dims("X", 0, 1), b.Ints({offset_groups})),
                                                   b.Div(b.Dims("X", 1, 2), b.Ints({offset_groups})), b.Op("Shape", {"X"}, "start = 2")})});
  const Name first = b.Unsqueeze(b.Mul(b.Count(b.Dim(parts, 0)), PlaneSize(b, "X")), {1, 2});
  Name samples = Interpolate(b, RowsOf(b, parts), first, all, sizes);  // [images * offset groups, taps, outputs, channels]
  if (node.input(4)) samples = b.Mul(samples, b.Unsqueeze(b.Op("Reshape", {"mask", b.Join({b.Ints({-1, taps}), outputs})}), {-1}));
  const Name columns = b.Op("Reshape", {b.Transpose(samples, {0, 3, 1, 2}), b.Join({b.Dims("X", 0, 1), b.Ints({group, -1}), outputs})});
  const Name filters = b.Dims("W", 0, 1);
  const Name weights = b.Op("Reshape", {"W", b.Join({b.Ints({group}), b.Div(filters, b.Ints({group})), b.Ints({-1})})});
  Name y = b.Op("Reshape", {b.Op("MatMul", {weights, columns}), b.Join({b.Dims("X", 0, 1), filters, output})});
  if (node.input(3)) {
    std::vector<int64_t> dims(n + 1, 1);
    dims[0] = -1;
    y = b.Add(y, b.Reshape("B", dims));
  }
  b.Output("Y", "Identity", {y});
  return b.text();
}

}  // namespace sardonyx::optimize
