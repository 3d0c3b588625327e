// Bessel functions of orders 0 and 1, and Airy's; the former by polynomials that are good to about 1e-7: Abramowitz and Stegun, 9.4 and 9.8.
#include <cmath>
#include <limits>
#include <numbers>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Modified ones of the first kind; "e": times exp(-|x|).
V ModifiedFirst(ops::GraphBuilder& b, V x, bool first, bool scaled) {
  V size = b.Op("Abs", {x}), bound = b.NumberLike(3.75, x);
  V t = b.Div(x, bound);
  V square = b.Mul(t, t);
  V small = first ? b.Mul(x, Polynomial(b, square, {0.5, 0.87890594, 0.51498869, 0.15084934, 0.02658733, 0.00301532, 0.00032411}))
                  : Polynomial(b, square, {1.0, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.0360768, 0.0045813});
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
  return b.Where(b.Op("Less", {size, bound}), small, large);
}
Outputs ModifiedFirstOf(Call& c) { return ModifiedFirst(c.b, c.float_tensor("self"), c.param()[0] == '1', c.param().ends_with("e")); }

// Modified ones of the second kind; "e": times exp(x).
Outputs ModifiedSecond(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.float_tensor(c.is_none("x") ? "self" : "x");
  const bool first = c.param()[0] == '1', scaled = c.param().ends_with("e");
  V two = b.NumberLike(2, x), zero = b.NumberLike(0, x);
  V near = b.Op("LessOrEqual", {x, two});
  V in = b.Where(near, x, two), half = b.Mul(in, b.NumberLike(0.5, x));
  V square = b.Mul(half, half), log = b.Op("Log", {half});
  V small =
      first ? b.Add(b.Mul(log, ModifiedFirst(b, in, true, false)),
                    b.Div(Polynomial(b, square, {1.0, 0.15443144, -0.67278579, -0.18156897, -0.01919402, -0.00110404, -0.00004686}), in))
            : b.Sub(Polynomial(b, square, {-0.57721566, 0.42278420, 0.23069756, 0.03488590, 0.00262698, 0.00010750, 0.00000740}),
                    b.Mul(log, ModifiedFirst(b, in, false, false)));
  V far = b.Op("Max", {x, two});
  V t = b.Div(two, far);
  V large = first ? Polynomial(b, t, {1.25331414, 0.23498619, -0.03655620, 0.01504268, -0.00780353, 0.00325614, -0.00068245})
                  : Polynomial(b, t, {1.25331414, -0.07832358, 0.02189568, -0.01062446, 0.00587872, -0.00251540, 0.00053208});
  large = b.Div(large, b.Op("Sqrt", {far}));
  if (scaled)
    small = b.Mul(small, b.Op("Exp", {in}));
  else
    large = b.Mul(large, b.Op("Exp", {b.Neg(far)}));
  V y = b.Where(near, small, large);
  y = b.Where(b.Op("Equal", {x, zero}), b.NumberLike(kInfinity, x), y);
  return b.Where(b.Op("Less", {x, zero}), b.NumberLike(std::numeric_limits<double>::quiet_NaN(), x), y);
}

// Size and phase of J and Y far out, at 3 / x.
struct Wave {
  V size, angle;
};
Wave FarOut(ops::GraphBuilder& b, V x, bool first) {
  V t = b.Div(b.NumberLike(3, x), x);
  V f = first ? Polynomial(b, t, {0.79788456, 0.00000156, 0.01659667, 0.00017105, -0.00249511, 0.00113653, -0.00020033})
              : Polynomial(b, t, {0.79788456, -0.00000077, -0.00552740, -0.00009512, 0.00137237, -0.00072805, 0.00014476});
  V phase = first ? Polynomial(b, t, {-2.35619449, 0.12499612, 0.00005650, -0.00637879, 0.00074348, 0.00079824, -0.00029166})
                  : Polynomial(b, t, {-0.78539816, -0.04166397, -0.00003954, 0.00262573, -0.00054125, -0.00029333, 0.00013558});
  return {b.Div(f, b.Op("Sqrt", {x})), b.Add(x, phase)};
}
// J for x of at most 3.
V NearJ(ops::GraphBuilder& b, V x, bool first) {
  V third = b.Mul(x, b.NumberLike(1.0 / 3, x)), square = b.Mul(third, third);
  if (!first) return Polynomial(b, square, {1.0, -2.2499997, 1.2656208, -0.3163866, 0.0444479, -0.0039444, 0.0002100});
  return b.Mul(x, Polynomial(b, square, {0.5, -0.56249985, 0.21093573, -0.03954289, 0.00443319, -0.00031761, 0.00001109}));
}
Outputs First(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.float_tensor("self");
  const bool first = c.param() == "1";
  V size = b.Op("Abs", {x}), bound = b.NumberLike(3, x);
  const Wave wave = FarOut(b, b.Op("Max", {size, bound}), first);
  V far = b.Mul(wave.size, b.Op("Cos", {wave.angle}));
  V y = b.Where(b.Op("LessOrEqual", {size, bound}), NearJ(b, b.Op("Min", {size, bound}), first), far);
  return first ? b.Mul(y, b.Op("Sign", {x})) : y;
}
Outputs Second(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.float_tensor("self");
  const bool first = c.param() == "1";
  V bound = b.NumberLike(3, x), zero = b.NumberLike(0, x);
  V in = b.Op("Min", {x, bound}), third = b.Mul(in, b.NumberLike(1.0 / 3, x)), square = b.Mul(third, third);
  V log = b.Mul(b.Op("Log", {b.Mul(in, b.NumberLike(0.5, x))}), b.NumberLike(2 / std::numbers::pi, x));
  V rest = first ? b.Div(Polynomial(b, square, {-0.6366198, 0.2212091, 2.1682709, -1.3164827, 0.3123951, -0.0400976, 0.0027873}), in)
                 : Polynomial(b, square, {0.36746691, 0.60559366, -0.74350384, 0.25300117, -0.04261214, 0.00427916, -0.00024846});
  V near = b.Add(b.Mul(log, NearJ(b, in, first)), rest);
  const Wave wave = FarOut(b, b.Op("Max", {x, bound}), first);
  V far = b.Mul(wave.size, b.Op("Sin", {wave.angle}));
  V y = b.Where(b.Op("LessOrEqual", {x, bound}), near, far);
  y = b.Where(b.Op("Equal", {x, zero}), b.NumberLike(-kInfinity, x), y);
  return b.Where(b.Op("Less", {x, zero}), b.NumberLike(std::numeric_limits<double>::quiet_NaN(), x), y);
}
Outputs Spherical(Call& c) {
  // sin x / x, whose series is needed near 0 only.
  ops::GraphBuilder& b = c.b;
  V x = c.float_tensor("x");
  V near = b.Op("Less", {b.Op("Abs", {x}), b.NumberLike(0.5, x)}), square = b.Mul(x, x);
  V series = Polynomial(b, square, {1.0, -1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880});
  V y = b.Where(near, series, b.Div(b.Op("Sin", {x}), b.Where(near, b.NumberLike(1, x), x)));
  return b.Where(b.Op("IsInf", {x}), b.NumberLike(0, x), y);
}

