#include "kernels/pool/roi.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

namespace sardonyx::kernels {
namespace {

std::vector<float> Ramp(int64_t count) {
  std::vector<float> x(static_cast<size_t>(count));
  std::iota(x.begin(), x.end(), 0.0f);
  return x;
}

TEST(MaxRoiPool, TakesTheLargestOfEachBin) {
  const std::vector<float> x = Ramp(16), roi = {0, 0, 0, 3, 3};
  std::vector<float> y(4);
  ThreadPool pool(1);
  MaxRoiPool<float>({1, 1, 4, 4, 1, 2, 2}, 1, x.data(), roi.data(), y.data(), pool);
  EXPECT_EQ(y, (std::vector<float>{5, 7, 13, 15}));
}

TEST(MaxRoiPool, ARoiOutsideOfTheImageIsZero) {
  const std::vector<float> x = Ramp(16), roi = {0, 50, 50, 60, 60, 0, NAN, -INFINITY, INFINITY, 3};
  std::vector<float> y(8);
  ThreadPool pool(1);
  MaxRoiPool<float>({1, 1, 4, 4, 2, 2, 2}, 1, x.data(), roi.data(), y.data(), pool);
  EXPECT_EQ(y[0], 0);
}

TEST(RoiAlign, AveragesInterpolatedSamples) {
  const std::vector<float> x = Ramp(16), roi = {0.5f, 0.5f, 2.5f, 2.5f};
  std::vector<float> y(1);
  RoiAlign<float>({1, 1, 4, 4, 1, 1, 1}, {.sampling_ratio = 2}, x.data(), roi.data(), y.data(), 0, 1);
  EXPECT_NEAR(y[0], 5, 1e-6);  // the plane is linear, so the average is its value at the center (1, 1)
}

TEST(RoiAlign, HugeRoisEndInTime) {
  const std::vector<float> x = Ramp(16), roi = {-3e30f, -3e30f, 3e30f, 3e30f};
  std::vector<float> y(1);
  RoiAlign<float>({1, 1, 4, 4, 1, 1, 1}, {}, x.data(), roi.data(), y.data(), 0, 1);
  EXPECT_FALSE(std::isinf(y[0]));
}

}  // namespace
}  // namespace sardonyx::kernels
