// Convolutions in blocks of channels against plain loops in double, on every instruction set that the machine has.
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "kernels/conv/blocked_conv.h"
#include "kernels/conv/blocked_conv_transpose.h"
#include "kernels/conv/blocked_depthwise.h"
#include "kernels/conv/blocked_expanded.h"
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

using L = std::vector<int64_t>;
struct Case {
  Dims x, w;
  int64_t groups = 1;
  WindowAttributes attributes = {};
};

std::vector<Case> Cases() {
  const L pad1 = {1, 1, 1, 1}, pad2 = {2, 2, 2, 2}, pad3 = {3, 3, 3, 3};
  std::vector<Case> cases = {
      {{2, 32, 56, 9}, {64, 32, 1, 1}},
      {{1, 33, 7, 7}, {17, 33, 3, 3}, 1, {AutoPad::kNotSet, L{}, L{}, pad1}},
      {{1, 16, 9, 13}, {48, 16, 3, 3}, 1, {AutoPad::kNotSet, L{2, 2}, L{}, pad1}},
      {{1, 24, 11, 6}, {40, 24, 5, 2}, 1, {AutoPad::kNotSet, L{1, 3}, L{2, 1}, L{3, 1, 0, 2}}},
      {{1, 20, 14, 14}, {32, 20, 3, 3}, 1, {AutoPad::kNotSet, L{}, L{12, 12}, L{12, 12, 12, 12}}},
      {{1, 64, 10, 10}, {96, 32, 3, 3}, 2, {AutoPad::kNotSet, L{}, L{}, pad1}},
      {{1, 128, 1, 1}, {33, 128, 1, 1}},
      {{1, 17, 40}, {18, 17, 5}, 1, {AutoPad::kNotSet, L{2}, L{}, L{2, 1}}},
      {{1, 19, 4, 6, 5}, {21, 19, 3, 2, 3}, 1, {AutoPad::kNotSet, L{1, 2, 1}, L{}, L{1, 0, 1, 1, 1, 1}}},
      {{0, 16, 8, 8}, {16, 16, 1, 1}},
      {{1, 16, 3, 3}, {16, 16, 3, 3}, 1, {AutoPad::kNotSet, L{}, L{}, L{4, 4, 4, 4}}},  // windows of padding alone
  };
  for (int64_t channels : {1, 3, 17, 33})
    for (int64_t stride : {1, 2})
      cases.push_back({{1, channels, 12, 31}, {channels + 16, channels, 3, 3}, 1, {AutoPad::kNotSet, L{stride, stride}, L{}, pad1}});
  for (int64_t width : {1, 3, 7, 14, 33})  // depthwise
    for (int64_t stride : {1, 2})
      for (int64_t dilation : {1, 2}) {
        const WindowAttributes a{AutoPad::kNotSet, L{stride, stride}, L{dilation, dilation}, pad3};
        cases.push_back({{2, 19, 8, width}, {19, 1, 3, 3}, 19, a});
        cases.push_back({{1, 32, 9, width}, {32, 1, 2, 4}, 32, a});
      }
  cases.push_back({{1, 16, 8, 8}, {16, 1, 5, 5}, 16, {AutoPad::kNotSet, L{}, L{}, pad2}});
  cases.push_back({{1, 18, 30}, {18, 1, 9}, 18, {AutoPad::kNotSet, L{}, L{}, L{4, 4}}});
  cases.push_back({{1, 18, 5, 6, 7}, {18, 1, 3, 2, 3}, 18, {AutoPad::kNotSet, L{2, 1, 1}, L{}, L{1, 1, 1, 1, 0, 1}}});
  return cases;
}

struct Options {
  bool plain_x = false;
  bool bias = true;
  bool residual = true;
  Activation activation = {};
};

