#include "kernels/recurrent/recurrent.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "base/ceil_div.h"
#include "base/machine.h"
#include "kernels/gemm/gemm_f32.h"
#include "kernels/gemm/gemm_generic.h"
#include "kernels/gemm/matmul_i8.h"
#include "kernels/recurrent/cells.h"
#include "kernels/recurrent/cells_simd.h"

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

// The same for few rows, without bias, by one thread: columns [first, last) in turns, and `backwards` from the last turn to the first. A
// step that goes the other way than the one before begins with what the caches still hold of weights that are larger than these.
void MultiplyInTurns(int64_t m, int64_t n, int64_t k, const float* a, const float* w, bool backwards, float* c, int64_t first,
                     int64_t last) {
  constexpr int64_t kTurnFloats = 32 << 10;
  // Four panels are computed at a time.
  const int64_t columns = 4 * kPanelColumns * std::max<int64_t>(1, kTurnFloats / (4 * kPanelColumns * std::max<int64_t>(1, k)));
  const int64_t turns = CeilDiv(last - first, columns);
  for (int64_t turn = 0; turn < turns; ++turn) {
    const int64_t begin = first + (backwards ? turns - 1 - turn : turn) * columns;
    GemmSkinnyF32 block{.rows = m, .columns = std::min(columns, last - begin), .depth = k, .a = a, .a_stride = k};
    block.b = w + begin * k;
    block.c = c + begin;
    block.c_stride = n;
    ComputeGemmSkinnyF32(block);
  }
}

// The same by all threads, each of which always takes the same columns: their weights stay in its own cache from step to step.
void MultiplyInShares(int64_t m, int64_t n, int64_t k, const float* a, const float* w, bool backwards, float* c, ThreadPool& pool) {
  const int64_t panels = CeilDiv(n, kPanelColumns), shares = std::min<int64_t>(pool.threads(), panels);
  const double cost = static_cast<double>(n * k) / 10 / static_cast<double>(shares);
  pool.ParallelFor(shares, cost, [&](int64_t begin, int64_t end) {
    for (int64_t share = begin; share < end; ++share)
      MultiplyInTurns(m, n, k, a, w, backwards, c, panels * share / shares * kPanelColumns,
                      std::min(n, panels * (share + 1) / shares * kPanelColumns));
  });
}

// Whether one sequence's or few sequences' recurrent weights are more than the cache of one thread's core, but less than all threads'.
bool SharesSteps(const RecurrentShape& s, ThreadPool& pool) {
  const int64_t bytes = s.gates() * s.hidden * static_cast<int64_t>(sizeof(float));
  return s.batch <= SkinnyRowsF32() && pool.threads() > 1 && bytes > SecondLevelCacheBytes() / 4 * 3;
}

// Elements of what is rounded to 8 bits at once. Behind their floats their bytes have a place.
int64_t RoundedSize(const RecurrentShape& s) { return Rounded(std::max(s.steps * s.input, s.hidden) * s.batch); }

// Sequences that go through the steps together. Slices are of this size whatever the number of threads is, since the
// order of a product's sums may depend on its number of rows.
constexpr int64_t kSlice = 8;
int64_t SliceOf(const RecurrentShape& s) { return s.quantized ? s.batch : std::min(s.batch, kSlice); }  // 8 bits share one range
int64_t NumSlices(const RecurrentShape& s) { return s.batch == 0 ? 0 : (s.batch + SliceOf(s) - 1) / SliceOf(s); }

