// com.microsoft: products, quantized and fused operators.
#include <algorithm>

#include "ops/infer/elements.h"
#include "ops/infer/families.h"
#include "ops/infer/matrix.h"

namespace sardonyx::ops::infer {
namespace {

// FusedMatMul's transBatchA: the first batch axis goes behind the others.
Shape BatchTransposed(Shape shape) {
  if (shape.rank() >= 3) std::rotate(shape.dims().begin(), shape.dims().begin() + 1, shape.dims().end() - 1);
  return shape;
}

// [..., K] -> [..., N].
Status LastDim(InferenceContext& context, const Dim& size, DataType dtype) {
  RETURN_IF_ERROR(RequireRankAtLeast(context, 0, 1));
  std::optional<Shape> shape = InputShape(context, 0);
  if (shape) (*shape)[shape->rank() - 1] = size;
  context.SetOutput(0, dtype, std::move(shape));
  return {};
}

Status BroadcastOf(InferenceContext& context, std::vector<size_t> inputs, DataType dtype) {
  ASSIGN_OR_RETURN(std::optional<Shape> shape, BroadcastInputs(context, inputs));
  context.SetOutput(0, dtype, std::move(shape));
  return {};
}

}  // namespace

Status InferFusedMatMul(InferenceContext& context) {
  const Shape* a = context.input_shape(0);
  const Shape* b = context.input_shape(1);
  std::optional<Shape> shape;
  if (a != nullptr && b != nullptr) {
    Shape left(a->dims()), right(b->dims());
    if (GetInt(context, "transBatchA") != 0) left = BatchTransposed(std::move(left));
    if (GetInt(context, "transBatchB") != 0) right = BatchTransposed(std::move(right));
    if (GetInt(context, "transA") != 0) left = TransposedMatrix(std::move(left));
    if (GetInt(context, "transB") != 0) right = TransposedMatrix(std::move(right));
    ASSIGN_OR_RETURN(shape, MatMulShape(context, std::move(left), std::move(right)));
  }
  context.SetOutput(0, kBySchema, std::move(shape));
  return {};
}

Status InferFusedGemm(InferenceContext& context) { return InferGemmOf(context, 0, 1, kBySchema); }
Status InferMatMulNBits(InferenceContext& context) {
  const int64_t n = GetInt(context, "N");
  if (n <= 0) return Invalid(fmt::format("N = {} is not positive", n));
  const int64_t k = GetInt(context, "K");
  if (const Shape* a = context.input_shape(0); a != nullptr && a->rank() > 0)
    RETURN_IF_ERROR(EqualDims((*a)[a->rank() - 1], Dim(k), "last dim of A and K").status());
  return LastDim(context, Dim(n), context.input_dtype(0));
}
Status InferMatMulIntegerToFloat(InferenceContext& context) { return InferMatMulOf(context, 0, 1, context.input_dtype(2)); }
Status InferQGemm(InferenceContext& context) {
  return InferGemmOf(context, 0, 3, context.has_input(8) ? context.input_dtype(8) : DataType::kFloat);
}

Status InferQLinearBinary(InferenceContext& context) { return BroadcastOf(context, {0, 3}, context.input_dtype(0)); }
Status InferQLinearWhere(InferenceContext& context) { return BroadcastOf(context, {0, 1, 4}, context.input_dtype(1)); }
Status InferMulInteger(InferenceContext& context) { return BroadcastOf(context, {0, 2}, kBySchema); }

// Inputs Y_scale, Y_zero_point, then (tensor, scale, zero point) for each part.
Status InferQLinearConcat(InferenceContext& context) {
  if (context.num_inputs() < 5 || (context.num_inputs() - 2) % 3 != 0)
    return Invalid(fmt::format("has {} inputs; expected 2 and three for each part", context.num_inputs()));
  std::optional<Shape> shape;
  for (size_t i = 2; i < context.num_inputs(); i += 3) {
    const Shape* part = context.input_shape(i);
    if (part == nullptr) {
      shape.reset();
      break;
    }
    if (!shape) {
      shape = Shape(part->dims());
      continue;
    }
    RETURN_IF_ERROR(RequireRank(context, i, shape->rank()));
    ASSIGN_OR_RETURN(const size_t axis, NormalAxis(GetInt(context, "axis"), shape->rank()));
    for (size_t k = 0; k < shape->rank(); ++k) {
      if (k == axis)
        (*shape)[k] = (*shape)[k] + (*part)[k];
      else {
        ASSIGN_OR_RETURN((*shape)[k], EqualDims((*shape)[k], (*part)[k], fmt::format("axis {} of {}", k, InputLabel(context, i))));
      }
    }
  }
  context.SetOutput(0, context.input_dtype(1), std::move(shape));
  return {};
}

Status InferGatherBlockQuantized(InferenceContext& context) {
  const Shape* data = context.input_shape(0);
  const Shape* indices = context.input_shape(1);
  std::optional<Shape> shape;
  if (data != nullptr && indices != nullptr && data->rank() > 0) {
    Shape unpacked(data->dims());
    const int64_t bits = GetInt(context, "bits", 4);
    // Narrow elements in bytes are packed along the last axis.
    if (context.input_dtype(0) == DataType::kUint8 && bits > 0 && bits < 8)
      unpacked[unpacked.rank() - 1] = unpacked[unpacked.rank() - 1] * Dim(8 / bits);
    ASSIGN_OR_RETURN(const size_t axis, NormalAxis(GetInt(context, "gather_axis"), unpacked.rank(), "gather_axis"));
    shape = SubShape(unpacked, 0, axis);
    for (const Dim& dim : indices->dims()) shape->Append(dim);
    for (size_t i = axis + 1; i < unpacked.rank(); ++i) shape->Append(unpacked[i]);
  }
  context.SetOutput(0, context.input_dtype(2), std::move(shape));
  return {};
}

// The normalized sum; its statistics; the sum itself.
Status InferSkipLayerNormalization(InferenceContext& context) {
  CopyType(context, 0, 0);
  std::optional<Shape> statistics = InputShape(context, 0);
  if (statistics && statistics->rank() > 0) (*statistics)[statistics->rank() - 1] = Dim(1);
  context.SetOutput(1, DataType::kFloat, statistics);
  context.SetOutput(2, DataType::kFloat, std::move(statistics));
  CopyType(context, 0, 3);
  return {};
}

Status InferSkipGroupNorm(InferenceContext& context) {
  CopyType(context, 0, 0);
  CopyType(context, 0, 1);
  return {};
}

Status InferEmbedLayerNormalization(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRank(context, 0, 2));
  RETURN_IF_ERROR(RequireRank(context, 2, 2));
  const Shape* ids = context.input_shape(0);
  const Shape* words = context.input_shape(2);
  const Shape embedded{ids ? (*ids)[0] : Dim(), ids ? (*ids)[1] : Dim(), words ? (*words)[1] : Dim()};
  const bool quantized = context.schema().name == "QEmbedLayerNormalization";
  context.SetOutput(0, quantized ? kBySchema : context.input_dtype(2), embedded);
  context.SetOutput(1, DataType::kInt32, Shape{embedded[0]});
  context.SetOutput(2, context.input_dtype(2), embedded);
  return {};
}

