// Python numbers that depend on the input: sizes and arithmetic on them. Constants are computed now.
#include <cmath>
#include <functional>
#include <limits>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

bool IsConstant(const IValue& value) { return value.is_int() || value.is_bool() || value.is_double(); }
double Real(const IValue& value) {
  return value.is_double() ? value.number() : value.is_int() ? static_cast<double>(value.integer()) : value.boolean() ? 1 : 0;
}
int64_t Whole(const IValue& value) {
  return value.is_int() ? value.integer() : value.is_bool() ? (value.boolean() ? 1 : 0) : static_cast<int64_t>(value.number());
}

Kind KindOf(Call& c, const IValue& value) {
  if (value.is_number_value()) return value.number_value().kind;
  if (value.is_tensor()) {
    const DataType type = c.b.dtype(value.tensor().value);
    return type == DataType::kBool ? Kind::kBool : IsInteger(type) ? Kind::kInt : Kind::kFloat;
  }
  return value.is_double() ? Kind::kFloat : value.is_bool() ? Kind::kBool : Kind::kInt;
}

V AsKind(Call& c, const IValue& value, Kind kind) {
  return c.NumberAs(value.is_tensor() ? IValue(NumberValue{c.ToNumber(value), KindOf(c, value)}) : value,
                    kind == Kind::kFloat  ? DataType::kDouble
                    : kind == Kind::kBool ? DataType::kBool
                                          : DataType::kInt64);
}

// A number whose value is known after all.
Outputs Number(Call& c, V value, Kind kind) {
  if (const Tensor* known = c.b.constant(value); known && known->num_elements() == 1) {
    if (kind == Kind::kInt && known->dtype() == DataType::kInt64) return IValue(known->data<int64_t>()[0]);
    if (kind == Kind::kBool && known->dtype() == DataType::kBool) return IValue(known->data<bool>()[0]);
  }
  return NumberValue{value, kind};
}

int64_t FloorDivInt(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0); }

Outputs Arithmetic(Call& c) {
  const IValue &a = c.arg(size_t{0}), &d = c.arg(size_t{1});
  const std::string_view op = c.param();
  const bool real = KindOf(c, a) == Kind::kFloat || KindOf(c, d) == Kind::kFloat || op == "truediv";
  if (IsConstant(a) && IsConstant(d)) {
    const double x = Real(a), y = Real(d);
    const int64_t i = Whole(a), j = Whole(d);
    if ((op == "truediv" || op == "floordiv" || op == "mod") && y == 0) return c.Unsupported("a division by zero");
    if (op == "add") return real ? IValue(x + y) : IValue(i + j);
    if (op == "sub") return real ? IValue(x - y) : IValue(i - j);
    if (op == "mul") return real ? IValue(x * y) : IValue(i * j);
    if (op == "truediv") return IValue(x / y);
    if (op == "floordiv") return real ? IValue(std::floor(x / y)) : IValue(FloorDivInt(i, j));
    if (op == "mod") return real ? IValue(x - std::floor(x / y) * y) : IValue(i - FloorDivInt(i, j) * j);
    if (op == "max") return real ? IValue(std::max(x, y)) : IValue(std::max(i, j));
    if (op == "min") return real ? IValue(std::min(x, y)) : IValue(std::min(i, j));
    if (op == "pow") {
      const double power = std::pow(x, y);
      return real || j < 0 ? IValue(power) : IValue(static_cast<int64_t>(power));
    }
  }
  const Kind kind = real ? Kind::kFloat : Kind::kInt;
  V x = AsKind(c, a, kind), y = AsKind(c, d, kind);
  if (op == "add") return Number(c, c.b.Add(x, y), kind);
  if (op == "sub") return Number(c, c.b.Sub(x, y), kind);
  if (op == "mul") return Number(c, c.b.Mul(x, y), kind);
  if (op == "truediv") return Number(c, c.b.Div(x, y), kind);
  if (op == "max" || op == "min") return Number(c, c.b.Op(op == "max" ? "Max" : "Min", {x, y}), kind);
  if (op == "pow") return Number(c, c.b.Op("Pow", {x, y}), kind);
  // Sizes are not negative, nor are most divisors: then the quotient is plain.
  if (op == "floordiv") {
    if (real) return Number(c, c.b.Op("Floor", {c.b.Div(x, y)}), kind);
    const bool plain =
        d.is_int() && d.integer() > 0 && c.b.elements(x) && !c.b.elements(x)->empty() && (*c.b.elements(x))[0].symbol().has_value();
    return Number(c, plain ? c.b.Div(x, y) : FloorDivide(c.b, x, y), kind);
  }
  return Number(c, Remainder(c.b, x, y), kind);
}

