#include "kernels/conv/winograd_transform.h"

#include "kernels/gemm/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv/winograd_transform.cc"
#include "hwy/foreach_target.h"
#include "kernels/conv/blocked_simd-inl.h"

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {

HWY_INLINE V Times(float factor, V x) { return hn::Mul(hn::Set(D(), factor), x); }
HWY_INLINE V TimesAdd(float factor, V x, V sum) { return hn::MulAdd(hn::Set(D(), factor), x, sum); }
HWY_INLINE V SubTimes(V sum, float factor, V x) { return hn::NegMulAdd(hn::Set(D(), factor), x, sum); }

// B' of a line.
template <int m>
HWY_INLINE void InputLine(const V* d, V* r) {
  if constexpr (m == 2) {
    r[0] = hn::Sub(d[2], d[0]);
    r[1] = hn::Add(d[1], d[2]);
    r[2] = hn::Sub(d[2], d[1]);
    r[3] = hn::Sub(d[3], d[1]);
  } else {
    constexpr float a = kPointA, b = kPointB, a2 = a * a, b2 = b * b;
    const V even_a = SubTimes(d[4], b2, d[2]), odd_a = Times(a, SubTimes(d[3], b2, d[1]));
    const V even_b = SubTimes(d[4], a2, d[2]), odd_b = Times(b, SubTimes(d[3], a2, d[1]));
    r[0] = TimesAdd(a2 * b2, d[0], SubTimes(d[4], a2 + b2, d[2]));
    r[1] = hn::Add(even_a, odd_a);
    r[2] = hn::Sub(even_a, odd_a);
    r[3] = hn::Add(even_b, odd_b);
    r[4] = hn::Sub(even_b, odd_b);
    r[5] = TimesAdd(a2 * b2, d[1], SubTimes(d[5], a2 + b2, d[3]));
  }
}

// A' of a line.
template <int m>
HWY_INLINE void OutputLine(const V* p, V* y) {
  if constexpr (m == 2) {
    y[0] = hn::Add(p[0], hn::Add(p[1], p[2]));
    y[1] = hn::Add(hn::Sub(p[1], p[2]), p[3]);
  } else {
    constexpr float a = kPointA, b = kPointB;
    const V sum_a = hn::Add(p[1], p[2]), difference_a = hn::Sub(p[1], p[2]);
    const V sum_b = hn::Add(p[3], p[4]), difference_b = hn::Sub(p[3], p[4]);
    y[0] = hn::Add(p[0], hn::Add(sum_a, sum_b));
    y[1] = TimesAdd(a, difference_a, Times(b, difference_b));
    y[2] = TimesAdd(a * a, sum_a, Times(b * b, sum_b));
    y[3] = hn::Add(TimesAdd(a * a * a, difference_a, Times(b * b * b, difference_b)), p[5]);
  }
}

template <int m>
void Input(const float* patch, int64_t row_stride, float* to, int64_t stride) {
  constexpr int n = m + 2;
  const D d;
  for (int v = 0; v < kPerBlock; ++v, patch += kLanes, to += kLanes) {
    V columns[n][n];  // [column][row], columns transformed
#pragma GCC unroll 6
    for (int j = 0; j < n; ++j) {
      V line[n];
#pragma GCC unroll 6
      for (int i = 0; i < n; ++i) line[i] = hn::LoadU(d, patch + i * row_stride + j * kChannelBlock);
      InputLine<m>(line, columns[j]);
    }
#pragma GCC unroll 6
    for (int i = 0; i < n; ++i) {
      V line[n], result[n];
#pragma GCC unroll 6
      for (int j = 0; j < n; ++j) line[j] = columns[j][i];
      InputLine<m>(line, result);
#pragma GCC unroll 6
      for (int j = 0; j < n; ++j) hn::StoreU(result[j], d, to + (i * n + j) * stride);
    }
  }
}

template <int m>
void Output(const WinogradOutput& o) {
  constexpr int n = m + 2;
  const D d;
  for (int v = 0; v < kPerBlock; ++v) {
    const int64_t part = v * kLanes;
    const V bias = o.bias ? hn::LoadU(d, o.bias + part) : hn::Zero(d);
    V columns[n][m];
#pragma GCC unroll 6
    for (int j = 0; j < n; ++j) {
      V line[n];
#pragma GCC unroll 6
      for (int i = 0; i < n; ++i) line[i] = hn::LoadU(d, o.from + (i * n + j) * o.stride + part);
      OutputLine<m>(line, columns[j]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < m; ++i) {
      if (i >= o.rows) break;
      V line[n], y[m];
#pragma GCC unroll 6
      for (int j = 0; j < n; ++j) line[j] = columns[j][i];
      OutputLine<m>(line, y);
#pragma GCC unroll 4
      for (int j = 0; j < m; ++j) {
        y[j] = hn::Add(y[j], bias);
        if (o.residual && j < o.columns) y[j] = hn::Add(y[j], hn::LoadU(d, o.residual + i * o.row_stride + j * kChannelBlock + part));
      }
      ActivateCheaply(*o.activation, y);
#pragma GCC unroll 4
      for (int j = 0; j < m; ++j) {
        if (j >= o.columns) break;
        hn::StoreU(y[j], d, o.y + i * o.row_stride + j * kChannelBlock + part);
      }
    }
  }
  if (IsCheap(o.activation->kind)) return;
  for (int64_t i = 0; i < o.rows; ++i) ActivateF32(*o.activation, o.y + i * o.row_stride, o.columns * kChannelBlock);
}

// G, row by row.
template <int m>
struct Kernel1d;
template <>
struct Kernel1d<2> {
  static constexpr double rows[4][3] = {{-1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
};
template <>
struct Kernel1d<4> {
  static constexpr double a = kPointA, b = kPointB, a2 = a * a, b2 = b * b;
  static constexpr double of_0 = 1 / (a2 * b2), of_a = 1 / (2 * a2 * (a2 - b2)), of_b = 1 / (2 * b2 * (b2 - a2));
  static constexpr double rows[6][3] = {{of_0, 0, 0},
                                        {of_a, a * of_a, a2* of_a},
                                        {of_a, -a* of_a, a2* of_a},
                                        {of_b, b * of_b, b2* of_b},
                                        {of_b, -b* of_b, b2* of_b},
                                        {0, 0, 1}};
};

using Wide = hn::CappedTag<double, kChannelBlock>;
using WideV = hn::Vec<Wide>;

HWY_INLINE WideV Combine(const double (&g)[3], WideV x0, WideV x1, WideV x2) {
  const Wide d;
  return hn::MulAdd(hn::Set(d, g[2]), x2, hn::MulAdd(hn::Set(d, g[1]), x1, hn::Mul(hn::Set(d, g[0]), x0)));
}

template <int m>
void Kernels(const float* w, float* to, int64_t stride) {
  constexpr int n = m + 2;
  const Wide d;
  const hn::Rebind<float, Wide> narrow;
  for (size_t v = 0; v < kChannelBlock; v += hn::Lanes(d)) {
    WideV columns[n][3];
    for (int j = 0; j < 3; ++j) {
      const WideV x0 = hn::PromoteTo(d, hn::LoadU(narrow, w + j * kChannelBlock + v));
      const WideV x1 = hn::PromoteTo(d, hn::LoadU(narrow, w + (3 + j) * kChannelBlock + v));
      const WideV x2 = hn::PromoteTo(d, hn::LoadU(narrow, w + (6 + j) * kChannelBlock + v));
#pragma GCC unroll 6
      for (int i = 0; i < n; ++i) columns[i][j] = Combine(Kernel1d<m>::rows[i], x0, x1, x2);
    }
    for (int i = 0; i < n; ++i)
#pragma GCC unroll 6
      for (int j = 0; j < n; ++j) {
        const WideV element = Combine(Kernel1d<m>::rows[j], columns[i][0], columns[i][1], columns[i][2]);
        hn::StoreU(hn::DemoteTo(narrow, element), narrow, to + (i * n + j) * stride + v);
      }
  }
}

void Input2(const float* patch, int64_t row_stride, float* to, int64_t stride) { Input<2>(patch, row_stride, to, stride); }
void Input4(const float* patch, int64_t row_stride, float* to, int64_t stride) { Input<4>(patch, row_stride, to, stride); }
void Output2(const WinogradOutput& output) { Output<2>(output); }
void Output4(const WinogradOutput& output) { Output<4>(output); }
void Kernels2(const float* w, float* to, int64_t stride) { Kernels<2>(w, to, stride); }
void Kernels4(const float* w, float* to, int64_t stride) { Kernels<4>(w, to, stride); }

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx::kernels {

HWY_EXPORT(Input2);
HWY_EXPORT(Input4);
HWY_EXPORT(Output2);
HWY_EXPORT(Output4);
HWY_EXPORT(Kernels2);
HWY_EXPORT(Kernels4);

void TransformWinogradInput(int m, const float* patch, int64_t row_stride, float* to, int64_t stride) {
  if (m == 2)
    HWY_DYNAMIC_DISPATCH(Input2)(patch, row_stride, to, stride);
  else
    HWY_DYNAMIC_DISPATCH(Input4)(patch, row_stride, to, stride);
}

void TransformWinogradOutput(int m, const WinogradOutput& output) {
  if (m == 2)
    HWY_DYNAMIC_DISPATCH(Output2)(output);
  else
    HWY_DYNAMIC_DISPATCH(Output4)(output);
}

void TransformWinogradKernels(int m, const float* w, float* to, int64_t stride) {
  if (m == 2)
    HWY_DYNAMIC_DISPATCH(Kernels2)(w, to, stride);
  else
    HWY_DYNAMIC_DISPATCH(Kernels4)(w, to, stride);
}

}  // namespace sardonyx::kernels
#endif