// Parts of the workspace, in elements: those of a direction, and after all directions those of each of its slices.
struct Layout {
  int64_t inputs, bias, rounded, direction_total;
  int64_t gates, first, last, h, c, reset, slice_total;
};
Layout Plan(const RecurrentShape& s) {
  Layout layout{};
  const int64_t slice = SliceOf(s);
  const auto place = [](std::initializer_list<std::pair<int64_t*, int64_t>> parts, int64_t& total) {
    for (const auto& [part, size] : parts) {
      *part = total;
      total += Rounded(size);
    }
  };
  place({{&layout.inputs, s.steps * s.batch * s.gates()},
         {&layout.bias, s.gates()},
         {&layout.rounded, s.quantized ? RoundedSize(s) + Rounded((RoundedSize(s) + 3) / 4) : 0}},
        layout.direction_total);
  place({{&layout.gates, slice * s.gates()},
         {&layout.first, slice * FirstGates(s)},
         {&layout.last, slice * s.hidden},
         {&layout.h, slice * s.hidden},
         {&layout.c, slice * s.hidden},
         {&layout.reset, slice * s.hidden}},
        layout.slice_total);
  return layout;
}

// `values`, or what 8 bits keep of them.
template <class T>
const T* Round(const RecurrentShape& s, const T* values, int64_t count, T* rounded) {
  if constexpr (std::is_same_v<T, float>) {
    if (!s.quantized) return values;
    auto* bytes = reinterpret_cast<uint8_t*>(rounded + RoundedSize(s));
    const DynamicScale scale = QuantizeDynamically(values, count, bytes);
    for (int64_t i = 0; i < count; ++i) rounded[i] = scale.scale * static_cast<float>(bytes[i] - scale.zero_point);
    return rounded;
  }
  return values;
}

// X * W^T + biases for every step. A GRU's recurrent bias of the last gate is added with that gate's product.
template <class T>
void ComputeInputs(const RecurrentArguments<T>& a, int64_t direction, T* workspace, ThreadPool& pool) {
  const RecurrentShape& s = a.shape;
  const RecurrentWeights<T>& weights = a.weights[static_cast<size_t>(direction)];
  const Layout layout = Plan(s);
  T* const bias = workspace + layout.bias;
  if (weights.bias)
    for (int64_t i = 0; i < s.gates(); ++i) bias[i] = weights.bias[i] + (i < FirstGates(s) ? weights.bias[s.gates() + i] : T{0});
  const T* x = Round(s, a.x, s.steps * s.batch * s.input, workspace + layout.rounded);
  Multiply<T>(s.steps * s.batch, s.gates(), s.input, x, weights.w, weights.bias ? bias : nullptr, nullptr, workspace + layout.inputs, pool);
}

// Some sequences of one direction, from the first step to the last.
template <class T>
class Slice {
 public:
  // workspace: of the direction; slice_workspace: of the slice. `alone`: other threads have slices of their own, so products are not shared.
  Slice(const RecurrentArguments<T>& a, int64_t direction, int64_t begin, bool alone, T* workspace, T* slice_workspace, ThreadPool& pool)
      : a_(a),
        s_(a.shape),
        weights_(a.weights[static_cast<size_t>(direction)]),
        direction_(direction),
        begin_(begin),
        batch_(std::min(SliceOf(a.shape), a.shape.batch - begin)),
        alone_(alone),
        pool_(pool) {
    const Layout layout = Plan(s_);
    inputs_ = workspace + layout.inputs;
    rounded_ = workspace + layout.rounded;
    gates_ = slice_workspace + layout.gates;
    first_ = slice_workspace + layout.first;
    last_ = slice_workspace + layout.last;
    h_ = slice_workspace + layout.h;
    c_ = slice_workspace + layout.c;
    reset_ = slice_workspace + layout.reset;
    const auto& f = a.options.activations[static_cast<size_t>(direction)];
    const auto is_tanh = [](const Activation& g) { return g.kind == ActivationKind::kTanh; };
    common_ = std::is_same_v<T, float> && s_.kind != CellKind::kRnn && a.options.clip <= 0 && !a.options.input_forget && !weights_.peephole &&
              f[0].kind == ActivationKind::kSigmoid && is_tanh(f[1]) && (s_.kind == CellKind::kGru || is_tanh(f[2]));
  }

  void Run() {
    LoadState(a_.initial_h, h_);
    if (s_.kind == CellKind::kLstm) LoadState(a_.initial_c, c_);
    for (int64_t step = 0; step < s_.steps; ++step) Step(step);
    StoreState(h_, a_.y_h);
    if (s_.kind == CellKind::kLstm) StoreState(c_, a_.y_c);
  }

