#include "kernels/pool/pool_blocked.h"

#include <algorithm>
#include <limits>

#include "kernels/gemm/simd_targets.h"
#include "kernels/pool/pool_count.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pool/pool_blocked.cc"
#include "hwy/foreach_target.h"
#include "kernels/conv/blocked_simd-inl.h"

#include "hwy/highway.h"

#ifndef SARDONYX_POOL_SITE
#define SARDONYX_POOL_SITE
namespace sardonyx::kernels {

// The positions that one window sees: `rows` x `columns`, floats between them, from `first` on.
struct PoolSite {
  const float* first;
  int64_t rows, columns;
  int64_t row_stride, column_stride;
};

}  // namespace sardonyx::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {

struct Larger {  // a NaN wins, as in MaxPool
  HWY_INLINE V operator()(V a, V b) const { return hn::IfThenElse(hn::Or(hn::Gt(b, a), hn::IsNaN(b)), b, a); }
};
struct Sum {
  HWY_INLINE V operator()(V a, V b) const { return hn::Add(a, b); }
};

// Folds a site into the 16 numbers of `out`, and then, to average, multiplies them.
template <class Fold>
HWY_INLINE void FoldSite(const PoolSite& site, float factor, float* out) {
  const D d;
  const Fold fold;
  V result[kPerBlock];
#pragma GCC unroll 4
  for (int v = 0; v < kPerBlock; ++v) result[v] = hn::LoadU(d, out + v * kLanes);
  for (int64_t r = 0; r < site.rows; ++r) {
    const float* x = site.first + r * site.row_stride;
    for (int64_t c = 0; c < site.columns; ++c, x += site.column_stride) {
#pragma GCC unroll 4
      for (int v = 0; v < kPerBlock; ++v) result[v] = fold(result[v], hn::LoadU(d, x + v * kLanes));
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < kPerBlock; ++v) hn::StoreU(hn::Mul(result[v], hn::Set(d, factor)), d, out + v * kLanes);
}

void MaxSite(const PoolSite& site, float* out) { FoldSite<Larger>(site, 1.0f, out); }
void AddSite(const PoolSite& site, float factor, float* out) { FoldSite<Sum>(site, factor, out); }

// One plane as a whole: four chains, so that operations overlap.
template <class Fold>
void FoldPlane(const float* x, int64_t size, float start, float factor, float* out) {
  constexpr int kChains = 4;
  const D d;
  const Fold fold;
  V chain[kChains][kPerBlock];
#pragma GCC unroll 4
  for (int i = 0; i < kChains; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kPerBlock; ++v) chain[i][v] = hn::Set(d, start);
  }
  int64_t p = 0;
  for (; p + kChains <= size; p += kChains) {
#pragma GCC unroll 4
    for (int i = 0; i < kChains; ++i) {
#pragma GCC unroll 4
      for (int v = 0; v < kPerBlock; ++v) chain[i][v] = fold(chain[i][v], hn::LoadU(d, x + (p + i) * kChannelBlock + v * kLanes));
    }
  }
  for (; p < size; ++p) {
#pragma GCC unroll 4
    for (int v = 0; v < kPerBlock; ++v) chain[0][v] = fold(chain[0][v], hn::LoadU(d, x + p * kChannelBlock + v * kLanes));
  }
#pragma GCC unroll 4
  for (int v = 0; v < kPerBlock; ++v)
    hn::StoreU(hn::Mul(fold(fold(chain[0][v], chain[1][v]), fold(chain[2][v], chain[3][v])), hn::Set(d, factor)), d, out + v * kLanes);
}
void PlaneSum(const float* x, int64_t size, float factor, float* out) { FoldPlane<Sum>(x, size, 0.0f, factor, out); }
void PlaneMax(const float* x, int64_t size, float* out) {
  FoldPlane<Larger>(x, size, std::numeric_limits<float>::lowest(), 1.0f, out);
}

