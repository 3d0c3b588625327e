#include "kernels/elementwise/half_rows.h"

#include "kernels/gemm/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise/half_rows.cc"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// Other targets of x86 have no such instruction, and what Highway has in its place does not round.
#undef SARDONYX_HAS_F16C
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
#define SARDONYX_HAS_F16C 1
#else
#define SARDONYX_HAS_F16C 0
#endif

void Widen(const Float16* in, int64_t count, float* out) {
  int64_t i = 0;
#if SARDONYX_HAS_F16C
  for (; i + 8 <= count; i += 8)
    _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i))));
#endif
  for (; i < count; ++i) out[i] = static_cast<float>(in[i]);
}

void Narrow(const float* in, int64_t count, Float16* out) {
  int64_t i = 0;
#if SARDONYX_HAS_F16C
  for (; i + 8 <= count; i += 8)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), _mm256_cvtps_ph(_mm256_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
#endif
  for (; i < count; ++i) out[i] = Float16(in[i]);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx::kernels {

HWY_EXPORT(Widen);
HWY_EXPORT(Narrow);

void HalvesToFloats(const Float16* in, int64_t count, float* out) { HWY_DYNAMIC_DISPATCH(Widen)(in, count, out); }
void FloatsToHalves(const float* in, int64_t count, Float16* out) { HWY_DYNAMIC_DISPATCH(Narrow)(in, count, out); }

}  // namespace sardonyx::kernels
#endif
