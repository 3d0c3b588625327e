// Special functions, by approximations that are good to about 1e-6. Sources: Abramowitz and Stegun, Handbook of Mathematical
// Functions; Lanczos, A Precision Approximation of the Gamma Function (1964); M. Giles, Approximating the
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

// Hurwitz's zeta function, the sum of (q + k)^-s over k >= 0: Euler and Maclaurin's formula behind the first terms. In double.
V Zeta(ops::GraphBuilder& b, V s, V q) {
  // So many terms that the rest begins above 10, whatever q is.
  V least = b.Op("Floor", {b.Reduce("ReduceMin", b.Concat({b.Flatten(q), b.Constant(Tensor::From<double>({1}, {0.0}))}, 0), {}, false)});
  V count = b.Sub(b.Int(10), b.Cast(least, DataType::kInt64));
  V steps = b.Cast(Arange(b, count), DataType::kDouble);
  V terms = b.Op("Pow", {b.Add(b.Unsqueeze(q, {-1}), steps), b.Neg(b.Unsqueeze(s, {-1}))});
  V sum = b.Op("ReduceSum", {terms, b.Ints({-1})}, {{"keepdims", 0}});
  V a = b.Add(q, b.Cast(count, DataType::kDouble)), one = b.NumberLike(1, q);
  V power = b.Op("Pow", {a, b.Neg(s)});
  sum = b.Add(sum, b.Add(b.Div(b.Mul(power, a), b.Sub(s, one)), b.Mul(power, b.NumberLike(0.5, q))));
  // B_2j / (2j)! s (s + 1) ... (s + 2j - 2) a^(-s - 2j + 1)
  constexpr double kBernoulli[] = {1.0 / 12, -1.0 / 720, 1.0 / 30240, -1.0 / 1209600, 1.0 / 47900160, -691.0 / 1307674368000.0};
  V factor = b.Div(b.Mul(s, power), a), square = b.Mul(a, a);
  for (int j = 0; j < 6; ++j) {
    sum = b.Add(sum, b.Mul(factor, b.NumberLike(kBernoulli[j], q)));
    factor = b.Div(b.Mul(factor, b.Mul(b.Add(s, b.NumberLike(2 * j + 1, q)), b.Add(s, b.NumberLike(2 * j + 2, q)))), square);
  }
  V infinity = b.NumberLike(kInfinity, q), nan = b.NumberLike(std::numeric_limits<double>::quiet_NaN(), q), zero = b.NumberLike(0, q);
  V left = b.Op("LessOrEqual", {q, zero});
  V y = b.Where(b.Op("And", {left, Not(b, b.Op("Equal", {b.Op("Floor", {s}), s}))}), nan, sum);
  y = b.Where(b.Op("And", {left, b.Op("Equal", {b.Op("Floor", {q}), q})}), infinity, y);
  return b.Where(b.Op("Equal", {s, one}), infinity, b.Where(b.Op("Less", {s, one}), nan, y));
}
Outputs ZetaOf(Call& c) {
  const std::vector<V> v = c.Promoted({"self", "other"}, /*to_float=*/true);
  return c.b.Cast(Zeta(c.b, c.b.Cast(v[0], DataType::kDouble), c.b.Cast(v[1], DataType::kDouble)), c.b.dtype(v[0]));
}
// The n-th derivative of digamma: (-1)^(n + 1) n! zeta(n + 1, x).
Outputs Polygamma(Call& c) {
  const int64_t n = c.Int("n");
  if (n == 0) return Digamma(c);
  if (n < 0 || n > 100) return c.Unsupported("polygamma of that order");
  V x = c.float_tensor("self");
  V zeta = Zeta(c.b, c.b.Number(static_cast<double>(n + 1), DataType::kDouble), c.b.Cast(x, DataType::kDouble));
  const double factor = std::tgamma(static_cast<double>(n + 1)) * (n % 2 == 0 ? -1 : 1);
  return c.b.Cast(c.b.Mul(zeta, c.b.NumberLike(factor, zeta)), c.b.dtype(x));
}