Outputs Compare(Call& c) {
  const IValue &a = c.arg(size_t{0}), &d = c.arg(size_t{1});
  const std::string_view op = c.param();
  if (IsConstant(a) && IsConstant(d)) {
    const double x = Real(a), y = Real(d);
    return IValue(op == "Equal"         ? x == y
                  : op == "NotEqual"    ? x != y
                  : op == "Less"        ? x < y
                  : op == "LessOrEqual" ? x <= y
                  : op == "Greater"     ? x > y
                                        : x >= y);
  }
  const bool real = KindOf(c, a) == Kind::kFloat || KindOf(c, d) == Kind::kFloat;
  const Kind kind = real ? Kind::kFloat : Kind::kInt;
  V x = AsKind(c, a, kind), y = AsKind(c, d, kind);
  V result = op == "NotEqual" ? Not(c.b, c.b.Op("Equal", {x, y})) : c.b.Op(op, {x, y});
  return Number(c, result, Kind::kBool);
}

Outputs Logic(Call& c) {
  const IValue &a = c.arg(size_t{0}), &d = c.arg(size_t{1});
  const std::string_view op = c.param();
  if (op == "Not") return IsConstant(a) ? Outputs(IValue(Real(a) == 0)) : Number(c, Not(c.b, AsKind(c, a, Kind::kBool)), Kind::kBool);
  if (KindOf(c, a) == Kind::kInt && IsConstant(a) && IsConstant(d))
    return op == "And" ? IValue(Whole(a) & Whole(d)) : op == "Or" ? IValue(Whole(a) | Whole(d)) : IValue(Whole(a) ^ Whole(d));
  if (IsConstant(a) && IsConstant(d))
    return IValue(op == "And"  ? Real(a) != 0 && Real(d) != 0
                  : op == "Or" ? Real(a) != 0 || Real(d) != 0
                               : (Real(a) != 0) != (Real(d) != 0));
  return Number(c, c.b.Op(op, {AsKind(c, a, Kind::kBool), AsKind(c, d, Kind::kBool)}), Kind::kBool);
}

// Functions of one number.
Outputs Function(Call& c) {
  const IValue& a = c.arg(size_t{0});
  const std::string_view op = c.param();
  const Kind kind = KindOf(c, a);
  const bool to_int = op == "trunc" || op == "floor" || op == "ceil" || op == "int" || op == "round";
  if (IsConstant(a)) {
    const double x = Real(a);
    if (op == "neg") return a.is_double() ? IValue(-x) : IValue(-Whole(a));
    if (op == "abs") return a.is_double() ? IValue(std::abs(x)) : IValue(std::abs(Whole(a)));
    if (op == "float") return IValue(x);
    if (op == "bool") return IValue(x != 0);
    if (op == "trunc" || op == "int") return IValue(static_cast<int64_t>(std::trunc(x)));
    if (op == "floor") return IValue(static_cast<int64_t>(std::floor(x)));
    if (op == "ceil") return IValue(static_cast<int64_t>(std::ceil(x)));
    if (op == "round") return IValue(static_cast<int64_t>(std::nearbyint(x)));
    if (op == "Sqrt") return IValue(std::sqrt(x));
    if (op == "Log") return IValue(std::log(x));
    if (op == "Exp") return IValue(std::exp(x));
    if (op == "Sin") return IValue(std::sin(x));
    if (op == "Cos") return IValue(std::cos(x));
    return c.Unsupported("this function of a number");
  }
  if (op == "float") return NumberValue{AsKind(c, a, Kind::kFloat), Kind::kFloat};
  if (op == "bool") return Number(c, AsKind(c, a, Kind::kBool), Kind::kBool);
  if (to_int && kind != Kind::kFloat) return Number(c, AsKind(c, a, Kind::kInt), Kind::kInt);
  V x = AsKind(c, a, kind == Kind::kInt ? Kind::kInt : Kind::kFloat);
  if (op == "neg") return Number(c, c.b.Neg(x), kind);
  if (op == "abs") return Number(c, c.b.Op("Abs", {x}), kind);
  if (op == "trunc" || op == "int") return Number(c, c.b.Cast(Truncate(c.b, x), DataType::kInt64), Kind::kInt);
  if (to_int)
    return Number(c, c.b.Cast(c.b.Op(op == "floor" ? "Floor" : op == "ceil" ? "Ceil" : "Round", {x}), DataType::kInt64), Kind::kInt);
  return NumberValue{c.b.Op(op, {AsKind(c, a, Kind::kFloat)}), Kind::kFloat};
}

