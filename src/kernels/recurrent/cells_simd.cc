#include "kernels/recurrent/cells_simd.h"

#include "kernels/gemm/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/recurrent/cells_simd.cc"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"
#include "kernels/gemm/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;
using hn::Add;
using hn::Mul;
using hn::MulAdd;
using vector_math::Sigmoids;
using vector_math::Tanh;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// Calls f(load, store) for every vector of `count` elements: load(p) and store(v, p) access p[i, i + lanes), or what of it
// lies within [0, count).
template <class F>
HWY_INLINE void ForVectors(int64_t count, const F& f) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    f([&](const float* p) HWY_ATTR { return hn::LoadU(d, p + i); }, [&](V v, float* p) HWY_ATTR { hn::StoreU(v, d, p + i); });
  if (i == count) return;
  f([&](const float* p) HWY_ATTR { return vector_math::LoadTail(d, p + i, count - i, 0); },
    [&](V v, float* p) HWY_ATTR { vector_math::StoreTail(d, v, p + i, count - i); });
}

void LstmCell(int64_t n, const float* x, const float* r, float* h, float* c) {
  const D d;
  ForVectors(n, [&](const auto& load, const auto& store) HWY_ATTR {
    V gates[3] = {Add(load(x), load(r)), Add(load(x + n), load(r + n)), Add(load(x + 2 * n), load(r + 2 * n))};  // in, out, forget
    Sigmoids(d, gates);
    const V candidate = Tanh(d, Add(load(x + 3 * n), load(r + 3 * n)));
    const V state = MulAdd(gates[2], load(c), Mul(gates[0], candidate));
    store(state, c);
    store(Mul(gates[1], Tanh(d, state)), h);
  });
}

void GruGates(int64_t n, const float* x, const float* r, const float* h, float* z, float* reset) {
  const D d;
  ForVectors(n, [&](const auto& load, const auto& store) HWY_ATTR {
    V gates[2] = {Add(load(x), load(r)), Add(load(x + n), load(r + n))};
    Sigmoids(d, gates);
    store(gates[0], z);
    store(Mul(gates[1], load(h)), reset);
  });
}

// (1 - z) candidate + z h
HWY_INLINE V Blend(V z, V candidate, V h) { return MulAdd(z, hn::Sub(h, candidate), candidate); }

void GruState(int64_t n, const float* x, const float* last, const float* z, float* h) {
  const D d;
  ForVectors(n, [&](const auto& load, const auto& store) HWY_ATTR {
    store(Blend(load(z), Tanh(d, Add(load(x + 2 * n), load(last))), load(h)), h);
  });
}

void GruCell(int64_t n, const float* x, const float* r, const float* last, float* h) {
  const D d;
  ForVectors(n, [&](const auto& load, const auto& store) HWY_ATTR {
    V gates[2] = {Add(load(x), load(r)), Add(load(x + n), load(r + n))};  // update, reset
    Sigmoids(d, gates);
    store(Blend(gates[0], Tanh(d, MulAdd(gates[1], load(last), load(x + 2 * n))), load(h)), h);
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx::kernels {

HWY_EXPORT(LstmCell);
HWY_EXPORT(GruGates);
HWY_EXPORT(GruState);
HWY_EXPORT(GruCell);

void LstmCellF32(int64_t hidden, const float* inputs, const float* recurrent, float* h, float* c) {
  HWY_DYNAMIC_DISPATCH(LstmCell)(hidden, inputs, recurrent, h, c);
}
void GruGatesF32(int64_t hidden, const float* inputs, const float* recurrent, const float* h, float* z, float* reset) {
  HWY_DYNAMIC_DISPATCH(GruGates)(hidden, inputs, recurrent, h, z, reset);
}
void GruStateF32(int64_t hidden, const float* inputs, const float* last, const float* z, float* h) {
  HWY_DYNAMIC_DISPATCH(GruState)(hidden, inputs, last, z, h);
}
void GruCellF32(int64_t hidden, const float* inputs, const float* recurrent, const float* last, float* h) {
  HWY_DYNAMIC_DISPATCH(GruCell)(hidden, inputs, recurrent, last, h);
}

}  // namespace sardonyx::kernels
#endif  // HWY_ONCE
