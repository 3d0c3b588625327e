// Arithmetic of two or more operands, with PyTorch's type promotion.
#include <cmath>
#include <limits>
#include <numbers>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

bool IsBool(Call& c, V value) { return c.b.dtype(value) == DataType::kBool; }

Outputs AddSub(Call& c) {
  const bool subtract = c.param() == "Sub";
  std::vector<V> v = c.Promoted({"self", "other"});
  const IValue& alpha = c.arg("alpha");
  const bool one = alpha.is_none() || (alpha.is_int() && alpha.integer() == 1) || (alpha.is_double() && alpha.number() == 1);
  if (!one) v[1] = Times(c.b, v[1], c.NumberAs(alpha, c.b.dtype(v[1])));
  if (IsBool(c, v[0])) return c.b.Op("Or", {v[0], v[1]});
  V y = subtract ? c.b.Sub(v[0], v[1]) : c.b.Add(v[0], v[1]);
  return c.param() == "AddRelu" ? c.b.Op("Relu", {y}) : y;
}

Outputs Rsub(Call& c) {
  std::vector<V> v = c.Promoted({"self", "other"});
  const IValue& alpha = c.arg("alpha");
  const bool one = alpha.is_none() || (alpha.is_int() && alpha.integer() == 1) || (alpha.is_double() && alpha.number() == 1);
  return c.b.Sub(v[1], one ? v[0] : c.b.Mul(v[0], c.NumberAs(alpha, c.b.dtype(v[0]))));
}

Outputs Multiply(Call& c) {
  if (c.is_complex("self") || c.is_complex("other")) return ComplexMul(c, c.complex_tensor("self"), c.complex_tensor("other"));
  const std::vector<V> v = c.Promoted({"self", "other"});
  return IsBool(c, v[0]) ? c.b.Op("And", {v[0], v[1]}) : c.b.Mul(v[0], v[1]);
}

Outputs Divide(Call& c) {
  const std::string mode = c.String("rounding_mode", "");
  if (mode.empty()) {
    const std::vector<V> v = c.Promoted({"self", "other"}, /*to_float=*/true);
    return c.b.Div(v[0], v[1]);
  }
  const std::vector<V> v = c.Promoted({"self", "other"});
  if (mode == "floor") return FloorDivide(c.b, v[0], v[1]);
  return IsInteger(c.b.dtype(v[0])) ? c.b.Div(v[0], v[1]) : Truncate(c.b, c.b.Div(v[0], v[1]));
}

Outputs FloorDiv(Call& c) {
  const std::vector<V> v = c.Promoted({"self", "other"});
  return FloorDivide(c.b, v[0], v[1]);
}

Outputs RemainderOf(Call& c) {
  const std::vector<V> v = c.Promoted({"self", "other"});
  return Remainder(c.b, v[0], v[1]);
}

Outputs Fmod(Call& c) {
  const std::vector<V> v = c.Promoted({"self", "other"});
  return c.b.Op("Mod", {v[0], v[1]}, {{"fmod", 1}});
}

Outputs Power(Call& c) {
  const IValue& exponent = c.arg("exponent");
  std::optional<double> known;
  if (exponent.is_int()) known = static_cast<double>(exponent.integer());
  if (exponent.is_double()) known = exponent.number();
  const std::vector<V> v = c.Promoted({"self", "exponent"});
  V x = v[0];
  if (known && c.arg("self").is_tensor()) {
    if (*known == 1) return x;
    if (*known == 2) return c.b.Mul(x, x);
    if (*known == 3) return c.b.Mul(c.b.Mul(x, x), x);
    if (IsFloatingPoint(c.b.dtype(x))) {
      if (*known == 0.5) return c.b.Op("Sqrt", {x});
      if (*known == -0.5) return c.b.Op("Reciprocal", {c.b.Op("Sqrt", {x})});
      if (*known == -1) return c.b.Op("Reciprocal", {x});
    }
  }
  if (!IsNarrow(c.b.dtype(x))) return c.b.Op("Pow", {x, v[1]});
  return c.b.Cast(c.b.Op("Pow", {Widened(c.b, x), Widened(c.b, v[1])}), c.b.dtype(x));
}

Outputs FloatPower(Call& c) {
  const auto wide = [&](std::string_view name) {
    return c.arg(name).is_tensor() ? c.b.Cast(c.tensor(name), DataType::kDouble) : c.NumberAs(name, DataType::kDouble);
  };
  return c.b.Op("Pow", {wide("self"), wide("exponent")});
}

// Max and Min of any type; booleans go through integers.
V Extreme(Call& c, std::string_view op, V a, V b) {
  if (IsBool(c, a)) return c.b.Op(op == "Max" ? "Or" : "And", {a, b});
  return c.b.Op(op, {a, b});
}
Outputs MaxMin(Call& c) {
  const std::vector<V> v = c.Promoted({"self", "other"});
  return Extreme(c, c.param(), v[0], v[1]);
}