// The regularized incomplete gamma function P(a, x), or Q = 1 - P: a series below a + 1, a continued fraction (Lentz) above. Press et
// al., Numerical Recipes, 6.2. In double.
Outputs IncompleteGamma(Call& c) {
  ops::GraphBuilder& b = c.b;
  const std::vector<V> v = c.Promoted({"self", "other"}, /*to_float=*/true);
  const bool upper = c.param() == "upper";
  V a = b.Cast(v[0], DataType::kDouble), x = b.Cast(v[1], DataType::kDouble);
  V shape = b.ShapeOf(b.Add(a, x));
  a = b.Expand(a, shape);
  x = b.Expand(x, shape);
  V zero = b.NumberLike(0, x), one = b.NumberLike(1, x), infinity = b.NumberLike(kInfinity, x);
  // Elements that the formulas do not hold for stand in with 1 until the end.
  V regular = b.Op("And", {b.Op("And", {b.Op("Greater", {a, zero}), b.Op("Greater", {x, zero})}),
                           b.Op("And", {b.Op("Less", {a, infinity}), b.Op("Less", {x, infinity})})});
  V p = b.Where(regular, a, one), z = b.Where(regular, x, one);
  V below = b.Op("Less", {z, b.Add(p, one)});
  V scale = b.Op("Exp", {b.Sub(b.Sub(b.Mul(p, b.Op("Log", {z})), z), Apply(c, "aten.lgamma.default", {AsArgument(p)}))});
  constexpr int64_t kMost = 2000;
  const auto going = [&](V change, V still) {
    V more = b.Cast(b.Op("And", {b.Op("Greater", {change, b.NumberLike(1e-16, x)}), still}), DataType::kInt32);
    return b.Cast(b.Reduce("ReduceMax", b.Concat({b.Flatten(more), b.Constant(Tensor::From<int32_t>({1}, {0}))}, 0), {}, false),
                  DataType::kBool);
  };
  V first = b.Op("Reciprocal", {p});
  V series = b.Loop(b.Int(kMost), b.Scalar<bool>(true), {first, first}, 0, [&](V k, const std::vector<V>& state) -> std::vector<V> {
    V n = b.Add(b.Cast(k, DataType::kDouble), one);
    V term = b.Where(below, b.Div(b.Mul(state[0], z), b.Add(p, n)), zero);
    V sum = b.Add(state[1], term);
    return {going(b.Div(term, sum), below), term, sum};
  })[1];
  V above = Not(b, below), tiny = b.NumberLike(1e-300, x), two = b.NumberLike(2, x);
  V start = b.Add(b.Sub(b.Where(below, b.Add(p, two), z), p), one);  // x + 1 - a
  V inverse = b.Op("Reciprocal", {start});
  const auto away = [&](V value) { return b.Where(b.Op("Less", {b.Op("Abs", {value}), tiny}), tiny, value); };
  V fraction = b.Loop(b.Int(kMost), b.Scalar<bool>(true), {FullLike(b, x, b.NumberLike(1e300, x)), inverse, inverse}, 0,
                      [&](V k, const std::vector<V>& state) -> std::vector<V> {
                        V n = b.Add(b.Cast(k, DataType::kDouble), one);
                        V an = b.Mul(b.Neg(n), b.Sub(n, p)), bn = b.Add(start, b.Mul(two, n));
                        V d = b.Op("Reciprocal", {away(b.Add(b.Mul(an, state[1]), bn))});
                        V e = away(b.Add(bn, b.Div(an, state[0])));
                        V change = b.Mul(d, e);
                        return {going(b.Op("Abs", {b.Sub(change, one)}), above), e, d, b.Mul(state[2], change)};
                      })[2];
  V lower_part = b.Mul(series, scale), upper_part = b.Mul(fraction, scale);
  V y = upper ? b.Where(below, b.Sub(one, lower_part), upper_part) : b.Where(below, lower_part, b.Sub(one, upper_part));
  // Edges: P(a, 0) = 0, P(0, x) = 1, P(a, inf) = 1, P(inf, x) = 0; NaN where a or x is negative, both are 0, or both are infinite.
  V whole = b.Op("Or", {b.Op("Equal", {a, zero}), b.Op("Equal", {x, infinity})});
  V edge = b.Where(whole, b.NumberLike(upper ? 0 : 1, x), b.NumberLike(upper ? 1 : 0, x));
  V wrong = b.Op("Or", {b.Op("Less", {a, zero}), b.Op("Less", {x, zero})});
  wrong = b.Op("Or", {wrong, b.Op("Or", {b.Op("IsNaN", {a}), b.Op("IsNaN", {x})})});
  wrong = b.Op("Or", {wrong, b.Op("And", {b.Op("Equal", {a, x}), Not(b, regular)})});
  y = b.Where(wrong, b.NumberLike(std::numeric_limits<double>::quiet_NaN(), x), b.Where(regular, y, edge));
  return b.Cast(y, b.dtype(v[0]));
}

