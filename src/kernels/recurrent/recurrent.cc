#include "kernels/recurrent/recurrent.h"

#include <algorithm>

#include "kernels/gemm/gemm_f32.h"
#include "kernels/gemm/gemm_generic.h"
#include "kernels/gemm/matmul_i8.h"
#include "kernels/recurrent/cells.h"

namespace sardonyx::kernels {
namespace {

int64_t Rounded(int64_t floats) { return (floats + 15) / 16 * 16; }
// Gates whose recurrent product is made at once; the GRU's last one may need the reset state.
int64_t FirstGates(const RecurrentShape& s) { return s.kind == CellKind::kGru ? 2 * s.hidden : s.gates(); }

// C[m,n] = A[m,k] * W[n,k]^T + bias[n] + residual[m,n]; for float, w is packed. No element of A or C overlaps.
template <class T>
void Multiply(int64_t m, int64_t n, int64_t k, const T* a, const T* w, const T* bias, const T* residual, T* c, ThreadPool& pool) {
  if constexpr (std::is_same_v<T, float>) {
    GemmF32Arguments g{.m = m, .n = n, .k = k, .a = {a, k, 1}};
    g.packed_b = w;
    g.c = c;
    g.c_stride = n;
    g.epilogue.column_bias = bias;
    g.epilogue.residual = residual;
    g.epilogue.residual_stride = n;
    GemmF32(g, nullptr, pool);
  } else {
    GemmGeneric<T>(m, n, k, {a, k, 1}, {w, 1, k}, c, n, pool);
    for (int64_t i = 0; i < m * n; ++i) c[i] += (bias ? bias[i % n] : T{0}) + (residual ? residual[i] : T{0});
  }
}

// Elements of what is rounded to 8 bits at once. Behind their floats their bytes have a place.
int64_t RoundedSize(const RecurrentShape& s) { return Rounded(std::max(s.steps * s.input, s.hidden) * s.batch); }

// Elements of the parts of the workspace.
struct Layout {
  int64_t inputs, gates, first, last, h, c, reset, bias, rounded, total;
};
Layout Plan(const RecurrentShape& s) {
  Layout layout{};
  int64_t* const parts[] = {&layout.inputs, &layout.gates, &layout.first, &layout.last,   &layout.h,
                            &layout.c,      &layout.reset, &layout.bias,  &layout.rounded};
  const int64_t sizes[] = {s.steps * s.batch * s.gates(),
                           s.batch * s.gates(),
                           s.batch * FirstGates(s),
                           s.batch * s.hidden,
                           s.batch * s.hidden,
                           s.batch * s.hidden,
                           s.batch * s.hidden,
                           s.gates(),
                           s.quantized ? RoundedSize(s) + Rounded((RoundedSize(s) + 3) / 4) : 0};
  for (size_t i = 0; i < std::size(parts); ++i) {
    *parts[i] = layout.total;
    layout.total += Rounded(sizes[i]);
  }
  return layout;
}

template <class T>
class Direction {
 public:
  Direction(const RecurrentArguments<T>& a, int64_t direction, T* workspace, ThreadPool& pool)
      : a_(a), s_(a.shape), weights_(a.weights[static_cast<size_t>(direction)]), direction_(direction), pool_(pool) {
    const Layout layout = Plan(s_);
    inputs_ = workspace + layout.inputs;
    gates_ = workspace + layout.gates;
    first_ = workspace + layout.first;
    last_ = workspace + layout.last;
    h_ = workspace + layout.h;
    c_ = workspace + layout.c;
    reset_ = workspace + layout.reset;
    bias_ = workspace + layout.bias;
    rounded_ = workspace + layout.rounded;
  }

  void Run() {
    LoadState(a_.initial_h, h_);
    if (s_.kind == CellKind::kLstm) LoadState(a_.initial_c, c_);
    ComputeInputs();
    for (int64_t step = 0; step < s_.steps; ++step) Step(step);
    StoreState(h_, a_.y_h);
    if (s_.kind == CellKind::kLstm) StoreState(c_, a_.y_c);
  }

