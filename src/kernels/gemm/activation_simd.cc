// ActivateF32: the vector form of Activate.
#include "kernels/gemm/activation.h"
#include "kernels/gemm/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm/activation_simd.cc"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"
#include "kernels/gemm/activation-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {

void ActivateAll(const Activation& activation, float* data, int64_t count) {
  vector_math::MapSeveral(data, data, count, [&](auto d, auto& x) HWY_ATTR { ActivateVectors(d, activation, x); });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx::kernels {

HWY_EXPORT(ActivateAll);

void ActivateF32(const Activation& activation, float* data, int64_t count) {
  if (activation.kind != ActivationKind::kNone) HWY_DYNAMIC_DISPATCH(ActivateAll)(activation, data, count);
}

}  // namespace sardonyx::kernels
#endif