// Y in row-major order, of a convolution whose residual is Y itself.
std::vector<float> Compute(const Case& c, const ConvShape& s, const Options& options, const std::vector<float>& x,
                           const std::vector<float>& w, const std::vector<float>& bias, const std::vector<float>& z, ThreadPool& pool) {
  const bool depthwise = c.groups > 1 && c.w[1] == 1;
  const int64_t taps = s.window.kernel_size();
  AlignedBuffer<float> weights(depthwise ? PackedDepthwiseWeightsSize(c.w[0], taps)
                                         : PackedBlockedWeightsSize(s.groups, s.outputs, s.channels, taps));
  std::vector<float> whole_bias = bias;
  whole_bias.resize(static_cast<size_t>(ChannelBlocks(c.w[0]) * kChannelBlock));
  const std::vector<float> blocked_x = options.plain_x ? x : ToBlocked(x, c.x);
  std::vector<float> y = ToBlocked(z, s.output);
  const float* b = options.bias ? whole_bias.data() : nullptr;
  const float* residual = options.residual ? y.data() : nullptr;
  if (depthwise) {
    PackDepthwiseWeights(w.data(), c.w[0], taps, weights.data());
    BlockedDepthwise({s, blocked_x.data(), weights.data(), b, residual, options.activation, y.data()}, pool);
  } else {
    PackBlockedWeights(w.data(), s.groups, s.outputs, s.channels, taps, weights.data(), pool);
    AlignedBuffer<char> workspace(static_cast<int64_t>(BlockedConvWorkspace(s, options.plain_x, pool.threads())));
    BlockedConv({s, blocked_x.data(), options.plain_x, weights.data(), b, residual, options.activation, y.data()}, workspace.data(), pool);
  }
  return FromBlocked(y, s.output);
}

void Check(const Case& c, const Options& options) {
  const StatusOr<ConvShape> planned = PlanConv(c.x, c.w, c.groups, {}, c.attributes);
  ASSERT_TRUE(planned.ok()) << planned.status().ToString();
  const ConvShape& s = *planned;
  const auto x = Random(c.x.num_elements(), 1), w = Random(c.w.num_elements(), 2), bias = Random(c.w[0], 3);
  const auto z = Random(s.output.num_elements(), 4);
  const std::vector<double> xd(x.begin(), x.end()), wd(w.begin(), w.end()), bd(bias.begin(), bias.end());
  std::vector<double> expected(z.size());
  ThreadPool one(1), three(3);
  ConvGeneric(s, xd.data(), wd.data(), options.bias ? bd.data() : nullptr, expected.data(), one);
  for (size_t i = 0; i < expected.size(); ++i) expected[i] = Activate<double>(options.activation, expected[i] + (options.residual ? z[i] : 0));
  for (const std::string& target : SimdTargets()) {
    ASSERT_TRUE(ChooseSimdTarget(target).ok());
    const auto y = Compute(c, s, options, x, w, bias, z, one);
    EXPECT_EQ(y, Compute(c, s, options, x, w, bias, z, three)) << "threads, " << target << " " << c.x.ToString();
    for (size_t i = 0; i < y.size(); ++i)
      ASSERT_NEAR(y[i], expected[i], 1e-4) << target << " X " << c.x.ToString() << " W " << c.w.ToString() << " at " << i;
  }
  ASSERT_TRUE(ChooseSimdTarget("").ok());
}

TEST(BlockedConv, EqualsPlainLoopsInDouble) {
  for (const Case& c : Cases()) {
    Check(c, {});
    if (HasFatalFailure()) return;
  }
}

TEST(BlockedConv, ReadsPlainInput) {
  for (const Case& c : Cases()) {
    if (c.groups > 1 || (!c.attributes.dilations.empty() && c.attributes.dilations.back() > 1)) continue;
    Check(c, {.plain_x = true});
    if (HasFatalFailure()) return;
  }
}

TEST(BlockedConv, FinishesWithEveryActivation) {
  const L pad1 = {1, 1, 1, 1};
  for (int kind = 0; kind <= static_cast<int>(ActivationKind::kGelu); ++kind)
    for (const Case& c : {Case{{1, 17, 6, 9}, {33, 17, 3, 3}, 1, {AutoPad::kNotSet, L{}, L{}, pad1}},
                          Case{{1, 17, 6, 9}, {17, 1, 3, 3}, 17, {AutoPad::kNotSet, L{}, L{}, pad1}}}) {
      const Activation activation{static_cast<ActivationKind>(kind), 0.3f, 0.6f};
      Check(c, {.bias = false, .residual = false, .activation = activation});
      Check(c, {.activation = activation});
      if (HasFatalFailure()) return;
    }
}

