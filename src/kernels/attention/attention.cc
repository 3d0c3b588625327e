#include "kernels/attention/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/attention/attention_few.h"
#include "kernels/attention/attention_flash.h"
#include "kernels/gemm/activation.h"
#include "kernels/gemm/aligned_buffer.h"
#include "kernels/gemm/gemm_f32.h"
#include "kernels/gemm/gemm_generic.h"
#include "kernels/reduce/narrow_softmax.h"

namespace sardonyx::kernels {
namespace {

// Queries whose scores are held at a time.
constexpr int64_t kQueryBlock = 48;
// With fewer queries than this a key is used too rarely to be worth packing.
constexpr int64_t kMinQueriesToPack = 4;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

int64_t Rounded(int64_t elements) { return (elements + 15) / 16 * 16; }

// The workspace of one worker, in elements.
struct Layout {
  int64_t scores, bias, keys, values, total;
};
template <class T>
Layout Plan(const AttentionArguments<T>& a) {
  Layout layout{};
  const bool pack = std::is_same_v<T, float> && a.queries >= kMinQueriesToPack;
  const int64_t sizes[] = {std::min(kQueryBlock, a.queries) * a.keys, a.keys, pack ? PackedColumnsSize(a.size, a.keys) : 0,
                           pack ? PackedColumnsSize(a.keys, a.v_size) : 0};
  int64_t* const parts[] = {&layout.scores, &layout.bias, &layout.keys, &layout.values};
  for (int i = 0; i < 4; ++i) {
    *parts[i] = layout.total;
    layout.total += Rounded(sizes[i]);
  }
  return layout;
}

template <class T>
class Head {
 public:
  Head(const AttentionArguments<T>& a, int64_t batch, int64_t head, T* workspace, ThreadPool& pool)
      : a_(a), batch_(batch), head_(head), kv_head_(head / (a.q_heads / a.kv_heads)), pool_(pool) {
    const Layout layout = Plan(a);
    scores_ = workspace + layout.scores;
    bias_ = workspace + layout.bias;
    packed_keys_ = workspace + layout.keys;
    packed_values_ = workspace + layout.values;
    offset_ = a.offsets ? a.offsets[batch] : (a.lengths ? a.lengths[batch] - a.queries : a.past);
    visible_keys_ = a.lengths ? std::clamp<int64_t>(a.lengths[batch], 0, a.keys) : a.keys;
    if (a.mask) visible_keys_ = std::min(visible_keys_, a.mask_keys);
  }

  void Run() {
    if constexpr (std::is_same_v<T, float>) {
      if (a_.queries >= kMinQueriesToPack) {
        PackColumnsF32({Keys(), 1, a_.k.position_stride}, a_.size, a_.keys, packed_keys_, pool_);
        PackColumnsF32({Values(), a_.v.position_stride, 1}, a_.keys, a_.v_size, packed_values_, pool_);
      }
    }
    for (int64_t first = 0; first < a_.queries; first += kQueryBlock) {
      const int64_t count = std::min(kQueryBlock, a_.queries - first);
      ComputeScores(first, count);
      for (int64_t i = 0; i < count; ++i) FinishRow(first + i, scores_ + i * a_.keys);
      WeighValues(first, count);
    }
  }

 private:
  const T* Keys() const { return a_.k.At(batch_, kv_head_, 0); }
  const T* Values() const { return a_.v.At(batch_, kv_head_, 0); }

  void ComputeScores(int64_t first, int64_t count) {
    const T* q = a_.q.At(batch_, head_, first);
    if constexpr (std::is_same_v<T, float>) {
      if (a_.queries < kMinQueriesToPack) {
        for (int64_t i = 0; i < count; ++i)
          DotRowsF32(Keys(), a_.k.position_stride, a_.keys, q + i * a_.q.position_stride, a_.size, a_.scale, scores_ + i * a_.keys);
        return;
      }
      GemmF32Arguments g{.m = count, .n = a_.keys, .k = a_.size, .a = {q, a_.q.position_stride, 1}};
      g.packed_b = packed_keys_;
      g.c = scores_;
      g.c_stride = a_.keys;
      g.epilogue.scale = a_.scale;
      GemmF32(g, nullptr, pool_);
    } else {
      GemmGeneric<T>(count, a_.keys, a_.size, {q, a_.q.position_stride, 1}, {Keys(), 1, a_.k.position_stride}, scores_, a_.keys, pool_);
      for (int64_t i = 0; i < count * a_.keys; ++i) scores_[i] *= a_.scale;
    }
  }

