// Random numbers: the shape and the distribution. PyTorch's own sequence cannot be had.
#include <cmath>
#include <numbers>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

// As many numbers as the shape says, in float: of [0, 1), or normal ones.
V Uniform(ops::GraphBuilder& b, V shape) {
  return b.Op("RandomUniformLike", {Full(b, shape, b.Number(0.0, DataType::kFloat))}, {{"dtype", DataType::kFloat}});
}
V StandardNormal(ops::GraphBuilder& b, V shape) {
  return b.Op("RandomNormalLike", {Full(b, shape, b.Number(0.0, DataType::kFloat))}, {{"dtype", DataType::kFloat}});
}
// Of (0, 1], so that there is a logarithm.
V Positive(ops::GraphBuilder& b, V shape) {
  V u = Uniform(b, shape);
  return b.Sub(b.NumberLike(1, u), u);
}

// How many and of what type: those of a tensor, or as the arguments say.
struct Wanted {
  V shape;
  DataType type;
};
Wanted WantedOf(Call& c, DataType fallback) {
  if (!c.is_none("self")) return {c.b.ShapeOf(c.tensor("self")), c.Dtype("dtype", c.dtype("self"))};
  return {c.IntVector(c.is_none("size") ? "shape" : "size"), c.Dtype("dtype", fallback)};
}
V NumberOr(Call& c, std::string_view name, double fallback) {
  return c.is_none(name) ? c.b.Number(fallback, DataType::kFloat) : c.NumberAs(name, DataType::kFloat);
}

Outputs UniformBetween(Call& c) {
  const Wanted wanted = WantedOf(c, DataType::kFloat);
  const bool prim = !c.is_none("low");
  V y = Uniform(c.b, wanted.shape);
  if (c.is_none("from") && !prim) return c.b.Cast(y, wanted.type);  // rand
  V low = NumberOr(c, prim ? "low" : "from", 0), high = NumberOr(c, prim ? "high" : "to", 1);
  return c.b.Cast(c.b.Add(low, c.b.Mul(y, c.b.Sub(high, low))), wanted.type);
}
Outputs Integers(Call& c) {
  const Wanted wanted = WantedOf(c, DataType::kInt64);
  const bool in_place = c.is_none("high");
  // random_() without bounds: what the type holds exactly.
  const double most = wanted.type == DataType::kFloat ? 0x1p24 : wanted.type == DataType::kUint8 ? 256 : wanted.type == DataType::kInt8 ? 128
                      : wanted.type == DataType::kFloat16                                          ? 2048
                                                                                                   : 0x1p31;
  V low = NumberOr(c, in_place ? "from" : "low", 0), high = NumberOr(c, in_place ? "to" : "high", most);
  V y = c.b.Op("Floor", {c.b.Add(low, c.b.Mul(Uniform(c.b, wanted.shape), c.b.Sub(high, low)))});
  return c.b.Cast(y, wanted.type);
}
Outputs Permutation(Call& c) {
  // The order of random numbers.
  V n = c.b.Unsqueeze(c.Number("n"), {0});
  return c.b.Cast(c.b.Ops("TopK", {Uniform(c.b, n), n}, 2)[1], c.Dtype("dtype", DataType::kInt64));
}

// Numbers with a mean and a deviation, which may be tensors that broadcast.
Outputs Normal(Call& c) {
  ops::GraphBuilder& b = c.b;
  const bool of_size = !c.is_none("size") || !c.is_none("shape") || !c.is_none("self");
  if (of_size) {
    const Wanted wanted = WantedOf(c, DataType::kFloat);
    V y = b.Add(NumberOr(c, "mean", 0), b.Mul(StandardNormal(b, wanted.shape), NumberOr(c, "std", 1)));
    return b.Cast(c.param() == "log" ? b.Op("Exp", {y}) : y, wanted.type);
  }
  const std::vector<V> v = c.Promoted({"mean", "std"}, true);
  V shape = b.rank(v[0]) == 0 ? b.ShapeOf(v[1]) : b.rank(v[1]) == 0 ? b.ShapeOf(v[0]) : b.ShapeOf(b.Add(v[0], v[1]));
  return b.Add(v[0], b.Mul(b.Cast(StandardNormal(b, shape), b.dtype(v[0])), v[1]));
}

