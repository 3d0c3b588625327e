// Four taps of a channel make one dot product: the bytes of four pixels are interleaved (twice, by bytes and by pairs), which leaves
// the channels of a vector in the order [lane of 128 bits][vector of four][4]; packing the results undoes that order.
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

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kMaxQuads = 16;

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

// Four vectors of channels, from `channel` on, of all outputs.
template <class D, class Dot>
void ComputeChannels(D d, const DepthwiseU8Row& row, int64_t channel) {
  using V = hn::Vec<D>;
  const hn::Rebind<float, D> df;
  const hn::Repartition<uint8_t, D> d8;
  const hn::Repartition<uint16_t, D> du16;
  const hn::Repartition<int16_t, D> d16;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t quads = (row.num_taps + 3) / 4;
  HWY_ALIGN int32_t weights[kMaxQuads * 64];
  HWY_ALIGN int32_t offsets[64];
  HWY_ALIGN float scales[64];
  const int8_t* block = row.weights + channel / kDepthwiseBlock * kDepthwiseBlock * quads * 4;
  for (int64_t q = 0; q < quads; ++q)
    Arrange(block + (q * kDepthwiseBlock + channel % kDepthwiseBlock) * 4, lanes, weights + q * 4 * lanes);
  Arrange(row.epilogue.offsets + channel, lanes, offsets);
  Arrange(row.epilogue.scales + channel, lanes, scales);
  const int32_t zero = row.epilogue.zero_point + (row.epilogue.is_signed ? 128 : 0);
  const V zero_point = hn::Set(d, zero);
  // Only clamped above: the conversion gives the lowest int32 for what is too low, and packing saturates.
  const auto high = hn::Set(df, static_cast<float>(255 - zero));
  const auto flip = hn::Set(d8, static_cast<uint8_t>(row.epilogue.is_signed ? 0x80 : 0));

  uint8_t* out = static_cast<uint8_t*>(row.epilogue.out) + channel;
  const uint8_t* const* taps = row.taps;
  for (int64_t i = 0; i < row.count; ++i, taps += row.num_taps, out += row.epilogue.stride) {
    V sum[4];
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) sum[v] = hn::Load(d, offsets + v * lanes);
    for (int64_t q = 0; q < quads; ++q) {
      // Taps that are missing have weights of 0: any pixel will do.
      const int64_t last = row.num_taps - 1;
      const auto a = hn::LoadU(d8, taps[4 * q] + channel), b = hn::LoadU(d8, taps[std::min(4 * q + 1, last)] + channel);
      const auto e = hn::LoadU(d8, taps[std::min(4 * q + 2, last)] + channel), f = hn::LoadU(d8, taps[std::min(4 * q + 3, last)] + channel);
      const auto ab_low = hn::BitCast(du16, hn::InterleaveLower(d8, a, b)), ab_high = hn::BitCast(du16, hn::InterleaveUpper(d8, a, b));
      const auto ef_low = hn::BitCast(du16, hn::InterleaveLower(d8, e, f)), ef_high = hn::BitCast(du16, hn::InterleaveUpper(d8, e, f));
      const V x[4] = {hn::BitCast(d, hn::InterleaveLower(du16, ab_low, ef_low)), hn::BitCast(d, hn::InterleaveUpper(du16, ab_low, ef_low)),
                      hn::BitCast(d, hn::InterleaveLower(du16, ab_high, ef_high)),
                      hn::BitCast(d, hn::InterleaveUpper(du16, ab_high, ef_high))};
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v)
        sum[v] = Dot::Add(sum[v], Dot::Split(x[v]), Dot::Load(reinterpret_cast<const int8_t*>(weights + (q * 4 + v) * lanes)));
    }
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
      const auto value = hn::Mul(hn::ConvertTo(df, sum[v]), hn::Load(df, scales + v * lanes));
      sum[v] = hn::Add(NearestOrLowest(hn::Min(value, high)), zero_point);
    }
    const auto bytes = PackBytes(hn::ReorderDemote2To(d16, sum[0], sum[1]), hn::ReorderDemote2To(d16, sum[2], sum[3]));
    hn::StoreU(hn::Xor(bytes, flip), d8, out);
  }
}

template <template <class> class Dot>
void ComputeAll(const DepthwiseU8Row& row) {
  int64_t channel = 0;
#if HWY_TARGET <= HWY_AVX3
  for (; channel + 64 <= row.channels; channel += 64) {
    const hn::FixedTag<int32_t, 16> d;
    ComputeChannels<decltype(d), Dot<hn::FixedTag<int32_t, 16>>>(d, row, channel);
  }
#endif
#if HWY_TARGET <= HWY_AVX2
  for (; channel + 32 <= row.channels; channel += 32) {
    const hn::FixedTag<int32_t, 8> d;
    ComputeChannels<decltype(d), Dot<hn::FixedTag<int32_t, 8>>>(d, row, channel);
  }
#endif
  for (; channel < row.channels; channel += 16) {
    const hn::FixedTag<int32_t, 4> d;
    ComputeChannels<decltype(d), Dot<hn::FixedTag<int32_t, 4>>>(d, row, channel);
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
      for (int64_t t = 0; t < row.num_taps; ++t) sum += taps[t][c] * w[t / 4 * kDepthwiseBlock * 4 + t % 4];
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
      out[(c / kDepthwiseBlock * quads + t / 4) * kDepthwiseBlock * 4 + c % kDepthwiseBlock * 4 + t % 4] = w[c * taps + t];
}

}  // namespace sardonyx::kernels
#endif
