// Functions of one tensor, element by element.
#include <cmath>
#include <limits>
#include <numbers>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The ONNX operator of that name, on floating point.
Outputs OnFloat(Call& c) { return c.b.Op(c.param(), {c.float_tensor("self")}); }
// The same, on any type.
Outputs OnAny(Call& c) { return c.b.Op(c.param(), {c.tensor("self")}); }

// Rounding of integers changes nothing.
Outputs Rounding(Call& c) {
  V x = c.tensor("self");
  if (!IsFloatingPoint(c.b.dtype(x))) return x;
  if (c.param() == "Trunc") return Truncate(c.b, x);
  if (c.param() != "Round" || c.Int("decimals", 0) == 0) return c.b.Op(c.param(), {x});
  V scale = c.b.NumberLike(std::pow(10.0, static_cast<double>(std::abs(c.Int("decimals")))), x);
  const bool up = c.Int("decimals") > 0;
  V scaled = up ? c.b.Mul(x, scale) : c.b.Div(x, scale);
  V rounded = c.b.Op("Round", {scaled});
  return up ? c.b.Div(rounded, scale) : c.b.Mul(rounded, scale);
}

Outputs AbsOf(Call& c) {
  if (c.is_complex("self")) {
    const TensorValue x = c.complex_tensor("self");
    return c.b.Reduce("ReduceL2", x.value, {static_cast<int64_t>(c.b.rank(x.value)) - 1}, false);
  }
  V x = c.tensor("self");
  return c.b.dtype(x) == DataType::kBool ? x : c.b.Op("Abs", {x});
}

Outputs Negate(Call& c) {
  if (c.is_complex("self")) return TensorValue{c.b.Neg(c.complex_tensor("self").value), true, {}, {}};
  V x = c.tensor("self");
  const DataType type = c.b.dtype(x);
  // Bytes wrap.
  return type == DataType::kUint8 ? c.b.Sub(c.b.NumberLike(0, x), x) : c.b.Neg(x);
}

Outputs SignOf(Call& c) {
  V x = c.tensor("self");
  return c.b.dtype(x) == DataType::kBool ? x : c.b.Op("Sign", {x});
}

Outputs Rsqrt(Call& c) { return c.b.Op("Reciprocal", {c.b.Op("Sqrt", {c.float_tensor("self")})}); }
Outputs Frac(Call& c) {
  V x = c.tensor("self");
  return c.b.Sub(x, Truncate(c.b, x));
}
Outputs Exp2(Call& c) {
  V x = c.float_tensor("self");
  return c.b.Op("Pow", {c.b.NumberLike(2, x), x});
}
Outputs Expm1(Call& c) {
  // 2 sinh(x/2) exp(x/2): exact for small x. Far below zero the one would overflow though the product is -1.
  V x = c.float_tensor("self");
  V half = c.b.Mul(c.b.Op("Max", {x, c.b.NumberLike(c.b.dtype(x) == DataType::kDouble ? -40 : -20, x)}), c.b.NumberLike(0.5, x));
  return c.b.Mul(c.b.Mul(c.b.Op("Sinh", {half}), c.b.Op("Exp", {half})), c.b.NumberLike(2, x));
}
Outputs Log1p(Call& c) {
  V x = c.float_tensor("self");
  return c.b.Op("Log", {c.b.Add(x, c.b.NumberLike(1, x))});
}
Outputs LogBase(Call& c) {
  V x = c.float_tensor("self");
  return c.b.Mul(c.b.Op("Log", {x}), c.b.NumberLike(c.param() == "2" ? std::numbers::log2e : std::numbers::log10e, x));
}
Outputs Erfc(Call& c) {
  V x = c.float_tensor("self");
  return c.b.Sub(c.b.NumberLike(1, x), c.b.Op("Erf", {x}));
}
Outputs Scale(Call& c) {
  V x = c.float_tensor("self");
  return c.b.Mul(x, c.b.NumberLike(c.param() == "deg2rad" ? std::numbers::pi / 180 : 180 / std::numbers::pi, x));
}

