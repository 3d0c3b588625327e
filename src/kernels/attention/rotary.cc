#include "kernels/attention/rotary.h"

#include <algorithm>
#include <cmath>

namespace sardonyx::kernels {

void RotaryEmbedding(const RotaryShape& s, const HeadsView<const float>& x, const float* cos, const float* sin, const int64_t* positions_of,
                     const HeadsView<float>& y, ThreadPool& pool) {
  const int64_t half = s.rotated / 2, step = s.interleaved ? 2 : 1, apart = s.interleaved ? 1 : half;
  pool.ParallelFor(s.batch * s.heads * s.positions, static_cast<double>(s.size), [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      const int64_t position = row % s.positions, head = row / s.positions % s.heads, batch = row / s.positions / s.heads;
      const int64_t place = batch * s.positions + position;
      const int64_t angle = (positions_of ? positions_of[place] : place) * half;
      const float* in = x.At(batch, head, position);
      float* out = y.At(batch, head, position);
      for (int64_t i = 0; i < half; ++i) {
        const float a = in[i * step], b = in[i * step + apart], c = cos[angle + i], d = sin[angle + i];
        out[i * step] = c * a - d * b;
        out[i * step + apart] = d * a + c * b;
      }
      std::copy(in + s.rotated, in + s.size, out + s.rotated);
    }
  });
}

void LinearAttention(const LinearAttentionArguments& a, ThreadPool& pool) {
  const bool gated = a.rule == LinearRule::kGated || a.rule == LinearRule::kGatedDelta;
  const bool delta = a.rule == LinearRule::kDelta || a.rule == LinearRule::kGatedDelta;
  const int64_t group = a.q_heads / a.kv_heads;
  const double cost = static_cast<double>(a.steps * a.key_size * a.value_size) * static_cast<double>(2 + group);
  pool.ParallelFor(a.batch * a.kv_heads, cost, [&](int64_t first, int64_t last) {
    for (int64_t task = first; task < last; ++task) {
      const int64_t batch = task / a.kv_heads, head = task % a.kv_heads;
      float* state = a.state + task * a.key_size * a.value_size;
      float* update = a.scratch + task * a.value_size;
      for (int64_t t = 0; t < a.steps; ++t) {
        const int64_t place = (batch * a.steps + t) * a.kv_heads + head;
        const float *k = a.k + place * a.key_size, *v = a.v + place * a.value_size;
        if (gated)
          for (int64_t i = 0; i < a.key_size; ++i) {
            const float factor = std::exp(a.decay[place * a.decay_size + (a.decay_size == 1 ? 0 : i)]);
            for (int64_t j = 0; j < a.value_size; ++j) state[i * a.value_size + j] *= factor;
          }
        std::copy_n(v, a.value_size, update);
        if (delta) {
          for (int64_t i = 0; i < a.key_size; ++i)
            for (int64_t j = 0; j < a.value_size; ++j) update[j] -= state[i * a.value_size + j] * k[i];
          const float beta = a.beta[(batch * a.steps + t) * a.beta_heads + (a.beta_heads == 1 ? 0 : head)];
          for (int64_t j = 0; j < a.value_size; ++j) update[j] *= beta;
        }
        for (int64_t i = 0; i < a.key_size; ++i)
          for (int64_t j = 0; j < a.value_size; ++j) state[i * a.value_size + j] += k[i] * update[j];
        for (int64_t q_head = head * group; q_head < (head + 1) * group; ++q_head) {
          const float* q = a.q + ((batch * a.steps + t) * a.q_heads + q_head) * a.key_size;
          float* y = a.y + ((batch * a.steps + t) * a.q_heads + q_head) * a.value_size;
          std::fill_n(y, a.value_size, 0.0f);
          for (int64_t i = 0; i < a.key_size; ++i)
            for (int64_t j = 0; j < a.value_size; ++j) y[j] += q[i] * state[i * a.value_size + j];
          for (int64_t j = 0; j < a.value_size; ++j) y[j] *= a.scale;
        }
      }
    }
  });
}

}  // namespace sardonyx::kernels
