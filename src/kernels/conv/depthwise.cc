// A plane is computed in bands of output rows. The input rows that a band needs are copied into a buffer that stays in the
// nearest caches, with zeros where the padding is and as many columns as whole vectors need, so that the sums know neither edges nor
// tails. With a stride of s the copy also sorts the columns by their place modulo s: every tap of the kernel then reads
// neighbouring floats, whatever stride and dilation are.
#include "kernels/conv/depthwise.h"

#include <algorithm>

#include "kernels/gemm/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv/depthwise.cc"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"

#ifndef SARDONYX_DEPTHWISE_BAND
#define SARDONYX_DEPTHWISE_BAND
namespace sardonyx::kernels {

// Columns are rounded up to this many, the widest vector's; narrower ones divide it.
constexpr int64_t kWidestVector = 16;

// The copy of input rows that some output rows need.
struct DepthwiseBand {
  DepthwiseBand() = default;
  explicit DepthwiseBand(const Window& window) {
    const WindowAxis &ha = window.height(), &wa = window.width();
    columns = (wa.output + kWidestVector - 1) / kWidestVector * kWidestVector;
    phases = std::min(wa.stride, wa.extent());  // places modulo the stride that any tap falls on
    phase_width = columns + (wa.extent() - 1) / wa.stride;
    row_width = phases * phase_width;
    constexpr int64_t kFloats = 8192;  // 32 KiB: the output row and the weights want some of the first cache, too
    rows = std::clamp<int64_t>((kFloats / row_width - ha.extent()) / ha.stride + 1, 1, ha.output);
    input_rows = (rows - 1) * ha.stride + ha.extent();
  }
  int64_t floats() const { return input_rows * row_width; }
  // Where tap (kh, kw) of an output at the buffer's beginning lies.
  int64_t Offset(const Window& window, int64_t kh, int64_t kw) const {
    const int64_t column = kw * window.width().dilation, stride = window.width().stride;
    return kh * window.height().dilation * row_width + column % stride * phase_width + column / stride;
  }

  int64_t columns = 0, phases = 0, phase_width = 0, row_width = 0;
  int64_t rows = 0, input_rows = 0;  // of output and input at most
};

}  // namespace sardonyx::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, kWidestVector>;

// kSites vectors of outputs at once, so that each weight is read once for all and the sums do not wait for each other.
template <int kSites>
HWY_INLINE void SumSites(const float* const* sites, const int64_t* taps, const float* w, int64_t count, float bias, float* const* out) {
  const D d;
  hn::Vec<D> sum[kSites];
#pragma GCC unroll 8
  for (int s = 0; s < kSites; ++s) sum[s] = hn::Set(d, bias);
  for (int64_t t = 0; t < count; ++t) {
    const auto weight = hn::Set(d, w[t]);
#pragma GCC unroll 8
    for (int s = 0; s < kSites; ++s) sum[s] = hn::MulAdd(hn::LoadU(d, sites[s] + taps[t]), weight, sum[s]);
  }
#pragma GCC unroll 8
  for (int s = 0; s < kSites; ++s) hn::StoreU(sum[s], d, out[s]);
}

