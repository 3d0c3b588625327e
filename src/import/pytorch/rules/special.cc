// Special functions, by approximations that are good to about 1e-6. Sources: Abramowitz and Stegun, Handbook of Mathematical
// Functions (9.8 for Bessel functions); Lanczos, A Precision Approximation of the Gamma Function (1964); M. Giles, Approximating the
// erfinv function (2010).
#include <cmath>
#include <limits>
#include <numbers>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Outputs ErfInverse(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.float_tensor("self");
  V one = b.NumberLike(1, x);
  V w = b.Neg(b.Op("Log", {b.Mul(b.Sub(one, x), b.Add(one, x))}));
  V near = b.Op("Less", {w, b.NumberLike(5, x)});
  V inner = Polynomial(b, b.Sub(w, b.NumberLike(2.5, x)),
                       {1.50140941, 0.246640727, -0.00417768164, -0.00125372503, 0.00021858087, -4.39150654e-06, -3.5233877e-06,
                        3.43273939e-07, 2.81022636e-08});
  V root = b.Op("Sqrt", {b.Op("Max", {w, b.NumberLike(5, x)})});
  V outer = Polynomial(b, b.Sub(root, b.NumberLike(3, x)),
                       {2.83297682, 1.00167406, 0.00943887047, -0.0076224613, 0.00573950773, -0.00367342844, 0.00134934322, 0.000100950558,
                        -0.000200214257});
  V y = b.Mul(b.Where(near, inner, outer), x);
  V edge = b.Op("Equal", {b.Op("Abs", {x}), one});
  return b.Where(edge, b.Mul(x, b.NumberLike(kInfinity, x)), y);
}

// log of the gamma function for x >= 0.5, in double.
V LogGammaRight(ops::GraphBuilder& b, V x) {
  constexpr double kG = 7;
  constexpr double kC[] = {0.99999999999980993, 676.5203681218851,    -1259.1392167224028,   771.32342877765313,   -176.61502916214059,
                           12.507343278686905,  -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7};
  V z = b.Sub(x, b.NumberLike(1, x));
  V sum = b.NumberLike(kC[0], x);
  for (int i = 1; i < 9; ++i) sum = b.Add(sum, b.Div(b.NumberLike(kC[i], x), b.Add(z, b.NumberLike(i, x))));
  V t = b.Add(z, b.NumberLike(kG + 0.5, x));
  V power = b.Mul(b.Add(z, b.NumberLike(0.5, x)), b.Op("Log", {t}));
  return b.Add(b.Sub(b.Add(b.NumberLike(0.5 * std::log(2 * std::numbers::pi), x), power), t), b.Op("Log", {sum}));
}
Outputs LogGamma(Call& c) {
  ops::GraphBuilder& b = c.b;
  V given = c.float_tensor("self");
  V x = b.Cast(given, DataType::kDouble);
  V left = b.Op("Less", {x, b.NumberLike(0.5, x)});
  V right = LogGammaRight(b, b.Where(left, b.Sub(b.NumberLike(1, x), x), x));
  // log(pi / |sin(pi x)|) - log gamma(1 - x); the sine of the fraction keeps its digits.
  V fraction = b.Sub(x, b.Op("Floor", {x}));
  V sine = b.Cast(b.Op("Sin", {b.Cast(b.Mul(fraction, b.NumberLike(std::numbers::pi, x)), DataType::kFloat)}), DataType::kDouble);
  V reflected = b.Sub(b.Sub(b.NumberLike(std::log(std::numbers::pi), x), b.Op("Log", {b.Op("Abs", {sine})})), right);
  V y = b.Where(left, reflected, right);
  V pole = b.Op("And", {b.Op("LessOrEqual", {x, b.NumberLike(0, x)}), b.Op("Equal", {fraction, b.NumberLike(0, x)})});
  y = b.Where(b.Op("Or", {pole, b.Op("IsInf", {x})}), b.NumberLike(kInfinity, x), y);
  return b.Cast(y, b.dtype(given));
}

// The multivariate gamma function: a product of gammas.
Outputs MultiLogGamma(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.float_tensor("self");
  const int64_t p = c.Int("p");
  if (p < 1 || p > 64) return c.Unsupported("mvlgamma of that order");
  V sum = b.NumberLike(static_cast<double>(p * (p - 1)) / 4 * std::log(std::numbers::pi), x);
  for (int64_t j = 0; j < p; ++j) {
    V shifted = b.Sub(x, b.NumberLike(static_cast<double>(j) / 2, x));
    sum = b.Add(sum, c.translator.Apply("aten.lgamma.default", {IValue(TensorValue{shifted, false, {}, {}})})[0].tensor().value);
  }
  return sum;
}

