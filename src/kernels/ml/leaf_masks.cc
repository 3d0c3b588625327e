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

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx::kernels {

HWY_EXPORT(FindLeaves);

void FindLeavesByMasks(const LeafMask* masks, int64_t count, const int32_t* keys, int64_t group_stride, int64_t groups,
                       const uint32_t* numbers, uint32_t* leaves) {
  HWY_DYNAMIC_DISPATCH(FindLeaves)(masks, count, keys, group_stride, groups, numbers, leaves);
}

}  // namespace sardonyx::kernels
#endif
