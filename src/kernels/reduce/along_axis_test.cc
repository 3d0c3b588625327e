#include "kernels/reduce/along_axis.h"

#include <cmath>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/elementwise/convert.h"
#include "kernels/gemm/simd_choice.h"

namespace sardonyx::kernels {
namespace {

using V = std::vector<float>;
using I = std::vector<int64_t>;

TEST(AlongAxis, ArgExtreme) {
  const V x = {1, 5, 5, 2, NAN, 9, NAN, 0};
  I out(2);
  const auto run = [&](bool largest, bool last, AxisView view) {
    ArgExtreme(largest, last, DataType::kFloat, x.data(), view, out.data(), 0, 1);
    ArgExtreme(largest, last, DataType::kFloat, x.data(), view, out.data(), 1, view.lines());
    return out;
  };
  EXPECT_EQ(run(true, false, {2, 4, 1}), (I{1, 0}));
  EXPECT_EQ(run(true, true, {2, 4, 1}), (I{2, 2}));
  EXPECT_EQ(run(false, false, {2, 4, 1}), (I{0, 0}));
  EXPECT_EQ(run(true, false, {1, 2, 2}), (I{1, 0}));  // columns of [[1, 5], [5, 2]]
  const std::vector<uint64_t> big = {UINT64_MAX - 1, UINT64_MAX};
  ArgExtreme(true, false, DataType::kUint64, big.data(), {1, 2, 1}, out.data(), 0, 1);
  EXPECT_EQ(out[0], 1);
}

TEST(AlongAxis, Cumulate) {
  const V x = {1, 2, 3, 4, 5, 6};
  V y(6);
  const auto run = [&](bool product, bool exclusive, bool reverse, AxisView view) {
    Cumulate(product, exclusive, reverse, DataType::kFloat, x.data(), view, y.data(), 0, view.lines());
    return y;
  };
  EXPECT_EQ(run(false, false, false, {2, 3, 1}), (V{1, 3, 6, 4, 9, 15}));
  EXPECT_EQ(run(false, true, false, {2, 3, 1}), (V{0, 1, 3, 0, 4, 9}));
  EXPECT_EQ(run(false, false, true, {2, 3, 1}), (V{6, 5, 3, 15, 11, 6}));
  EXPECT_EQ(run(false, true, true, {1, 2, 3}), (V{4, 5, 6, 0, 0, 0}));
  EXPECT_EQ(run(true, false, false, {1, 2, 3}), (V{1, 2, 3, 4, 10, 18}));
  const std::vector<int32_t> big = {INT32_MAX, 1};
  std::vector<int32_t> z(2);
  Cumulate(false, false, false, DataType::kInt32, big.data(), {1, 2, 1}, z.data(), 0, 1);
  EXPECT_EQ(z[1], INT32_MIN);
}

TEST(AlongAxis, SoftmaxOfLinesOfAnyLength) {
  for (const std::string& target : SimdTargets()) {
    ASSERT_TRUE(ChooseSimdTarget(target).ok());
    for (int64_t n : {1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 20, 31, 32, 33, 63, 129})
      for (int64_t lines : {1, 2, 5}) {
        V x(static_cast<size_t>(n * lines)), y(x.size()), alone(x.size());
        for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 37 % 101) / 9 - 4;
        Softmax(SoftmaxKind::kSoftmax, DataType::kFloat, x.data(), {lines, n, 1}, y.data(), 0, lines);
        for (int64_t l = 0; l < lines; ++l) {
          Softmax(SoftmaxKind::kSoftmax, DataType::kFloat, x.data(), {lines, n, 1}, alone.data(), l, l + 1);
          double sum = 0;
          for (int64_t i = 0; i < n; ++i) sum += std::exp(static_cast<double>(x[static_cast<size_t>(l * n + i)]));
          for (int64_t i = 0; i < n; ++i) {
            const auto at = static_cast<size_t>(l * n + i);
            ASSERT_NEAR(y[at], std::exp(static_cast<double>(x[at])) / sum, 1e-6) << target << " " << n << " " << lines;
          }
        }
        ASSERT_EQ(y, alone) << target << " " << n << " " << lines;
      }
  }
  ASSERT_TRUE(ChooseSimdTarget("").ok());
}

TEST(AlongAxis, TopK) {
  const V x = {3, 1, 3, NAN, 2, 3};
  V values(3);
  I indices(3);
  TopK(3, true, DataType::kFloat, x.data(), {1, 6, 1}, values.data(), indices.data(), 0, 1);
  EXPECT_EQ(indices, (I{3, 0, 2}));
  TopK(3, false, DataType::kFloat, x.data(), {1, 6, 1}, values.data(), indices.data(), 0, 1);
  EXPECT_EQ(indices, (I{1, 4, 0}));
  EXPECT_EQ(values, (V{1, 2, 3}));
  V wide(2 * 40);
  std::iota(wide.begin(), wide.end(), 0.0f);
  V top(40);
  I at(40);
  TopK(1, true, DataType::kFloat, wide.data(), {1, 2, 40}, top.data(), at.data(), 0, 40);
  EXPECT_EQ(at, I(40, 1));
  EXPECT_EQ(top[39], 79);
}

TEST(AlongAxis, SoftmaxSumsToOneInEveryTypeAndLayout) {
  for (DataType t : {DataType::kFloat, DataType::kDouble, DataType::kFloat16, DataType::kBfloat16}) {
    for (const AxisView view : {AxisView(3, 37, 1), AxisView(2, 5, 21)}) {
      const int64_t n = view.outer * view.length * view.inner;
      std::vector<double> x(static_cast<size_t>(n)), stored(x), y(x), out(x);
      for (size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<double>(i)) * 50;
      ConvertElements(DataType::kDouble, x.data(), t, stored.data(), 0, n);
      Softmax(SoftmaxKind::kSoftmax, t, stored.data(), view, y.data(), 0, view.lines() / 2);
      Softmax(SoftmaxKind::kSoftmax, t, stored.data(), view, y.data(), view.lines() / 2, view.lines());
      LoadElements(t, y.data(), 0, n, out.data());
      for (int64_t line = 0; line < view.lines(); ++line) {
        double sum = 0;
        for (int64_t r = 0; r < view.length; ++r)
          sum += out[static_cast<size_t>((line / view.inner * view.length + r) * view.inner + line % view.inner)];
        EXPECT_NEAR(sum, 1, 0.01) << DataTypeName(t);
      }
    }
  }
}

TEST(AlongAxis, SoftmaxKinds) {
  const V x = {1000, 1001, 1001};
  V y(3);
  Softmax(SoftmaxKind::kLogSoftmax, DataType::kFloat, x.data(), {1, 3, 1}, y.data(), 0, 1);
  EXPECT_NEAR(y[1], -std::log(2 + std::exp(-1.0)), 1e-6);
  Softmax(SoftmaxKind::kHardmax, DataType::kFloat, x.data(), {1, 3, 1}, y.data(), 0, 1);
  EXPECT_EQ(y, (V{0, 1, 0}));
}

TEST(AlongAxis, LpNormalizeLeavesZeroLines) {
  const V x = {3, -4, 0, 0};
  V y(4);
  LpNormalize(2, DataType::kFloat, x.data(), {2, 2, 1}, y.data(), 0, 2);
  EXPECT_EQ(y, (V{0.6f, -0.8f, 0, 0}));
  LpNormalize(1, DataType::kFloat, x.data(), {1, 2, 2}, y.data(), 0, 2);
  EXPECT_EQ(y, (V{1, -1, 0, 0}));
}

}  // namespace
}  // namespace sardonyx::kernels