// The other operand where one is NaN.
Outputs FmaxFmin(Call& c) {
  const std::vector<V> v = c.Promoted({"self", "other"});
  if (!IsFloatingPoint(c.b.dtype(v[0]))) return Extreme(c, c.param(), v[0], v[1]);
  V both = c.b.Op(c.param(), {v[0], v[1]});
  return c.b.Where(c.b.Op("IsNaN", {v[0]}), v[1], c.b.Where(c.b.Op("IsNaN", {v[1]}), v[0], both));
}

Outputs Clamp(Call& c) {
  std::vector<IValue> operands = {c.arg("self")};
  const bool low = !c.is_none("min"), high = !c.is_none("max");
  if (low) operands.push_back(c.arg("min"));
  if (high) operands.push_back(c.arg("max"));
  std::vector<V> v = c.Promoted(operands);
  V x = v[0];
  size_t at = 1;
  const bool scalars = !(low && c.arg("min").is_tensor()) && !(high && c.arg("max").is_tensor());
  if (scalars) {
    V lower = low ? v[at++] : nullptr;
    V upper = high ? v[at++] : nullptr;
    return c.b.Op("Clip", {x, lower, upper});
  }
  if (low) x = Extreme(c, "Max", x, v[at++]);
  if (high) x = Extreme(c, "Min", x, v[at++]);
  return x;
}

Outputs Lerp(Call& c) {
  const std::vector<V> v = c.Promoted({"self", "end", "weight"});
  return c.b.Add(v[0], c.b.Mul(v[2], c.b.Sub(v[1], v[0])));
}

Outputs AddcOp(Call& c) {
  const std::vector<V> v = c.Promoted({"self", "tensor1", "tensor2"});
  V product = c.b.Op(c.param(), {v[1], v[2]});
  const IValue& value = c.arg("value");
  const bool one = value.is_none() || (value.is_int() && value.integer() == 1) || (value.is_double() && value.number() == 1);
  return c.b.Add(v[0], one ? product : c.b.Mul(product, c.NumberAs(value, c.b.dtype(product))));
}

Outputs Hypot(Call& c) {
  // Scaled, so that squares neither overflow nor vanish.
  const std::vector<V> v = c.Promoted({"self", "other"}, true);
  V x = c.b.Op("Abs", {v[0]}), y = c.b.Op("Abs", {v[1]});
  V big = c.b.Op("Max", {x, y}), small = c.b.Op("Min", {x, y});
  V zero = c.b.Op("Equal", {big, c.b.NumberLike(0, big)});
  V ratio = c.b.Div(small, c.b.Where(zero, c.b.NumberLike(1, big), big));
  V root = c.b.Op("Sqrt", {c.b.Add(c.b.Mul(ratio, ratio), c.b.NumberLike(1, big))});
  return c.b.Mul(big, root);
}

Outputs Atan2(Call& c) {
  const std::vector<V> v = c.Promoted({"self", "other"}, true);
  return ArcTangent2(c.b, v[0], v[1]);
}

Outputs Copysign(Call& c) {
  const std::vector<V> v = c.Promoted({"self", "other"}, true);
  V magnitude = c.b.Op("Abs", {v[0]});
  return c.b.Where(SignBit(c.b, v[1]), c.b.Neg(magnitude), magnitude);
}

Outputs Ldexp(Call& c) {
  V x = c.float_tensor("self");
  V power = c.b.Op("Pow", {c.b.NumberLike(2, x), c.b.Cast(c.tensor("other"), c.b.dtype(x))});
  return c.b.Mul(x, power);
}

// log(exp(x) + exp(y)), by the larger of the two.
Outputs LogAddExp(Call& c) {
  const std::vector<V> v = c.Promoted({"self", "other"}, true);
  const bool base2 = c.param() == "2";
  V x = v[0], y = v[1];
  const double scale = base2 ? std::numbers::ln2 : 1;
  V distance = c.b.Neg(c.b.Op("Abs", {c.b.Sub(x, y)}));
  if (base2) distance = c.b.Mul(distance, c.b.NumberLike(scale, x));
  V more = c.b.Op("Log", {c.b.Add(c.b.Op("Exp", {distance}), c.b.NumberLike(1, x))});
  if (base2) more = c.b.Mul(more, c.b.NumberLike(1 / scale, x));
  V equal = c.b.Op("Equal", {x, y});  // infinities, too
  return c.b.Where(equal, c.b.Add(x, c.b.NumberLike(base2 ? 1 : std::numbers::ln2, x)), c.b.Add(c.b.Op("Max", {x, y}), more));
}

