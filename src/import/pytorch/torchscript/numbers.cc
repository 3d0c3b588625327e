// Arithmetic on Python's numbers: at once where they are known, as scalar nodes of the graph where they are not. Integers are
// int64, floats double.
#include <cmath>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "import/pytorch/torchscript/interpreter.h"

namespace sardonyx::pytorch {
namespace {

double ToDouble(const IValue& number) {
  return number.is_double() ? number.number() : number.is_int() ? static_cast<double>(number.integer()) : number.boolean() ? 1.0 : 0.0;
}
int64_t ToInt(const IValue& number) { return number.is_int() ? number.integer() : number.boolean() ? 1 : 0; }
bool IsKnown(const IValue& number) { return !number.is_number_value(); }

// Of int64 without undefined overflow.
int64_t Wrapped(uint64_t value) { return static_cast<int64_t>(value); }

int64_t FloorDivide(int64_t a, int64_t b) {
  if (b == -1) return Wrapped(0 - static_cast<uint64_t>(a));
  const int64_t quotient = a / b;
  return (a % b != 0 && (a < 0) != (b < 0)) ? quotient - 1 : quotient;
}
int64_t FloorModulo(int64_t a, int64_t b) {
  return b == -1 ? 0 : Wrapped(static_cast<uint64_t>(a) - static_cast<uint64_t>(FloorDivide(a, b)) * static_cast<uint64_t>(b));
}

int64_t IntPower(int64_t base, int64_t exponent) {
  uint64_t result = 1, factor = static_cast<uint64_t>(base);
  for (; exponent > 0; exponent >>= 1, factor *= factor) {
    if ((exponent & 1) != 0) result *= factor;
  }
  return Wrapped(result);
}

enum class Op {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kFloorDiv,
  kMod,
  kPow,
  kMin,
  kMax,
  kEq,
  kNe,
  kLt,
  kLe,
  kGt,
  kGe,
  kAnd,
  kOr,
  kXor,
  kShl,
  kShr,
  kNeg,
  kAbs,
  kNot,
  kInt,
  kFloat,
  kBool,
  kCeil,
  kFloor,
  kRound,
  kSqrt,
  kExp,
  kLog,
  kSin,
  kCos,
  kTan,
  kTanh,
  kTrunc,
};
struct OpName {
  std::string_view name;
  Op op;
};
constexpr OpName kBinary[] = {
    {"add", Op::kAdd},
    {"sub", Op::kSub},
    {"mul", Op::kMul},
    {"div", Op::kDiv},
    {"floordiv", Op::kFloorDiv},
    {"floor_divide", Op::kFloorDiv},
    {"remainder", Op::kMod},
    {"pow", Op::kPow},
    {"min", Op::kMin},
    {"max", Op::kMax},
    {"eq", Op::kEq},
    {"ne", Op::kNe},
    {"lt", Op::kLt},
    {"le", Op::kLe},
    {"gt", Op::kGt},
    {"ge", Op::kGe},
    {"__and__", Op::kAnd},
    {"__or__", Op::kOr},
    {"__xor__", Op::kXor},
    {"__lshift__", Op::kShl},
    {"__rshift__", Op::kShr},
    {"truediv", Op::kDiv},
    {"__floordiv__", Op::kFloorDiv},
    {"bitwise_and", Op::kAnd},
    {"bitwise_or", Op::kOr},
    {"mod", Op::kMod},
};
constexpr OpName kUnary[] = {
    {"neg", Op::kNeg},
    {"abs", Op::kAbs},
    {"__not__", Op::kNot},
    {"int", Op::kInt},
    {"Int", Op::kInt},
    {"float", Op::kFloat},
    {"Float", Op::kFloat},
    {"bool", Op::kBool},
    {"Bool", Op::kBool},
    {"ceil", Op::kCeil},
    {"floor", Op::kFloor},
    {"round", Op::kRound},
    {"sqrt", Op::kSqrt},
    {"exp", Op::kExp},
    {"log", Op::kLog},
    {"sin", Op::kSin},
    {"cos", Op::kCos},
    {"tan", Op::kTan},
    {"tanh", Op::kTanh},
    {"trunc", Op::kTrunc},
    {"ScalarImplicit", Op::kAdd},
    {"IntImplicit", Op::kInt},
    {"FloatImplicit", Op::kFloat},
};

bool IsComparison(Op op) { return op >= Op::kEq && op <= Op::kGe; }

template <class T>
bool Compare(Op op, T a, T b) {
  switch (op) {
    case Op::kEq:
      return a == b;
    case Op::kNe:
      return a != b;
    case Op::kLt:
      return a < b;
    case Op::kLe:
      return a <= b;
    case Op::kGt:
      return a > b;
    default:
      return a >= b;
  }
}

StatusOr<IValue> KnownBinary(Op op, const IValue& a, const IValue& b) {
  const bool floats = a.is_double() || b.is_double();
  if (IsComparison(op)) return IValue(floats ? Compare(op, ToDouble(a), ToDouble(b)) : Compare(op, ToInt(a), ToInt(b)));
  if (a.is_bool() && b.is_bool() && (op == Op::kAnd || op == Op::kOr || op == Op::kXor)) {
    const bool x = a.boolean(), y = b.boolean();
    return IValue(op == Op::kAnd ? (x && y) : op == Op::kOr ? (x || y) : x != y);
  }
  const double x = ToDouble(a), y = ToDouble(b);
  if (op == Op::kDiv) {
    if (y == 0) return Unsupported("division by zero");
    return IValue(x / y);
  }
  if (floats || (op == Op::kPow && ToInt(b) < 0)) {
    switch (op) {
      case Op::kAdd:
        return IValue(x + y);
      case Op::kSub:
        return IValue(x - y);
      case Op::kMul:
        return IValue(x * y);
      case Op::kFloorDiv:
        return IValue(std::floor(x / y));
      case Op::kMod: {
        const double r = std::fmod(x, y);
        return IValue(r != 0 && (r < 0) != (y < 0) ? r + y : r);
      }
      case Op::kPow:
        return IValue(std::pow(x, y));
      case Op::kMin:
        return IValue(std::min(x, y));
      case Op::kMax:
        return IValue(std::max(x, y));
      default:
        return Unsupported("a bitwise operation on floats");
    }
  }
  const int64_t i = ToInt(a), k = ToInt(b);
  const auto u = static_cast<uint64_t>(i), v = static_cast<uint64_t>(k);
  switch (op) {
    case Op::kAdd:
      return IValue(Wrapped(u + v));
    case Op::kSub:
      return IValue(Wrapped(u - v));
    case Op::kMul:
      return IValue(Wrapped(u * v));
    case Op::kFloorDiv:
    case Op::kMod:
      if (k == 0) return Unsupported("division by zero");
      return IValue(op == Op::kMod ? FloorModulo(i, k) : FloorDivide(i, k));
    case Op::kPow:
      return IValue(IntPower(i, k));
    case Op::kMin:
      return IValue(std::min(i, k));
    case Op::kMax:
      return IValue(std::max(i, k));
    case Op::kAnd:
      return IValue(i & k);
    case Op::kOr:
      return IValue(i | k);
    case Op::kXor:
      return IValue(i ^ k);
    case Op::kShl:
    case Op::kShr:
      if (k < 0 || k > 63) return Unsupported("a shift by less than 0 or more than 63");
      return IValue(op == Op::kShl ? Wrapped(u << k) : i >> k);
    default:
      return Internal("a binary operator that is none");
  }
}

StatusOr<IValue> KnownUnary(Op op, const IValue& a) {
  const double x = ToDouble(a);
  const auto to_int = [](double value) -> StatusOr<IValue> {
    if (!(value > -9.3e18 && value < 9.2e18)) return Unsupported("a float that no int64 can hold");
    return IValue(static_cast<int64_t>(value));
  };
  switch (op) {
    case Op::kAdd:  // the number itself
      return a;
    case Op::kNeg:
      return a.is_double() ? IValue(-x) : IValue(Wrapped(0 - static_cast<uint64_t>(ToInt(a))));
    case Op::kAbs:
      return a.is_double() ? IValue(std::fabs(x)) : IValue(ToInt(a) < 0 ? Wrapped(0 - static_cast<uint64_t>(ToInt(a))) : ToInt(a));
    case Op::kNot:
      return IValue(x == 0);
    case Op::kBool:
      return IValue(x != 0);
    case Op::kFloat:
      return IValue(x);
    case Op::kInt:
    case Op::kTrunc:
      return a.is_double() ? to_int(std::trunc(x)) : StatusOr<IValue>(IValue(ToInt(a)));
    case Op::kCeil:
      return a.is_double() ? to_int(std::ceil(x)) : StatusOr<IValue>(a);
    case Op::kFloor:
      return a.is_double() ? to_int(std::floor(x)) : StatusOr<IValue>(a);
    case Op::kRound:
      return IValue(std::nearbyint(x));
    case Op::kSqrt:
      return IValue(std::sqrt(x));
    case Op::kExp:
      return IValue(std::exp(x));
    case Op::kLog:
      return IValue(std::log(x));
    case Op::kSin:
      return IValue(std::sin(x));
    case Op::kCos:
      return IValue(std::cos(x));
    case Op::kTan:
      return IValue(std::tan(x));
    case Op::kTanh:
      return IValue(std::tanh(x));
    default:
      return Internal("a unary operator that is none");
  }
}

DataType TypeOf(Kind kind) { return kind == Kind::kFloat ? DataType::kDouble : kind == Kind::kBool ? DataType::kBool : DataType::kInt64; }

// Strings, None, enumerators: equal or not.
std::optional<bool> PlainEqual(const IValue& a, const IValue& b) {
  const auto plain = [](const IValue& v) {
    return v.is_none() || v.is_string() || Interpreter::IsNumber(v) || As<EnumMember>(v) != nullptr;
  };
  if (!plain(a) || !plain(b)) return std::nullopt;
  if (a.is_none() || b.is_none()) return a.is_none() && b.is_none();
  if (a.is_string() || b.is_string()) return a.is_string() && b.is_string() && a.string() == b.string();
  const auto x = As<EnumMember>(a), y = As<EnumMember>(b);
  if (x != nullptr || y != nullptr) return x != nullptr && y != nullptr && x->type == y->type && x->name == y->name;
  return std::nullopt;
}

}  // namespace

Kind Interpreter::KindOf(const IValue& number) {
  if (number.is_number_value()) return number.number_value().kind;
  return number.is_double() ? Kind::kFloat : number.is_bool() ? Kind::kBool : Kind::kInt;
}

V Interpreter::Scalar(const IValue& number) {
  if (number.is_number_value()) return number.number_value().value;
  if (number.is_double()) return b.Scalar<double>(number.number());
  if (number.is_bool()) return b.Scalar<bool>(number.boolean());
  return b.Int(ToInt(number));
}

IValue Interpreter::Number(V scalar, Kind kind) {
  scalar = b.Cast(scalar, TypeOf(kind));
  const ::sardonyx::Tensor* known = b.constant(scalar);
  if (known == nullptr || known->num_elements() != 1) return IValue(NumberValue{scalar, kind});
  const ::sardonyx::Tensor aligned = known->Aligned();
  if (kind == Kind::kFloat) return IValue(aligned.data<double>()[0]);
  if (kind == Kind::kBool) return IValue(aligned.data<bool>()[0]);
  return IValue(aligned.data<int64_t>()[0]);
}

StatusOr<IValue> Interpreter::ToNumber(const IValue& value, Kind kind) {
  if (IsNumber(value)) {
    if (KindOf(value) == kind) return value;
    if (!value.is_number_value()) return KnownUnary(kind == Kind::kFloat ? Op::kFloat : kind == Kind::kBool ? Op::kBool : Op::kInt, value);
    return Number(value.number_value().value, kind);
  }
  if (!IsTensor(value)) return Unsupported(fmt::format("{} where a number is needed", value.ToString()));
  ASSIGN_OR_RETURN(const TensorValue tensor, Tensor(value));
  V scalar = tensor.value;
  if (b.known_rank(scalar) != size_t{0}) scalar = b.Reshape(scalar, std::vector<int64_t>{});
  IValue number = Number(scalar, kind);
  RETURN_IF_ERROR(b.status());
  return number;
}

StatusOr<std::optional<IValue>> Interpreter::NumberOperator(std::string_view name, const Arguments& arguments) {
  const auto known = [](const auto& table, std::string_view wanted) -> std::optional<Op> {
    for (const OpName& one : table) {
      if (one.name == wanted) return one.op;
    }
    return std::nullopt;
  };
  const IValue &left = arguments.at(0), &right = arguments.at(1);
  if (arguments.size() == 1 && IsNumber(left)) {
    const std::optional<Op> op = known(kUnary, name);
    if (!op) return std::optional<IValue>();
    if (IsKnown(left)) {
      ASSIGN_OR_RETURN(IValue result, KnownUnary(*op, left));
      return std::optional<IValue>(std::move(result));
    }
    V x = Scalar(left);
    const auto as_double = [&] { return b.Cast(x, DataType::kDouble); };
    switch (*op) {
      case Op::kAdd:
        return std::optional<IValue>(left);
      case Op::kNeg:
        return std::optional<IValue>(Number(b.Neg(x), KindOf(left)));
      case Op::kAbs:
        return std::optional<IValue>(Number(b.Op("Abs", {x}), KindOf(left)));
      case Op::kNot:
        return std::optional<IValue>(Number(b.Op("Not", {b.Cast(x, DataType::kBool)}), Kind::kBool));
      case Op::kBool:
        return std::optional<IValue>(Number(x, Kind::kBool));
      case Op::kFloat:
        return std::optional<IValue>(Number(x, Kind::kFloat));
      case Op::kInt:
      case Op::kTrunc:
        return std::optional<IValue>(Number(x, Kind::kInt));
      case Op::kCeil:
      case Op::kFloor:
        return std::optional<IValue>(KindOf(left) == Kind::kFloat ? Number(b.Op(*op == Op::kCeil ? "Ceil" : "Floor", {x}), Kind::kInt)
                                                                  : left);
      case Op::kRound:
        return std::optional<IValue>(Number(b.Op("Round", {as_double()}), Kind::kFloat));
      case Op::kSqrt:
        return std::optional<IValue>(Number(b.Op("Sqrt", {as_double()}), Kind::kFloat));
      case Op::kExp:
        return std::optional<IValue>(Number(b.Op("Exp", {as_double()}), Kind::kFloat));
      case Op::kLog:
        return std::optional<IValue>(Number(b.Op("Log", {as_double()}), Kind::kFloat));
      default:
        return Unsupported(fmt::format("{} of a number that is not known when the model is converted", name));
    }
  }
  if (arguments.size() != 2) return std::optional<IValue>();
  const std::optional<Op> op = known(kBinary, name);
  if (!op) return std::optional<IValue>();
  if (!IsNumber(left) || !IsNumber(right)) {
    if (*op != Op::kEq && *op != Op::kNe) return std::optional<IValue>();
    const std::optional<bool> equal = PlainEqual(left, right);
    if (!equal) return std::optional<IValue>();
    return std::optional<IValue>(IValue(*equal == (*op == Op::kEq)));
  }
  if (IsKnown(left) && IsKnown(right)) {
    ASSIGN_OR_RETURN(IValue result, KnownBinary(*op, left, right));
    return std::optional<IValue>(std::move(result));
  }
  // With a bool that is known, and and or need no node.
  if (*op == Op::kAnd || *op == Op::kOr) {
    for (const auto& [one, other] : {std::pair(left, right), std::pair(right, left)}) {
      if (one.is_bool()) return std::optional<IValue>(one.boolean() == (*op == Op::kAnd) ? other : one);
    }
  }
  const bool floats = KindOf(left) == Kind::kFloat || KindOf(right) == Kind::kFloat || *op == Op::kDiv;
  const bool logical = KindOf(left) == Kind::kBool && KindOf(right) == Kind::kBool && *op >= Op::kEq;
  const Kind kind = floats ? Kind::kFloat : logical ? Kind::kBool : Kind::kInt;
  V x = b.Cast(Scalar(left), TypeOf(kind)), y = b.Cast(Scalar(right), TypeOf(kind));
  const auto number = [&](V value) { return std::optional<IValue>(Number(value, kind)); };
  const auto truth = [&](V value) { return std::optional<IValue>(Number(value, Kind::kBool)); };
  const auto modulo = [&] { return floats ? b.Sub(x, b.Mul(b.Op("Floor", {b.Div(x, y)}), y)) : b.Op("Mod", {x, y}); };
  switch (*op) {
    case Op::kAdd:
      return number(b.Add(x, y));
    case Op::kSub:
      return number(b.Sub(x, y));
    case Op::kMul:
      return number(b.Mul(x, y));
    case Op::kDiv:
      return number(b.Div(x, y));
    case Op::kFloorDiv:  // ONNX divides integers towards zero; without the remainder nothing is left to round
      return number(floats ? b.Op("Floor", {b.Div(x, y)}) : b.Div(b.Sub(x, modulo()), y));
    case Op::kMod:
      return number(modulo());
    case Op::kPow:
      return number(b.Op("Pow", {x, y}));
    case Op::kMin:
      return number(b.Op("Min", {x, y}));
    case Op::kMax:
      return number(b.Op("Max", {x, y}));
    case Op::kEq:
      return truth(b.Op("Equal", {x, y}));
    case Op::kNe:
      return truth(b.Op("Not", {b.Op("Equal", {x, y})}));
    case Op::kLt:
      return truth(b.Op("Less", {x, y}));
    case Op::kLe:
      return truth(b.Op("LessOrEqual", {x, y}));
    case Op::kGt:
      return truth(b.Op("Greater", {x, y}));
    case Op::kGe:
      return truth(b.Op("GreaterOrEqual", {x, y}));
    case Op::kAnd:
      return number(b.Op(logical ? "And" : "BitwiseAnd", {x, y}));
    case Op::kOr:
      return number(b.Op(logical ? "Or" : "BitwiseOr", {x, y}));
    case Op::kXor:
      return number(b.Op(logical ? "Xor" : "BitwiseXor", {x, y}));
    default:
      return Unsupported(fmt::format("{} of numbers that are not known when the model is converted", name));
  }
}

}  // namespace sardonyx::pytorch
