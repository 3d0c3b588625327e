// Convolutions.
#include "ops/infer/families.h"
#include "ops/infer/window.h"

namespace sardonyx::ops::infer {
namespace {

// Where a convolution keeps its data and weights, and in which layout.
struct ConvInputs {
  size_t x = 0;
  size_t weights = 1;
  bool channels_last = false;  // of X and Y: N, spatial axes, C
  std::optional<size_t> pointwise = {};  // weights of a convolution that gives the channels which `weights` take
};

// X as N, C, spatial axes, whatever its layout.
Shape ChannelsFirst(const Shape& shape, bool channels_last) {
  if (!channels_last) return shape;
  Shape result{shape[0], shape[shape.rank() - 1]};
  for (size_t i = 1; i + 1 < shape.rank(); ++i) result.Append(shape[i]);
  return result;
}

Shape ToLayout(const Shape& shape, bool channels_last) {
  if (!channels_last) return shape;
  Shape result{shape[0]};
  for (size_t i = 2; i < shape.rank(); ++i) result.Append(shape[i]);
  result.Append(shape[1]);
  return result;
}

StatusOr<int64_t> Group(const InferenceContext& context) {
  const int64_t group = GetInt(context, "group", 1);
  if (group <= 0) return Invalid(fmt::format("group = {} is not positive", group));
  return group;
}

// Ranks of X and W: both at least 3 and equal. Null shapes stand for unknown ones.
Status CheckRanks(const InferenceContext& context, const ConvInputs& in) {
  RETURN_IF_ERROR(RequireRankAtLeast(context, in.x, 3));
  RETURN_IF_ERROR(RequireRankAtLeast(context, in.weights, 3));
  const Shape* x = context.input_shape(in.x);
  const Shape* weights = context.input_shape(in.weights);
  if (x != nullptr && weights != nullptr && x->rank() != weights->rank())
    return Invalid(fmt::format("{} {} and {} {} differ in rank", InputLabel(context, in.x), x->ToString(), InputLabel(context, in.weights),
                               weights->ToString()));
  return {};
}

Status Convolve(InferenceContext& context, const ConvInputs& in, DataType dtype) {
  RETURN_IF_ERROR(CheckRanks(context, in));
  const Shape* x = context.input_shape(in.x);
  const Shape* weights = context.input_shape(in.weights);
  const Shape* known = x != nullptr ? x : weights;
  if (known == nullptr) {
    context.SetOutput(0, dtype, std::nullopt);
    return {};
  }
  ASSIGN_OR_RETURN(const int64_t group, Group(context));
  const size_t spatial = known->rank() - 2;
  Shape input = x != nullptr ? ChannelsFirst(*x, in.channels_last) : Shape::OfRank(known->rank());
  if (in.pointwise) {
    const Shape* between = context.input_shape(*in.pointwise);
    if (between != nullptr && x != nullptr) RETURN_IF_ERROR(EqualDims(input[1], (*between)[1], "channels of X and of W").status());
    input[1] = between != nullptr ? (*between)[0] : Dim();
  }
  std::vector<Dim> kernel(spatial);
  Dim maps;
  if (weights != nullptr) {
    maps = (*weights)[0];
    for (size_t i = 0; i < spatial; ++i) kernel[i] = (*weights)[i + 2];
    const Dim needed = (*weights)[1] * Dim(group);
    if (needed.is_constant() && input[1].is_constant() && !(needed == input[1]))
      return Invalid(fmt::format("{} has {} channels; {} {} with group = {} takes {}", InputLabel(context, in.x), input[1].value(),
                                 InputLabel(context, in.weights), weights->ToString(), group, needed.value()));
    if (maps.is_constant() && maps.value() % group != 0)
      return Invalid(fmt::format("{} feature maps are not a multiple of group = {}", maps.value(), group));
  }
  ASSIGN_OR_RETURN(const Window window, ReadWindow(context, std::move(kernel)));
  Shape output{input[0], maps};
  for (size_t i = 0; i < spatial; ++i) {
    ASSIGN_OR_RETURN(Dim size, WindowPlaces(window, i, input[i + 2]));
    output.Append(std::move(size));
  }
  context.SetOutput(0, dtype, ToLayout(output, in.channels_last));
  return {};
}

}  // namespace

Status InferConv(InferenceContext& context) { return Convolve(context, {}, context.input_dtype(0)); }
Status InferConvInteger(InferenceContext& context) { return Convolve(context, {}, DataType::kInt32); }
Status InferQLinearConv(InferenceContext& context) {
  return Convolve(context, {0, 3, GetInt(context, "channels_last") != 0}, context.input_dtype(7));
}
Status InferPointwiseDepthwiseConv(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRankAtLeast(context, 1, 3));
  return Convolve(context, {0, 3, false, 1}, context.input_dtype(0));
}
Status InferNhwcConv(InferenceContext& context) { return Convolve(context, {0, 1, true}, context.input_dtype(0)); }
Status InferDeformConv(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRankAtLeast(context, 2, 3));
  return Convolve(context, {}, context.input_dtype(0));
}

