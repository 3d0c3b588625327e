#include "kernels/gemm/matmul.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace sardonyx::kernels {
namespace {

TEST(PlanMatMul, GivesNumpysDims) {
  struct Case {
    Dims a, b, output;
  };
  for (const Case& c : {Case{{3}, {3}, {}}, Case{{2, 3}, {3}, {2}}, Case{{3}, {3, 4}, {4}}, Case{{5, 3}, {2, 3, 4}, {2, 5, 4}},
                        Case{{1, 7, 5, 3}, {2, 1, 3, 4}, {2, 7, 5, 4}}, Case{{0, 5, 3}, {3, 4}, {0, 5, 4}}, Case{{2, 0}, {0, 4}, {2, 4}}}) {
    const StatusOr<MatMulShape> shape = PlanMatMul(c.a, c.b);
    ASSERT_TRUE(shape.ok()) << shape.status().ToString();
    EXPECT_EQ(shape->output, c.output) << shape->output.ToString();
  }
  EXPECT_EQ(PlanMatMul(Dims{2, 3}, Dims{2, 3}).status().code(), StatusCode::kInvalid);
  EXPECT_EQ(PlanMatMul(Dims{}, Dims{3}).status().code(), StatusCode::kInvalid);
  EXPECT_EQ(PlanMatMul(Dims{2, 1, 3}, Dims{3, 3, 1}).status().code(), StatusCode::kInvalid);
}

TEST(MatMulF32, BroadcastsBatchesAndEqualsTheGenericProduct) {
  for (const auto& [a_dims, b_dims] :
       {std::pair<Dims, Dims>{{4, 9, 5}, {5, 7}}, {{9, 5}, {3, 5, 7}}, {{2, 1, 9, 5}, {3, 5, 7}}, {{3, 2, 9, 5}, {3, 2, 5, 7}}})
    for (int transpose = 0; transpose < 4; ++transpose)
      for (int threads : {1, 3}) {
        const bool ta = transpose & 1, tb = transpose & 2;
        Dims a = a_dims, b = b_dims;
        if (ta) std::swap(a[a.rank() - 1], a[a.rank() - 2]);
        if (tb) std::swap(b[b.rank() - 1], b[b.rank() - 2]);
        std::vector<float> left(static_cast<size_t>(a.num_elements())), right(static_cast<size_t>(b.num_elements()));
        for (size_t i = 0; i < left.size(); ++i) left[i] = static_cast<float>(i % 17) - 8;
        for (size_t i = 0; i < right.size(); ++i) right[i] = static_cast<float>(i % 13) - 6;
        MatMulF32Arguments m{.shape = *PlanMatMul(a, b, ta, tb), .a = left.data(), .b = right.data(), .transpose_a = ta, .transpose_b = tb};
        std::vector<float> y(static_cast<size_t>(m.shape.output.num_elements())), expected(y.size());
        ThreadPool pool(threads);
        m.y = y.data();
        AlignedBuffer<char> workspace(static_cast<int64_t>(MatMulF32Workspace(m, threads)));
        MatMulF32(m, workspace.data(), pool);
        MatMulGeneric(m.shape, left.data(), right.data(), ta, tb, expected.data(), pool);
        EXPECT_EQ(y, expected) << a.ToString() << " x " << b.ToString();
      }
}

}  // namespace
}  // namespace sardonyx::kernels
