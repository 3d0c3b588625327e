// RNN, GRU, LSTM.
#include "ops/infer/common.h"
#include "ops/infer/families.h"

namespace sardonyx::ops::infer {

// Y [seq, directions, batch, hidden] (layout 1: [batch, seq, directions, hidden]); Y_h, Y_c [directions, batch, hidden]
// (layout 1: [batch, directions, hidden]).
Status InferRecurrent(InferenceContext& context) {
  for (const size_t i : {size_t{0}, size_t{1}, size_t{2}}) RETURN_IF_ERROR(RequireRank(context, i, 3));
  const std::string direction = GetString(context, "direction", "forward");
  // Version 1 of GRU misspells its default.
  if (direction != "forward" && direction != "foward" && direction != "reverse" && direction != "bidirectional")
    return Invalid(fmt::format("direction = '{}' is none of forward, reverse, bidirectional", direction));
  const Dim directions(direction == "bidirectional" ? 2 : 1);
  const bool batch_first = GetInt(context, "layout") != 0;
  const Shape* x = context.input_shape(0);
  const Shape* recurrence = context.input_shape(2);
  Dim hidden = HasAttribute(context, "hidden_size") ? Dim(GetInt(context, "hidden_size")) : Dim();
  if (recurrence != nullptr) {
    RETURN_IF_ERROR(EqualDims(directions, (*recurrence)[0], "number of directions and first dim of R").status());
    // Some writers' hidden_size disagrees with R; R is what is computed with.
    if (hidden.is_unknown() || (*recurrence)[2].is_constant()) hidden = (*recurrence)[2];
  }
  if (hidden.is_constant() && hidden.value() <= 0) return Invalid(fmt::format("hidden_size = {} is not positive", hidden.value()));
  const Dim sequence = x ? (*x)[batch_first ? 1 : 0] : Dim();
  const Dim batch = x ? (*x)[batch_first ? 0 : 1] : Dim();
  const DataType dtype = context.input_dtype(0);
  context.SetOutput(0, dtype, batch_first ? Shape{batch, sequence, directions, hidden} : Shape{sequence, directions, batch, hidden});
  for (const size_t i : {size_t{1}, size_t{2}})
    context.SetOutput(i, dtype, batch_first ? Shape{batch, directions, hidden} : Shape{directions, batch, hidden});
  if (HasAttribute(context, "hidden_size"))
    RETURN_IF_ERROR(EqualDims(Dim(GetInt(context, "hidden_size")), hidden, "hidden_size and last dim of R").status());
  return {};
}

}  // namespace sardonyx::ops::infer
