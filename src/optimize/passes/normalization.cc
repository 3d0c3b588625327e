// Normalizations of the last axis from the operators that exporters write for them.
#include "optimize/passes/conditions.h"
#include "optimize/passes/passes.h"

namespace sardonyx::optimize {
namespace {

bool ReadEpsilon(Match& m) {
  const std::optional<double> epsilon = m.scalar("epsilon");
  if (!epsilon || !(*epsilon >= 0) || !IsFloat(m, "x")) return false;
  m.SetAttribute("epsilon", static_cast<float>(*epsilon));
  return true;
}

// A vector over the last axis, whose size is known.
bool IsLastAxisVector(Match& m, std::string_view name) {
  const ir::Shape* x = m.shape("x");
  const ir::Shape* v = m.shape(name);
  return IsFloat(m, name) && x && x->rank() >= 1 && v && v->rank() == 1 && (*v)[0].is_constant() && (*v)[0] == (*x)[x->rank() - 1];
}

bool IsLayerNorm(Match& m) {
  return ReadEpsilon(m) && ReducesLastAxis(m.node("mean")) && ReducesLastAxis(m.node("var")) && IsLastAxisVector(m, "g") &&
         (!m.has("b") || IsLastAxisVector(m, "b"));
}

bool IsRmsNorm(Match& m) { return ReadEpsilon(m) && ReducesLastAxis(m.node("mean")) && IsLastAxisVector(m, "g"); }

#define NORMAL                                                                                    \
  "Div(d: Sub(x, mean: ReduceMean(x, ...)),"                                                      \
  " Sqrt(Add(var: ReduceMean((Pow(d, 2) | Mul(d, d)), ...), @epsilon)))"
// 1 / sqrt(mean(x^2) + epsilon)
#define ROOT "Sqrt(Add(mean: ReduceMean((Pow(x, 2) | Mul(x, x)), ...), @epsilon))"
#define RMS                                                                                                                 \
  "(Mul(x, (Reciprocal(" ROOT ") | Div(1, " ROOT ") | Pow(Add(mean: ReduceMean((Pow(x, 2) | Mul(x, x)), ...), @epsilon), -0.5)))" \
  " | Div(x, " ROOT "))"

constexpr Rule kRules[] = {
    {"layer-norm", "Add(Mul(" NORMAL ", @g), @b)", "LayerNormalization@17(x, g, b){axis=-1, epsilon=$epsilon}", IsLayerNorm},
    {"layer-norm-without-bias", "Mul(" NORMAL ", @g)", "LayerNormalization@17(x, g){axis=-1, epsilon=$epsilon}", IsLayerNorm},
    {"rms-norm", "Mul(" RMS ", @g)", "RMSNormalization@23(x, g){axis=-1, epsilon=$epsilon}", IsRmsNorm},
};

}  // namespace

std::span<const Rule> NormalizationRules() { return kRules; }

}  // namespace sardonyx::optimize
