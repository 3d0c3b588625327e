#include "kernels/gemm/gemm_nbits.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "kernels/gemm/aligned_buffer.h"
#include "kernels/gemm/simd_choice.h"

namespace sardonyx::kernels {
namespace {

TEST(GemmNBits, EqualsTheProductOfExpandedWeights) {
  ThreadPool pool(2);
  for (const std::string& target : SimdTargets()) {
    ASSERT_TRUE(ChooseSimdTarget(target).ok());
    for (const int64_t bits : {2, 4, 8})
      for (const int64_t block_size : {16, 32, 128})
        for (const int64_t n : {1, 31, 64, 129})
          for (const int64_t k : {1, 127, 128, 600}) {
            BlockwiseWeights w{.n = n, .k = k, .bits = bits, .block_size = block_size};
            std::vector<uint8_t> data(static_cast<size_t>(n * w.blocks() * w.block_bytes())), zeros(static_cast<size_t>(n * w.zero_point_bytes()));
            std::vector<float> scales(static_cast<size_t>(n * w.blocks())), bias(static_cast<size_t>(n)), expanded(static_cast<size_t>(n * k));
            for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<uint8_t>(i * 37 + i / 7);
            for (size_t i = 0; i < zeros.size(); ++i) zeros[i] = static_cast<uint8_t>(i * 91 + 5);
            for (size_t i = 0; i < scales.size(); ++i) scales[i] = 0.01f * static_cast<float>(i % 13 + 1);
            for (size_t i = 0; i < bias.size(); ++i) bias[i] = static_cast<float>(i % 5);
            w.data = data.data();
            w.scales = scales.data();
            if (n % 2 == 1) w.zero_points = zeros.data();
            DequantizeBlockwise(w, expanded.data(), pool);
            PackedNBits packed = PlanNBits(w);
            AlignedBuffer<uint8_t> memory(packed.bytes());
            PackNBits(w, packed, memory.data(), pool);
            packed.data = memory.data();
            for (const int64_t m : {1, 2, 3, 5, 100}) {
              std::vector<float> a(static_cast<size_t>(m * k)), c(static_cast<size_t>(m * n));
              for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(i * 7 % 23) / 11 - 1;
              GemmNBits(m, a.data(), packed, bias.data(), c.data(), pool);
              for (int64_t i = 0; i < m; i += 9)
                for (int64_t j = 0; j < n; ++j) {
                  double expected = bias[j], magnitude = 1;
                  for (int64_t p = 0; p < k; ++p) {
                    expected += double(a[i * k + p]) * expanded[j * k + p];
                    magnitude += std::fabs(double(a[i * k + p]) * expanded[j * k + p]);
                  }
                  ASSERT_NEAR(c[i * n + j], expected, 2e-6 * magnitude) << target << " " << bits << " bits, " << m << "x" << n << "x" << k;
                }
            }
          }
  }
  ASSERT_TRUE(ChooseSimdTarget("").ok());
}

}  // namespace
}  // namespace sardonyx::kernels
