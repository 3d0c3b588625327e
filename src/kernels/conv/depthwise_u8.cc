// Four taps of a channel make one dot product: the bytes of four pixels are interleaved (twice, by bytes and by pairs), which leaves
// the channels of a vector in the order [lane of 128 bits][vector of four][4]; packing the results undoes that order.
//
// Of 3x3 kernels, a column of three taps makes one: what is interleaved for an output then serves its neighbours, too.
#include "kernels/conv/depthwise_u8.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/gemm/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv/depthwise_u8.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

#include "kernels/gemm/quad_dot-inl.h"

#ifndef SARDONYX_PLACE_OF_TAP
#define SARDONYX_PLACE_OF_TAP
namespace sardonyx::kernels {
namespace {
// Where the weight of a tap stands among those of a channel's block: by columns of a 3x3 kernel, else four after four.
inline int64_t PlaceOfTap(int64_t taps, int64_t tap) {
  return taps == 9 ? tap % 3 * kDepthwiseBlock * 4 + tap / 3 : tap / 4 * kDepthwiseBlock * 4 + tap % 4;
}
}  // namespace
}  // namespace sardonyx::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kMaxQuads = 16;
constexpr int64_t kNine = 9;

#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128

// The nearest int32; the lowest where there is none.
HWY_INLINE hn::Vec128<int32_t> NearestOrLowest(hn::Vec128<float> v) { return hn::Vec128<int32_t>{_mm_cvtps_epi32(v.raw)}; }
#if HWY_TARGET <= HWY_AVX2
HWY_INLINE hn::Vec256<int32_t> NearestOrLowest(hn::Vec256<float> v) { return hn::Vec256<int32_t>{_mm256_cvtps_epi32(v.raw)}; }
#endif
#if HWY_TARGET <= HWY_AVX3
HWY_INLINE hn::Vec512<int32_t> NearestOrLowest(hn::Vec512<float> v) { return hn::Vec512<int32_t>{_mm512_cvtps_epi32(v.raw)}; }
#endif

// Two vectors of int16 to one of uint8, saturating, within each 128 bits.
HWY_INLINE hn::Vec128<uint8_t> PackBytes(hn::Vec128<int16_t> a, hn::Vec128<int16_t> b) {
  return hn::Vec128<uint8_t>{_mm_packus_epi16(a.raw, b.raw)};
}
#if HWY_TARGET <= HWY_AVX2
HWY_INLINE hn::Vec256<uint8_t> PackBytes(hn::Vec256<int16_t> a, hn::Vec256<int16_t> b) {
  return hn::Vec256<uint8_t>{_mm256_packus_epi16(a.raw, b.raw)};
}
#endif
#if HWY_TARGET <= HWY_AVX3
HWY_INLINE hn::Vec512<uint8_t> PackBytes(hn::Vec512<int16_t> a, hn::Vec512<int16_t> b) {
  return hn::Vec512<uint8_t>{_mm512_packus_epi16(a.raw, b.raw)};
}
#endif

// `lanes` times four values of int32, from the channels' order to that of interleaved vectors.
void Arrange(const void* from, int64_t lanes, void* to) {
  for (int64_t v = 0; v < 4; ++v)
    for (int64_t lane = 0; lane < lanes / 4; ++lane)
      std::memcpy(static_cast<int32_t*>(to) + v * lanes + lane * 4, static_cast<const int32_t*>(from) + lane * 16 + v * 4, 16);
}

// Four vectors of channels, of which each lane has four taps.
template <class D>
struct Quads {
  hn::Vec<D> of[4];
};
template <class D>
HWY_INLINE Quads<D> Interleave(D d, const uint8_t* p0, const uint8_t* p1, const uint8_t* p2, const uint8_t* p3) {
  const hn::Repartition<uint8_t, D> d8;
  const hn::Repartition<uint16_t, D> du16;
  const auto a = hn::LoadU(d8, p0), b = hn::LoadU(d8, p1), c = hn::LoadU(d8, p2), e = hn::LoadU(d8, p3);
  const auto ab_low = hn::BitCast(du16, hn::InterleaveLower(d8, a, b)), ab_high = hn::BitCast(du16, hn::InterleaveUpper(d8, a, b));
  const auto ce_low = hn::BitCast(du16, hn::InterleaveLower(d8, c, e)), ce_high = hn::BitCast(du16, hn::InterleaveUpper(d8, c, e));
  return {{hn::BitCast(d, hn::InterleaveLower(du16, ab_low, ce_low)), hn::BitCast(d, hn::InterleaveUpper(du16, ab_low, ce_low)),
           hn::BitCast(d, hn::InterleaveLower(du16, ab_high, ce_high)), hn::BitCast(d, hn::InterleaveUpper(du16, ab_high, ce_high))}};
}

