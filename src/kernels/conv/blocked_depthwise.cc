// Rows of outputs, a strip of positions at a time: their sums stay in registers while the taps pass, each tap one load of weights and a
// multiply-add from memory for each position. Three rows of input lie in the first-level cache, so every input comes from beyond it
// once. Positions at the sides, whose windows reach into the padding, are strips of one with fewer taps.
#include "kernels/conv/blocked_depthwise.h"

#include <algorithm>
#include <utility>

#include "kernels/gemm/simd_targets.h"
#include "kernels/pool/pool_count.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv/blocked_depthwise.cc"
#include "hwy/foreach_target.h"
#include "kernels/conv/blocked_simd-inl.h"

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {

// AVX-512: 14 sums (which divides the usual widths) and a weight; AVX2: 6 positions of two vectors; SSE4: 3 of four; NEON: 6 of four; no
// SIMD: one.
constexpr int kStrip = kRegisters == 32 ? (kPerBlock == 1 ? 14 : 24 / kPerBlock) : (kPerBlock > 12 ? 1 : 12 / kPerBlock);

// Positions [first, first + kPositions), taps [begin, end) of each kernel row.
template <int kPositions>
void ComputeStrip(const DepthwiseRow& row, int64_t first, int64_t begin, int64_t end) {
  const D d;
  constexpr int kSums = kPositions * kPerBlock;  // position p, vector v at p * kPerBlock + v
  V sums[kSums];
  Unroll<kSums>([&](auto i) SARDONYX_INLINE_LAMBDA {
    sums[i] = row.bias ? hn::LoadU(d, row.bias + i % kPerBlock * kLanes) : hn::Zero(d);
  });
  const WindowAxis& axis = row.width->axis;
  const int64_t stride = axis.stride * kChannelBlock, dilation = axis.dilation * kChannelBlock, start = axis.Start(first) * kChannelBlock;
  for (int64_t r = 0; r < row.rows; ++r) {
    for (int64_t k = begin; k < end; ++k) {
      const float* w = row.weights[r] + k * kChannelBlock;
      const float* x = row.inputs[r] + start + k * dilation;
      V weights[kPerBlock];
      Unroll<kPerBlock>([&](auto v) SARDONYX_INLINE_LAMBDA { weights[v] = hn::LoadU(d, w + v * kLanes); });
      Unroll<kSums>([&](auto i) SARDONYX_INLINE_LAMBDA {
        sums[i] = hn::MulAdd(hn::LoadU(d, x + i / kPerBlock * stride + i % kPerBlock * kLanes), weights[i % kPerBlock], sums[i]);
      });
    }
  }
  const auto place = [&](auto i) SARDONYX_INLINE_LAMBDA { return (first + i / kPerBlock) * kChannelBlock + i % kPerBlock * kLanes; };
  if (row.residual)
    Unroll<kSums>([&](auto i) SARDONYX_INLINE_LAMBDA { sums[i] = hn::Add(sums[i], hn::LoadU(d, row.residual + place(i))); });
  ActivateCheaply(*row.activation, sums);
  Unroll<kSums>([&](auto i) SARDONYX_INLINE_LAMBDA { hn::StoreU(sums[i], d, row.output + place(i)); });
}

using StripFunction = void (*)(const DepthwiseRow&, int64_t, int64_t, int64_t);
struct StripFunctions {
  StripFunction of_positions[kStrip];  // index: positions - 1
};
template <int... kPosition>
constexpr StripFunctions MakeStripFunctions(std::integer_sequence<int, kPosition...>) {
  return {{&ComputeStrip<kPosition + 1>...}};
}

void ComputeRow(const DepthwiseRow& row) {
  static constexpr StripFunctions kFunctions = MakeStripFunctions(std::make_integer_sequence<int, kStrip>());
  const DepthwiseWidth& width = *row.width;
  const auto side = [&](int64_t position) {
    const WindowRange taps = InsideWindow(width.axis, width.axis.Start(position));
    ComputeStrip<1>(row, position, taps.begin, std::max(taps.begin, taps.end));
  };
  for (int64_t position = 0; position < width.low; ++position) side(position);
  int64_t first = width.low;
  for (int64_t s = 0; s < width.strips; ++s) {
    const int64_t positions = width.strip + (s < width.wider);
    kFunctions.of_positions[positions - 1](row, first, 0, width.axis.kernel);
    first += positions;
  }
  for (int64_t position = width.high; position < width.axis.output; ++position) side(position);
  if (!IsCheap(row.activation->kind)) ActivateF32(*row.activation, row.output, width.axis.output * kChannelBlock);
}

int64_t Strip() { return kStrip; }

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx::kernels {

HWY_EXPORT(ComputeRow);
HWY_EXPORT(Strip);

void ComputeDepthwiseRow(const DepthwiseRow& row) { HWY_DYNAMIC_DISPATCH(ComputeRow)(row); }

DepthwiseWidth::DepthwiseWidth(const WindowAxis& width) : axis(width) {
  low = std::min(axis.output, (axis.pad_begin + axis.stride - 1) / axis.stride);
  const int64_t room = axis.input - axis.extent() + axis.pad_begin;
  high = room < 0 ? low : std::clamp(room / axis.stride + 1, low, axis.output);
  const int64_t most = HWY_DYNAMIC_DISPATCH(Strip)();
  strips = (high - low + most - 1) / most;
  strip = strips == 0 ? 0 : (high - low) / strips;
  wider = high - low - strip * strips;
}

int64_t PackedDepthwiseWeightsSize(int64_t channels, int64_t taps) { return ChannelBlocks(channels) * kChannelBlock * taps; }

void PackDepthwiseWeights(const float* w, int64_t channels, int64_t taps, float* out) {
  std::fill_n(out, PackedDepthwiseWeightsSize(channels, taps), 0.0f);
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t t = 0; t < taps; ++t) out[(c / kChannelBlock * taps + t) * kChannelBlock + c % kChannelBlock] = w[c * taps + t];
}

namespace {

// The input rows that an output row of a narrow image sees, copied between columns of zeros, so that no position is at a side. Each is
// copied once while outputs go down the image.
class PaddedRows {
 public:
  explicit PaddedRows(const Window& window) : axis_(window.width()), padded_(axis_), rows_(window.height().extent()) {
    padded_.input = (axis_.output - 1) * axis_.stride + axis_.extent();
    padded_.pad_begin = padded_.pad_end = 0;
    low_ = std::min(axis_.pad_begin, padded_.input);
    high_ = std::clamp(low_ + axis_.input, low_, padded_.input);
    // Wide images have few positions at their sides, and their rows would not stay in the first-level cache.
    worthwhile_ = (axis_.pad_begin > 0 || axis_.pad_end > 0) && window.depth().kernel == 1 && rows_ <= kMaxDepthwiseRows &&
                  rows_ * padded_.input * kChannelBlock <= kFloats;
    if (!worthwhile_) return;
    std::fill_n(held_, rows_, int64_t{-1});
    std::fill_n(data_, rows_ * padded_.input * kChannelBlock, 0.0f);
  }
  bool worthwhile() const { return worthwhile_; }
  const WindowAxis& axis() const { return worthwhile_ ? padded_ : axis_; }

  // Row `row` (of all planes) of the input, which is row `h` of its image.
  const float* Get(const float* source, int64_t row, int64_t h) {
    // Rows come one after the other, mostly.
    slot_ = h == last_ + 1 ? slot_ + 1 : h % rows_;
    if (slot_ == rows_) slot_ = 0;
    last_ = h;
    float* to = data_ + slot_ * padded_.input * kChannelBlock;
    if (held_[slot_] == row) return to;
    held_[slot_] = row;
    std::copy_n(source, (high_ - low_) * kChannelBlock, to + low_ * kChannelBlock);
    return to;
  }

 private:
  static constexpr int64_t kFloats = 4096;  // 16 KiB
  const WindowAxis axis_;
  WindowAxis padded_;
  int64_t rows_, low_, high_;
  bool worthwhile_;
  int64_t last_ = -2, slot_ = 0;
  int64_t held_[kMaxDepthwiseRows];
  alignas(64) float data_[kFloats];
};

}  // namespace

void BlockedDepthwise(const BlockedDepthwiseArguments& a, ThreadPool& pool) {
  const ConvShape& s = a.shape;
  const WindowAxis &da = s.window.depth(), &ha = s.window.height(), &wa = s.window.width();
  const int64_t blocks = ChannelBlocks(s.groups), taps = s.window.kernel_size();
  const double cost = static_cast<double>(wa.output * taps) / 2 + 20;
  // One item is one row of one block.
  pool.ParallelFor(s.batch * blocks * da.output * ha.output, cost, [&](int64_t begin, int64_t end) {
    PaddedRows padded(s.window);
    const DepthwiseWidth width(padded.axis());
    DepthwiseRow row;
    row.width = &width;
    row.activation = &a.activation;
    int64_t oh = begin % ha.output, od = begin / ha.output % da.output, plane = begin / ha.output / da.output, block = plane % blocks;
    for (int64_t i = begin; i < end; ++i) {
      const float* weights = a.weights + block * taps * kChannelBlock;
      row.rows = 0;
      for (int64_t kd = 0; kd < da.kernel; ++kd) {
        const int64_t depth = s.window.DepthAt(od, kd);
        for (int64_t kh = 0; kh < ha.kernel && depth >= 0; ++kh) {
          const int64_t h = ha.Start(oh) + kh * ha.dilation;
          if (h < 0 || h >= ha.input) continue;
          const int64_t input_row = (plane * da.input + depth) * ha.input + h;
          const float* x = a.x + input_row * wa.input * kChannelBlock;
          row.inputs[row.rows] = padded.worthwhile() ? padded.Get(x, input_row, h) : x;
          row.weights[row.rows++] = weights + (kd * ha.kernel + kh) * wa.kernel * kChannelBlock;
        }
      }
      const int64_t at = i * wa.output * kChannelBlock;
      row.bias = a.bias ? a.bias + block * kChannelBlock : nullptr;
      row.residual = a.residual ? a.residual + at : nullptr;
      row.output = a.y + at;
      ComputeDepthwiseRow(row);
      if (++oh < ha.output) continue;
      oh = 0;
      if (++od < da.output) continue;
      od = 0;
      ++plane;
      if (++block == blocks) block = 0;
    }
  });
}

}  // namespace sardonyx::kernels
#endif