// By the inverse of the distribution's function.
Outputs Distributed(Call& c) {
  ops::GraphBuilder& b = c.b;
  const Wanted wanted = WantedOf(c, DataType::kFloat);
  V u = Positive(b, wanted.shape), y = nullptr;
  if (c.param() == "exponential") {
    y = b.Div(b.Neg(b.Op("Log", {u})), NumberOr(c, "lambd", 1));
  } else if (c.param() == "geometric") {
    const double failure = 1 - c.Double("p");
    y = failure <= 0 ? FullLike(b, u, b.NumberLike(1, u)) : b.Op("Ceil", {b.Div(b.Op("Log", {u}), b.NumberLike(std::log(failure), u))});
    y = b.Op("Max", {y, b.NumberLike(1, u)});
  } else {
    V angle = b.Mul(b.Sub(u, b.NumberLike(0.5, u)), b.NumberLike(std::numbers::pi, u));
    y = b.Add(NumberOr(c, "median", 0), b.Mul(b.Op("Tan", {angle}), NumberOr(c, "sigma", 1)));
  }
  return b.Cast(y, wanted.type);
}

Outputs Bernoulli(Call& c) {
  V x = c.tensor("self");
  V p = c.arg("p").is_none()     ? x
        : c.arg("p").is_tensor() ? c.b.Expand(c.tensor("p"), c.b.ShapeOf(x))
                                 : FullLike(c.b, x, c.NumberAs("p", DataType::kFloat));
  return c.b.Op("Bernoulli", {c.ToFloat(p)}, {{"dtype", c.b.dtype(x)}});
}
Outputs Multinomial(Call& c) {
  ops::GraphBuilder& b = c.b;
  V p = c.tensor("self");
  const int64_t count = c.Int("num_samples");
  if (!c.Bool("replacement", false) && count > 1) {
    // The first `count` in a race: the smallest of exponential numbers, each divided by its weight.
    V race = b.Div(b.Cast(b.Neg(b.Op("Log", {Positive(b, b.ShapeOf(p))})), b.dtype(p)), p);
    return b.Ops("TopK", {race, b.Ints({count})}, 2, {{"axis", -1}, {"largest", 0}})[1];
  }
  const bool vector = c.rank("self") == 1;
  if (vector) p = b.Unsqueeze(p, {0});
  V y = b.Op("Multinomial", {b.Op("Log", {p})}, {{"sample_size", count}, {"dtype", DataType::kInt64}});
  return vector ? b.Squeeze(y, {0}) : y;
}

constexpr RuleRow kRows[] = {
    {"aten.rand", UniformBetween},
    {"aten.rand_like", UniformBetween},
    {"aten.uniform", UniformBetween},
    {"prims.uniform", UniformBetween},
    {"aten.randn", Normal, ""},
    {"aten.randn_like", Normal, ""},
    {"aten.normal", Normal, ""},
    {"aten.normal_functional", Normal, ""},
    {"prims.normal", Normal, ""},
    {"aten.log_normal", Normal, "log"},
    {"aten.randint", Integers},
    {"aten.randint_like", Integers},
    {"aten.random", Integers},
    {"aten.randperm", Permutation},
    {"aten.exponential", Distributed, "exponential"},
    {"aten.geometric", Distributed, "geometric"},
    {"aten.cauchy", Distributed, "cauchy"},
    {"aten.bernoulli", Bernoulli},
    {"aten.multinomial", Multinomial},
};

}  // namespace

std::span<const RuleRow> RandomNumbers() { return kRows; }

}  // namespace sardonyx::pytorch::rules
