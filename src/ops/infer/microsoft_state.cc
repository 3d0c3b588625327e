// Operators of com.microsoft on packed sequences, token ids and memories.
#include "ops/infer/common.h"
#include "ops/infer/families.h"

namespace sardonyx::ops::infer {
namespace {

// How many sequences lie one after another: one less than their starts, input i.
Dim PackedBatch(const InferenceContext& context, size_t i) {
  const Shape* starts = context.has_input(i) ? context.input_shape(i) : nullptr;
  return starts && starts->rank() == 1 ? (*starts)[0] - 1 : Dim();
}

Dim DimOf(const InferenceContext& context, size_t i, size_t axis) {
  const Shape* shape = context.has_input(i) ? context.input_shape(i) : nullptr;
  return shape && axis < shape->rank() ? (*shape)[axis] : Dim();
}

}  // namespace

// X [steps, batch, input], R [directions, 4 * hidden, hidden].
Status InferAttnLstm(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRank(context, 0, 3));
  RETURN_IF_ERROR(RequireRank(context, 2, 3));
  const Dim directions(GetString(context, "direction", "forward") == "bidirectional" ? 2 : 1), batch = DimOf(context, 0, 1);
  const Dim hidden = DimOf(context, 2, 2);
  context.SetOutput(0, context.input_dtype(0), Shape{DimOf(context, 0, 0), directions, batch, hidden});
  for (const size_t i : {size_t{1}, size_t{2}}) context.SetOutput(i, context.input_dtype(0), Shape{directions, batch, hidden});
  return {};
}

Status InferBifurcationDetector(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRank(context, 0, 1));
  RETURN_IF_ERROR(RequireRank(context, 1, 1));
  context.SetOutput(0, DataType::kInt64, Shape{context.has_input(3) ? context.NewSymbol("tokens") : DimOf(context, 1, 0)});
  context.SetOutput(1, DataType::kInt64, InputShape(context, 2));
  return {};
}

// NGramHashMapping over [batch, length], VarlenNGramHashMapping over [tokens].
Status InferNGramHashMapping(InferenceContext& context) {
  const bool packed = context.node().op_type != "NGramHashMapping";
  RETURN_IF_ERROR(RequireRank(context, 0, packed ? 1 : 2));
  const int64_t past = GetInt(context, "max_ngram_size") - 1;
  const Dim heads(past * GetInt(context, "n_head_per_ngram")), batch = packed ? PackedBatch(context, 3) : DimOf(context, 0, 0);
  context.SetOutput(0, kBySchema, packed ? Shape{DimOf(context, 0, 0), heads} : Shape{batch, DimOf(context, 0, 1), heads});
  context.SetOutput(1, kBySchema, Shape{batch, Dim(past)});
  if (packed) {
    context.SetOutput(2, DataType::kInt32, Shape{batch, Dim(past)});
    context.SetOutput(3, kBySchema, Shape{batch, Dim(GetInt(context, "state_update_capacity")), Dim(past)});
  }
  return {};
}

Status InferMatMulFpQ4(InferenceContext& context) {
  std::optional<Shape> shape = InputShape(context, 0);
  if (shape && shape->rank() < 1) return Invalid("A is a scalar");
  const std::optional<std::vector<int64_t>> weights = ConstantElements(context, 2);
  if (weights && weights->size() != 2) return Invalid(fmt::format("B_shape has {} numbers; expected 2", weights->size()));
  if (shape && weights) {
    RETURN_IF_ERROR(EqualDims((*shape)[shape->rank() - 1], Dim((*weights)[0]), "columns of A and rows of B").status());
    shape->dims().back() = Dim((*weights)[1]);
  } else if (shape) {
    shape->dims().back() = Dim();
  }
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  return {};
}

Status InferVarlenCausalConv(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRank(context, 0, 2));
  RETURN_IF_ERROR(RequireRank(context, 1, 3));
  CopyType(context, 0, 0);
  const std::optional<Shape> state = InputShape(context, 4);
  context.SetOutput(1, context.input_dtype(0), state ? *state : Shape::OfRank(3));
  context.SetOutput(2, context.input_dtype(0),
                    Shape{PackedBatch(context, 2), Dim(GetInt(context, "state_update_capacity")), DimOf(context, 0, 1)});
  return {};
}

Status InferGatedDeltaNet(InferenceContext& context) {
  const std::optional<Shape> query = InputShape(context, 0), value = context.has_input(2) ? InputShape(context, 2) : std::nullopt;
  const std::optional<Shape> state = context.has_input(6) ? InputShape(context, 6) : std::nullopt;
  std::optional<Shape> output = value;
  if (!context.has_input(2) && query && query->rank() >= 2 && state && state->rank() == 4) {  // packed in the query
    output = query;
    output->dims().back() = (*state)[1];
    output->dims().push_back((*state)[2]);
  }
  context.SetOutput(0, context.input_dtype(0), output);
  context.SetOutput(1, DataType::kFloat, state ? *state : Shape::OfRank(4));
  context.SetOutput(2, DataType::kFloat, Shape::OfRank(2));
  return {};
}

}  // namespace sardonyx::ops::infer
