// Queries stand in the lanes: the scores of 32 queries and 256 keys are one product K Q^T [256, 32], whose softmax runs down
// the rows without a horizontal step and whose layout is that of a packed left operand of the second product, P^T V. Sums
// over keys are kept per block and rescaled when a later block has a higher score (Milakov & Gimelshein, "Online normalizer
// calculation for softmax", 2018; Dao et al., "FlashAttention", 2022).
#include "kernels/attention/attention_flash.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/gemm/gemm_f32.h"
#include "kernels/gemm/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention/attention_flash.cc"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"
#include "kernels/gemm/vector_math-inl.h"

#ifndef SARDONYX_KERNELS_ATTENTION_FLASH_ONCE
#define SARDONYX_KERNELS_ATTENTION_FLASH_ONCE
namespace sardonyx::kernels {

constexpr int64_t kFlashQueries = kPanelColumns;
// Scores of a block are 32 KiB: with the keys' panel they stay in the first two caches.
constexpr int64_t kFlashKeys = 256;

// The softmax of a block of queries so far.
struct FlashState {
  alignas(64) float top[kFlashQueries];     // highest score
  alignas(64) float sum[kFlashQueries];     // of exp(score - top)
  alignas(64) float rescale[kFlashQueries];  // what the last block multiplied earlier sums by
};

struct FlashScores {
  float* scores = nullptr;  // [keys][kFlashQueries], become exp(score - top)
  int64_t first_key = 0, keys = 0;
  int64_t queries = 0;  // that count, of kFlashQueries
  float softcap = 0;
  bool bounded = false;  // some key is hidden from some query: see begin and end
  const int32_t *begin = nullptr, *end = nullptr;  // [kFlashQueries]: the keys that a query sees
  const float* mask = nullptr;                     // of the first query and key, or null
  int64_t mask_query_stride = 0, mask_key_stride = 0;
};

}  // namespace sardonyx::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, 16>;
using DI = hn::RebindToSigned<D>;
using V = hn::Vec<D>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));

// One vector of queries down all keys of the block.
void UpdateLanes(const FlashScores& s, int64_t lane, FlashState& state) {
  const D d;
  const DI di;
  const V lowest = hn::Set(d, std::numeric_limits<float>::lowest()), hidden = hn::Set(d, -std::numeric_limits<float>::infinity());
  const V softcap = hn::Set(d, s.softcap), inverse_softcap = hn::Set(d, s.softcap != 0 ? 1 / s.softcap : 0);
  const auto begin = hn::Load(di, s.begin + lane), end = hn::Load(di, s.end + lane);
  const int64_t count = std::min(kLanes, s.queries - lane);
  HWY_ALIGN float mask_row[kLanes] = {};
  V top = hn::Load(d, state.top + lane);
  for (int64_t j = 0; j < s.keys; ++j) {
    float* row = s.scores + j * kFlashQueries + lane;
    V x = hn::Load(d, row);
    if (s.softcap != 0) x = hn::Mul(vector_math::Tanh(d, hn::Mul(x, inverse_softcap)), softcap);
    if (s.mask) {
      const float* at = s.mask + j * s.mask_key_stride;
      V bias;
      if (s.mask_query_stride == 0) {
        bias = hn::Set(d, *at);
      } else {
        for (int64_t i = 0; i < count; ++i) mask_row[i] = at[(lane + i) * s.mask_query_stride];
        bias = hn::Load(d, mask_row);
      }
      // A hidden key stays hidden whatever its score is.
      x = hn::IfThenElse(hn::Eq(bias, hidden), hidden, hn::Add(x, bias));
    }
    if (s.bounded) {
      const auto key = hn::Set(di, static_cast<int32_t>(s.first_key + j));
      const auto out = hn::Or(hn::Lt(key, begin), hn::Not(hn::Lt(key, end)));
      x = hn::IfThenElse(hn::RebindMask(d, out), hidden, x);
    }
    hn::Store(x, d, row);
    top = hn::Max(top, x);
  }
  top = hn::Max(top, lowest);  // all hidden: differences stay -inf rather than NaN
  const V rescale = vector_math::ExpNotPositive(d, hn::Sub(hn::Load(d, state.top + lane), top));
  V sum0 = hn::Mul(hn::Load(d, state.sum + lane), rescale), sum1 = hn::Zero(d);
  int64_t j = 0;
  for (; j + 2 <= s.keys; j += 2) {
    float* row = s.scores + j * kFlashQueries + lane;
    const V a = vector_math::ExpNotPositive(d, hn::Sub(hn::Load(d, row), top));
    const V b = vector_math::ExpNotPositive(d, hn::Sub(hn::Load(d, row + kFlashQueries), top));
    hn::Store(a, d, row);
    hn::Store(b, d, row + kFlashQueries);
    sum0 = hn::Add(sum0, a);
    sum1 = hn::Add(sum1, b);
  }
  if (j < s.keys) {
    float* row = s.scores + j * kFlashQueries + lane;
    const V a = vector_math::ExpNotPositive(d, hn::Sub(hn::Load(d, row), top));
    hn::Store(a, d, row);
    sum0 = hn::Add(sum0, a);
  }
  hn::Store(top, d, state.top + lane);
  hn::Store(rescale, d, state.rescale + lane);
  hn::Store(hn::Add(sum0, sum1), d, state.sum + lane);
}