// `rows` output rows from the band's copy in `buffer`.
void ComputeBand(const DepthwiseBand& band, const Window& window, const float* buffer, const int64_t* taps, const float* w, float bias,
                 int64_t rows, float* y) {
  constexpr int kSites = 8;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(D())), width = window.width().output, count = window.kernel_size();
  HWY_ALIGN float tails[kSites][kWidestVector];
  const float* sites[kSites];
  float* out[kSites];
  struct Tail {
    float* to;
    int64_t size;  // 0: the vector went to y itself
  } tail[kSites];
  int filled = 0;
  const auto flush = [&] {
    if (filled == kSites) {
      SumSites<kSites>(sites, taps, w, count, bias, out);
    } else {
      for (int s = 0; s < filled; ++s) SumSites<1>(sites + s, taps, w, count, bias, out + s);
    }
    for (int s = 0; s < filled; ++s) std::copy_n(tails[s], tail[s].size, tail[s].to);
    filled = 0;
  };
  for (int64_t r = 0; r < rows; ++r) {
    const float* row = buffer + r * window.height().stride * band.row_width;
    for (int64_t c = 0; c < width; c += lanes) {
      float* to = y + r * width + c;
      const bool whole = c + lanes <= width;
      sites[filled] = row + c;
      out[filled] = whole ? to : tails[filled];
      tail[filled] = {to, whole ? 0 : width - c};
      if (++filled == kSites) flush();
    }
  }
  flush();
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx::kernels {
namespace {

HWY_EXPORT(ComputeBand);

// One input row, from column -pad_begin on, into its phases; `source` null is a row of padding.
void CopyRow(const DepthwiseBand& band, const WindowAxis& axis, const float* source, float* to) {
  if (!source) {
    std::fill_n(to, band.row_width, 0.0f);
    return;
  }
  for (int64_t phase = 0; phase < band.phases; ++phase, to += band.phase_width) {
    // Element j is input column j * stride + phase - pad_begin.
    const int64_t first = phase - axis.pad_begin;
    const int64_t low = first >= 0 ? 0 : std::min(band.phase_width, (-first + axis.stride - 1) / axis.stride);
    const int64_t high = first >= axis.input ? low : std::clamp((axis.input - 1 - first) / axis.stride + 1, low, band.phase_width);
    std::fill_n(to, low, 0.0f);
    const float* from = source + first + low * axis.stride;
    if (axis.stride == 1)
      std::copy_n(from, high - low, to + low);
    else
      for (int64_t j = low; j < high; ++j, from += axis.stride) to[j] = *from;
    std::fill(to + high, to + band.phase_width, 0.0f);
  }
}

size_t TapBytes(const ConvShape& shape) { return (static_cast<size_t>(shape.window.kernel_size()) * sizeof(int64_t) + 63) / 64 * 64; }
size_t BufferBytes(const DepthwiseBand& band) { return (static_cast<size_t>(band.floats()) * sizeof(float) + 63) / 64 * 64; }

int64_t Planes(const ConvShape& shape) { return shape.batch * shape.groups * shape.outputs * shape.window.depth().output; }

// One output plane: a depth of one channel of one image.
void ComputePlane(const ConvF32Arguments& a, const DepthwiseBand& band, const int64_t* taps, int64_t plane, float* buffer) {
  const ConvShape& s = a.shape;
  const WindowAxis &ha = s.window.height(), &wa = s.window.width(), &da = s.window.depth();
  const int64_t area = ha.output * wa.output;
  const int64_t output = plane / da.output % (s.groups * s.outputs), image = plane / da.output / (s.groups * s.outputs);
  const int64_t depth = da.Start(plane % da.output);  // a kernel of depth 1 may slide over a depth
  const bool inside = depth >= 0 && depth < da.input;
  const float* x = a.x + ((image * s.groups + output / s.outputs) * da.input + depth) * ha.input * wa.input;
  for (int64_t first = 0; first < ha.output; first += band.rows) {
    const int64_t rows = std::min(band.rows, ha.output - first);
    const int64_t input_rows = (rows - 1) * ha.stride + ha.extent();
    for (int64_t r = 0; r < input_rows; ++r) {
      const int64_t h = ha.Start(first) + r;
      CopyRow(band, wa, inside && h >= 0 && h < ha.input ? x + h * wa.input : nullptr, buffer + r * band.row_width);
    }
    const int64_t at = plane * area + first * wa.output, size = rows * wa.output;
    float* y = a.y + at;
    HWY_DYNAMIC_DISPATCH(ComputeBand)
    (band, s.window, buffer, taps, a.w + output * s.depth(), a.bias ? a.bias[output] : 0.0f, rows, y);
    if (a.residual)
      for (int64_t i = 0; i < size; ++i) y[i] += a.residual[at + i];
    ActivateF32(a.activation, y, size);
  }
}

}  // namespace

size_t DepthwiseConvF32Workspace(const ConvShape& shape, int threads) {
  return TapBytes(shape) + BufferBytes(DepthwiseBand(shape.window)) * static_cast<size_t>(std::min<int64_t>(threads, Planes(shape)));
}

void DepthwiseConvF32(const ConvF32Arguments& a, void* workspace, ThreadPool& pool) {
  const ConvShape& s = a.shape;
  const DepthwiseBand band(s.window);
  auto* taps = static_cast<int64_t*>(workspace);
  for (int64_t kh = 0, t = 0; kh < s.window.height().kernel; ++kh)
    for (int64_t kw = 0; kw < s.window.width().kernel; ++kw) taps[t++] = band.Offset(s.window, kh, kw);
  char* buffers = static_cast<char*>(workspace) + TapBytes(s);
  const int64_t planes = Planes(s), workers = std::min<int64_t>(pool.threads(), planes);
  const double plane_cost = static_cast<double>(s.window.height().output * s.window.width().output * s.depth()) / 16 + 50;
  pool.ParallelFor(workers, plane_cost * static_cast<double>(planes) / static_cast<double>(workers), [&](int64_t first, int64_t last) {
    for (int64_t worker = first; worker < last; ++worker) {
      auto* buffer = reinterpret_cast<float*>(buffers + BufferBytes(band) * static_cast<size_t>(worker));
      for (int64_t plane = planes * worker / workers; plane < planes * (worker + 1) / workers; ++plane)
        ComputePlane(a, band, taps, plane, buffer);
    }
  });
}

}  // namespace sardonyx::kernels
#endif
