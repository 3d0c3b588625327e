// What the SIMD files of blocked tensors share; included once a target.
#if defined(SARDONYX_BLOCKED_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SARDONYX_BLOCKED_SIMD_INL_H_
#undef SARDONYX_BLOCKED_SIMD_INL_H_
#else
#define SARDONYX_BLOCKED_SIMD_INL_H_
#endif

#include "kernels/conv/blocked_tile.h"

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// A block of channels is one vector or several.
using D = hn::CappedTag<float, kChannelBlock>;
using V = hn::Vec<D>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(D()));
constexpr int kPerBlock = kChannelBlock / kLanes;
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr int kRegisters = 32;
#else
constexpr int kRegisters = 16;
#endif

// Activations of a few instructions; the rest is computed once the tile is stored.
inline bool IsCheap(ActivationKind kind) {
  switch (kind) {
    case ActivationKind::kNone:
    case ActivationKind::kRelu:
    case ActivationKind::kClip:
    case ActivationKind::kLeakyRelu:
    case ActivationKind::kHardSigmoid:
    case ActivationKind::kHardSwish:
      return true;
    default:
      return false;
  }
}

HWY_INLINE V Cheap(const Activation& activation, V x) {
  const D d;
  const V a = hn::Set(d, activation.alpha), b = hn::Set(d, activation.beta), zero = hn::Zero(d);
  switch (activation.kind) {
    case ActivationKind::kRelu:
      return hn::IfThenZeroElse(hn::Lt(x, zero), x);
    case ActivationKind::kClip:
      return hn::IfThenElse(hn::Lt(x, a), a, hn::IfThenElse(hn::Gt(x, b), b, x));
    case ActivationKind::kLeakyRelu:
      return hn::IfThenElse(hn::Lt(x, zero), hn::Mul(a, x), x);
    case ActivationKind::kHardSigmoid:
      return hn::Min(hn::Max(hn::Add(hn::Mul(a, x), b), zero), hn::Set(d, 1.0f));
    case ActivationKind::kHardSwish:
      return hn::Mul(x, hn::Min(hn::Max(hn::MulAdd(x, hn::Set(d, 1.0f / 6), hn::Set(d, 0.5f)), zero), hn::Set(d, 1.0f)));
    default:
      return x;
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#endif  // once a target
