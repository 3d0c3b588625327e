// What the SIMD files of blocked tensors share; included once a target.
#if defined(SARDONYX_BLOCKED_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SARDONYX_BLOCKED_SIMD_INL_H_
#undef SARDONYX_BLOCKED_SIMD_INL_H_
#else
#define SARDONYX_BLOCKED_SIMD_INL_H_
#endif

#include "kernels/conv/blocked_tile.h"

#include "hwy/highway.h"
#include "kernels/gemm/vector_math-inl.h"

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

using vector_math::Unroll;

// x = activation(x) of all of them, if it is a cheap one: asked once.
template <int n>
HWY_INLINE void ActivateCheaply(const Activation& activation, V (&x)[n]) {
  const D d;
  const V a = hn::Set(d, activation.alpha), b = hn::Set(d, activation.beta), zero = hn::Zero(d), one = hn::Set(d, 1.0f);
  switch (activation.kind) {
    case ActivationKind::kRelu:
      return Unroll<n>([&](auto i) SARDONYX_INLINE_LAMBDA { x[i] = vector_math::AtLeast(zero, x[i]); });
    case ActivationKind::kClip:
      return Unroll<n>([&](auto i) SARDONYX_INLINE_LAMBDA { x[i] = vector_math::AtMost(b, vector_math::AtLeast(a, x[i])); });
    case ActivationKind::kLeakyRelu:
      return Unroll<n>([&](auto i) SARDONYX_INLINE_LAMBDA { x[i] = hn::IfThenElse(hn::Lt(x[i], zero), hn::Mul(a, x[i]), x[i]); });
    case ActivationKind::kHardSigmoid:
      return Unroll<n>([&](auto i) SARDONYX_INLINE_LAMBDA { x[i] = hn::Min(hn::Max(hn::Add(hn::Mul(a, x[i]), b), zero), one); });
    case ActivationKind::kHardSwish: {
      const V sixth = hn::Set(d, 1.0f / 6), half = hn::Set(d, 0.5f);
      return Unroll<n>([&](auto i) SARDONYX_INLINE_LAMBDA { x[i] = hn::Mul(x[i], hn::Min(hn::Max(hn::MulAdd(x[i], sixth, half), zero), one)); });
    }
    default:
      return;
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#endif  // once a target