Status InferConvTranspose(InferenceContext& context) {
  const ConvInputs in;
  RETURN_IF_ERROR(CheckRanks(context, in));
  const Shape* x = context.input_shape(0);
  const Shape* weights = context.input_shape(1);
  const Shape* known = x != nullptr ? x : weights;
  if (known == nullptr) {
    context.SetOutput(0, context.input_dtype(0), std::nullopt);
    return {};
  }
  ASSIGN_OR_RETURN(const int64_t group, Group(context));
  const size_t spatial = known->rank() - 2;
  std::vector<Dim> kernel(spatial);
  Dim maps;
  if (weights != nullptr) {
    maps = (*weights)[1] * Dim(group);
    for (size_t i = 0; i < spatial; ++i) kernel[i] = (*weights)[i + 2];
    if (x != nullptr) RETURN_IF_ERROR(EqualDims((*x)[1], (*weights)[0], "channels of X and of W").status());
  }
  ASSIGN_OR_RETURN(const Window window, ReadWindow(context, std::move(kernel)));
  const std::vector<int64_t> sizes = GetInts(context, "output_shape"), extra = GetInts(context, "output_padding");
  if (!sizes.empty() && sizes.size() < spatial)
    return Invalid(fmt::format("output_shape has {} sizes for {} spatial axes", sizes.size(), spatial));
  if (!extra.empty() && extra.size() < spatial)
    return Invalid(fmt::format("output_padding has {} numbers for {} spatial axes", extra.size(), spatial));
  Shape output{x != nullptr ? (*x)[0] : Dim(), maps};
  for (size_t i = 0; i < spatial; ++i) {
    const Dim size = x != nullptr ? (*x)[i + 2] : Dim(), stride(window.strides[i]);
    const Dim padding(extra.empty() ? 0 : extra[extra.size() - spatial + i]);
    const bool padded = window.auto_pad == "NOTSET";
    const Dim pads = padded ? Dim(window.pads[i]) + Dim(window.pads[i + spatial]) : Dim(0);
    if (!sizes.empty())
      output.Append(Dim(sizes[sizes.size() - spatial + i]));  // old models give N and C too
    else if (window.auto_pad == "SAME_UPPER" || window.auto_pad == "SAME_LOWER")
      output.Append(size * stride);
    else
      output.Append((size - 1) * stride + padding + window.Extent(i) - pads);
    const Dim& made = output[i + 2];
    if (made.is_constant() && made.value() < 0) return Invalid(fmt::format("spatial axis {} of the output gets size {}", i, made.value()));
  }
  context.SetOutput(0, context.input_dtype(0), std::move(output));
  return {};
}

// Y is like the input; the state keeps the last k - 1 positions.
Status InferCausalConvWithState(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRank(context, 0, 3));
  RETURN_IF_ERROR(RequireRank(context, 1, 3));
  CopyType(context, 0, 0);
  Shape state = Shape::OfRank(3);
  if (const Shape* input = context.input_shape(0)) state = Shape{(*input)[0], (*input)[1], Dim()};
  if (const Shape* weights = context.input_shape(1)) {
    ASSIGN_OR_RETURN(state[1], EqualDims(state[1], (*weights)[0], "channels of the input and of the weights"));
    state[2] = (*weights)[2] - 1;
  }
  if (const Shape* past = context.input_shape(3)) {
    ASSIGN_OR_RETURN(state, EqualShapes(state, *past, "shape of the state and of past_state"));
  }
  context.SetOutput(1, context.input_dtype(0), std::move(state));
  return {};
}

}  // namespace sardonyx::ops::infer
