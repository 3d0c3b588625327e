#include "sardonyx/float_types.h"

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace sardonyx {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
const float kNaN = std::numeric_limits<float>::quiet_NaN();

// Every code survives the way to float and back, and a value halfway between two neighbours goes to the even code.
template <class T, class Bits>
void CheckEveryCode(int codes) {
  for (int i = 0; i < codes; ++i) {
    const float value = static_cast<float>(T::FromBits(static_cast<Bits>(i)));
    const T back(value);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(static_cast<float>(back))) << i;
    } else if (!std::isinf(value)) {
      ASSERT_EQ(back.bits, i) << value;
    }
    if (i + 1 >= codes / 2) continue;
    const float next = static_cast<float>(T::FromBits(static_cast<Bits>(i + 1)));
    if (!std::isfinite(value) || !std::isfinite(next)) continue;
    const float middle = static_cast<float>((static_cast<double>(value) + next) / 2);
    ASSERT_EQ(T(middle).bits, i % 2 == 0 ? i : i + 1) << middle;
    ASSERT_EQ(T(std::nextafter(middle, kInf)).bits, i + 1);
    ASSERT_EQ(T(std::nextafter(middle, -kInf)).bits, i);
  }
}

TEST(FloatTypes, EveryCodeRoundTripsAndTiesGoToEven) {
  CheckEveryCode<Float16, uint16_t>(65536);
  CheckEveryCode<BFloat16, uint16_t>(65536);
  CheckEveryCode<Float8E4M3FN, uint8_t>(256);
  CheckEveryCode<Float8E4M3FNUZ, uint8_t>(256);
  CheckEveryCode<Float8E5M2, uint8_t>(256);
  CheckEveryCode<Float8E5M2FNUZ, uint8_t>(256);
  CheckEveryCode<Float6E2M3, uint8_t>(64);
  CheckEveryCode<Float6E3M2, uint8_t>(64);
  CheckEveryCode<Float4E2M1, uint8_t>(16);
}

TEST(FloatTypes, Float16Limits) {
  EXPECT_EQ(Float16(65504.0f).bits, 0x7bff);
  EXPECT_EQ(Float16(65519.0f).bits, 0x7bff);
  EXPECT_EQ(Float16(65520.0f).bits, 0x7c00);
  EXPECT_EQ(Float16(-1e30f).bits, 0xfc00);
  EXPECT_EQ(Float16(-kInf).bits, 0xfc00);
  EXPECT_EQ(Float16(-0.0f).bits, 0x8000);
  EXPECT_EQ(Float16(5.9604645e-8f).bits, 1);
  EXPECT_EQ(Float16(1e-30f).bits, 0);
  EXPECT_TRUE(std::isnan(static_cast<float>(Float16(std::bit_cast<float>(0x7f800001u)))));
  EXPECT_TRUE(std::isnan(static_cast<float>(BFloat16(std::bit_cast<float>(0x7f800001u)))));
  EXPECT_EQ(BFloat16(std::numeric_limits<float>::max()).bits, 0x7f80);
}

template <class T>
std::vector<int> Bits(const std::vector<float>& values, Overflow overflow) {
  std::vector<int> bits;
  for (float v : values) bits.push_back(T(v, overflow).bits);
  return bits;
}

// The two tables of Cast's page.
TEST(FloatTypes, NarrowFloatsSaturate) {
  const std::vector<float> values = {0.0f, -0.0f, kNaN, -kNaN, kInf, -kInf, 1e6f, -1e6f};
  const Overflow s = Overflow::kSaturate;
  EXPECT_EQ(Bits<Float8E4M3FN>(values, s), (std::vector<int>{0, 0x80, 0x7f, 0xff, 0x7e, 0xfe, 0x7e, 0xfe}));
  EXPECT_EQ(Bits<Float8E4M3FNUZ>(values, s), (std::vector<int>{0, 0, 0x80, 0x80, 0x7f, 0xff, 0x7f, 0xff}));
  EXPECT_EQ(Bits<Float8E5M2>(values, s), (std::vector<int>{0, 0x80, 0x7e, 0xfe, 0x7b, 0xfb, 0x7b, 0xfb}));
  EXPECT_EQ(Bits<Float8E5M2FNUZ>(values, s), (std::vector<int>{0, 0, 0x80, 0x80, 0x7f, 0xff, 0x7f, 0xff}));
  EXPECT_EQ(Bits<Float4E2M1>(values, s), (std::vector<int>{0, 8, 8, 8, 7, 15, 7, 15}));
  EXPECT_EQ(Bits<Float6E2M3>(values, s), (std::vector<int>{0, 32, 32, 32, 31, 63, 31, 63}));
  EXPECT_EQ(Bits<Float6E3M2>(values, s), (std::vector<int>{0, 32, 32, 32, 31, 63, 31, 63}));
}

