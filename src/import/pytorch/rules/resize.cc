// Resizing and sampling of images.
#include <algorithm>
#include <cmath>
#include <limits>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

// A scale as a float with which a size becomes what PyTorch's double makes of it: 20 * 0.9 is 18, and the float next to 0.9, which lies
// below, would make 17 of it. The float above does for every size, but where a nearest element is looked for, ties may fall otherwise:
// there it is taken only if the size is known to need it.
float ScaleOf(double scale, std::optional<int64_t> size, bool nearest) {
  const auto near = static_cast<float>(scale);
  const float above = near < scale ? std::nextafter(near, std::numeric_limits<float>::infinity()) : near;
  if (!size) return nearest ? near : above;
  // Runtimes multiply in float or in double.
  const double wanted = std::floor(static_cast<double>(*size) * scale);
  const bool same = std::floor(static_cast<float>(*size) * near) == static_cast<float>(wanted) &&
                    std::floor(static_cast<double>(*size) * static_cast<double>(near)) == wanted;
  return same ? near : above;
}

// param: the mode, with "aa" for antialiasing.
Outputs Upsample(Call& c) {
  ops::GraphBuilder& b = c.b;
  const std::string_view name = c.is_none("input") ? "self" : "input";
  V x = c.tensor(name);
  if (b.dtype(x) == DataType::kUint8 && !c.param().starts_with("nearest")) {
    // In float, rounded.
    std::vector<IValue> arguments = c.arguments();
    arguments[0] = AsArgument(b.Cast(x, DataType::kFloat));
    V y = Apply(c, c.target(), std::move(arguments));
    y = b.Op("Floor", {b.Add(b.Op("Clip", {y, b.NumberLike(0, y), b.NumberLike(255, y)}), b.NumberLike(0.5, y))});
    return b.Cast(y, DataType::kUint8);
  }
  const auto rank = static_cast<int64_t>(b.rank(x));
  const auto spatial = static_cast<size_t>(std::max<int64_t>(0, rank - 2));
  const std::string_view mode = c.param();
  const bool align = c.Bool("align_corners", false);
  // Scales: a list, or one an axis.
  std::vector<double> scales;
  if (c.arg("scale_factors").is_list()) {
    for (const IValue& item : c.arg("scale_factors").list())
      scales.push_back(item.is_double() ? item.number() : item.is_int() ? static_cast<double>(item.integer()) : 0);
  } else {
    for (const std::string_view name : {"scales_d", "scales_h", "scales_w", "scales"})
      if (!c.is_none(name) && c.arg(name).is_double()) scales.push_back(c.Double(name));
  }
  if (scales.size() == 1 && spatial > 1 && c.arg("scale_factors").is_list()) scales.assign(spatial, scales[0]);
  std::vector<ops::Attr> attributes;
  if (mode == "nearest") {
    attributes = {{"mode", "nearest"}, {"coordinate_transformation_mode", "asymmetric"}, {"nearest_mode", "floor"}};
  } else if (mode == "nearest_exact") {
    attributes = {{"mode", "nearest"}, {"coordinate_transformation_mode", "half_pixel"}, {"nearest_mode", "round_prefer_ceil"}};
  } else {
    const bool cubic = mode.starts_with("cubic"), antialias = mode.ends_with("aa");
    attributes = {{"mode", cubic ? "cubic" : "linear"}, {"coordinate_transformation_mode", align ? "align_corners" : "half_pixel"}};
    if (cubic) attributes.push_back({"cubic_coeff_a", antialias ? -0.5 : -0.75});
    if (antialias) {
      attributes.push_back({"antialias", 1});
      attributes.push_back({"exclude_outside", 1});
    }
  }
  // Aligned corners map by sizes alone; so do sizes that PyTorch was given.
  const bool by_scale = scales.size() == spatial && !align && (c.is_none("output_size") || c.arg("scale_factors").is_none());
  if (by_scale || (scales.size() == spatial && c.is_none("output_size"))) {
    std::vector<float> list = {1, 1};
    for (size_t i = 0; i < spatial; ++i)
      list.push_back(ScaleOf(scales[i], b.static_dim(x, static_cast<int64_t>(i) + 2), mode.starts_with("nearest")));
    if (!align) {
      V y = b.Op("Resize", {x, nullptr, b.Constant(Tensor::From<float>({rank}, list))}, std::move(attributes));
      return y;
    }
  }
  std::vector<V> sizes = {b.SizeOf(x, 0), b.SizeOf(x, 1)};
  for (size_t i = 0; i < spatial; ++i) {
    if (!c.is_none("output_size")) {
      sizes.push_back(b.Cast(c.ToNumber(c.arg("output_size").list().at(i)), DataType::kInt64));
    } else {
      V size = b.Cast(b.SizeOf(x, static_cast<int64_t>(i) + 2), DataType::kDouble);
      sizes.push_back(b.Cast(b.Op("Floor", {b.Mul(size, b.Number(scales.at(i), DataType::kDouble))}), DataType::kInt64));
    }
  }
  return b.Op("Resize", {x, nullptr, nullptr, b.Stack1D(sizes)}, std::move(attributes));
}

