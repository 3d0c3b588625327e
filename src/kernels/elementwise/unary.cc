#include "kernels/elementwise/unary.h"

namespace sardonyx::kernels {

RowKernel FindUnary(UnaryOp op, DataType dtype) {
  if (op < UnaryOp::kCeil) return FindUnaryNumeric(op, dtype);
  if (op < UnaryOp::kSigmoid) return FindUnaryMath(op, dtype);
  return FindUnaryActivation(op, dtype);
}

}  // namespace sardonyx::kernels
