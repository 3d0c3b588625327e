#include "kernels/movement/transpose_lines.h"

#include <algorithm>

#include "kernels/gemm/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/movement/transpose_lines.cc"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR
// Stores each 128 bits of a vector to a line of its own.
template <class D>
HWY_INLINE void StoreBlocks(D d, hn::Vec<D> v, uint32_t* out, int64_t stride) {
#if HWY_TARGET <= HWY_AVX3
  if constexpr (sizeof(v) == 64) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm512_castsi512_si128(v.raw));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + stride), _mm512_extracti32x4_epi32(v.raw, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 2 * stride), _mm512_extracti32x4_epi32(v.raw, 2));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 3 * stride), _mm512_extracti32x4_epi32(v.raw, 3));
    return;
  }
#endif
  hn::StoreU(v, d, out);
}

// Columns [k, length) of four lines, as long as there are whole vectors of them; returns where it stopped. Squares of 4 x 4 stay in
// registers, several side by side.
template <class D>
HWY_INLINE int64_t TransposeFour(D d, const uint32_t* s, int64_t stride, int64_t k, int64_t length, uint32_t* o, int64_t out_stride) {
  const hn::RepartitionToWide<D> wide;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (; k + lanes <= length; k += lanes) {
    const auto a = hn::LoadU(d, s + k), b = hn::LoadU(d, s + stride + k);
    const auto c = hn::LoadU(d, s + 2 * stride + k), e = hn::LoadU(d, s + 3 * stride + k);
    const auto ab_low = hn::BitCast(wide, hn::InterleaveLower(d, a, b)), ab_high = hn::BitCast(wide, hn::InterleaveUpper(d, a, b));
    const auto ce_low = hn::BitCast(wide, hn::InterleaveLower(d, c, e)), ce_high = hn::BitCast(wide, hn::InterleaveUpper(d, c, e));
    StoreBlocks(d, hn::BitCast(d, hn::InterleaveLower(wide, ab_low, ce_low)), o + k * out_stride, 4 * out_stride);
    StoreBlocks(d, hn::BitCast(d, hn::InterleaveUpper(wide, ab_low, ce_low)), o + (k + 1) * out_stride, 4 * out_stride);
    StoreBlocks(d, hn::BitCast(d, hn::InterleaveLower(wide, ab_high, ce_high)), o + (k + 2) * out_stride, 4 * out_stride);
    StoreBlocks(d, hn::BitCast(d, hn::InterleaveUpper(wide, ab_high, ce_high)), o + (k + 3) * out_stride, 4 * out_stride);
  }
  return k;
}
#endif

void TransposeTile(const uint32_t* source, int64_t stride, int64_t lines, int64_t length, uint32_t* out, int64_t out_stride) {
  int64_t r = 0;
#if HWY_TARGET != HWY_SCALAR
  for (; r + 4 <= lines; r += 4) {
    const uint32_t* s = source + r * stride;
    uint32_t* o = out + r;
    int64_t k = 0;
#if HWY_TARGET <= HWY_AVX3
    k = TransposeFour(hn::FixedTag<uint32_t, 16>(), s, stride, k, length, o, out_stride);
#endif
    k = TransposeFour(hn::FixedTag<uint32_t, 4>(), s, stride, k, length, o, out_stride);
    for (; k < length; ++k)
      for (int64_t i = 0; i < 4; ++i) o[k * out_stride + i] = s[i * stride + k];
  }
#endif
  for (; r < lines; ++r)
    for (int64_t k = 0; k < length; ++k) out[k * out_stride + r] = source[r * stride + k];
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx::kernels {

HWY_EXPORT(TransposeTile);

void TransposeLines32(const void* source, int64_t stride, int64_t lines, int64_t length, void* out, int64_t out_stride) {
  // Tiles of 32 x 32 elements: 128 bytes of each line on both sides, whole cache lines that are used while they are there.
  constexpr int64_t kTile = 32;
  const auto* from = static_cast<const uint32_t*>(source);
  auto* to = static_cast<uint32_t*>(out);
  for (int64_t i = 0; i < lines; i += kTile)
    for (int64_t k = 0; k < length; k += kTile)
      HWY_DYNAMIC_DISPATCH(TransposeTile)(from + i * stride + k, stride, std::min(kTile, lines - i), std::min(kTile, length - k),
                                          to + k * out_stride + i, out_stride);
}

}  // namespace sardonyx::kernels
#endif  // HWY_ONCE
