// Attention and its relatives of ai.onnx and ai.onnx.preview.
#include "ops/infer/common.h"
#include "ops/infer/families.h"

namespace sardonyx::ops::infer {
namespace {

// One of Q, K, V as [batch, heads, sequence, size of a head]; null dims where unknown.
struct Heads {
  Dim batch, heads, sequence, size;
  bool packed = false;  // [batch, sequence, heads * size]
  bool known = false;
};

StatusOr<Heads> ReadHeads(const InferenceContext& context, size_t i, std::string_view count_attribute) {
  Heads result;
  const Shape* shape = context.input_shape(i);
  if (shape == nullptr) return result;
  result.known = true;
  result.batch = (*shape)[0];
  if (shape->rank() == 4) {
    result.heads = (*shape)[1];
    result.sequence = (*shape)[2];
    result.size = (*shape)[3];
    return result;
  }
  if (shape->rank() != 3) return Invalid(fmt::format("{} has rank {}; expected 3 or 4", InputLabel(context, i), shape->rank()));
  const int64_t count = GetInt(context, count_attribute);
  if (count <= 0) return Invalid(fmt::format("{} of rank 3 needs a positive attribute {}", InputLabel(context, i), count_attribute));
  if ((*shape)[2].is_constant() && (*shape)[2].value() % count != 0)
    return Invalid(
        fmt::format("last dim {} of {} is not a multiple of {} = {}", (*shape)[2].value(), InputLabel(context, i), count_attribute, count));
  result.packed = true;
  result.sequence = (*shape)[1];
  result.heads = Dim(count);
  result.size = Dim::FloorDiv((*shape)[2], Dim(count));
  return result;
}

// Q, K and V together: what one lacks another may know.
struct Qkv {
  Heads q, k, v;
};

StatusOr<Qkv> ReadQkv(const InferenceContext& context) {
  Qkv all;
  ASSIGN_OR_RETURN(all.q, ReadHeads(context, 0, "q_num_heads"));
  ASSIGN_OR_RETURN(all.k, ReadHeads(context, 1, "kv_num_heads"));
  ASSIGN_OR_RETURN(all.v, ReadHeads(context, 2, "kv_num_heads"));
  ASSIGN_OR_RETURN(all.k.size, EqualDims(all.k.size, all.q.size, "head sizes of K and Q"));
  ASSIGN_OR_RETURN(all.k.sequence, EqualDims(all.k.sequence, all.v.sequence, "sequence lengths of K and V"));
  ASSIGN_OR_RETURN(all.k.heads, EqualDims(all.k.heads, all.v.heads, "numbers of heads of K and V"));
  ASSIGN_OR_RETURN(all.k.batch, EqualDims(all.k.batch, all.v.batch, "batch sizes of K and V"));
  ASSIGN_OR_RETURN(all.q.batch, EqualDims(all.q.batch, all.k.batch, "batch sizes of Q and K"));
  all.k.batch = all.v.batch = all.q.batch;
  all.v.sequence = all.k.sequence;
  all.v.heads = all.k.heads;
  return all;
}

}  // namespace

Status InferAttention(InferenceContext& context) {
  for (size_t i = 0; i < 3; ++i) RETURN_IF_ERROR(RequireRankAtLeast(context, i, 3));
  ASSIGN_OR_RETURN(const Qkv all, ReadQkv(context));
  const auto& [q, k, v] = all;
  for (const size_t i : {size_t{4}, size_t{5}})
    if (context.has_input(i)) RETURN_IF_ERROR(RequireRank(context, i, 4));
  Dim total = k.sequence;
  if (context.has_input(4)) {
    const Shape* past = context.input_shape(4);
    total = past != nullptr ? total + (*past)[2] : Dim();
  }
  std::optional<Shape> y;
  if (q.known) y = q.packed ? Shape{q.batch, q.sequence, q.heads * v.size} : Shape{q.batch, q.heads, q.sequence, v.size};
  context.SetOutput(0, context.input_dtype(0), std::move(y));
  context.SetOutput(1, context.input_dtype(1), Shape{k.batch, k.heads, total, k.size});
  context.SetOutput(2, context.input_dtype(2), Shape{v.batch, v.heads, total, v.size});
  context.SetOutput(3, context.input_dtype(0), Shape{q.batch, q.heads, q.sequence, total});
  return {};
}

// Y [batch, heads of Q, sequence of Q, head size of V]. The modifier subgraphs map scores to scores.
Status InferFlexAttention(InferenceContext& context) {
  for (size_t i = 0; i < 3; ++i) RETURN_IF_ERROR(RequireRank(context, i, 4));
  ASSIGN_OR_RETURN(const Qkv all, ReadQkv(context));
  const auto& [q, k, v] = all;
  ASSIGN_OR_RETURN(DataType precision, GetDataType(context, "softmax_precision"));
  if (precision == DataType::kUndefined) precision = context.input_dtype(0) == DataType::kDouble ? DataType::kDouble : DataType::kFloat;
  const ValueFacts scores{Type::Tensor(precision, Shape{q.batch, q.heads, q.sequence, k.sequence}), std::nullopt, std::nullopt};
  for (const char* name : {"score_mod", "prob_mod"})
    if (const ir::Graph* graph = context.node().GetGraph(name)) RETURN_IF_ERROR(context.InferSubgraph(*graph, {scores}).status());
  context.SetOutput(0, context.input_dtype(0), Shape{q.batch, q.heads, q.sequence, v.size});
  return {};
}

Status InferRotaryEmbedding(InferenceContext& context) {
  const Shape* x = context.input_shape(0);
  if (x != nullptr && x->rank() != 3 && x->rank() != 4)
    return Invalid(fmt::format("{} has rank {}; expected 3 or 4", InputLabel(context, 0), x->rank()));
  CopyType(context, 0, 0);
  return {};
}

// Q, K, V are [batch, time, heads * size]; the state is [batch, kv heads, key size, value size].
Status InferLinearAttention(InferenceContext& context) {
  for (size_t i = 0; i < 3; ++i) RETURN_IF_ERROR(RequireRank(context, i, 3));
  if (context.has_input(3)) RETURN_IF_ERROR(RequireRank(context, 3, 4));
  ASSIGN_OR_RETURN(const Qkv all, ReadQkv(context));
  const auto& [q, k, v] = all;
  Shape state{k.batch, Dim(GetInt(context, "kv_num_heads")), k.size, v.size};
  if (const Shape* past = context.input_shape(3)) {
    ASSIGN_OR_RETURN(state, EqualShapes(state, *past, "shape of the state and of past_state"));
  }
  ASSIGN_OR_RETURN(const Dim time, EqualDims(q.sequence, k.sequence, "times of query and key"));
  context.SetOutput(0, context.input_dtype(0), Shape{q.batch, time, Dim(GetInt(context, "q_num_heads")) * state[3]});
  context.SetOutput(1, context.has_input(3) ? context.input_dtype(3) : context.input_dtype(0), std::move(state));
  const std::string rule = GetString(context, "update_rule", "gated_delta");
  const bool gated = rule.starts_with("gated"), delta = rule.ends_with("delta");
  if (rule != "linear" && rule != "gated" && rule != "delta" && rule != "gated_delta")
    return Invalid(fmt::format("update_rule = '{}' is none of linear, gated, delta, gated_delta", rule));
  if (gated && !context.has_input(4)) return Invalid(fmt::format("update_rule = '{}' needs input 4 (decay)", rule));
  if (delta && !context.has_input(5)) return Invalid(fmt::format("update_rule = '{}' needs input 5 (beta)", rule));
  return {};
}

}  // namespace sardonyx::ops::infer