Outputs Xlogy(Call& c) {
  const std::vector<V> v = c.Promoted({"self", "other"}, true);
  V y = c.param() == "1p" ? c.b.Add(v[1], c.b.NumberLike(1, v[1])) : v[1];
  V zero = c.b.Op("And", {c.b.Op("Equal", {v[0], c.b.NumberLike(0, v[0])}), c.b.Op("Not", {c.b.Op("IsNaN", {y})})});
  return c.b.Where(zero, c.b.NumberLike(0, y), c.b.Mul(v[0], c.b.Op("Log", {y})));
}

Outputs Heaviside(Call& c) {
  std::vector<V> v = c.Promoted({"self", "values"});
  if (IsBool(c, v[0])) return c.b.Where(v[0], v[0], v[1]);
  V positive = c.b.Cast(c.b.Op("Greater", {v[0], c.b.NumberLike(0, v[0])}), c.b.dtype(v[0]));
  return c.b.Where(c.b.Op("Equal", {v[0], c.b.NumberLike(0, v[0])}), v[1], positive);
}

// Euclid's algorithm on whole tensors, until no remainder is left.
V Gcd(Call& c, V x, V y) {
  ops::GraphBuilder& b = c.b;
  V zero = b.NumberLike(0, x), one = b.NumberLike(1, x);
  V shape = b.Op("Shape", {b.Add(x, y)});
  V a = b.Expand(b.Op("Abs", {x}), shape), r = b.Expand(b.Op("Abs", {y}), shape);
  const auto left = [&](V rest) {
    V flags = b.Cast(b.Op("Not", {b.Op("Equal", {rest, zero})}), DataType::kInt64);
    return b.Cast(b.Reduce("ReduceSum", flags, {}, false), DataType::kBool);
  };
  return b.Loop(nullptr, left(r), {a, r}, 0, [&](V, const std::vector<V>& state) -> std::vector<V> {
    V done = b.Op("Equal", {state[1], zero});
    V rest = b.Op("Mod", {state[0], b.Where(done, one, state[1])});
    V next = b.Where(done, zero, rest);
    return {left(next), b.Where(done, state[0], state[1]), next};
  })[0];
}
Outputs GcdLcm(Call& c) {
  const std::vector<V> v = c.Promoted({"self", "other"});
  V gcd = Gcd(c, v[0], v[1]);
  if (c.param() == "gcd") return gcd;
  V safe = c.b.Where(c.b.Op("Equal", {gcd, c.b.NumberLike(0, gcd)}), c.b.NumberLike(1, gcd), gcd);
  return c.b.Op("Abs", {c.b.Mul(c.b.Div(v[0], safe), v[1])});
}

// x = m 2^e with 0.5 <= |m| < 1, of finite numbers that are not 0; in double.
struct Parts {
  V mantissa, exponent;
};
Parts Split(ops::GraphBuilder& b, V x) {
  V one = b.NumberLike(1, x), two = b.NumberLike(2, x), half = b.NumberLike(0.5, x);
  V e = b.Add(b.Op("Floor", {b.Mul(b.Op("Log", {b.Op("Abs", {x})}), b.NumberLike(std::numbers::log2e, x))}), one);
  V m = b.Div(x, b.Op("Pow", {two, e}));
  // The logarithm of a power of two may come out on either side.
  V size = b.Op("Abs", {m});
  V low = b.Op("Less", {size, half}), high = b.Op("GreaterOrEqual", {size, one});
  return {b.Where(low, b.Mul(m, two), b.Where(high, b.Mul(m, half), m)), b.Where(low, b.Sub(e, one), b.Where(high, b.Add(e, one), e))};
}
Outputs Frexp(Call& c) {
  ops::GraphBuilder& b = c.b;
  V given = c.tensor("self");
  V x = b.Cast(given, DataType::kDouble), zero = b.NumberLike(0, x);
  V plain = b.Op("Or", {b.Op("Equal", {x, zero}), IsNonFinite(b, x)});
  const Parts parts = Split(b, b.Where(plain, b.NumberLike(1, x), x));
  V exponent = b.Where(plain, zero, parts.exponent);
  return Outputs{b.Cast(b.Where(plain, x, parts.mantissa), b.dtype(given)), b.Cast(exponent, DataType::kInt32)};
}

