// Derivatives of element-by-element operators of several inputs that are broadcast to each other.
#include "base/status_macros.h"
#include "optimize/gradient/rule.h"

namespace sardonyx::optimize {
namespace {

// Before opset 7 B could be aligned by `axis`.
Status RequireNumpyBroadcast(const RuleContext& c) {
  if (c.opset_version() < 7 && c.HasAttribute("axis")) return Unsupported("broadcasting by the attribute axis, of opsets before 7");
  return {};
}

Term Zero(const Term& like) { return like.emitter().Number(0, like.dtype()); }

Status Add(RuleContext& c) {
  RETURN_IF_ERROR(RequireNumpyBroadcast(c));
  c.GiveBroadcast(0, c.dy());
  c.GiveBroadcast(1, c.dy());
  return {};
}

Status Sub(RuleContext& c) {
  RETURN_IF_ERROR(RequireNumpyBroadcast(c));
  c.GiveBroadcast(0, c.dy());
  if (c.wants(1)) c.GiveBroadcast(1, -c.dy());
  return {};
}

Status Mul(RuleContext& c) {
  RETURN_IF_ERROR(RequireNumpyBroadcast(c));
  if (c.wants(0)) c.GiveBroadcast(0, c.dy() * c.x(1));
  if (c.wants(1)) c.GiveBroadcast(1, c.dy() * c.x(0));
  return {};
}

Status Div(RuleContext& c) {
  RETURN_IF_ERROR(RequireNumpyBroadcast(c));
  if (c.wants(0)) c.GiveBroadcast(0, c.dy() / c.x(1));
  if (c.wants(1)) c.GiveBroadcast(1, -c.dy() * c.y() / c.x(1));
  return {};
}

// The exponent's gradient is zero where the base is: x^0 is 1 beside it too.
Status Pow(RuleContext& c) {
  RETURN_IF_ERROR(RequireNumpyBroadcast(c));
  const Term x = c.x(0), power = c.x(1).As(x.dtype());
  if (c.wants(0)) {
    // power * x^(power - 1) is 0 * inf for a power of 0 at 0, where the derivative is 0.
    const Term slope = power * x.Op("Pow", {power - 1});
    c.GiveBroadcast(0, c.dy() * Where(Equal(power, Zero(power)), Zero(x), slope));
  }
  if (c.wants(1)) {
    const Term logarithm = Log(Where(Greater(x, 0), x, 1));
    c.GiveBroadcast(1, (c.dy() * c.y() * logarithm).As(c.x(1).dtype()));
  }
  return {};
}

// fmod only: a - b * trunc(a / b).
Status Mod(RuleContext& c) {
  c.GiveBroadcast(0, c.dy());
  if (c.wants(1)) {
    const Term quotient = (c.x(0) - c.y()) / c.x(1);
    c.GiveBroadcast(1, -c.dy() * quotient.Op("Round"));
  }
  return {};
}

// To the chosen inputs; where several are equally extreme, in equal parts.
Status Extreme(RuleContext& c) {
  const Term y = c.y(), dy = c.dy();
  std::vector<Term> chosen;
  for (size_t i = 0; i < c.num_inputs(); ++i) chosen.push_back(Equal(c.x(i), y).As(y.dtype()));
  const Term share = dy / c.emitter().Sum(chosen);
  for (size_t i = 0; i < c.num_inputs(); ++i)
    if (c.wants(i)) c.GiveBroadcast(i, share * chosen[i]);
  return {};
}

Status Sum(RuleContext& c) {
  for (size_t i = 0; i < c.num_inputs(); ++i) c.GiveBroadcast(i, c.dy());
  return {};
}

Status Mean(RuleContext& c) {
  const Term share = c.dy() / static_cast<double>(c.num_inputs());
  for (size_t i = 0; i < c.num_inputs(); ++i) c.GiveBroadcast(i, share);
  return {};
}

Status PRelu(RuleContext& c) {
  const Term negative = Less(c.x(0), 0);
  if (c.wants(0)) c.Give(0, c.dy() * Where(negative, c.x(1), 1));
  if (c.wants(1)) c.GiveBroadcast(1, Where(negative, c.dy() * c.x(0), 0));
  return {};
}

Status Select(RuleContext& c) {
  if (c.wants(1)) c.GiveBroadcast(1, Where(c.x(0), c.dy(), 0));
  if (c.wants(2)) c.GiveBroadcast(2, Where(c.x(0), Zero(c.dy()), c.dy()));
  return {};
}

Status Expand(RuleContext& c) {
  c.GiveBroadcast(0, c.dy());
  return {};
}

constexpr DerivativeEntry kRules[] = {
    {"Add", Add}, {"Div", Div},     {"Expand", Expand}, {"Max", Extreme}, {"Mean", Mean}, {"Min", Extreme},  {"Mod", Mod},
    {"Mul", Mul}, {"PRelu", PRelu}, {"Pow", Pow},       {"Sub", Sub},     {"Sum", Sum},   {"Where", Select},
};

}  // namespace

std::span<const DerivativeEntry> BroadcastDerivatives() { return kRules; }

}  // namespace sardonyx::optimize
