#include "kernels/attention/attention_few.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/attention/attention.h"
#include "kernels/gemm/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention/attention_few.cc"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"
#include "kernels/gemm/vector_math-inl.h"

#ifndef SARDONYX_KERNELS_ATTENTION_FEW_ONCE
#define SARDONYX_KERNELS_ATTENTION_FEW_ONCE
namespace sardonyx::kernels {

// One query of one head. Pointers are those of the first of `keys` keys that it may see.
struct OneQuery {
  const float *q = nullptr, *k = nullptr, *v = nullptr;
  float* y = nullptr;
  int64_t keys = 0, size = 0, v_size = 0, k_stride = 0, v_stride = 0;
  float scale = 1, softcap = 0;
  const float* mask = nullptr;
  int64_t mask_stride = 0;
  const float* sink = nullptr;
};

}  // namespace sardonyx::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Scores with scale, softcap and mask into `scores` (whole vectors; those beyond the keys are -inf); returns the highest.
V Score(const OneQuery& s, float* scores) {
  const D d;
  const V hidden = hn::Set(d, -kInfinity), scale = hn::Set(d, s.scale), softcap = hn::Set(d, s.softcap);
  const V inverse_softcap = hn::Set(d, s.softcap != 0 ? 1 / s.softcap : 0);
  DotRowsF32(s.k, s.k_stride, s.keys, s.q, s.size, 1.0f, scores);
  const int64_t padded = (s.keys + kLanes - 1) / kLanes * kLanes;
  std::fill(scores + s.keys, scores + padded, -kInfinity);
  HWY_ALIGN float bias[kLanes];
  V top = hn::Set(d, std::numeric_limits<float>::lowest());
  for (int64_t j = 0; j < padded; j += kLanes) {
    V x = hn::Mul(hn::Load(d, scores + j), scale);
    if (s.softcap != 0) x = hn::Mul(vector_math::Tanh(d, hn::Mul(x, inverse_softcap)), softcap);
    if (s.mask) {
      for (int64_t i = 0; i < kLanes; ++i) bias[i] = j + i < s.keys ? s.mask[(j + i) * s.mask_stride] : -kInfinity;
      const V b = hn::Load(d, bias);
      x = hn::IfThenElse(hn::Eq(b, hidden), hidden, hn::Add(x, b));
    } else if (j + kLanes > s.keys) {
      x = hn::IfThenElse(hn::FirstN(d, static_cast<size_t>(s.keys - j)), x, hidden);  // -inf times scale, or of a softcap
    }
    hn::Store(x, d, scores + j);
    top = hn::Max(top, x);
  }
  return hn::MaxOfLanes(d, top);
}

// y = sum of weights[j] * v[j], `kVectors` vectors of it.
template <int kVectors>
void Weigh(const OneQuery& s, const float* weights, V factor, int64_t column) {
  const D d;
  V sum[kVectors];
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) sum[v] = hn::Zero(d);
  const float* row = s.v + column;
  for (int64_t j = 0; j < s.keys; ++j, row += s.v_stride) {
    const V w = hn::Set(d, weights[j]);
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) sum[v] = hn::MulAdd(w, hn::LoadU(d, row + v * kLanes), sum[v]);
  }
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) hn::StoreU(hn::Mul(sum[v], factor), d, s.y + column + v * kLanes);
}