Outputs Sum(Call& c) {
  IValue::List items = c.arg(size_t{0}).is_list() ? c.arg(size_t{0}).list() : c.arguments();
  V total = nullptr;
  int64_t known = 0;
  for (const IValue& item : items) {
    if (item.is_int())
      known += item.integer();
    else
      total = total == nullptr ? AsKind(c, item, Kind::kInt) : c.b.Add(total, AsKind(c, item, Kind::kInt));
  }
  if (total == nullptr) return IValue(known);
  return Number(c, known == 0 ? total : c.b.Add(total, c.b.Int(known)), Kind::kInt);
}

Outputs IfThenElse(Call& c) {
  const IValue& condition = c.arg(size_t{0});
  if (IsConstant(condition)) return Outputs(c.arg(Real(condition) != 0 ? size_t{1} : size_t{2}));
  const Kind kind = KindOf(c, c.arg(size_t{1}));
  return Number(c, c.b.Where(AsKind(c, condition, Kind::kBool), AsKind(c, c.arg(size_t{1}), kind), AsKind(c, c.arg(size_t{2}), kind)),
                kind);
}

Outputs SizeOf(Call& c) {
  V x = c.is_complex("self") ? c.complex_tensor("self").value : c.tensor("self");
  const auto rank = static_cast<int64_t>(c.b.rank(x)) - (c.is_complex("self") ? 1 : 0);
  if (!c.is_none("dim")) return Number(c, c.b.SizeOf(x, c.Axis("dim", rank)), Kind::kInt);
  IValue::List sizes;
  for (int64_t i = 0; i < rank; ++i) sizes.push_back(Number(c, c.b.SizeOf(x, i), Kind::kInt).values[0]);
  return IValue::MakeList(std::move(sizes));
}
Outputs NumElements(Call& c) { return Number(c, CountOf(c.b, c.tensor("self"), {}), Kind::kInt); }
Outputs Rank(Call& c) { return IValue(c.rank("self")); }
Outputs Stride(Call& c) {
  // Of memory that is contiguous, as all of ONNX's is.
  V x = c.tensor("self");
  if (const auto& cell = c.arg("self").tensor().cell; cell != nullptr && !InOrder(*cell)) return c.Unsupported("the strides of a view");
  IValue::List strides;
  V product = c.b.Int(1);
  for (int64_t i = c.rank("self"); i-- > 0;) {
    strides.insert(strides.begin(), Number(c, product, Kind::kInt).values[0]);
    product = c.b.Mul(product, c.b.SizeOf(x, i));
  }
  if (!c.is_none("dim")) return strides.at(static_cast<size_t>(c.Axis("dim", c.rank("self"))));
  return IValue::MakeList(std::move(strides));
}
Outputs Zero(Call&) { return IValue(int64_t{0}); }
Outputs Yes(Call&) { return IValue(true); }
// The largest or smallest number of a type.
Outputs Limit(Call& c) {
  const bool most = c.param() == "max";
  switch (c.Dtype("dtype", DataType::kFloat)) {
    case DataType::kBool:
      return IValue(most);
    case DataType::kUint8:
      return IValue(int64_t{most ? 255 : 0});
    case DataType::kInt8:
      return IValue(int64_t{most ? 127 : -128});
    case DataType::kInt16:
      return IValue(int64_t{most ? 32767 : -32768});
    case DataType::kInt32:
      return IValue(most ? int64_t{std::numeric_limits<int32_t>::max()} : int64_t{std::numeric_limits<int32_t>::min()});
    case DataType::kInt64:
      return IValue(most ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min());
    default:
      return IValue(most ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity());
  }
}

