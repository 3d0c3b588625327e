#include "kernels/pool/pool_blocked.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "kernels/conv/blocked_test_util.h"
#include "kernels/gemm/simd_choice.h"
#include "kernels/pool/pool.h"

namespace sardonyx::kernels {
namespace {

TEST(BlockedPool, EqualsPlainPool) {
  using L = std::vector<int64_t>;
  struct Case {
    Dims x;
    L kernel;
    WindowAttributes attributes;
  };
  const Case cases[] = {
      {{2, 17, 9, 11}, {3, 3}, {AutoPad::kNotSet, L{2, 2}, L{}, L{1, 1, 1, 1}}},
      {{1, 16, 12, 12}, {2, 2}, {AutoPad::kNotSet, L{2, 2}, L{}, L{}}},
      {{1, 33, 7, 8}, {5, 2}, {AutoPad::kNotSet, L{1, 2}, L{2, 1}, L{4, 1, 4, 0}}},
      {{1, 3, 8, 9}, {3, 3}, {AutoPad::kNotSet, L{2, 2}, L{}, L{0, 0, 1, 1}, true}},
      {{1, 18, 20}, {4}, {AutoPad::kSameUpper, L{3}, L{}, L{}}},
      {{1, 18, 4, 5, 6}, {2, 3, 2}, {AutoPad::kNotSet, L{}, L{}, L{1, 1, 1, 1, 1, 1}}},
  };
  for (const Case& c : cases)
    for (const std::string& target : SimdTargets()) {
      ASSERT_TRUE(ChooseSimdTarget(target).ok());
      const Window window = *MakeWindow(c.attributes, std::span<const int64_t>(c.x).subspan(2), c.kernel);
      Dims out{c.x[0], c.x[1]};
      for (int64_t dim : window.output_dims()) out.push_back(dim);
      std::mt19937 generator(1);
      std::uniform_real_distribution<float> uniform(-1, 1);
      std::vector<float> x(static_cast<size_t>(c.x.num_elements())), expected(static_cast<size_t>(out.num_elements()));
      for (float& v : x) v = uniform(generator);
      const std::vector<float> blocked = ToBlocked(x, c.x);
      std::vector<float> y(ToBlocked(expected, out).size());
      const int64_t planes = c.x[0] * ChannelBlocks(c.x[1]);
      ThreadPool pool(2);
      MaxPool<float>(window, c.x[0] * c.x[1], x.data(), expected.data(), nullptr, false, pool);
      BlockedMaxPool(window, planes, blocked.data(), y.data(), pool);
      EXPECT_EQ(FromBlocked(y, out), expected) << target << c.x.ToString();
      for (bool include_pad : {false, true}) {
        AveragePool<float>(window, c.x[0] * c.x[1], include_pad, x.data(), expected.data(), pool);
        BlockedAveragePool(window, planes, include_pad, blocked.data(), y.data(), pool);
        const auto got = FromBlocked(y, out);
        for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], expected[i], 1e-6) << target << c.x.ToString() << " at " << i;
      }
      const Dims one{c.x[0], c.x[1]};
      const int64_t size = c.x.Product(2, c.x.rank());
      for (GlobalPoolKind kind : {GlobalPoolKind::kAverage, GlobalPoolKind::kMax}) {
        expected.resize(static_cast<size_t>(one.num_elements()));
        y.resize(static_cast<size_t>(planes * kChannelBlock));
        GlobalPool<float>(kind, 2, c.x[0] * c.x[1], size, x.data(), expected.data(), pool);
        BlockedGlobalPool(kind == GlobalPoolKind::kMax, planes, size, blocked.data(), y.data(), pool);
        const auto got = FromBlocked(y, one);
        for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], expected[i], 1e-6) << target << c.x.ToString() << " at " << i;
      }
    }
  ASSERT_TRUE(ChooseSimdTarget("").ok());
}

TEST(BlockedScale, ScalesEachChannel) {
  const int64_t size = 7, planes = 4;
  std::vector<float> x(static_cast<size_t>(planes * size * kChannelBlock)), y(x.size());
  std::vector<float> scale(2 * kChannelBlock), bias(scale.size());
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 13) - 6;
  for (size_t i = 0; i < scale.size(); ++i) scale[i] = static_cast<float>(i) / 8, bias[i] = static_cast<float>(i % 3);
  ThreadPool pool(2);
  for (const std::string& target : SimdTargets()) {
    ASSERT_TRUE(ChooseSimdTarget(target).ok());
    BlockedScale({planes, size, x.data(), scale.data(), 2, bias.data(), y.data()}, pool);
    for (size_t i = 0; i < x.size(); ++i) {
      const size_t plane = i / kChannelBlock / static_cast<size_t>(size), channel = plane % 2 * kChannelBlock + i % kChannelBlock;
      ASSERT_EQ(y[i], x[i] * scale[channel] + bias[channel]);
    }
  }
  ASSERT_TRUE(ChooseSimdTarget("").ok());
}

}  // namespace
}  // namespace sardonyx::kernels