Outputs GridSample(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.tensor("input");
  const int64_t mode = c.Int("interpolation_mode", 0), padding = c.Int("padding_mode", 0);
  constexpr const char* kOld[] = {"bilinear", "nearest", "bicubic"};
  constexpr const char* kNew[] = {"linear", "nearest", "cubic"};
  constexpr const char* kPadding[] = {"zeros", "border", "reflection"};
  if (mode < 0 || mode > 2 || padding < 0 || padding > 2) return c.Unsupported("this mode of grid sampling");
  if (b.known_rank(x) == size_t{5} && b.opset() < 20) {
    b.Require(20, "grid sampling of volumes");
    return b.Int(0);
  }
  return b.Op("GridSample", {x, c.tensor("grid")},
              {{"align_corners", c.Bool("align_corners", false) ? 1 : 0},
               {"mode", b.opset() < 20 ? kOld[mode] : kNew[mode]},
               {"padding_mode", kPadding[padding]}});
}

Outputs AffineGrid(Call& c) {
  ops::GraphBuilder& b = c.b;
  V theta = c.tensor("theta");
  V size = c.IntVector("size");
  const bool align = c.Bool("align_corners", false);
  if (b.Has("AffineGrid")) return b.Op("AffineGrid", {theta, size}, {{"align_corners", align ? 1 : 0}});
  const IValue::List& sizes = c.arg("size").list();
  const auto spatial = static_cast<int64_t>(sizes.size()) - 2;
  const DataType type = b.dtype(theta);
  // Homogeneous coordinates of every point, x first: [..., spatial + 1].
  std::vector<V> points, target;
  for (int64_t i = 0; i < spatial; ++i) target.push_back(b.Cast(c.ToNumber(sizes[static_cast<size_t>(i) + 2]), DataType::kInt64));
  V shape = b.Stack1D(target);
  for (int64_t i = spatial; i-- > 0;) {
    V count = target[static_cast<size_t>(i)];
    V index = b.Cast(Arange(b, count), type), n = b.Cast(count, type);
    V step = align ? b.Div(b.Number(2.0, type), b.Op("Max", {b.Sub(n, b.Number(1.0, type)), b.Number(1.0, type)}))
                   : b.Div(b.Number(2.0, type), n);
    V start = align ? b.Number(-1.0, type) : b.Sub(b.Div(b.Number(1.0, type), n), b.Number(1.0, type));
    std::vector<int64_t> axis(static_cast<size_t>(spatial), 1);
    axis[static_cast<size_t>(i)] = -1;
    points.push_back(b.Unsqueeze(b.Expand(b.Reshape(b.Add(b.Mul(index, step), start), axis), shape), {-1}));
  }
  points.push_back(b.Unsqueeze(b.Expand(b.Number(1.0, type), shape), {-1}));
  V grid = b.Reshape(b.Concat(points, -1), {-1, spatial + 1});
  V moved = b.Op("MatMul", {grid, b.Transpose(theta, {0, 2, 1})});
  std::vector<V> out = {b.Cast(c.ToNumber(sizes[0]), DataType::kInt64)};
  out.insert(out.end(), target.begin(), target.end());
  out.push_back(b.Int(spatial));
  return b.Reshape(moved, b.Stack1D(out));
}

constexpr RuleRow kRows[] = {
    {"aten.upsample_nearest1d", Upsample, "nearest"},
    {"aten.upsample_nearest2d", Upsample, "nearest"},
    {"aten.upsample_nearest3d", Upsample, "nearest"},
    {"aten._upsample_nearest_exact1d", Upsample, "nearest_exact"},
    {"aten._upsample_nearest_exact2d", Upsample, "nearest_exact"},
    {"aten._upsample_nearest_exact3d", Upsample, "nearest_exact"},
    {"aten.upsample_linear1d", Upsample, "linear"},
    {"aten.upsample_bilinear2d", Upsample, "linear"},
    {"aten.upsample_trilinear3d", Upsample, "linear"},
    {"aten.upsample_bicubic2d", Upsample, "cubic"},
    {"aten._upsample_bilinear2d_aa", Upsample, "linear_aa"},
    {"aten._upsample_bicubic2d_aa", Upsample, "cubic_aa"},
    {"aten.grid_sampler", GridSample},
    {"aten.grid_sampler_2d", GridSample},
    {"aten.grid_sampler_3d", GridSample},
    {"aten.affine_grid_generator", AffineGrid},
};

}  // namespace

std::span<const RuleRow> Resizing() { return kRows; }

}  // namespace sardonyx::pytorch::rules
