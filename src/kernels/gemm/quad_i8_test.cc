#include "kernels/gemm/quad_i8.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "kernels/gemm/simd_choice.h"

namespace sardonyx::kernels {
namespace {

struct Case {
  int64_t m, k, n;
  std::vector<uint8_t> x;
  std::vector<int8_t> w;  // [k, n]
  std::vector<int32_t> offsets;
  std::vector<float> scales, biases;
  std::vector<int32_t> sums;  // with offsets

  Case(int64_t m, int64_t k, int64_t n) : m(m), k(k), n(n) {
    std::mt19937 random(static_cast<uint32_t>(m * 1000 + k * 10 + n));
    x.resize(static_cast<size_t>(m * k));
    w.resize(static_cast<size_t>(k * n));
    // Extremes first: pairs of them do not fit 16 bits.
    for (size_t i = 0; i < x.size(); ++i) x[i] = i < 40 ? 255 : static_cast<uint8_t>(random());
    for (size_t i = 0; i < w.size(); ++i) w[i] = i < 40 ? (i % 2 ? 127 : -128) : static_cast<int8_t>(random());
    const auto padded = static_cast<size_t>((n + 63) / 64 * 64);
    offsets.resize(padded), scales.resize(padded), biases.resize(padded);
    for (int64_t i = 0; i < n; ++i) {
      offsets[i] = static_cast<int32_t>(random() % 2000) - 1000;
      scales[i] = static_cast<float>(random() % 1000) / 100000;
      biases[i] = static_cast<float>(random() % 100) / 10;
    }
    sums.assign(static_cast<size_t>(m * n), 0);
    for (int64_t r = 0; r < m; ++r)
      for (int64_t c = 0; c < n; ++c) {
        int32_t sum = offsets[c];
        for (int64_t i = 0; i < k; ++i) sum += int32_t{x[r * k + i]} * w[i * n + c];
        sums[r * n + c] = sum;
      }
  }
};

template <class T>
std::vector<T> Compute(const Case& c, QuadEpilogue e, ThreadPool& pool) {
  const QuadWeights weights = PackQuads({c.w.data(), 0, c.n, 1}, 1, c.k, c.n, pool);
  std::vector<T> out(static_cast<size_t>(c.m * c.n), T{77});
  e.offsets = c.offsets.data();
  e.scales = c.scales.data();
  e.biases = c.biases.data();
  e.out = out.data();
  e.stride = c.n;
  ComputeQuadGemm({&weights, c.x.data(), c.m, c.k, e}, pool);
  return out;
}

TEST(QuadI8, EveryTargetIsExact) {
  ThreadPool pool(2);
  for (const std::string& target : SimdTargets()) {
    ASSERT_TRUE(ChooseSimdTarget(target).ok());
    for (const int64_t m : {1, 2, 4, 5, 7, 13, 97, 200})
      for (const int64_t k : {1, 3, 4, 31, 64, 129})
        for (const int64_t n : {1, 15, 16, 17, 32, 48, 63, 64, 65, 130}) {
          if (m > 20 && n * k > 4000) continue;
          SCOPED_TRACE(testing::Message() << target << " " << m << "x" << k << "x" << n);
          const Case c(m, k, n);
          ASSERT_EQ(Compute<int32_t>(c, {.kind = QuadEpilogue::Kind::kSums}, pool), c.sums);
          std::vector<float> floats;
          std::vector<uint8_t> bytes;
          std::vector<int8_t> signed_bytes;
          for (size_t i = 0; i < c.sums.size(); ++i) {
            const float scaled = static_cast<float>(c.sums[i]) * c.scales[i % n];
            floats.push_back(scaled + c.biases[i % n]);
            bytes.push_back(static_cast<uint8_t>(std::clamp(std::nearbyintf(scaled) + 7, 0.f, 255.f)));
            signed_bytes.push_back(static_cast<int8_t>(std::clamp(std::nearbyintf(scaled) - 9, -128.f, 127.f)));
          }
          const std::vector<float> got = Compute<float>(c, {.kind = QuadEpilogue::Kind::kFloat}, pool);
          for (size_t i = 0; i < got.size(); ++i) ASSERT_FLOAT_EQ(got[i], floats[i]);
          ASSERT_EQ(Compute<uint8_t>(c, {.kind = QuadEpilogue::Kind::kQuantize, .zero_point = 7}, pool), bytes);
          ASSERT_EQ(Compute<int8_t>(c, {.kind = QuadEpilogue::Kind::kQuantize, .zero_point = -9, .is_signed = true}, pool), signed_bytes);
        }
  }
  ASSERT_TRUE(ChooseSimdTarget("").ok());
}

}  // namespace
}  // namespace sardonyx::kernels
