#include "kernels/training/optimizers.h"

#include <gtest/gtest.h>

#include <cmath>

namespace sardonyx::kernels {
namespace {

TEST(Optimizers, Adagrad) {
  const double x = 1, g = -1, h = 2;
  double x_out, h_out;
  AdagradStep({0.1, 0, 0.001f}, {0.1f, 1e-5f}, 1, &x, &g, &h, &x_out, &h_out);
  const double reg = static_cast<double>(0.001f) * x + g;
  EXPECT_NEAR(h_out, h + reg * reg, 1e-12);
  EXPECT_NEAR(x_out, x - 0.1 * reg / (std::sqrt(h_out) + 1e-5), 1e-9);
  AdagradStep({0.1, 10, 0}, {0.1f, 0}, 1, &x, &g, &h, &x_out, &h_out);
  EXPECT_NEAR(x_out, 1 + 0.05 / std::sqrt(3), 1e-8);
}

TEST(Optimizers, AdamCorrectsItsBias) {
  const double x = 1, g = 0.5, zero = 0;
  double x_out, m, s;
  AdamStep({0.1, 1, 0}, {0.9f, 0.999f, 0, 0}, 1, &x, &g, &zero, &zero, &x_out, &m, &s);
  EXPECT_NEAR(m, 0.05, 1e-7);
  EXPECT_NEAR(s, 0.00025, 1e-7);
  EXPECT_NEAR(x_out, 0.9, 1e-6);  // the corrected averages make the first step exactly the rate
  AdamStep({0.1, 1, 0}, {0.9f, 0.999f, 0, 0.5f}, 1, &x, &g, &zero, &zero, &x_out, &m, &s);
  EXPECT_NEAR(x_out, 0.45, 1e-6);
}

TEST(Optimizers, Momentum) {
  const float x = 1, g = 2, v = 3;
  float x_out, v_out;
  MomentumStep({0.1, 0, 0}, {0.5f, 0.25f, false}, 1, &x, &g, &v, &x_out, &v_out);
  EXPECT_FLOAT_EQ(v_out, 3.5f);
  EXPECT_FLOAT_EQ(x_out, 0.65f);
  MomentumStep({0.1, 1, 0}, {0.5f, 0.25f, true}, 1, &x, &g, &v, &x_out, &v_out);
  EXPECT_FLOAT_EQ(v_out, 2.f);
  EXPECT_FLOAT_EQ(x_out, 0.7f);
}

}  // namespace
}  // namespace sardonyx::kernels
