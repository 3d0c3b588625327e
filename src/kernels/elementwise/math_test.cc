#include "kernels/elementwise/math.h"

#include <bit>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace sardonyx::kernels::math {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

// Largest error, in units in the last place of the true value, over floats spread evenly over [low, high] by their bits.
double WorstUlp(float (*f)(float), double (*truth)(double), float low, float high) {
  double worst = 0;
  const auto check = [&](float x) {
    const double t = truth(x);
    const float nearest = static_cast<float>(t);
    if (!std::isfinite(nearest)) return;
    const double ulp = std::max(std::fabs(static_cast<double>(nearest) - std::nextafter(nearest, kInf)), 1e-45);
    worst = std::max(worst, std::fabs(f(x) - t) / ulp);
  };
  for (uint32_t bits = 0; bits < 0x7f800000u; bits += 997) {
    const float x = std::bit_cast<float>(bits);
    if (x <= high) check(x);
    if (-x >= low) check(-x);
  }
  return worst;
}

TEST(Math, MatchesTheCLibrary) {
  EXPECT_LT(WorstUlp(Exp, std::exp, -kInf, kInf), 2);
  EXPECT_LT(WorstUlp(Expm1, std::expm1, -kInf, kInf), 3);
  EXPECT_LT(WorstUlp(Log, std::log, 0, kInf), 2);
  EXPECT_LT(WorstUlp(Tanh, std::tanh, -kInf, kInf), 2);
  EXPECT_LT(WorstUlp(Erf, std::erf, -kInf, kInf), 3);
  EXPECT_LT(WorstUlp(
                Softplus, [](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }, -80, kInf),
            5);
  EXPECT_LT(WorstUlp(
                Sigmoid<float>, [](double x) { return 1 / (1 + std::exp(-x)); }, -80, kInf),
            4);
  EXPECT_EQ(WorstUlp(RoundHalfEven, std::nearbyint, -kInf, kInf), 0);
  EXPECT_EQ(WorstUlp(Floor, std::floor, -kInf, kInf), 0);
  EXPECT_EQ(WorstUlp(Ceil, std::ceil, -kInf, kInf), 0);
}

TEST(Math, SpecialValues) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (float (*f)(float) : {Exp, Expm1, Log, Tanh, Erf, Softplus, Sigmoid<float>, RoundHalfEven, Floor, Ceil})
    EXPECT_TRUE(std::isnan(f(nan)));
  EXPECT_EQ(Exp(kInf), kInf);
  EXPECT_EQ(Exp(-kInf), 0.0f);
  EXPECT_EQ(Exp(0.0f), 1.0f);
  EXPECT_EQ(Exp(88.8f), kInf);
  EXPECT_EQ(Log(0.0f), -kInf);
  EXPECT_EQ(Log(kInf), kInf);
  EXPECT_TRUE(std::isnan(Log(-1.0f)));
  EXPECT_EQ(Log(1.0f), 0.0f);
  EXPECT_EQ(Tanh(-kInf), -1.0f);
  EXPECT_EQ(Erf(kInf), 1.0f);
  EXPECT_EQ(Sigmoid(-kInf), 0.0f);
  EXPECT_EQ(Softplus(-kInf), 0.0f);
  EXPECT_EQ(Softplus(kInf), kInf);
  EXPECT_TRUE(std::signbit(RoundHalfEven(-0.5f)));
  EXPECT_TRUE(std::signbit(Tanh(-0.0f)));
  EXPECT_EQ(RoundHalfEven(2.5f), 2.0f);
  EXPECT_EQ(RoundHalfEven(-3.5f), -4.0f);
  EXPECT_EQ(RoundHalfEven(kInf), kInf);
}

}  // namespace
}  // namespace sardonyx::kernels::math