 private:
  bool reverse() const { return direction_ == 1 || s_.reverse_first; }
  // `b` counts within the slice.
  int64_t Length(int64_t b) const { return a_.lengths ? a_.lengths[begin_ + b] : s_.steps; }
  int64_t Time(int64_t b, int64_t step) const { return reverse() ? Length(b) - 1 - step : step; }
  int64_t StateOffset(int64_t b) const {
    return (s_.batch_first ? (begin_ + b) * s_.directions + direction_ : direction_ * s_.batch + begin_ + b) * s_.hidden;
  }
  const T* Inputs(int64_t b, int64_t step) const {
    const int64_t t = std::max<int64_t>(0, Time(b, step));
    return inputs_ + (s_.batch_first ? (begin_ + b) * s_.steps + t : t * s_.batch + begin_ + b) * s_.gates();
  }

  void LoadState(const T* from, T* to) const {
    for (int64_t b = 0; b < batch_; ++b) {
      if (from)
        std::copy_n(from + StateOffset(b), s_.hidden, to + b * s_.hidden);
      else
        std::fill_n(to + b * s_.hidden, s_.hidden, T{0});
    }
  }
  void StoreState(const T* from, T* to) const {
    if (!to) return;
    for (int64_t b = 0; b < batch_; ++b) std::copy_n(from + b * s_.hidden, s_.hidden, to + StateOffset(b));
  }

  void Step(int64_t step) {
    const int64_t hidden = s_.hidden;
    MultiplyState(step);
    const T* last_bias = weights_.bias ? weights_.bias + s_.gates() + FirstGates(s_) : nullptr;
    const bool linear = a_.options.linear_before_reset;
    if (s_.kind == CellKind::kGru) {
      if (!linear) ComputeGates(step);
      Multiply<T>(batch_, hidden, hidden, linear ? h_ : reset_, weights_.r_h, last_bias, nullptr, last_, pool_);
      if (linear && !common_) ComputeGates(step);
    }
    for (int64_t b = 0; b < batch_; ++b) {
      if (step >= Length(b)) continue;  // this sequence has ended: its state stays
      ComputeState(b, step);
      if (!a_.y) continue;
      const int64_t t = Time(b, step), sequence = begin_ + b;
      const int64_t place =
          s_.batch_first ? (sequence * s_.steps + t) * s_.directions + direction_ : (t * s_.directions + direction_) * s_.batch + sequence;
      std::copy_n(h_ + b * hidden, hidden, a_.y + place * hidden);
    }
  }

  void MultiplyState(int64_t step) {
    const T* h = Round(s_, h_, batch_ * s_.hidden, rounded_);
    if constexpr (std::is_same_v<T, float>) {
      const int64_t gates = FirstGates(s_);
      const bool backwards = step % 2 != 0;
      if (batch_ <= SkinnyRowsF32())
        return alone_ ? MultiplyInTurns(batch_, gates, s_.hidden, h, weights_.r, backwards, first_, 0, gates)
                      : MultiplyInShares(batch_, gates, s_.hidden, h, weights_.r, backwards, first_, pool_);
    }
    Multiply<T>(batch_, FirstGates(s_), s_.hidden, h, weights_.r, nullptr, nullptr, first_, pool_);
  }

  CellOptions<T> options() const {
    return {a_.options.activations[static_cast<size_t>(direction_)], static_cast<T>(a_.options.clip), a_.options.input_forget,
            a_.options.linear_before_reset, weights_.peephole};
  }
  T* Gates(int64_t b) const { return gates_ + b * s_.gates(); }

