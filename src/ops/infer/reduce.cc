// Operators along axes: Reduce*, ArgMax/ArgMin, softmax and cumulative ones.
#include "ops/infer/elements.h"
#include "ops/infer/families.h"

namespace sardonyx::ops::infer {
namespace {

// The axes to reduce. `known` is false when they are an input whose value is not; `count` is then their number, if known.
struct ReduceAxes {
  std::vector<int64_t> axes;
  bool known = true;
  std::optional<size_t> count;
};

ReduceAxes ReadAxes(const InferenceContext& context) {
  ReduceAxes result;
  if (context.schema().attribute("axes") != nullptr) {
    result.axes = GetInts(context, "axes");
  } else if (context.has_input(1)) {
    if (std::optional<std::vector<int64_t>> axes = ConstantElements(context, 1)) {
      result.axes = *std::move(axes);
    } else {
      result.known = false;
      if (const std::optional<Elements> elements = context.input_elements(1)) result.count = elements->size();
    }
  }
  return result;
}

// What other numbers than 0 and 1 mean is not said; this engine and ONNX's inference would differ.
Status CheckKeepDims(const InferenceContext& context) {
  const int64_t keep_dims = GetInt(context, "keepdims", 1);
  if (keep_dims == 0 || keep_dims == 1) return {};
  return Invalid(fmt::format("keepdims = {} is neither 0 nor 1", keep_dims));
}

std::optional<Shape> UnknownAxesShape(const Shape& input, const ReduceAxes& axes, bool keep_dims) {
  if (keep_dims) {
    Shape shape = Shape::OfRank(input.rank());
    for (size_t i = 0; i < input.rank(); ++i)
      if (input[i].is_constant(1)) shape[i] = Dim(1);
    return shape;
  }
  if (!axes.count || *axes.count > input.rank() || *axes.count == 0) return std::nullopt;
  return Shape::OfRank(input.rank() - *axes.count);
}

Status Reduce(InferenceContext& context, Dim (*combine)(const Dim&, const Dim&)) {
  const ReduceAxes axes = ReadAxes(context);
  const bool keep_dims = GetInt(context, "keepdims", 1) != 0;
  const bool empty_is_none = GetInt(context, "noop_with_empty_axes") != 0;
  const Shape* input = context.input_shape(0);
  if (input == nullptr) {
    const bool scalar = axes.known && axes.axes.empty() && !empty_is_none && !keep_dims;
    context.SetOutput(0, kBySchema, scalar ? std::optional<Shape>(Shape()) : std::nullopt);
    return {};
  }
  if (!axes.known) {
    context.SetOutput(0, kBySchema, UnknownAxesShape(*input, axes, keep_dims));
    return {};
  }
  ASSIGN_OR_RETURN(const std::vector<size_t> normal, NormalAxes(axes.axes, input->rank()));
  std::vector<bool> reduced(input->rank(), normal.empty() && !empty_is_none);
  for (size_t axis : normal) reduced[axis] = true;
  Shape shape;
  for (size_t i = 0; i < input->rank(); ++i) {
    if (!reduced[i])
      shape.Append((*input)[i]);
    else if (keep_dims)
      shape.Append(Dim(1));
  }
  const bool everything = input->rank() == 1 && reduced[0];
  context.SetOutput(0, kBySchema, std::move(shape));
  RETURN_IF_ERROR(CheckKeepDims(context));
  const std::optional<Elements> elements = everything && combine != nullptr ? KnownElements(context, 0) : std::nullopt;
  if (!elements || elements->empty()) return {};
  Dim result = elements->front();
  for (size_t i = 1; i < elements->size(); ++i) result = combine(result, (*elements)[i]);
  context.set_output_elements(0, {result});
  return {};
}

}  // namespace

Status InferReduce(InferenceContext& context) { return Reduce(context, nullptr); }
Status InferReduceSum(InferenceContext& context) { return Reduce(context, element::Add); }
Status InferReduceProd(InferenceContext& context) { return Reduce(context, element::Mul); }
Status InferReduceMax(InferenceContext& context) { return Reduce(context, Dim::Max); }
Status InferReduceMin(InferenceContext& context) { return Reduce(context, Dim::Min); }

Status InferArgReduce(InferenceContext& context) {
  const bool keep_dims = GetInt(context, "keepdims", 1) != 0;
  std::optional<Shape> shape = InputShape(context, 0);
  if (shape) {
    // A scalar has no axis to search, but exporters write ArgMax of one.
    if (shape->rank() > 0) {
      ASSIGN_OR_RETURN(const size_t axis, NormalAxis(GetInt(context, "axis", 0), shape->rank()));
      if (keep_dims)
        (*shape)[axis] = Dim(1);
      else
        shape->dims().erase(shape->dims().begin() + static_cast<ptrdiff_t>(axis));
    }
  }
  context.SetOutput(0, DataType::kInt64, std::move(shape));
  return CheckKeepDims(context);
}

// Softmax, LogSoftmax, Hardmax, LpNormalization: the shape stays; attribute `axis` must lie within it.
Status InferAlongAxis(InferenceContext& context) {
  const Shape* input = context.input_shape(0);
  const int64_t axis = GetInt(context, "axis", -1);
  // Until opset 12 the axis is where the input is flattened to two dims, so it may equal the rank.
  constexpr int kAxisIsOneDim = 13;
  const bool flattens = context.schema().since_version < kAxisIsOneDim && axis == 1;
  if (input != nullptr && input->rank() > 0 && !flattens) RETURN_IF_ERROR(NormalAxis(axis, input->rank()).status());
  CopyType(context, 0, 0);
  return {};
}

// CumSum, CumProd: the axis is an input.
Status InferCumulative(InferenceContext& context) {
  RETURN_IF_ERROR(RequireSingleElement(context, 1));
  const Shape* input = context.input_shape(0);
  const std::optional<int64_t> axis = ConstantScalar(context, 1);
  if (input != nullptr && axis) RETURN_IF_ERROR(NormalAxis(*axis, input->rank()).status());
  CopyType(context, 0, 0);
  return {};
}

Status InferTopK(InferenceContext& context) {
  Dim k;
  if (context.schema().attribute("k") != nullptr) {
    k = Dim(GetInt(context, "k", -1));
  } else if (context.has_input(1)) {
    const std::optional<Elements> elements = context.input_elements(1);
    if (elements && elements->size() == 1)
      k = elements->front();
    else if (elements)
      return Invalid(fmt::format("{} has {} elements; expected 1", InputLabel(context, 1), elements->size()));
  }
  if (k.is_constant() && k.value() < 0) return Invalid(fmt::format("k = {} is negative", k.value()));
  std::optional<Shape> shape = InputShape(context, 0);
  if (shape) {
    ASSIGN_OR_RETURN(const size_t axis, NormalAxis(GetInt(context, "axis", -1), shape->rank()));
    const Dim size = (*shape)[axis];
    if (k.is_constant() && size.is_constant() && k.value() > size.value())
      return Invalid(fmt::format("k = {} is greater than the size {} of axis {}", k.value(), size.value(), axis));
    (*shape)[axis] = k.is_unknown() ? context.NewSymbol("k") : k;
  }
  context.SetOutput(0, context.input_dtype(0), shape);
  context.SetOutput(1, DataType::kInt64, std::move(shape));
  return {};
}

}  // namespace sardonyx::ops::infer
