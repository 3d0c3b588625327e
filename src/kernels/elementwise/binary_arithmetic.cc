#include <cmath>
#include <type_traits>

#include "kernels/elementwise/binary.h"
#include "kernels/elementwise/math.h"

namespace sardonyx::kernels {
namespace {

// Integer arithmetic is done unsigned: it wraps instead of being undefined.
template <class T>
using Unsigned = std::make_unsigned_t<T>;

struct Add : NoParameters {
  using NoParameters::NoParameters;
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(static_cast<Unsigned<T>>(a) + static_cast<Unsigned<T>>(b));
    else
      return a + b;
  }
};
struct Sub : NoParameters {
  using NoParameters::NoParameters;
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(static_cast<Unsigned<T>>(a) - static_cast<Unsigned<T>>(b));
    else
      return a - b;
  }
};
struct Mul : NoParameters {
  using NoParameters::NoParameters;
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(static_cast<Unsigned<T>>(a) * static_cast<Unsigned<T>>(b));
    else
      return a * b;
  }
};

// The lowest integer divided by -1 overflows, which traps on some machines: it is negation, as is every division by -1.
template <class T>
bool IsMinusOne(T b) {
  return std::is_signed_v<T> && b == static_cast<T>(-1);
}

struct Div : NoParameters {  // integers: towards zero
  using NoParameters::NoParameters;
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      if (b == 0) return 0;
      return IsMinusOne(b) ? Sub(nullptr)(T(0), a) : static_cast<T>(a / b);
    } else {
      return a / b;
    }
  }
};
struct Fmod : NoParameters {
  using NoParameters::NoParameters;
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>)
      return b == 0 || IsMinusOne(b) ? T(0) : static_cast<T>(a % b);
    else
      return std::fmod(a, b);
  }
};
struct Mod : NoParameters {
  using NoParameters::NoParameters;
  template <class T>
  T operator()(T a, T b) const {
    const T remainder = Fmod(nullptr)(a, b);
    if (remainder != T(0) && (remainder < T(0)) != (b < T(0))) return remainder + b;
    if constexpr (std::is_floating_point_v<T>) {
      if (remainder == T(0)) return std::copysign(T(0), b);
    }
    return remainder;
  }
};
struct Min : NoParameters {  // a NaN of either side is the result
  using NoParameters::NoParameters;
  template <class T>
  T operator()(T a, T b) const {
    return a < b ? a : (a != a ? a : b);
  }
};
struct Max : NoParameters {
  using NoParameters::NoParameters;
  template <class T>
  T operator()(T a, T b) const {
    return a > b ? a : (a != a ? a : b);
  }
};
struct PRelu : NoParameters {
  using NoParameters::NoParameters;
  template <class T>
  T operator()(T x, T slope) const {
    return x < T(0) ? Mul(nullptr)(x, slope) : x;
  }
};
struct SwiGlu {
  float alpha;
  explicit SwiGlu(const float* p) : alpha(p[0]) {}
  template <class T>
  T operator()(T a, T b) const {
    return a * math::Sigmoid(static_cast<T>(alpha) * a) * b;
  }
};

struct Pow : NoParameters {
  using NoParameters::NoParameters;
  template <class T>
  T operator()(T base, T exponent) const {
    if constexpr (std::is_integral_v<T>)
      return IntegerPower(base, exponent);
    else
      return std::pow(base, exponent);
  }
  // A negative power is truncated: 0 unless the base is 1 or -1.
  template <class T>
  static T IntegerPower(T base, T exponent) {
    if (std::is_signed_v<T> && exponent < T(0)) return base == T(1) ? T(1) : IsMinusOne(base) ? (exponent % 2 == 0 ? T(1) : base) : T(0);
    Unsigned<T> result = 1, square = static_cast<Unsigned<T>>(base);
    for (auto rest = static_cast<Unsigned<T>>(exponent); rest != 0; rest >>= 1, square *= square)
      if (rest & 1) result *= square;
    return static_cast<T>(result);
  }
};

// Models mostly raise to one small constant: those powers are products and roots.
template <class T>
void FloatPowRow(const RowInput* in, void* out, int64_t n, const float* parameters) {
  const T* x = in[0].as<T>();
  T* y = static_cast<T*>(out);
  const T exponent = *in[1].as<T>();
  if (!in[1].scalar || in[0].scalar || n == 1) return BinaryRow<T, T, Pow>(in, out, n, parameters);
  if (exponent == T(2)) {
    SARDONYX_INDEPENDENT_LOOP
    for (int64_t i = 0; i < n; ++i) y[i] = x[i] * x[i];
  } else if (exponent == T(3)) {
    SARDONYX_INDEPENDENT_LOOP
    for (int64_t i = 0; i < n; ++i) y[i] = x[i] * x[i] * x[i];
  } else if (exponent == T(0.5)) {  // pow(-0, 0.5) is 0 and pow(-inf, 0.5) is infinity, unlike their roots
    SARDONYX_INDEPENDENT_LOOP
    for (int64_t i = 0; i < n; ++i) y[i] = std::isinf(x[i]) ? std::fabs(x[i]) : std::sqrt(x[i]) + T(0);
  } else {
    BinaryRow<T, T, Pow>(in, out, n, parameters);
  }
}

RowKernel PowKernel(DataType dtype) {
  if (dtype == DataType::kDouble) return {FloatPowRow<double>, dtype, dtype, 20};
  if (IsFloatingPoint(dtype)) return {FloatPowRow<float>, DataType::kFloat, DataType::kFloat, 20};
  if (dtype == DataType::kInt32) return BinaryOf<int32_t, Pow>(dtype, 5);
  if (IsInteger(dtype)) return BinaryOf<int64_t, Pow>(DataType::kInt64, 5);
  return {};
}

}  // namespace

RowKernel FindBinaryArithmetic(BinaryOp op, DataType dtype) {
  switch (op) {
    case BinaryOp::kAdd:
      return BinaryOfNumbers<Add>(dtype);
    case BinaryOp::kSub:
      return BinaryOfNumbers<Sub>(dtype);
    case BinaryOp::kMul:
      return BinaryOfNumbers<Mul>(dtype);
    case BinaryOp::kDiv:
      return BinaryOfNumbers<Div>(dtype, 1);
    case BinaryOp::kMod:
      return BinaryOfNumbers<Mod>(dtype, 10);
    case BinaryOp::kFmod:
      return BinaryOfNumbers<Fmod>(dtype, 10);
    case BinaryOp::kMin:
      return BinaryOfNumbers<Min>(dtype);
    case BinaryOp::kMax:
      return BinaryOfNumbers<Max>(dtype);
    case BinaryOp::kPow:
      return PowKernel(dtype);
    case BinaryOp::kPRelu:
      return BinaryOfNumbers<PRelu>(dtype);
    case BinaryOp::kSwiGlu:
      return BinaryOfFloats<SwiGlu>(dtype, 4);
    default:
      return {};
  }
}

}  // namespace sardonyx::kernels
