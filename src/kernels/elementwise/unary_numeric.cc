#include <cmath>
#include <type_traits>

#include "kernels/elementwise/convert.h"
#include "kernels/elementwise/unary.h"

namespace sardonyx::kernels {
namespace {

// Integers wrap as two's complement does, so -INT_MIN is INT_MIN.
struct Neg : NoParameters {
  using NoParameters::NoParameters;
  template <class T>
  T operator()(T x) const {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(std::make_unsigned_t<T>(0) - static_cast<std::make_unsigned_t<T>>(x));
    else
      return -x;
  }
};
struct Abs : NoParameters {
  using NoParameters::NoParameters;
  template <class T>
  T operator()(T x) const {
    if constexpr (std::is_unsigned_v<T>)
      return x;
    else if constexpr (std::is_integral_v<T>)
      return x < 0 ? Neg(nullptr)(x) : x;
    else
      return std::fabs(x);
  }
};
struct Sign : NoParameters {  // of NaN: NaN
  using NoParameters::NoParameters;
  template <class T>
  T operator()(T x) const {
    return x > T(0) ? T(1) : x < T(0) ? T(-1) : x;
  }
};
struct Relu : NoParameters {  // NaN stays
  using NoParameters::NoParameters;
  template <class T>
  T operator()(T x) const {
    return x < T(0) ? T(0) : x;
  }
};
struct Shrink {
  float lambd, bias;
  explicit Shrink(const float* p) : lambd(p[0]), bias(p[1]) {}
  template <class T>
  T operator()(T x) const {
    using Real = std::conditional_t<std::is_floating_point_v<T>, T, double>;
    const Real v = static_cast<Real>(x);
    if (v < -lambd) return ConvertElement<T>(v + static_cast<Real>(bias));
    if (v > lambd) return ConvertElement<T>(v - static_cast<Real>(bias));
    return T(0);
  }
};
struct BitwiseNot : NoParameters {
  using NoParameters::NoParameters;
  template <class T>
  T operator()(T x) const {
    return static_cast<T>(~x);
  }
};
struct Not : NoParameters {
  using NoParameters::NoParameters;
  uint8_t operator()(uint8_t x) const { return x == 0; }
};
struct IsNaN : NoParameters {
  using NoParameters::NoParameters;
  template <class T>
  bool operator()(T x) const {
    return x != x;
  }
};
struct IsInf {
  bool positive, negative;
  explicit IsInf(const float* p) : positive(p[0] != 0), negative(p[1] != 0) {}
  template <class T>
  bool operator()(T x) const {
    return std::isinf(x) && (x > 0 ? positive : negative);
  }
};

template <class T, class F>
RowKernel Row(DataType type) {
  return {UnaryRow<T, T, F>, type, type};
}

// F over every number: the narrow integers are computed as int64, whose low bits they keep.
template <class F>
RowKernel OfNumbers(DataType dtype) {
  if (dtype == DataType::kInt32) return Row<int32_t, F>(dtype);
  if (dtype == DataType::kUint64) return Row<uint64_t, F>(dtype);
  if (IsInteger(dtype)) return Row<int64_t, F>(DataType::kInt64);
  return UnaryOfFloats<F>(dtype);
}

template <class F>
RowKernel Test(DataType dtype) {
  if (dtype == DataType::kDouble) return {UnaryRow<double, bool, F>, dtype, DataType::kBool};
  if (IsFloatingPoint(dtype)) return {UnaryRow<float, bool, F>, DataType::kFloat, DataType::kBool};
  return {};
}

RowKernel FindNot(DataType dtype) {
  return dtype == DataType::kBool ? RowKernel{UnaryRow<uint8_t, uint8_t, Not>, dtype, dtype} : RowKernel{};
}

}  // namespace

RowKernel FindUnaryNumeric(UnaryOp op, DataType dtype) {
  switch (op) {
    case UnaryOp::kAbs:
      return OfNumbers<Abs>(dtype);
    case UnaryOp::kNeg:
      return OfNumbers<Neg>(dtype);
    case UnaryOp::kSign:
      return OfNumbers<Sign>(dtype);
    case UnaryOp::kRelu:
      return OfNumbers<Relu>(dtype);
    case UnaryOp::kShrink:
      return OfNumbers<Shrink>(dtype);
    case UnaryOp::kBitwiseNot:
      return IsInteger(dtype) ? Row<int64_t, BitwiseNot>(DataType::kInt64) : RowKernel{};
    case UnaryOp::kNot:
      return FindNot(dtype);
    case UnaryOp::kIsNaN:
      return Test<IsNaN>(dtype);
    case UnaryOp::kIsInf:
      return Test<IsInf>(dtype);
    default:
      return {};
  }
}

}  // namespace sardonyx::kernels
