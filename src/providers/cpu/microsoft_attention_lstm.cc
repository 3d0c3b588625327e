// AttnLSTM of com.microsoft: an LSTM whose input at each step is joined by what it attended to in a memory at the step before,
// by additive attention: softmax(V tanh(M MW + h QW)) M, then (h, that) AW if there is AW.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "kernels/recurrent/cells.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/microsoft.h"
#include "providers/cpu/recurrent.h"
#include "providers/cpu/workspace.h"

namespace sardonyx::cpu {
namespace {

enum AttnInput : size_t {
  kX,
  kW,
  kR,
  kB,
  kLengths,
  kInitialH,
  kInitialC,
  kPeephole,
  kQueryW,
  kMemoryW,
  kV,
  kMemory,
  kMemoryLengths,
  kLayer
};

struct State {
  int64_t directions = 1;
  bool reverse_first = false;
  kernels::RecurrentOptions options;
};

bool Has(const KernelContext& context, size_t i) { return i < context.num_inputs() && context.has_input(i); }

template <class T>
struct Arguments {
  int64_t steps = 0, batch = 0, input = 0, hidden = 0;
  int64_t memory_steps = 0, memory = 0, depth = 0;  // of M, and of what its rows and h are brought to
  int64_t attention = 0;                            // size of what joins the input
  const T *x, *w, *r, *b, *h, *c, *peephole, *query_w, *memory_w, *v, *m, *layer;
  const int32_t *lengths, *memory_lengths;
  T *y = nullptr, *y_h = nullptr, *y_c = nullptr;

