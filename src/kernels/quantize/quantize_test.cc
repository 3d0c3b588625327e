#include "kernels/quantize/quantize.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/quantize/qlinear.h"

namespace sardonyx::kernels {
namespace {

using enum DataType;
using Kind = QuantizationLayout::Kind;

TEST(Quantize, RoundsHalfToEvenAndSaturates) {
  const std::vector<float> x = {0.5f, 1.5f, -2.5f, 1e9f, -INFINITY, NAN};
  const float scale = 1, zero_point = 10;
  std::vector<uint8_t> y(6);
  Quantize({}, {&scale, &zero_point}, kFloat, {}, kFloat, x.data(), kUint8, y.data(), 0, 6);
  EXPECT_EQ(y, (std::vector<uint8_t>{10, 12, 8, 255, 0, 0}));
  std::vector<int16_t> z(6);
  Quantize({}, {&scale, nullptr}, kFloat, {}, kFloat, x.data(), kInt16, z.data(), 0, 6);
  EXPECT_EQ(z, (std::vector<int16_t>{0, 2, -2, 32767, -32768, -32768}));
}

TEST(Quantize, PacksInt4AcrossRunsOfOddLength) {
  const std::vector<float> x = {1, 2, 3, 4, 5, 6}, scales = {1, 2};  // [2, 3], axis 0
  std::vector<uint8_t> y(3);
  Quantize({.kind = Kind::kPerAxis, .length = 2, .inner = 3}, {scales.data(), nullptr}, kFloat, {}, kFloat, x.data(), kInt4, y.data(), 0,
           6);
  EXPECT_EQ(y, (std::vector<uint8_t>{0x21, 0x23, 0x32}));  // 1 2 3 2 2 3
}

TEST(Quantize, NarrowFloatsTakeTheirZeroPoint) {
  const std::vector<float> x = {1, 2, -0.0f, -40, 4.5f};
  const float scale = 2, zero_point = 1, zero = 0;
  std::vector<uint8_t> y(4);
  Quantize({}, {&scale, &zero_point}, kFloat, {}, kFloat, x.data(), kFloat6E2M3, y.data(), 0, 5);  // 1.5 2 1 -7.5 3.25
  EXPECT_EQ(y, (std::vector<uint8_t>{0x0c, 0x84, 0xfc, 0x15}));
  std::vector<float> back(5);
  Dequantize({}, {&scale, &zero_point}, kFloat6E2M3, y.data(), kFloat, back.data(), 0, 5);
  EXPECT_EQ(back, (std::vector<float>{1, 2, 0, -17, 4.5f}));
  const float minus = -0.0f;
  Quantize({}, {&scale, &zero}, kFloat, {}, kFloat, &minus, kFloat8E4M3FN, y.data(), 0, 1);
  EXPECT_EQ(y[0], 0x80);
}

TEST(Quantize, BlocksAlongTheLastAndAnInnerAxis) {
  const std::vector<float> x = {1, 2, 3, 4, 5, 6};
  std::vector<int8_t> y(6);
  const std::vector<float> scales = {1, 0.5f, 0.25f, 0.125f};
  Quantize({.kind = Kind::kBlocked, .length = 3, .inner = 1, .block = 2}, {scales.data(), nullptr}, kFloat, {}, kFloat, x.data(), kInt8,
           y.data(), 0, 6);
  EXPECT_EQ(y, (std::vector<int8_t>{1, 2, 6, 16, 20, 48}));
  Quantize({.kind = Kind::kBlocked, .length = 3, .inner = 2, .block = 2}, {scales.data(), nullptr}, kFloat, {}, kFloat, x.data(), kInt8,
           y.data(), 0, 6);
  EXPECT_EQ(y, (std::vector<int8_t>{1, 4, 3, 8, 20, 48}));
  std::vector<float> back(6);
  Dequantize({.kind = Kind::kBlocked, .length = 3, .inner = 2, .block = 2}, {scales.data(), nullptr}, kInt8, y.data(), kFloat, back.data(),
             0, 6);
  EXPECT_EQ(back, x);
}

TEST(Quantize, DivisionHasThePrecisionAskedFor) {
  const float x = 2049, scale = 2;  // 1024.5 is not a float16
  int16_t y = 0;
  Quantize({}, {&scale, nullptr}, kFloat, {}, kFloat, &x, kInt16, &y, 0, 1);
  EXPECT_EQ(y, 1024);
  const float odd = 2051;
  Quantize({}, {&scale, nullptr}, kFloat, {}, kFloat, &odd, kInt16, &y, 0, 1);
  EXPECT_EQ(y, 1026);
  const float three = 6151, four = 2;  // 3075.5; in float16, whose step there is 2, 3076
  Quantize({}, {&four, nullptr}, kFloat16, {}, kFloat, &three, kInt16, &y, 0, 1);
  EXPECT_EQ(y, 3076);
}

TEST(Quantize, ChoosesParameters) {
  const float x[] = {-1, 0, 1.5f};
  const DynamicParameters p = ChooseUint8Parameters(x, 3);
  EXPECT_FLOAT_EQ(p.scale, 2.5f / 255);
  EXPECT_EQ(p.zero_point, 102);
  EXPECT_EQ(ChooseUint8Parameters(x + 1, 1).scale, 1.0f);
}

TEST(QLinear, TablesAndSums) {
  const Affine x{kInt8, 0.5f, 0}, y{kUint8, 1.0f, 128};
  const ByteTable table = MakeByteTable(x, y, [](float v) { return -v; });
  EXPECT_EQ(table.entries[static_cast<uint8_t>(int8_t{-4})], 130);
  const Dims a{2}, b{1};
  const Dims* shapes[] = {&a, &b};
  const BroadcastLoop loop({2}, shapes);
  const int8_t p[] = {2, 4}, q[] = {6};
  uint8_t sum[2];
  QLinearBinary(QLinearBinaryOp::kAdd, loop, x, p, x, q, y, sum, 0, 2);
  EXPECT_EQ(sum[0], 132);
  EXPECT_EQ(sum[1], 133);
}

}  // namespace
}  // namespace sardonyx::kernels
