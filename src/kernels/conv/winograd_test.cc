// Winograd's convolution against plain loops in double, on every instruction set that the machine has.
#include "kernels/conv/winograd.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "kernels/conv/blocked_test_util.h"
#include "kernels/gemm/aligned_buffer.h"
#include "kernels/gemm/simd_choice.h"

namespace sardonyx::kernels {
namespace {

std::vector<float> Random(int64_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& v : values) v = uniform(generator);
  return values;
}

ConvShape Plan(const Dims& x, int64_t outputs, const std::vector<int64_t>& pads) {
  const StatusOr<ConvShape> shape = PlanConv(x, Dims{outputs, x[1], 3, 3}, 1, {}, {AutoPad::kNotSet, {}, {}, pads});
  EXPECT_TRUE(shape.ok());
  return *shape;
}

std::vector<float> Compute(Winograd form, const ConvShape& s, const Dims& x_dims, const std::vector<float>& x, const std::vector<float>& w,
                           const std::vector<float>& bias, const std::vector<float>& z, const Activation& activation, int threads) {
  ThreadPool pool(threads);
  AlignedBuffer<float> weights(WinogradWeightsSize(form, s.outputs, s.channels));
  TransformWinogradWeights(form, w.data(), s.outputs, s.channels, weights.data(), pool);
  AlignedBuffer<char> workspace(static_cast<int64_t>(WinogradWorkspace(form, s, threads)));
  const std::vector<float> blocked = ToBlocked(x, x_dims);
  std::vector<float> y = ToBlocked(z, s.output), whole_bias = bias;
  whole_bias.resize(static_cast<size_t>(ChannelBlocks(s.outputs) * kChannelBlock));
  WinogradConv({form, s, blocked.data(), weights.data(), whole_bias.data(), y.data(), activation, y.data()}, workspace.data(), pool);
  return FromBlocked(y, s.output);
}

TEST(Winograd, EqualsPlainLoopsInDouble) {
  struct Case {
    Dims x;
    int64_t outputs;
    std::vector<int64_t> pads;
  };
  const Case cases[] = {
      {{1, 16, 8, 8}, 16, {1, 1, 1, 1}},  {{2, 33, 7, 7}, 17, {1, 1, 1, 1}},  {{1, 3, 14, 15}, 40, {0, 0, 0, 0}},
      {{3, 17, 5, 9}, 33, {2, 0, 1, 3}},  {{1, 24, 1, 1}, 16, {1, 1, 1, 1}},  {{1, 1, 3, 30}, 1, {1, 1, 1, 1}},
      {{1, 64, 56, 56}, 32, {1, 1, 1, 1}}, {{0, 16, 8, 8}, 16, {1, 1, 1, 1}},
  };
  for (const Case& c : cases) {
    const ConvShape s = Plan(c.x, c.outputs, c.pads);
    const auto x = Random(c.x.num_elements(), 1), w = Random(c.outputs * c.x[1] * 9, 2), bias = Random(c.outputs, 3);
    const auto z = Random(s.output.num_elements(), 4);
    const std::vector<double> xd(x.begin(), x.end()), wd(w.begin(), w.end()), bd(bias.begin(), bias.end());
    std::vector<double> expected(z.size());
    ThreadPool pool(1);
    ConvGeneric(s, xd.data(), wd.data(), bd.data(), expected.data(), pool);
    double largest = 1;
    for (size_t i = 0; i < expected.size(); ++i) largest = std::max(largest, std::abs(expected[i] + z[i]));
    for (ActivationKind kind : {ActivationKind::kRelu, ActivationKind::kSilu})
      for (Winograd form : {Winograd::k2, Winograd::k4})
        for (const std::string& target : SimdTargets()) {
          ASSERT_TRUE(ChooseSimdTarget(target).ok());
          const auto y = Compute(form, s, c.x, x, w, bias, z, {kind}, 1);
          EXPECT_EQ(y, Compute(form, s, c.x, x, w, bias, z, {kind}, 3)) << "threads, " << target;
          for (size_t i = 0; i < y.size(); ++i)
            ASSERT_NEAR(y[i], Activate<double>({kind}, expected[i] + z[i]), 1e-5 * largest)
                << target << " F(" << static_cast<int>(form) << ") X " << c.x.ToString() << " at " << i;
        }
  }
  ASSERT_TRUE(ChooseSimdTarget("").ok());
}

// The bound that winograd.h speaks of: many channels, inputs that do not cancel.
TEST(Winograd, ErrorIsFarBelowWhatNetworksAreHeldTo) {
  const Dims x_dims{1, 256, 12, 12};
  const ConvShape s = Plan(x_dims, 32, {1, 1, 1, 1});
  auto x = Random(x_dims.num_elements(), 1), w = Random(32 * 256 * 9, 2);
  for (float& v : x) v = std::abs(v);  // as after a Relu
  const std::vector<float> bias(32), z(static_cast<size_t>(s.output.num_elements()));
  const std::vector<double> xd(x.begin(), x.end()), wd(w.begin(), w.end());
  std::vector<double> expected(z.size());
  ThreadPool pool(1);
  ConvGeneric<double>(s, xd.data(), wd.data(), nullptr, expected.data(), pool);
  double largest = 0;
  for (double v : expected) largest = std::max(largest, std::abs(v));
  for (auto [form, bound] : {std::pair{Winograd::k2, 2e-6}, std::pair{Winograd::k4, 5e-6}}) {
    const auto y = Compute(form, s, x_dims, x, w, bias, z, {}, 1);
    double worst = 0;
    for (size_t i = 0; i < y.size(); ++i) worst = std::max(worst, std::abs(y[i] - expected[i]) / largest);
    EXPECT_LT(worst, bound) << "F(" << static_cast<int>(form) << ")";
  }
}

TEST(Winograd, IsChosenWhereItSavesTime) {
  EXPECT_EQ(ChooseWinograd(Plan({1, 64, 56, 56}, 64, {1, 1, 1, 1})), Winograd::k4);
  EXPECT_EQ(ChooseWinograd(*PlanConv(Dims{1, 64, 56, 56}, Dims{64, 64, 3, 3}, 1, {}, {AutoPad::kNotSet, {2, 2}, {}, {}})), Winograd::kNone);
  EXPECT_EQ(ChooseWinograd(*PlanConv(Dims{1, 64, 56, 56}, Dims{64, 32, 3, 3}, 2, {}, {})), Winograd::kNone);
  EXPECT_EQ(ChooseWinograd(*PlanConv(Dims{1, 64, 56, 56}, Dims{64, 64, 3, 1}, 1, {}, {})), Winograd::kNone);
}

}  // namespace
}  // namespace sardonyx::kernels