// What ends a sum, prepared for four vectors of channels.
template <class D>
class Finisher {
 public:
  Finisher(D d, const QuadEpilogue& e, int64_t channel) : zero_(e.zero_point + (e.is_signed ? 128 : 0)), flip_(e.is_signed ? 0x80 : 0) {
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
    Arrange(e.offsets + channel, lanes, offsets_);
    Arrange(e.scales + channel, lanes, scales_);
  }
  HWY_INLINE hn::Vec<D> Start(D d, int v) const { return hn::Load(d, offsets_ + v * static_cast<int64_t>(hn::Lanes(d))); }
  HWY_INLINE void Store(D d, hn::Vec<D> (&sum)[4], uint8_t* out) const {
    const hn::Rebind<float, D> df;
    const hn::Repartition<uint8_t, D> d8;
    const hn::Repartition<int16_t, D> d16;
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
    // Only clamped above: the conversion gives the lowest int32 for what is too low, and packing saturates.
    const auto high = hn::Set(df, static_cast<float>(255 - zero_));
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
      const auto value = hn::Mul(hn::ConvertTo(df, sum[v]), hn::Load(df, scales_ + v * lanes));
      sum[v] = hn::Add(NearestOrLowest(hn::Min(value, high)), hn::Set(d, zero_));
    }
    const auto bytes = PackBytes(hn::ReorderDemote2To(d16, sum[0], sum[1]), hn::ReorderDemote2To(d16, sum[2], sum[3]));
    hn::StoreU(hn::Xor(bytes, hn::Set(d8, flip_)), d8, out);
  }

 private:
  int32_t zero_;
  uint8_t flip_;
  HWY_ALIGN int32_t offsets_[64];
  HWY_ALIGN float scales_[64];
};

template <class D, class Dot>
HWY_INLINE void AddQuads(D d, const Quads<D>& x, const int32_t* weights, hn::Vec<D> (&sum)[4]) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v)
    sum[v] = Dot::Add(sum[v], Dot::Split(x.of[v]), Dot::Load(reinterpret_cast<const int8_t*>(weights + v * lanes)));
}

// Column j of a 3x3 kernel whose taps are rows of three.
template <class D>
HWY_INLINE Quads<D> Column(D d, const uint8_t* const* taps, int64_t j, int64_t channel) {
  // The fourth has weights of 0: any pixel will do.
  return Interleave(d, taps[j] + channel, taps[3 + j] + channel, taps[6 + j] + channel, taps[6 + j] + channel);
}
// Whether column j of an output is column k of the one before.
bool SameColumn(const uint8_t* const* taps, int64_t j, int64_t k) {
  const uint8_t* const* before = taps - kNine;
  return taps[j] == before[k] && taps[3 + j] == before[3 + k] && taps[6 + j] == before[6 + k];
}

template <class D, class Dot>
void ComputeColumns(D d, const DepthwiseU8Row& row, int64_t channel, const int32_t* weights, const Finisher<D>& finisher) {
  using V = hn::Vec<D>;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  uint8_t* out = static_cast<uint8_t*>(row.epilogue.out) + channel;
  const uint8_t* const* taps = row.taps;
  Quads<D> first, second, third;
  for (int64_t i = 0; i < row.count; ++i, taps += kNine, out += row.epilogue.stride) {
    if (i > 0 && SameColumn(taps, 0, 1) && SameColumn(taps, 1, 2)) {
      first = second;
      second = third;
    } else {
      first = i > 0 && SameColumn(taps, 0, 2) ? third : Column(d, taps, 0, channel);
      second = Column(d, taps, 1, channel);
    }
    third = Column(d, taps, 2, channel);
    V sum[4] = {finisher.Start(d, 0), finisher.Start(d, 1), finisher.Start(d, 2), finisher.Start(d, 3)};
    AddQuads<D, Dot>(d, first, weights, sum);
    AddQuads<D, Dot>(d, second, weights + 4 * lanes, sum);
    AddQuads<D, Dot>(d, third, weights + 8 * lanes, sum);
    finisher.Store(d, sum, out);
  }
}

