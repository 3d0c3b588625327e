// Scaled dot-product attention, block by block of queries: Y = softmax(softcap(scale * Q K^T) + bias) V.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "sardonyx/data_type.h"

namespace sardonyx::kernels {

// A tensor of [batch, heads, positions, size] with `size` innermost and contiguous; the other axes lie as they will, so that
// [batch, positions, heads * size] needs no transposing.
template <class T>
struct HeadsView {
  T* data = nullptr;
  int64_t batch_stride = 0, head_stride = 0, position_stride = 0;
  T* At(int64_t batch, int64_t head, int64_t position) const {
    return data + batch * batch_stride + head * head_stride + position * position_stride;
  }
};
// Strides of dense [batch, heads, positions, size], or of [batch, positions, heads, size].
template <class T>
HeadsView<T> HeadsOutermost(T* data, int64_t heads, int64_t positions, int64_t size) {
  return {data, heads * positions * size, positions * size, size};
}
template <class T>
HeadsView<T> PositionsOutermost(T* data, int64_t heads, int64_t positions, int64_t size) {
  return {data, heads * positions * size, size, heads * size};
}

enum class ScoresOutput : uint8_t { kNone = 255, kRaw = 0, kSoftcapped = 1, kBiased = 2, kProbabilities = 3 };

template <class T>
struct AttentionArguments {
  int64_t batch = 0, q_heads = 0, kv_heads = 0;  // q_heads is a multiple of kv_heads, which are shared by runs of q_heads
  int64_t queries = 0, keys = 0;                 // positions
  int64_t size = 0, v_size = 0;                  // of a head of Q and K, of V
  HeadsView<const T> q, k, v;
  HeadsView<T> y;
  T scale = 1;
  T softcap = 0;  // 0: none

  // Which keys a query sees. Query i of image b stands at offset(b) + i: offset is offsets[b], else lengths[b] - queries,
  // else `past`.
  bool causal = false;                          // none after its own position
  int64_t left_window = -1, right_window = -1;  // none further away than this; -1: no bound
  int64_t past = 0;
  const int64_t* lengths = nullptr;  // [batch]: keys that are not padding; null: all
  const int64_t* offsets = nullptr;  // [batch] or null
  // Added to the scores; -inf hides a key. Strides over (batch, head, query, key), 0 where broadcast. Keys beyond
  // `mask_keys` are hidden.
  const T* mask = nullptr;
  int64_t mask_strides[4] = {0, 0, 0, 0};
  int64_t mask_keys = 0;
  // Per query head, a score that takes part in the softmax's sum without a value; null: none.
  const T* sinks = nullptr;

  // Attention in float16 or bfloat16 over numbers held as floats: what each operator of its specified body gives is rounded
  // to `rounding`, and the Softmax computes in `softmax_rounding`. Any other type: not rounded.
  DataType rounding = DataType::kUndefined, softmax_rounding = DataType::kUndefined;

  T* scores = nullptr;  // [batch, q_heads, queries, keys], or null
  ScoresOutput scores_output = ScoresOutput::kNone;
};

// A row whose keys are all hidden gives zeros. T: float, double.
template <class T>
size_t AttentionWorkspace(const AttentionArguments<T>& arguments, int threads);
template <class T>
void Attention(const AttentionArguments<T>& arguments, void* workspace, ThreadPool& pool);

// In place: softmax of each of `rows` rows of `count` scores. A row of -inf becomes zeros.
template <class T>
void SoftmaxRows(T* scores, int64_t rows, int64_t count);

// out[i] = scale * dot(rows[i], x), rows of `size` elements `stride` apart.
void DotRowsF32(const float* rows, int64_t stride, int64_t count, const float* x, int64_t size, float scale, float* out);
// data[i] = exp(data[i] - shift), returning the sum (in float lanes, then double).
double ExpShiftedF32(float* data, int64_t count, float shift);

}  // namespace sardonyx::kernels