Outputs Nextafter(Call& c) {
  // One unit of the last place towards the other: in double, which has room for it.
  ops::GraphBuilder& b = c.b;
  const std::vector<V> v = c.Promoted({"self", "other"});
  const DataType type = b.dtype(v[0]);
  if (type != DataType::kFloat) return c.Unsupported("nextafter of other numbers than float32");
  V x = b.Cast(v[0], DataType::kDouble), y = b.Cast(v[1], DataType::kDouble), zero = b.NumberLike(0, x);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  V infinite = b.Op("IsInf", {x});
  // An infinity steps as the power of two does that would come next.
  V finite = b.Where(infinite, b.Mul(b.Op("Sign", {x}), b.NumberLike(0x1p128, x)), x);
  const Parts parts = Split(b, b.Where(b.Op("Equal", {finite, zero}), b.NumberLike(1e-300, x), finite));
  V inward = b.Op("Less", {b.Mul(b.Op("Sign", {finite}), b.Sub(y, finite)), zero});
  V power = b.Op("Equal", {b.Op("Abs", {parts.mantissa}), b.NumberLike(0.5, x)});
  V exponent = b.Sub(parts.exponent, b.Where(b.Op("And", {inward, power}), b.NumberLike(25, x), b.NumberLike(24, x)));
  V unit = b.Op("Pow", {b.NumberLike(2, x), b.Op("Max", {exponent, b.NumberLike(-149, x)})});
  V moved = b.Add(finite, b.Where(b.Op("Less", {x, y}), unit, b.Neg(unit)));
  V beyond = b.Op("Greater", {b.Op("Abs", {moved}), b.NumberLike(std::numeric_limits<float>::max(), x)});
  moved = b.Where(beyond, b.Mul(b.Op("Sign", {moved}), b.NumberLike(kInfinity, x)), moved);
  V stays = b.Op("Equal", {v[0], v[1]}), nan = b.Op("Or", {IsNan(b, v[0]), IsNan(b, v[1])});
  return b.Where(nan, b.Add(v[0], v[1]), b.Where(stays, v[1], b.Cast(moved, type)));
}

// sqrt of a sum of squares and the like of two tensors.
Outputs Dist(Call& c) {
  const std::vector<V> v = c.Promoted({"self", "other"}, true);
  return VectorNorm(c, c.b.Sub(v[0], v[1]), c.Double("p", 2), {}, false);
}

Outputs SumSquares(Call& c) {
  V x = c.dtype("self") == DataType::kBool ? c.b.Cast(c.tensor("self"), DataType::kInt64) : c.tensor("self");
  return c.b.Mul(x, x);
}

constexpr RuleRow kRows[] = {
    {"aten.add", AddSub, "Add"},
    {"aten._add_relu", AddSub, "AddRelu"},
    {"aten.__add__", AddSub, "Add"},
    {"aten.__iadd__", AddSub, "Add"},
    {"aten.sub", AddSub, "Sub"},
    {"aten.__sub__", AddSub, "Sub"},
    {"aten.__isub__", AddSub, "Sub"},
    {"aten.subtract", AddSub, "Sub"},
    {"aten.rsub", Rsub},
    {"aten.mul", Multiply},
    {"aten.multiply", Multiply},
    {"aten.__mul__", Multiply},
    {"aten.__imul__", Multiply},
    {"aten.div", Divide},
    {"aten.divide", Divide},
    {"aten.true_divide", Divide},
    {"aten.__idiv__", Divide},
    {"aten.__div__", Divide},
    {"aten.floor_divide", FloorDiv},
    {"aten.remainder", RemainderOf},
    {"aten.fmod", Fmod},
    {"aten.pow", Power},
    {"aten.float_power", FloatPower},
    {"aten.maximum", MaxMin, "Max"},
    {"aten.max.other", MaxMin, "Max"},
    {"aten.minimum", MaxMin, "Min"},
    {"aten.min.other", MaxMin, "Min"},
    {"aten.fmax", FmaxFmin, "Max"},
    {"aten.fmin", FmaxFmin, "Min"},
    {"aten.clamp", Clamp},
    {"aten.clip", Clamp},
    {"aten.clamp_min", Clamp},
    {"aten.clamp_max", Clamp},
    {"aten.lerp", Lerp},
    {"aten.addcmul", AddcOp, "Mul"},
    {"aten.addcdiv", AddcOp, "Div"},
    {"aten.hypot", Hypot},
    {"aten.atan2", Atan2},
    {"aten.arctan2", Atan2},
    {"aten.copysign", Copysign},
    {"aten.ldexp", Ldexp},
    {"aten.logaddexp", LogAddExp, ""},
    {"aten.logaddexp2", LogAddExp, "2"},
    {"aten.xlogy", Xlogy, ""},
    {"aten.special_xlogy", Xlogy, ""},
    {"aten.special_xlog1py", Xlogy, "1p"},
    {"aten.heaviside", Heaviside},
    {"aten.gcd", GcdLcm, "gcd"},
    {"aten.lcm", GcdLcm, "lcm"},
    {"aten.frexp.Tensor", Frexp},
    {"aten.nextafter", Nextafter},
    {"aten.dist", Dist},
    {"aten.square", SumSquares},
};

}  // namespace

std::span<const RuleRow> Arithmetic() { return kRows; }

}  // namespace sardonyx::pytorch::rules