Outputs IsNanOf(Call& c) { return IsNan(c.b, c.tensor("self")); }
Outputs IsInfinite(Call& c) {
  V x = c.tensor("self");
  if (!IsFloatingPoint(c.b.dtype(x))) return FullLike(c.b, x, c.b.Scalar<bool>(false));
  if (c.b.dtype(x) != DataType::kDouble) x = c.b.Cast(x, DataType::kFloat);
  if (c.param() == "+") return c.b.Op("IsInf", {x}, {{"detect_negative", 0}});
  if (c.param() == "-") return c.b.Op("IsInf", {x}, {{"detect_positive", 0}});
  return c.b.Op("IsInf", {x});
}
Outputs IsFinite(Call& c) {
  V x = c.tensor("self");
  if (!IsFloatingPoint(c.b.dtype(x))) return FullLike(c.b, x, c.b.Scalar<bool>(true));
  return Not(c.b, IsNonFinite(c.b, x));
}
Outputs IsReal(Call& c) { return FullLike(c.b, c.tensor("self"), c.b.Scalar<bool>(true)); }
Outputs SignBitOf(Call& c) { return SignBit(c.b, c.tensor("self")); }

Outputs NanToNum(Call& c) {
  V x = c.tensor("self");
  const DataType type = c.b.dtype(x);
  if (!IsFloatingPoint(type)) return x;
  const double largest = type == DataType::kDouble     ? std::numeric_limits<double>::max()
                         : type == DataType::kFloat16  ? 65504.0
                         : type == DataType::kBfloat16 ? 3.3895313892515355e38
                                                       : static_cast<double>(std::numeric_limits<float>::max());
  V zero = c.b.NumberLike(0, x), infinity = c.b.NumberLike(kInfinity, x);
  V y = c.b.Where(c.b.Op("IsNaN", {x}), c.b.NumberLike(c.Double("nan", 0.0), x), x);
  V high = c.b.Op("Equal", {x, infinity}), low = c.b.Op("Equal", {x, c.b.NumberLike(-kInfinity, x)});
  y = c.b.Where(high, c.b.NumberLike(c.Double("posinf", largest), zero), y);
  return c.b.Where(low, c.b.NumberLike(c.Double("neginf", -largest), zero), y);
}

Outputs Sinc(Call& c) {
  V x = c.float_tensor("self");
  V zero = c.b.Op("Equal", {x, c.b.NumberLike(0, x)});
  V angle = c.b.Mul(c.b.Where(zero, c.b.NumberLike(1, x), x), c.b.NumberLike(std::numbers::pi, x));
  return c.b.Where(zero, c.b.NumberLike(1, x), c.b.Div(c.b.Op("Sin", {angle}), angle));
}

Outputs Logit(Call& c) {
  V x = c.float_tensor("self");
  if (!c.is_none("eps")) {
    V low = c.b.NumberLike(c.Double("eps"), x), high = c.b.NumberLike(1 - c.Double("eps"), x);
    // Bounds the wrong way round: the lower one goes before.
    x = c.Double("eps") <= 0.5 ? c.b.Op("Clip", {x, low, high}) : c.b.Where(c.b.Op("Less", {x, low}), low, c.b.Op("Min", {x, high}));
  }
  return c.b.Op("Log", {c.b.Div(x, c.b.Sub(c.b.NumberLike(1, x), x))});
}

Outputs Entropy(Call& c) {
  V x = c.float_tensor("self");
  V zero = c.b.NumberLike(0, x);
  V positive = c.b.Op("Greater", {x, zero});
  V inside = c.b.Neg(c.b.Mul(x, c.b.Op("Log", {c.b.Where(positive, x, c.b.NumberLike(1, x))})));
  V outside = c.b.Where(c.b.Op("Equal", {x, zero}), zero, c.b.NumberLike(-kInfinity, x));
  return c.b.Where(c.b.Op("Or", {positive, c.b.Op("IsNaN", {x})}), inside, outside);
}