Status InferBiasSplitGelu(InferenceContext& context) {
  const Shape* x = context.input_shape(0);
  const Dim last = x != nullptr && x->rank() > 0 ? (*x)[x->rank() - 1] : Dim();
  return LastDim(context, Dim::FloorDiv(last, Dim(2)), context.input_dtype(0));
}

Status InferExpandDims(InferenceContext& context) {
  const Shape* x = context.input_shape(0);
  const std::optional<int64_t> axis = ConstantScalar(context, 1);
  std::optional<Shape> shape;
  if (x != nullptr && axis) {
    ASSIGN_OR_RETURN(const size_t at, NormalAxis(*axis, x->rank() + 1));
    shape = Shape(x->dims());
    shape->dims().insert(shape->dims().begin() + static_cast<ptrdiff_t>(at), Dim(1));
  } else if (x != nullptr) {
    shape = Shape::OfRank(x->rank() + 1);
  }
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  return {};
}

Status InferCropAndResize(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRank(context, 0, 4));
  RETURN_IF_ERROR(RequireRank(context, 1, 2));
  const Shape* x = context.input_shape(0);
  const Shape* rois = context.input_shape(1);
  const std::optional<Elements> size = context.input_elements(3);
  if (size && size->size() != 2) return Invalid(fmt::format("{} has {} numbers; expected 2", InputLabel(context, 3), size->size()));
  context.SetOutput(0, context.input_dtype(0),
                    Shape{rois ? (*rois)[0] : Dim(), x ? (*x)[1] : Dim(), size ? (*size)[0] : Dim(), size ? (*size)[1] : Dim()});
  return {};
}

