// ActivateVector: one vector's activation, for loops in foreach_target files.
#if defined(SARDONYX_KERNELS_GEMM_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SARDONYX_KERNELS_GEMM_ACTIVATION_INL_H_
#undef SARDONYX_KERNELS_GEMM_ACTIVATION_INL_H_
#else
#define SARDONYX_KERNELS_GEMM_ACTIVATION_INL_H_
#endif

#include "kernels/gemm/activation.h"
#include "kernels/gemm/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The kind is the same for all of a loop, so its branch costs next to nothing.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V ActivateVector(D d, const Activation& activation, V x) {
  namespace vm = vector_math;
  const V zero = hn::Zero(d), one = hn::Set(d, 1.0f);
  const V a = hn::Set(d, activation.alpha), b = hn::Set(d, activation.beta);
  switch (activation.kind) {
    case ActivationKind::kNone:
      return x;
    case ActivationKind::kRelu:
      return vm::AtLeast(zero, x);
    case ActivationKind::kClip:
      return vm::AtMost(b, vm::AtLeast(a, x));
    case ActivationKind::kLeakyRelu:
      return hn::IfThenElse(hn::Lt(x, zero), hn::Mul(a, x), x);
    case ActivationKind::kThresholdedRelu:
      return hn::IfThenElseZero(hn::Gt(x, a), x);
    case ActivationKind::kHardSigmoid:
      return hn::Min(hn::Max(hn::Add(hn::Mul(a, x), b), zero), one);
    case ActivationKind::kAffine:
      return hn::Add(hn::Mul(a, x), b);
    case ActivationKind::kSigmoid:
      return vm::Sigmoid(d, x);
    case ActivationKind::kTanh:
      return vm::Tanh(d, x);
    case ActivationKind::kScaledTanh:
      return hn::Mul(a, vm::Tanh(d, hn::Mul(b, x)));
    case ActivationKind::kElu:
      return hn::IfThenElse(hn::Lt(x, zero), hn::Mul(a, vm::Expm1(d, x)), x);
    case ActivationKind::kSoftsign:
      return hn::Div(x, hn::Add(one, hn::Abs(x)));
    case ActivationKind::kSoftplus:
      return vm::Softplus(d, x);
    case ActivationKind::kSilu:
      return hn::Mul(x, vm::Sigmoid(d, x));
    case ActivationKind::kHardSwish:
      return hn::Mul(x, hn::Min(hn::Max(hn::MulAdd(x, hn::Set(d, 1.0f / 6), hn::Set(d, 0.5f)), zero), one));
    case ActivationKind::kGelu:
      return vm::Gelu(d, x);
    case ActivationKind::kGeluTanh:
      return vm::GeluTanh(d, x);
  }
  return x;
}

// The same of several vectors, those of long chains of operations step by step (vector_math-inl.h).
template <int n, class D, class V>
HWY_INLINE void ActivateVectors(D d, const Activation& activation, V (&x)[n]) {
  switch (activation.kind) {
    case ActivationKind::kNone:
      return;
    case ActivationKind::kSigmoid:
      return vector_math::Sigmoids(d, x);
    case ActivationKind::kSilu:
      return vector_math::Swishes(d, hn::Set(d, 1.0f), x);
    case ActivationKind::kGelu:
      return vector_math::Gelus(d, x);
    case ActivationKind::kGeluTanh:
      return vector_math::GeluTanhs(d, x);
    default:
      return vector_math::Unroll<n>([&](auto i) SARDONYX_INLINE_LAMBDA { x[i] = ActivateVector(d, activation, x[i]); });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#endif
