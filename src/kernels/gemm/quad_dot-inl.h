// Dot products of four uint8 by four int8 in each lane of int32, in the ways that machines have for it. Included once a target.
//
// A way has: Weights Load(const int8_t*), a vector of quads; Rows Split(V), four uint8 in each lane; V Add(V sum, Rows, Weights).
// All are exact.
#if defined(SARDONYX_QUAD_DOT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SARDONYX_QUAD_DOT_INL_H_
#undef SARDONYX_QUAD_DOT_INL_H_
#else
#define SARDONYX_QUAD_DOT_INL_H_
#endif

#include <cstdint>
#include <cstring>

#include "hwy/highway.h"
#include "kernels/gemm/vpdpbusd.h"

// One instruction: AVX-512 VNNI, or AVX-VNNI for 256 bits. Highway's targets don't tell whether the machine has it.
#undef SARDONYX_HAS_VPDPBUSD
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
#define SARDONYX_HAS_VPDPBUSD 1
#else
#define SARDONYX_HAS_VPDPBUSD 0
#endif

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {

namespace hn_quad = hwy::HWY_NAMESPACE;

using D32 = hn_quad::CappedTag<int32_t, 16>;
using V32 = hn_quad::Vec<D32>;

#if SARDONYX_HAS_VPDPBUSD
HWY_INLINE bool MachineHasVpdpbusd() { return HWY_TARGET == HWY_AVX3 ? HasAvx512Vnni() : HasAvxVnni(); }

template <class D>
struct FusedDot {
  using V = hn_quad::Vec<D>;
  using Weights = V;
  using Rows = V;
  static HWY_INLINE Weights Load(const int8_t* w) { return hn_quad::LoadU(D(), reinterpret_cast<const int32_t*>(w)); }
  static HWY_INLINE Rows Split(V x) { return x; }
  static HWY_INLINE V Add(V sum, V x, V w) {
#if HWY_TARGET == HWY_AVX3
    asm("vpdpbusd %2, %1, %0" : "+v"(sum.raw) : "v"(x.raw), "v"(w.raw));
#else
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum.raw) : "x"(x.raw), "x"(w.raw));
#endif
    return sum;
  }
};
#endif

// Two products of pairs: the even bytes of each lane, and the odd ones, widened to int16.
template <class D>
struct PairDot {
  using V = hn_quad::Vec<D>;
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
  using D16 = hn_quad::Repartition<int16_t, D>;
  using V16 = hn_quad::Vec<D16>;
  struct Weights {
    V16 even, odd;
  };
  using Rows = Weights;
  static HWY_INLINE Weights Load(const int8_t* w) {
    const V16 all = hn_quad::BitCast(D16(), hn_quad::LoadU(D(), reinterpret_cast<const int32_t*>(w)));
    return {hn_quad::ShiftRight<8>(hn_quad::ShiftLeft<8>(all)), hn_quad::ShiftRight<8>(all)};
  }
  static HWY_INLINE Rows Split(V x) {
    const V16 all = hn_quad::BitCast(D16(), x);
    const V16 low = hn_quad::Set(D16(), 0xff);
    return {hn_quad::And(all, low), hn_quad::And(hn_quad::ShiftRight<8>(all), low)};
  }
  static HWY_INLINE V Add(V sum, const Rows& x, const Weights& w) {
    V unused = hn_quad::Zero(D());
    sum = hn_quad::ReorderWidenMulAccumulate(D(), x.even, w.even, sum, unused);
    return hn_quad::ReorderWidenMulAccumulate(D(), x.odd, w.odd, sum, unused);
  }
#else
  // Elsewhere, and on one lane: byte by byte.
  using Weights = V;
  using Rows = V;
  static HWY_INLINE Weights Load(const int8_t* w) { return hn_quad::LoadU(D(), reinterpret_cast<const int32_t*>(w)); }
  static HWY_INLINE Rows Split(V x) { return x; }
  static HWY_INLINE V Add(V sum, V x, V w) {
    namespace hn = hwy::HWY_NAMESPACE;
    const V byte = hn::Set(D(), 0xff);
    sum = hn::Add(sum, hn::Mul(hn::And(x, byte), hn::ShiftRight<24>(hn::ShiftLeft<24>(w))));
    sum = hn::Add(sum, hn::Mul(hn::And(hn::ShiftRight<8>(x), byte), hn::ShiftRight<24>(hn::ShiftLeft<16>(w))));
    sum = hn::Add(sum, hn::Mul(hn::And(hn::ShiftRight<16>(x), byte), hn::ShiftRight<24>(hn::ShiftLeft<8>(w))));
    return hn::Add(sum, hn::Mul(hn::And(hn::ShiftRight<24>(x), byte), hn::ShiftRight<24>(w)));
  }
#endif
};

// The same four bytes in every lane.
template <class Dot, class D>
HWY_INLINE typename Dot::Rows BroadcastQuad(D d, const uint8_t* x) {
  int32_t four;
  std::memcpy(&four, x, sizeof(four));
  return Dot::Split(hn_quad::Set(d, four));
}

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#endif  // SARDONYX_QUAD_DOT_INL_H_