Status InferMicrosoftUnique(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRank(context, 0, 1));
  const Dim count = context.NewSymbol("unique");
  context.SetOutput(0, context.input_dtype(0), Shape{count});
  std::optional<Shape> positions = InputShape(context, 0);
  context.SetOutput(1, DataType::kInt64, positions ? std::move(positions) : Shape::OfRank(1));
  context.SetOutput(2, DataType::kInt64, Shape{count});
  return {};
}

Status InferMurmurHash3(InferenceContext& context) {
  context.SetOutput(0, GetInt(context, "positive", 1) != 0 ? DataType::kUint32 : DataType::kInt32, InputShape(context, 0));
  return {};
}

Status InferCDist(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRank(context, 0, 2));
  RETURN_IF_ERROR(RequireRank(context, 1, 2));
  const Shape* a = context.input_shape(0);
  const Shape* b = context.input_shape(1);
  context.SetOutput(0, context.input_dtype(0), Shape{a ? (*a)[0] : Dim(), b ? (*b)[0] : Dim()});
  return {};
}

Status InferNGramRepeatBlock(InferenceContext& context) {
  CopyType(context, 1, 0);
  return {};
}

namespace {

Dim ScalarElement(const InferenceContext& context, size_t i) {
  const std::optional<Elements> elements = context.has_input(i) ? context.input_elements(i) : std::nullopt;
  return elements && elements->size() == 1 ? elements->front() : Dim();
}

}  // namespace

// [batch, num_return_sequences, max_length].
Status InferBeamSearch(InferenceContext& context) {
  const Shape* ids = context.input_shape(0);
  const Dim batch = ids != nullptr && ids->rank() > 0 ? (*ids)[0] : Dim(), returned = ScalarElement(context, 4);
  context.SetOutput(0, DataType::kInt32, Shape{batch, returned, ScalarElement(context, 1)});
  context.SetOutput(1, kBySchema, Shape{batch, returned});
  context.SetOutput(2, kBySchema, Shape::OfRank(4));
  return {};
}

// GreedySearch, Sampling: [batch, max_length].
Status InferGreedySearch(InferenceContext& context) {
  const Shape* ids = context.input_shape(0);
  const Dim batch = ids != nullptr && ids->rank() > 0 ? (*ids)[0] : Dim();
  context.SetOutput(0, DataType::kInt32, Shape{batch, ScalarElement(context, 1)});
  context.SetOutput(1, kBySchema, Shape{batch, Dim()});
  return {};
}

// W and R lie as [directions, input, 4 * hidden] and [directions, hidden, 4 * hidden].
Status InferDynamicQuantizeLstm(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRank(context, 0, 3));
  const Shape* x = context.input_shape(0);
  const Dim directions(GetString(context, "direction", "forward") == "bidirectional" ? 2 : 1);
  const Dim hidden = HasAttribute(context, "hidden_size") ? Dim(GetInt(context, "hidden_size")) : Dim();
  const Dim sequence = x ? (*x)[0] : Dim(), batch = x ? (*x)[1] : Dim();
  context.SetOutput(0, context.input_dtype(0), Shape{sequence, directions, batch, hidden});
  for (const size_t i : {size_t{1}, size_t{2}}) context.SetOutput(i, context.input_dtype(0), Shape{directions, batch, hidden});
  return {};
}

}  // namespace sardonyx::ops::infer
