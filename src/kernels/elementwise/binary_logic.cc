#include <string>

#include "kernels/elementwise/binary.h"
#include "kernels/elementwise/convert.h"

namespace sardonyx::kernels {
namespace {

#define SARDONYX_FUNCTOR(Name, expression)          \
  struct Name : NoParameters {                      \
    using NoParameters::NoParameters;               \
    template <class T>                              \
    auto operator()(const T& a, const T& b) const { \
      return expression;                            \
    }                                               \
  }
SARDONYX_FUNCTOR(Equal, a == b);
SARDONYX_FUNCTOR(Less, a < b);
SARDONYX_FUNCTOR(LessOrEqual, a <= b);
SARDONYX_FUNCTOR(Greater, a > b);
SARDONYX_FUNCTOR(GreaterOrEqual, a >= b);
// Any non-zero byte is true.
SARDONYX_FUNCTOR(And, (a != 0) & (b != 0));
SARDONYX_FUNCTOR(Or, (a | b) != 0);
SARDONYX_FUNCTOR(Xor, (a != 0) != (b != 0));
SARDONYX_FUNCTOR(BitwiseAnd, static_cast<T>(a& b));
SARDONYX_FUNCTOR(BitwiseOr, static_cast<T>(a | b));
SARDONYX_FUNCTOR(BitwiseXor, static_cast<T>(a ^ b));
#undef SARDONYX_FUNCTOR

// Narrow types are widened with their sign, so for a right shift the widened width serves as well as their own. Left shifts
// push the bits beyond the narrow width, where the conversion back drops them.
struct ShiftLeft : NoParameters {
  using NoParameters::NoParameters;
  template <class T>
  T operator()(T a, T b) const {
    const auto by = static_cast<std::make_unsigned_t<T>>(b);  // a negative one becomes huge
    return by >= sizeof(T) * 8 ? T(0) : static_cast<T>(static_cast<std::make_unsigned_t<T>>(a) << by);
  }
};
struct ShiftRight : NoParameters {
  using NoParameters::NoParameters;
  template <class T>
  T operator()(T a, T b) const {
    const auto by = static_cast<std::make_unsigned_t<T>>(b);
    return by >= sizeof(T) * 8 ? (a < T(0) ? static_cast<T>(-1) : T(0)) : static_cast<T>(a >> by);
  }
};

template <class T, class F>
RowKernel CompareOf(DataType type) {
  return {BinaryRow<T, bool, F>, type, DataType::kBool};
}

template <class F>
RowKernel Compare(DataType dtype) {
  switch (dtype) {
    case DataType::kDouble:
      return CompareOf<double, F>(dtype);
    case DataType::kInt32:
      return CompareOf<int32_t, F>(dtype);
    case DataType::kUint64:
      return CompareOf<uint64_t, F>(dtype);
    default:
      break;
  }
  if (IsInteger(dtype)) return CompareOf<int64_t, F>(DataType::kInt64);
  if (IsFloatingPoint(dtype)) return CompareOf<float, F>(DataType::kFloat);
  return {};
}

// Strings hold their elements as objects, so they have a row of their own.
void EqualStringRow(const RowInput* in, void* out, int64_t n, const float*) {
  const auto* a = in[0].as<std::string>();
  const auto* b = in[1].as<std::string>();
  auto* y = static_cast<bool*>(out);
  for (int64_t i = 0; i < n; ++i) y[i] = a[in[0].scalar ? 0 : i] == b[in[1].scalar ? 0 : i];
}

RowKernel FindEqual(DataType dtype) {
  if (dtype == DataType::kString) return {EqualStringRow, dtype, DataType::kBool, 10};
  if (dtype == DataType::kBool) return CompareOf<int64_t, Equal>(DataType::kInt64);  // 2 and 1 are both true
  return Compare<Equal>(dtype);
}

template <class F>
RowKernel OfBools(DataType dtype) {
  return dtype == DataType::kBool ? RowKernel{BinaryRow<uint8_t, bool, F>, dtype, dtype} : RowKernel{};
}

template <class F>
RowKernel OfIntegers(DataType dtype) {
  if (dtype == DataType::kInt32) return BinaryOf<int32_t, F>(dtype);
  if (dtype == DataType::kUint64) return BinaryOf<uint64_t, F>(dtype);
  return IsInteger(dtype) ? BinaryOf<int64_t, F>(DataType::kInt64) : RowKernel{};
}

}  // namespace

RowKernel FindBinaryLogic(BinaryOp op, DataType dtype) {
  switch (op) {
    case BinaryOp::kEqual:
      return FindEqual(dtype);
    case BinaryOp::kLess:
      return Compare<Less>(dtype);
    case BinaryOp::kLessOrEqual:
      return Compare<LessOrEqual>(dtype);
    case BinaryOp::kGreater:
      return Compare<Greater>(dtype);
    case BinaryOp::kGreaterOrEqual:
      return Compare<GreaterOrEqual>(dtype);
    case BinaryOp::kAnd:
      return OfBools<And>(dtype);
    case BinaryOp::kOr:
      return OfBools<Or>(dtype);
    case BinaryOp::kXor:
      return OfBools<Xor>(dtype);
    case BinaryOp::kBitwiseAnd:
      return OfIntegers<BitwiseAnd>(dtype);
    case BinaryOp::kBitwiseOr:
      return OfIntegers<BitwiseOr>(dtype);
    case BinaryOp::kBitwiseXor:
      return OfIntegers<BitwiseXor>(dtype);
    case BinaryOp::kShiftLeft:
      return OfIntegers<ShiftLeft>(dtype);
    case BinaryOp::kShiftRight:
      return OfIntegers<ShiftRight>(dtype);
    default:
      return {};
  }
}

}  // namespace sardonyx::kernels
