// Fourier transforms.
#include "ops/infer/elements.h"
#include "ops/infer/families.h"

namespace sardonyx::ops::infer {
namespace {

Dim Scalar(const InferenceContext& context, size_t i) {
  const std::optional<Elements> elements = context.input_elements(i);
  return elements && elements->size() == 1 ? elements->front() : Dim();
}

}  // namespace

// [batch, n1, ..., 1 or 2]; the last dim holds real and imaginary part.
Status InferDft(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRankAtLeast(context, 0, 2));
  const Shape* input = context.input_shape(0);
  if (input == nullptr) {
    context.SetOutput(0, context.input_dtype(0), std::nullopt);
    return {};
  }
  const bool onesided = GetInt(context, "onesided") != 0, inverse = GetInt(context, "inverse") != 0;
  std::optional<int64_t> axis;
  if (context.schema().attribute("axis") != nullptr)
    axis = GetInt(context, "axis", 1);
  else
    axis = context.has_input(2) ? ConstantScalar(context, 2) : -2;
  Shape shape(input->dims());
  const size_t last = shape.rank() - 1;
  if (!axis) {
    for (size_t i = 0; i < last; ++i) shape[i] = Dim();  // any of them may change
  } else {
    ASSIGN_OR_RETURN(const size_t at, NormalAxis(*axis, shape.rank()));
    if (at == last) return Invalid("the axis is the one of real and imaginary parts");
    if (context.has_input(1))
      shape[at] = Scalar(context, 1);
    else if (onesided && inverse)
      shape[at] = (shape[at] - 1) * Dim(2);
    if (onesided && !inverse) shape[at] = Dim::FloorDiv(shape[at], Dim(2)) + 1;
  }
  shape[last] = Dim(onesided && inverse ? 1 : 2);
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  return {};
}

// Signal [batch, length, 1 or 2] -> [batch, frames, bins, 2].
Status InferStft(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRankAtLeast(context, 0, 2));
  const Shape* signal = context.input_shape(0);
  const Shape* window = context.input_shape(2);
  const Dim length = signal ? (*signal)[1] : Dim(), step = Scalar(context, 1);
  if (context.has_input(2)) RETURN_IF_ERROR(RequireRank(context, 2, 1));
  Dim frame;
  if (context.has_input(3))
    frame = Scalar(context, 3);
  else if (context.has_input(2))
    frame = window ? (*window)[0] : Dim();
  else
    frame = length;
  if (step.is_constant() && step.value() <= 0) return Invalid(fmt::format("frame_step = {} is not positive", step.value()));
  const Dim frames = Dim::FloorDiv(length - frame, step) + 1;
  if (frames.is_constant() && frames.value() < 0)
    return Invalid(fmt::format("frames of {} do not fit a signal of {}", frame.ToString(), length.ToString()));
  const Dim bins = GetInt(context, "onesided", 1) != 0 ? Dim::FloorDiv(frame, Dim(2)) + 1 : frame;
  context.SetOutput(0, context.input_dtype(0), Shape{signal ? (*signal)[0] : Dim(), frames, bins, Dim(2)});
  return {};
}

}  // namespace sardonyx::ops::infer
