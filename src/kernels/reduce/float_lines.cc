#include "kernels/reduce/float_lines.h"

#include <algorithm>
#include <cmath>

#include "kernels/gemm/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/reduce/float_lines.cc"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"
#include "kernels/gemm/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
using vector_math::LoadTail;
using vector_math::StoreTail;
using vector_math::Unroll;
// Elements whose sum is kept in floats: at most 64 additions a lane with four vectors of 16.
constexpr int64_t kStretch = 4096;

void SoftmaxLine(const float* x, float* y, int64_t n) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const float lowest = -__builtin_inff();
  V top0 = hn::Set(d, lowest), top1 = top0;
  int64_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    top0 = hn::Max(top0, hn::LoadU(d, x + i));
    top1 = hn::Max(top1, hn::LoadU(d, x + i + lanes));
  }
  for (; i + lanes <= n; i += lanes) top0 = hn::Max(top0, hn::LoadU(d, x + i));
  if (i < n) top1 = hn::Max(top1, LoadTail(d, x + i, n - i, lowest));
  const V top = hn::MaxOfLanes(d, hn::Max(top0, top1));

  V sum0 = hn::Zero(d), sum1 = sum0;
  for (i = 0; i + 2 * lanes <= n; i += 2 * lanes) {
    const V a = vector_math::ExpNotPositive(d, hn::Sub(hn::LoadU(d, x + i), top));
    const V b = vector_math::ExpNotPositive(d, hn::Sub(hn::LoadU(d, x + i + lanes), top));
    hn::StoreU(a, d, y + i);
    hn::StoreU(b, d, y + i + lanes);
    sum0 = hn::Add(sum0, a);
    sum1 = hn::Add(sum1, b);
  }
  for (; i + lanes <= n; i += lanes) {
    const V a = vector_math::ExpNotPositive(d, hn::Sub(hn::LoadU(d, x + i), top));
    hn::StoreU(a, d, y + i);
    sum0 = hn::Add(sum0, a);
  }
  if (i < n) {
    const V a = vector_math::ExpNotPositive(d, hn::Sub(LoadTail(d, x + i, n - i, lowest), top));
    StoreTail(d, a, y + i, n - i);
    sum1 = hn::Add(sum1, hn::IfThenElseZero(hn::FirstN(d, static_cast<size_t>(n - i)), a));
  }
  const V factor = hn::Div(hn::Set(d, 1.0f), hn::SumOfLanes(d, hn::Add(sum0, sum1)));
  for (i = 0; i + lanes <= n; i += lanes) hn::StoreU(hn::Mul(hn::LoadU(d, y + i), factor), d, y + i);
  if (i < n) StoreTail(d, hn::Mul(LoadTail(d, y + i, n - i, 0), factor), y + i, n - i);
}

// Lines of at most two vectors, `kLines` of them at a time: each stays in registers, and what one waits for the others fill.
template <int kLines>
HWY_INLINE void SoftmaxShort(const float* x, float* y, int64_t n) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d)), first = std::min(n, lanes), second = n - first;
  constexpr int kVectors = 2 * kLines;
  const float lowest = -__builtin_inff();
  const auto in_first = hn::FirstN(d, static_cast<size_t>(first)), in_second = hn::FirstN(d, static_cast<size_t>(second));
  V e[kVectors], sum[kLines];
  Unroll<kLines>([&](auto l) SARDONYX_INLINE_LAMBDA {
    e[2 * l] = first == lanes ? hn::LoadU(d, x + l * n) : LoadTail(d, x + l * n, first, lowest);
    e[2 * l + 1] = LoadTail(d, x + l * n + first, second, lowest);
  });
  Unroll<kLines>([&](auto l) SARDONYX_INLINE_LAMBDA {
    const V top = hn::MaxOfLanes(d, hn::Max(e[2 * l], e[2 * l + 1]));
    e[2 * l] = hn::Sub(e[2 * l], top);
    e[2 * l + 1] = hn::Sub(e[2 * l + 1], top);
  });
  vector_math::ExpsNotPositive(d, e);
  Unroll<kLines>([&](auto l) SARDONYX_INLINE_LAMBDA {
    const V both = hn::Add(hn::IfThenElseZero(in_first, e[2 * l]), hn::IfThenElseZero(in_second, e[2 * l + 1]));
    sum[l] = hn::Div(hn::Set(d, 1.0f), hn::SumOfLanes(d, both));
  });
  Unroll<kLines>([&](auto l) SARDONYX_INLINE_LAMBDA {
    const V a = hn::Mul(e[2 * l], sum[l]);
    if (first == lanes)
      hn::StoreU(a, d, y + l * n);
    else
      StoreTail(d, a, y + l * n, first);
    if (second > 0) StoreTail(d, hn::Mul(e[2 * l + 1], sum[l]), y + l * n + first, second);
  });
}

