// ActivateF32: the vector form of Activate.
#include <cstring>

#include "kernels/gemm/activation.h"
#include "kernels/gemm/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm/activation_simd.cc"
#include "hwy/foreach_target.h"

#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// exp with its argument kept where Highway's is exact; below it the result is 0, above it infinity's neighbour.
template <class D, class V>
HWY_INLINE V BoundedExp(D d, V x) {
  return hn::Exp(d, hn::Min(hn::Max(x, hn::Set(d, -104.0f)), hn::Set(d, 88.72f)));
}

template <class D, class V>
HWY_INLINE V Sigmoid(D d, V x) {
  // exp of a negative number only, so that nothing overflows: s(-|x|) = e / (1 + e), s(|x|) = 1 / (1 + e).
  const V e = BoundedExp(d, hn::Neg(hn::Abs(x)));
  const V one = hn::Set(d, 1.0f);
  return hn::Div(hn::IfThenElse(hn::Lt(x, hn::Zero(d)), e, one), hn::Add(one, e));
}

template <class D, class V>
HWY_INLINE V BoundedTanh(D d, V x) {
  // Beyond 9.2, tanh is +-1 in float; NaN must stay NaN.
  const V bounded = hn::Min(hn::Max(x, hn::Set(d, -9.2f)), hn::Set(d, 9.2f));
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Tanh(d, bounded));
}

template <class D, class V>
HWY_INLINE V ActivateVector(D d, const Activation& activation, V x) {
  const V zero = hn::Zero(d), one = hn::Set(d, 1.0f);
  const V a = hn::Set(d, activation.alpha), b = hn::Set(d, activation.beta);
  switch (activation.kind) {
    case ActivationKind::kRelu:
      return hn::IfThenZeroElse(hn::Lt(x, zero), x);
    case ActivationKind::kClip:
      return hn::IfThenElse(hn::Lt(x, a), a, hn::IfThenElse(hn::Gt(x, b), b, x));
    case ActivationKind::kLeakyRelu:
      return hn::IfThenElse(hn::Lt(x, zero), hn::Mul(a, x), x);
    case ActivationKind::kThresholdedRelu:
      return hn::IfThenElseZero(hn::Gt(x, a), x);
    case ActivationKind::kHardSigmoid:
      return hn::Min(hn::Max(hn::Add(hn::Mul(a, x), b), zero), one);
    case ActivationKind::kAffine:
      return hn::Add(hn::Mul(a, x), b);
    case ActivationKind::kSigmoid:
      return hn::IfThenElse(hn::IsNaN(x), x, Sigmoid(d, x));
    case ActivationKind::kTanh:
      return BoundedTanh(d, x);
    case ActivationKind::kScaledTanh:
      return hn::Mul(a, BoundedTanh(d, hn::Mul(b, x)));
    case ActivationKind::kElu:
      return hn::IfThenElse(hn::Lt(x, zero), hn::Mul(a, hn::Expm1(d, hn::Max(hn::Min(x, zero), hn::Set(d, -104.0f)))), x);
    case ActivationKind::kSoftsign:
      return hn::Div(x, hn::Add(one, hn::Abs(x)));
    case ActivationKind::kSoftplus:
      return hn::IfThenElse(hn::IsNaN(x), x, hn::Add(hn::Max(x, zero), hn::Log1p(d, BoundedExp(d, hn::Neg(hn::Abs(x))))));
    case ActivationKind::kSilu:
      return hn::IfThenElse(hn::IsNaN(x), x, hn::Mul(x, Sigmoid(d, x)));
    case ActivationKind::kHardSwish:
      return hn::Mul(x, hn::Min(hn::Max(hn::Add(hn::Mul(x, hn::Set(d, 1.0f / 6)), hn::Set(d, 0.5f)), zero), one));
    case ActivationKind::kNone:
    case ActivationKind::kGelu:
      break;
  }
  return x;
}

void ActivateAll(const Activation& activation, float* data, int64_t count) {
  if (activation.kind == ActivationKind::kGelu) {  // erf has no vector form here
    for (int64_t i = 0; i < count; ++i) data[i] = Activate(activation, data[i]);
    return;
  }
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(ActivateVector(d, activation, hn::LoadU(d, data + i)), d, data + i);
  if (i == count) return;
  HWY_ALIGN float tail[HWY_MAX_BYTES / sizeof(float)] = {};
  std::memcpy(tail, data + i, static_cast<size_t>(count - i) * sizeof(float));
  hn::Store(ActivateVector(d, activation, hn::Load(d, tail)), d, tail);
  std::memcpy(data + i, tail, static_cast<size_t>(count - i) * sizeof(float));
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
