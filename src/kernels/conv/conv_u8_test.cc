#include "kernels/conv/conv_u8.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "kernels/gemm/simd_choice.h"

namespace sardonyx::kernels {
namespace {

struct Case {
  int64_t batch, groups, channels, outputs;  // of a group
  Dims input, kernel;
  WindowAttributes attributes;
};

// By definition, over two axes or one.
std::vector<uint8_t> Reference(const Case& c, const ConvShape& shape, const std::vector<uint8_t>& x, int zero, const std::vector<int8_t>& w,
                               const std::vector<int32_t>& bias, const std::vector<float>& scales, int out_zero) {
  const Window& window = shape.window;
  const WindowAxis &ha = window.height(), &wa = window.width();
  const int64_t all_in = c.groups * c.channels, all_out = c.groups * c.outputs;
  std::vector<uint8_t> y;
  for (int64_t b = 0; b < c.batch; ++b)
    for (int64_t oh = 0; oh < ha.output; ++oh)
      for (int64_t ow = 0; ow < wa.output; ++ow)
        for (int64_t o = 0; o < all_out; ++o) {
          int32_t sum = bias[o];
          for (int64_t i = 0; i < c.channels; ++i)
            for (int64_t kh = 0; kh < ha.kernel; ++kh)
              for (int64_t kw = 0; kw < wa.kernel; ++kw) {
                const int64_t h = ha.Start(oh) + kh * ha.dilation, v = wa.Start(ow) + kw * wa.dilation;
                if (h < 0 || h >= ha.input || v < 0 || v >= wa.input) continue;
                const int64_t channel = o / c.outputs * c.channels + i;
                sum += (x[((b * ha.input + h) * wa.input + v) * all_in + channel] - zero) *
                       w[((o * c.channels + i) * ha.kernel + kh) * wa.kernel + kw];
              }
          y.push_back(static_cast<uint8_t>(std::clamp(std::nearbyintf(static_cast<float>(sum) * scales[o]) + out_zero, 0.f, 255.f)));
        }
  return y;
}

TEST(ConvU8, EveryTargetIsExact) {
  WindowAttributes same3, strided3, dilated;
  same3.pads = {1, 1, 1, 1};
  strided3.pads = {1, 0, 1, 2};
  strided3.strides = {2, 2};
  dilated.dilations = {2, 3};
  dilated.pads = {2, 3, 2, 3};
  WindowAttributes line;
  line.pads = {2, 1};
  const Case cases[] = {
      {1, 1, 4, 7, {5, 6}, {1, 1}, {}},           {2, 1, 64, 64, {7, 7}, {1, 1}, {}},      {1, 1, 3, 17, {9, 8}, {3, 3}, strided3},
      {1, 1, 8, 40, {11, 13}, {3, 3}, same3},     {1, 1, 5, 9, {7, 7}, {3, 3}, dilated},   {2, 2, 8, 16, {6, 5}, {3, 3}, same3},
      {1, 16, 1, 1, {8, 9}, {3, 3}, same3},       {2, 32, 1, 1, {9, 9}, {3, 3}, strided3}, {1, 112, 1, 1, {7, 7}, {5, 5}, same3},
      {1, 80, 1, 1, {10, 12}, {3, 3}, same3},
      {1, 144, 1, 1, {12, 11}, {3, 3}, dilated},  {1, 1, 12, 130, {4, 4}, {2, 2}, {}},     {1, 1, 6, 20, {19}, {4}, line},
      {1, 1, 100, 100, {15, 15}, {1, 1}, {}},
  };
  ThreadPool pool(3);
  for (const std::string& target : SimdTargets()) {
    ASSERT_TRUE(ChooseSimdTarget(target).ok());
    for (const Case& c : cases) {
      SCOPED_TRACE(testing::Message() << target << " groups " << c.groups << " channels " << c.channels << " outputs " << c.outputs);
      std::mt19937 random(7);
      Dims x_dims{c.batch, c.groups * c.channels}, w_dims{c.groups * c.outputs, c.channels};
      for (int64_t d : c.input) x_dims.push_back(d);
      for (int64_t d : c.kernel) w_dims.push_back(d);
      const auto shape = PlanConv(x_dims, w_dims, c.groups, c.kernel, c.attributes);
      ASSERT_TRUE(shape.ok()) << shape.status().ToString();
      std::vector<uint8_t> x(static_cast<size_t>(x_dims.num_elements()));
      std::vector<int8_t> w(static_cast<size_t>(w_dims.num_elements()));
      for (auto& v : x) v = static_cast<uint8_t>(random());
      for (auto& v : w) v = static_cast<int8_t>(random());
      const int zero = 113, out_zero = 5;
      const int64_t outputs = c.groups * c.outputs;
      std::vector<int32_t> bias(static_cast<size_t>(outputs)), offsets(bias.size() + kQuadPanel);
      std::vector<float> scales(offsets.size());
      ConvU8Weights weights(w.data(), c.groups, c.outputs, c.channels, w_dims.Product(2, w_dims.rank()), pool);
      ASSERT_TRUE(weights.ok());
      for (int64_t o = 0; o < outputs; ++o) {
        bias[o] = static_cast<int32_t>(random() % 4000) - 2000;
        scales[o] = 0.001f * static_cast<float>(1 + random() % 20);
        offsets[o] = bias[o] - zero * weights.sums()[o];
      }
      std::vector<uint8_t> y(static_cast<size_t>(shape->output.num_elements()));
      ConvU8Arguments a{.shape = *shape, .x = x.data(), .x_zero_point = zero, .weights = &weights};
      a.epilogue.kind = QuadEpilogue::Kind::kQuantize;
      a.epilogue.offsets = offsets.data();
      a.epilogue.scales = scales.data();
      a.epilogue.zero_point = out_zero;
      a.y = y.data();
      std::vector<char> workspace(ConvU8Workspace(a, pool.threads()) + 64);
      ConvU8(a, reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(workspace.data()) + 63) / 64 * 64), pool);
      EXPECT_EQ(y, Reference(c, *shape, x, zero, w, bias, scales, out_zero));
    }
  }
  ASSERT_TRUE(ChooseSimdTarget("").ok());
}

}  // namespace
}  // namespace sardonyx::kernels
