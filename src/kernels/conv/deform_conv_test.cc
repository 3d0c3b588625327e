#include "kernels/conv/deform_conv.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "kernels/conv/col2im.h"
#include "kernels/gemm/aligned_buffer.h"

namespace sardonyx::kernels {
namespace {

template <class T>
std::vector<T> Random(int64_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<T> values(static_cast<size_t>(count));
  for (T& v : values) v = uniform(generator);
  return values;
}

TEST(DeformConv, WithoutOffsetsItIsAConvolution) {
  const Dims x_dims{2, 4, 7, 6}, w_dims{6, 2, 3, 2};
  const ConvShape s = *PlanConv(x_dims, w_dims, 2, {}, {AutoPad::kNotSet, {2, 1}, {1, 2}, {1, 0, 1, 1}});
  const auto x = Random<float>(x_dims.num_elements(), 1), w = Random<float>(w_dims.num_elements(), 2), bias = Random<float>(6, 3);
  const std::vector<float> offset(static_cast<size_t>(2 * 2 * 2 * s.window.kernel_size() * s.window.output_size()), 0.0f);
  std::vector<float> y(static_cast<size_t>(s.output.num_elements()));
  ThreadPool pool(2);
  AlignedBuffer<char> workspace(static_cast<int64_t>(DeformConvWorkspace<float>(s)));
  DeformConv<float>(s, 2, x.data(), w.data(), offset.data(), bias.data(), nullptr, y.data(), workspace.data(), pool);
  const std::vector<double> xd(x.begin(), x.end()), wd(w.begin(), w.end()), bd(bias.begin(), bias.end());
  std::vector<double> expected(y.size());
  ConvGeneric(s, xd.data(), wd.data(), bd.data(), expected.data(), pool);
  for (size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y[i], expected[i], 1e-5);
}

TEST(DeformConv, OffsetsThatLeadNowhereGiveZeros) {
  const ConvShape s = *PlanConv(Dims{1, 1, 3, 3}, Dims{1, 1, 1, 1}, 1, {}, {});
  const std::vector<double> x(9, 1.0), w = {1};
  std::vector<double> offset(18, NAN), y(9, 5.0), workspace(9);
  offset[0] = 1e300;
  ThreadPool pool(1);
  DeformConv<double>(s, 1, x.data(), w.data(), offset.data(), nullptr, nullptr, y.data(), workspace.data(), pool);
  for (double v : y) EXPECT_EQ(v, 0);
}

TEST(Col2Im, AddsWhereBlocksOverlap) {
  const Window window = *MakeWindow({}, std::vector<int64_t>{4}, std::vector<int64_t>{2});
  const std::vector<int> columns = {1, 2, 3, 10, 20, 30};
  std::vector<int> y(4);
  ThreadPool pool(1);
  Col2Im(window, 1, columns.data(), y.data(), pool);
  EXPECT_EQ(y, (std::vector<int>{1, 12, 23, 30}));
}

TEST(CausalConv, ContinuesFromItsState) {
  const auto x = Random<float>(10, 1), w = Random<float>(3, 2);
  std::vector<float> whole(10), present(2), first(4), state(2), second(6), last(2);
  ThreadPool pool(1);
  CausalConv(1, 1, 10, 3, x.data(), w.data(), nullptr, nullptr, true, whole.data(), present.data(), pool);
  CausalConv(1, 1, 4, 3, x.data(), w.data(), nullptr, nullptr, true, first.data(), state.data(), pool);
  CausalConv(1, 1, 6, 3, x.data() + 4, w.data(), nullptr, state.data(), true, second.data(), last.data(), pool);
  first.insert(first.end(), second.begin(), second.end());
  for (size_t i = 0; i < whole.size(); ++i) EXPECT_NEAR(first[i], whole[i], 1e-6);
  EXPECT_EQ(last, present);
}

}  // namespace
}  // namespace sardonyx::kernels