 private:
  bool reverse() const { return direction_ == 1 || s_.reverse_first; }
  int64_t Length(int64_t b) const { return a_.lengths ? a_.lengths[b] : s_.steps; }
  int64_t Time(int64_t b, int64_t step) const { return reverse() ? Length(b) - 1 - step : step; }
  int64_t StateOffset(int64_t b) const { return (s_.batch_first ? b * s_.directions + direction_ : direction_ * s_.batch + b) * s_.hidden; }

  void LoadState(const T* from, T* to) const {
    for (int64_t b = 0; b < s_.batch; ++b) {
      if (from)
        std::copy_n(from + StateOffset(b), s_.hidden, to + b * s_.hidden);
      else
        std::fill_n(to + b * s_.hidden, s_.hidden, T{0});
    }
  }
  void StoreState(const T* from, T* to) const {
    if (!to) return;
    for (int64_t b = 0; b < s_.batch; ++b) std::copy_n(from + b * s_.hidden, s_.hidden, to + StateOffset(b));
  }

  // `values`, or what 8 bits keep of them.
  const T* Round(const T* values, int64_t count) {
    if constexpr (std::is_same_v<T, float>) {
      if (!s_.quantized) return values;
      auto* bytes = reinterpret_cast<uint8_t*>(rounded_ + RoundedSize(s_));
      const DynamicScale scale = QuantizeDynamically(values, count, bytes);
      for (int64_t i = 0; i < count; ++i) rounded_[i] = scale.scale * static_cast<float>(bytes[i] - scale.zero_point);
      return rounded_;
    }
    return values;
  }

  // X * W^T + biases for every step. A GRU's recurrent bias of the last gate is added with that gate's product.
  void ComputeInputs() {
    const T* bias = nullptr;
    if (weights_.bias) {
      for (int64_t i = 0; i < s_.gates(); ++i) bias_[i] = weights_.bias[i] + (i < FirstGates(s_) ? weights_.bias[s_.gates() + i] : T{0});
      bias = bias_;
    }
    Multiply<T>(s_.steps * s_.batch, s_.gates(), s_.input, Round(a_.x, s_.steps * s_.batch * s_.input), weights_.w, bias, nullptr, inputs_,
                pool_);
  }

  void Step(int64_t step) {
    const int64_t gates = s_.gates(), first = FirstGates(s_);
    for (int64_t b = 0; b < s_.batch; ++b) {
      const int64_t t = std::max<int64_t>(0, Time(b, step));
      std::copy_n(inputs_ + (s_.batch_first ? b * s_.steps + t : t * s_.batch + b) * gates, gates, gates_ + b * gates);
    }
    Multiply<T>(s_.batch, first, s_.hidden, Round(h_, s_.batch * s_.hidden), weights_.r, nullptr, nullptr, first_, pool_);
    const T* last_bias = weights_.bias ? weights_.bias + gates + first : nullptr;
    const bool gru = s_.kind == CellKind::kGru;
    if (gru && a_.options.linear_before_reset)
      Multiply<T>(s_.batch, s_.hidden, s_.hidden, h_, weights_.r_h, last_bias, nullptr, last_, pool_);
    const CellOptions<T> options{a_.options.activations[static_cast<size_t>(direction_)], static_cast<T>(a_.options.clip),
                                 a_.options.input_forget, a_.options.linear_before_reset, weights_.peephole};
    if (gru) {
      for (int64_t b = 0; b < s_.batch; ++b)
        GruGates(options, s_.hidden, gates_ + b * gates, first_ + b * first, h_ + b * s_.hidden, reset_ + b * s_.hidden);
      if (!a_.options.linear_before_reset)
        Multiply<T>(s_.batch, s_.hidden, s_.hidden, reset_, weights_.r_h, last_bias, nullptr, last_, pool_);
    }
    for (int64_t b = 0; b < s_.batch; ++b) {
      if (step >= Length(b)) continue;  // this sequence has ended: its state stays
      T* h = h_ + b * s_.hidden;
      T* row = gates_ + b * gates;
      switch (s_.kind) {
        case CellKind::kRnn:
          RnnCell(options, s_.hidden, row, first_ + b * first, h);
          break;
        case CellKind::kGru:
          GruCell(options, s_.hidden, row, last_ + b * s_.hidden, h);
          break;
        case CellKind::kLstm:
          LstmCell(options, s_.hidden, row, first_ + b * first, h, c_ + b * s_.hidden);
          break;
      }
      if (!a_.y) continue;
      const int64_t t = Time(b, step);
      const int64_t place =
          s_.batch_first ? (b * s_.steps + t) * s_.directions + direction_ : (t * s_.directions + direction_) * s_.batch + b;
      std::copy_n(h, s_.hidden, a_.y + place * s_.hidden);
    }
  }

