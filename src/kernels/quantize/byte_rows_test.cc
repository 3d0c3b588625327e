#include "kernels/quantize/byte_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "kernels/gemm/simd_choice.h"

namespace sardonyx::kernels {
namespace {

class ByteRows : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override {
    std::mt19937 random(11);
    for (int64_t i = 0; i < GetParam(); ++i) {
      a.push_back(static_cast<uint8_t>(random()));
      b.push_back(static_cast<uint8_t>(random()));
      floats.push_back(static_cast<float>(random() % 2001) / 4 - 250);  // many ties
    }
  }
  template <class F>
  void OnEveryTarget(F f) {
    for (const std::string& target : SimdTargets()) {
      SCOPED_TRACE(target);
      ASSERT_TRUE(ChooseSimdTarget(target).ok());
      f();
    }
    ASSERT_TRUE(ChooseSimdTarget("").ok());
  }
  std::vector<uint8_t> a, b;
  std::vector<float> floats;
};

TEST_P(ByteRows, Sums) {
  for (const bool is_signed : {false, true})
    OnEveryTarget([&] {
      const ByteSum sum{0.5f, 0.25f, -3, is_signed ? -4 : 9, is_signed};
      std::vector<uint8_t> out(a.size() + 1, 42);
      AddBytes(sum, a.data(), b.data(), GetParam(), out.data());
      EXPECT_EQ(out.back(), 42);
      for (size_t i = 0; i < a.size(); ++i) {
        const float x = is_signed ? static_cast<int8_t>(a[i]) : a[i], y = is_signed ? static_cast<int8_t>(b[i]) : b[i];
        const float value = std::nearbyintf(x * 0.5f + y * 0.25f - 3) + static_cast<float>(sum.zero_point);
        const float clamped = is_signed ? std::clamp(value, -128.f, 127.f) : std::clamp(value, 0.f, 255.f);
        EXPECT_EQ(out[i], static_cast<uint8_t>(static_cast<int>(clamped)));
      }
    });
}

TEST_P(ByteRows, MaximaAndColumnSums) {
  OnEveryTarget([&] {
    std::vector<uint8_t> out(a.size());
    const uint8_t* rows[] = {a.data(), b.data(), a.data()};
    MaxOfRows(rows, 3, GetParam(), out.data());
    for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(out[i], std::max(a[i], b[i]));
    std::vector<uint8_t> both = a;
    both.insert(both.end(), b.begin(), b.end());
    std::vector<int32_t> sums(a.size(), 1);
    SumRows(both.data(), 2, GetParam(), sums.data());
    for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(sums[i], 1 + a[i] + b[i]);
  });
}

TEST_P(ByteRows, QuantizesAndFindsRanges) {
  OnEveryTarget([&] {
    for (const bool is_signed : {false, true}) {
      const int zero = is_signed ? -20 : 100;
      std::vector<uint8_t> out(floats.size());
      QuantizeToBytes(floats.data(), GetParam(), 1.5f, zero, is_signed, out.data());
      for (size_t i = 0; i < floats.size(); ++i) {
        const float value = std::nearbyintf(floats[i] / 1.5f) + static_cast<float>(zero);
        const float clamped = is_signed ? std::clamp(value, -128.f, 127.f) : std::clamp(value, 0.f, 255.f);
        EXPECT_EQ(out[i], static_cast<uint8_t>(static_cast<int>(clamped)));
      }
    }
    const FloatRange range = RangeOfFloats(floats.data(), GetParam());
    float low = 0, high = 0;
    for (float x : floats) low = std::min(low, x), high = std::max(high, x);
    EXPECT_EQ(range.low, low);
    EXPECT_EQ(range.high, high);
  });
}

INSTANTIATE_TEST_SUITE_P(Sizes, ByteRows, testing::Values(0, 1, 7, 15, 16, 17, 64, 127, 128, 129, 1000));

TEST(QuantizeToBytes, NotANumberGivesTheLowest) {
  const float x[] = {NAN, INFINITY, -INFINITY};
  uint8_t out[3];
  QuantizeToBytes(x, 3, 1, 100, false, out);
  EXPECT_EQ(out[0], 0);
  EXPECT_EQ(out[1], 255);
  EXPECT_EQ(out[2], 0);
}

}  // namespace
}  // namespace sardonyx::kernels
