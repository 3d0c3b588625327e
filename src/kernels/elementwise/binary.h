// Operators of two broadcast tensors of one element type (Pow: of two).
#pragma once

#include <cstdint>

#include "kernels/elementwise/rows.h"
#include "sardonyx/status.h"

namespace sardonyx::kernels {

enum class BinaryOp : uint8_t {
  // binary_arithmetic.cc. kMod has the sign of the divisor, kFmod that of the dividend. kSwiGlu: a swish(alpha) b.
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMod,
  kFmod,
  kMin,
  kMax,
  kPow,
  kPRelu,
  kSwiGlu,
  // binary_logic.cc. Shifts by less than 0 or more than the width give what shifting bit by bit would: 0, or -1.
  kEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kAnd,
  kOr,
  kXor,
  kBitwiseAnd,
  kBitwiseOr,
  kBitwiseXor,
  kShiftLeft,
  kShiftRight,
};

// The kernel of `op` for operands of `dtype`; null when the operator has none for it. For kPow `dtype` is the base's type.
// Integers wrap. Integer kDiv, kMod and kFmod by zero give 0: see FindZero().
RowKernel FindBinary(BinaryOp op, DataType dtype);

// Pow whose exponent has a type of its own: an integer base with a floating-point exponent is computed as double.
RowKernel FindPow(DataType base, DataType exponent);

// True when an integer tensor holds a zero, which must not be divided by.
bool FindZero(DataType dtype, const void* data, int64_t count);

// Parts of FindBinary, one a file.
RowKernel FindBinaryArithmetic(BinaryOp op, DataType dtype);
RowKernel FindBinaryLogic(BinaryOp op, DataType dtype);

// A row over T with result T.
template <class T, class F>
RowKernel BinaryOf(DataType type, double cost = 0.5) {
  return {BinaryRow<T, T, F>, type, type, cost};
}

// F over every number. Narrow integers are computed as int64, of which they keep the low bits: that is their wrapping.
template <class F>
RowKernel BinaryOfNumbers(DataType dtype, double cost = 0.5) {
  switch (dtype) {
    case DataType::kDouble:
      return BinaryOf<double, F>(dtype, cost);
    case DataType::kInt32:
      return BinaryOf<int32_t, F>(dtype, cost);
    case DataType::kUint64:
      return BinaryOf<uint64_t, F>(dtype, cost);
    default:
      break;
  }
  if (IsInteger(dtype)) return BinaryOf<int64_t, F>(DataType::kInt64, cost);
  if (IsFloatingPoint(dtype)) return BinaryOf<float, F>(DataType::kFloat, cost);
  return {};
}

template <class F>
RowKernel BinaryOfFloats(DataType dtype, double cost = 0.5) {
  if (dtype == DataType::kDouble) return BinaryOf<double, F>(dtype, cost);
  if (IsFloatingPoint(dtype)) return BinaryOf<float, F>(DataType::kFloat, cost);
  return {};
}

}  // namespace sardonyx::kernels
