// Resizing, sampling, boxes and picture decoding.
#include <cmath>
#include <limits>
#include <numeric>

#include "ops/infer/common.h"
#include "ops/infer/families.h"

namespace sardonyx::ops::infer {
namespace {

// floor(size * scale); unknown where it is no size.
Dim Scaled(const Dim& size, double scale) {
  if (!(scale > 0)) return {};
  if (scale == std::floor(scale) && scale < 1e9) return size * Dim(static_cast<int64_t>(scale));
  if (size.is_constant()) {
    const double scaled = std::floor(static_cast<double>(size.value()) * scale);
    return scaled < 9e15 ? Dim(static_cast<int64_t>(scaled)) : Dim();
  }
  const double inverse = 1 / scale;
  if (inverse == std::floor(inverse) && inverse < 1e9) return Dim::FloorDiv(size, Dim(static_cast<int64_t>(inverse)));
  return {};
}

Status ScaleShape(Shape& shape, const std::vector<size_t>& axes, const std::vector<double>& scales) {
  if (scales.size() != axes.size()) return Invalid(fmt::format("there are {} scales for {} axes", scales.size(), axes.size()));
  for (size_t i = 0; i < axes.size(); ++i) {
    if (!(scales[i] > 0)) return Invalid(fmt::format("scale {} is not positive", scales[i]));
    shape[axes[i]] = Scaled(shape[axes[i]], scales[i]);
  }
  return {};
}

// keep_aspect_ratio_policy: every axis is scaled by the smallest (or largest) of the wanted scales.
void KeepAspectRatio(const Shape& input, const std::vector<size_t>& axes, std::string_view policy, std::vector<Dim>& sizes) {
  const bool smallest = policy == "not_larger";
  double scale = smallest ? std::numeric_limits<double>::infinity() : 0;
  for (size_t i = 0; i < axes.size(); ++i) {
    const Dim& size = input[axes[i]];
    if (!size.is_constant() || size.value() <= 0 || !sizes[i].is_constant()) {
      sizes.assign(sizes.size(), Dim());
      return;
    }
    const double wanted = static_cast<double>(sizes[i].value()) / static_cast<double>(size.value());
    scale = smallest ? std::min(scale, wanted) : std::max(scale, wanted);
  }
  for (size_t i = 0; i < axes.size(); ++i)
    sizes[i] = Dim(static_cast<int64_t>(std::floor(scale * static_cast<double>(input[axes[i]].value()) + 0.5)));
}

// Whether an input stands for "not given": omitted, or an empty tensor, as opset 11 needed.
bool IsAbsent(const InferenceContext& context, size_t i) {
  if (!context.has_input(i)) return true;
  const Shape* shape = context.input_shape(i);
  return shape != nullptr && shape->num_elements().is_constant(0);
}

}  // namespace

// Inputs X, scales (Resize 10, Upsample 9) or X, roi, scales, sizes (Resize 11 on).
Status InferResize(InferenceContext& context) {
  const Shape* input = context.input_shape(0);
  const DataType dtype = context.input_dtype(0);
  const bool has_sizes_input = context.schema().max_inputs > 2;
  const size_t scales_input = has_sizes_input ? 2 : 1;
  const bool has_scales = !IsAbsent(context, scales_input), has_sizes = has_sizes_input && !IsAbsent(context, 3);
  if (input == nullptr) {
    context.SetOutput(0, dtype, std::nullopt);
    return {};
  }
  std::vector<size_t> axes(input->rank());
  std::iota(axes.begin(), axes.end(), 0);
  if (HasAttribute(context, "axes")) {
    ASSIGN_OR_RETURN(axes, NormalAxes(GetInts(context, "axes"), input->rank()));
  }
  if (has_scales && has_sizes) return Invalid("both scales and sizes are given; only one of them may be");
  if (!has_scales && !has_sizes && has_sizes_input) return Invalid("neither scales nor sizes are given");
  Shape shape(input->dims());
  if (has_sizes) {
    std::optional<std::vector<Dim>> sizes = context.input_elements(3);
    if (sizes && sizes->size() != axes.size())
      return Invalid(fmt::format("{} has {} numbers for {} axes", InputLabel(context, 3), sizes->size(), axes.size()));
    if (!sizes) sizes.emplace(axes.size());
    const std::string policy = GetString(context, "keep_aspect_ratio_policy", "stretch");
    if (policy != "stretch") KeepAspectRatio(*input, axes, policy, *sizes);
    for (size_t i = 0; i < axes.size(); ++i) shape[axes[i]] = (*sizes)[i];
  } else if (const std::optional<std::vector<double>> scales = ConstantNumbers(context, scales_input)) {
    RETURN_IF_ERROR(ScaleShape(shape, axes, *scales));
  } else {
    for (size_t axis : axes) shape[axis] = Dim();
  }
  context.SetOutput(0, dtype, std::move(shape));
  return {};
}

Status InferUpsample(InferenceContext& context) {
  constexpr int kScalesAreInput = 9;
  if (context.schema().since_version >= kScalesAreInput) return InferResize(context);
  std::optional<Shape> shape = InputShape(context, 0);
  if (shape) {
    std::vector<double> scales;
    if (context.schema().attribute("scales") != nullptr) {
      for (const float scale : context.node().GetFloats("scales")) scales.push_back(scale);
    } else {
      RETURN_IF_ERROR(RequireRank(context, 0, 4));
      scales = {1, 1, GetFloat(context, "height_scale", 1), GetFloat(context, "width_scale", 1)};
    }
    std::vector<size_t> axes(shape->rank());
    std::iota(axes.begin(), axes.end(), 0);
    RETURN_IF_ERROR(ScaleShape(*shape, axes, scales));
  }
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  return {};
}

// Grid [N, D1_out, ..., r] of X [N, C, D1, ...]; com.microsoft's is the same for rank 4.
Status InferGridSample(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRankAtLeast(context, 0, 3));
  RETURN_IF_ERROR(RequireRankAtLeast(context, 1, 3));
  const Shape* x = context.input_shape(0);
  const Shape* grid = context.input_shape(1);
  if (x && grid && x->rank() != grid->rank())
    return Invalid(
        fmt::format("{} {} and {} {} differ in rank", InputLabel(context, 0), x->ToString(), InputLabel(context, 1), grid->ToString()));
  const Shape* known = x ? x : grid;
  std::optional<Shape> shape;
  if (known != nullptr) {
    shape = Shape::OfRank(known->rank());
    if (x) (*shape)[0] = (*x)[0], (*shape)[1] = (*x)[1];
    if (grid) {
      ASSIGN_OR_RETURN((*shape)[0], EqualDims((*shape)[0], (*grid)[0], "batch sizes of X and grid"));
      const Dim& coordinates = (*grid)[grid->rank() - 1];
      if (coordinates.is_constant() && coordinates.value() != static_cast<int64_t>(grid->rank()) - 2)
        return Invalid(
            fmt::format("{} has {} coordinates a place; expected {}", InputLabel(context, 1), coordinates.value(), grid->rank() - 2));
      for (size_t i = 2; i < shape->rank(); ++i) (*shape)[i] = (*grid)[i - 1];
    }
  }
  context.SetOutput(0, kBySchema, std::move(shape));
  return {};
}

