#include "kernels/pool/pool.h"

#include <gtest/gtest.h>

#include <cmath>
#include <tuple>
#include <vector>

namespace sardonyx::kernels {
namespace {

using V = std::vector<int64_t>;

TEST(Window, CeilModeDropsAWindowThatStartsInThePadding) {
  // Positions 0, 2, 4 of 0..3 with one of padding at each end: the third window would start at 4 - 1 = 3, inside.
  const Window inside = *MakeWindow({AutoPad::kNotSet, V{2}, {}, V{1, 1}, true}, V{4}, V{2});
  EXPECT_EQ(inside.width().output, 3);
  const Window dropped = *MakeWindow({AutoPad::kNotSet, V{3}, {}, V{1, 1}, true}, V{5}, V{1});
  EXPECT_EQ(dropped.width().output, 2);
}

TEST(MaxPool, GivesIndicesInBothOrders) {
  const Window window = *MakeWindow({AutoPad::kNotSet, V{2, 2}, {}, {}}, V{4, 4}, V{2, 2});
  std::vector<float> x(16);
  for (int i = 0; i < 16; ++i) x[i] = static_cast<float>(i);
  std::vector<float> y(4);
  std::vector<int64_t> indices(4);
  ThreadPool pool(1);
  MaxPool(window, 1, x.data(), y.data(), indices.data(), false, pool);
  EXPECT_EQ(y, (std::vector<float>{5, 7, 13, 15}));
  EXPECT_EQ(indices, (V{5, 7, 13, 15}));
  MaxPool(window, 1, x.data(), y.data(), indices.data(), true, pool);
  EXPECT_EQ(indices, (V{5, 13, 7, 15}));
}

TEST(MaxPool, KeepsNan) {
  const Window window = *MakeWindow({}, V{3}, V{3});
  const float x[] = {1, NAN, 2};
  float y = 0;
  ThreadPool pool(1);
  MaxPool<float>(window, 1, x, &y, nullptr, false, pool);
  EXPECT_TRUE(std::isnan(y));
}

TEST(AveragePool, CountsPaddingOnlyWhenAsked) {
  const Window window = *MakeWindow({AutoPad::kNotSet, V{2}, {}, V{1, 1}}, V{3}, V{3});
  const float x[] = {3, 6, 9};
  float y[2];
  ThreadPool pool(1);
  AveragePool<float>(window, 1, false, x, y, pool);
  EXPECT_FLOAT_EQ(y[0], 4.5f);
  EXPECT_FLOAT_EQ(y[1], 7.5f);
  AveragePool<float>(window, 1, true, x, y, pool);
  EXPECT_FLOAT_EQ(y[0], 3);
  EXPECT_FLOAT_EQ(y[1], 5);
}

// Rows by SIMD (float) against windows one by one (double).
TEST(Pool, FloatEqualsDouble) {
  for (const auto& [attributes, input, kernel] :
       std::vector<std::tuple<WindowAttributes, V, V>>{{{AutoPad::kNotSet, V{2, 2}, {}, V{1, 1, 1, 1}}, V{35, 71}, V{3, 3}},
                                                       {{AutoPad::kNotSet, V{1, 1}, V{2, 3}, V{2, 2, 2, 2}}, V{19, 40}, V{3, 2}},
                                                       {{AutoPad::kNotSet, V{3}, {}, V{0, 2}, true}, V{100}, V{4}},
                                                       {{AutoPad::kSameUpper, V{2, 1, 2}, {}, {}}, V{5, 6, 37}, V{2, 3, 3}}}) {
    const Window window = *MakeWindow(attributes, input, kernel);
    std::vector<float> x(static_cast<size_t>(2 * window.input_size()));
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>((i * 7919) % 101) - 50;
    const std::vector<double> xd(x.begin(), x.end());
    std::vector<float> y(static_cast<size_t>(2 * window.output_size()));
    std::vector<double> yd(y.size());
    ThreadPool pool(2);
    MaxPool<float>(window, 2, x.data(), y.data(), nullptr, false, pool);
    MaxPool<double>(window, 2, xd.data(), yd.data(), nullptr, false, pool);
    for (size_t i = 0; i < y.size(); ++i) ASSERT_EQ(y[i], yd[i]);
    for (bool include : {false, true}) {
      AveragePool<float>(window, 2, include, x.data(), y.data(), pool);
      AveragePool<double>(window, 2, include, xd.data(), yd.data(), pool);
      for (size_t i = 0; i < y.size(); ++i) ASSERT_NEAR(y[i], yd[i], 1e-5);
    }
  }
}

TEST(MaxUnpool, RejectsIndicesOutOfRange) {
  const float x[] = {1, 2};
  const int64_t good[] = {5, 15}, bad[] = {5, 16};
  std::vector<float> y(25);
  EXPECT_TRUE(MaxUnpool(x, good, 2, Dims{1, 1, 4, 4}, Dims{1, 1, 5, 5}, y.data()));
  EXPECT_EQ(y[6], 1);
  EXPECT_EQ(y[18], 2);
  EXPECT_FALSE(MaxUnpool(x, bad, 2, Dims{1, 1, 4, 4}, Dims{1, 1, 5, 5}, y.data()));
}

}  // namespace
}  // namespace sardonyx::kernels
