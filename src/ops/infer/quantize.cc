// QuantizeLinear and its inverses.
#include "ops/infer/common.h"
#include "ops/infer/families.h"

namespace sardonyx::ops::infer {

Status InferQuantizeLinear(InferenceContext& context) {
  ASSIGN_OR_RETURN(DataType dtype, GetDataType(context, "output_dtype"));
  if (context.has_input(2)) {
    const DataType zero_point = context.input_dtype(2);
    if (dtype != DataType::kUndefined && zero_point != DataType::kUndefined && dtype != zero_point)
      return Invalid(
          fmt::format("output_dtype is {}, but {} is {}", DataTypeName(dtype), InputLabel(context, 2), DataTypeName(zero_point)));
    dtype = zero_point;
  } else if (dtype == DataType::kUndefined) {
    dtype = DataType::kUint8;
  }
  context.SetOutput(0, dtype, InputShape(context, 0));
  return {};
}

Status InferDequantizeLinear(InferenceContext& context) {
  ASSIGN_OR_RETURN(DataType dtype, GetDataType(context, "output_dtype"));
  if (dtype == DataType::kUndefined) dtype = context.input_dtype(1);
  context.SetOutput(0, dtype, InputShape(context, 0));
  return {};
}

Status InferDynamicQuantizeLinear(InferenceContext& context) {
  context.SetOutput(0, DataType::kUint8, InputShape(context, 0));
  context.SetOutput(1, DataType::kFloat, Shape());
  context.SetOutput(2, DataType::kUint8, Shape());
  return {};
}

}  // namespace sardonyx::ops::infer
