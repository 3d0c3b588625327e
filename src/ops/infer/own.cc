// Operators of the domain sardonyx.
#include "ops/infer/families.h"
#include "ops/infer/matrix.h"

namespace sardonyx::ops::infer {

Status InferElementwise(InferenceContext& context) { return InferMean(context); }

Status InferLinear(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRank(context, 1, 2));
  const Shape *x = context.input_shape(0), *w = context.input_shape(1);
  std::optional<Shape> shape;
  if (x != nullptr && w != nullptr) {
    ASSIGN_OR_RETURN(shape, MatMulShape(context, *x, GetInt(context, "transW") != 0 ? TransposedMatrix(*w) : *w));
  }
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  return {};
}

}  // namespace sardonyx::ops::infer
