#include "kernels/ml/leaf_masks.h"

#include <bit>

#include "kernels/gemm/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/ml/leaf_masks.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

void FindLeaves(const LeafMask* masks, int64_t count, const int32_t* keys, int64_t group_stride, int64_t groups, const uint32_t* numbers,
                uint32_t* leaves) {
  const hn::CappedTag<int32_t, kLeafMaskLanes> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t group = 0; group < groups; ++group, keys += group_stride, leaves += kLeafMaskLanes) {
    HWY_ALIGN uint32_t left[kLeafMaskLanes];
    for (int64_t lane = 0; lane < kLeafMaskLanes; lane += lanes) {
      auto gone = hn::Zero(d);
      for (int64_t i = 0; i < count; ++i) {
        const auto greater = hn::LoadU(d, keys + masks[i].feature * kLeafMaskLanes + lane) > hn::Set(d, masks[i].key);
        gone = hn::Or(gone, hn::IfThenElseZero(greater, hn::Set(d, static_cast<int32_t>(masks[i].gone))));
      }
      hn::StoreU(hn::Not(gone), d, reinterpret_cast<int32_t*>(left) + lane);
    }
    // The last leaf is never ruled out, so some bit is left.
    for (int64_t lane = 0; lane < kLeafMaskLanes; ++lane) leaves[lane] = numbers[std::countr_zero(left[lane])];
  }
}

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
bool CanMask() { return true; }

void FindLeft(const LeafMaskGroup& group, const int32_t* keys, uint32_t* left) {
  const hn::CappedTag<int32_t, kLeafMaskLanes> d;
  const hn::Rebind<uint8_t, decltype(d)> d8;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t lane = 0; lane < kLeafMaskLanes; lane += lanes) {
    auto gone = hn::Zero(d);
    for (int64_t i = 0; i < group.splits; ++i) {
      const int64_t at = i * kLeafMaskLanes + lane;
      const auto feature = hn::PromoteTo(d, hn::LoadU(d8, group.features + at));
#if HWY_TARGET <= HWY_AVX3
      // Two registers hold the keys of all features.
      const decltype(gone) key{_mm512_permutex2var_epi32(hn::LoadU(d, keys).raw, feature.raw, hn::LoadU(d, keys + kLeafMaskLanes).raw)};
#else
      const auto key = hn::GatherIndex(d, keys, feature);
#endif
      const auto greater = key > hn::LoadU(d, group.keys + at);
      gone = hn::Or(gone, hn::IfThenElseZero(greater, hn::LoadU(d, reinterpret_cast<const int32_t*>(group.gone) + at)));
    }
    hn::StoreU(hn::Not(gone), d, reinterpret_cast<int32_t*>(left) + lane);
  }
}
#else
bool CanMask() { return false; }
void FindLeft(const LeafMaskGroup&, const int32_t*, uint32_t*) {}
#endif

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx::kernels {

HWY_EXPORT(FindLeaves);
HWY_EXPORT(CanMask);
HWY_EXPORT(FindLeft);

bool CanMaskGroups() { return HWY_DYNAMIC_DISPATCH(CanMask)(); }
void FindLeavesLeft(const LeafMaskGroup& group, const int32_t* keys, uint32_t* left) { HWY_DYNAMIC_DISPATCH(FindLeft)(group, keys, left); }

void FindLeavesByMasks(const LeafMask* masks, int64_t count, const int32_t* keys, int64_t group_stride, int64_t groups,
                       const uint32_t* numbers, uint32_t* leaves) {
  HWY_DYNAMIC_DISPATCH(FindLeaves)(masks, count, keys, group_stride, groups, numbers, leaves);
}

}  // namespace sardonyx::kernels
#endif
