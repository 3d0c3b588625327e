// ComputeConvTile. Registers hold pixels x vectors of sums, the weights of one input channel for all of the tile's output channels,
// and one input value repeated in all lanes. Each input channel costs one load of weights a vector, one repeated load a pixel,
// and pixels x vectors multiply-adds.
//
// AVX-512: 14 pixels x 2 blocks are 28 sums; with two vectors of weights and one input 31 of 32 registers, and 28 multiply-adds on
// 16 loads. 14 divides the usual widths (224, 112, 56, 28, 14), and 7x7 images make 3.5 tiles.
// AVX2: a block is two vectors; 6 pixels x 2 are 12 sums, 15 of 16 registers. SSE4: four vectors x 3 pixels. NEON: four x 6.
// A single position (what squeeze-and-excite multiplies) takes up to 8 blocks, so that 8 sums hide each other's latency.
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
constexpr int kFittingBlocks = (kRegisters == 32 ? 24 : 12) / kPerBlock;
constexpr int kMaxBlocksOfOne = kFittingBlocks < 1 ? 1 : kFittingBlocks > 8 ? 8 : kFittingBlocks;

// Output channel block * 16 + part * lanes stands in vector block * kPerBlock + part.
constexpr int64_t InBlock(int vector) { return vector % kPerBlock * kLanes; }

// The sums of a tile: pixel p, vector v stands at p * kVectors + v.
template <int kPixels, int kVectors>
struct Sums {
  V of[kPixels * kVectors];
};

template <int kPixels, int kVectors>
HWY_INLINE void AddChannel(const float* w, int64_t weight_stride, const float* const* at, int64_t channel, Sums<kPixels, kVectors>& sums) {
  const D d;
  V weights[kVectors];
  Unroll<kVectors>([&](auto v) SARDONYX_INLINE_LAMBDA { weights[v] = hn::LoadU(d, w + v / kPerBlock * weight_stride + InBlock(v)); });
  Unroll<kPixels>([&](auto p) SARDONYX_INLINE_LAMBDA {
    const V input = hn::Set(d, at[p][channel]);
    Unroll<kVectors>([&](auto v) SARDONYX_INLINE_LAMBDA {
      constexpr int i = p * kVectors + v;
      sums.of[i] = hn::MulAdd(input, weights[v], sums.of[i]);
    });
    // Inputs of later pixels loaded any earlier would take registers from the sums.
    __asm__ volatile("" ::: "memory");
  });
}

// Residual, activation and store, one after the other, so that each asks once what there is to do.
template <int kPixels, int kVectors>
HWY_INLINE void StoreTile(const ConvTile& t, Sums<kPixels, kVectors>& sums) {
  const D d;
  constexpr int kSums = kPixels * kVectors;
  const auto place = [&](auto i) SARDONYX_INLINE_LAMBDA {
    constexpr int v = i % kVectors;
    return t.offsets[i / kVectors] + v / kPerBlock * t.output_stride + InBlock(v);
  };
  if (t.residual)
    Unroll<kSums>([&](auto i) SARDONYX_INLINE_LAMBDA { sums.of[i] = hn::Add(sums.of[i], hn::LoadU(d, t.residual + place(i))); });
  ActivateCheaply(t.activation, sums.of);
  const int64_t pixels = t.pixels;  // beyond them the last one is repeated
  Unroll<kSums>([&](auto i) SARDONYX_INLINE_LAMBDA {
    if (i / kVectors < pixels) hn::StoreU(sums.of[i], d, t.output + place(i));
  });
}

template <int kPixels, int kBlocks>
HWY_NOINLINE void ComputeTile(const ConvTile& t) {
  constexpr int kVectors = kBlocks * kPerBlock;
  const D d;
  Sums<kPixels, kVectors> sums;
  Unroll<kPixels * kVectors>([&](auto i) SARDONYX_INLINE_LAMBDA {
    constexpr int v = i % kVectors;
    sums.of[i] = t.bias ? hn::LoadU(d, t.bias + v / kPerBlock * kChannelBlock + InBlock(v)) : hn::Zero(d);
  });
  const int64_t weight_stride = t.weight_stride, next_vectors = t.next_vectors;
  const float* next = t.next_weights;
  for (const TileTap* tap = t.taps; tap != t.taps + t.num_taps; ++tap) {
    const float* w = t.weights + tap->weights;
    const float* at[kPixels];
    Unroll<kPixels>([&](auto p) SARDONYX_INLINE_LAMBDA { at[p] = tap->at[p]; });
    int64_t channels = t.channels;
    for (; channels >= kChannelBlock; channels -= kChannelBlock) {
      for (int64_t c = 0; c < kChannelBlock; c += 4) {
        for (int64_t i = 0; i < next_vectors; ++i, next += kChannelBlock) __builtin_prefetch(next, 0, 2);
        Unroll<4>([&](auto i) SARDONYX_INLINE_LAMBDA {
          AddChannel<kPixels, kVectors>(w + i * kChannelBlock, weight_stride, at, c + i, sums);
        });
        w += 4 * kChannelBlock;
      }
      Unroll<kPixels>([&](auto p) SARDONYX_INLINE_LAMBDA { at[p] += tap->step[p]; });
    }
    for (int64_t c = 0; c < channels; ++c, w += kChannelBlock) AddChannel<kPixels, kVectors>(w, weight_stride, at, c, sums);
  }
  StoreTile<kPixels, kVectors>(t, sums);
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

template <int... kBlock>
void RunOne(const ConvTile& t, std::integer_sequence<int, kBlock...>) {
  static constexpr TileFunction kOfBlocks[] = {&ComputeTile<1, kBlock + 1>...};
  kOfBlocks[t.blocks - 1](t);
}

void RunTile(const ConvTile& t) {
  if (t.pixels == 1) return RunOne(t, std::make_integer_sequence<int, kMaxBlocksOfOne>());
  const TileFunctions& functions = t.blocks == 1 ? kTiles<1> : kTiles<kMaxBlocks>;
  functions.of_pixels[t.pixels - 1](t);
}

TileShape Limits(int64_t positions) { return positions == 1 ? TileShape{1, kMaxBlocksOfOne} : TileShape{kMaxPixels, kMaxBlocks}; }
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

TileShape TileLimits(int64_t positions) { return HWY_DYNAMIC_DISPATCH(Limits)(positions); }

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
