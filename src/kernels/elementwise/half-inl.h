// Vectors of float from float16 in memory. Included once a target.
#if defined(SARDONYX_HALF_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SARDONYX_HALF_INL_H_
#undef SARDONYX_HALF_INL_H_
#else
#define SARDONYX_HALF_INL_H_
#endif

#include "hwy/highway.h"
#include "sardonyx/float_types.h"

// Other targets of x86 have no such instruction, and what Highway has in its place does not round.
#undef SARDONYX_HAS_F16C
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
#define SARDONYX_HAS_F16C 1
#else
#define SARDONYX_HAS_F16C 0
#endif

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {

// At most 16 lanes; the machine's widest of these.
using HalfD = hwy::HWY_NAMESPACE::CappedTag<float, 16>;

HWY_INLINE hwy::HWY_NAMESPACE::Vec<HalfD> LoadHalves(const Float16* from) {
  using V = hwy::HWY_NAMESPACE::Vec<HalfD>;
#if SARDONYX_HAS_F16C && HWY_TARGET <= HWY_AVX3
  return V{_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)))};
#elif SARDONYX_HAS_F16C
  return V{_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)))};
#else
  constexpr size_t kLanes = hwy::HWY_NAMESPACE::MaxLanes(HalfD());
  HWY_ALIGN float wide[kLanes];
  for (size_t i = 0; i < kLanes; ++i) wide[i] = static_cast<float>(from[i]);
  return hwy::HWY_NAMESPACE::Load(HalfD(), wide);
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#endif  // SARDONYX_HALF_INL_H_