  // What is added to the scores of query i: the mask, and -inf for hidden keys. False when every key is hidden.
  bool FillBias(int64_t i) {
    const int64_t position = offset_ + i;
    int64_t begin = 0, end = visible_keys_;
    if (a_.causal) end = std::min(end, position + 1);
    if (a_.left_window >= 0) begin = std::max(begin, position - a_.left_window);
    if (a_.right_window >= 0) end = std::min(end, position + a_.right_window + 1);
    begin = std::clamp<int64_t>(begin, 0, a_.keys);
    end = std::clamp(end, begin, a_.keys);
    const T hidden = static_cast<T>(-kInfinity);
    std::fill_n(bias_, begin, hidden);
    std::fill(bias_ + end, bias_ + a_.keys, hidden);
    if (!a_.mask) {
      std::fill(bias_ + begin, bias_ + end, T{0});
      return end > begin;
    }
    const T* mask = a_.mask + batch_ * a_.mask_strides[0] + head_ * a_.mask_strides[1] + i * a_.mask_strides[2];
    bool any = false;
    for (int64_t j = begin; j < end; ++j) {
      bias_[j] = mask[j * a_.mask_strides[3]];
      any = any || bias_[j] != hidden;
    }
    return any;
  }

  void Emit(ScoresOutput stage, int64_t i, const T* row) const {
    if (a_.scores_output == stage) std::copy_n(row, a_.keys, a_.scores + ((batch_ * a_.q_heads + head_) * a_.queries + i) * a_.keys);
  }

  void Round(T* row) const {
    if constexpr (std::is_same_v<T, float>) RoundTo(a_.rounding, row, a_.keys);
  }

  void Softcap(T* row) const {
    for (int64_t j = 0; j < a_.keys; ++j) row[j] /= a_.softcap;
    Round(row);
    if constexpr (std::is_same_v<T, float>)
      ActivateF32({ActivationKind::kTanh}, row, a_.keys);
    else
      std::transform(row, row + a_.keys, row, [](T v) { return std::tanh(v); });
    Round(row);
    for (int64_t j = 0; j < a_.keys; ++j) row[j] *= a_.softcap;
    Round(row);
  }

  void FinishRow(int64_t i, T* row) {
    Round(row);
    Emit(ScoresOutput::kRaw, i, row);
    if (a_.softcap != 0) Softcap(row);
    Emit(ScoresOutput::kSoftcapped, i, row);
    const bool any = FillBias(i);
    // A hidden key is -inf whatever its score, be it infinite or not a number.
    for (int64_t j = 0; j < a_.keys; ++j) row[j] = bias_[j] == static_cast<T>(-kInfinity) ? bias_[j] : row[j] + bias_[j];
    Round(row);
    Emit(ScoresOutput::kBiased, i, row);
    if (any)
      Softmax(row);
    else
      std::fill_n(row, a_.keys, T{0});
    Round(row);
    Emit(ScoresOutput::kProbabilities, i, row);
  }

  void Softmax(T* row) const {
    if constexpr (std::is_same_v<T, float>) {
      if (IsNarrowFloat(a_.softmax_rounding)) return NarrowSoftmax(a_.softmax_rounding, row, a_.keys, 1);
    }
    T highest = *std::max_element(row, row + a_.keys);
    if (a_.sinks) highest = std::max(highest, a_.sinks[head_]);
    double sum = 0;
    if constexpr (std::is_same_v<T, float>) {
      sum = ExpShiftedF32(row, a_.keys, highest);
    } else {
      for (int64_t j = 0; j < a_.keys; ++j) sum += row[j] = std::exp(row[j] - highest);
    }
    if (a_.sinks) sum += std::exp(static_cast<double>(a_.sinks[head_] - highest));
    const T factor = static_cast<T>(1 / sum);
    for (int64_t j = 0; j < a_.keys; ++j) row[j] *= factor;
  }

