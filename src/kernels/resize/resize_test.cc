#include "kernels/resize/resize.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <span>
#include <vector>

#include "kernels/resize/grid_sample.h"

namespace sardonyx::kernels {
namespace {

using V = std::vector<double>;

// One axis by one table.
V Resize(const ResizeOptions& options, const V& x, int64_t output, double scale, double roi_begin = 0, double roi_end = 1) {
  ResizeAxis axis{.input = static_cast<int64_t>(x.size()), .output = output, .scale = scale, .roi_begin = roi_begin, .roi_end = roi_end};
  EXPECT_TRUE(BuildResizeTable(options, axis).ok());
  V y(static_cast<size_t>(output)), workspace(2 * y.size());
  ThreadPool pool(1);
  const std::span<const ResizeAxis> axes(&axis, 1);
  if (options.mode == ResizeMode::kNearest) {
    std::vector<uint64_t> bits(y.size());
    ResizeNearest<uint64_t>(axes, reinterpret_cast<const uint64_t*>(x.data()), 0, bits.data(), pool);
    for (size_t i = 0; i < y.size(); ++i) y[i] = std::bit_cast<double>(bits[i]);
  } else {
    ResizeInterpolated<double>(axes, options.extrapolation_value, x.data(), y.data(), workspace.data(), pool);
  }
  return y;
}

void ExpectNear(const V& actual, const V& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 1e-12) << i;
}

TEST(Resize, LinearFollowsTheTransform) {
  ResizeOptions options{.mode = ResizeMode::kLinear};
  ExpectNear(Resize(options, {1, 2}, 4, 2), {1, 1.25, 1.75, 2});
  options.transform = CoordinateTransform::kAlignCorners;
  ExpectNear(Resize(options, {1, 2}, 4, 2), {1, 4.0 / 3, 5.0 / 3, 2});
  options.transform = CoordinateTransform::kAsymmetric;
  ExpectNear(Resize(options, {1, 2}, 4, 2), {1, 1.5, 2, 2});
}

TEST(Resize, NearestRoundsAsAsked) {
  ResizeOptions options{.nearest = NearestMode::kRoundPreferFloor, .transform = CoordinateTransform::kAsymmetric};
  const V x = {0, 1, 2};
  ExpectNear(Resize(options, x, 6, 2), {0, 0, 1, 1, 2, 2});
  options.nearest = NearestMode::kRoundPreferCeil;
  ExpectNear(Resize(options, x, 6, 2), {0, 1, 1, 2, 2, 2});
  options.nearest = NearestMode::kCeil;
  ExpectNear(Resize(options, x, 6, 2), {0, 1, 1, 2, 2, 2});
}

TEST(Resize, AntialiasKeepsTheMean) {
  ResizeOptions options{.mode = ResizeMode::kLinear, .antialias = true};
  const V y = Resize(options, {1, 2, 3, 4, 5, 6, 7, 8}, 2, 0.25);
  EXPECT_NEAR((y[0] + y[1]) / 2, 4.5, 1e-12);
  EXPECT_GT(y[0], 2);
}

TEST(Resize, CropFillsWhatLiesOutside) {
  ResizeOptions options{.mode = ResizeMode::kLinear, .transform = CoordinateTransform::kTfCropAndResize, .extrapolation_value = -7};
  ExpectNear(Resize(options, {1, 2, 3}, 3, 1, 0.5, 1.5), {2, 3, -7});
  ExpectNear(Resize(options, {1, 2, 3}, 1, 1.0 / 3, NAN, 1), {-7});
}

TEST(Resize, AnIdentityIsRecognized) {
  for (ResizeMode mode : {ResizeMode::kNearest, ResizeMode::kLinear, ResizeMode::kCubic}) {
    ResizeAxis axis{.input = 5, .output = 5};
    ASSERT_TRUE(BuildResizeTable({.mode = mode}, axis).ok());
    EXPECT_TRUE(axis.identity);
  }
}

TEST(GridSample, EveryModeAndPaddingOnARow) {
  const float x[] = {1, 2, 3, 4};
  const GridShape shape{.rank = 1, .size = {4, 1, 1, 1, 1}, .positions = 5};
  // Centers are at -0.75, -0.25, 0.25, 0.75; the last two lie outside, the very last nowhere.
  const float grid[] = {-0.75f, 0.0f, 0.75f, 1.25f, NAN};
  float y[5];
  ThreadPool pool(1);
  const auto sample = [&](GridMode mode, GridPadding padding) {
    GridSample<float, float>(shape, {mode, padding, false}, x, grid, y, pool);
    return std::vector<float>(y, y + 5);
  };
  EXPECT_EQ(sample(GridMode::kLinear, GridPadding::kZeros), (std::vector<float>{1, 2.5, 4, 0, 0}));
  EXPECT_EQ(sample(GridMode::kLinear, GridPadding::kBorder), (std::vector<float>{1, 2.5, 4, 4, 1}));
  EXPECT_EQ(sample(GridMode::kLinear, GridPadding::kReflection), (std::vector<float>{1, 2.5, 4, 4, 1}));
  EXPECT_EQ(sample(GridMode::kNearest, GridPadding::kZeros), (std::vector<float>{1, 3, 4, 0, 0}));
}

TEST(AffineGrid, TheIdentityNamesTheCenters) {
  const double theta[] = {1, 0, 0, 0, 1, 0};
  const int64_t size[] = {1, 2};
  double grid[4];
  ThreadPool pool(1);
  AffineGrid<double>(1, 2, size, false, theta, grid, pool);
  ExpectNear(V(grid, grid + 4), {-0.5, 0, 0.5, 0});
  AffineGrid<double>(1, 2, size, true, theta, grid, pool);
  ExpectNear(V(grid, grid + 4), {-1, 0, 1, 0});
}

}  // namespace
}  // namespace sardonyx::kernels
