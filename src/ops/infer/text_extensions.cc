// ai.onnx.contrib: strings, ragged tensors and tokenizers of ONNX Runtime's extensions.
#include <vector>

#include "ops/infer/common.h"
#include "ops/infer/families.h"

namespace sardonyx::ops::infer {
namespace {

void SetLists(InferenceContext& context, size_t outputs, std::string_view size) {
  const Dim length = context.NewSymbol(size);
  for (size_t i = 0; i < outputs; ++i) context.SetOutput(i, kBySchema, Shape{length});
}

// The input's dims and one more.
void SetOneMoreAxis(InferenceContext& context, size_t outputs, const Dim& last) {
  std::optional<Shape> shape = InputShape(context, 0);
  if (shape) shape->Append(last);
  for (size_t i = 0; i < outputs; ++i) context.SetOutput(i, kBySchema, shape);
}

}  // namespace

Status InferStringEqual(InferenceContext& context) {
  ASSIGN_OR_RETURN(std::optional<Shape> shape, BroadcastInputs(context, {{0, 1}}));
  context.SetOutput(0, DataType::kBool, std::move(shape));
  return {};
}

// One axis less, but a list stays a list of one.
Status InferStringJoin(InferenceContext& context) {
  const Shape* x = context.input_shape(0);
  if (x != nullptr)
    context.SetOutput(0, DataType::kString, x->rank() == 1 ? Shape{Dim(1)} : Shape::OfRank(x->rank() - (x->rank() > 0 ? 1 : 0)));
  return {};
}

// A sparse tensor: places, values, dims.
Status InferSparseRows(InferenceContext& context) {
  const bool has_values = context.num_outputs() > 2;
  const Dim count = context.NewSymbol("pieces");
  context.SetOutput(0, DataType::kInt64, Shape{count, Dim(2)});
  if (has_values) context.SetOutput(1, DataType::kString, Shape{count});
  context.SetOutput(has_values ? 2 : 1, DataType::kInt64, Shape{Dim(2)});
  return {};
}

Status InferStringRegexSplit(InferenceContext& context) {
  SetLists(context, 3, "pieces");
  context.SetOutput(3, DataType::kInt64, Shape::OfRank(1));
  return {};
}

Status InferStringToVector(InferenceContext& context) {
  SetOneMoreAxis(context, 1, context.NewSymbol("vector"));
  return {};
}

// Vectors of several numbers lie along the last axis; whether they are, the map says.
Status InferVectorToString(InferenceContext& context) {
  context.SetOutput(0, DataType::kString, std::nullopt);
  return {};
}

Status InferMaskedFill(InferenceContext& context) {
  SetLists(context, 1, "kept");
  return {};
}

Status InferSegmentSum(InferenceContext& context) {
  std::optional<Shape> shape = InputShape(context, 0);
  if (shape && shape->rank() > 0) (*shape)[0] = context.NewSymbol("segments");
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  return {};
}

Status InferSegmentExtraction(InferenceContext& context) {
  const Dim count = context.NewSymbol("segments");
  context.SetOutput(0, DataType::kInt64, Shape{count, Dim(2)});
  context.SetOutput(1, DataType::kInt64, Shape{count});
  return {};
}

Status InferBertTokenizer(InferenceContext& context) {
  SetLists(context, 3, "tokens");
  return {};
}

Status InferHfBertTokenizer(InferenceContext& context) {
  const Dim length = context.NewSymbol("tokens");
  for (size_t i = 0; i < 3; ++i) context.SetOutput(i, DataType::kInt64, Shape{Dim(1), length});
  return {};
}

Status InferWordpieceTokenizer(InferenceContext& context) {
  SetLists(context, 2, "tokens");
  context.SetOutput(2, DataType::kInt64, Shape::OfRank(1));
  return {};
}

Status InferSentencepieceTokenizer(InferenceContext& context) {
  SetLists(context, 1, "tokens");
  const Shape* texts = context.input_shape(0);
  context.SetOutput(1, DataType::kInt64, texts != nullptr && texts->rank() == 1 ? Shape{(*texts)[0] + 1} : Shape::OfRank(1));
  return {};
}

Status InferBpeTokenizer(InferenceContext& context) {
  const int64_t length = GetInt(context, "padding_length", -1);
  SetOneMoreAxis(context, 2, length > 0 ? Dim(length) : context.NewSymbol("tokens"));
  return {};
}

}  // namespace sardonyx::ops::infer
