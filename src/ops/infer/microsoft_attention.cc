// com.microsoft: the attention operators of transformer models.
#include "ops/infer/common.h"
#include "ops/infer/families.h"

namespace sardonyx::ops::infer {
namespace {

Dim DimOf(const Shape* shape, size_t i) { return shape != nullptr && i < shape->rank() ? (*shape)[i] : Dim(); }

StatusOr<int64_t> PositiveInt(const InferenceContext& context, std::string_view name) {
  const int64_t value = GetInt(context, name);
  if (value <= 0) return Invalid(fmt::format("{} = {} is not positive", name, value));
  return value;
}

}  // namespace

// Attention and QAttention: input [batch, sequence, input hidden], weights [input hidden, q + k + v hidden]; `past` is
// [2, batch, heads, past sequence, head size], and so is `present`, the longer by this sequence.
Status InferMicrosoftAttention(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRank(context, 0, 3));
  RETURN_IF_ERROR(RequireRank(context, 1, 2));
  ASSIGN_OR_RETURN(const int64_t heads, PositiveInt(context, "num_heads"));
  const bool quantized = context.schema().name == "QAttention";
  const size_t past_input = quantized ? 8 : 4;
  const Shape* input = context.input_shape(0);
  const std::vector<int64_t> sizes = GetInts(context, "qkv_hidden_sizes");
  if (!sizes.empty() && sizes.size() != 3) return Invalid(fmt::format("qkv_hidden_sizes has {} numbers; expected 3", sizes.size()));
  const Dim hidden = sizes.empty() ? Dim::FloorDiv(DimOf(context.input_shape(1), 1), Dim(3)) : Dim(sizes[2]);
  const DataType dtype = context.input_dtype(quantized ? 2 : 0);
  const Dim batch = DimOf(input, 0), sequence = DimOf(input, 1);
  context.SetOutput(0, dtype, Shape{batch, sequence, hidden});
  Dim total = sequence;
  if (context.has_input(past_input)) total = total + DimOf(context.input_shape(past_input), 3);
  if (GetInt(context, "past_present_share_buffer") != 0) total = DimOf(context.input_shape(past_input), 3);
  context.SetOutput(1, dtype, Shape{Dim(2), batch, Dim(heads), total, Dim::FloorDiv(hidden, Dim(heads))});
  return {};
}

// Query [batch, sequence, hidden], or [batch, sequence, heads, 3, head size] with all of Q, K and V; key and value of
// rank 3, or 4 when they come from a cache as [batch, heads, sequence, head size].
Status InferMultiHeadAttention(InferenceContext& context) {
  ASSIGN_OR_RETURN(const int64_t heads, PositiveInt(context, "num_heads"));
  const Shape* query = context.input_shape(0);
  const Shape* key = context.input_shape(1);
  const Shape* value = context.input_shape(2);
  if (query == nullptr) {
    context.SetOutput(0, context.input_dtype(0), Shape::OfRank(3));
    return {};
  }
  if (query->rank() != 3 && query->rank() != 5)
    return Invalid(fmt::format("{} has rank {}; expected 3 or 5", InputLabel(context, 0), query->rank()));
  const Dim batch = (*query)[0], sequence = (*query)[1], count(heads);
  Dim hidden, keys, head, value_head;
  if (query->rank() == 5) {
    head = value_head = (*query)[4];
    hidden = count * head;
    keys = sequence;
  } else {
    head = Dim::FloorDiv((*query)[2], count);
    if (key != nullptr && key->rank() == 5)
      value_head = (*key)[4], keys = (*key)[1];
    else if (value != nullptr && value->rank() == 4)
      value_head = (*value)[3], keys = (*value)[2];
    else if (value != nullptr && value->rank() == 3)
      value_head = Dim::FloorDiv((*value)[2], count), keys = (*value)[1];
    hidden = count * value_head;
  }
  context.SetOutput(0, context.input_dtype(0), Shape{batch, sequence, hidden});
  Dim total = keys, rows = keys;
  if (context.has_input(6)) total = rows = total + DimOf(context.input_shape(6), 2);
  if (context.has_input(8)) rows = DimOf(context.input_shape(6), 2), total = Dim();  // a shared buffer
  context.SetOutput(1, context.input_dtype(0), Shape{batch, count, rows, head});
  context.SetOutput(2, context.input_dtype(0), Shape{batch, count, rows, value_head});
  context.SetOutput(3, kBySchema, Shape{batch, count, sequence, total});
  return {};
}

