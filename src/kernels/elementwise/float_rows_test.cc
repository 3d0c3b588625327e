// Errors of the vector functions, in units in the last place, against the C library's double precision.
#include "kernels/elementwise/float_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "kernels/gemm/simd_choice.h"

namespace sardonyx::kernels {
namespace {

// Distance from `value` to the exact result in units of the result's last place; subnormals have one unit.
double Ulps(float value, double exact) {
  if (std::isnan(exact)) return std::isnan(value) ? 0 : INFINITY;
  if (std::isinf(static_cast<float>(exact))) return value == static_cast<float>(exact) ? 0 : std::isinf(value) ? INFINITY : 1;
  if (!std::isfinite(value)) return INFINITY;
  const double magnitude = std::max(std::fabs(exact), static_cast<double>(std::numeric_limits<float>::min()));
  return std::fabs(static_cast<double>(value) - exact) / std::ldexp(1.0, std::ilogb(magnitude) - 23);
}

// Every 4099th float: all signs and exponents, with infinities and NaN.
std::vector<float> Sweep() {
  std::vector<float> values = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, std::numeric_limits<float>::denorm_min()};
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += 4099) values.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  return values;
}

double Gelu(double x) { return 0.5 * x * (1 + std::erf(x * std::sqrt(0.5))); }
double GeluTanh(double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }
double Softplus(double x) { return std::isnan(x) ? x : std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }

TEST(FloatRows, WithinUnitsInTheLastPlaceOnEveryInstructionSet) {
  struct Case {
    UnaryOp op;
    double (*exact)(double);
    double ulps;
    double absolute = 0;  // or this close: where terms cancel
  };
  const Case cases[] = {
      {UnaryOp::kExp, [](double x) { return std::exp(x); }, 3},
      {UnaryOp::kLog, [](double x) { return std::log(x); }, 3},
      {UnaryOp::kErf, [](double x) { return std::erf(x); }, 3},
      {UnaryOp::kTanh, [](double x) { return std::tanh(x); }, 3},
      {UnaryOp::kSigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, 4},
      {UnaryOp::kSoftplus, Softplus, 4},
      {UnaryOp::kSqrt, [](double x) { return std::sqrt(x); }, 0.5},
      {UnaryOp::kReciprocal, [](double x) { return 1 / x; }, 0.5},
      {UnaryOp::kRelu, [](double x) { return x < 0 ? 0 : x; }, 0},
      {UnaryOp::kGelu, Gelu, 4, 4e-7},
      {UnaryOp::kGeluTanh, GeluTanh, 4, 4e-7},
  };
  const std::vector<float> x = Sweep();
  std::vector<float> y(x.size());
  for (const std::string& target : SimdTargets()) {
    ASSERT_TRUE(ChooseSimdTarget(target).ok());
    for (const Case& c : cases) {
      const RowInput in{x.data(), false};
      FindFloatUnary(c.op)(&in, y.data(), static_cast<int64_t>(x.size()), nullptr);
      for (size_t i = 0; i < x.size(); ++i) {
        if (c.absolute > 0 && !std::isfinite(x[i])) continue;  // 0 times infinity, by the formula
        if (c.absolute > 0 && std::fabs(x[i]) > 1e12f) continue;  // x cubed is beyond float
        const double exact = c.exact(static_cast<double>(x[i]));
        if (std::fabs(static_cast<double>(y[i]) - exact) <= c.absolute) continue;
        ASSERT_LE(Ulps(y[i], exact), c.ulps) << target << ", operator " << static_cast<int>(c.op) << " of " << x[i] << ": " << y[i];
      }
    }
  }
  ASSERT_TRUE(ChooseSimdTarget("").ok());
}

TEST(FloatRows, ResultsDoNotDependOnThePlaceInARow) {
  std::vector<float> x(100), whole(100), parts(100);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i) / 7 - 6;
  const float parameters[] = {0.3f, 0};
  for (UnaryOp op : {UnaryOp::kExp, UnaryOp::kErf, UnaryOp::kGelu, UnaryOp::kSwish, UnaryOp::kElu, UnaryOp::kMish}) {
    const RowInput in{x.data(), false};
    FindFloatUnary(op)(&in, whole.data(), 100, parameters);
    for (int64_t begin = 0, n = 1; begin < 100; begin += n, n = std::min<int64_t>(n + 2, 100 - begin)) {
      const RowInput part{x.data() + begin, false};
      FindFloatUnary(op)(&part, parts.data() + begin, std::min<int64_t>(n, 100 - begin), parameters);
    }
    EXPECT_EQ(parts, whole) << static_cast<int>(op);
  }
}

TEST(FloatRows, BinaryOperandsAreRowsOrScalars) {
  std::vector<float> a(37), b(37), y(37);
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(i), b[i] = static_cast<float>(i % 5) + 1;
  for (const bool a_scalar : {false, true})
    for (const bool b_scalar : {false, true}) {
      const RowInput in[] = {{a.data() + 3, a_scalar}, {b.data(), b_scalar}};
      FindFloatBinary(BinaryOp::kDiv)(in, y.data(), 33, nullptr);
      for (size_t i = 0; i < 33; ++i) EXPECT_EQ(y[i], (a_scalar ? a[3] : a[i + 3]) / (b_scalar ? b[0] : b[i]));
    }
}

}  // namespace
}  // namespace sardonyx::kernels
