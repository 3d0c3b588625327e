// LinearScores: products of few targets, too small for a matrix product's panels.
#include <algorithm>

#include "kernels/gemm/simd_targets.h"
#include "kernels/ml/svm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/ml/linear_scores.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

float Dot(const float* a, const float* b, int64_t count) {
  const hn::CappedTag<float, 16> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto sum = hn::Zero(d), sum2 = hn::Zero(d);
  int64_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    sum = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), sum);
    sum2 = hn::MulAdd(hn::LoadU(d, a + i + lanes), hn::LoadU(d, b + i + lanes), sum2);
  }
  for (; i + lanes <= count; i += lanes) sum = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), sum);
  HWY_ALIGN float parts[16];
  hn::Store(hn::Add(sum, sum2), d, parts);
  float total = 0;
  for (; i < count; ++i) total += a[i] * b[i];
  for (int64_t step = lanes / 2; step > 0; step /= 2)
    for (int64_t j = 0; j < step; ++j) parts[j] += parts[j + step];
  return total + parts[0];
}

void ScoreRows(const float* x, int64_t rows, int64_t features, const float* coefficients, int64_t targets, const float* intercepts,
               float* out) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t t = 0; t < targets; ++t)
      out[r * targets + t] = Dot(x + r * features, coefficients + t * features, features) + (intercepts ? intercepts[t] : 0.f);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx::kernels {

HWY_EXPORT(ScoreRows);

void LinearScores(const float* x, int64_t rows, int64_t features, std::span<const float> coefficients, int64_t targets,
                  std::span<const float> intercepts, float* out, ThreadPool* pool) {
  const float* offsets = intercepts.empty() ? nullptr : intercepts.data();
  const auto body = [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(ScoreRows)
    (x + begin * features, end - begin, features, coefficients.data(), targets, offsets, out + begin * targets);
  };
  if (pool != nullptr)
    pool->ParallelFor(rows, static_cast<double>(targets) * (4 + 0.1 * static_cast<double>(features)), body);
  else
    body(0, rows);
}

}  // namespace sardonyx::kernels
#endif
