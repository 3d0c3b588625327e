// ComputeConvTile. Registers hold pixels x vectors of sums, the weights of one input channel for all of the tile's output channels,
// and one input value repeated in all lanes. Each input channel costs one load of weights a vector, one repeated load a pixel,
// and pixels x vectors multiply-adds.
//
// AVX-512: 14 pixels x 2 blocks are 28 sums; with two vectors of weights and one input 31 of 32 registers, and 28 multiply-adds on
// 16 loads. 14 divides the usual widths (224, 112, 56, 28, 14), and 7x7 images make 3.5 tiles.
// AVX2: a block is two vectors; 6 pixels x 2 are 12 sums, 15 of 16 registers. SSE4: four vectors x 3 pixels. NEON: four x 6.
#include "kernels/conv/blocked_tile.h"

#include <utility>

#include "kernels/gemm/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv/blocked_tile.cc"
#include "hwy/foreach_target.h"
#include "kernels/conv/blocked_simd-inl.h"

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {
constexpr int kMaxBlocks = kRegisters == 32 && kPerBlock == 1 ? 2 : 1;
constexpr int kMaxPixels = kRegisters == 16 ? (kPerBlock > 12 ? 1 : 12 / kPerBlock) : 28 / (kPerBlock * kMaxBlocks) / 2 * 2;
static_assert(kMaxPixels <= kMaxTilePixels);

// Output channel block * 16 + part * lanes stands in vector block * kPerBlock + part.
constexpr int64_t InBlock(int vector) { return vector % kPerBlock * kLanes; }

template <int kPixels, int kVectors>
HWY_INLINE void AddChannel(const float* w, int64_t weight_stride, const float* const* at, int64_t channel, V (*sum)[kVectors]) {
  const D d;
  V weights[kVectors];
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) weights[v] = hn::LoadU(d, w + v / kPerBlock * weight_stride + InBlock(v));
#pragma GCC unroll 16
  for (int p = 0; p < kPixels; ++p) {
    const V input = hn::Set(d, at[p][channel]);
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) sum[p][v] = hn::MulAdd(input, weights[v], sum[p][v]);
  }
}

// Calls f(p, v) for every sum of a tile.
template <int kPixels, int kVectors, class F>
HWY_INLINE void ForEachSum(F&& f) {
#pragma GCC unroll 16
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) f(p, v);
  }
}

// Residual, activation and store, one after the other, so that each asks once what there is to do.
template <int kPixels, int kVectors>
HWY_INLINE void StoreTile(const ConvTile& t, V (*sum)[kVectors]) {
  const D d;
  const auto place = [&](int p, int v) { return t.offsets[p] + v / kPerBlock * t.output_stride + InBlock(v); };
  if (t.residual)
    ForEachSum<kPixels, kVectors>([&](int p, int v) { sum[p][v] = hn::Add(sum[p][v], hn::LoadU(d, t.residual + place(p, v))); });
  if (t.activation.kind == ActivationKind::kRelu)
    ForEachSum<kPixels, kVectors>([&](int p, int v) { sum[p][v] = hn::IfThenZeroElse(hn::Lt(sum[p][v], hn::Zero(d)), sum[p][v]); });
  else if (t.activation.kind != ActivationKind::kNone && IsCheap(t.activation.kind))
    ForEachSum<kPixels, kVectors>([&](int p, int v) { sum[p][v] = Cheap(t.activation, sum[p][v]); });
#pragma GCC unroll 16
  for (int p = 0; p < kPixels; ++p) {
    if (p >= t.pixels) return;  // the rest repeats the last one
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) hn::StoreU(sum[p][v], d, t.output + place(p, v));
  }
}

template <int kPixels, int kBlocks>
HWY_NOINLINE void ComputeTile(const ConvTile& t) {
  constexpr int kVectors = kBlocks * kPerBlock;
  const D d;
  V sum[kPixels][kVectors];
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) {
    const V start = t.bias ? hn::LoadU(d, t.bias + v / kPerBlock * kChannelBlock + InBlock(v)) : hn::Zero(d);
#pragma GCC unroll 16
    for (int p = 0; p < kPixels; ++p) sum[p][v] = start;
  }
  const int64_t weight_stride = t.weight_stride;
  for (const TileTap* tap = t.taps; tap != t.taps + t.num_taps; ++tap) {
    const float* w = t.weights + tap->weights;
    const float* at[kPixels];
#pragma GCC unroll 16
    for (int p = 0; p < kPixels; ++p) at[p] = tap->at[p];
    int64_t channels = t.channels;
    for (; channels >= kChannelBlock; channels -= kChannelBlock) {
      for (int64_t c = 0; c < kChannelBlock; c += 4) {
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i, w += kChannelBlock) AddChannel<kPixels, kVectors>(w, weight_stride, at, c + i, sum);
      }
#pragma GCC unroll 16
      for (int p = 0; p < kPixels; ++p) at[p] += tap->step[p];
    }
    for (int64_t c = 0; c < channels; ++c, w += kChannelBlock) AddChannel<kPixels, kVectors>(w, weight_stride, at, c, sum);
  }
  StoreTile<kPixels, kVectors>(t, sum);
}

using TileFunction = void (*)(const ConvTile&);
// Beyond two, only even numbers of pixels have a function of their own; others compute their last pixel twice.
constexpr int RoundedPixels(int pixels) { return pixels <= 2 || pixels == kMaxPixels ? pixels : (pixels + 1) / 2 * 2; }

struct TileFunctions {
  TileFunction of_pixels[kMaxPixels];  // index: pixels - 1
};
template <int kBlocks, int... kPixel>
constexpr TileFunctions MakeTileFunctions(std::integer_sequence<int, kPixel...>) {
  return {{&ComputeTile<RoundedPixels(kPixel + 1), kBlocks>...}};
}
template <int kBlocks>
constexpr TileFunctions kTiles = MakeTileFunctions<kBlocks>(std::make_integer_sequence<int, kMaxPixels>());

void RunTile(const ConvTile& t) {
  const TileFunctions& functions = t.blocks == 1 ? kTiles<1> : kTiles<kMaxBlocks>;
  functions.of_pixels[t.pixels - 1](t);
}

TileShape Limits() { return {kMaxPixels, kMaxBlocks}; }
bool FinishesInRegisters(ActivationKind kind) { return IsCheap(kind); }

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx::kernels {

HWY_EXPORT(RunTile);
HWY_EXPORT(Limits);
HWY_EXPORT(FinishesInRegisters);

TileShape TileLimits() { return HWY_DYNAMIC_DISPATCH(Limits)(); }

void ComputeConvTile(const ConvTile& tile) {
  HWY_DYNAMIC_DISPATCH(RunTile)(tile);
  if (HWY_DYNAMIC_DISPATCH(FinishesInRegisters)(tile.activation.kind)) return;
  for (int64_t block = 0; block < tile.blocks; ++block) {
    float* output = tile.output + block * tile.output_stride;
    // Positions side by side are activated together.
    for (int64_t p = 0, run; p < tile.pixels; p += run) {
      for (run = 1; p + run < tile.pixels && tile.offsets[p + run] == tile.offsets[p] + run * kChannelBlock;) ++run;
      ActivateF32(tile.activation, output + tile.offsets[p], run * kChannelBlock);
    }
  }
}

}  // namespace sardonyx::kernels
#endif