  void WeighValues(int64_t first, int64_t count) {
    T* y = a_.y.At(batch_, head_, first);
    if constexpr (std::is_same_v<T, float>) {
      GemmF32Arguments g{.m = count, .n = a_.v_size, .k = a_.keys, .a = {scores_, a_.keys, 1}};
      g.b = {Values(), a_.v.position_stride, 1};
      if (a_.queries >= kMinQueriesToPack) g.packed_b = packed_values_;
      g.c = y;
      g.c_stride = a_.y.position_stride;
      GemmF32(g, nullptr, pool_);
    } else {
      GemmGeneric<T>(count, a_.v_size, a_.keys, {scores_, a_.keys, 1}, {Values(), a_.v.position_stride, 1}, y, a_.y.position_stride, pool_);
    }
  }

  const AttentionArguments<T>& a_;
  int64_t batch_, head_, kv_head_;
  ThreadPool& pool_;
  T *scores_, *bias_, *packed_keys_, *packed_values_;
  int64_t offset_ = 0, visible_keys_ = 0;
};

}  // namespace

template <class T>
size_t AttentionWorkspace(const AttentionArguments<T>& a, int threads) {
  const int64_t workers = std::min<int64_t>(threads, a.batch * a.q_heads);
  // Enough for either way: callers may ask before they have set every pointer.
  if constexpr (std::is_same_v<T, float>)
    return std::max({static_cast<size_t>(workers * Plan(a).total) * sizeof(T), FlashAttentionWorkspace(a, threads), FewQueriesWorkspace(a, threads)});
  return static_cast<size_t>(workers * Plan(a).total) * sizeof(T);
}

template <class T>
void Attention(const AttentionArguments<T>& a, void* workspace, ThreadPool& pool) {
  const int64_t heads = a.batch * a.q_heads, workers = std::min<int64_t>(pool.threads(), heads);
  if (heads == 0 || a.queries == 0) return;
  if constexpr (std::is_same_v<T, float>)
    if (FlashAttentionApplies(a)) return (a.queries < kMinFlashQueries ? FewQueriesAttention : FlashAttention)(a, workspace, pool);
  const int64_t slice = Plan(a).total;
  const double cost =
      static_cast<double>(a.queries) * a.keys * (a.size + a.v_size) / 10 * static_cast<double>(heads) / static_cast<double>(workers);
  pool.ParallelFor(workers, cost, [&](int64_t first, int64_t last) {
    for (int64_t worker = first; worker < last; ++worker)
      for (int64_t i = worker; i < heads; i += workers)
        Head<T>(a, i / a.q_heads, i % a.q_heads, static_cast<T*>(workspace) + worker * slice, pool).Run();
  });
}

template <class T>
void SoftmaxRows(T* scores, int64_t rows, int64_t count) {
  for (int64_t i = 0; i < rows; ++i) {
    T* row = scores + i * count;
    const T highest = count > 0 ? *std::max_element(row, row + count) : T{0};
    if (highest == static_cast<T>(-kInfinity)) {
      std::fill_n(row, count, T{0});
      continue;
    }
    double sum = 0;
    for (int64_t j = 0; j < count; ++j) sum += row[j] = std::exp(row[j] - highest);
    for (int64_t j = 0; j < count; ++j) row[j] = static_cast<T>(row[j] / sum);
  }
}

template size_t AttentionWorkspace<float>(const AttentionArguments<float>&, int);
template size_t AttentionWorkspace<double>(const AttentionArguments<double>&, int);
template void Attention<float>(const AttentionArguments<float>&, void*, ThreadPool&);
template void Attention<double>(const AttentionArguments<double>&, void*, ThreadPool&);
template void SoftmaxRows<float>(float*, int64_t, int64_t);
template void SoftmaxRows<double>(double*, int64_t, int64_t);

}  // namespace sardonyx::kernels
