#include "kernels/gemm/matmul_i8.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace sardonyx::kernels {
namespace {

TEST(Requantize, RoundsHalfToEvenAndSaturates) {
  const int32_t sums[] = {1, 3, 5, -1, -3, 1000000, -1000000, std::numeric_limits<int32_t>::max()};
  const float scale = 0.5f;
  int8_t out[8];
  Requantize<int8_t>(sums, 8, 1, &scale, 0, 0, out);
  EXPECT_EQ(std::vector<int8_t>(out, out + 8), (std::vector<int8_t>{0, 2, 2, 0, -2, 127, -128, 127}));
  uint8_t bytes[8];
  Requantize<uint8_t>(sums, 8, 1, &scale, 0, 10, bytes);
  EXPECT_EQ(std::vector<uint8_t>(bytes, bytes + 8), (std::vector<uint8_t>{10, 12, 12, 10, 8, 255, 0, 255}));
  const float nan = NAN;
  Requantize<int8_t>(sums, 1, 1, &nan, 0, 0, out);
  EXPECT_EQ(out[0], -128);
}

TEST(QuantizeDynamically, SpansTheRangeAndZero) {
  const float x[] = {-1, 0, 3};
  uint8_t out[3];
  const DynamicScale scale = QuantizeDynamically(x, 3, out);
  EXPECT_FLOAT_EQ(scale.scale, 4.0f / 255);
  EXPECT_EQ(scale.zero_point, 64);
  EXPECT_EQ(std::vector<uint8_t>(out, out + 3), (std::vector<uint8_t>{0, 64, 255}));
  const float zeros[] = {0, 0, 0};
  EXPECT_EQ(QuantizeDynamically(zeros, 3, out).zero_point, 0);
}

TEST(DequantizeBlockwise, UnpacksLowNibblesFirstWithAZeroPointABlock) {
  // One row of 3 values in blocks of 2: nibbles 1 2 | 9 (-).
  const uint8_t data[] = {0x21, 0x09}, zeros[] = {0x81};
  const float scales[] = {10, 0.5f};
  BlockwiseWeights w{.n = 1, .k = 3, .bits = 4, .block_size = 2, .data = data, .scales = scales};
  float out[3];
  ThreadPool pool(1);
  DequantizeBlockwise(w, out, pool);
  EXPECT_EQ(std::vector<float>(out, out + 3), (std::vector<float>{-70, -60, 0.5f}));
  w.zero_points = zeros;  // 1, then 8
  DequantizeBlockwise(w, out, pool);
  EXPECT_EQ(std::vector<float>(out, out + 3), (std::vector<float>{0, 10, 0.5f}));
}

TEST(CheckZeroPoints, NamesTheLength) {
  EXPECT_TRUE(CheckZeroPoints("z", 3, 3, 2).ok());
  EXPECT_TRUE(CheckZeroPoints("z", 6, 3, 2).ok());
  EXPECT_EQ(CheckZeroPoints("z", 2, 3, 2).code(), StatusCode::kInvalid);
}

}  // namespace
}  // namespace sardonyx::kernels
