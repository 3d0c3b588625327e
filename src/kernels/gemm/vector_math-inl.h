// Elementary functions on vectors of float: those of elementwise/math.h, with fused multiply-adds where the target has them.
//
// Included once a target, inside foreach_target files, after hwy/highway.h. Errors are within 4 units in the last place over
// the whole range; infinities, NaNs and signed zeros come out as IEEE wants; subnormal results may be off by one unit of
// theirs. Every lane is computed alike, so a value's result does not depend on where in a row it stands.
#if defined(SARDONYX_KERNELS_GEMM_VECTOR_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SARDONYX_KERNELS_GEMM_VECTOR_MATH_INL_H_
#undef SARDONYX_KERNELS_GEMM_VECTOR_MATH_INL_H_
#else
#define SARDONYX_KERNELS_GEMM_VECTOR_MATH_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "hwy/highway.h"

#ifndef SARDONYX_INLINE_LAMBDA
#define SARDONYX_INLINE_LAMBDA __attribute__((always_inline))
#endif

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace vector_math {
namespace hn = hwy::HWY_NAMESPACE;

// Coefficients from the highest power down.
template <class D, class V = hn::Vec<D>, size_t kCount>
HWY_INLINE V Polynomial(D d, V x, const float (&coefficients)[kCount]) {
  V p = hn::Set(d, coefficients[0]);
  for (size_t i = 1; i < kCount; ++i) p = hn::MulAdd(p, x, hn::Set(d, coefficients[i]));
  return p;
}

// Calls f with 0 ... n - 1 as constants: indexes of register arrays must be known before anything else is optimized, or the compiler
// keeps the arrays in memory.
template <class F, int... i>
HWY_INLINE void Unroll(std::integer_sequence<int, i...>, F&& f) {
  (f(std::integral_constant<int, i>()), ...);
}
template <int n, class F>
HWY_INLINE void Unroll(F&& f) {
  Unroll(std::make_integer_sequence<int, n>(), f);
}

// Functions of n vectors at once take each step for all of them: a chain of these operations alone would fill the processor's
// scheduler before it sees the next one.

// (e^r - 1 - r) / r^2, so that the error of e^r is below 3e-9
constexpr float kExpTail[] = {1.381459879e-03f, 8.368716575e-03f, 4.166838899e-02f, 1.666652113e-01f, 4.999999404e-01f};

// x = n ln2 + r with |r| <= ln2 / 2: x becomes e^r, and n stands in the low bits of `shifted`.
template <int n, class D, class V>
HWY_INLINE void ExpOfRemainders(D d, V (&x)[n], V (&shifted)[n]) {
  const V shift = hn::Set(d, 12582912.0f), one = hn::Set(d, 1.0f);  // 1.5 * 2^23: the sum's low bits are the rounded integer
  V p[n];
  Unroll<n>([&](auto i) SARDONYX_INLINE_LAMBDA { shifted[i] = hn::MulAdd(x[i], hn::Set(d, 1.44269504f), shift); });
  Unroll<n>([&](auto i) SARDONYX_INLINE_LAMBDA {
    const V whole = hn::Sub(shifted[i], shift);
    x[i] = hn::NegMulAdd(whole, hn::Set(d, 0.693145752f), x[i]);  // ln2 in two parts; the product with the first is exact
    x[i] = hn::NegMulAdd(whole, hn::Set(d, 1.42860677e-6f), x[i]);
  });
  Unroll<n>([&](auto i) SARDONYX_INLINE_LAMBDA { p[i] = hn::MulAdd(hn::Set(d, kExpTail[0]), x[i], hn::Set(d, kExpTail[1])); });
  Unroll<3>([&](auto c) SARDONYX_INLINE_LAMBDA {
    Unroll<n>([&](auto i) SARDONYX_INLINE_LAMBDA { p[i] = hn::MulAdd(p[i], x[i], hn::Set(d, kExpTail[c + 2])); });
  });
  Unroll<n>([&](auto i) SARDONYX_INLINE_LAMBDA { x[i] = hn::Add(hn::MulAdd(p[i], hn::Mul(x[i], x[i]), x[i]), one); });
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V ExpOfRemainder(D d, V x, V& shifted) {
  V of[1] = {x}, shift[1];
  ExpOfRemainders(d, of, shift);
  shifted = shift[0];
  return of[0];
}

// 2^n for the integers -126 <= n <= 127.
template <class D, class VI>
HWY_INLINE hn::Vec<D> PowerOfTwo(D d, VI n) {
  const hn::RebindToSigned<D> di;
  return hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(n, hn::Set(di, 127))));
}