// OCP MX 1.0, tables 3 and 4: the largest and the smallest values, and what lies beyond and between.
TEST(FloatTypes, Float6Limits) {
  EXPECT_EQ(static_cast<float>(Float6E2M3::FromBits(0x1f)), 7.5f);
  EXPECT_EQ(static_cast<float>(Float6E2M3::FromBits(0x08)), 1.0f);
  EXPECT_EQ(static_cast<float>(Float6E2M3::FromBits(0x21)), -0.125f);
  EXPECT_EQ(static_cast<float>(Float6E3M2::FromBits(0x3f)), -28.0f);
  EXPECT_EQ(static_cast<float>(Float6E3M2::FromBits(0x04)), 0.25f);
  EXPECT_EQ(static_cast<float>(Float6E3M2::FromBits(0x01)), 0.0625f);
  for (const Overflow overflow : {Overflow::kSaturate, Overflow::kNonFinite}) {  // there is nothing but saturation
    EXPECT_EQ(Bits<Float6E2M3>({7.6f, -7.75f, 8.0f, -kInf, 0.0625f, 0.063f}, overflow), (std::vector<int>{31, 63, 31, 63, 0, 1}));
    EXPECT_EQ(Bits<Float6E3M2>({29.0f, -30.0f, 32.0f, -kInf, 0.03125f, 0.032f}, overflow), (std::vector<int>{31, 63, 31, 63, 0, 1}));
  }
}

TEST(FloatTypes, NarrowFloatsOverflowToNonFinite) {
  const std::vector<float> values = {0.0f, -0.0f, kNaN, -kNaN, kInf, -kInf, 1e6f, -1e6f};
  const Overflow n = Overflow::kNonFinite;
  EXPECT_EQ(Bits<Float8E4M3FN>(values, n), (std::vector<int>{0, 0x80, 0x7f, 0xff, 0x7f, 0xff, 0x7f, 0xff}));
  EXPECT_EQ(Bits<Float8E4M3FNUZ>(values, n), (std::vector<int>{0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80}));
  EXPECT_EQ(Bits<Float8E5M2>(values, n), (std::vector<int>{0, 0x80, 0x7e, 0xfe, 0x7c, 0xfc, 0x7c, 0xfc}));
  EXPECT_EQ(Bits<Float8E5M2FNUZ>(values, n), (std::vector<int>{0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80}));
}

// The rounded value decides, not the value itself: 464 rounds to 448, the largest; 465 would round to 480.
TEST(FloatTypes, OverflowIsOfTheRoundedValue) {
  EXPECT_EQ(Float8E4M3FN(464.0f, Overflow::kNonFinite).bits, 0x7e);
  EXPECT_EQ(Float8E4M3FN(465.0f, Overflow::kNonFinite).bits, 0x7f);
  EXPECT_EQ(Float8E5M2(61439.0f, Overflow::kNonFinite).bits, 0x7b);
  EXPECT_EQ(Float8E5M2(61440.0f, Overflow::kNonFinite).bits, 0x7c);
}

TEST(FloatTypes, Float8E8M0RoundsAsAsked) {
  using enum Float8E8M0Rounding;
  const auto bits = [](float v, Float8E8M0Rounding r, Overflow o) { return static_cast<int>(RoundToFloat8E8M0(v, r, o).bits); };
  for (int i = 0; i < 255; ++i) {
    const float value = static_cast<float>(Float8E8M0::FromBits(static_cast<uint8_t>(i)));
    for (auto rounding : {kUp, kDown, kNearest}) EXPECT_EQ(bits(value, rounding, Overflow::kSaturate), i);
  }
  EXPECT_EQ(bits(1.1f, kUp, Overflow::kSaturate), 128);
  EXPECT_EQ(bits(1.9f, kDown, Overflow::kSaturate), 127);
  EXPECT_EQ(bits(1.4f, kNearest, Overflow::kSaturate), 127);
  EXPECT_EQ(bits(1.5f, kNearest, Overflow::kSaturate), 128);
  EXPECT_EQ(bits(0.0f, kUp, Overflow::kSaturate), 0);
  EXPECT_EQ(bits(0.0f, kNearest, Overflow::kNonFinite), 255);
  EXPECT_EQ(bits(kInf, kUp, Overflow::kSaturate), 254);
  EXPECT_EQ(bits(kInf, kNearest, Overflow::kNonFinite), 255);
  EXPECT_EQ(bits(3e38f, kUp, Overflow::kSaturate), 254);
  EXPECT_EQ(bits(3e38f, kUp, Overflow::kNonFinite), 255);
  EXPECT_TRUE(std::isnan(static_cast<float>(Float8E8M0(kNaN))));
}

}  // namespace
}  // namespace sardonyx
