#include "kernels/elementwise/unary.h"

#include "kernels/elementwise/float_rows.h"

namespace sardonyx::kernels {
namespace {

RowKernel FindOfAnyType(UnaryOp op, DataType dtype) {
  if (op < UnaryOp::kCeil) return FindUnaryNumeric(op, dtype);
  if (op < UnaryOp::kSigmoid) return FindUnaryMath(op, dtype);
  return FindUnaryActivation(op, dtype);
}

}  // namespace

RowKernel FindUnary(UnaryOp op, DataType dtype) {
  RowKernel kernel = FindOfAnyType(op, dtype);
  if (kernel && kernel.in == DataType::kFloat && kernel.out == DataType::kFloat)
    if (const RowFunction faster = FindFloatUnary(op)) {
      kernel.function = faster;
      kernel.cost /= 4;
    }
  return kernel;
}

}  // namespace sardonyx::kernels
