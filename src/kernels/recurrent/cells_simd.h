// The cells that nearly every model uses, in one pass over a step's gates: sigmoid gates, tanh elsewhere, no clip, no peephole.
#pragma once

#include <cstdint>

namespace sardonyx::kernels {

// One sequence of LSTM: `inputs` and `recurrent` hold the gates i, o, f, c, each [hidden].
void LstmCellF32(int64_t hidden, const float* inputs, const float* recurrent, float* h, float* c);
// GRU: gates z, r of `recurrent`, z, r, h of `inputs`. First z and r * h ...
void GruGatesF32(int64_t hidden, const float* inputs, const float* recurrent, const float* h, float* z, float* reset);
// ... and, with the last gate's product of r * h, the new h.
void GruStateF32(int64_t hidden, const float* inputs, const float* last, const float* z, float* h);
// Both at once where the reset gate multiplies the product (linear_before_reset).
void GruCellF32(int64_t hidden, const float* inputs, const float* recurrent, const float* last, float* h);

}  // namespace sardonyx::kernels