void SoftmaxLines(const float* x, float* y, int64_t n, int64_t lines) {
  constexpr int kLines = 2;  // four vectors and what they need fill the registers
  int64_t line = 0;
  if (n <= 2 * static_cast<int64_t>(hn::Lanes(D()))) {
    for (; line + kLines <= lines; line += kLines) SoftmaxShort<kLines>(x + line * n, y + line * n, n);
    for (; line < lines; ++line) SoftmaxShort<1>(x + line * n, y + line * n, n);
  }
  for (; line < lines; ++line) SoftmaxLine(x + line * n, y + line * n, n);
}

// Sum of f(element), f(padding) being 0.
template <class F>
HWY_INLINE double SumOf(const float* x, int64_t n, float padding, const F& f) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  double total = 0;
  for (int64_t begin = 0; begin < n; begin += kStretch) {
    const int64_t end = std::min(n, begin + kStretch);
    V a = hn::Zero(d), b = a, c = a, e = a;
    int64_t i = begin;
    for (; i + 4 * lanes <= end; i += 4 * lanes) {
      a = f(hn::LoadU(d, x + i), a);
      b = f(hn::LoadU(d, x + i + lanes), b);
      c = f(hn::LoadU(d, x + i + 2 * lanes), c);
      e = f(hn::LoadU(d, x + i + 3 * lanes), e);
    }
    for (; i + lanes <= end; i += lanes) a = f(hn::LoadU(d, x + i), a);
    if (i < end) b = f(LoadTail(d, x + i, end - i, padding), b);
    total += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(a, b), hn::Add(c, e)))));
  }
  return total;
}

double Sum(const float* x, int64_t n) {
  return SumOf(x, n, 0, [](V v, V sum) HWY_ATTR { return hn::Add(sum, v); });
}
double SumSquares(const float* x, int64_t n, float shift) {
  const V s = hn::Set(D(), shift);
  return SumOf(x, n, shift, [&](V v, V sum) HWY_ATTR {
    const V centred = hn::Sub(v, s);
    return hn::MulAdd(centred, centred, sum);
  });
}

void NormalizeLine(const float* x, float mean, float factor, const float* scale, const float* bias, int64_t n, float* y) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const V m = hn::Set(d, mean), f = hn::Set(d, factor);
  const auto apply = [&](V v, V s, V b) HWY_ATTR { return hn::MulAdd(hn::Mul(hn::Sub(v, m), f), s, b); };
  const V one = hn::Set(d, 1.0f), zero = hn::Zero(d);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    hn::StoreU(apply(hn::LoadU(d, x + i), scale ? hn::LoadU(d, scale + i) : one, bias ? hn::LoadU(d, bias + i) : zero), d, y + i);
  if (i < n) {
    const V s = scale ? LoadTail(d, scale + i, n - i, 0) : one, b = bias ? LoadTail(d, bias + i, n - i, 0) : zero;
    StoreTail(d, apply(LoadTail(d, x + i, n - i, 0), s, b), y + i, n - i);
  }
}

void AddLines(const float* x, const float* skip, const float* bias, int64_t n, float* sum) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const V s = hn::Add(hn::LoadU(d, x + i), hn::LoadU(d, skip + i));
    hn::StoreU(bias ? hn::Add(s, hn::LoadU(d, bias + i)) : s, d, sum + i);
  }
  for (; i < n; ++i) sum[i] = bias ? (x[i] + skip[i]) + bias[i] : x[i] + skip[i];
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx::kernels {

HWY_EXPORT(SoftmaxLines);
HWY_EXPORT(Sum);
HWY_EXPORT(SumSquares);
HWY_EXPORT(NormalizeLine);
HWY_EXPORT(AddLines);

void SoftmaxLinesF32(const float* x, float* y, int64_t n, int64_t lines) {
  if (n > 0) HWY_DYNAMIC_DISPATCH(SoftmaxLines)(x, y, n, lines);
}
double SumF32(const float* x, int64_t n) { return HWY_DYNAMIC_DISPATCH(Sum)(x, n); }
double SumSquaresF32(const float* x, int64_t n, float shift) { return HWY_DYNAMIC_DISPATCH(SumSquares)(x, n, shift); }
void NormalizeLineF32(const float* x, float mean, float factor, const float* scale, const float* bias, int64_t n, float* y) {
  HWY_DYNAMIC_DISPATCH(NormalizeLine)(x, mean, factor, scale, bias, n, y);
}
void AddLinesF32(const float* x, const float* skip, const float* bias, int64_t n, float* sum) {
  HWY_DYNAMIC_DISPATCH(AddLines)(x, skip, bias, n, sum);
}

}  // namespace sardonyx::kernels
#endif  // HWY_ONCE
