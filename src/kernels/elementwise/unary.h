// Operators of one tensor whose output has its shape.
#pragma once

#include <cstdint>

#include "kernels/elementwise/rows.h"

namespace sardonyx::kernels {

// Names are ONNX's. In brackets what the parameters are.
enum class UnaryOp : uint8_t {
  // unary_numeric.cc: integers too
  kAbs,
  kNeg,
  kSign,
  kRelu,
  kShrink /* lambd, bias */,
  kBitwiseNot,
  kNot,
  kIsNaN,
  kIsInf /* detect_positive, detect_negative */,
  // unary_math.cc
  kCeil,
  kFloor,
  kRound,
  kSqrt,
  kReciprocal,
  kExp,
  kLog,
  kErf,
  kSin,
  kCos,
  kTan,
  kAsin,
  kAcos,
  kAtan,
  kSinh,
  kCosh,
  kTanh,
  kAsinh,
  kAcosh,
  kAtanh,
  // unary_activation.cc
  kSigmoid,
  kLeakyRelu /* alpha */,
  kElu /* alpha */,
  kCelu /* alpha */,
  kSelu /* alpha, gamma */,
  kThresholdedRelu /* alpha */,
  kSoftplus,
  kSoftsign,
  kHardSigmoid /* alpha, beta */,
  kHardSwish,
  kMish,
  kGelu,
  kGeluTanh,
  kSwish /* alpha */,
};

// The kernel of `op` for tensors of `dtype`; null when the operator has none for it.
RowKernel FindUnary(UnaryOp op, DataType dtype);

// Parts of FindUnary, one a file.
RowKernel FindUnaryNumeric(UnaryOp op, DataType dtype);
RowKernel FindUnaryMath(UnaryOp op, DataType dtype);
RowKernel FindUnaryActivation(UnaryOp op, DataType dtype);

// F over float (which also serves the narrower floats) and double.
template <class F>
RowKernel UnaryOfFloats(DataType dtype, double cost = 0.5) {
  if (dtype == DataType::kDouble) return {UnaryRow<double, double, F>, DataType::kDouble, DataType::kDouble, cost};
  if (IsFloatingPoint(dtype)) return {UnaryRow<float, float, F>, DataType::kFloat, DataType::kFloat, cost};
  return {};
}

}  // namespace sardonyx::kernels
