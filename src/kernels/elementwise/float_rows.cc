#include "kernels/elementwise/float_rows.h"

#include <algorithm>

#include "kernels/gemm/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise/float_rows.cc"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"
#include "kernels/gemm/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;
namespace vm = vector_math;

constexpr int64_t kMaxLanes = HWY_MAX_BYTES / sizeof(float);

void Unary(UnaryOp op, const float* x, float* out, int64_t n, const float* p) {
  const hn::ScalableTag<float> d;
  const auto zero = hn::Zero(d), one = hn::Set(d, 1.0f);
  switch (op) {
    case UnaryOp::kRelu:
      return vm::Map(x, out, n, [&](auto, auto v) HWY_ATTR { return hn::IfThenZeroElse(hn::Lt(v, zero), v); });
    case UnaryOp::kAbs:
      return vm::Map(x, out, n, [&](auto, auto v) HWY_ATTR { return hn::Abs(v); });
    case UnaryOp::kNeg:
      return vm::Map(x, out, n, [&](auto, auto v) HWY_ATTR { return hn::Neg(v); });
    case UnaryOp::kSqrt:
      return vm::Map(x, out, n, [&](auto, auto v) HWY_ATTR { return hn::Sqrt(v); });
    case UnaryOp::kReciprocal:
      return vm::Map(x, out, n, [&](auto, auto v) HWY_ATTR { return hn::Div(one, v); });
    case UnaryOp::kExp:
      return vm::Map(x, out, n, [&](auto t, auto v) HWY_ATTR { return vm::Exp(t, v); });
    case UnaryOp::kLog:
      return vm::Map(x, out, n, [&](auto t, auto v) HWY_ATTR { return vm::Log(t, v); });
    case UnaryOp::kErf:
      return vm::Map(x, out, n, [&](auto t, auto v) HWY_ATTR { return vm::Erf(t, v); });
    case UnaryOp::kTanh:
      return vm::Map(x, out, n, [&](auto t, auto v) HWY_ATTR { return vm::Tanh(t, v); });
    case UnaryOp::kSigmoid:
      return vm::MapSeveral(x, out, n, [](auto t, auto& v) HWY_ATTR { vm::Sigmoids(t, v); });
    case UnaryOp::kSoftplus:
      return vm::Map(x, out, n, [&](auto t, auto v) HWY_ATTR { return vm::Softplus(t, v); });
    case UnaryOp::kGelu:
      return vm::MapSeveral(x, out, n, [](auto t, auto& v) HWY_ATTR { vm::Gelus(t, v); });
    case UnaryOp::kGeluTanh:
      return vm::MapSeveral(x, out, n, [](auto t, auto& v) HWY_ATTR { vm::GeluTanhs(t, v); });
    case UnaryOp::kMish:
      return vm::Map(x, out, n, [&](auto t, auto v) HWY_ATTR { return hn::Mul(v, vm::Tanh(t, vm::Softplus(t, v))); });
    case UnaryOp::kSwish:
      return vm::MapSeveral(x, out, n, [&](auto t, auto& v) HWY_ATTR { vm::Swishes(t, hn::Set(t, p[0]), v); });
    case UnaryOp::kElu: {
      const auto alpha = hn::Set(d, p[0]);
      return vm::Map(x, out, n, [&](auto t, auto v) HWY_ATTR {
        return hn::IfThenElse(hn::Lt(v, zero), hn::Mul(alpha, vm::Expm1(t, v)), v);
      });
    }
    case UnaryOp::kLeakyRelu: {
      const auto alpha = hn::Set(d, p[0]);
      return vm::Map(x, out, n, [&](auto, auto v) HWY_ATTR { return hn::IfThenElse(hn::Lt(v, zero), hn::Mul(alpha, v), v); });
    }
    default:
      return;
  }
}

// out[i] = f(a[i], b[i]), either operand one element for all.
template <class F>
HWY_INLINE void Map2(const RowInput* in, float* out, int64_t n, const F& f) {
  const hn::ScalableTag<float> d;
  const float *a = in[0].as<float>(), *b = in[1].as<float>();
  if (in[1].scalar) {
    const auto right = hn::Set(d, *b);
    if (in[0].scalar) {
      HWY_ALIGN float result[kMaxLanes];
      hn::Store(f(d, hn::Set(d, *a), right), d, result);
      std::fill_n(out, n, result[0]);
      return;
    }
    return vm::Map(a, out, n, [&](auto t, auto v) HWY_ATTR { return f(t, v, right); });
  }
  if (in[0].scalar) {
    const auto left = hn::Set(d, *a);
    return vm::Map(b, out, n, [&](auto t, auto v) HWY_ATTR { return f(t, left, v); });
  }
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(f(d, hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, out + i);
  if (i == n) return;
  vm::StoreTail(d, f(d, vm::LoadTail(d, a + i, n - i, 0), vm::LoadTail(d, b + i, n - i, 1)), out + i, n - i);
}

void Binary(BinaryOp op, const RowInput* in, float* out, int64_t n) {
  switch (op) {
    case BinaryOp::kAdd:
      return Map2(in, out, n, [](auto, auto a, auto b) HWY_ATTR { return hn::Add(a, b); });
    case BinaryOp::kSub:
      return Map2(in, out, n, [](auto, auto a, auto b) HWY_ATTR { return hn::Sub(a, b); });
    case BinaryOp::kMul:
      return Map2(in, out, n, [](auto, auto a, auto b) HWY_ATTR { return hn::Mul(a, b); });
    case BinaryOp::kDiv:
      return Map2(in, out, n, [](auto, auto a, auto b) HWY_ATTR { return hn::Div(a, b); });
    default:
      return;
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx::kernels {
namespace {

HWY_EXPORT(Unary);
HWY_EXPORT(Binary);

template <UnaryOp op>
void UnaryRowF32(const RowInput* in, void* out, int64_t n, const float* parameters) {
  HWY_DYNAMIC_DISPATCH(Unary)(op, in[0].as<float>(), static_cast<float*>(out), n, parameters);
}
template <BinaryOp op>
void BinaryRowF32(const RowInput* in, void* out, int64_t n, const float*) {
  HWY_DYNAMIC_DISPATCH(Binary)(op, in, static_cast<float*>(out), n);
}

template <UnaryOp... ops>
RowFunction FindAmong(UnaryOp op) {
  RowFunction found = nullptr;
  ((op == ops ? found = UnaryRowF32<ops> : nullptr), ...);
  return found;
}
template <BinaryOp... ops>
RowFunction FindAmong(BinaryOp op) {
  RowFunction found = nullptr;
  ((op == ops ? found = BinaryRowF32<ops> : nullptr), ...);
  return found;
}

}  // namespace

RowFunction FindFloatUnary(UnaryOp op) {
  using enum UnaryOp;
  return FindAmong<kRelu, kAbs, kNeg, kSqrt, kReciprocal, kExp, kLog, kErf, kTanh, kSigmoid, kSoftplus, kGelu, kGeluTanh, kMish, kSwish, kElu,
                   kLeakyRelu>(op);
}
RowFunction FindFloatBinary(BinaryOp op) {
  using enum BinaryOp;
  return FindAmong<kAdd, kSub, kMul, kDiv>(op);
}

}  // namespace sardonyx::kernels
#endif  // HWY_ONCE