void UpdateSoftmax(const FlashScores& s, FlashState& state) {
  for (int64_t lane = 0; lane < s.queries; lane += kLanes) UpdateLanes(s, lane, state);
}

// out[i] = factor * in[i]; they may be the same.
void ScaleLine(const float* in, float factor, int64_t n, float* out) {
  const D d;
  const V f = hn::Set(d, factor);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) hn::StoreU(hn::Mul(hn::LoadU(d, in + i), f), d, out + i);
  for (; i < n; ++i) out[i] = in[i] * factor;
}

int64_t VectorLanes() { return kLanes; }

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx::kernels {
namespace {

HWY_EXPORT(UpdateSoftmax);
HWY_EXPORT(ScaleLine);
HWY_EXPORT(VectorLanes);

// Queries of a task, at least, when heads alone do not occupy all threads: each task packs its head's keys.
constexpr int64_t kMinTaskQueries = 4 * kFlashQueries;

int64_t Rounded(int64_t floats) { return (floats + 15) / 16 * 16; }

// The workspace of one worker, in floats.
struct Layout {
  int64_t keys, values, queries, scores, output, total;
};
Layout Plan(const AttentionArguments<float>& a) {
  Layout layout{};
  const int64_t sizes[] = {a.keys * a.size, PackedColumnsSize(a.keys, a.v_size), kFlashQueries * a.size, kFlashQueries * kFlashKeys,
                           kFlashQueries * a.v_size};
  int64_t* const parts[] = {&layout.keys, &layout.values, &layout.queries, &layout.scores, &layout.output};
  for (size_t i = 0; i < std::size(parts); ++i) {
    *parts[i] = layout.total;
    layout.total += Rounded(sizes[i]);
  }
  return layout;
}

// Tasks are heads, or stretches of a head's queries.
struct Tasks {
  int64_t heads, pieces, queries;  // queries of a piece
};
Tasks Split(const AttentionArguments<float>& a, int threads) {
  const int64_t heads = a.batch * a.q_heads;
  int64_t pieces = heads >= 2 * threads || threads == 1 ? 1 : (2 * threads + heads - 1) / heads;
  pieces = std::clamp<int64_t>(pieces, 1, std::max<int64_t>(1, a.queries / kMinTaskQueries));
  const int64_t queries = ((a.queries + pieces - 1) / pieces + kFlashQueries - 1) / kFlashQueries * kFlashQueries;
  return {heads, (a.queries + queries - 1) / queries, queries};
}

class Head {
 public:
  Head(const AttentionArguments<float>& a, int64_t batch, int64_t head, float* workspace)
      : a_(a), batch_(batch), head_(head), kv_head_(head / (a.q_heads / a.kv_heads)) {
    const Layout layout = Plan(a);
    packed_keys_ = workspace + layout.keys;
    packed_values_ = workspace + layout.values;
    packed_queries_ = workspace + layout.queries;
    scores_ = workspace + layout.scores;
    output_ = workspace + layout.output;
    offset_ = a.offsets ? a.offsets[batch] : (a.lengths ? a.lengths[batch] - a.queries : a.past);
    visible_keys_ = a.lengths ? std::clamp<int64_t>(a.lengths[batch], 0, a.keys) : a.keys;
    if (a.mask) visible_keys_ = std::min(visible_keys_, a.mask_keys);
    lanes_ = HWY_DYNAMIC_DISPATCH(VectorLanes)();
  }

  void Run(int64_t first_query, int64_t last_query) {
    const MatrixF32 keys{a_.k.At(batch_, kv_head_, 0), a_.k.position_stride, 1};
    for (int64_t begin = 0; begin < visible_keys_; begin += kFlashKeys)
      PackRowBlockF32(keys, begin, std::min(kFlashKeys, visible_keys_ - begin), 0, a_.size, packed_keys_ + begin * a_.size);
    // As they lie, where that is dense enough and no panel is partial.
    const HeadsView<const float>& v = a_.v;
    values_in_place_ = a_.v_size % kPanelColumns == 0 && (v.position_stride == a_.v_size || last_query - first_query < kFlashQueries);
    if (!values_in_place_)
      PackColumnPanelsF32({v.At(batch_, kv_head_, 0), v.position_stride, 1}, a_.v_size, 0, (a_.v_size + kPanelColumns - 1) / kPanelColumns, 0,
                          visible_keys_, packed_values_, visible_keys_ * kPanelColumns);
    for (int64_t first = first_query; first < last_query; first += kFlashQueries) RunBlock(first, std::min(kFlashQueries, last_query - first));
  }

 private:
  // Keys that each query sees, and those that any or every query of the block does.
  struct Range {
    int64_t any_begin, any_end, all_begin, all_end;
  };
  Range FindRange(int64_t first, int64_t count) {
    Range range{visible_keys_, 0, 0, visible_keys_};
    for (int64_t i = 0; i < kFlashQueries; ++i) {
      const int64_t position = offset_ + first + std::min(i, count - 1);
      int64_t begin = 0, end = visible_keys_;
      if (a_.causal) end = std::min(end, position + 1);
      if (a_.left_window >= 0) begin = std::max(begin, position - a_.left_window);
      if (a_.right_window >= 0) end = std::min(end, position + a_.right_window + 1);
      begin = std::clamp<int64_t>(begin, 0, visible_keys_);
      end = std::clamp(end, begin, visible_keys_);
      begin_[i] = static_cast<int32_t>(begin);
      end_[i] = static_cast<int32_t>(end);
      range.any_begin = std::min(range.any_begin, begin);
      range.any_end = std::max(range.any_end, end);
      range.all_begin = std::max(range.all_begin, begin);
      range.all_end = std::min(range.all_end, end);
    }
    return range;
  }

  void PackQueries(int64_t first, int64_t count) {
    const float* q = a_.q.At(batch_, head_, first);
    PackColumnPanelsF32({q, 1, a_.q.position_stride}, count, 0, 1, 0, a_.size, packed_queries_, 0);
    HWY_DYNAMIC_DISPATCH(ScaleLine)(packed_queries_, a_.scale, a_.size * kFlashQueries, packed_queries_);
  }

  void RunBlock(int64_t first, int64_t count) {
    const Range range = FindRange(first, count);
    const float top = a_.sinks ? a_.sinks[head_] : -std::numeric_limits<float>::infinity();
    std::fill_n(state_.top, kFlashQueries, a_.sinks ? top : std::numeric_limits<float>::lowest());
    std::fill_n(state_.sum, kFlashQueries, a_.sinks ? 1.0f : 0.0f);
    PackQueries(first, count);
    bool any = false;
    for (int64_t begin = range.any_begin / kFlashKeys * kFlashKeys; begin < range.any_end; begin += kFlashKeys) {
      // Whole panels, as they are packed; what is beyond the range is hidden by the bounds.
      const int64_t wanted = (range.any_end - begin + kPanelRows - 1) / kPanelRows * kPanelRows;
      const int64_t keys = std::min({kFlashKeys, visible_keys_ - begin, wanted});
      ScoreBlock(first, count, begin, keys, begin < range.all_begin || begin + keys > range.all_end);
      WeighBlock(count, begin, keys, any);
      any = true;
    }
    for (int64_t i = 0; i < count; ++i) {
      float* y = a_.y.At(batch_, head_, first + i);
      if (any && state_.sum[i] != 0)
        HWY_DYNAMIC_DISPATCH(ScaleLine)(output_ + i * a_.v_size, 1 / state_.sum[i], a_.v_size, y);
      else
        std::fill_n(y, a_.v_size, 0.0f);
    }
  }

  void ScoreBlock(int64_t first, int64_t count, int64_t begin, int64_t keys, bool bounded) {
    GemmBlockF32 product{.rows = keys, .columns = (count + lanes_ - 1) / lanes_ * lanes_, .depth = a_.size};
    product.a = packed_keys_ + begin * a_.size;
    product.b = packed_queries_;
    product.c = scores_;
    product.c_stride = kFlashQueries;
    ComputeGemmBlockF32(product);
    FlashScores s{.scores = scores_, .first_key = begin, .keys = keys, .queries = count, .softcap = a_.softcap, .bounded = bounded};
    s.begin = begin_;
    s.end = end_;
    if (a_.mask) {
      s.mask = a_.mask + batch_ * a_.mask_strides[0] + head_ * a_.mask_strides[1] + first * a_.mask_strides[2] + begin * a_.mask_strides[3];
      s.mask_query_stride = a_.mask_strides[2];
      s.mask_key_stride = a_.mask_strides[3];
    }
    HWY_DYNAMIC_DISPATCH(UpdateSoftmax)(s, state_);
  }

  // output = rescale * output + P V
  void WeighBlock(int64_t count, int64_t begin, int64_t keys, bool accumulate) {
    if (accumulate)
      for (int64_t i = 0; i < count; ++i)
        if (state_.rescale[i] != 1)
          HWY_DYNAMIC_DISPATCH(ScaleLine)(output_ + i * a_.v_size, state_.rescale[i], a_.v_size, output_ + i * a_.v_size);
    GemmBlockF32 product{.rows = count, .columns = a_.v_size, .depth = keys};
    product.a = scores_;
    product.a_depth_stride = kFlashQueries;
    if (values_in_place_) {
      product.b = a_.v.At(batch_, kv_head_, begin);
      product.b_panel_stride = kPanelColumns;
      product.b_row_stride = a_.v.position_stride;
    } else {
      product.b = packed_values_ + begin * kPanelColumns;
      product.b_panel_stride = visible_keys_ * kPanelColumns;
    }
    product.c = output_;
    product.c_stride = a_.v_size;
    product.accumulate = accumulate;
    ComputeGemmBlockF32(product);
  }

  const AttentionArguments<float>& a_;
  int64_t batch_, head_, kv_head_;
  float *packed_keys_, *packed_values_, *packed_queries_, *scores_, *output_;
  int64_t offset_ = 0, visible_keys_ = 0, lanes_ = 0;
  bool values_in_place_ = false;
  FlashState state_;
  alignas(64) int32_t begin_[kFlashQueries], end_[kFlashQueries];
};

}  // namespace

bool FlashAttentionApplies(const AttentionArguments<float>& a) {
  const auto rounds = [](DataType type) { return type == DataType::kFloat16 || type == DataType::kBfloat16; };
  return a.scores == nullptr && !rounds(a.rounding) && !rounds(a.softmax_rounding) &&
         a.keys < std::numeric_limits<int32_t>::max() && a.size > 0 && a.v_size > 0;
}

size_t FlashAttentionWorkspace(const AttentionArguments<float>& a, int threads) {
  const Tasks tasks = Split(a, threads);
  return static_cast<size_t>(std::min<int64_t>(threads, tasks.heads * tasks.pieces) * Plan(a).total) * sizeof(float);
}

void FlashAttention(const AttentionArguments<float>& a, void* workspace, ThreadPool& pool) {
  const Tasks tasks = Split(a, pool.threads());
  const int64_t count = tasks.heads * tasks.pieces, workers = std::min<int64_t>(pool.threads(), count);
  if (count == 0) return;
  const int64_t slice = Plan(a).total;
  const double cost = static_cast<double>(a.batch * a.q_heads) / static_cast<double>(workers) * static_cast<double>(a.queries) *
                      static_cast<double>(a.keys) * (static_cast<double>(a.size + a.v_size) / 50 + 1);
  pool.ParallelFor(workers, cost, [&](int64_t first, int64_t last) {
    for (int64_t worker = first; worker < last; ++worker)
      for (int64_t task = worker; task < count; task += workers) {
        const int64_t head = task / tasks.pieces, query = task % tasks.pieces * tasks.queries;
        Head(a, head / a.q_heads, head % a.q_heads, static_cast<float*>(workspace) + worker * slice)
            .Run(query, std::min(a.queries, query + tasks.queries));
      }
  });
}

}  // namespace sardonyx::kernels
#endif  // HWY_ONCE
