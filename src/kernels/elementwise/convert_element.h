// ConvertElement<To>(x): the cast of one element, as ONNX's Cast defines it.
#pragma once

#include <bit>
#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "sardonyx/float_types.h"

namespace sardonyx::kernels {

// What a cast to a float of 8 bits or less does at the edges: attributes `saturate` and `round_mode` of Cast.
struct ConvertOptions {
  Overflow overflow = Overflow::kSaturate;
  Float8E8M0Rounding e8m0_rounding = Float8E8M0Rounding::kUp;
};

// Floats that have no arithmetic of their own: they are computed with as float.
template <class T>
inline constexpr bool kIsStorageFloat =
    std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16> || std::is_same_v<T, Float8E4M3FN> || std::is_same_v<T, Float8E4M3FNUZ> ||
    std::is_same_v<T, Float8E5M2> || std::is_same_v<T, Float8E5M2FNUZ> || std::is_same_v<T, Float8E8M0> || std::is_same_v<T, Float6E2M3> ||
    std::is_same_v<T, Float6E3M2> || std::is_same_v<T, Float4E2M1>;

// A double as a float whose last bit remembers what was lost, so that rounding it again, to a narrower type, gives what
// one rounding of the double would have given.
inline float RoundToOdd(double x) {
  const float nearest = static_cast<float>(x);
  if (static_cast<double>(nearest) == x || !std::isfinite(nearest)) return nearest;
  uint32_t bits = std::bit_cast<uint32_t>(nearest);
  if (std::fabs(static_cast<double>(nearest)) > std::fabs(x)) --bits;  // towards zero
  return std::bit_cast<float>(bits | 1u);
}

// Truncates; what does not fit, and NaN, becomes the lowest integer, as x86 has it. Written without a branch around the
// conversion so that loops over it vectorize.
template <class Integer, class Float>
inline Integer TruncateToSigned(Float x) {
  constexpr Float kLowest = static_cast<Float>(std::numeric_limits<Integer>::min());
  const Float bounded = x >= kLowest ? x : kLowest;
  return static_cast<Integer>(x < -kLowest ? bounded : kLowest);
}

template <class To, class Float>
inline To FloatToInteger(Float x) {
  if constexpr (std::is_same_v<To, uint64_t>) {
    constexpr Float kHalfRange = static_cast<Float>(9223372036854775808.0);
    if (x >= kHalfRange && x < 2 * kHalfRange) return static_cast<uint64_t>(x);
    return static_cast<uint64_t>(TruncateToSigned<int64_t>(x));
  } else if constexpr (sizeof(To) == 8 || std::is_same_v<To, uint32_t>) {
    return static_cast<To>(TruncateToSigned<int64_t>(x));
  } else {
    return static_cast<To>(TruncateToSigned<int32_t>(x));  // narrower integers keep the low bits
  }
}

template <class To>
inline To FloatToStorage(float x, const ConvertOptions& options) {
  if constexpr (std::is_same_v<To, Float16> || std::is_same_v<To, BFloat16>)
    return To(x);
  else if constexpr (std::is_same_v<To, Float8E8M0>)
    return RoundToFloat8E8M0(x, options.e8m0_rounding, options.overflow);
  else
    return To(x, options.overflow);
}

template <class To, class From>
inline To ConvertElement(From x, const ConvertOptions& options = {}) {
  if constexpr (std::is_same_v<To, From>)
    return x;
  else if constexpr (kIsStorageFloat<From>)
    return ConvertElement<To>(static_cast<float>(x), options);
  else if constexpr (std::is_same_v<To, bool>)
    return x != From(0);
  else if constexpr (kIsStorageFloat<To> && std::is_same_v<From, double>)
    return FloatToStorage<To>(RoundToOdd(x), options);
  else if constexpr (kIsStorageFloat<To>)
    return FloatToStorage<To>(static_cast<float>(x), options);
  else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>)
    return FloatToInteger<To>(x);
  else
    return static_cast<To>(x);
}

}  // namespace sardonyx::kernels