TEST(BlockedConvTranspose, EqualsThePlainOne) {
  struct TransposeCase {
    Dims x, w;
    int64_t groups = 1;
    WindowAttributes window = {};
    L output_padding = {};
  };
  const TransposeCase cases[] = {
      {{1, 20, 5, 7}, {20, 17, 2, 2}, 1, {AutoPad::kNotSet, L{2, 2}, L{}, L{}}},
      {{2, 16, 6, 5}, {16, 40, 3, 3}, 1, {AutoPad::kNotSet, L{2, 2}, L{}, L{1, 1, 1, 1}}, L{1, 1}},
      {{1, 33, 4, 6}, {33, 16, 4, 5}, 1, {AutoPad::kNotSet, L{3, 2}, L{2, 3}, L{1, 2, 0, 1}}},
      {{1, 32, 6, 5}, {32, 16, 3, 3}, 2, {AutoPad::kNotSet, L{1, 2}, L{}, L{}}},
      {{1, 16, 3, 3}, {16, 16, 1, 2}, 1, {AutoPad::kNotSet, L{3, 3}, L{}, L{}}, L{2, 1}},  // outputs that nothing reaches
      {{1, 18, 9}, {18, 5, 4}, 1, {AutoPad::kNotSet, L{2}, L{}, L{1, 1}}},
      {{1, 17, 3, 4, 2}, {17, 3, 2, 3, 2}, 1, {AutoPad::kNotSet, L{2, 1, 2}, L{}, L{}}},
  };
  for (const TransposeCase& c : cases) {
    const StatusOr<ConvTransposeShape> planned = PlanConvTranspose(c.x, c.w, c.groups, {}, {c.window, c.output_padding, {}});
    ASSERT_TRUE(planned.ok()) << planned.status().ToString();
    const ConvTransposeShape& s = *planned;
    const auto x = Random(c.x.num_elements(), 1), w = Random(c.w.num_elements(), 2);
    auto bias = Random(s.groups * s.outputs, 3);
    const std::vector<double> xd(x.begin(), x.end()), wd(w.begin(), w.end()), bd(bias.begin(), bias.end());
    std::vector<double> expected(static_cast<size_t>(s.output.num_elements()));
    AlignedBuffer<char> scratch(static_cast<int64_t>(ConvTransposeWorkspace<double>(s)));
    ThreadPool three(3);
    ConvTranspose<double>(s, xd.data(), wd.data(), bd.data(), expected.data(), scratch.data(), three);
    bias.resize(static_cast<size_t>(ChannelBlocks(s.groups * s.outputs) * kChannelBlock));
    AlignedBuffer<float> weights(PackedBlockedWeightsSize(s.groups, s.outputs, s.channels, s.window.kernel_size()));
    PackBlockedTransposeWeights(s.window, w.data(), s.groups, s.outputs, s.channels, weights.data());
    const auto blocked = ToBlocked(x, c.x);
    for (const std::string& target : SimdTargets()) {
      ASSERT_TRUE(ChooseSimdTarget(target).ok());
      AlignedBuffer<char> workspace(static_cast<int64_t>(BlockedConvTransposeWorkspace(s, 3)));
      std::vector<float> y = ToBlocked(std::vector<float>(expected.size(), 1e9f), s.output);
      BlockedConvTranspose({s, blocked.data(), weights.data(), bias.data(), y.data()}, workspace.data(), three);
      y = FromBlocked(y, s.output);
      for (size_t i = 0; i < y.size(); ++i) ASSERT_NEAR(y[i], expected[i], 1e-4) << target << c.x.ToString() << c.w.ToString() << " at " << i;
    }
  }
  ASSERT_TRUE(ChooseSimdTarget("").ok());
}

