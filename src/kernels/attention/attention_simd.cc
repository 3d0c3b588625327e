// The vector loops of attention outside of its matrix products.
#include <cmath>

#include "kernels/attention/attention.h"
#include "kernels/gemm/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention/attention_simd.cc"
#include "hwy/foreach_target.h"

#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;

void DotRows(const float* rows, int64_t stride, int64_t count, const float* x, int64_t size, float scale, float* out) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t r = 0; r < count; ++r) {
    const float* row = rows + r * stride;
    auto sum0 = hn::Zero(d), sum1 = hn::Zero(d);
    int64_t i = 0;
    for (; i + 2 * lanes <= size; i += 2 * lanes) {
      sum0 = hn::MulAdd(hn::LoadU(d, row + i), hn::LoadU(d, x + i), sum0);
      sum1 = hn::MulAdd(hn::LoadU(d, row + i + lanes), hn::LoadU(d, x + i + lanes), sum1);
    }
    for (; i + lanes <= size; i += lanes) sum0 = hn::MulAdd(hn::LoadU(d, row + i), hn::LoadU(d, x + i), sum0);
    float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum0, sum1)));
    for (; i < size; ++i) sum += row[i] * x[i];
    out[r] = scale * sum;
  }
}

double ExpShifted(float* data, int64_t count, float shift) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto offset = hn::Set(d, shift), least = hn::Set(d, -103.0f);
  auto sums = hn::Zero(d);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto x = hn::Sub(hn::LoadU(d, data + i), offset);
    // Below the least argument the result is zero, -inf included; NaN stays.
    const auto y = hn::IfThenZeroElse(hn::Lt(x, least), hn::Exp(d, hn::IfThenElse(hn::Lt(x, least), least, x)));
    hn::StoreU(y, d, data + i);
    sums = hn::Add(sums, y);
  }
  double sum = static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sums)));
  for (; i < count; ++i) {
    const float x = data[i] - shift;
    data[i] = x < -103.0f ? 0.0f : std::exp(x);
    sum += static_cast<double>(data[i]);
  }
  return sum;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx::kernels {

HWY_EXPORT(DotRows);
HWY_EXPORT(ExpShifted);

void DotRowsF32(const float* rows, int64_t stride, int64_t count, const float* x, int64_t size, float scale, float* out) {
  HWY_DYNAMIC_DISPATCH(DotRows)(rows, stride, count, x, size, scale, out);
}
double ExpShiftedF32(float* data, int64_t count, float shift) { return HWY_DYNAMIC_DISPATCH(ExpShifted)(data, count, shift); }

}  // namespace sardonyx::kernels
#endif