Outputs Reciprocal(Call& c) { return c.b.Op("Reciprocal", {c.float_tensor("self")}); }
Outputs Identity(Call& c) { return Outputs(c.arg(size_t{0})); }

constexpr RuleRow kRows[] = {
    {"aten.abs", AbsOf},
    {"aten.absolute", AbsOf},
    {"aten.acos", OnFloat, "Acos"},
    {"aten.arccos", OnFloat, "Acos"},
    {"aten.acosh", OnFloat, "Acosh"},
    {"aten.arccosh", OnFloat, "Acosh"},
    {"aten.asin", OnFloat, "Asin"},
    {"aten.arcsin", OnFloat, "Asin"},
    {"aten.asinh", OnFloat, "Asinh"},
    {"aten.arcsinh", OnFloat, "Asinh"},
    {"aten.atan", OnFloat, "Atan"},
    {"aten.arctan", OnFloat, "Atan"},
    {"aten.atanh", OnFloat, "Atanh"},
    {"aten.arctanh", OnFloat, "Atanh"},
    {"aten.cos", OnFloat, "Cos"},
    {"aten.cosh", OnFloat, "Cosh"},
    {"aten.erf", OnFloat, "Erf"},
    {"aten.special_erf", OnFloat, "Erf"},
    {"aten.erfc", Erfc},
    {"aten.special_erfc", Erfc},
    {"aten.exp", OnFloat, "Exp"},
    {"aten.exp2", Exp2},
    {"aten.special_exp2", Exp2},
    {"aten.expm1", Expm1},
    {"aten.special_expm1", Expm1},
    {"aten.log", OnFloat, "Log"},
    {"aten.log1p", Log1p},
    {"aten.special_log1p", Log1p},
    {"aten.log2", LogBase, "2"},
    {"aten.log10", LogBase, "10"},
    {"aten.neg", Negate},
    {"aten.negative", Negate},
    {"aten.positive", Identity},
    {"aten.reciprocal", Reciprocal},
    {"aten.rsqrt", Rsqrt},
    {"aten.sqrt", OnFloat, "Sqrt"},
    {"aten.sin", OnFloat, "Sin"},
    {"aten.sinh", OnFloat, "Sinh"},
    {"aten.tan", OnFloat, "Tan"},
    {"aten.sign", SignOf},
    {"aten.sgn", SignOf},
    {"aten.ceil", Rounding, "Ceil"},
    {"aten.floor", Rounding, "Floor"},
    {"aten.round", Rounding, "Round"},
    {"aten.special_round", Rounding, "Round"},
    {"aten.trunc", Rounding, "Trunc"},
    {"aten.fix", Rounding, "Trunc"},
    {"aten.frac", Frac},
    {"aten.deg2rad", Scale, "deg2rad"},
    {"aten.rad2deg", Scale, "rad2deg"},
    {"aten.isnan", IsNanOf},
    {"aten.isinf", IsInfinite, ""},
    {"aten.isposinf", IsInfinite, "+"},
    {"aten.isneginf", IsInfinite, "-"},
    {"aten.isfinite", IsFinite},
    {"aten.isreal", IsReal},
    {"aten.signbit", SignBitOf},
    {"aten.nan_to_num", NanToNum},
    {"aten.sinc", Sinc},
    {"aten.special_sinc", Sinc},
    {"aten.logit", Logit},
    {"aten.special_logit", Logit},
    {"aten.special_entr", Entropy},
    {"aten._neg_view", Negate},
    {"aten._neg_view_copy", Negate},
    {"prims.abs", AbsOf},
    {"prims.neg", Negate},
};

}  // namespace

std::span<const RuleRow> Unary() { return kRows; }

}  // namespace sardonyx::pytorch::rules