  const RecurrentArguments<T>& a_;
  const RecurrentShape& s_;
  const RecurrentWeights<T>& weights_;
  int64_t direction_;
  ThreadPool& pool_;
  T *inputs_, *gates_, *first_, *last_, *h_, *c_, *reset_, *bias_, *rounded_;
};

}  // namespace

int64_t PackedRecurrentSize(const RecurrentShape& s) {
  return PackedColumnsSize(s.input, s.gates()) + PackedColumnsSize(s.hidden, FirstGates(s)) +
         (s.kind == CellKind::kGru ? PackedColumnsSize(s.hidden, s.hidden) : 0);
}

RecurrentWeights<float> PackedRecurrentParts(const RecurrentShape& s, const float* packed) {
  RecurrentWeights<float> parts;
  parts.w = packed;
  parts.r = parts.w + PackedColumnsSize(s.input, s.gates());
  if (s.kind == CellKind::kGru) parts.r_h = parts.r + PackedColumnsSize(s.hidden, FirstGates(s));
  return parts;
}

RecurrentWeights<float> PackRecurrentWeights(const RecurrentShape& s, const float* w, const float* r, float* out, ThreadPool& pool) {
  const RecurrentWeights<float> parts = PackedRecurrentParts(s, out);
  PackColumnsF32({w, 1, s.input}, s.input, s.gates(), out, pool);
  PackColumnsF32({r, 1, s.hidden}, s.hidden, FirstGates(s), out + (parts.r - out), pool);
  if (parts.r_h) PackColumnsF32({r + FirstGates(s) * s.hidden, 1, s.hidden}, s.hidden, s.hidden, out + (parts.r_h - out), pool);
  return parts;
}

RecurrentWeights<double> RecurrentParts(const RecurrentShape& s, const double* w, const double* r) {
  RecurrentWeights<double> parts;
  parts.w = w;
  parts.r = r;
  parts.r_h = r + FirstGates(s) * s.hidden;
  return parts;
}

template <class T>
size_t RecurrentWorkspace(const RecurrentShape& shape) {
  return static_cast<size_t>(Plan(shape).total) * sizeof(T);
}

template <class T>
void RunRecurrent(const RecurrentArguments<T>& arguments, void* workspace, ThreadPool& pool) {
  const RecurrentShape& s = arguments.shape;
  // Steps beyond a sequence's end are zero.
  if (arguments.y && arguments.lengths) std::fill_n(arguments.y, s.steps * s.directions * s.batch * s.hidden, T{0});
  for (int64_t direction = 0; direction < s.directions; ++direction)
    Direction<T>(arguments, direction, static_cast<T*>(workspace), pool).Run();
}

template size_t RecurrentWorkspace<float>(const RecurrentShape&);
template size_t RecurrentWorkspace<double>(const RecurrentShape&);
template void RunRecurrent<float>(const RecurrentArguments<float>&, void*, ThreadPool&);
template void RunRecurrent<double>(const RecurrentArguments<double>&, void*, ThreadPool&);

}  // namespace sardonyx::kernels
