// LinearScores: products of few targets, too small for a matrix product's panels.
#include <algorithm>

#include "kernels/gemm/simd_targets.h"
#include "kernels/ml/svm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/ml/linear_scores.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/gemm/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));

float Dot(const float* a, const float* b, int64_t count) {
  const D d;
  auto sum = hn::Zero(d), sum2 = hn::Zero(d);
  int64_t i = 0;
  for (; i + 2 * kLanes <= count; i += 2 * kLanes) {
    sum = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), sum);
    sum2 = hn::MulAdd(hn::LoadU(d, a + i + kLanes), hn::LoadU(d, b + i + kLanes), sum2);
  }
  for (; i + kLanes <= count; i += kLanes) sum = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), sum);
  float total = 0;
  if (i < count && count >= kLanes) {
    // A whole vector to the end, without what was there before.
    const auto before = hn::FirstN(d, static_cast<size_t>(kLanes - (count - i)));
    const auto rest = hn::IfThenZeroElse(before, hn::LoadU(d, a + count - kLanes));
    sum2 = hn::MulAdd(rest, hn::IfThenZeroElse(before, hn::LoadU(d, b + count - kLanes)), sum2);
  } else {
    for (; i < count; ++i) total += a[i] * b[i];
  }
  return total + hn::GetLane(hn::SumOfLanes(d, hn::Add(sum, sum2)));
}

void ScaleRowsOf(const float* x, int64_t rows, int64_t columns, const float* offsets, const float* scales, float* out) {
  const D d;
  for (int64_t r = 0; r < rows; ++r, x += columns, out += columns) {
    int64_t i = 0;
    for (; i + kLanes <= columns; i += kLanes)
      hn::StoreU(hn::Mul(hn::Sub(hn::LoadU(d, x + i), hn::LoadU(d, offsets + i)), hn::LoadU(d, scales + i)), d, out + i);
    if (i == columns) continue;
    const auto load = [&](const float* from) HWY_ATTR { return vector_math::LoadTail(d, from + i, columns - i, 0.0f); };
    vector_math::StoreTail(d, hn::Mul(hn::Sub(load(x), load(offsets)), load(scales)), out + i, columns - i);
  }
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
HWY_EXPORT(ScaleRowsOf);

void ScaleRows(const float* x, int64_t rows, int64_t columns, const float* offsets, const float* scales, float* out) {
  HWY_DYNAMIC_DISPATCH(ScaleRowsOf)(x, rows, columns, offsets, scales, out);
}

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
