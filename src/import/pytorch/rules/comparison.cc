// Comparisons, logic, bits, and selection by masks.
#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

// Equal and the like of booleans: those that ONNX has for numbers only go through integers.
std::vector<V> Comparable(Call& c, bool equality) {
  std::vector<V> v = c.Promoted({"self", "other"});
  if (c.b.dtype(v[0]) == DataType::kBool && !equality)
    for (V& one : v) one = c.b.Cast(one, DataType::kInt32);
  return v;
}

Outputs Compare(Call& c) {
  const std::string_view op = c.param();
  const std::vector<V> v = Comparable(c, op == "Equal" || op == "NotEqual");
  if (op == "NotEqual") return Not(c.b, c.b.Op("Equal", {v[0], v[1]}));
  return c.b.Op(op, {v[0], v[1]});
}

Outputs Logic(Call& c) { return c.b.Op(c.param(), {ToBool(c.b, c.tensor("self")), ToBool(c.b, c.tensor("other"))}); }
Outputs LogicalNot(Call& c) { return Not(c.b, ToBool(c.b, c.tensor("self"))); }

// And, Or, Xor of bits; of booleans the logical ones.
Outputs Bitwise(Call& c) {
  const std::vector<V> v = c.Promoted({"self", "other"});
  const std::string op(c.param());
  return c.b.dtype(v[0]) == DataType::kBool ? c.b.Op(op, {v[0], v[1]}) : c.b.Op("Bitwise" + op, {v[0], v[1]});
}
Outputs BitwiseNot(Call& c) {
  V x = c.tensor("self");
  return c.b.dtype(x) == DataType::kBool ? Not(c.b, x) : c.b.Op("BitwiseNot", {x});
}

// ONNX shifts unsigned integers only. Left: times 2^n. Right: the floor of a division by 2^n, which keeps the sign.
Outputs Shift(Call& c) {
  const std::vector<V> v = c.Promoted({"self", "other"});
  const DataType type = c.b.dtype(v[0]);
  V places = c.b.Op("Min", {c.b.Cast(v[1], DataType::kDouble), c.b.Number(62.0, DataType::kDouble)});
  V power = c.b.Cast(c.b.Op("Pow", {c.b.Number(2.0, DataType::kDouble), places}), DataType::kInt64), x = c.b.Cast(v[0], DataType::kInt64);
  return c.b.Cast(c.param() == "left" ? c.b.Mul(x, power) : FloorDivide(c.b, x, power), type);
}

Outputs IsClose(Call& c) {
  const std::vector<V> v = c.Promoted({"self", "other"});
  const double rtol = c.Double("rtol", 1e-5), atol = c.Double("atol", 1e-8);
  V x = c.ToFloat(v[0]), y = c.ToFloat(v[1]);
  V distance = c.b.Op("Abs", {c.b.Sub(x, y)});
  V allowed = c.b.Add(c.b.NumberLike(atol, x), c.b.Mul(c.b.NumberLike(rtol, x), c.b.Op("Abs", {y})));
  V finite = Not(c.b, IsNonFinite(c.b, distance));
  V close = c.b.Op("Or", {c.b.Op("Equal", {x, y}), c.b.Op("And", {finite, c.b.Op("LessOrEqual", {distance, allowed})})});
  if (!c.Bool("equal_nan", false)) return close;
  return c.b.Op("Or", {close, c.b.Op("And", {IsNan(c.b, x), IsNan(c.b, y)})});
}

// allclose and equal, as a tensor-free Python bool.
Outputs EqualAll(Call& c) {
  V close = c.param() == "equal" ? c.b.Op("Equal", {c.tensor("self"), c.tensor("other")}) : IsClose(c).values[0].tensor().value;
  return NumberValue{AllOf(c.b, close, {}, false), Kind::kBool};
}

Outputs IsIn(Call& c) {
  std::vector<IValue> operands = {c.arg("elements").is_none() ? c.arg("element") : c.arg("elements"),
                                  c.arg("test_elements").is_none() ? c.arg("test_element") : c.arg("test_elements")};
  const std::vector<V> v = c.Promoted(operands);
  V x = v[0];
  V wanted = c.b.Flatten(v[1]);
  V equal = c.b.Op("Equal", {c.b.Unsqueeze(x, {-1}), wanted});
  V found = AnyOf(c.b, equal, {static_cast<int64_t>(c.b.rank(x))}, false);
  return c.Bool("invert", false) ? Not(c.b, found) : found;
}

Outputs WhereOf(Call& c) {
  if (c.is_none("self")) return Outputs(c.translator.Apply("aten.nonzero_numpy.default", {c.arg("condition")})[0]);
  const std::vector<V> v = c.Promoted({"self", "other"});
  return c.b.Where(ToBool(c.b, c.tensor("condition")), v[0], v[1]);
}

Outputs MaskedFill(Call& c) {
  V x = c.tensor("self");
  V value = c.arg("value").is_tensor() ? c.b.Cast(c.tensor("value"), c.b.dtype(x)) : c.NumberAs("value", c.b.dtype(x));
  return c.b.Where(ToBool(c.b, c.tensor("mask")), value, x);
}

constexpr RuleRow kRows[] = {
    {"aten.eq", Compare, "Equal"},
    {"aten.ne", Compare, "NotEqual"},
    {"aten.not_equal", Compare, "NotEqual"},
    {"aten.lt", Compare, "Less"},
    {"aten.less", Compare, "Less"},
    {"aten.le", Compare, "LessOrEqual"},
    {"aten.less_equal", Compare, "LessOrEqual"},
    {"aten.gt", Compare, "Greater"},
    {"aten.greater", Compare, "Greater"},
    {"aten.ge", Compare, "GreaterOrEqual"},
    {"aten.greater_equal", Compare, "GreaterOrEqual"},
    {"aten.logical_and", Logic, "And"},
    {"aten.logical_or", Logic, "Or"},
    {"aten.logical_xor", Logic, "Xor"},
    {"aten.logical_not", LogicalNot},
    {"aten.bitwise_and", Bitwise, "And"},
    {"aten.__and__", Bitwise, "And"},
    {"aten.__iand__", Bitwise, "And"},
    {"aten.bitwise_or", Bitwise, "Or"},
    {"aten.__or__", Bitwise, "Or"},
    {"aten.__ior__", Bitwise, "Or"},
    {"aten.bitwise_xor", Bitwise, "Xor"},
    {"aten.__xor__", Bitwise, "Xor"},
    {"aten.__ixor__", Bitwise, "Xor"},
    {"aten.bitwise_not", BitwiseNot},
    {"aten.__lshift__", Shift, "left"},
    {"aten.bitwise_left_shift", Shift, "left"},
    {"aten.__rshift__", Shift, "right"},
    {"aten.bitwise_right_shift", Shift, "right"},
    {"aten.isclose", IsClose},
    {"aten.allclose", EqualAll, "close"},
    {"aten.equal", EqualAll, "equal"},
    {"aten.isin", IsIn},
    {"aten.where", WhereOf},
    {"aten.masked_fill", MaskedFill},
};

}  // namespace

std::span<const RuleRow> Comparison() { return kRows; }

}  // namespace sardonyx::pytorch::rules
