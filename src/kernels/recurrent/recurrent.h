// RNN, GRU and LSTM over a sequence: one product for the inputs of all steps, then one small product a step.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "kernels/gemm/activation.h"

namespace sardonyx::kernels {

enum class CellKind : uint8_t { kRnn, kGru, kLstm };
// Gates of a cell, which W, R and B hold one after the other: RNN i; GRU z r h; LSTM i o f c.
constexpr int64_t NumGates(CellKind kind) { return kind == CellKind::kLstm ? 4 : (kind == CellKind::kGru ? 3 : 1); }

struct RecurrentShape {
  CellKind kind = CellKind::kRnn;
  int64_t steps = 0, batch = 0, input = 0, hidden = 0;
  int64_t directions = 1;
  bool reverse_first = false;  // the only direction runs backwards; a second one always does
  bool batch_first = false;    // layout 1: X [batch, steps, input] and so on
  // float only: X as a whole, and the state before each step, are rounded to 8 bits by their range before they enter a
  // product, as when weights are 8-bit integers and products are made of those.
  bool quantized = false;
  int64_t gates() const { return NumGates(kind) * hidden; }
};

struct RecurrentOptions {
  std::array<std::array<Activation, 3>, 2> activations;  // by direction: f, g, h
  double clip = 0;                                       // > 0: what enters an activation is clipped to [-clip, clip]
  bool linear_before_reset = false;                      // GRU
  bool input_forget = false;                             // LSTM: the forget gate is 1 - i
};

// Weights of one direction. For float, W, R and R_h are packed by PackRecurrentWeights; for double they are as in the model.
template <class T>
struct RecurrentWeights {
  const T* w = nullptr;         // [gates, input]
  const T* r = nullptr;         // [gates, hidden]; GRU: its first two gates
  const T* r_h = nullptr;       // GRU: the third gate
  const T* bias = nullptr;      // [2 * gates] or null
  const T* peephole = nullptr;  // [3 * hidden] (i, o, f) or null
};

// Floats that the packed weights of one direction take, and the packing itself: `out` is W's, R's and R_h's, in order.
int64_t PackedRecurrentSize(const RecurrentShape& shape);
RecurrentWeights<float> PackRecurrentWeights(const RecurrentShape& shape, const float* w, const float* r, float* out, ThreadPool& pool);
// Where the parts of packed weights begin.
RecurrentWeights<float> PackedRecurrentParts(const RecurrentShape& shape, const float* packed);
// The same for weights that stay as they are.
RecurrentWeights<double> RecurrentParts(const RecurrentShape& shape, const double* w, const double* r);

template <class T>
struct RecurrentArguments {
  RecurrentShape shape;
  RecurrentOptions options;
  std::array<RecurrentWeights<T>, 2> weights;
  const T* x = nullptr;
  const int32_t* lengths = nullptr;  // [batch], each in [0, steps]; null: all are `steps`
  const T* initial_h = nullptr;      // [directions, batch, hidden] (layout 1: [batch, directions, hidden]) or null
  const T* initial_c = nullptr;
  T* y = nullptr;    // [steps, directions, batch, hidden] (layout 1: [batch, steps, directions, hidden]) or null
  T* y_h = nullptr;  // as initial_h, or null
  T* y_c = nullptr;
};
template <class T>
size_t RecurrentWorkspace(const RecurrentShape& shape);
template <class T>
void RunRecurrent(const RecurrentArguments<T>& arguments, void* workspace, ThreadPool& pool);

}  // namespace sardonyx::kernels
