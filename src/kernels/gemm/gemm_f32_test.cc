#include "kernels/gemm/gemm_f32.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

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

struct Case {
  int64_t m, n, k;
  bool transpose_a = false, transpose_b = false, pack_b = false;
};

std::vector<float> Compute(const Case& c, const std::vector<float>& a, const std::vector<float>& b, const EpilogueF32& epilogue,
                           int threads) {
  ThreadPool pool(threads);
  std::vector<float> result(static_cast<size_t>(c.m * c.n) + 1, 7.0f);
  GemmF32Arguments g{.m = c.m, .n = c.n, .k = c.k};
  g.a = c.transpose_a ? MatrixF32{a.data(), 1, c.m} : MatrixF32{a.data(), c.k, 1};
  g.b = c.transpose_b ? MatrixF32{b.data(), 1, c.k} : MatrixF32{b.data(), c.n, 1};
  g.c = result.data();
  g.c_stride = c.n;
  g.epilogue = epilogue;
  AlignedBuffer<float> packed_b(PackedColumnsSize(c.k, c.n));
  if (c.pack_b) PackColumnsF32(g.b, c.k, c.n, packed_b.data(), pool), g.packed_b = packed_b.data();
  AlignedBuffer<char> workspace(static_cast<int64_t>(GemmF32Workspace(g, threads)));
  GemmF32(g, workspace.data(), pool);
  EXPECT_EQ(result.back(), 7.0f) << "wrote beyond C";
  result.pop_back();
  return result;
}

