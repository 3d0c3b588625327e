// Rotary position embedding, and linear attention's recurrence.
#pragma once

#include <cstdint>

#include "base/thread_pool.h"
#include "kernels/attention/attention.h"

namespace sardonyx::kernels {

struct RotaryShape {
  int64_t batch = 0, heads = 0, positions = 0, size = 0;  // of X; `size` is a head's
  int64_t rotated = 0;                                    // leading elements of a head that are rotated; even
  bool interleaved = false;                               // pairs are neighbours, else halves apart
};

// cos, sin: rows of rotated / 2, row(b, p) for position p of image b: positions_of[b * positions + p] when given, else
// b * positions + p. Precondition: rows are in range.
void RotaryEmbedding(const RotaryShape& shape, const HeadsView<const float>& x, const float* cos, const float* sin,
                     const int64_t* positions_of, const HeadsView<float>& y, ThreadPool& pool);

enum class LinearRule : uint8_t { kLinear, kGated, kDelta, kGatedDelta };

struct LinearAttentionArguments {
  int64_t batch = 0, steps = 0, q_heads = 0, kv_heads = 0, key_size = 0, value_size = 0;
  LinearRule rule = LinearRule::kGatedDelta;
  float scale = 1;
  const float* q = nullptr;      // [batch, steps, q_heads, key_size]
  const float* k = nullptr;      // [batch, steps, kv_heads, key_size]
  const float* v = nullptr;      // [batch, steps, kv_heads, value_size]
  const float* decay = nullptr;  // [batch, steps, kv_heads, decay_size], decay_size 1 or key_size
  int64_t decay_size = 1;
  const float* beta = nullptr;  // [batch, steps, beta_heads], beta_heads 1 or kv_heads
  int64_t beta_heads = 1;
  float* state = nullptr;    // [batch, kv_heads, key_size, value_size]: the past on entry, the present on return
  float* y = nullptr;        // [batch, steps, q_heads, value_size]
  float* scratch = nullptr;  // [batch, kv_heads, value_size]
};
void LinearAttention(const LinearAttentionArguments& arguments, ThreadPool& pool);

}  // namespace sardonyx::kernels
