// Rows of outputs, a strip of positions at a time: their sums stay in registers while the taps pass, each tap one load of weights and a
// multiply-add from memory for each position. Three rows of input lie in the first-level cache, so every input comes from beyond it
// once. Positions at the sides, whose windows reach into the padding, are strips of one with fewer taps.
#include "kernels/conv/blocked_depthwise.h"

#include <algorithm>
#include <utility>

#include "kernels/gemm/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv/blocked_depthwise.cc"
#include "hwy/foreach_target.h"
#include "kernels/conv/blocked_simd-inl.h"

#include "hwy/highway.h"

#ifndef SARDONYX_DEPTHWISE_ROW
#define SARDONYX_DEPTHWISE_ROW
namespace sardonyx::kernels {

// One row of one block's outputs.
struct DepthwiseRow {
  const WindowAxis* axis;  // width
  int64_t rows;            // kernel rows that see input
  const float* inputs[kMaxDepthwiseRows];   // first column of the input row
  const float* weights[kMaxDepthwiseRows];  // first tap of the kernel row
  const float* bias;                        // 16, or null
  const float* residual;
  const Activation* activation;
  float* output;
};

}  // namespace sardonyx::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {

// AVX-512: 12 sums and a weight; AVX2: 6 positions of two vectors; SSE4: 3 of four; NEON: 6 of four; no SIMD: one.
constexpr int kStrip = kRegisters == 32 ? (kPerBlock == 1 ? 12 : 24 / kPerBlock) : (kPerBlock > 12 ? 1 : 12 / kPerBlock);

// Positions [first, first + kPositions), taps [begin, end) of each kernel row.
template <int kPositions>
void ComputeStrip(const DepthwiseRow& row, int64_t first, int64_t begin, int64_t end) {
  const D d;
  constexpr int kSums = kPositions * kPerBlock;  // position p, vector v at p * kPerBlock + v
  V sums[kSums];
  Unroll<kSums>([&](auto i) SARDONYX_INLINE_LAMBDA {
    sums[i] = row.bias ? hn::LoadU(d, row.bias + i % kPerBlock * kLanes) : hn::Zero(d);
  });
  const int64_t stride = row.axis->stride * kChannelBlock, dilation = row.axis->dilation * kChannelBlock;
  const int64_t start = row.axis->Start(first) * kChannelBlock;
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
  const WindowAxis& axis = *row.axis;
  // Positions [low, high) have their whole window inside.
  const int64_t low = std::min(axis.output, (axis.pad_begin + axis.stride - 1) / axis.stride);
  const int64_t room = axis.input - axis.extent() + axis.pad_begin;
  const int64_t high = room < 0 ? low : std::clamp(room / axis.stride + 1, low, axis.output);
  const auto side = [&](int64_t position) {
    const int64_t start = axis.Start(position);
    const int64_t begin = start >= 0 ? 0 : (-start + axis.dilation - 1) / axis.dilation;
    const int64_t end = start >= axis.input ? 0 : std::min(axis.kernel, (axis.input - 1 - start) / axis.dilation + 1);
    ComputeStrip<1>(row, position, begin, std::max(begin, end));
  };
  for (int64_t position = 0; position < low; ++position) side(position);
  const int64_t strips = (high - low + kStrip - 1) / kStrip;
  for (int64_t s = 0; s < strips; ++s) {
    const int64_t first = low + (high - low) * s / strips, end = low + (high - low) * (s + 1) / strips;
    kFunctions.of_positions[end - first - 1](row, first, 0, axis.kernel);
  }
  for (int64_t position = high; position < axis.output; ++position) side(position);
  if (!IsCheap(row.activation->kind)) ActivateF32(*row.activation, row.output, axis.output * kChannelBlock);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx::kernels {

HWY_EXPORT(ComputeRow);

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
  explicit PaddedRows(const Window& window) : axis_(window.width()), padded_(window.width()), rows_(window.height().extent()) {
    padded_.input = (axis_.output - 1) * axis_.stride + axis_.extent();
    padded_.pad_begin = padded_.pad_end = 0;
    if (rows_ <= kMaxDepthwiseRows) std::fill_n(held_, rows_, int64_t{-1});
  }
  // Wide images have few positions at their sides, and their rows would not stay in the first-level cache.
  bool worthwhile(const Window& window) const {
    return (axis_.pad_begin > 0 || axis_.pad_end > 0) && window.depth().kernel == 1 && rows_ <= kMaxDepthwiseRows &&
           rows_ * padded_.input * kChannelBlock <= kFloats;
  }
  const WindowAxis& axis() const { return padded_; }

  // Row `row` (of all planes) of the input, which is row `h` of its image.
  const float* Get(const float* source, int64_t row, int64_t h) {
    const int64_t slot = h % rows_, low = std::min(axis_.pad_begin, padded_.input);
    const int64_t high = std::clamp(low + axis_.input, low, padded_.input);
    float* to = data_ + slot * padded_.input * kChannelBlock;
    if (held_[slot] == row) return to;
    held_[slot] = row;
    std::fill_n(to, low * kChannelBlock, 0.0f);
    std::copy_n(source, (high - low) * kChannelBlock, to + low * kChannelBlock);
    std::fill(to + high * kChannelBlock, to + padded_.input * kChannelBlock, 0.0f);
    return to;
  }

 private:
  static constexpr int64_t kFloats = 4096;  // 16 KiB
  const WindowAxis& axis_;
  WindowAxis padded_;
  int64_t rows_;
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
    const bool copies = padded.worthwhile(s.window);
    DepthwiseRow row;
    row.axis = copies ? &padded.axis() : &wa;
    row.activation = &a.activation;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t oh = i % ha.output, od = i / ha.output % da.output, plane = i / ha.output / da.output, block = plane % blocks;
      const float* weights = a.weights + block * taps * kChannelBlock;
      row.rows = 0;
      for (int64_t kd = 0; kd < da.kernel; ++kd) {
        const int64_t depth = s.window.DepthAt(od, kd);
        for (int64_t kh = 0; kh < ha.kernel && depth >= 0; ++kh) {
          const int64_t h = ha.Start(oh) + kh * ha.dilation;
          if (h < 0 || h >= ha.input) continue;
          const int64_t input_row = (plane * da.input + depth) * ha.input + h;
          const float* x = a.x + input_row * wa.input * kChannelBlock;
          row.inputs[row.rows] = copies ? padded.Get(x, input_row, h) : x;
          row.weights[row.rows++] = weights + (kd * ha.kernel + kh) * wa.kernel * kChannelBlock;
        }
      }
      const int64_t at = i * wa.output * kChannelBlock;
      row.bias = a.bias ? a.bias + block * kChannelBlock : nullptr;
      row.residual = a.residual ? a.residual + at : nullptr;
      row.output = a.y + at;
      HWY_DYNAMIC_DISPATCH(ComputeRow)(row);
    }
  });
}

}  // namespace sardonyx::kernels
#endif
