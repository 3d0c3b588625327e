#include "kernels/conv/conv.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "kernels/conv/conv_transpose.h"
#include "kernels/gemm/aligned_buffer.h"
#include "kernels/gemm/gemm_i8.h"

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

struct Case {
  Dims x, w;
  int64_t groups = 1;
  WindowAttributes attributes = {};
};

std::vector<Case> Cases() {
  using V = std::vector<int64_t>;
  std::vector<Case> cases = {
      {{1, 3, 8, 9}, {5, 3, 3, 3}},
      {{2, 4, 7, 7}, {6, 4, 1, 1}},
      {{2, 70, 9, 33}, {14, 70, 2, 3}, 1, {AutoPad::kNotSet, V{2, 1}, V{}, V{1, 0, 2, 1}}},
      {{1, 6, 17, 19}, {9, 2, 3, 3}, 3, {AutoPad::kNotSet, V{}, V{2, 2}, V{2, 2, 2, 2}}},
      {{1, 8, 40, 41}, {8, 1, 3, 3}, 8, {AutoPad::kNotSet, V{}, V{}, V{1, 1, 1, 1}}},
      {{2, 8, 40, 75}, {16, 1, 5, 3}, 8, {AutoPad::kNotSet, V{2, 2}, V{}, V{2, 1, 2, 1}}},
      {{1, 4, 30, 30}, {4, 1, 3, 3}, 4, {AutoPad::kSameLower, V{3, 3}, V{2, 2}, V{}}},
      {{1, 3, 50}, {4, 3, 7}, 1, {AutoPad::kSameUpper, V{3}, V{}, V{}}},
      {{1, 2, 5, 6, 7}, {3, 2, 2, 3, 2}, 1, {AutoPad::kNotSet, V{1, 2, 1}, V{}, V{0, 1, 1, 1, 0, 1}}},
      {{1, 300, 4, 5}, {13, 300, 3, 3}, 1, {AutoPad::kValid, V{}, V{}, V{}}},
      {{0, 3, 8, 9}, {5, 3, 3, 3}},
      {{1, 2, 3, 6, 7}, {4, 1, 1, 3, 3}, 2, {AutoPad::kNotSet, V{2, 1, 1}, V{}, V{1, 1, 1, 0, 1, 1}}},  // slides over a depth
  };
  // One channel a group, at widths around those of vectors.
  for (int64_t width : {1, 7, 14, 16, 17, 33, 112})
    for (int64_t stride : {1, 2, 3})
      for (int64_t dilation : {1, 3})
        cases.push_back({{2, 3, 9, width}, {6, 1, 5, 3}, 3, {AutoPad::kNotSet, V{stride, stride}, V{1, dilation}, V{2, 3, 3, 3}}});
  return cases;
}

TEST(ConvF32, EqualsPlainLoopsInDouble) {
  for (const Case& c : Cases())
    for (int threads : {1, 3}) {
      const StatusOr<ConvShape> planned = PlanConv(c.x, c.w, c.groups, {}, c.attributes);
      ASSERT_TRUE(planned.ok()) << planned.status().ToString();
      const ConvShape& s = *planned;
      ThreadPool pool(threads);
      const auto x = Random<float>(c.x.num_elements(), 1), w = Random<float>(c.w.num_elements(), 2), bias = Random<float>(c.w[0], 3);
      const std::vector<double> xd(x.begin(), x.end()), wd(w.begin(), w.end()), bd(bias.begin(), bias.end());
      std::vector<float> y(static_cast<size_t>(s.output.num_elements()));
      std::vector<double> expected(y.size());
      ConvGeneric(s, xd.data(), wd.data(), bd.data(), expected.data(), pool);
      AlignedBuffer<float> packed(c.w.num_elements());
      PackConvWeightsF32(w.data(), s.groups, s.outputs, s.depth(), packed.data(), pool);
      ConvF32Arguments a{.shape = s, .x = x.data(), .w = w.data(), .packed_w = packed.data(), .bias = bias.data()};
      a.y = y.data();
      a.activation = {ActivationKind::kRelu};
      AlignedBuffer<char> workspace(static_cast<int64_t>(ConvF32Workspace(s, threads)));
      ConvF32(a, workspace.data(), pool);
      for (size_t i = 0; i < y.size(); ++i) ASSERT_NEAR(y[i], std::max(expected[i], 0.0), 2e-4) << c.x.ToString() << " at " << i;
    }
}

