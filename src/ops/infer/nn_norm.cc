// Normalizations, dropout and losses.
#include "ops/infer/common.h"
#include "ops/infer/families.h"

namespace sardonyx::ops::infer {
namespace {

// Parameter i must have one number a channel (dim 1 of X), where both are known.
Status RequirePerChannel(const InferenceContext& context, size_t i) {
  if (!context.has_input(i)) return {};
  RETURN_IF_ERROR(RequireRank(context, i, 1));
  const Shape* x = context.input_shape(0);
  const Shape* parameter = context.input_shape(i);
  if (x == nullptr || parameter == nullptr || x->rank() < 2) return {};
  return EqualDims((*x)[1], (*parameter)[0], fmt::format("channels of {} and size of {}", InputLabel(context, 0), InputLabel(context, i)))
      .status();
}

}  // namespace

Status InferBatchNormalization(InferenceContext& context) {
  const bool spatial = GetInt(context, "spatial", 1) != 0;
  for (size_t i = 1; spatial && i < 5; ++i) RETURN_IF_ERROR(RequirePerChannel(context, i));
  CopyType(context, 0, 0);
  for (size_t i = 1; i < context.num_outputs(); ++i) {
    // running_mean, running_var and their older kin are like the mean and the variance that came in.
    const size_t like = 3 + (i - 1) % 2;
    std::optional<Shape> shape = InputShape(context, like);
    if (!shape && spatial) shape = Shape::OfRank(1);
    context.SetOutput(i, kBySchema, std::move(shape));
  }
  return {};
}

Status InferInstanceNormalization(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRankAtLeast(context, 0, 2));
  for (const size_t i : {size_t{1}, size_t{2}}) RETURN_IF_ERROR(RequirePerChannel(context, i));
  CopyType(context, 0, 0);
  return {};
}

namespace {

// The outputs behind the first have size 1 from `axis` on.
Status InferNormalizedRows(InferenceContext& context, size_t statistics_outputs) {
  const Shape* x = context.input_shape(0);
  context.SetOutput(0, kBySchema, InputShape(context, 0));
  std::optional<Shape> statistics;
  if (x != nullptr) {
    ASSIGN_OR_RETURN(const size_t axis, NormalAxis(GetInt(context, "axis", -1), x->rank()));
    statistics = Shape(x->dims());
    for (size_t i = axis; i < x->rank(); ++i) (*statistics)[i] = Dim(1);
  }
  ASSIGN_OR_RETURN(DataType stash, GetDataType(context, "stash_type"));
  if (stash == DataType::kUndefined) stash = DataType::kFloat;
  for (size_t i = 1; i <= statistics_outputs; ++i) context.SetOutput(i, stash, statistics);
  return {};
}

}  // namespace

Status InferLayerNormalization(InferenceContext& context) { return InferNormalizedRows(context, 2); }
Status InferSimplifiedLayerNormalization(InferenceContext& context) { return InferNormalizedRows(context, 1); }

// RMSNormalization's Y has the type of scale.
Status InferRmsNormalization(InferenceContext& context) {
  const Shape* x = context.input_shape(0);
  if (x != nullptr) RETURN_IF_ERROR(NormalAxis(GetInt(context, "axis", -1), x->rank()).status());
  context.SetOutput(0, context.input_dtype(1), InputShape(context, 0));
  return {};
}

Status InferDropout(InferenceContext& context) {
  CopyType(context, 0, 0);
  context.SetOutput(1, kBySchema, InputShape(context, 0));
  return {};
}

namespace {

// The loss of scores [N, C, d1, ...] for targets [N, d1, ...].
Status Loss(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRankAtLeast(context, 0, 2));
  const Shape* scores = context.input_shape(0);
  std::optional<Shape> losses = InputShape(context, 1);
  if (scores != nullptr) {
    Shape expected{(*scores)[0]};
    for (size_t i = 2; i < scores->rank(); ++i) expected.Append((*scores)[i]);
    ASSIGN_OR_RETURN(losses, EqualShapes(losses ? *losses : expected, expected, "shape of the targets, and of the scores without classes"));
  }
  const std::string reduction = GetString(context, "reduction", "mean");
  if (reduction == "none")
    context.SetOutput(0, context.input_dtype(0), std::move(losses));
  else if (reduction == "mean" || reduction == "sum")
    context.SetOutput(0, context.input_dtype(0), Shape());
  else
    return Invalid(fmt::format("reduction = '{}' is none of none, mean, sum", reduction));
  return {};
}

}  // namespace

Status InferNegativeLogLikelihoodLoss(InferenceContext& context) { return Loss(context); }
Status InferSoftmaxCrossEntropyLoss(InferenceContext& context) {
  RETURN_IF_ERROR(Loss(context));
  CopyType(context, 0, 1);
  return {};
}

}  // namespace sardonyx::ops::infer