// max(bound, x) and min(bound, x), of which a NaN in x stays.
template <class V>
HWY_INLINE V AtLeast(V bound, V x) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_SSE4
  return hn::Max(bound, x);  // the instruction gives its second operand unless both are numbers
#else
  return hn::IfThenElse(hn::Lt(x, bound), bound, x);
#endif
}
template <class V>
HWY_INLINE V AtMost(V bound, V x) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_SSE4
  return hn::Min(bound, x);
#else
  return hn::IfThenElse(hn::Gt(x, bound), bound, x);
#endif
}

// p 2^n for n = `shifted` - 1.5 * 2^23 (ExpOfRemainder). With `normal`, 2^n is known to be a normal float.
template <bool normal = false, class D, class V = hn::Vec<D>>
HWY_INLINE V ScaleByPowerOfTwo(D d, V p, V shifted) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  const V n = hn::Sub(shifted, hn::Set(d, 12582912.0f));
  if constexpr (sizeof(V) == 64)
    return V{_mm512_scalef_ps(p.raw, n.raw)};
  else if constexpr (sizeof(V) == 32)
    return V{_mm256_scalef_ps(p.raw, n.raw)};
  else
    return V{_mm_scalef_ps(p.raw, n.raw)};
#else
  const hn::RebindToSigned<D> di;
  const auto n = hn::Sub(hn::BitCast(di, shifted), hn::Set(di, 0x4b400000));
  if constexpr (normal) return hn::Mul(p, PowerOfTwo(d, n));
  const auto half = hn::ShiftRight<1>(n);
  return hn::Mul(hn::Mul(p, PowerOfTwo(d, half)), PowerOfTwo(d, hn::Sub(n, half)));
#endif
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V Exp(D d, V x) {
  // Beyond these the result is infinity, or zero, anyway.
  V shifted;
  const V p = ExpOfRemainder(d, AtLeast(hn::Set(d, -104.0f), AtMost(hn::Set(d, 89.0f), x)), shifted);
  return ScaleByPowerOfTwo(d, p, shifted);
}

// x = e^x for x <= 0, or NaN; results below 2^-126 are 0. What softmax needs.
template <int n, class D, class V>
HWY_INLINE void ExpsNotPositive(D d, V (&x)[n]) {
  const V least = hn::Set(d, -87.3f);
  V e[n], shifted[n];
  Unroll<n>([&](auto i) SARDONYX_INLINE_LAMBDA { e[i] = AtLeast(least, x[i]); });
  ExpOfRemainders(d, e, shifted);
  Unroll<n>([&](auto i) SARDONYX_INLINE_LAMBDA {
    x[i] = hn::IfThenZeroElse(hn::Lt(x[i], least), ScaleByPowerOfTwo<true>(d, e[i], shifted[i]));
  });
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V ExpNotPositive(D d, V x) {
  V of[1] = {x};
  ExpsNotPositive(d, of);
  return of[0];
}

// a / b for 1 <= b <= 2 or NaN, within a unit in the last place: a step from an estimate costs less than half of a division.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V QuotientByOneToTwo(D d, V a, V b) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  const V estimate = hn::ApproximateReciprocal(b);  // 14 bits
  const V q = hn::Mul(a, estimate);
  return hn::MulAdd(hn::NegMulAdd(q, b, a), estimate, q);
#else
  return hn::Div(a, b);
#endif
}

