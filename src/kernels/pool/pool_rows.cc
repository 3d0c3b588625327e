#include "kernels/pool/pool_rows.h"

#include <cmath>

#include "kernels/gemm/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pool/pool_rows.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;

struct Larger {
  template <class V>
  HWY_INLINE V operator()(V out, V in) const {
    return hn::IfThenElse(hn::Or(hn::Gt(in, out), hn::IsNaN(in)), in, out);
  }
};
struct Sum {
  template <class V>
  HWY_INLINE V operator()(V out, V in) const {
    return hn::Add(out, in);
  }
};

template <class Fold>
HWY_INLINE void FoldRow(float* out, const float* in, int64_t stride, int64_t count, Fold fold) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  if (stride == 1) {
    for (; i + lanes <= count; i += lanes) hn::StoreU(fold(hn::LoadU(d, out + i), hn::LoadU(d, in + i)), d, out + i);
  }
#if HWY_TARGET != HWY_SCALAR
  if (stride == 2) {
    // The last load would reach one element beyond the row, so one output is left to the loop below.
    for (; i + lanes < count; i += lanes) {
      hn::Vec<D> even, odd;
      hn::LoadInterleaved2(d, in + 2 * i, even, odd);
      hn::StoreU(fold(hn::LoadU(d, out + i), even), d, out + i);
    }
  }
#endif
  const hn::CappedTag<float, 1> one;
  for (; i < count; ++i) hn::StoreU(fold(hn::LoadU(one, out + i), hn::LoadU(one, in + i * stride)), one, out + i);
}

void MaxRow(float* out, const float* in, int64_t stride, int64_t count) { FoldRow(out, in, stride, count, Larger()); }
void AddRow(float* out, const float* in, int64_t stride, int64_t count) { FoldRow(out, in, stride, count, Sum()); }

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx::kernels {

HWY_EXPORT(MaxRow);
HWY_EXPORT(AddRow);

void MaxIntoRow(float* out, const float* in, int64_t stride, int64_t count) { HWY_DYNAMIC_DISPATCH(MaxRow)(out, in, stride, count); }
void AddIntoRow(float* out, const float* in, int64_t stride, int64_t count) { HWY_DYNAMIC_DISPATCH(AddRow)(out, in, stride, count); }

}  // namespace sardonyx::kernels
#endif
