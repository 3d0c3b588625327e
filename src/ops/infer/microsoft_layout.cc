// com.microsoft.nchwc: ONNX Runtime's blocked layout. The dims of its tensors are [N, C, H, W] with C padded to whole blocks.
#include "ops/infer/common.h"
#include "ops/infer/families.h"

namespace sardonyx::ops::infer {
namespace {

Status CheckRank4(const InferenceContext& context) { return RequireRank(context, 0, 4); }

}  // namespace

// How far channels are padded is the saving machine's secret; see optimize/plain_layout.h.
Status InferReorderInput(InferenceContext& context) {
  RETURN_IF_ERROR(CheckRank4(context));
  Shape y = Shape::OfRank(4);
  if (const Shape* x = context.input_shape(0)) {
    const bool last = GetInt(context, "channels_last") != 0;
    y = Shape{(*x)[0], context.NewSymbol("channels"), (*x)[last ? 1 : 2], (*x)[last ? 2 : 3]};
  }
  context.SetOutput(0, context.input_dtype(0), std::move(y));
  return {};
}

Status InferReorderOutput(InferenceContext& context) {
  RETURN_IF_ERROR(CheckRank4(context));
  const int64_t channels = GetInt(context, "channels");
  if (channels <= 0) return Invalid(fmt::format("channels = {} is not positive", channels));
  const Shape* x = context.input_shape(0);
  const Dim batch = x ? (*x)[0] : Dim(), height = x ? (*x)[2] : Dim(), width = x ? (*x)[3] : Dim();
  const bool last = GetInt(context, "channels_last") != 0;
  context.SetOutput(0, context.input_dtype(0),
                    last ? Shape{batch, height, width, Dim(channels)} : Shape{batch, Dim(channels), height, width});
  return {};
}

Status InferNchwcUpsample(InferenceContext& context) {
  RETURN_IF_ERROR(CheckRank4(context));
  const std::vector<int64_t> scales = GetInts(context, "scales");
  if (scales.size() != 4) return Invalid(fmt::format("scales has {} numbers; expected 4", scales.size()));
  Shape y = Shape::OfRank(4);
  for (size_t i = 0; i < 4; ++i) {
    if (scales[i] <= 0) return Invalid(fmt::format("scale {} is not positive", scales[i]));
    if (const Shape* x = context.input_shape(0)) y[i] = (*x)[i] * Dim(scales[i]);
  }
  context.SetOutput(0, context.input_dtype(0), std::move(y));
  return {};
}

}  // namespace sardonyx::ops::infer