// Four vectors of channels, from `channel` on, of all outputs.
template <class D, class Dot>
void ComputeChannels(D d, const DepthwiseU8Row& row, int64_t channel) {
  using V = hn::Vec<D>;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d)), quads = (row.num_taps + 3) / 4, last = row.num_taps - 1;
  HWY_ALIGN int32_t weights[kMaxQuads * 64];
  const int8_t* block = row.weights + channel / kDepthwiseBlock * kDepthwiseBlock * quads * 4;
  for (int64_t q = 0; q < quads; ++q)
    Arrange(block + (q * kDepthwiseBlock + channel % kDepthwiseBlock) * 4, lanes, weights + q * 4 * lanes);
  const Finisher<D> finisher(d, row.epilogue, channel);
  if (row.num_taps == kNine) return ComputeColumns<D, Dot>(d, row, channel, weights, finisher);
  uint8_t* out = static_cast<uint8_t*>(row.epilogue.out) + channel;
  const uint8_t* const* taps = row.taps;
  for (int64_t i = 0; i < row.count; ++i, taps += row.num_taps, out += row.epilogue.stride) {
    V sum[4] = {finisher.Start(d, 0), finisher.Start(d, 1), finisher.Start(d, 2), finisher.Start(d, 3)};
    for (int64_t q = 0; q < quads; ++q) {
      // Taps that are missing have weights of 0: any pixel will do.
      const Quads<D> x = Interleave(d, taps[4 * q] + channel, taps[std::min(4 * q + 1, last)] + channel,
                                    taps[std::min(4 * q + 2, last)] + channel, taps[std::min(4 * q + 3, last)] + channel);
      AddQuads<D, Dot>(d, x, weights + q * 4 * lanes, sum);
    }
    finisher.Store(d, sum, out);
  }
}

template <template <class> class Dot>
void ComputeAll(const DepthwiseU8Row& row) {
  int64_t channel = 0;
#if HWY_TARGET <= HWY_AVX3
  for (; channel + 64 <= row.channels; channel += 64) {
    using D = hn::FixedTag<int32_t, 16>;
    ComputeChannels<D, Dot<D>>(D(), row, channel);
  }
#endif
#if HWY_TARGET <= HWY_AVX2
  for (; channel + 32 <= row.channels; channel += 32) {
    using D = hn::FixedTag<int32_t, 8>;
    ComputeChannels<D, Dot<D>>(D(), row, channel);
  }
#endif
  for (; channel < row.channels; channel += 16) {
    using D = hn::FixedTag<int32_t, 4>;
    ComputeChannels<D, Dot<D>>(D(), row, channel);
  }
}

void ComputeRow(const DepthwiseU8Row& row) {
#if SARDONYX_HAS_VPDPBUSD
  if (MachineHasVpdpbusd()) return ComputeAll<FusedDot>(row);
#endif
  ComputeAll<PairDot>(row);
}

#else

void ComputeRow(const DepthwiseU8Row& row) {
  const int64_t quads = (row.num_taps + 3) / 4;
  const QuadEpilogue& e = row.epilogue;
  const int32_t lowest = e.is_signed ? -128 : 0;
  for (int64_t i = 0; i < row.count; ++i) {
    const uint8_t* const* taps = row.taps + i * row.num_taps;
    for (int64_t c = 0; c < row.channels; ++c) {
      const int8_t* w = row.weights + c / kDepthwiseBlock * kDepthwiseBlock * quads * 4 + c % kDepthwiseBlock * 4;
      int32_t sum = e.offsets[c];
      for (int64_t t = 0; t < row.num_taps; ++t) sum += taps[t][c] * w[PlaceOfTap(row.num_taps, t)];
      const float low = static_cast<float>(lowest - e.zero_point), high = static_cast<float>(lowest + 255 - e.zero_point);
      const float value = std::min(std::max(static_cast<float>(sum) * e.scales[c], low), high);
      static_cast<uint8_t*>(e.out)[i * e.stride + c] = static_cast<uint8_t>(std::lrintf(value) + e.zero_point);
    }
  }
}

#endif

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx::kernels {

HWY_EXPORT(ComputeRow);

void ComputeDepthwiseU8(const DepthwiseU8Row& row) { HWY_DYNAMIC_DISPATCH(ComputeRow)(row); }

int64_t DepthwiseU8Size(int64_t channels, int64_t taps) {
  return (channels + kDepthwiseBlock - 1) / kDepthwiseBlock * kDepthwiseBlock * ((taps + 3) / 4) * 4;
}

void PackDepthwiseU8(const int8_t* w, int64_t channels, int64_t taps, int8_t* out) {
  const int64_t quads = (taps + 3) / 4;
  std::memset(out, 0, static_cast<size_t>(DepthwiseU8Size(channels, taps)));
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t t = 0; t < taps; ++t)
      out[c / kDepthwiseBlock * quads * kDepthwiseBlock * 4 + c % kDepthwiseBlock * 4 + PlaceOfTap(taps, t)] = w[c * taps + t];
}

}  // namespace sardonyx::kernels
#endif
