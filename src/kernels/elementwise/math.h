// Elementary functions of float without branches or table lookups, so that loops over them vectorize, and that give the same
// bits on every machine. Errors are within 3 units in the last place over the whole range unless said otherwise; infinities,
// NaNs and subnormals come out as IEEE wants. Polynomials are minimax fits made for this file; each says
// what it approximates and where. The double overloads are the C library's.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace sardonyx::kernels::math {

// 2^n for -126 <= n <= 127.
inline float PowerOfTwo(int32_t n) { return std::bit_cast<float>((n + 127) << 23); }

// Nearest integer, ties to even; exact for every float (beyond 2^23 all are integers).
inline float RoundHalfEven(float x) {
  const float magic = std::copysign(8388608.0f, x);
  const float rounded = std::copysign((x + magic) - magic, x);
  return std::fabs(x) < 8388608.0f ? rounded : x;
}
inline double RoundHalfEven(double x) { return std::nearbyint(x); }
inline float Floor(float x) {
  const float nearest = RoundHalfEven(x);
  return nearest - (nearest > x ? 1.0f : 0.0f);
}
inline double Floor(double x) { return std::floor(x); }
inline float Ceil(float x) { return -Floor(-x); }
inline double Ceil(double x) { return std::ceil(x); }

namespace internal {
// x as n ln2 + r with |r| <= ln2 / 2. The shift by 1.5 * 2^23 leaves n in the low bits of the sum.
struct Reduced {
  float r;
  int32_t n;
};
inline Reduced ReduceByLn2(float x) {
  constexpr float kShift = 12582912.0f;
  const float shifted = x * 1.44269504f + kShift;
  const float n = shifted - kShift;
  const float r = (x - n * 0.693145752f) - n * 1.42860677e-6f;  // ln2 in two parts; n * the first is exact
  return {r, std::bit_cast<int32_t>(shifted) - 0x4b400000};
}
// (e^r - 1 - r) / r^2 for |r| <= 0.35, error below 1e-10
inline float ExpTail(float r) {
  float p = 1.978926593e-04f;
  p = p * r + 1.394575229e-03f;
  p = p * r + 8.333504200e-03f;
  p = p * r + 4.166628048e-02f;
  p = p * r + 1.666666567e-01f;
  return p * r + 5.000000000e-01f;
}
}  // namespace internal

inline float Exp(float x) {
  // Beyond these the result is infinity, or zero, anyway. A NaN passes both comparisons unchanged.
  float bounded = x > 89.0f ? 89.0f : x;
  bounded = bounded < -104.0f ? -104.0f : bounded;
  const internal::Reduced reduced = internal::ReduceByLn2(bounded);
  const float r = reduced.r;
  const float p = internal::ExpTail(r) * (r * r) + r + 1.0f;
  // In two steps, for 2^n itself may not be a normal float.
  const int32_t half = reduced.n >> 1;
  return p * PowerOfTwo(half) * PowerOfTwo(reduced.n - half);
}
inline double Exp(double x) { return std::exp(x); }

// e^x - 1, accurate near 0.
inline float Expm1(float x) {
  float p = 1.999289525e-04f;  // (e^x - 1 - x) / x^2 for |x| <= 0.5
  p = p * x + 1.399745699e-03f;
  p = p * x + 8.333072998e-03f;
  p = p * x + 4.166531563e-02f;
  p = p * x + 1.666666865e-01f;
  p = p * x + 5.000000596e-01f;
  const float near = p * (x * x) + x;
  const float far = Exp(x) - 1.0f;
  return std::fabs(x) < 0.5f ? near : far;
}
inline double Expm1(double x) { return std::expm1(x); }

inline float Log(float x) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const bool tiny = x < 1.17549435e-38f;  // subnormal (or not positive: mended at the end)
  const float scaled = tiny ? x * 8388608.0f : x;
  // x = m 2^e with m in [sqrt(1/2), sqrt(2))
  const int32_t bits = std::bit_cast<int32_t>(scaled);
  const int32_t e = (bits - 0x3f3504f3) >> 23;
  const float m = std::bit_cast<float>(bits - static_cast<int32_t>(static_cast<uint32_t>(e) << 23));
  const float exponent = static_cast<float>(e) - (tiny ? 23.0f : 0.0f);
  const float f = m - 1.0f;
  const float s = f / (m + 1.0f), z = s * s;
  float p = 2.359633446e-01f;  // (log m - 2s) / s^3 in s^2
  p = p * z + 2.853660285e-01f;
  p = p * z + 4.000034630e-01f;
  p = p * z + 6.666666269e-01f;
  // log m = 2s + s^3 p, and 2s = f - s f: so the leading term is exact.
  const float log_m = f - s * (f - z * p);
  float result = exponent * 0.693145752f + (log_m + exponent * 1.42860677e-6f);
  result = x < kInf ? result : x;  // infinity and NaN stay
  result = x > 0.0f ? result : (x == 0.0f ? -kInf : std::numeric_limits<float>::quiet_NaN());
  return result;
}
inline double Log(double x) { return std::log(x); }

inline float Tanh(float x) {
  const float a = std::fabs(x), z = x * x;
  float p = -5.717036780e-03f;  // (tanh x - x) / x^3 in x^2 for |x| < 0.625
  p = p * z + 2.065057866e-02f;
  p = p * z + -5.374349654e-02f;
  p = p * z + 1.333149076e-01f;
  p = p * z + -3.333328366e-01f;
  const float near = std::copysign(p * z * x + x, x);  // the sum loses the sign of -0
  const float far = std::copysign(1.0f - 2.0f / (Exp(2.0f * a) + 1.0f), x);
  return a < 0.625f ? near : far;
}
inline double Tanh(double x) { return std::tanh(x); }

// Within 4 units in the last place.
template <class T>
inline T Sigmoid(T x) {
  return T(1) / (T(1) + Exp(-x));
}

inline float Erf(float x) {
  const float a = std::fabs(x), z = x * x;
  float p = 7.889119297e-05f;  // erf x / x in x^2 for |x| < 1
  p = p * z + -8.020841051e-04f;
  p = p * z + 5.189535208e-03f;
  p = p * z + -2.685444430e-02f;
  p = p * z + 1.128360033e-01f;
  p = p * z + -3.761262596e-01f;
  p = p * z + 1.128379107e+00f;
  const float near = p * x;
  const float t = a > 4.0f ? 4.0f : a;
  float q = -2.168677202e-05f;  // log erfc t for 1 <= t <= 4; from there erf is 1 in float
  q = q * t + 4.413353454e-04f;
  q = q * t + -4.204556346e-03f;
  q = q * t + 2.520824037e-02f;
  q = q * t + -1.084185466e-01f;
  q = q * t + -6.332198977e-01f;
  q = q * t + -1.129578352e+00f;
  q = q * t + 1.880359341e-04f;
  const float far = std::copysign(1.0f - Exp(q), x);
  return a < 1.0f ? near : far;
}
inline double Erf(double x) { return std::erf(x); }

// log(1 + e^x), without overflow and accurate for very negative x.
inline float Softplus(float x) {
  const float u = Exp(-std::fabs(x));
  // log(1 + u) = log(w) u / (w - 1), w = 1 + u rounded, takes back what the sum lost.
  const float w = 1.0f + u, lost = w - 1.0f;
  const float log1p = lost == 0.0f ? u : Log(w) * (u / (lost == 0.0f ? 1.0f : lost));
  return (x > 0.0f ? x : 0.0f) + (x == x ? log1p : x);
}
inline double Softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }

}  // namespace sardonyx::kernels::math
