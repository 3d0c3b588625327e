#include "kernels/generate/generate.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sardonyx::kernels {
namespace {

TEST(Generate, FillsPackedTypes) {
  const uint8_t code = 0x5;
  uint8_t out[2] = {0xff, 0xff};
  FillElements(DataType::kInt4, &code, 3, out);
  EXPECT_EQ(out[0], 0x55);
  EXPECT_EQ(out[1], 0x05);
  const uint8_t two = 0x2;
  FillElements(DataType::kUint2, &two, 5, out);
  EXPECT_EQ(out[0], 0xaa);
  EXPECT_EQ(out[1], 0x02);
  const uint8_t six = 0x2a;
  uint8_t wide[4] = {0xff, 0xff, 0xff, 0xff};
  FillElements(DataType::kFloat6E3M2, &six, 5, wide);
  EXPECT_EQ(std::vector<uint8_t>(wide, wide + 4), (std::vector<uint8_t>{0xaa, 0xaa, 0xaa, 0x2a}));
  FillElements(DataType::kFloat6E3M2, &six, 3, wide);
  EXPECT_EQ(std::vector<uint8_t>(wide, wide + 4), (std::vector<uint8_t>{0xaa, 0xaa, 0x02, 0x2a}));
}

TEST(Generate, RangeLengths) {
  EXPECT_EQ(RangeLength(int64_t{3}, int64_t{9}, int64_t{3}), 2);
  EXPECT_EQ(RangeLength(int64_t{10}, int64_t{4}, int64_t{-2}), 3);
  EXPECT_EQ(RangeLength(int64_t{0}, int64_t{5}, int64_t{-1}), 0);
  EXPECT_EQ(RangeLength(int64_t{0}, int64_t{5}, int64_t{0}), std::nullopt);
  EXPECT_EQ(RangeLength(INT64_MIN, INT64_MAX, int64_t{1}), std::nullopt);
  EXPECT_EQ(RangeLength(INT64_MAX, INT64_MIN, INT64_MIN), 2);
  EXPECT_EQ(RangeLength(0.0, 1.0, 0.3), 4);
  EXPECT_EQ(RangeLength(0.0, 1.0, 0.0), std::nullopt);
  EXPECT_EQ(RangeLength(0.0, std::numeric_limits<double>::infinity(), 1.0), std::nullopt);
  EXPECT_EQ(RangeLength(0.0, std::numeric_limits<double>::quiet_NaN(), 1.0), std::nullopt);
}

TEST(Generate, Windows) {
  double hann[4];
  CosineWindow(0.5, 0.5, 0, 4, true, hann);
  EXPECT_NEAR(hann[0], 0, 1e-15);
  EXPECT_NEAR(hann[1], 0.5, 1e-15);
  EXPECT_NEAR(hann[2], 1, 1e-15);
  CosineWindow(0.5, 0.5, 0, 1, false, hann);
  EXPECT_TRUE(std::isnan(hann[0]));
}

TEST(Generate, OneHotWrapsAndLeavesOut) {
  const int64_t indices[] = {0, -1, 7};
  const float values[] = {2, 5};
  std::vector<float> out(9);
  OneHot(indices, 3, 3, 1, true, DataType::kFloat, values, out.data());
  EXPECT_EQ(out, (std::vector<float>{5, 2, 2, 2, 2, 5, 2, 2, 2}));
  OneHot(indices, 1, 3, 3, false, DataType::kFloat, values, out.data());
  EXPECT_EQ(out, (std::vector<float>{5, 2, 2, 2, 2, 2, 2, 2, 2}));
}

TEST(Generate, NonZeroOfStringsAndNumbers) {
  const std::string s[] = {"", "a"};
  uint8_t flags[3];
  NonZeroFlags(DataType::kString, s, 2, flags);
  EXPECT_EQ(flags[0], 0);
  EXPECT_EQ(flags[1], 1);
  const float x[] = {-0.0f, 1e-40f, 3};
  NonZeroFlags(DataType::kFloat, x, 3, flags);
  EXPECT_EQ(flags[0], 0);
  EXPECT_EQ(flags[1], 1);
}

}  // namespace
}  // namespace sardonyx::kernels
