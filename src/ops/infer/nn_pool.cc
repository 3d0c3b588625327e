// Poolings.
#include "ops/infer/families.h"
#include "ops/infer/window.h"

namespace sardonyx::ops::infer {
namespace {

StatusOr<std::optional<Shape>> PooledShape(const InferenceContext& context, bool channels_last) {
  RETURN_IF_ERROR(RequireRankAtLeast(context, 0, 3));
  const Shape* x = context.input_shape(0);
  ASSIGN_OR_RETURN(const Window window, ReadPoolWindow(context));
  const size_t first = channels_last ? 1 : 2;
  if (x == nullptr) return std::optional<Shape>(Shape::OfRank(window.rank() + 2));
  if (x->rank() != window.rank() + 2)
    return Invalid(fmt::format("kernel_shape has {} sizes, but {} has rank {}", window.rank(), InputLabel(context, 0), x->rank()));
  Shape shape(x->dims());
  for (size_t i = 0; i < window.rank(); ++i) {
    ASSIGN_OR_RETURN(shape[i + first], WindowPlaces(window, i, (*x)[i + first]));
  }
  return std::optional<Shape>(std::move(shape));
}

Status Pool(InferenceContext& context, bool channels_last) {
  ASSIGN_OR_RETURN(std::optional<Shape> shape, PooledShape(context, channels_last));
  context.SetOutput(0, context.input_dtype(0), shape);
  context.SetOutput(1, DataType::kInt64, std::move(shape));  // MaxPool's indices, when asked for
  return {};
}

Status GlobalPool(InferenceContext& context, bool channels_last) {
  RETURN_IF_ERROR(RequireRankAtLeast(context, 0, 2));
  std::optional<Shape> shape = InputShape(context, 0);
  if (shape) {
    const size_t first = channels_last ? 1 : 2, end = channels_last ? shape->rank() - 1 : shape->rank();
    for (size_t i = first; i < end; ++i) (*shape)[i] = Dim(1);
  }
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  return {};
}

}  // namespace

Status InferPool(InferenceContext& context) {
  // LpPool 1 has no required kernel_shape.
  if (!HasAttribute(context, "kernel_shape") && context.schema().name == "LpPool") {
    const Shape* x = context.input_shape(0);
    context.SetOutput(0, context.input_dtype(0), x ? std::optional<Shape>(Shape::OfRank(x->rank())) : std::nullopt);
    return {};
  }
  return Pool(context, GetInt(context, "channels_last") != 0);
}

Status InferNhwcMaxPool(InferenceContext& context) { return Pool(context, true); }
Status InferGlobalPool(InferenceContext& context) { return GlobalPool(context, GetInt(context, "channels_last") != 0); }

Status InferMaxUnpool(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRankAtLeast(context, 0, 3));
  const Shape* x = context.input_shape(0);
  ASSIGN_OR_RETURN(const Window window, ReadPoolWindow(context));
  if (x != nullptr && x->rank() != window.rank() + 2)
    return Invalid(fmt::format("kernel_shape has {} sizes, but {} has rank {}", window.rank(), InputLabel(context, 0), x->rank()));
  Shape shape = Shape::OfRank(window.rank() + 2);
  if (context.has_input(2)) {
    if (const std::optional<std::vector<Dim>> sizes = context.input_elements(2)) {
      if (sizes->size() != shape.rank())
        return Invalid(fmt::format("{} has {} sizes; expected {}", InputLabel(context, 2), sizes->size(), shape.rank()));
      shape = Shape(*sizes);
    }
  } else if (x != nullptr) {
    shape = Shape(x->dims());
    for (size_t i = 0; i < window.rank(); ++i)
      shape[i + 2] =
          ((*x)[i + 2] - 1) * Dim(window.strides[i]) + window.kernel[i] - Dim(window.pads[i]) - Dim(window.pads[i + window.rank()]);
  }
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  return {};
}

Status InferMaxRoiPool(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRank(context, 0, 4));
  RETURN_IF_ERROR(RequireRank(context, 1, 2));
  const std::vector<int64_t> pooled = GetInts(context, "pooled_shape");
  if (pooled.size() != 2) return Invalid(fmt::format("pooled_shape has {} sizes; expected 2", pooled.size()));
  const Shape* x = context.input_shape(0);
  const Shape* rois = context.input_shape(1);
  context.SetOutput(0, context.input_dtype(0), Shape{rois ? (*rois)[0] : Dim(), x ? (*x)[1] : Dim(), Dim(pooled[0]), Dim(pooled[1])});
  return {};
}

Status InferRoiAlign(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRank(context, 0, 4));
  RETURN_IF_ERROR(RequireRank(context, 1, 2));
  RETURN_IF_ERROR(RequireRank(context, 2, 1));
  const Shape* x = context.input_shape(0);
  const Shape* rois = context.input_shape(1);
  const Shape* batches = context.input_shape(2);
  Dim count = rois ? (*rois)[0] : Dim();
  if (batches) {
    ASSIGN_OR_RETURN(count, EqualDims(count, (*batches)[0], "number of rois and of batch_indices"));
  }
  context.SetOutput(0, context.input_dtype(0),
                    Shape{count, x ? (*x)[1] : Dim(), Dim(GetInt(context, "output_height", 1)), Dim(GetInt(context, "output_width", 1))});
  return {};
}

}  // namespace sardonyx::ops::infer