void Attend(const OneQuery& s, float* scores) {
  const D d;
  V top = Score(s, scores);
  if (s.sink) top = hn::Max(top, hn::Set(d, *s.sink));
  V sums = hn::Zero(d);
  for (int64_t j = 0; j < s.keys; j += kLanes) {
    const V e = vector_math::ExpNotPositive(d, hn::Sub(hn::Load(d, scores + j), top));
    hn::Store(e, d, scores + j);
    sums = hn::Add(sums, e);
  }
  V sum = hn::SumOfLanes(d, sums);
  if (s.sink) sum = hn::Add(sum, vector_math::ExpNotPositive(d, hn::Sub(hn::Set(d, *s.sink), top)));
  // All hidden: nothing rather than 0 / 0.
  const V factor = hn::IfThenZeroElse(hn::Eq(sum, hn::Zero(d)), hn::Div(hn::Set(d, 1.0f), sum));
  int64_t column = 0;
  for (; column + 4 * kLanes <= s.v_size; column += 4 * kLanes) Weigh<4>(s, scores, factor, column);
  for (; column + kLanes <= s.v_size; column += kLanes) Weigh<1>(s, scores, factor, column);
  for (; column < s.v_size; ++column) {
    float total = 0;
    for (int64_t j = 0; j < s.keys; ++j) total += scores[j] * s.v[j * s.v_stride + column];
    s.y[column] = total * hn::GetLane(factor);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx::kernels {
namespace {

HWY_EXPORT(Attend);

int64_t ScoresOfHead(const AttentionArguments<float>& a) { return (a.keys + 15) / 16 * 16; }

OneQuery Plan(const AttentionArguments<float>& a, int64_t batch, int64_t head, int64_t i) {
  const int64_t kv_head = head / (a.q_heads / a.kv_heads);
  int64_t visible = a.lengths ? std::clamp<int64_t>(a.lengths[batch], 0, a.keys) : a.keys;
  if (a.mask) visible = std::min(visible, a.mask_keys);
  const int64_t position = (a.offsets ? a.offsets[batch] : (a.lengths ? a.lengths[batch] - a.queries : a.past)) + i;
  int64_t begin = 0, end = visible;
  if (a.causal) end = std::min(end, position + 1);
  if (a.left_window >= 0) begin = std::max(begin, position - a.left_window);
  if (a.right_window >= 0) end = std::min(end, position + a.right_window + 1);
  begin = std::clamp<int64_t>(begin, 0, visible);
  end = std::clamp(end, begin, visible);
  OneQuery s{.q = a.q.At(batch, head, i), .k = a.k.At(batch, kv_head, begin), .v = a.v.At(batch, kv_head, begin), .y = a.y.At(batch, head, i)};
  s.keys = end - begin;
  s.size = a.size, s.v_size = a.v_size;
  s.k_stride = a.k.position_stride, s.v_stride = a.v.position_stride;
  s.scale = a.scale, s.softcap = a.softcap;
  s.mask_stride = a.mask_strides[3];
  if (a.mask)
    s.mask = a.mask + batch * a.mask_strides[0] + head * a.mask_strides[1] + i * a.mask_strides[2] + begin * a.mask_strides[3];
  s.sink = a.sinks ? a.sinks + head : nullptr;
  return s;
}

}  // namespace

size_t FewQueriesWorkspace(const AttentionArguments<float>& a, int threads) {
  return static_cast<size_t>(std::min<int64_t>(threads, a.batch * a.q_heads) * ScoresOfHead(a)) * sizeof(float);
}

void FewQueriesAttention(const AttentionArguments<float>& a, void* workspace, ThreadPool& pool) {
  const int64_t heads = a.batch * a.q_heads, workers = std::min<int64_t>(pool.threads(), heads);
  if (workers == 0) return;
  // A worker takes neighbouring heads, which may share keys and values.
  const double cost = static_cast<double>(a.queries * a.keys * (a.size + a.v_size)) / 15 * static_cast<double>(heads) / static_cast<double>(workers);
  pool.ParallelFor(workers, cost, [&](int64_t first, int64_t last) {
    for (int64_t worker = first; worker < last; ++worker)
      for (int64_t h = heads * worker / workers; h < heads * (worker + 1) / workers; ++h)
        for (int64_t i = 0; i < a.queries; ++i)
          HWY_DYNAMIC_DISPATCH(Attend)(Plan(a, h / a.q_heads, h % a.q_heads, i), static_cast<float*>(workspace) + worker * ScoresOfHead(a));
  });
}

}  // namespace sardonyx::kernels
#endif  // HWY_ONCE