// exp(x^2) erfc(x) for x >= 0, with a relative error of 1.2e-7: Press et al., Numerical Recipes, 6.2.
V ScaledErfcRight(ops::GraphBuilder& b, V x) {
  V t = b.Op("Reciprocal", {b.Add(b.Mul(x, b.NumberLike(0.5, x)), b.NumberLike(1, x))});
  return b.Mul(t, b.Op("Exp", {Polynomial(b, t,
                                          {-1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398,
                                           1.48851587, -0.82215223, 0.17087277})}));
}

Outputs NormalCdf(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.float_tensor("self");
  if (c.param() == "log") {
    // log erfc(-x / sqrt 2) / 2; what is far out by way of the scaled function, which does not vanish.
    V size = b.Mul(b.Op("Abs", {x}), b.NumberLike(1 / std::numbers::sqrt2, x));
    V scaled = b.Mul(b.NumberLike(0.5, x), ScaledErfcRight(b, size)), square = b.Mul(size, size);
    V left = b.Sub(b.Op("Log", {scaled}), square);
    V right = b.Op("Log", {b.Sub(b.NumberLike(1, x), b.Mul(scaled, b.Op("Exp", {b.Neg(square)})))});
    return b.Where(b.Op("Less", {x, b.NumberLike(0, x)}), left, right);
  }
  V y = b.Mul(b.NumberLike(0.5, x), b.Add(b.NumberLike(1, x), b.Op("Erf", {b.Mul(x, b.NumberLike(1 / std::numbers::sqrt2, x))})));
  return y;
}
Outputs NormalQuantile(Call& c) {
  V x = c.float_tensor("self");
  V scaled = c.b.Sub(c.b.Mul(x, c.b.NumberLike(2, x)), c.b.NumberLike(1, x));
  V inverse = c.translator.Apply("aten.erfinv.default", {IValue(TensorValue{scaled, false, {}, {}})})[0].tensor().value;
  return c.b.Mul(inverse, c.b.NumberLike(std::numbers::sqrt2, x));
}
Outputs ScaledErfc(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.float_tensor("self");
  V right = ScaledErfcRight(b, b.Op("Abs", {x}));
  V left = b.Sub(b.Mul(b.NumberLike(2, x), b.Op("Exp", {b.Mul(x, x)})), right);
  return b.Where(b.Op("Less", {x, b.NumberLike(0, x)}), left, right);
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
    {"aten.special_zeta", ZetaOf},
    {"aten.polygamma", Polygamma},
    {"aten.special_polygamma", Polygamma},
    {"aten.igamma", IncompleteGamma, "lower"},
    {"aten.special_gammainc", IncompleteGamma, "lower"},
    {"aten.igammac", IncompleteGamma, "upper"},
    {"aten.special_gammaincc", IncompleteGamma, "upper"},
    {"aten.special_ndtr", NormalCdf, ""},
    {"aten.special_log_ndtr", NormalCdf, "log"},
    {"aten.special_ndtri", NormalQuantile},
    {"aten.special_erfcx", ScaledErfc},
};

}  // namespace

std::span<const RuleRow> Special() { return kRows; }

}  // namespace sardonyx::pytorch::rules
