#include "kernels/elementwise/convert.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/elementwise/cast_string.h"

namespace sardonyx::kernels {
namespace {

using enum DataType;

template <class From, class To>
std::vector<To> Cast(DataType from, const std::vector<From>& in, DataType to, size_t out_count, const ConvertOptions& options = {}) {
  std::vector<To> out(out_count);
  ConvertElements(from, in.data(), to, out.data(), 0, static_cast<int64_t>(in.size()), options);
  return out;
}

TEST(Convert, FloatToIntegersTruncates) {
  const std::vector<float> x = {1.9f, -1.9f, 300.0f, -129.0f, 3e9f, NAN, 0.0f};
  EXPECT_EQ((Cast<float, int32_t>(kFloat, x, kInt32, 7)), (std::vector<int32_t>{1, -1, 300, -129, INT32_MIN, INT32_MIN, 0}));
  EXPECT_EQ((Cast<float, int8_t>(kFloat, x, kInt8, 7)), (std::vector<int8_t>{1, -1, 44, 127, 0, 0, 0}));
  EXPECT_EQ((Cast<float, uint32_t>(kFloat, x, kUint32, 7))[4], 3000000000u);
  EXPECT_EQ((Cast<float, uint8_t>(kFloat, x, kUint8, 7))[1], 255);
  const std::vector<double> big = {1.8e19, 9.3e18, -1.0};
  EXPECT_EQ((Cast<double, uint64_t>(kDouble, big, kUint64, 3)),
            (std::vector<uint64_t>{18000000000000000000u, 9300000000000000000u, UINT64_MAX}));
}

TEST(Convert, IntegersKeepTheLowBits) {
  EXPECT_EQ((Cast<int16_t, int8_t>(kInt16, {200, -129}, kInt8, 2)), (std::vector<int8_t>{-56, 127}));
  EXPECT_EQ((Cast<uint64_t, double>(kUint64, {UINT64_MAX}, kDouble, 1))[0], 18446744073709551615.0);
  EXPECT_EQ((Cast<uint64_t, int32_t>(kUint64, {UINT64_MAX}, kInt32, 1))[0], -1);
}

TEST(Convert, BoolIsAnyNonZero) {
  EXPECT_EQ((Cast<float, uint8_t>(kFloat, {0.0f, -0.0f, 0.1f, NAN}, kBool, 4)), (std::vector<uint8_t>{0, 0, 1, 1}));
  EXPECT_EQ((Cast<uint8_t, float>(kBool, {0, 1, 7}, kFloat, 3)), (std::vector<float>{0, 1, 1}));
}

TEST(Convert, DoubleIsRoundedOnce) {
  // Just above the middle of two float16: by way of float it would become the tie and go down.
  const std::vector<double> x = {1.0 + std::ldexp(1.0, -11) + std::ldexp(1.0, -40)};
  EXPECT_EQ((Cast<double, uint16_t>(kDouble, x, kFloat16, 1))[0], 0x3c01);
  EXPECT_EQ((Cast<double, uint16_t>(kDouble, {1.0 + std::ldexp(1.0, -8) + std::ldexp(1.0, -40)}, kBfloat16, 1))[0], 0x3f81);
  EXPECT_EQ((Cast<double, uint16_t>(kDouble, {1e300}, kFloat16, 1))[0], 0x7c00);
}

TEST(Convert, SubByteTypesPackLowBitsFirst) {
  EXPECT_EQ((Cast<float, uint8_t>(kFloat, {-1, 7, -8, 9, 3}, kInt4, 3)), (std::vector<uint8_t>{0x7f, 0x98, 0x03}));
  EXPECT_EQ((Cast<uint8_t, float>(kInt4, {0x7f, 0x98, 0x03, 0, 0}, kFloat, 5)), (std::vector<float>{-1, 7, -8, -7, 3}));
  EXPECT_EQ((Cast<uint8_t, int64_t>(kUint4, {0x7f, 0x98, 0, 0}, kInt64, 4)), (std::vector<int64_t>{15, 7, 8, 9}));
  EXPECT_EQ((Cast<int8_t, uint8_t>(kInt8, {1, -2, 0, -1, 1}, kInt2, 2)), (std::vector<uint8_t>{0xc9, 0x01}));
  EXPECT_EQ((Cast<uint8_t, int64_t>(kInt2, {0xc9, 0, 0, 0}, kInt64, 4)), (std::vector<int64_t>{1, -2, 0, -1}));
  EXPECT_EQ((Cast<float, uint8_t>(kFloat, {6, -0.5, 100}, kFloat4E2M1, 2)), (std::vector<uint8_t>{0x97, 0x07}));
  // Four of 6 bits in three bytes: 0x1f, 0x29, 0x00, 0x08, and the first of a second group.
  EXPECT_EQ((Cast<float, uint8_t>(kFloat, {100, -1.125, 0, 1, -0.125}, kFloat6E2M3, 4)), (std::vector<uint8_t>{0x5f, 0x0a, 0x20, 0x21}));
  EXPECT_EQ((Cast<uint8_t, double>(kFloat6E2M3, {0x5f, 0x0a, 0x20, 0x21, 0}, kDouble, 5)),
            (std::vector<double>{7.5, -1.125, 0, 1, -0.125}));
  EXPECT_EQ((Cast<uint8_t, int64_t>(kFloat6E3M2, {0xdf, 0x0f, 0x30, 0x00}, kInt64, 4)), (std::vector<int64_t>{28, -28, 0, 1}));
}

TEST(Convert, PackedElementsFromAnyPlace) {
  std::vector<float> x(37), y(37);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 2 == 0 ? i % 8 : 0);
  for (const DataType type : {kUint4, kFloat6E2M3, kFloat6E3M2}) {
    std::vector<uint8_t> packed(28, 0xff);
    StoreElements(x.data(), 4, type, packed.data(), 0);
    StoreElements(x.data() + 4, 33, type, packed.data(), 4);
    EXPECT_EQ(packed[PackedBytes(type, 37) - 1] & 0xc0, 0) << DataTypeName(type);
    for (int64_t begin = 0; begin < 37; ++begin) {
      LoadElements(type, packed.data(), begin, 1, y.data() + begin);
    }
    EXPECT_EQ(y, x) << DataTypeName(type);
  }
}

TEST(Convert, EveryPairOfTypesRoundTripsOne) {
  for (int from = 1; from < kNumDataTypes; ++from) {
    for (int to = 1; to < kNumDataTypes; ++to) {
      const auto a = static_cast<DataType>(from), b = static_cast<DataType>(to);
      if (BitsPerElement(a) == 0 || BitsPerElement(b) == 0 || BitsPerElement(a) > 64 || BitsPerElement(b) > 64) continue;
      if (a == kComplex64 || b == kComplex64) continue;
      std::vector<float> ones(1029, 1.0f);
      std::vector<uint64_t> x(1029), y(1029);
      ConvertElements(kFloat, ones.data(), a, x.data(), 0, 1029);
      ConvertElements(a, x.data(), b, y.data(), 0, 1029);
      std::vector<float> back(1029);
      ConvertElements(b, y.data(), kFloat, back.data(), 0, 1029);
      EXPECT_EQ(back, ones) << DataTypeName(a) << " to " << DataTypeName(b);
    }
  }
}

TEST(CastString, Formats) {
  const std::vector<float> x = {0.47892547f, 1e-7f, 2.0f, -1e20f, NAN, -INFINITY, 123456.0f};
  std::vector<std::string> s(7);
  FormatElements(kFloat, x.data(), s.data(), 0, 7);
  EXPECT_EQ(s, (std::vector<std::string>{"0.47892547", "1e-07", "2.0", "-1e+20", "nan", "-inf", "123456.0"}));
  const Float16 h(0.1f);
  FormatElements(kFloat16, &h, s.data(), 0, 1);
  EXPECT_EQ(s[0], "0.1");
  const int64_t i = INT64_MIN;
  FormatElements(kInt64, &i, s.data(), 0, 1);
  EXPECT_EQ(s[0], "-9223372036854775808");
}

TEST(CastString, Parses) {
  const std::vector<std::string> s = {"3.14", "1e-5", " +INF ", "-inf", "NaN", "1E8", "1e999", "true"};
  std::vector<float> x(8);
  ASSERT_TRUE(ParseElements(s.data(), kFloat, x.data(), 0, 8).ok());
  EXPECT_EQ(x[0], 3.14f);
  EXPECT_EQ(x[1], 1e-5f);
  EXPECT_EQ(x[2], INFINITY);
  EXPECT_EQ(x[3], -INFINITY);
  EXPECT_TRUE(std::isnan(x[4]));
  EXPECT_EQ(x[5], 1e8f);
  EXPECT_EQ(x[6], INFINITY);
  EXPECT_EQ(x[7], 1.0f);
  const std::vector<std::string> n = {"9007199254740993", "100.5", "-7"};
  std::vector<int64_t> y(3);
  ASSERT_TRUE(ParseElements(n.data(), kInt64, y.data(), 0, 3).ok());
  EXPECT_EQ(y, (std::vector<int64_t>{9007199254740993, 100, -7}));
  for (const std::string bad : {"", "Hello World!", "1.5x", "--1"})
    EXPECT_EQ(ParseElements(&bad, kFloat, x.data(), 0, 1).code(), StatusCode::kUsage) << bad;
}

}  // namespace
}  // namespace sardonyx::kernels