  int64_t scratch() const { return 8 * hidden + 2 * hidden + attention + memory + depth + memory_steps + memory_steps * depth; }
};

template <class T>
StatusOr<const T*> ReadInput(const KernelContext& context, size_t i, const Dims& dims, bool needed = false) {
  if (!Has(context, i)) {
    if (needed) return Invalid(fmt::format("input {} is missing", i));
    return static_cast<const T*>(nullptr);
  }
  const TensorView& x = context.input(i);
  if (x.dtype != DataTypeOf<T>::value || !(x.dims == dims))
    return Invalid(fmt::format("input {} is {}; {}{} is needed", i, x.TypeString(), DataTypeName(DataTypeOf<T>::value), dims.ToString()));
  return x.ptr<T>();
}

// out = a [k] * b [k, n], or with b [n, rows of `stride`] transposed; added to what is there.
template <class T>
void AddProduct(const T* a, const T* b, int64_t k, int64_t n, T* out) {
  for (int64_t i = 0; i < k; ++i)
    for (int64_t j = 0; j < n; ++j) out[j] += a[i] * b[i * n + j];
}
template <class T>
void AddTransposed(const T* a, const T* b, int64_t k, int64_t n, int64_t stride, T* out) {
  for (int64_t j = 0; j < n; ++j)
    for (int64_t i = 0; i < k; ++i) out[j] += a[i] * b[j * stride + i];
}

// What h attends to in the memory of sequence b.
template <class T>
void Attend(const Arguments<T>& a, int64_t d, int64_t b, const T* h, const T* keys, T* query, T* weights, T* context, T* attention) {
  const int64_t count = a.memory_lengths ? a.memory_lengths[b] : a.memory_steps;
  std::fill_n(query, a.depth, T{0});
  AddProduct(h, a.query_w + d * a.hidden * a.depth, a.hidden, a.depth, query);
  T highest = std::numeric_limits<T>::lowest(), sum = 0;
  for (int64_t s = 0; s < count; ++s) {
    weights[s] = 0;
    for (int64_t i = 0; i < a.depth; ++i) weights[s] += a.v[d * a.depth + i] * std::tanh(keys[s * a.depth + i] + query[i]);
    highest = std::max(highest, weights[s]);
  }
  for (int64_t s = 0; s < count; ++s) sum += weights[s] = std::exp(weights[s] - highest);
  for (int64_t s = 0; s < count; ++s) weights[s] /= sum;
  std::fill_n(context, a.memory, T{0});
  AddProduct(weights, a.m + b * a.memory_steps * a.memory, count, a.memory, context);
  if (!a.layer) {
    std::copy_n(context, a.memory, attention);
    return;
  }
  const T* layer = a.layer + d * (a.hidden + a.memory) * a.attention;
  std::fill_n(attention, a.attention, T{0});
  AddProduct(h, layer, a.hidden, a.attention, attention);
  AddProduct(context, layer + a.hidden * a.attention, a.memory, a.attention, attention);
}

template <class T>
void RunSequence(const Arguments<T>& a, const State& state, int64_t d, int64_t b, T* scratch) {
  const int64_t gates = 4 * a.hidden, length = a.lengths ? a.lengths[b] : a.steps, width = a.input + a.attention;
  T *gate = scratch, *recurrent = gate + gates, *h = recurrent + gates, *c = h + a.hidden, *attention = c + a.hidden;
  T *context = attention + a.attention, *query = context + a.memory, *weights = query + a.depth, *keys = weights + a.memory_steps;
  const int64_t row = (d * a.batch + b) * a.hidden;
  for (int64_t i = 0; i < a.hidden; ++i) h[i] = a.h ? a.h[row + i] : T{0}, c[i] = a.c ? a.c[row + i] : T{0};
  std::fill_n(attention, a.attention, T{0});
  std::fill_n(keys, a.memory_steps * a.depth, T{0});
  for (int64_t s = 0; s < a.memory_steps; ++s)
    AddProduct(a.m + (b * a.memory_steps + s) * a.memory, a.memory_w + d * a.memory * a.depth, a.memory, a.depth, keys + s * a.depth);
  const kernels::CellOptions<T> cell{state.options.activations[static_cast<size_t>(d)], static_cast<T>(state.options.clip),
                                     state.options.input_forget, false, a.peephole ? a.peephole + d * 3 * a.hidden : nullptr};
  const bool reverse = d == 1 || state.reverse_first;
  const T *w = a.w + d * gates * width, *r = a.r + d * gates * a.hidden, *bias = a.b ? a.b + d * 2 * gates : nullptr;
  for (int64_t step = 0; step < length; ++step) {
    const int64_t t = reverse ? length - 1 - step : step;
    for (int64_t i = 0; i < gates; ++i) gate[i] = bias ? bias[i] + bias[gates + i] : T{0};
    std::fill_n(recurrent, gates, T{0});
    AddTransposed(a.x + (t * a.batch + b) * a.input, w, a.input, gates, width, gate);
    AddTransposed(attention, w + a.input, a.attention, gates, width, gate);
    AddTransposed(h, r, a.hidden, gates, a.hidden, recurrent);
    kernels::LstmCell(cell, a.hidden, gate, recurrent, h, c);
    if (a.y) std::copy_n(h, a.hidden, a.y + ((t * state.directions + d) * a.batch + b) * a.hidden);
    Attend(a, d, b, h, keys, query, weights, context, attention);
  }
  for (int64_t t = length; a.y && t < a.steps; ++t)
    std::fill_n(a.y + ((t * state.directions + d) * a.batch + b) * a.hidden, a.hidden, T{0});
  if (a.y_h) std::copy_n(h, a.hidden, a.y_h + row);
  if (a.y_c) std::copy_n(c, a.hidden, a.y_c + row);
}

Status CheckLengths(const int32_t* lengths, int64_t count, int64_t least, int64_t most) {
  for (int64_t i = 0; lengths && i < count; ++i)
    if (lengths[i] < least || lengths[i] > most) return Invalid(fmt::format("a length of {}, not {} to {}", lengths[i], least, most));
  return {};
}

template <class T>
Status ReadArguments(const KernelContext& context, const State& state, Arguments<T>& a) {
  for (size_t i : {kQueryW, kMemoryW, kV, kMemory})
    if (!Has(context, i)) return Invalid(fmt::format("input {} is missing", i));
  const Dims &x = context.input(kX).dims, &r = context.input(kR).dims, &memory_w = context.input(kMemoryW).dims;
  const Dims& memory = context.input(kMemory).dims;
  if (x.rank() != 3 || r.rank() != 3 || memory_w.rank() != 3 || memory.rank() != 3) return Invalid("X, R, MW and M must have rank 3");
  a.steps = x[0], a.batch = x[1], a.input = x[2], a.hidden = r[2];
  a.memory_steps = memory[1], a.memory = memory[2], a.depth = memory_w[2], a.attention = a.memory;
  if (a.memory_steps < 1) return Invalid("the memory is empty");
  const int64_t directions = state.directions, gates = 4 * a.hidden;
  if (Has(context, kLayer)) {
    const Dims& dims = context.input(kLayer).dims;
    if (dims.rank() != 3) return Invalid(fmt::format("AW {} must have rank 3", dims.ToString()));
    a.attention = dims[2];
  }
  ASSIGN_OR_RETURN(a.x, ReadInput<T>(context, kX, x));
  ASSIGN_OR_RETURN(a.w, ReadInput<T>(context, kW, Dims{directions, gates, a.input + a.attention}));
  ASSIGN_OR_RETURN(a.r, ReadInput<T>(context, kR, Dims{directions, gates, a.hidden}));
  ASSIGN_OR_RETURN(a.b, ReadInput<T>(context, kB, Dims{directions, 2 * gates}));
  ASSIGN_OR_RETURN(a.lengths, ReadInput<int32_t>(context, kLengths, Dims{a.batch}));
  ASSIGN_OR_RETURN(a.h, ReadInput<T>(context, kInitialH, Dims{directions, a.batch, a.hidden}));
  ASSIGN_OR_RETURN(a.c, ReadInput<T>(context, kInitialC, Dims{directions, a.batch, a.hidden}));
  ASSIGN_OR_RETURN(a.peephole, ReadInput<T>(context, kPeephole, Dims{directions, 3 * a.hidden}));
  ASSIGN_OR_RETURN(a.query_w, ReadInput<T>(context, kQueryW, Dims{directions, a.hidden, a.depth}));
  ASSIGN_OR_RETURN(a.memory_w, ReadInput<T>(context, kMemoryW, Dims{directions, a.memory, a.depth}));
  ASSIGN_OR_RETURN(a.v, ReadInput<T>(context, kV, Dims{directions, a.depth}));
  ASSIGN_OR_RETURN(a.m, ReadInput<T>(context, kMemory, Dims{a.batch, a.memory_steps, a.memory}));
  ASSIGN_OR_RETURN(a.memory_lengths, ReadInput<int32_t>(context, kMemoryLengths, Dims{a.batch}));
  ASSIGN_OR_RETURN(a.layer, ReadInput<T>(context, kLayer, Dims{directions, a.hidden + a.memory, a.attention}));
  RETURN_IF_ERROR(CheckLengths(a.lengths, a.batch, 0, a.steps));
  return CheckLengths(a.memory_lengths, a.batch, 1, a.memory_steps);
}

template <class T>
Status Run(KernelContext& context, const State& state) {
  Arguments<T> a{};
  RETURN_IF_ERROR(ReadArguments(context, state, a));
  const auto output = [&](size_t i, const Dims& dims) -> StatusOr<T*> {
    if (i >= context.num_outputs() || !context.has_output(i)) return static_cast<T*>(nullptr);
    ASSIGN_OR_RETURN(TensorView view, context.Output(i, DataTypeOf<T>::value, dims));
    return view.mutable_ptr<T>();
  };
  ASSIGN_OR_RETURN(a.y, output(0, Dims{a.steps, state.directions, a.batch, a.hidden}));
  ASSIGN_OR_RETURN(a.y_h, output(1, Dims{state.directions, a.batch, a.hidden}));
  ASSIGN_OR_RETURN(a.y_c, output(2, Dims{state.directions, a.batch, a.hidden}));
  const int64_t sequences = state.directions * a.batch;
  ASSIGN_OR_RETURN([[maybe_unused]] const int64_t bytes, CheckedNumElements(DataType::kDouble, Dims{sequences, a.scratch()}));
  WorkspacePlan plan;
  const size_t scratch = plan.AddArray<T>(sequences * a.scratch());
  ASSIGN_OR_RETURN(char* workspace, plan.Allocate(context));
  const double cost = static_cast<double>(a.steps) * static_cast<double>(4 * a.hidden * (a.input + a.attention + a.hidden));
  context.ParallelFor(sequences, cost, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      RunSequence(a, state, i / a.batch, i % a.batch, reinterpret_cast<T*>(workspace + scratch) + i * a.scratch());
  });
  return {};
}

}  // namespace

StatusOr<std::unique_ptr<Kernel>> CreateAttentionLstm(const NodeInfo& node) {
  State state;
  const std::string direction = node.GetString("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional")
    return Invalid(fmt::format("direction '{}' is none of forward, reverse, bidirectional", direction));
  state.directions = direction == "bidirectional" ? 2 : 1;
  state.reverse_first = direction == "reverse";
  state.options.clip = node.GetFloat("clip");
  state.options.input_forget = node.GetInt("input_forget") != 0;
  RETURN_IF_ERROR(ReadActivations(node, kernels::CellKind::kLstm, state.directions, state.options));
  return MakeKernel([state](KernelContext& context) -> Status {
    return Dispatch<float, double>(context.input(kX).dtype, "AttnLSTM", [&]<class T>() { return Run<T>(context, state); });
  });
}

}  // namespace sardonyx::cpu