// theta [N, 2, 3] with size [N, C, H, W] gives [N, H, W, 2]; one more axis in three dimensions.
Status InferAffineGrid(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRank(context, 0, 3));
  RETURN_IF_ERROR(RequireRank(context, 1, 1));
  std::optional<Shape> shape;
  if (const std::optional<std::vector<Dim>> size = context.input_elements(1)) {
    if (size->size() != 4 && size->size() != 5)
      return Invalid(fmt::format("{} has {} numbers; expected 4 or 5", InputLabel(context, 1), size->size()));
    const Shape* theta = context.input_shape(0);
    ASSIGN_OR_RETURN(const Dim batch, EqualDims(size->front(), theta ? (*theta)[0] : Dim(), "batch sizes of size and theta"));
    shape = Shape{batch};
    for (size_t i = 2; i < size->size(); ++i) shape->Append((*size)[i]);
    shape->Append(Dim(static_cast<int64_t>(size->size()) - 2));
  }
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  return {};
}

Status InferNonMaxSuppression(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRank(context, 0, 3));
  RETURN_IF_ERROR(RequireRank(context, 1, 3));
  if (const Shape* boxes = context.input_shape(0)) RETURN_IF_ERROR(EqualDims((*boxes)[2], Dim(4), "numbers of a box").status());
  for (size_t i = 2; i < 5; ++i)
    if (context.has_input(i)) RETURN_IF_ERROR(RequireSingleElement(context, i));
  context.SetOutput(0, DataType::kInt64, Shape{context.NewSymbol("selected"), Dim(3)});
  return {};
}

Status InferImageDecoder(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRank(context, 0, 1));
  const std::string format = GetString(context, "pixel_format", "RGB");
  if (format != "RGB" && format != "BGR" && format != "Grayscale")
    return Invalid(fmt::format("pixel_format = '{}' is none of RGB, BGR, Grayscale", format));
  context.SetOutput(0, DataType::kUint8,
                    Shape{context.NewSymbol("height"), context.NewSymbol("width"), Dim(format == "Grayscale" ? 1 : 3)});
  return {};
}

}  // namespace sardonyx::ops::infer
