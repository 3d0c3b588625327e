#include "kernels/conv/depthwise.h"

#include <algorithm>

#include "kernels/gemm/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv/depthwise.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;

// One element; the order of the sum is that of the vectors: rows of the kernel, then columns.
float SumEdge(const Window& window, const float* plane, const float* w, float bias, int64_t oh, int64_t ow) {
  const WindowAxis &ha = window.height(), &wa = window.width();
  const hn::CappedTag<float, 1> one;
  auto sum = hn::Set(one, bias);
  for (int64_t kh = 0; kh < ha.kernel; ++kh) {
    const int64_t h = ha.Start(oh) + kh * ha.dilation;
    if (h < 0 || h >= ha.input) continue;
    for (int64_t kw = 0; kw < wa.kernel; ++kw) {
      const int64_t i = wa.Start(ow) + kw * wa.dilation;
      if (i >= 0 && i < wa.input) sum = hn::MulAdd(hn::Set(one, plane[h * wa.input + i]), hn::Set(one, w[kh * wa.kernel + kw]), sum);
    }
  }
  return hn::GetLane(sum);
}

// kVectors vectors of outputs of a row whose whole windows lie inside the input's width.
template <int kStride, int kVectors>
HWY_INLINE void SumVectors(const Window& window, const float* plane, const float* w, float bias, int64_t oh, int64_t ow, float* out) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const WindowAxis &ha = window.height(), &wa = window.width();
  hn::Vec<D> sum[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) sum[v] = hn::Set(d, bias);
  for (int64_t kh = 0; kh < ha.kernel; ++kh) {
    const int64_t h = ha.Start(oh) + kh * ha.dilation;
    if (h < 0 || h >= ha.input) continue;
    const float* row = plane + h * wa.input + wa.Start(ow);
    for (int64_t kw = 0; kw < wa.kernel; ++kw) {
      const auto weight = hn::Set(d, w[kh * wa.kernel + kw]);
      const float* source = row + kw * wa.dilation;
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        hn::Vec<D> x;
        if constexpr (kStride == 1) {
          x = hn::LoadU(d, source + v * lanes);
        } else {
          hn::Vec<D> skipped;
          hn::LoadInterleaved2(d, source + 2 * v * lanes, x, skipped);
        }
        sum[v] = hn::MulAdd(x, weight, sum[v]);
      }
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) hn::StoreU(sum[v], d, out + v * lanes);
}

// Outputs [begin, end) of a row have whole windows inside; returns where it stopped.
template <int kStride>
int64_t SumInner(const Window& window, const float* plane, const float* w, float bias, int64_t oh, int64_t begin, int64_t end, float* out) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(D()));
  // With stride 2 a vector's last load takes one element more than it uses: leave the last output to the edge.
  const int64_t limit = kStride == 1 ? end : end - 1;
  int64_t ow = begin;
  for (; ow + 4 * lanes <= limit; ow += 4 * lanes) SumVectors<kStride, 4>(window, plane, w, bias, oh, ow, out + ow);
  for (; ow + lanes <= limit; ow += lanes) SumVectors<kStride, 1>(window, plane, w, bias, oh, ow, out + ow);
  return ow;
}

void ComputePlane(const Window& window, const float* plane, const float* w, float bias, float* out) {
  const WindowAxis& wa = window.width();
  const int64_t begin = std::min(wa.output, (wa.pad_begin + wa.stride - 1) / wa.stride);
  const int64_t room = wa.input + wa.pad_begin - wa.extent();
  const int64_t end = room < 0 ? begin : std::clamp(room / wa.stride + 1, begin, wa.output);
  for (int64_t oh = 0; oh < window.height().output; ++oh, out += wa.output) {
    for (int64_t ow = 0; ow < begin; ++ow) out[ow] = SumEdge(window, plane, w, bias, oh, ow);
    int64_t ow = begin;
    if (wa.stride == 1) ow = SumInner<1>(window, plane, w, bias, oh, begin, end, out);
#if HWY_TARGET != HWY_SCALAR
    if (wa.stride == 2) ow = SumInner<2>(window, plane, w, bias, oh, begin, end, out);
#endif
    for (; ow < wa.output; ++ow) out[ow] = SumEdge(window, plane, w, bias, oh, ow);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx::kernels {

HWY_EXPORT(ComputePlane);

void DepthwiseConvF32(const ConvF32Arguments& a, ThreadPool& pool) {
  const ConvShape& s = a.shape;
  const Window& window = s.window;
  const int64_t depths = window.depth().output;  // > 1 only where a kernel of depth 1 slides over a depth
  const int64_t area = window.height().output * window.width().output, input_area = window.height().input * window.width().input;
  const int64_t planes = s.batch * s.groups * s.outputs * depths;
  pool.ParallelFor(planes, static_cast<double>(area * s.depth()) / 8 + 50, [&](int64_t first, int64_t last) {
    for (int64_t p = first; p < last; ++p) {
      const int64_t output = p / depths % (s.groups * s.outputs), image = p / depths / (s.groups * s.outputs);
      const int64_t d = window.depth().Start(p % depths);
      const float bias = a.bias ? a.bias[output] : 0.0f;
      float* y = a.y + p * area;
      if (d < 0 || d >= window.depth().input) {
        std::fill_n(y, area, bias);
      } else {
        const float* x = a.x + ((image * s.groups + output / s.outputs) * window.depth().input + d) * input_area;
        HWY_DYNAMIC_DISPATCH(ComputePlane)(window, x, a.w + output * s.depth(), bias, y);
      }
      if (a.residual)
        for (int64_t i = 0; i < area; ++i) y[i] += a.residual[p * area + i];
      ActivateF32(a.activation, y, area);
    }
  });
}

}  // namespace sardonyx::kernels
#endif