TEST(ConvI8, EqualsPlainLoops) {
  struct Keep : ConvI8Arguments::Sink {
    const ConvShape* s;
    std::vector<int32_t>* y;
    void Store(int64_t image, int64_t row, int64_t rows, int64_t first, int64_t columns, const int32_t* sums,
               int64_t stride) const override {
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t j = 0; j < columns; ++j)
          (*y)[(image * s->groups * s->outputs + row + r) * s->window.output_size() + first + j] = sums[r * stride + j];
    }
  };
  for (const Case& c : Cases()) {
    const ConvShape s = *PlanConv(c.x, c.w, c.groups, {}, c.attributes);
    std::mt19937 generator(1);
    std::vector<uint8_t> x(static_cast<size_t>(c.x.num_elements()));
    std::vector<int8_t> w(static_cast<size_t>(c.w.num_elements()));
    for (auto& v : x) v = static_cast<uint8_t>(generator());
    for (auto& v : w) v = static_cast<int8_t>(generator());
    const int x_zero = 120;
    const int8_t w_zero = 3;
    std::vector<double> xd, wd;
    for (auto v : x) xd.push_back(v - x_zero);
    for (auto v : w) wd.push_back(v - w_zero);
    ThreadPool pool(2);
    std::vector<double> expected(static_cast<size_t>(s.output.num_elements()));
    ConvGeneric<double>(s, xd.data(), wd.data(), nullptr, expected.data(), pool);
    const int64_t each = PackedRowsSizeI8(s.outputs, s.depth());
    AlignedBuffer<int16_t> packed(each * s.groups);
    for (int64_t g = 0; g < s.groups; ++g)
      PackRowsI8({w.data() + g * s.outputs * s.depth(), true, s.depth(), 1, &w_zero, 0}, s.outputs, s.depth(), packed.data() + g * each,
                 pool);
    std::vector<int32_t> y(expected.size());
    Keep keep;
    keep.s = &s;
    keep.y = &y;
    AlignedBuffer<char> workspace(static_cast<int64_t>(ConvI8Workspace(s, 2)));
    ConvI8({.shape = s, .x = x.data(), .x_signed = false, .x_zero_point = x_zero, .packed_w = packed.data(), .sink = &keep},
           workspace.data(), pool);
    for (size_t i = 0; i < y.size(); ++i) ASSERT_EQ(y[i], expected[i]) << c.x.ToString() << " at " << i;
  }
}

// <ConvTranspose(x), z> == <x, Conv(z)> for every z: the definition of a transpose.
TEST(ConvTranspose, IsTheTransposeOfConv) {
  using V = std::vector<int64_t>;
  for (const WindowAttributes& attributes : {WindowAttributes{}, WindowAttributes{AutoPad::kNotSet, V{2, 3}, V{2, 1}, V{1, 0, 1, 1}}}) {
    const Dims x_dims{2, 6, 5, 4}, w_dims{6, 2, 3, 4};
    ConvTransposeAttributes t{attributes, {}, {}};
    const auto planned = PlanConvTranspose(x_dims, w_dims, 3, {}, t);
    ASSERT_TRUE(planned.ok()) << planned.status().ToString();
    const auto x = Random<float>(x_dims.num_elements(), 1), w = Random<float>(w_dims.num_elements(), 2);
    ThreadPool pool(2);
    std::vector<float> y(static_cast<size_t>(planned->output.num_elements()));
    AlignedBuffer<char> workspace(static_cast<int64_t>(ConvTransposeWorkspace<float>(*planned)));
    ConvTranspose<float>(*planned, x.data(), w.data(), nullptr, y.data(), workspace.data(), pool);

    const ConvShape s = *PlanConv(planned->output, w_dims, 3, {}, attributes);
    ASSERT_EQ(s.output, x_dims) << s.output.ToString();
    const auto z = Random<double>(planned->output.num_elements(), 3);
    const std::vector<double> wd(w.begin(), w.end());
    std::vector<double> back(x.size());
    ConvGeneric<double>(s, z.data(), wd.data(), nullptr, back.data(), pool);
    double left = 0, right = 0;
    for (size_t i = 0; i < y.size(); ++i) left += y[i] * z[i];
    for (size_t i = 0; i < x.size(); ++i) right += x[i] * back[i];
    EXPECT_NEAR(left, right, 1e-3);
  }
}

TEST(PlanConv, RejectsWhatDoesNotFit) {
  EXPECT_EQ(PlanConv(Dims{1, 3, 8, 8}, Dims{4, 2, 3, 3}, 1, {}, {}).status().code(), StatusCode::kInvalid);
  EXPECT_EQ(PlanConv(Dims{1, 3, 8}, Dims{4, 3, 3, 3}, 1, {}, {}).status().code(), StatusCode::kInvalid);
  EXPECT_EQ(PlanConv(Dims{1, 3, 2, 2}, Dims{4, 3, 3, 3}, 1, {}, {}).status().code(), StatusCode::kInvalid);
  EXPECT_EQ(PlanConv(Dims{1, 3, 8, 8}, Dims{4, 3, 3, 3}, 1, {}, {AutoPad::kNotSet, {0, 1}, {}, {}}).status().code(), StatusCode::kInvalid);
  EXPECT_EQ(PlanConv(Dims{1, 3, 8, 8}, Dims{4, 3, 3, 3}, 1, {}, {AutoPad::kNotSet, {1}, {}, {}}).status().code(), StatusCode::kInvalid);
  EXPECT_EQ(PlanConv(Dims{1, 3, 8, 8}, Dims{4, 3, 3, 3}, 0, {}, {}).status().code(), StatusCode::kInvalid);
  const Dims many(2 + kMaxSpatialAxes + 1, 1);
  EXPECT_EQ(PlanConv(many, many, 1, {}, {}).status().code(), StatusCode::kUnsupported);
  const int64_t large = int64_t{1} << 20;
  EXPECT_EQ(PlanConv(Dims{1, 1, large, large, 1, 1}, Dims{1, 1, large, large, 1, 1}, 1, {}, {}).status().code(), StatusCode::kResource);
}

}  // namespace
}  // namespace sardonyx::kernels
