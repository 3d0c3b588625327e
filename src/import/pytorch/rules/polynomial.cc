// Orthogonal polynomials of a degree that is a number or a tensor, by their recurrences. Abramowitz and Stegun, 22.7.
#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

// What a family's recurrence needs of degree k (from 1) and x: p of k + 1 from p of k and of k - 1.
using Next = V (*)(ops::GraphBuilder& b, V x, V k, V now, V before);

V Doubled(ops::GraphBuilder& b, V x) { return b.Add(x, x); }
V Chebyshev(ops::GraphBuilder& b, V x, V, V now, V before) { return b.Sub(b.Mul(Doubled(b, x), now), before); }
V HermitePhysicist(ops::GraphBuilder& b, V x, V k, V now, V before) {
  return b.Sub(b.Mul(Doubled(b, x), now), b.Mul(Doubled(b, k), before));
}
V HermiteProbabilist(ops::GraphBuilder& b, V x, V k, V now, V before) { return b.Sub(b.Mul(x, now), b.Mul(k, before)); }
V Laguerre(ops::GraphBuilder& b, V x, V k, V now, V before) {
  V one = b.NumberLike(1, x);
  V factor = b.Sub(b.Add(Doubled(b, k), one), x);
  return b.Div(b.Sub(b.Mul(factor, now), b.Mul(k, before)), b.Add(k, one));
}
V Legendre(ops::GraphBuilder& b, V x, V k, V now, V before) {
  V one = b.NumberLike(1, x);
  V factor = b.Mul(b.Add(Doubled(b, k), one), x);
  return b.Div(b.Sub(b.Mul(factor, now), b.Mul(k, before)), b.Add(k, one));
}

struct Family {
  std::string_view name;
  double slope, shift;  // the polynomial of degree 1 is slope * x + shift
  Next next;
};
constexpr Family kFamilies[] = {
    {"chebyshev_t", 1, 0, Chebyshev}, {"chebyshev_u", 2, 0, Chebyshev},      {"chebyshev_v", 2, -1, Chebyshev},
    {"chebyshev_w", 2, 1, Chebyshev}, {"hermite_h", 2, 0, HermitePhysicist}, {"hermite_he", 1, 0, HermiteProbabilist},
    {"laguerre", -1, 1, Laguerre},    {"legendre", 1, 0, Legendre},
};

Outputs Polynomials(Call& c) {
  ops::GraphBuilder& b = c.b;
  std::string_view name = c.param();
  const bool shifted = name.starts_with("shifted_");
  if (shifted) name.remove_prefix(8);
  const Family* family = nullptr;
  for (const Family& one : kFamilies)
    if (one.name == name) family = &one;
  if (family == nullptr) return c.Unsupported("a family of polynomials that is not known");
  const std::vector<V> v = c.Promoted({"x", "n"}, /*to_float=*/true);
  V x = v[0], degree = b.Cast(Truncate(b, v[1]), DataType::kInt64);
  V one = b.NumberLike(1, x);
  if (shifted) x = b.Sub(Doubled(b, x), one);  // from [0, 1]
  V shape = b.ShapeOf(b.Add(x, b.Cast(degree, b.dtype(x))));
  x = b.Expand(x, shape);
  degree = b.Expand(degree, shape);
  V first = b.Add(b.Mul(x, b.NumberLike(family->slope, x)), b.NumberLike(family->shift, x)), zeroth = FullLike(b, x, one);
  V lowest = b.Where(b.Op("LessOrEqual", {degree, b.Int(0)}), zeroth, first);
  lowest = b.Where(b.Op("Less", {degree, b.Int(0)}), b.NumberLike(0, x), lowest);
  // Every element keeps what its own degree gives.
  V most = Maximum(b, b.Concat({b.Flatten(degree), b.Ints({1})}, 0), {}, false);
  return b.Loop(b.Sub(most, b.Int(1)), nullptr, {first, zeroth, lowest}, 0, [&](V step, const std::vector<V>& state) -> std::vector<V> {
    V k = b.Add(step, b.Int(1));
    V next = family->next(b, x, b.Cast(k, b.dtype(x)), state[0], state[1]);
    V mine = b.Op("Equal", {degree, b.Add(k, b.Int(1))});
    return {b.Scalar<bool>(true), next, state[0], b.Where(mine, next, state[2])};
  })[2];
}

constexpr RuleRow kRows[] = {
    {"aten.special_chebyshev_polynomial_t", Polynomials, "chebyshev_t"},
    {"aten.special_chebyshev_polynomial_u", Polynomials, "chebyshev_u"},
    {"aten.special_chebyshev_polynomial_v", Polynomials, "chebyshev_v"},
    {"aten.special_chebyshev_polynomial_w", Polynomials, "chebyshev_w"},
    {"aten.special_shifted_chebyshev_polynomial_t", Polynomials, "shifted_chebyshev_t"},
    {"aten.special_shifted_chebyshev_polynomial_u", Polynomials, "shifted_chebyshev_u"},
    {"aten.special_shifted_chebyshev_polynomial_v", Polynomials, "shifted_chebyshev_v"},
    {"aten.special_shifted_chebyshev_polynomial_w", Polynomials, "shifted_chebyshev_w"},
    {"aten.special_hermite_polynomial_h", Polynomials, "hermite_h"},
    {"aten.special_hermite_polynomial_he", Polynomials, "hermite_he"},
    {"aten.special_laguerre_polynomial_l", Polynomials, "laguerre"},
    {"aten.special_legendre_polynomial_p", Polynomials, "legendre"},
};

}  // namespace

std::span<const RuleRow> OrthogonalPolynomials() { return kRows; }

}  // namespace sardonyx::pytorch::rules
