// Activations from what exporters write where their opset, or framework, has no operator for them.
#include "optimize/passes/conditions.h"
#include "optimize/passes/passes.h"

namespace sardonyx::optimize {
namespace {

bool XIsFloat(Match& m) { return IsFloat(m, "x"); }

bool XIsFloatAndAlphaKnown(Match& m) {
  const std::optional<double> alpha = m.scalar("alpha");
  if (!IsFloat(m, "x") || !alpha || m.constant("alpha")->rank() > (m.shape("x") ? m.shape("x")->rank() : 0)) return false;
  m.SetAttribute("alpha", static_cast<float>(*alpha));
  return true;
}

#define ERF "Erf((Div(x, 1.4142135623730951) | Mul(x, 0.7071067811865476)))"
// sqrt(2/pi) * (x + 0.044715 x^3), and the same with x taken out.
#define CUBE "(Pow(x, 3) | Mul(x, (Mul(x, x) | Pow(x, 2))))"
#define INNER                                                                    \
  "(Mul(Add(x, Mul(" CUBE ", 0.044715)), 0.7978845608028654)"                    \
  " | Mul(Mul(x, 0.7978845608028654), Add(Mul((Mul(x, x) | Pow(x, 2)), 0.044715), 1))" \
  " | Mul(Mul(x, 0.7978845608028654), Add(Mul(Mul(x, 0.044715), x), 1)))"

constexpr Rule kRules[] = {
    // x/2 (1 + f(x)), however it is bracketed.
    {"gelu", "Mul(Mul(x, 0.5), Add(" ERF ", 1))", "Gelu@20(x)", XIsFloat},
    {"gelu", "Mul(Mul(Add(" ERF ", 1), 0.5), x)", "Gelu@20(x)", XIsFloat},
    {"gelu", "Mul(Mul(x, Add(" ERF ", 1)), 0.5)", "Gelu@20(x)", XIsFloat},
    {"gelu", "Div(Mul(x, Add(" ERF ", 1)), 2)", "Gelu@20(x)", XIsFloat},
    {"gelu-tanh", "Mul(Mul(x, 0.5), Add(Tanh(" INNER "), 1))", "Gelu@20(x){approximate=\"tanh\"}", XIsFloat},
    {"gelu-tanh", "Mul(Mul(Add(Tanh(" INNER "), 1), 0.5), x)", "Gelu@20(x){approximate=\"tanh\"}", XIsFloat},
    {"gelu-tanh", "Mul(Mul(x, Add(Tanh(" INNER "), 1)), 0.5)", "Gelu@20(x){approximate=\"tanh\"}", XIsFloat},
    {"swish", "Mul(x, Sigmoid(x))", "Swish@24(x)", XIsFloat},
    {"quick-gelu", "Mul(x, Sigmoid(Mul(x, @alpha)))", "Swish@24(x){alpha=$alpha}", XIsFloatAndAlphaKnown},
    {"hard-swish", "Mul(x, HardSigmoid(x){alpha=0.16666666666666666, beta=0.5})", "HardSwish@14(x)", XIsFloat},
    {"hard-swish", "Div(Mul(x, Clip(Add(x, 3), 0, 6)), 6)", "HardSwish@14(x)", XIsFloat},
    {"hard-swish", "Mul(x, Div(Clip(Add(x, 3), 0, 6), 6))", "HardSwish@14(x)", XIsFloat},
    {"hard-swish", "Mul(x, Mul(Clip(Add(x, 3), 0, 6), 0.16666666666666666))", "HardSwish@14(x)", XIsFloat},
    {"hard-swish", "Mul(Mul(x, Clip(Add(x, 3), 0, 6)), 0.16666666666666666)", "HardSwish@14(x)", XIsFloat},
};

}  // namespace

std::span<const Rule> ActivationRules() { return kRules; }

}  // namespace sardonyx::optimize