  // GRU: z and r of every sequence, and r * h.
  void ComputeGates(int64_t step) {
    for (int64_t b = 0; b < batch_; ++b) {
      const T *inputs = Inputs(b, step), *recurrent = first_ + b * FirstGates(s_), *h = h_ + b * s_.hidden;
      T* reset = reset_ + b * s_.hidden;
      if constexpr (std::is_same_v<T, float>) {
        if (common_) {
          GruGatesF32(s_.hidden, inputs, recurrent, h, Gates(b), reset);
          continue;
        }
      }
      std::copy_n(inputs, s_.gates(), Gates(b));
      GruGates(options(), s_.hidden, Gates(b), recurrent, h, reset);
    }
  }

  // The new state of one sequence.
  void ComputeState(int64_t b, int64_t step) {
    const T *inputs = Inputs(b, step), *recurrent = first_ + b * FirstGates(s_), *last = last_ + b * s_.hidden;
    T *h = h_ + b * s_.hidden, *c = c_ + b * s_.hidden;
    if constexpr (std::is_same_v<T, float>) {
      if (common_) {
        if (s_.kind == CellKind::kLstm) return LstmCellF32(s_.hidden, inputs, recurrent, h, c);
        if (a_.options.linear_before_reset) return GruCellF32(s_.hidden, inputs, recurrent, last, h);
        return GruStateF32(s_.hidden, inputs, last, Gates(b), h);
      }
    }
    if (s_.kind == CellKind::kGru) return GruCell(options(), s_.hidden, Gates(b), last, h);
    std::copy_n(inputs, s_.gates(), Gates(b));
    if (s_.kind == CellKind::kRnn) return RnnCell(options(), s_.hidden, Gates(b), recurrent, h);
    LstmCell(options(), s_.hidden, Gates(b), recurrent, h, c);
  }

  const RecurrentArguments<T>& a_;
  const RecurrentShape& s_;
  const RecurrentWeights<T>& weights_;
  int64_t direction_, begin_, batch_;
  bool alone_;
  ThreadPool& pool_;
  bool common_;
  T *inputs_, *rounded_, *gates_, *first_, *last_, *h_, *c_, *reset_;
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
  const Layout layout = Plan(shape);
  return static_cast<size_t>(shape.directions * (layout.direction_total + NumSlices(shape) * layout.slice_total)) * sizeof(T);
}

template <class T>
void RunRecurrent(const RecurrentArguments<T>& arguments, void* workspace, ThreadPool& pool) {
  const RecurrentShape& s = arguments.shape;
  // Steps beyond a sequence's end are zero.
  if (arguments.y && arguments.lengths) std::fill_n(arguments.y, s.steps * s.directions * s.batch * s.hidden, T{0});
  const Layout layout = Plan(s);
  const int64_t slices = NumSlices(s);
  T* const shared = static_cast<T*>(workspace);
  T* const own = shared + s.directions * layout.direction_total;
  for (int64_t d = 0; d < s.directions; ++d) ComputeInputs(arguments, d, shared + d * layout.direction_total, pool);
  // Directions and slices of sequences do not meet: a thread takes one through all steps. Of a lone one, and of large weights, threads
  // share each product.
  const bool together = s.directions * slices <= 1 || (std::is_same_v<T, float> && SharesSteps(s, pool)), alone = pool.threads() == 1 || !together;
  const auto run = [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const int64_t direction = i / slices, begin = i % slices * SliceOf(s);
      Slice<T>(arguments, direction, begin, alone, shared + direction * layout.direction_total, own + i * layout.slice_total, pool).Run();
    }
  };
  if (together) return run(0, s.directions * slices);
  const double cost = static_cast<double>(s.steps * SliceOf(s) * s.gates()) * static_cast<double>(s.hidden + 1) / 10;
  pool.ParallelFor(s.directions * slices, cost, run);
}

template size_t RecurrentWorkspace<float>(const RecurrentShape&);
template size_t RecurrentWorkspace<double>(const RecurrentShape&);
template void RunRecurrent<float>(const RecurrentArguments<float>&, void*, ThreadPool&);
template void RunRecurrent<double>(const RecurrentArguments<double>&, void*, ThreadPool&);

}  // namespace sardonyx::kernels