// e^x - 1, accurate near 0.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Expm1(D d, V x) {
  // (e^x - 1 - x) / x^2 for |x| <= 0.5
  static constexpr float kNear[] = {1.999289525e-04f, 1.399745699e-03f, 8.333072998e-03f, 4.166531563e-02f, 1.666666865e-01f, 5.000000596e-01f};
  const V near = hn::MulAdd(Polynomial(d, x, kNear), hn::Mul(x, x), x);
  const V far = hn::Sub(Exp(d, x), hn::Set(d, 1.0f));
  return hn::IfThenElse(hn::Lt(hn::Abs(x), hn::Set(d, 0.5f)), near, far);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V Log(D d, V x) {
  const hn::RebindToSigned<D> di;
  const V one = hn::Set(d, 1.0f), infinity = hn::Set(d, __builtin_inff());
  const auto tiny = hn::Lt(x, hn::Set(d, 1.17549435e-38f));  // subnormal (or not positive: mended at the end)
  const V scaled = hn::IfThenElse(tiny, hn::Mul(x, hn::Set(d, 8388608.0f)), x);
  // x = m 2^e with m in [sqrt(1/2), sqrt(2))
  const auto bits = hn::BitCast(di, scaled);
  const auto e = hn::ShiftRight<23>(hn::Sub(bits, hn::Set(di, 0x3f3504f3)));
  const V m = hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<23>(e)));
  const V exponent = hn::Sub(hn::ConvertTo(d, e), hn::IfThenElseZero(tiny, hn::Set(d, 23.0f)));
  const V f = hn::Sub(m, one), s = hn::Div(f, hn::Add(m, one)), z = hn::Mul(s, s);
  static constexpr float kSeries[] = {2.359633446e-01f, 2.853660285e-01f, 4.000034630e-01f, 6.666666269e-01f};  // (log m - 2s) / s^3 in s^2
  // log m = 2s + s^3 p, and 2s = f - s f: so the leading term is exact.
  const V log_m = hn::NegMulAdd(s, hn::NegMulAdd(z, Polynomial(d, z, kSeries), f), f);
  V result = hn::MulAdd(exponent, hn::Set(d, 0.693145752f), hn::MulAdd(exponent, hn::Set(d, 1.42860677e-6f), log_m));
  result = hn::IfThenElse(hn::Lt(x, infinity), result, x);  // infinity and NaN stay
  const V at_zero = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), hn::Neg(infinity), hn::Set(d, __builtin_nanf("")));
  return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), result, at_zero);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V Tanh(D d, V x) {
  // (tanh x - x) / x^3 in x^2 for |x| < 0.625
  static constexpr float kNear[] = {-5.717036780e-03f, 2.065057866e-02f, -5.374349654e-02f, 1.333149076e-01f, -3.333328366e-01f};
  const V a = hn::Abs(x), z = hn::Mul(x, x), one = hn::Set(d, 1.0f), two = hn::Set(d, 2.0f);
  const V near = hn::MulAdd(hn::Mul(Polynomial(d, z, kNear), z), a, a);
  // e^-2a rather than e^2a: nothing overflows. 1 - 2e / (1 + e).
  const V e = ExpNotPositive(d, hn::Mul(a, hn::Set(d, -2.0f)));
  const V far = hn::Sub(one, QuotientByOneToTwo(d, hn::Mul(two, e), hn::Add(one, e)));
  return hn::CopySign(hn::IfThenElse(hn::Lt(a, hn::Set(d, 0.625f)), near, far), x);
}

