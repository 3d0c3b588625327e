#include "kernels/reduce/normalize.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/elementwise/convert.h"
#include "kernels/reduce/loss.h"

namespace sardonyx::kernels {
namespace {

using V = std::vector<float>;

TEST(Normalize, RowsHaveMeanZeroAndVarianceOne) {
  for (DataType t : {DataType::kFloat, DataType::kDouble, DataType::kFloat16}) {
    const int64_t length = 1029, rows = 2;
    std::vector<double> x(length * rows), stored(x), y(x), out(x), means(rows), inverses(rows);
    for (size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<double>(i)) + 10;
    ConvertElements(DataType::kDouble, x.data(), t, stored.data(), 0, length * rows);
    NormalizeRows({.length = length, .epsilon = 0}, t, stored.data(), t, y.data(), means.data(), inverses.data(), 0, rows);
    LoadElements(t, y.data(), 0, length * rows, out.data());
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < length; ++i)
      sum += out[static_cast<size_t>(i)], squares += out[static_cast<size_t>(i)] * out[static_cast<size_t>(i)];
    EXPECT_NEAR(sum / length, 0, 2e-3) << DataTypeName(t);
    EXPECT_NEAR(squares / length, 1, 2e-3) << DataTypeName(t);
  }
}

TEST(Normalize, TablesByElementAndByChannel) {
  const V x = {1, 3, 2, 6};
  const V scale = {2, 10}, bias = {1, 0};
  V y(4), means(2);
  NormalizeRows({.length = 2, .epsilon = 0, .scale = scale.data(), .bias = bias.data(), .run = 1, .period = 2}, DataType::kFloat, x.data(),
                DataType::kFloat, y.data(), means.data(), nullptr, 0, 2);
  EXPECT_EQ(y, (V{-1, 10, -1, 10}));
  EXPECT_EQ(means, (V{2, 4}));
  NormalizeRows({.length = 2, .epsilon = 0, .scale = scale.data(), .bias = bias.data(), .run = 2, .period = 2}, DataType::kFloat, x.data(),
                DataType::kFloat, y.data(), nullptr, nullptr, 0, 2);
  EXPECT_EQ(y, (V{-1, 3, -10, 10}));
}

TEST(Normalize, RootMeanSquare) {
  const V x = {3, 4};
  V y(2), inverse(1);
  NormalizeRows({.length = 2, .epsilon = 0, .center = false}, DataType::kFloat, x.data(), DataType::kFloat, y.data(), nullptr,
                inverse.data(), 0, 1);
  EXPECT_FLOAT_EQ(y[0], 3 / std::sqrt(12.5f));
  EXPECT_FLOAT_EQ(inverse[0], 1 / std::sqrt(12.5f));
}

TEST(Normalize, ScalesChannels) {
  const V x = {1, 2, 3, 4}, factor = {2, 3}, offset = {0, 1};
  V y(4);
  ScaleChannels(DataType::kFloat, x.data(), factor.data(), offset.data(), 2, 2, y.data(), 0, 2);
  EXPECT_EQ(y, (V{2, 4, 10, 13}));
  ScaleChannels(DataType::kFloat, x.data(), factor.data(), offset.data(), 2, 1, y.data(), 1, 4);
  EXPECT_EQ(y, (V{2, 7, 6, 13}));
}

TEST(Normalize, LocalResponseWindows) {
  const V x = {1, 2, 3};
  V y(3);
  NormalizeLocalResponse({.size = 2, .alpha = 2, .beta = 1, .bias = 1}, DataType::kFloat, x.data(), 3, 1, y.data(), 0, 1);
  EXPECT_EQ(y, (V{1 / 6.0f, 2 / 14.0f, 3 / 10.0f}));  // windows {0,1}, {1,2}, {2}
  NormalizeLocalResponse({.size = 3, .alpha = 3, .beta = 0.75, .bias = 1}, DataType::kFloat, x.data(), 3, 1, y.data(), 0, 1);
  EXPECT_FLOAT_EQ(y[1], 2 / std::pow(15.0f, 0.75f));
}

TEST(Loss, WeightsAndIgnoredLabels) {
  const std::vector<double> x = {-1, -2, -3, -4}, w = {1, 10};  // [2, 2, 1]
  std::vector<double> losses(2), weights(2);
  const std::vector<int64_t> labels = {1, 0}, bad = {0, 2};
  EXPECT_EQ(NegativeLogLikelihood(x.data(), labels.data(), w.data(), 0, 2, 2, 1, losses.data(), weights.data()), std::nullopt);
  EXPECT_EQ(losses, (std::vector<double>{20, 0}));
  EXPECT_EQ(weights, (std::vector<double>{10, 0}));
  EXPECT_EQ(NegativeLogLikelihood(x.data(), bad.data(), nullptr, std::nullopt, 2, 2, 1, losses.data(), weights.data()), 2);
}

}  // namespace
}  // namespace sardonyx::kernels