TEST(GemmF32, EqualsDoubleForEverySizeLayoutAndPacking) {
  for (int64_t m : {1, 2, 7, 12, 13, 49, 129})
    for (int64_t n : {1, 15, 16, 17, 32, 33, 127, 300})
      for (int64_t k : {0, 1, 7, 127, 256, 257, 600})
        for (int flags = 0; flags < 8; ++flags) {
          if (flags != 0 && m * n * k > 3000000) continue;
          const Case c{m, n, k, (flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0};
          const std::vector<float> a = Random(m * k, 1), b = Random(k * n, 2);
          const std::vector<float> result = Compute(c, a, b, {}, 1);
          for (int64_t i = 0; i < m; i += std::max<int64_t>(1, m / 5))
            for (int64_t j = 0; j < n; ++j) {
              double expected = 0;
              for (int64_t p = 0; p < k; ++p)
                expected += double(c.transpose_a ? a[p * m + i] : a[i * k + p]) * (c.transpose_b ? b[j * k + p] : b[p * n + j]);
              ASSERT_NEAR(result[i * n + j], expected, 1e-5 * (1 + std::sqrt(double(k))))
                  << m << "x" << n << "x" << k << " flags " << flags;
            }
        }
}

// Sizes on both sides of every boundary: rows that take the skinny path and more than a panel, columns that fill panels
// and vectors or not, one depth block and several.
TEST(GemmF32, EqualsDoubleOnEveryInstructionSet) {
  for (const std::string& target : SimdTargets()) {
    ASSERT_TRUE(ChooseSimdTarget(target).ok());
    for (int64_t m : {1, 2, 3, 4, 5, 6, 8, 12, 25})
      for (int64_t n : {1, 7, 31, 32, 129, 288})
        for (int64_t k : {1, 127, 385, 800})
          for (bool pack : {false, true}) {
            const Case c{m, n, k, false, false, pack};
            const std::vector<float> a = Random(m * k, 1), b = Random(k * n, 2), bias = Random(n, 3);
            EpilogueF32 e{.column_bias = bias.data()};
            e.activation.kind = ActivationKind::kGelu;
            const std::vector<float> result = Compute(c, a, b, e, 2);
            for (int64_t i = 0; i < m; i += 3)
              for (int64_t j = 0; j < n; ++j) {
                double x = bias[j];
                for (int64_t p = 0; p < k; ++p) x += double(a[i * k + p]) * b[p * n + j];
                const double expected = x / 2 * (1 + std::erf(x * std::sqrt(0.5)));
                ASSERT_NEAR(result[i * n + j], expected, 2e-6 * (1 + std::sqrt(double(k)))) << target << " " << m << "x" << n << "x" << k;
              }
          }
  }
  ASSERT_TRUE(ChooseSimdTarget("").ok());
}

TEST(GemmF32, SameBitsWithAnyNumberOfThreads) {
  for (const int64_t m : {1, 4, 16, 61, 300})
    for (const bool pack : {false, true}) {
      const Case c{m, 515, 700, false, false, pack};
      const std::vector<float> a = Random(c.m * c.k, 3), b = Random(c.k * c.n, 4);
      const std::vector<float> one = Compute(c, a, b, {}, 1);
      for (int threads : {2, 3, 7}) EXPECT_EQ(Compute(c, a, b, {}, threads), one) << m << " rows, " << threads << " threads";
    }
}

TEST(Pack, RowsAndColumnsOfAnyStrides) {
  ThreadPool pool(2);
  for (int64_t n : {1, 31, 70})
    for (int64_t k : {1, 5, 33}) {
      const std::vector<float> b = Random(4 * n * k, 1);
      for (const MatrixF32& matrix : {MatrixF32{b.data(), n, 1}, MatrixF32{b.data(), 1, k}, MatrixF32{b.data(), 2 * n, 2}}) {
        AlignedBuffer<float> packed(PackedColumnsSize(k, n)), rows(n * k);
        PackColumnsF32(matrix, k, n, packed.data(), pool);
        for (int64_t j = 0; j < PackedColumnsSize(k, n) / k; ++j)
          for (int64_t p = 0; p < k; ++p)
            ASSERT_EQ(packed.data()[j / kPanelColumns * k * kPanelColumns + p * kPanelColumns + j % kPanelColumns],
                      j < n ? matrix.data[p * matrix.row_stride + j * matrix.column_stride] : 0.0f);
        PackRowsF32(matrix.Transposed(), n, k, rows.data(), pool);
        for (int64_t i = 0; i < n; ++i)
          for (int64_t p = 0; p < k; ++p) {
            const int64_t panel = i / kPanelRows, width = std::min(kPanelRows, n - panel * kPanelRows);
            ASSERT_EQ(rows.data()[panel * kPanelRows * k + p * width + i % kPanelRows],
                      matrix.data[p * matrix.row_stride + i * matrix.column_stride]);
          }
      }
    }
}

TEST(GemmF32, EpilogueAppliesScaleBiasResidualAndActivation) {
  for (int64_t k : {3, 300})
    for (int64_t m : {1, 14}) {
      const Case c{m, 37, k};
      const std::vector<float> a = Random(c.m * c.k, 5), b = Random(c.k * c.n, 6);
      const std::vector<float> rows = Random(c.m, 7), columns = Random(c.n, 8), residual = Random(c.m * c.n, 9);
      EpilogueF32 e{.scale = 0.5f, .bias_scale = 2, .row_bias = rows.data(), .column_bias = columns.data()};
      e.residual = residual.data();
      e.residual_stride = c.n;
      e.activation = {ActivationKind::kLeakyRelu, 0.1f};
      const std::vector<float> plain = Compute(c, a, b, {}, 2), result = Compute(c, a, b, e, 2);
      for (int64_t i = 0; i < c.m; ++i)
        for (int64_t j = 0; j < c.n; ++j) {
          const float x = 0.5f * plain[i * c.n + j] + 2 * (rows[i] + columns[j] + residual[i * c.n + j]);
          EXPECT_NEAR(result[i * c.n + j], x >= 0 ? x : 0.1f * x, 1e-5);
        }
    }
}

TEST(Activation, VectorFormEqualsScalarForm) {
  for (std::string_view name : {"Relu", "LeakyRelu", "ThresholdedRelu", "HardSigmoid", "Affine", "Sigmoid", "Tanh", "ScaledTanh", "Elu",
                                "Softsign", "Softplus", "Silu", "HardSwish", "Gelu", "GeluTanh"}) {
    const Activation activation = *ParseActivation(name);
    std::vector<float> data;
    for (float x = -120; x <= 120; x += 0.37f) data.push_back(x);
    for (float x : {0.0f, -0.0f, 1e-8f, -1e-8f, 1e-30f, 3e38f, -3e38f, INFINITY, -INFINITY}) data.push_back(x);
    std::vector<float> result = data;
    ActivateF32(activation, result.data(), static_cast<int64_t>(result.size()));
    for (size_t i = 0; i < data.size(); ++i) {
      const float expected = Activate(activation, data[i]);
      if (std::isinf(expected) || std::isnan(expected)) continue;
      EXPECT_NEAR(result[i], expected, 2e-6f * std::max(1.0f, std::abs(expected))) << name << "(" << data[i] << ")";
    }
  }
  EXPECT_FALSE(ParseActivation("Sine").has_value());
}

TEST(GemmF32, ColumnsOfFloat16GiveWhatTheSameNumbersDo) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (const std::string& target : SimdTargets()) {
    ASSERT_TRUE(ChooseSimdTarget(target).ok());
    for (const int threads : {1, 3})
      for (const int64_t m : {1, 2, 5, 6, 13, 40, 200})
        for (const auto& [n, k] : {std::pair<int64_t, int64_t>{1, 5}, {33, 40}, {130, 17}, {96, 800}}) {
          SCOPED_TRACE(testing::Message() << target << " " << threads << " threads " << m << "x" << k << "x" << n);
          ThreadPool pool(threads);
          std::vector<float> a(static_cast<size_t>(m * k)), bias(static_cast<size_t>(n));
          std::vector<Float16> w(static_cast<size_t>(k * n));  // [n, k]
          for (float& x : a) x = uniform(random);
          for (float& x : bias) x = uniform(random);
          for (Float16& x : w) x = Float16(uniform(random));
          const std::vector<float> wide(w.begin(), w.end());
          AlignedBuffer<float> packed(PackedColumnsSize(k, n));
          AlignedBuffer<Float16> half(PackedColumnsSize(k, n));
          PackColumnsF32({wide.data(), 1, k}, k, n, packed.data(), pool);
          PackColumnsF16({w.data(), 1, k}, k, n, half.data(), pool);
          std::vector<float> expected(static_cast<size_t>(m * n)), got = expected;
          GemmF32Arguments g{.m = m, .n = n, .k = k, .a = {a.data(), k, 1}, .packed_b = packed.data(), .c = expected.data(), .c_stride = n};
          g.epilogue.column_bias = bias.data();
          AlignedBuffer<char> workspace(static_cast<int64_t>(GemmF32Workspace(g, threads)));
          GemmF32(g, workspace.data(), pool);
          g.packed_b = nullptr;
          g.packed_b_half = half.data();
          g.c = got.data();
          GemmF32(g, workspace.data(), pool);
          ASSERT_EQ(got, expected);
        }
  }
  ASSERT_TRUE(ChooseSimdTarget("").ok());
}

}  // namespace
}  // namespace sardonyx::kernels