// x = s(x). e^-|x| only, so that nothing overflows: s(-|x|) = e / (1 + e), s(|x|) = 1 / (1 + e).
template <int n, class D, class V>
HWY_INLINE void Sigmoids(D d, V (&x)[n]) {
  const V one = hn::Set(d, 1.0f), zero = hn::Zero(d), least = hn::Set(d, -104.0f), sign = hn::Set(d, -0.0f);
  V e[n], shifted[n];
  Unroll<n>([&](auto i) SARDONYX_INLINE_LAMBDA { e[i] = AtLeast(least, hn::Or(x[i], sign)); });
  ExpOfRemainders(d, e, shifted);
  Unroll<n>([&](auto i) SARDONYX_INLINE_LAMBDA { e[i] = ScaleByPowerOfTwo(d, e[i], shifted[i]); });
  Unroll<n>([&](auto i) SARDONYX_INLINE_LAMBDA {
    x[i] = QuotientByOneToTwo(d, hn::IfThenElse(hn::Lt(x[i], zero), e[i], one), hn::Add(one, e[i]));
  });
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Sigmoid(D d, V x) {
  V of[1] = {x};
  Sigmoids(d, of);
  return of[0];
}

// x = x s(alpha x)
template <int n, class D, class V>
HWY_INLINE void Swishes(D d, V alpha, V (&x)[n]) {
  V s[n];
  Unroll<n>([&](auto i) SARDONYX_INLINE_LAMBDA { s[i] = hn::Mul(alpha, x[i]); });
  Sigmoids(d, s);
  Unroll<n>([&](auto i) SARDONYX_INLINE_LAMBDA { x[i] = hn::Mul(x[i], s[i]); });
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V Erf(D d, V x) {
  // erf x / x in x^2 for |x| < 1
  static constexpr float kNear[] = {7.889119297e-05f, -8.020841051e-04f, 5.189535208e-03f, -2.685444430e-02f,
                                    1.128360033e-01f, -3.761262596e-01f, 1.128379107e+00f};
  // log erfc t for 1 <= t <= 4; from there erf is 1 in float
  static constexpr float kFar[] = {-2.168677202e-05f, 4.413353454e-04f, -4.204556346e-03f, 2.520824037e-02f,
                                   -1.084185466e-01f, -6.332198977e-01f, -1.129578352e+00f, 1.880359341e-04f};
  const V a = hn::Abs(x), one = hn::Set(d, 1.0f), four = hn::Set(d, 4.0f);
  const V near = hn::Mul(Polynomial(d, hn::Mul(x, x), kNear), a);
  const V t = hn::IfThenElse(hn::Gt(a, four), four, a);
  const V far = hn::Sub(one, ExpNotPositive(d, Polynomial(d, t, kFar)));
  return hn::CopySign(hn::IfThenElse(hn::Lt(a, one), near, far), x);
}

// log(1 + e^x), without overflow and accurate for very negative x.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Softplus(D d, V x) {
  const V zero = hn::Zero(d), one = hn::Set(d, 1.0f);
  const V u = Exp(d, hn::Neg(hn::Abs(x)));
  // log(1 + u) = log(w) u / (w - 1), w = 1 + u rounded, takes back what the sum lost.
  const V w = hn::Add(one, u), lost = hn::Sub(w, one);
  const auto none = hn::Eq(lost, zero);
  const V log1p = hn::IfThenElse(none, u, hn::Mul(Log(d, w), hn::Div(u, hn::IfThenElse(none, one, lost))));
  const V sum = hn::Add(hn::IfThenElseZero(hn::Gt(x, zero), x), log1p);
  return hn::IfThenElse(hn::IsNaN(x), x, sum);
}

// log(erfc t) / t for 0 <= t <= 6; from there erfc is nothing beside any float that x may be
constexpr float kGeluTail[] = {-1.114370662e-06f, 2.003924419e-05f, -1.589904568e-04f, 7.121795206e-04f,  -1.744154142e-03f,
                               1.893238514e-04f,  1.916112565e-02f, -1.027878076e-01f, -6.366167665e-01f, -1.128379345e+00f};

// x = x/2 (1 + erf(x / sqrt 2)) = max(x, 0) - |x|/2 erfc(|x| / sqrt 2), so that nothing cancels where the result is small.
template <int n, class D, class V>
HWY_INLINE void Gelus(D d, V (&x)[n]) {
  const V bound = hn::Set(d, 8.485281374f), factor = hn::Set(d, 0.70710678118654752440f), half = hn::Set(d, 0.5f), zero = hn::Zero(d);
  V a[n], t[n], e[n];
  Unroll<n>([&](auto i) SARDONYX_INLINE_LAMBDA {
    a[i] = AtMost(bound, hn::Abs(x[i]));
    t[i] = hn::Mul(a[i], factor);
    e[i] = hn::MulAdd(hn::Set(d, kGeluTail[0]), t[i], hn::Set(d, kGeluTail[1]));
    a[i] = hn::Mul(a[i], half);
  });
  Unroll<8>([&](auto c) SARDONYX_INLINE_LAMBDA {
    Unroll<n>([&](auto i) SARDONYX_INLINE_LAMBDA { e[i] = hn::MulAdd(e[i], t[i], hn::Set(d, kGeluTail[c + 2])); });
  });
  Unroll<n>([&](auto i) SARDONYX_INLINE_LAMBDA { e[i] = hn::Mul(e[i], t[i]); });
  ExpOfRemainders(d, e, t);
  Unroll<n>([&](auto i) SARDONYX_INLINE_LAMBDA {
    x[i] = hn::NegMulAdd(a[i], ScaleByPowerOfTwo<true>(d, e[i], t[i]), AtLeast(zero, x[i]));
  });
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Gelu(D d, V x) {
  V of[1] = {x};
  Gelus(d, of);
  return of[0];
}

// x = x/2 (1 + tanh u) = x s(2u), u = sqrt(2/pi) (x + 0.044715 x^3)
template <int n, class D, class V>
HWY_INLINE void GeluTanhs(D d, V (&x)[n]) {
  const V cube = hn::Set(d, 0.044715f), factor = hn::Set(d, 2 * 0.79788456080286535588f);
  V u[n];
  Unroll<n>([&](auto i) SARDONYX_INLINE_LAMBDA { u[i] = hn::Mul(factor, hn::MulAdd(hn::Mul(hn::Mul(x[i], x[i]), cube), x[i], x[i])); });
  Sigmoids(d, u);
  Unroll<n>([&](auto i) SARDONYX_INLINE_LAMBDA { x[i] = hn::Mul(x[i], u[i]); });
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V GeluTanh(D d, V x) {
  V of[1] = {x};
  GeluTanhs(d, of);
  return of[0];
}

// The first n < lanes elements from p, the other lanes being `fill`; nothing beyond them is touched.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V LoadTail(D d, const float* p, int64_t n, float fill) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
  const auto first = hn::FirstN(d, static_cast<size_t>(n));
  return hn::IfThenElse(first, hn::MaskedLoad(first, d, p), hn::Set(d, fill));
#else
  HWY_ALIGN float copy[HWY_MAX_BYTES / sizeof(float)];
  for (size_t i = 0; i < hn::Lanes(d); ++i) copy[i] = static_cast<int64_t>(i) < n ? p[i] : fill;
  return hn::Load(d, copy);
#endif
}
// Stores the first n < lanes elements.
template <class D, class V = hn::Vec<D>>
HWY_INLINE void StoreTail(D d, V v, float* p, int64_t n) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
  hn::BlendedStore(v, hn::FirstN(d, static_cast<size_t>(n)), d, p);
#else
  HWY_ALIGN float copy[HWY_MAX_BYTES / sizeof(float)];
  hn::Store(v, d, copy);
  std::memcpy(p, copy, static_cast<size_t>(n) * sizeof(float));
#endif
}

// out[i] = f(d, in[i]) for `count` floats; the two may be the same memory. The rest that fills no vector is computed by the same
// code.
template <class F>
HWY_INLINE void Map(const float* in, float* out, int64_t count, const F& f) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(f(d, hn::LoadU(d, in + i)), d, out + i);
  if (i < count) StoreTail(d, f(d, LoadTail(d, in + i, count - i, 0)), out + i, count - i);
}

// out[i] = f(d, in[i]) by f(d, vectors), which takes arrays of vectors of any length.
template <class F>
HWY_INLINE void MapSeveral(const float* in, float* out, int64_t count, const F& f) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  constexpr int n = 4;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + n * lanes <= count; i += n * lanes) {
    V x[n];
    Unroll<n>([&](auto v) SARDONYX_INLINE_LAMBDA { x[v] = hn::LoadU(d, in + i + v * lanes); });
    f(d, x);
    Unroll<n>([&](auto v) SARDONYX_INLINE_LAMBDA { hn::StoreU(x[v], d, out + i + v * lanes); });
  }
  Map(in + i, out + i, count - i, [&](auto t, auto x) HWY_ATTR {
    decltype(x) of[1] = {x};
    f(t, of);
    return of[0];
  });
}

}  // namespace vector_math
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#endif