// Airy's function Ai, in double: its power series near zero, the asymptotic ones beyond. DLMF 9.4 and 9.7.
Outputs Airy(Call& c) {
  ops::GraphBuilder& b = c.b;
  V given = c.float_tensor("x"), x = b.Cast(given, DataType::kDouble);
  constexpr double kNear = -8, kFar = 5;
  std::vector<double> f = {1}, g = {1}, even, odd, all;
  for (int k = 1; k < 36; ++k) {
    f.push_back(f.back() / ((3.0 * k - 1) * (3.0 * k)));
    g.push_back(g.back() / ((3.0 * k) * (3.0 * k + 1)));
  }
  double u = 1;
  for (int k = 0; k < 10; ++k) {
    if (k > 0) u *= (6.0 * k - 5) * (6.0 * k - 3) * (6.0 * k - 1) / (216.0 * k * (2.0 * k - 1));
    all.push_back(k % 2 == 0 ? u : -u);
    (k % 2 == 0 ? even : odd).push_back(k / 2 % 2 == 0 ? u : -u);
  }
  const auto number = [&](double value) { return b.NumberLike(value, x); };
  V near = b.Op("Clip", {x, number(kNear), number(kFar)}), cube = b.Mul(b.Mul(near, near), near);
  V middle = b.Sub(b.Mul(number(0.355028053887817239), Polynomial(b, cube, f)),
                   b.Mul(number(0.258819403792806798), b.Mul(near, Polynomial(b, cube, g))));
  V size = b.Op("Max", {b.Op("Abs", {x}), number(kFar)}), root = b.Op("Sqrt", {size});
  V zeta = b.Mul(b.Mul(size, root), number(2.0 / 3)), inverse = b.Op("Reciprocal", {zeta}), square = b.Mul(inverse, inverse);
  V scale = b.Div(number(1 / std::sqrt(std::numbers::pi)), b.Op("Sqrt", {root}));
  V right = b.Mul(b.Mul(b.Mul(scale, number(0.5)), b.Op("Exp", {b.Neg(zeta)})), Polynomial(b, inverse, all));
  V phase = b.Sub(zeta, number(std::numbers::pi / 4));
  V left = b.Mul(scale, b.Add(b.Mul(b.Op("Cos", {phase}), Polynomial(b, square, even)),
                              b.Mul(b.Op("Sin", {phase}), b.Mul(inverse, Polynomial(b, square, odd)))));
  V y = b.Where(b.Op("Greater", {x, number(kFar)}), right, b.Where(b.Op("Less", {x, number(kNear)}), left, middle));
  return b.Cast(y, b.dtype(given));
}

constexpr RuleRow kRows[] = {
    {"aten.special_airy_ai", Airy},
    {"aten.i0", ModifiedFirstOf, "0"},
    {"aten.special_i0", ModifiedFirstOf, "0"},
    {"aten.special_modified_bessel_i0", ModifiedFirstOf, "0"},
    {"aten.special_i0e", ModifiedFirstOf, "0e"},
    {"aten.special_i1", ModifiedFirstOf, "1"},
    {"aten.special_modified_bessel_i1", ModifiedFirstOf, "1"},
    {"aten.special_i1e", ModifiedFirstOf, "1e"},
    {"aten.special_modified_bessel_k0", ModifiedSecond, "0"},
    {"aten.special_modified_bessel_k1", ModifiedSecond, "1"},
    {"aten.special_scaled_modified_bessel_k0", ModifiedSecond, "0e"},
    {"aten.special_scaled_modified_bessel_k1", ModifiedSecond, "1e"},
    {"aten.special_bessel_j0", First, "0"},
    {"aten.special_bessel_j1", First, "1"},
    {"aten.special_bessel_y0", Second, "0"},
    {"aten.special_bessel_y1", Second, "1"},
    {"aten.special_spherical_bessel_j0", Spherical},
};

}  // namespace

std::span<const RuleRow> Bessel() { return kRows; }

}  // namespace sardonyx::pytorch::rules
