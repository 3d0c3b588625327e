// Derivatives of operators of one input, element by element.
#include <cmath>
#include <numbers>

#include "base/status_macros.h"
#include "optimize/gradient/rule.h"

namespace sardonyx::optimize {
namespace {

// y = f(x): gives dy * f'(x), where `slope` writes f'(x).
template <Term (*slope)(RuleContext& c, const Term& x, const Term& y)>
Status Chain(RuleContext& c) {
  if (c.wants(0)) c.Give(0, c.dy() * slope(c, c.x(), c.y()));
  return {};
}

// Where the derivative is zero wherever it exists (Floor, Sign), no gradient passes.
Status Flat(RuleContext&) { return {}; }

Status PassOn(RuleContext& c) {
  c.Give(0, c.dy());
  return {};
}

using C = RuleContext;
Term AbsSlope(C&, const Term& x, const Term&) { return Sign(x); }
Term NegSlope(C&, const Term& x, const Term&) { return x.emitter().Number(-1, x.dtype()); }
Term ExpSlope(C&, const Term&, const Term& y) { return y; }
Term LogSlope(C&, const Term& x, const Term&) { return 1 / x; }
Term SqrtSlope(C&, const Term&, const Term& y) { return 0.5 / y; }
Term ReciprocalSlope(C&, const Term&, const Term& y) { return -(y * y); }
Term SinSlope(C&, const Term& x, const Term&) { return x.Op("Cos"); }
Term CosSlope(C&, const Term& x, const Term&) { return -x.Op("Sin"); }
Term TanSlope(C&, const Term&, const Term& y) { return 1 + y * y; }
Term AsinSlope(C&, const Term& x, const Term&) { return 1 / Sqrt(1 - x * x); }
Term AcosSlope(C&, const Term& x, const Term&) { return -1 / Sqrt(1 - x * x); }
Term AtanSlope(C&, const Term& x, const Term&) { return 1 / (1 + x * x); }
Term SinhSlope(C&, const Term& x, const Term&) { return x.Op("Cosh"); }
Term CoshSlope(C&, const Term& x, const Term&) { return x.Op("Sinh"); }
Term TanhSlope(C&, const Term&, const Term& y) { return 1 - y * y; }
Term AsinhSlope(C&, const Term& x, const Term&) { return 1 / Sqrt(x * x + 1); }
Term AcoshSlope(C&, const Term& x, const Term&) { return 1 / Sqrt(x * x - 1); }
Term AtanhSlope(C&, const Term& x, const Term&) { return 1 / (1 - x * x); }
Term ErfSlope(C&, const Term& x, const Term&) { return 2 * std::numbers::inv_sqrtpi * Exp(-(x * x)); }
Term SigmoidSlope(C&, const Term&, const Term& y) { return y * (1 - y); }
Term SoftplusSlope(C&, const Term& x, const Term&) { return Sigmoid(x); }
Term SoftsignSlope(C&, const Term& x, const Term&) { return 1 / Square(1 + x.Op("Abs")); }
Term ReluSlope(C&, const Term& x, const Term&) {
  return Greater(x, 0).Op("Cast", {}, {ir::Attribute("to", static_cast<int64_t>(x.dtype()))});
}

// a where x > 0, else b.
Term ByPositive(const Term& x, const Term& a, const Term& b) { return Where(Greater(x, 0), a, b); }
Term Constant(const Term& like, double value) { return like.emitter().Number(value, like.dtype()); }

Term LeakyReluSlope(C& c, const Term& x, const Term&) { return Where(Less(x, 0), Constant(x, c.Float("alpha", 0.01)), 1); }
Term EluSlope(C& c, const Term& x, const Term&) { return ByPositive(x, Constant(x, 1), c.Float("alpha", 1) * Exp(x)); }
Term SeluSlope(C& c, const Term& x, const Term&) {
  const double gamma = c.Float("gamma", 1.0507), alpha = c.Float("alpha", 1.6732);
  return ByPositive(x, Constant(x, gamma), gamma * alpha * Exp(x));
}
Term CeluSlope(C& c, const Term& x, const Term&) { return ByPositive(x, Constant(x, 1), Exp(x / c.Float("alpha", 1))); }
Term HardSigmoidSlope(C& c, const Term& x, const Term& y) {
  return Where(And(Greater(y, 0), Less(y, 1)), Constant(x, c.Float("alpha", 0.2)), 0);
}
Term HardSwishSlope(C&, const Term& x, const Term&) {
  return Where(Less(x, -3), Constant(x, 0), Where(Greater(x, 3), Constant(x, 1), x / 3 + 0.5));
}
Term ThresholdedReluSlope(C& c, const Term& x, const Term&) { return Where(Greater(x, c.Float("alpha", 1)), Constant(x, 1), 0); }
Term ShrinkSlope(C& c, const Term& x, const Term&) {
  const double lambda = c.Float("lambd", 0.5);
  return Where(Less(x, -lambda), Constant(x, 1), Where(Greater(x, lambda), Constant(x, 1), 0));
}
Term MishSlope(C&, const Term& x, const Term&) {
  const Term t = Tanh(x.Op("Softplus"));
  return t + x * Sigmoid(x) * (1 - t * t);
}
Term SwishSlope(C& c, const Term& x, const Term& y) {
  const double alpha = c.Float("alpha", 1);
  const Term s = Sigmoid(alpha * x);
  return s + alpha * y * (1 - s);
}
Term GeluSlope(C& c, const Term& x, const Term&) {
  if (c.String("approximate") == "tanh") {
    const double root = std::sqrt(2 * std::numbers::inv_pi), cubic = 0.044715;
    const Term t = Tanh(root * (x + cubic * x * x * x));
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * root * (1 + 3 * cubic * x * x);
  }
  const double density = 0.5 * std::numbers::inv_sqrtpi * std::numbers::sqrt2;
  return 0.5 * (1 + (x / std::numbers::sqrt2).Op("Erf")) + density * x * Exp(-0.5 * x * x);
}

Term SumOfAll(const Term& x) { return x.Op("ReduceSum", {}, {ir::Attribute("keepdims", int64_t{0})}); }

// Bounds of Clip are attributes before opset 11, inputs since; each may be missing.
Status Clip(RuleContext& c) {
  const Term x = c.x();
  const bool inputs = c.opset_version() >= 11;
  Term low, high;
  if (inputs) {
    low = c.x(1);
    high = c.x(2);
  } else {
    if (c.HasAttribute("min")) low = Constant(x, c.Float("min"));
    if (c.HasAttribute("max")) high = Constant(x, c.Float("max"));
  }
  Term dx = c.dy();
  if (!low.empty()) dx = Where(Less(x, low), Constant(x, 0), dx);
  if (!high.empty()) dx = Where(Greater(x, high), Constant(x, 0), dx);
  c.Give(0, dx);
  // A bound takes what it holds back, and the upper one wins where they cross.
  if (c.wants(1)) c.Give(1, SumOfAll(Where(Less(x, low), high.empty() ? c.dy() : Where(Greater(low, high), Constant(x, 0), c.dy()), 0)));
  if (c.wants(2)) c.Give(2, SumOfAll(Where(Greater(low.empty() ? x : x.Op("Max", {low}), high), c.dy(), 0)));
  return {};
}

Status Cast(RuleContext& c) {
  c.Give(0, c.dy().As(c.x().dtype()));
  return {};
}

// The mask tells which elements were kept; without training nothing was dropped.
Status Dropout(RuleContext& c) {
  if (c.opset_version() < 7) {
    if (c.Int("is_test") == 0) return Unsupported("Dropout in training before opset 12");
  }
  const bool may_train = c.opset_version() >= 12 && c.HasInput(2);
  if (!may_train) return PassOn(c);
  ASSIGN_OR_RETURN(const Term mask, c.RequireOutput(1, DataType::kBool));
  const Term x = c.x();
  const Term ratio = c.node().input(1) ? c.x(1).As(x.dtype()) : Constant(x, 0.5);
  const Term scale = Where(c.x(2), 1 / (1 - ratio), 1);
  c.Give(0, Where(mask, c.dy() * scale, 0));
  return {};
}

constexpr DerivativeEntry kRules[] = {
    {"Abs", Chain<AbsSlope>},
    {"Acos", Chain<AcosSlope>},
    {"Acosh", Chain<AcoshSlope>},
    {"Asin", Chain<AsinSlope>},
    {"Asinh", Chain<AsinhSlope>},
    {"Atan", Chain<AtanSlope>},
    {"Atanh", Chain<AtanhSlope>},
    {"Cast", Cast},
    {"CastLike", Cast},
    {"Ceil", Flat},
    {"Celu", Chain<CeluSlope>},
    {"Clip", Clip},
    {"Cos", Chain<CosSlope>},
    {"Cosh", Chain<CoshSlope>},
    {"Dropout", Dropout},
    {"Elu", Chain<EluSlope>},
    {"Erf", Chain<ErfSlope>},
    {"Exp", Chain<ExpSlope>},
    {"Floor", Flat},
    {"Gelu", Chain<GeluSlope>},
    {"HardSigmoid", Chain<HardSigmoidSlope>},
    {"HardSwish", Chain<HardSwishSlope>},
    {"Identity", PassOn},
    {"LeakyRelu", Chain<LeakyReluSlope>},
    {"Log", Chain<LogSlope>},
    {"Mish", Chain<MishSlope>},
    {"Neg", Chain<NegSlope>},
    {"Reciprocal", Chain<ReciprocalSlope>},
    {"Relu", Chain<ReluSlope>},
    {"Round", Flat},
    {"Selu", Chain<SeluSlope>},
    {"Shrink", Chain<ShrinkSlope>},
    {"Sigmoid", Chain<SigmoidSlope>},
    {"Sign", Flat},
    {"Sin", Chain<SinSlope>},
    {"Sinh", Chain<SinhSlope>},
    {"Softplus", Chain<SoftplusSlope>},
    {"Softsign", Chain<SoftsignSlope>},
    {"Sqrt", Chain<SqrtSlope>},
    {"Swish", Chain<SwishSlope>},
    {"Tan", Chain<TanSlope>},
    {"Tanh", Chain<TanhSlope>},
    {"ThresholdedRelu", Chain<ThresholdedReluSlope>},
};

}  // namespace

std::span<const DerivativeEntry> ElementwiseDerivatives() { return kRules; }

}  // namespace sardonyx::optimize