// One query of each sequence; keys and values as MultiHeadAttention's. `past` of a shared buffer has the buffer's length.
Status InferDecoderMaskedAttention(InferenceContext& context) {
  ASSIGN_OR_RETURN(const int64_t heads, PositiveInt(context, "num_heads"));
  const Shape* query = context.input_shape(0);
  const Shape* value = context.input_shape(2);
  const Shape* past = context.input_shape(5);
  const Dim batch = DimOf(query, 0), count(heads);
  const Dim head = Dim::FloorDiv(DimOf(query, 2), count);
  Dim hidden = DimOf(query, 2);
  if (value != nullptr) hidden = value->rank() == 4 ? (*value)[3] * count : DimOf(value, 2);
  context.SetOutput(0, context.input_dtype(0), Shape{batch, DimOf(query, 1), hidden});
  const Dim length = context.has_input(7) ? DimOf(past, 2) : past != nullptr ? DimOf(past, 2) + 1 : Dim();
  context.SetOutput(1, context.input_dtype(0), Shape{batch, count, length, head});
  context.SetOutput(2, context.input_dtype(0), Shape{batch, count, length, Dim::FloorDiv(hidden, count)});
  context.SetOutput(3, kBySchema, Shape::OfRank(4));
  return {};
}

// Query [batch, sequence, heads * size]; without a key it holds the keys and values behind the queries. The caches are
// [batch, kv heads, sequence, size]: a past one of the whole buffer's length, or one that grows.
Status InferGroupQueryAttention(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRank(context, 0, 3));
  ASSIGN_OR_RETURN(const int64_t heads, PositiveInt(context, "num_heads"));
  ASSIGN_OR_RETURN(const int64_t kv_heads, PositiveInt(context, "kv_num_heads"));
  const Shape* query = context.input_shape(0);
  const Shape* past = context.input_shape(3);
  const bool packed = !context.has_input(1);
  const Dim columns(packed ? heads + 2 * kv_heads : heads);
  const Dim head = Dim::FloorDiv(DimOf(query, 2), columns);
  const Dim batch = DimOf(query, 0);
  context.SetOutput(0, context.input_dtype(0), Shape{batch, DimOf(query, 1), head * Dim(heads)});
  const Dim total = context.has_input(3) && past == nullptr ? Dim() : context.NewSymbol("total_sequence");
  const DataType cache = context.has_input(3) ? context.input_dtype(3) : context.input_dtype(0);
  const Dim cached_head = past != nullptr && past->rank() == 4 ? (*past)[3] : head;
  for (const size_t i : {size_t{1}, size_t{2}}) context.SetOutput(i, cache, Shape{batch, Dim(kv_heads), total, cached_head});
  context.SetOutput(3, context.input_dtype(0), Shape{batch, Dim(heads), DimOf(query, 1), context.NewSymbol("visible_sequence")});
  return {};
}

// [1, heads, query length, key length].
Status InferRelativePositionBias(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRank(context, 0, 2));
  const auto scalar = [&](size_t i) {
    const std::optional<std::vector<Dim>> elements = context.input_elements(i);
    return elements && elements->size() == 1 ? elements->front() : Dim();
  };
  context.SetOutput(0, context.input_dtype(0), Shape{Dim(1), DimOf(context.input_shape(0), 1), scalar(1), scalar(2)});
  return {};
}

}  // namespace sardonyx::ops::infer