Outputs Digamma(Call& c) {
  ops::GraphBuilder& b = c.b;
  V given = c.float_tensor("self");
  V x = b.Cast(given, DataType::kDouble);
  V one = b.NumberLike(1, x), zero = b.NumberLike(0, x);
  V left = b.Op("Less", {x, b.NumberLike(0.5, x)});
  V z = b.Where(left, b.Sub(one, x), x);
  // psi(z) = psi(z + 6) - sum 1 / (z + k)
  V shift = zero;
  for (int k = 0; k < 6; ++k) shift = b.Add(shift, b.Div(one, b.Add(z, b.NumberLike(k, x))));
  V far = b.Add(z, b.NumberLike(6, x));
  V inverse = b.Div(one, b.Mul(far, far));
  V series = b.Mul(inverse, Polynomial(b, inverse, {1.0 / 12, -1.0 / 120, 1.0 / 252, -1.0 / 240, 1.0 / 132}));
  V right = b.Sub(b.Sub(b.Sub(b.Op("Log", {far}), b.Div(b.NumberLike(0.5, x), far)), series), shift);
  // psi(x) = psi(1 - x) - pi / tan(pi x)
  V fraction = b.Sub(x, b.Op("Floor", {x}));
  V tangent = b.Cast(b.Op("Tan", {b.Cast(b.Mul(fraction, b.NumberLike(std::numbers::pi, x)), DataType::kFloat)}), DataType::kDouble);
  V reflected = b.Sub(right, b.Div(b.NumberLike(std::numbers::pi, x), tangent));
  V y = b.Where(left, reflected, right);
  V whole = b.Op("And", {b.Op("Less", {x, zero}), b.Op("Equal", {fraction, zero})});
  y = b.Where(whole, b.NumberLike(std::numeric_limits<double>::quiet_NaN(), x), y);
  y = b.Where(b.Op("Equal", {x, zero}), b.NumberLike(-kInfinity, x), y);
  return b.Cast(y, b.dtype(given));
}

// Modified Bessel functions of order 0 and 1; "e": times exp(-|x|).
Outputs Bessel(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.float_tensor("self");
  const bool first = c.param()[0] == '1', scaled = c.param().ends_with("e");
  V size = b.Op("Abs", {x}), bound = b.NumberLike(3.75, x);
  V near = b.Op("Less", {size, bound});
  V t = b.Div(x, bound);
  V small = first ? b.Mul(x, Polynomial(b, b.Mul(t, t), {0.5, 0.87890594, 0.51498869, 0.15084934, 0.02658733, 0.00301532, 0.00032411}))
                  : Polynomial(b, b.Mul(t, t), {1.0, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.0360768, 0.0045813});
  V far = b.Op("Max", {size, bound});
  V u = b.Div(bound, far);
  V large =
      first ? Polynomial(b, u,
                         {0.39894228, -0.03988024, -0.00362018, 0.00163801, -0.01031555, 0.02282967, -0.02895312, 0.01787654, -0.00420059})
            : Polynomial(b, u,
                         {0.39894228, 0.01328592, 0.00225319, -0.00157565, 0.00916281, -0.02057706, 0.02635537, -0.01647633, 0.00392377});
  large = b.Div(large, b.Op("Sqrt", {far}));
  if (first) large = b.Mul(large, b.Op("Sign", {x}));
  if (scaled)
    small = b.Mul(small, b.Op("Exp", {b.Neg(size)}));
  else
    large = b.Mul(large, b.Op("Exp", {far}));
  return b.Where(near, small, large);
}

Outputs NormalCdf(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.float_tensor("self");
  V y = b.Mul(b.NumberLike(0.5, x), b.Add(b.NumberLike(1, x), b.Op("Erf", {b.Mul(x, b.NumberLike(1 / std::numbers::sqrt2, x))})));
  return c.param() == "log" ? b.Op("Log", {y}) : y;
}
Outputs NormalQuantile(Call& c) {
  V x = c.float_tensor("self");
  V scaled = c.b.Sub(c.b.Mul(x, c.b.NumberLike(2, x)), c.b.NumberLike(1, x));
  V inverse = c.translator.Apply("aten.erfinv.default", {IValue(TensorValue{scaled, false, {}, {}})})[0].tensor().value;
  return c.b.Mul(inverse, c.b.NumberLike(std::numbers::sqrt2, x));
}
Outputs ScaledErfc(Call& c) {
  V x = c.float_tensor("self");
  return c.b.Mul(c.b.Op("Exp", {c.b.Mul(x, x)}), c.b.Sub(c.b.NumberLike(1, x), c.b.Op("Erf", {x})));
}

constexpr RuleRow kRows[] = {
    {"aten.erfinv", ErfInverse},
    {"aten.special_erfinv", ErfInverse},
    {"aten.lgamma", LogGamma},
    {"aten.special_gammaln", LogGamma},
    {"aten.mvlgamma", MultiLogGamma},
    {"aten.special_multigammaln", MultiLogGamma},
    {"aten.digamma", Digamma},
    {"aten.special_digamma", Digamma},
    {"aten.special_psi", Digamma},
    {"aten.i0", Bessel, "0"},
    {"aten.special_i0", Bessel, "0"},
    {"aten.special_modified_bessel_i0", Bessel, "0"},
    {"aten.special_i0e", Bessel, "0e"},
    {"aten.special_i1", Bessel, "1"},
    {"aten.special_modified_bessel_i1", Bessel, "1"},
    {"aten.special_i1e", Bessel, "1e"},
    {"aten.special_ndtr", NormalCdf, ""},
    {"aten.special_log_ndtr", NormalCdf, "log"},
    {"aten.special_ndtri", NormalQuantile},
    {"aten.special_erfcx", ScaledErfc},
};

}  // namespace

std::span<const RuleRow> Special() { return kRows; }

}  // namespace sardonyx::pytorch::rules
