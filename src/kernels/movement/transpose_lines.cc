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

// Squares of 4 x 4 stay in registers.
void TransposeTile(const uint32_t* source, int64_t stride, int64_t lines, int64_t length, uint32_t* out, int64_t out_stride) {
  int64_t r = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::FixedTag<uint32_t, 4> d;
  const hn::RepartitionToWide<decltype(d)> wide;
  for (; r + 4 <= lines; r += 4) {
    const uint32_t* s = source + r * stride;
    uint32_t* o = out + r;
    int64_t k = 0;
    for (; k + 4 <= length; k += 4) {
      const auto a = hn::LoadU(d, s + k), b = hn::LoadU(d, s + stride + k);
      const auto c = hn::LoadU(d, s + 2 * stride + k), e = hn::LoadU(d, s + 3 * stride + k);
      const auto ab_low = hn::BitCast(wide, hn::InterleaveLower(d, a, b)), ab_high = hn::BitCast(wide, hn::InterleaveUpper(d, a, b));
      const auto ce_low = hn::BitCast(wide, hn::InterleaveLower(d, c, e)), ce_high = hn::BitCast(wide, hn::InterleaveUpper(d, c, e));
      hn::StoreU(hn::BitCast(d, hn::InterleaveLower(wide, ab_low, ce_low)), d, o + k * out_stride);
      hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(wide, ab_low, ce_low)), d, o + (k + 1) * out_stride);
      hn::StoreU(hn::BitCast(d, hn::InterleaveLower(wide, ab_high, ce_high)), d, o + (k + 2) * out_stride);
      hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(wide, ab_high, ce_high)), d, o + (k + 3) * out_stride);
    }
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