// The number in a tensor of one element.
Outputs Item(Call& c) {
  V x = c.tensor("self");
  const DataType type = c.b.dtype(x);
  V scalar = c.b.known_rank(x) == size_t{0} ? x : c.b.Reshape(x, std::vector<int64_t>{});
  if (type == DataType::kBool) return Number(c, scalar, Kind::kBool);
  return IsInteger(type) ? Number(c, c.b.Cast(scalar, DataType::kInt64), Kind::kInt)
                         : Number(c, c.b.Cast(scalar, DataType::kDouble), Kind::kFloat);
}

// What is checked when PyTorch runs, and says nothing of the result.
Outputs Nothing(Call& c) {
  Outputs none;
  none.values.resize(c.node().outputs.size());
  return none;
}

constexpr RuleRow kRows[] = {
    {"_operator.add", Arithmetic, "add"},
    {"_operator.sub", Arithmetic, "sub"},
    {"_operator.mul", Arithmetic, "mul"},
    {"_operator.truediv", Arithmetic, "truediv"},
    {"_operator.floordiv", Arithmetic, "floordiv"},
    {"_operator.mod", Arithmetic, "mod"},
    {"_operator.pow", Arithmetic, "pow"},
    {"torch.sym_max", Arithmetic, "max"},
    {"torch.sym_min", Arithmetic, "min"},
    {"_operator.eq", Compare, "Equal"},
    {"_operator.ne", Compare, "NotEqual"},
    {"_operator.lt", Compare, "Less"},
    {"_operator.le", Compare, "LessOrEqual"},
    {"_operator.gt", Compare, "Greater"},
    {"_operator.ge", Compare, "GreaterOrEqual"},
    {"_operator.and_", Logic, "And"},
    {"_operator.or_", Logic, "Or"},
    {"_operator.xor", Logic, "Xor"},
    {"_operator.not_", Logic, "Not"},
    {"torch.sym_not", Logic, "Not"},
    {"_operator.neg", Function, "neg"},
    {"_operator.abs", Function, "abs"},
    {"math.trunc", Function, "trunc"},
    {"math.floor", Function, "floor"},
    {"math.ceil", Function, "ceil"},
    {"builtins.round", Function, "round"},
    {"_operator.round", Function, "round"},
    {"torch.sym_float", Function, "float"},
    {"torch.sym_int", Function, "int"},
    {"torch._sym_sqrt", Function, "Sqrt"},
    {"math.sqrt", Function, "Sqrt"},
    {"math.log", Function, "Log"},
    {"math.exp", Function, "Exp"},
    {"torch.sym_sum", Sum},
    {"torch.sym_ite", IfThenElse},
    {"aten.sym_size", SizeOf},
    {"aten.size", SizeOf},
    {"aten.sym_numel", NumElements},
    {"aten.numel", NumElements},
    {"aten.dim", Rank},
    {"aten.stride", Stride},
    {"aten.sym_stride", Stride},
    {"aten.sym_storage_offset", Zero},
    {"aten.storage_offset", Zero},
    {"aten.sym_is_contiguous", Yes},
    {"prims.maximum_value", Limit, "max"},
    {"prims.minimum_value", Limit, "min"},
    {"aten.item", Item},
    {"aten._local_scalar_dense", Item},
    {"aten._assert_tensor_metadata", Nothing},
    {"aten._assert_async", Nothing},
    {"aten._functional_assert_async", Nothing},
    {"aten._assert_scalar", Nothing},
    {"aten._functional_assert_scalar", Nothing},
    {"aten.sym_constrain_range", Nothing},
    {"aten.sym_constrain_range_for_size", Nothing},
    {"aten._print", Nothing},
    {"higher_order.print", Nothing},
    {"aten.promote_types", Nothing},
    {"aten.result_type", Nothing},
};

}  // namespace

std::span<const RuleRow> Symbolic() { return kRows; }

}  // namespace sardonyx::pytorch::rules
