#include "kernels/elementwise/half_rows.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <vector>

#include "kernels/gemm/simd_choice.h"

namespace sardonyx::kernels {
namespace {

bool Same(float a, float b) { return std::isnan(a) ? std::isnan(b) : std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b); }

TEST(HalfRows, AreThoseOfFloat16) {
  std::vector<Float16> halves;
  for (int bits = 0; bits < 65536 + 5; ++bits) halves.push_back(Float16::FromBits(static_cast<uint16_t>(bits)));  // an odd tail
  // Every half, what lies between it and the next, and what lies just beside.
  std::vector<float> floats;
  for (size_t i = 0; i + 1 < halves.size(); ++i) {
    const float low = static_cast<float>(halves[i]), high = static_cast<float>(halves[i + 1]), middle = low + (high - low) / 2;
    for (const float x : {low, middle, std::nextafter(middle, low), std::nextafter(middle, high), low * 1e-9f, low * 1e9f}) floats.push_back(x);
  }
  for (const std::string& target : SimdTargets()) {
    SCOPED_TRACE(target);
    ASSERT_TRUE(ChooseSimdTarget(target).ok());
    std::vector<float> wide(halves.size());
    HalvesToFloats(halves.data(), static_cast<int64_t>(halves.size()), wide.data());
    for (size_t i = 0; i < halves.size(); ++i) ASSERT_TRUE(Same(wide[i], static_cast<float>(halves[i]))) << i;
    std::vector<Float16> narrow(floats.size());
    FloatsToHalves(floats.data(), static_cast<int64_t>(floats.size()), narrow.data());
    for (size_t i = 0; i < floats.size(); ++i)
      ASSERT_TRUE(Same(static_cast<float>(narrow[i]), static_cast<float>(Float16(floats[i])))) << floats[i];
  }
  ASSERT_TRUE(ChooseSimdTarget("").ok());
}

}  // namespace
}  // namespace sardonyx::kernels