TEST(ExpandedDepthwise, HasTheBitsOfBothConvolutions) {
  struct ExpandedCase {
    Dims x;
    int64_t wide;
    Dims kernel;
    WindowAttributes window = {};
  };
  const L pad1 = {1, 1, 1, 1};
  const ExpandedCase cases[] = {
      {{1, 17, 9, 14}, 40, {3, 3}, {AutoPad::kNotSet, L{}, L{}, pad1}},
      {{2, 16, 12, 7}, 33, {3, 3}, {AutoPad::kNotSet, L{2, 2}, L{}, pad1}},
      {{1, 3, 40, 130}, 96, {5, 5}, {AutoPad::kNotSet, L{2, 1}, L{}, L{2, 2, 2, 2}}},  // more rows than the ring holds
      {{1, 24, 70, 60}, 144, {3, 5}, {AutoPad::kNotSet, L{1, 3}, L{2, 1}, L{0, 4, 3, 1}}},
      {{3, 16, 1, 1}, 20, {3, 3}, {AutoPad::kNotSet, L{}, L{}, pad1}},
      {{1, 16, 11, 5}, 16, {2, 1}, {AutoPad::kNotSet, L{4, 2}, L{}, L{}}},  // rows that no output sees
      {{0, 16, 8, 8}, 32, {3, 3}, {AutoPad::kNotSet, L{}, L{}, pad1}},
  };
  for (const ExpandedCase& c : cases) {
    Dims between = c.x;
    between[1] = c.wide;
    const Case pointwise{c.x, {c.wide, c.x[1], 1, 1}}, depthwise{between, {c.wide, 1, c.kernel[0], c.kernel[1]}, c.wide, c.window};
    const StatusOr<ConvShape> first = PlanConv(pointwise.x, pointwise.w, 1, {}, {});
    const StatusOr<ConvShape> second = PlanConv(depthwise.x, depthwise.w, c.wide, {}, c.window);
    ASSERT_TRUE(first.ok() && second.ok()) << second.status().ToString();
    const auto x = Random(c.x.num_elements(), 1), w = Random(pointwise.w.num_elements(), 2), v = Random(depthwise.w.num_elements(), 3);
    auto b = Random(c.wide, 4), bias = Random(c.wide, 5);
    b.resize(static_cast<size_t>(ChannelBlocks(c.wide) * kChannelBlock));
    bias.resize(b.size());
    const int64_t taps = c.kernel[0] * c.kernel[1];
    AlignedBuffer<float> expand(PackedBlockedWeightsSize(1, c.wide, c.x[1], 1)), weights(PackedDepthwiseWeightsSize(c.wide, taps));
    ThreadPool one(1), three(3);
    PackBlockedWeights(w.data(), 1, c.wide, c.x[1], 1, expand.data(), one);
    PackDepthwiseWeights(v.data(), c.wide, taps, weights.data());
    const std::vector<float> no_z(static_cast<size_t>(between.num_elements())), no_residual(static_cast<size_t>(second->output.num_elements()));
    const Activation relu{ActivationKind::kRelu}, silu{ActivationKind::kSilu};
    const Options plain{.residual = false};
    for (const std::string& target : SimdTargets()) {
      ASSERT_TRUE(ChooseSimdTarget(target).ok());
      for (const Activation& activation : {relu, silu}) {
        Options options = plain;
        options.activation = activation;
        const auto wide = Compute(pointwise, *first, options, x, w, b, no_z, one);
        options.activation = relu;
        const auto expected = Compute(depthwise, *second, options, wide, v, bias, no_residual, one);
        const auto blocked = ToBlocked(x, c.x);
        for (ThreadPool* pool : {&one, &three}) {
          AlignedBuffer<char> workspace(static_cast<int64_t>(ExpandedDepthwiseWorkspace(*second, pool->threads())));
          std::vector<float> y = ToBlocked(std::vector<float>(expected.size(), 1e9f), second->output);
          const ExpandedDepthwiseArguments a{*second,    c.x[1],         blocked.data(), expand.data(), b.data(),
                                             activation, weights.data(), bias.data(),    relu,          y.data()};
          ExpandedDepthwise(a, workspace.data(), *pool);
          ASSERT_EQ(FromBlocked(y, second->output), expected) << target << " " << c.x.ToString() << " threads " << pool->threads();
        }
      }
    }
  }
  ASSERT_TRUE(ChooseSimdTarget("").ok());
}

TEST(BlockedConv, KeepsNan) {
  const Case c{{1, 16, 3, 3}, {16, 16, 1, 1}};
  const ConvShape s = *PlanConv(c.x, c.w, 1, {}, {});
  std::vector<float> x(16 * 9, 1.0f), w(256, 1.0f), bias(16), z(16 * 9);
  x[4] = NAN;
  ThreadPool pool(1);
  const auto y = Compute(c, s, {.activation = {ActivationKind::kRelu}}, x, w, bias, z, pool);
  EXPECT_TRUE(std::isnan(y[4]));
  EXPECT_EQ(y[5], 16.0f);
}

}  // namespace
}  // namespace sardonyx::kernels