void ScalePlane(const float* x, int64_t size, const float* scale, const float* bias, float* y) {
  const D d;
#pragma GCC unroll 4
  for (int v = 0; v < kPerBlock; ++v) {
    const V factor = hn::LoadU(d, scale + v * kLanes), offset = bias ? hn::LoadU(d, bias + v * kLanes) : hn::Zero(d);
    const float* from = x + v * kLanes;
    float* to = y + v * kLanes;
    for (int64_t p = 0; p < size; ++p, from += kChannelBlock, to += kChannelBlock)
      hn::StoreU(bias ? hn::MulAdd(hn::LoadU(d, from), factor, offset) : hn::Mul(hn::LoadU(d, from), factor), d, to);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx::kernels {

HWY_EXPORT(MaxSite);
HWY_EXPORT(AddSite);
HWY_EXPORT(PlaneSum);
HWY_EXPORT(PlaneMax);
HWY_EXPORT(ScalePlane);

namespace {

// Calls visit(site, output, od, oh, ow) for what each output sees at each depth of the kernel that lies inside; `begin_output(out)`
// before and `end_output(out, od, oh, ow)` after them.
template <class Begin, class Visit, class End>
void ForEachSite(const Window& window, int64_t planes, const float* x, float* y, ThreadPool& pool, Begin&& begin_output, Visit&& visit,
                 End&& end_output) {
  const WindowAxis &da = window.depth(), &ha = window.height(), &wa = window.width();
  const double cost = static_cast<double>(wa.output) * (2 + static_cast<double>(window.kernel_size()) / 2);
  pool.ParallelFor(planes * da.output * ha.output, cost, [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      const int64_t oh = row % ha.output, od = row / ha.output % da.output, plane = row / ha.output / da.output;
      const float* from = x + plane * window.input_size() * kChannelBlock;
      float* out = y + row * wa.output * kChannelBlock;
      const WindowRange h = InsideWindow(ha, ha.Start(oh));
      for (int64_t ow = 0; ow < wa.output; ++ow, out += kChannelBlock) {
        begin_output(out);
        const WindowRange w = InsideWindow(wa, wa.Start(ow));
        for (int64_t kd = 0; kd < da.kernel && h.begin < h.end && w.begin < w.end; ++kd) {
          const int64_t depth = window.DepthAt(od, kd);
          if (depth < 0) continue;
          const int64_t at = (depth * ha.input + ha.Start(oh) + h.begin * ha.dilation) * wa.input + wa.Start(ow) + w.begin * wa.dilation;
          visit(PoolSite{from + at * kChannelBlock, h.end - h.begin, w.end - w.begin, ha.dilation * wa.input * kChannelBlock,
                         wa.dilation * kChannelBlock},
                out);
        }
        end_output(out, od, oh, ow);
      }
    }
  });
}

constexpr PoolSite kNowhere = {nullptr, 0, 0, 0, 0};

}  // namespace

void BlockedMaxPool(const Window& window, int64_t planes, const float* x, float* y, ThreadPool& pool) {
  ForEachSite(
      window, planes, x, y, pool, [](float* out) { std::fill_n(out, kChannelBlock, std::numeric_limits<float>::lowest()); },
      [&](const PoolSite& site, float* out) { HWY_DYNAMIC_DISPATCH(MaxSite)(site, out); }, [](float*, int64_t, int64_t, int64_t) {});
}

void BlockedAveragePool(const Window& window, int64_t planes, bool count_include_pad, const float* x, float* y, ThreadPool& pool) {
  ForEachSite(
      window, planes, x, y, pool, [](float* out) { std::fill_n(out, kChannelBlock, 0.0f); },
      [&](const PoolSite& site, float* out) { HWY_DYNAMIC_DISPATCH(AddSite)(site, 1.0f, out); },
      [&](float* out, int64_t od, int64_t oh, int64_t ow) {
        const int64_t count = CountDepth(window, od, count_include_pad) * CountAlong(window.height(), oh, count_include_pad) *
                              CountAlong(window.width(), ow, count_include_pad);
        HWY_DYNAMIC_DISPATCH(AddSite)(kNowhere, count > 0 ? 1.0f / static_cast<float>(count) : 0.0f, out);
      });
}

void BlockedGlobalPool(bool maximum, int64_t planes, int64_t size, const float* x, float* y, ThreadPool& pool) {
  pool.ParallelFor(planes, static_cast<double>(size), [&](int64_t first, int64_t last) {
    for (int64_t p = first; p < last; ++p) {
      const float* from = x + p * size * kChannelBlock;
      float* to = y + p * kChannelBlock;
      if (maximum)
        HWY_DYNAMIC_DISPATCH(PlaneMax)(from, size, to);
      else
        HWY_DYNAMIC_DISPATCH(PlaneSum)(from, size, 1.0f / static_cast<float>(size), to);
    }
  });
}

void BlockedScale(const BlockedScaleArguments& a, ThreadPool& pool) {
  pool.ParallelFor(a.planes, static_cast<double>(a.size) * 2, [&](int64_t first, int64_t last) {
    for (int64_t p = first; p < last; ++p) {
      const int64_t at = p * a.size * kChannelBlock, channel = p % a.scale_planes * kChannelBlock;
      HWY_DYNAMIC_DISPATCH(ScalePlane)(a.x + at, a.size, a.scale + channel, a.bias ? a.bias + channel : nullptr, a.y + at);
    }
  });
}

}  // namespace sardonyx::kernels
#endif
