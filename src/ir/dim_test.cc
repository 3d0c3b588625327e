#include "ir/dim.h"

#include <map>
#include <random>

#include <gtest/gtest.h>

namespace sardonyx::ir {
namespace {

Dim S(std::string name) { return Dim::Symbol(std::move(name)); }

Dim::SymbolValue Values(std::map<std::string, int64_t, std::less<>> values) {
  return [values = std::move(values)](std::string_view name) -> std::optional<int64_t> {
    const auto found = values.find(name);
    if (found == values.end()) return std::nullopt;
    return found->second;
  };
}

TEST(DimTest, KindsAreToldApart) {
  EXPECT_TRUE(Dim().is_unknown());
  EXPECT_TRUE(Dim(3).is_constant(3));
  EXPECT_FALSE(Dim(3).is_constant(4));
  EXPECT_TRUE(S("n").is_symbolic());
  EXPECT_EQ(S("n").symbol(), "n");
  EXPECT_EQ(S("seq len!").symbol(), "seq len!");
  EXPECT_EQ((S("n") + 1).symbol(), std::nullopt);
  EXPECT_EQ(Dim(3).symbol(), std::nullopt);
}

TEST(DimTest, UnknownEqualsNothing) {
  EXPECT_FALSE(Dim() == Dim());
  EXPECT_FALSE(Dim() == Dim(1));
  EXPECT_FALSE(Dim(1) == Dim());
  EXPECT_TRUE(Dim(1) == Dim(1));
  EXPECT_FALSE(S("a") == S("b"));
  EXPECT_FALSE(S("a") == Dim(1));
}

TEST(DimTest, UnknownPropagates) {
  EXPECT_TRUE((Dim() + 1).is_unknown());
  EXPECT_TRUE((S("n") - Dim()).is_unknown());
  EXPECT_TRUE((Dim() * 2).is_unknown());
  EXPECT_TRUE((Dim() * 0).is_constant(0));
  EXPECT_TRUE((Dim(0) * Dim()).is_constant(0));
  EXPECT_TRUE(Dim::FloorDiv(Dim(), 2).is_unknown());
  EXPECT_TRUE(Dim::Mod(2, Dim()).is_unknown());
  EXPECT_TRUE(Dim::Max(Dim(), 2).is_unknown());
}

TEST(DimTest, EqualValuesHaveEqualForms) {
  const Dim a = S("a"), b = S("b");
  EXPECT_EQ(a * 2, a + a);
  EXPECT_EQ(a * b, b * a);
  EXPECT_EQ((a + b) * (a - b), a * a - b * b);
  EXPECT_EQ(a + 1 - 1, a);
  EXPECT_EQ(a - a, Dim(0));
  EXPECT_EQ((a + 1) * (a + 1), a * a + a * 2 + 1);
  EXPECT_EQ(Dim::FloorDiv(a * b * 4, a * 2), b * 2);
  EXPECT_EQ(Dim::FloorDiv((a + b) * (a + 3), a + b), a + 3);
  EXPECT_EQ(Dim::FloorDiv(a * 2 + 5, 2), a + 2);
  EXPECT_EQ(Dim::FloorDiv(a - 1, 2) + 1, Dim::FloorDiv(a + 1, 2));
  EXPECT_EQ(Dim::FloorDiv(a * 2 + 1, 4), Dim::FloorDiv(a, 2));
  EXPECT_EQ(Dim::FloorDiv(Dim::FloorDiv(a, 2), 2), Dim::FloorDiv(a, 4));
  EXPECT_EQ(Dim::FloorDiv(Dim::FloorDiv(a + 1, 2) + 1, 2), Dim::FloorDiv(a + 3, 4));
  EXPECT_EQ(Dim::CeilDiv(a, 2), Dim::FloorDiv(a + 1, 2));
  EXPECT_EQ(Dim::CeilDiv(a * b, b), a);
  EXPECT_EQ(Dim::Mod(a * 4 + 7, 2), Dim(1));
  EXPECT_EQ(Dim::Mod(a * 3, 2), Dim::Mod(a, 2));
  EXPECT_EQ(Dim::Mod(a * b, b), Dim(0));
  EXPECT_EQ(Dim::Max(a, b), Dim::Max(b, a));
  EXPECT_EQ(Dim::Max(Dim::Max(a, b), b), Dim::Max(a, b));
}

TEST(DimTest, MaxAndMinUseThatSizesAreNotNegative) {
  const Dim a = S("a");
  EXPECT_EQ(Dim::Max(a, 0), a);
  EXPECT_EQ(Dim::Min(a, 0), Dim(0));
  EXPECT_EQ(Dim::Max(a + 1, a), a + 1);
  EXPECT_EQ(Dim::Min(a, a + S("b")), a);
  EXPECT_EQ(Dim::Max(a, 1).ToString(), "max(a, 1)");
  EXPECT_EQ(Dim::Min(Dim::Max(a - 1, 0), a), Dim::Max(a - 1, 0));
  EXPECT_EQ(Dim::Max(Dim::Max(a - 1, 0) - 1, 0), Dim::Max(a - 2, 0));
  EXPECT_EQ(Dim::Min(Dim::Min(a, 8) + 2, 5), Dim::Min(a + 2, 5));
  EXPECT_EQ(Dim::Max(3, 5), Dim(5));
  EXPECT_EQ(Dim::Min(3, 5), Dim(3));
}

TEST(DimTest, KnowsItsCaps) {
  const Dim a = S("a"), b = S("b");
  EXPECT_TRUE(Dim::Min(a, 512).IsCapped(a));
  EXPECT_TRUE(Dim::Min(a + b, 512).IsCapped(a + b));
  EXPECT_FALSE(Dim::Min(a, 512).IsCapped(b));
  EXPECT_FALSE(Dim::Min(a, b).IsCapped(a));
  EXPECT_FALSE(Dim::Max(a, 512).IsCapped(a));
  EXPECT_FALSE(a.IsCapped(a));
}

TEST(DimTest, ConstantsFollowFloorSemantics) {
  EXPECT_EQ(Dim::FloorDiv(-7, 2), Dim(-4));
  EXPECT_EQ(Dim::CeilDiv(-7, 2), Dim(-3));
  EXPECT_EQ(Dim::CeilDiv(7, 2), Dim(4));
  EXPECT_EQ(Dim::Mod(-7, 2), Dim(1));
  EXPECT_EQ(Dim::Mod(7, -2), Dim(-1));
  EXPECT_EQ(Dim::Mod(INT64_MIN + 1, 3), Dim(2));
  EXPECT_TRUE(Dim::FloorDiv(1, 0).is_unknown());
  EXPECT_TRUE(Dim::CeilDiv(1, 0).is_unknown());
  EXPECT_TRUE(Dim::Mod(S("a"), 0).is_unknown());
}

TEST(DimTest, OverflowBecomesUnknown) {
  const Dim big(INT64_MAX), small(INT64_MIN);
  EXPECT_TRUE((big + 1).is_unknown());
  EXPECT_TRUE((big * 2).is_unknown());
  EXPECT_TRUE((S("a") * big * 2).is_unknown());
  EXPECT_TRUE(Dim::FloorDiv(small, -1).is_unknown());
  EXPECT_TRUE(Dim::FloorDiv(S("a"), small).is_unknown());
  EXPECT_TRUE(Dim::Mod(S("a"), small).is_unknown());
  EXPECT_TRUE(Dim::Mod(small, -1).is_unknown());
  EXPECT_EQ(Dim::Max(big, small), big);
  EXPECT_EQ(Dim::Min(big, small), small);
  EXPECT_TRUE(Dim::Max(Dim::Max(S("a"), big) + 1, small).is_unknown());
}

TEST(DimTest, GrowthIsBounded) {
  Dim product(1), sum(0), nested = S("x");
  for (int i = 0; i < 200; ++i) {
    product = product * (S("a" + std::to_string(i)) + 1);
    sum = sum + S("s" + std::to_string(i));
    nested = Dim::FloorDiv(nested * S("x") + 1, S("y"));
  }
  EXPECT_TRUE(product.is_unknown());
  EXPECT_TRUE(sum.is_unknown());
  EXPECT_TRUE(nested.is_unknown());
}

TEST(DimTest, PrintsReadably) {
  const Dim a = S("batch"), b = S("seq");
  EXPECT_EQ(Dim().ToString(), "?");
  EXPECT_EQ(Dim(-3).ToString(), "-3");
  EXPECT_EQ((a * 2 + 1).ToString(), "2*batch+1");
  EXPECT_EQ((b * a - 4).ToString(), "batch*seq-4");
  EXPECT_EQ((Dim(1) - a).ToString(), "-batch+1");
  EXPECT_EQ(Dim::FloorDiv(b + 1, 2).ToString(), "floor((seq+1)/2)");
  EXPECT_EQ(Dim::FloorDiv(b, 2).ToString(), "floor(seq/2)");
  EXPECT_EQ(Dim::FloorDiv(b, a * 2).ToString(), "floor(seq/(2*batch))");
  EXPECT_EQ(Dim::Mod(b, a).ToString(), "mod(seq, batch)");
}

TEST(DimTest, ParsesExpressions) {
  const Dim a = S("a"), b = S("b");
  const std::pair<const char*, Dim> cases[] = {
      {"a", a},
      {" a ", a},
      {"12", 12},
      {"2*a + 1", a * 2 + 1},
      {"a-b", a - b},
      {"-a + 3", Dim(3) - a},
      {"(a+b)//4", Dim::FloorDiv(a + b, 4)},
      {"floor(a/2)", Dim::FloorDiv(a, 2)},
      {"floor(a/2 - 1/2) + 1", Dim::FloorDiv(a + 1, 2)},
      {"ceil(a/4)", Dim::CeilDiv(a, 4)},
      {"ceiling((a+1)/b)", Dim::CeilDiv(a + 1, b)},
      {"max(a, 1)", Dim::Max(a, 1)},
      {"Min(a, b, 7)", Dim::Min(Dim::Min(a, b), 7)},
      {"a**2", a * a},
      {"a % 3", Dim::Mod(a, 3)},
      {"mod(a, b)", Dim::Mod(a, b)},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(Dim::Parse(text), expected) << text << " -> " << Dim::Parse(text).ToString();
}

TEST(DimTest, TextThatIsNoExpressionIsASymbol) {
  for (const char* text : {"batch size", "2d", "3.5", "a+", "(a", "f(a)", "*", "a b", "N/", "99999999999999999999", "数"})
    EXPECT_EQ(Dim::Parse(text).symbol(), text) << text;
  EXPECT_TRUE(Dim::Parse("?").is_unknown());
  EXPECT_TRUE(Dim::Parse("").is_unknown());
  const std::string deep(400, '(');
  EXPECT_EQ(Dim::Parse(deep).symbol(), deep);
  const std::string minus(400, '-');
  EXPECT_EQ(Dim::Parse(minus).symbol(), minus);
}

TEST(DimTest, WhatItPrintsItReads) {
  const Dim a = S("a"), b = S("b");
  for (const Dim& dim : {a * 3 - b + 7, Dim::FloorDiv(a * b + 1, a + 1), Dim::Max(a - 3, b), Dim::CeilDiv(a, b), Dim::Mod(a - 1, 5) * b})
    EXPECT_EQ(Dim::Parse(dim.ToString()), dim) << dim.ToString();
}

TEST(DimTest, EvaluatesAndSubstitutes) {
  const Dim a = S("a"), b = S("b");
  const Dim dim = Dim::FloorDiv(a * 3 + b, 2) + Dim::Max(a, b);
  EXPECT_EQ(dim.Evaluate(Values({{"a", 5}, {"b", 2}})), 8 + 5);
  EXPECT_EQ(dim.Evaluate(Values({{"a", 5}})), std::nullopt);
  EXPECT_EQ(Dim(4).Evaluate(Values({})), 4);
  EXPECT_EQ(Dim().Evaluate(Values({})), std::nullopt);
  const Dim replaced = (a * 2 + b).Substitute([](std::string_view name) -> std::optional<Dim> {
    if (name == "a") return Dim::Symbol("c") + 1;
    return std::nullopt;
  });
  EXPECT_EQ(replaced, S("c") * 2 + 2 + b);
}

// Random expressions built twice, as normal forms and as numbers, must agree at every point.
TEST(DimTest, NormalFormKeepsTheValue) {
  std::mt19937 random(7);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  for (int round = 0; round < 20000; ++round) {
    const std::map<std::string, int64_t, std::less<>> values = {{"a", below(12)}, {"b", below(12)}, {"c", 1 + below(5)}};
    std::vector<std::pair<Dim, int64_t>> pool = {{S("a"), values.at("a")}, {S("b"), values.at("b")}, {S("c"), values.at("c")}};
    for (int step = 0; step < 6; ++step) {
      const int number = below(11) - 5;
      pool.emplace_back(Dim(number), number);
      const auto [x, xv] = pool[static_cast<size_t>(below(static_cast<int>(pool.size())))];
      const auto [y, yv] = pool[static_cast<size_t>(below(static_cast<int>(pool.size())))];
      const auto floor_div = [](int64_t p, int64_t q) { return p / q - (p % q != 0 && (p < 0) != (q < 0)); };
      switch (below(8)) {
        case 0: pool.emplace_back(x + y, xv + yv); break;
        case 1: pool.emplace_back(x - y, xv - yv); break;
        case 2: pool.emplace_back(x * y, xv * yv); break;
        case 3: pool.emplace_back(Dim::Max(x, y), std::max(xv, yv)); break;
        case 4: pool.emplace_back(Dim::Min(x, y), std::min(xv, yv)); break;
        case 5: if (yv != 0) pool.emplace_back(Dim::FloorDiv(x, y), floor_div(xv, yv)); break;
        case 6: if (yv != 0) pool.emplace_back(Dim::CeilDiv(x, y), -floor_div(-xv, yv)); break;
        case 7: if (yv != 0) pool.emplace_back(Dim::Mod(x, y), xv - floor_div(xv, yv) * yv); break;
      }
    }
    const auto& [dim, value] = pool.back();
    const std::optional<int64_t> evaluated = dim.Evaluate(Values(values));
    EXPECT_EQ(evaluated.value_or(value), value) << dim.ToString();
  }
}

}  // namespace
}  // namespace sardonyx::ir
