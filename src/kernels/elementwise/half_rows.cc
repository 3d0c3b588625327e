#include "kernels/elementwise/half_rows.h"

#include "kernels/gemm/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise/half_rows.cc"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"
#include "kernels/elementwise/half-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

void Widen(const Float16* in, int64_t count, float* out) {
  const HalfD d;
  constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(d));
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) hn::StoreU(LoadHalves(in + i), d, out + i);
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
