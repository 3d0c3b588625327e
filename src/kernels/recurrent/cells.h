// What the cells of RNN, GRU and LSTM do with one sequence's gates at one step.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "kernels/gemm/activation.h"

namespace sardonyx::kernels {

template <class T>
struct CellOptions {
  const std::array<Activation, 3>& activations;
  T clip;
  bool input_forget;
  bool linear_before_reset;
  const T* peephole;  // [3 * hidden] (i, o, f) or null
};

template <class T>
void ClipAndActivate(const CellOptions<T>& options, int activation, T* data, int64_t count) {
  if (options.clip > 0)
    for (int64_t i = 0; i < count; ++i) data[i] = std::clamp(data[i], -options.clip, options.clip);
  const Activation& f = options.activations[static_cast<size_t>(activation)];
  if constexpr (std::is_same_v<T, float>) {
    ActivateF32(f, data, count);
  } else {
    for (int64_t i = 0; i < count; ++i) data[i] = Activate(f, data[i]);
  }
}

// h = f(gates + recurrent)
template <class T>
void RnnCell(const CellOptions<T>& options, int64_t hidden, const T* gates, const T* recurrent, T* h) {
  for (int64_t i = 0; i < hidden; ++i) h[i] = gates[i] + recurrent[i];
  ClipAndActivate(options, 0, h, hidden);
}

// z and r, in place of the first two gates, and r * h.
template <class T>
void GruGates(const CellOptions<T>& options, int64_t hidden, T* gates, const T* recurrent, const T* h, T* reset) {
  for (int64_t i = 0; i < 2 * hidden; ++i) gates[i] += recurrent[i];
  ClipAndActivate(options, 0, gates, 2 * hidden);
  for (int64_t i = 0; i < hidden; ++i) reset[i] = gates[hidden + i] * h[i];
}

// After GruGates: `last` is the recurrent product of the third gate, of h (linear_before_reset) or of r * h.
template <class T>
void GruCell(const CellOptions<T>& options, int64_t hidden, T* gates, const T* last, T* h) {
  const T *z = gates, *r = gates + hidden;
  T* candidate = gates + 2 * hidden;
  for (int64_t i = 0; i < hidden; ++i) candidate[i] += options.linear_before_reset ? r[i] * last[i] : last[i];
  ClipAndActivate(options, 1, candidate, hidden);
  for (int64_t i = 0; i < hidden; ++i) h[i] = (T{1} - z[i]) * candidate[i] + z[i] * h[i];
}

template <class T>
void LstmCell(const CellOptions<T>& options, int64_t hidden, T* gates, const T* recurrent, T* h, T* c) {
  T *in = gates, *out = gates + hidden, *forget = gates + 2 * hidden, *candidate = gates + 3 * hidden;
  const T* p = options.peephole;
  for (int64_t i = 0; i < 4 * hidden; ++i) gates[i] += recurrent[i];
  if (p)
    for (int64_t i = 0; i < hidden; ++i) {
      in[i] += p[i] * c[i];
      forget[i] += p[2 * hidden + i] * c[i];
    }
  ClipAndActivate(options, 0, in, hidden);
  if (options.input_forget) {
    for (int64_t i = 0; i < hidden; ++i) forget[i] = T{1} - in[i];
  } else {
    ClipAndActivate(options, 0, forget, hidden);
  }
  ClipAndActivate(options, 1, candidate, hidden);
  for (int64_t i = 0; i < hidden; ++i) c[i] = forget[i] * c[i] + in[i] * candidate[i];
  if (p)
    for (int64_t i = 0; i < hidden; ++i) out[i] += p[hidden + i] * c[i];
  ClipAndActivate(options, 0, out, hidden);
  std::copy_n(c, hidden, h);
  // The clip is for what enters the gates; the cell state passes h unclipped.
  const CellOptions<T> unclipped{options.activations, T{0}, options.input_forget, options.linear_before_reset, nullptr};
  ClipAndActivate(unclipped, 2, h, hidden);
  for (int64_t i = 0; i < hidden; ++i) h[i] *= out[i];
}

}  // namespace sardonyx::kernels
