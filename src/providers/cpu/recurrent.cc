// RNN, GRU, LSTM.
#include <algorithm>

#include <fmt/format.h>

#include "kernels/gemm/aligned_buffer.h"
#include "kernels/recurrent/recurrent.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/recurrent.h"
#include "providers/cpu/widened.h"
#include "providers/cpu/workspace.h"

namespace sardonyx::cpu {
namespace {

using kernels::Activation;
using kernels::ActivationKind;
using kernels::AlignedBuffer;
using kernels::CellKind;
using kernels::RecurrentArguments;
using kernels::RecurrentShape;

enum Input : size_t { kX, kW, kR, kB, kLengths, kInitialH, kInitialC, kPeephole };

struct State {
  RecurrentShape shape;  // kind, directions, layout
  kernels::RecurrentOptions options;
  int64_t hidden_size = 0;      // the attribute, 0 when absent
  Dims w_dims, r_dims;          // of packed weights
  AlignedBuffer<float> packed;  // constant weights of all directions
};

// Which of alpha and beta an activation takes from the node's lists.
bool TakesAlpha(ActivationKind kind) {
  switch (kind) {
    case ActivationKind::kAffine:
    case ActivationKind::kLeakyRelu:
    case ActivationKind::kThresholdedRelu:
    case ActivationKind::kScaledTanh:
    case ActivationKind::kHardSigmoid:
    case ActivationKind::kElu:
      return true;
    default:
      return false;
  }
}
bool TakesBeta(ActivationKind kind) {
  return kind == ActivationKind::kAffine || kind == ActivationKind::kScaledTanh || kind == ActivationKind::kHardSigmoid;
}

}  // namespace

Status ReadActivations(const NodeInfo& node, CellKind kind, int64_t directions, kernels::RecurrentOptions& options) {
  const size_t each = kind == CellKind::kLstm ? 3 : (kind == CellKind::kGru ? 2 : 1);
  std::vector<std::string> names = node.HasAttribute("activations") ? node.GetStrings("activations") : std::vector<std::string>();
  if (names.empty()) {
    for (int64_t i = 0; i < directions; ++i) {
      if (kind == CellKind::kRnn)
        names.push_back("Tanh");
      else
        names.insert(names.end(), {"Sigmoid", "Tanh"});
      if (kind == CellKind::kLstm) names.push_back("Tanh");
    }
  }
  if (names.size() != each * static_cast<size_t>(directions))
    return Invalid(fmt::format("activations names {} functions, {} are needed", names.size(), each * static_cast<size_t>(directions)));
  const std::vector<float> alphas = node.GetFloats("activation_alpha"), betas = node.GetFloats("activation_beta");
  size_t alpha = 0, beta = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    std::optional<Activation> activation = kernels::ParseActivation(names[i]);
    if (!activation) return Invalid(fmt::format("activations names the unknown function '{}'", names[i]));
    if (TakesAlpha(activation->kind) && alpha < alphas.size()) activation->alpha = alphas[alpha++];
    if (TakesBeta(activation->kind) && beta < betas.size()) activation->beta = betas[beta++];
    options.activations[i / each][i % each] = *activation;
  }
  return Status();
}

namespace {

// Sizes from the weights, checked against each other.
StatusOr<RecurrentShape> PlanShape(const State& state, const Dims& x, const Dims& w, const Dims& r) {
  RecurrentShape s = state.shape;
  if (x.rank() != 3 || w.rank() != 3 || r.rank() != 3)
    return Invalid(fmt::format("X {}, W {} and R {} must have rank 3", x.ToString(), w.ToString(), r.ToString()));
  s.steps = x[s.batch_first ? 1 : 0];
  s.batch = x[s.batch_first ? 0 : 1];
  s.input = x[2];
  s.hidden = r[2];
  if (!(w == Dims{s.directions, s.gates(), s.input}) || !(r == Dims{s.directions, s.gates(), s.hidden}))
    return Invalid(fmt::format("W {} and R {} do not fit {} directions, inputs of {} and {} hidden units", w.ToString(), r.ToString(),
                               s.directions, s.input, s.hidden));
  if (state.hidden_size != 0 && state.hidden_size != s.hidden)
    return Invalid(fmt::format("hidden_size is {} but R {} has {}", state.hidden_size, r.ToString(), s.hidden));
  ASSIGN_OR_RETURN([[maybe_unused]] const int64_t count, CheckedNumElements(DataType::kDouble, Dims{s.steps, s.batch, s.gates()}));
  return s;
}

// Constant W [directions, gates, input] and R [directions, gates, hidden], of float; others are packed in each run.
Status PackWeights(const NodeInfo& node, const Tensor* w, const Tensor* r, State& state) {
  if (!w || !r || w->dtype() != DataType::kFloat || r->dtype() != DataType::kFloat || w->rank() != 3) return Status();
  // X is not known yet; its input size is W's.
  const StatusOr<RecurrentShape> planned = PlanShape(state, Dims{1, 1, w->dims()[2]}, w->dims(), r->dims());
  if (!planned.ok()) return planned.status();
  const RecurrentShape& s = *planned;
  state.w_dims = w->dims();
  state.r_dims = r->dims();
  const int64_t each = kernels::PackedRecurrentSize(s);
  state.packed = AlignedBuffer<float>(each * s.directions);
  if (!state.packed) return Resource("no memory to pack recurrent weights");
  for (int64_t d = 0; d < s.directions; ++d)
    kernels::PackRecurrentWeights(s, w->data<float>().data() + d * s.gates() * s.input, r->data<float>().data() + d * s.gates() * s.hidden,
                                  state.packed.data() + d * each, node.thread_pool());
  node.ReleaseConstant(kW);
  node.ReleaseConstant(kR);
  return Status();
}

const TensorView* Optional(const KernelContext& context, size_t i) {
  return i < context.num_inputs() && context.has_input(i) ? &context.input(i) : nullptr;
}

// The optional input's data after checking its dims, or null.
template <class T>
StatusOr<const T*> ReadInput(const KernelContext& context, size_t i, std::string_view name, const Dims& expected) {
  const TensorView* input = Optional(context, i);
  if (!input) return static_cast<const T*>(nullptr);
  if (input->dtype != DataTypeOf<T>::value || !(input->dims == expected))
    return Invalid(fmt::format("{} {} must be {}{}", name, input->TypeString(), DataTypeName(DataTypeOf<T>::value), expected.ToString()));
  return input->ptr<T>();
}

Status CheckLengths(const int32_t* lengths, const RecurrentShape& s) {
  if (!lengths) return Status();
  for (int64_t b = 0; b < s.batch; ++b)
    if (lengths[b] < 0 || lengths[b] > s.steps)
      return Invalid(fmt::format("sequence_lens holds {}, beyond the {} steps of X", lengths[b], s.steps));
  return Status();
}

// Weights of every direction; for float they are packed into `packing` unless that was done at load.
template <class T>
void SetWeights(const KernelContext& context, const State& state, RecurrentArguments<T>& a, const T* bias, const T* peephole, T* packing,
                ThreadPool& pool) {
  const RecurrentShape& s = a.shape;
  for (int64_t d = 0; d < s.directions; ++d) {
    kernels::RecurrentWeights<T>& weights = a.weights[static_cast<size_t>(d)];
    if constexpr (std::is_same_v<T, float>) {
      const int64_t offset = d * kernels::PackedRecurrentSize(s);
      if (state.packed) {
        weights = kernels::PackedRecurrentParts(s, state.packed.data() + offset);
      } else {
        weights = kernels::PackRecurrentWeights(s, context.input(kW).ptr<T>() + d * s.gates() * s.input,
                                                context.input(kR).ptr<T>() + d * s.gates() * s.hidden, packing + offset, pool);
      }
    } else {
      weights = kernels::RecurrentParts(s, context.input(kW).ptr<T>() + d * s.gates() * s.input,
                                        context.input(kR).ptr<T>() + d * s.gates() * s.hidden);
    }
    weights.bias = bias ? bias + d * 2 * s.gates() : nullptr;
    weights.peephole = peephole ? peephole + d * 3 * s.hidden : nullptr;
  }
}

template <class T>
Status Run(KernelContext& context, const State& state) {
  RecurrentArguments<T> a;
  const TensorView& x = context.input(kX);
  if (!state.packed && (context.input(kW).dtype != x.dtype || context.input(kR).dtype != x.dtype))
    return Invalid("X, W and R differ in element type");
  ASSIGN_OR_RETURN(a.shape, PlanShape(state, x.dims, state.packed ? state.w_dims : context.input(kW).dims,
                                      state.packed ? state.r_dims : context.input(kR).dims));
  const RecurrentShape& s = a.shape;
  const bool lstm = s.kind == CellKind::kLstm;
  const Dims state_dims = s.batch_first ? Dims{s.batch, s.directions, s.hidden} : Dims{s.directions, s.batch, s.hidden};
  a.options = state.options;
  a.x = x.ptr<T>();
  ASSIGN_OR_RETURN(const T* bias, ReadInput<T>(context, kB, "B", Dims{s.directions, 2 * s.gates()}));
  ASSIGN_OR_RETURN(a.lengths, ReadInput<int32_t>(context, kLengths, "sequence_lens", Dims{s.batch}));
  RETURN_IF_ERROR(CheckLengths(a.lengths, s));
  ASSIGN_OR_RETURN(a.initial_h, ReadInput<T>(context, kInitialH, "initial_h", state_dims));
  const T* peephole = nullptr;
  if (lstm) {
    ASSIGN_OR_RETURN(a.initial_c, ReadInput<T>(context, kInitialC, "initial_c", state_dims));
    ASSIGN_OR_RETURN(peephole, ReadInput<T>(context, kPeephole, "P", Dims{s.directions, 3 * s.hidden}));
  }
  const auto output = [&](size_t i, const Dims& dims) -> StatusOr<T*> {
    if (i >= context.num_outputs() || !context.has_output(i)) return static_cast<T*>(nullptr);
    ASSIGN_OR_RETURN(TensorView view, context.Output(i, DataTypeOf<T>::value, dims));
    return view.mutable_ptr<T>();
  };
  ASSIGN_OR_RETURN(
      a.y, output(0, s.batch_first ? Dims{s.batch, s.steps, s.directions, s.hidden} : Dims{s.steps, s.directions, s.batch, s.hidden}));
  ASSIGN_OR_RETURN(a.y_h, output(1, state_dims));
  if (lstm) {
    ASSIGN_OR_RETURN(a.y_c, output(2, state_dims));
  }
  WorkspacePlan plan;
  const size_t scratch = plan.Add(kernels::RecurrentWorkspace<T>(s));
  const bool pack = std::is_same_v<T, float> && !state.packed;
  const size_t packing = plan.AddArray<T>(pack ? s.directions * kernels::PackedRecurrentSize(s) : 0);
  ASSIGN_OR_RETURN(char* workspace, plan.Allocate(context));
  SetWeights<T>(context, state, a, bias, peephole, reinterpret_cast<T*>(workspace + packing), context.thread_pool());
  kernels::RunRecurrent(a, workspace + scratch, context.thread_pool());
  return Status();
}

StatusOr<State> ReadState(const NodeInfo& node, CellKind kind) {
  State state;
  state.shape.kind = kind;
  const std::string direction = node.GetString("direction", "forward");
  if (direction == "bidirectional")
    state.shape.directions = 2;
  else if (direction == "reverse")
    state.shape.reverse_first = true;
  else if (direction != "forward" && direction != "foward")
    return Invalid(fmt::format("direction '{}' is none of forward, reverse, bidirectional", direction));  // GRU-1's default is misspelt
  state.shape.batch_first = node.GetInt("layout") != 0;
  state.options.clip = node.GetFloat("clip");
  state.options.linear_before_reset = node.GetInt("linear_before_reset") != 0;
  state.options.input_forget = node.GetInt("input_forget") != 0;
  state.hidden_size = node.GetInt("hidden_size");
  RETURN_IF_ERROR(ReadActivations(node, kind, state.shape.directions, state.options));
  return state;
}

template <CellKind kind>
StatusOr<std::unique_ptr<Kernel>> Create(const NodeInfo& node) {
  ASSIGN_OR_RETURN(State state, ReadState(node, kind));
  RETURN_IF_ERROR(PackWeights(node, node.constant(kW), node.constant(kR), state));
  return MakeKernel([state = std::move(state)](KernelContext& context) -> Status {
    return Dispatch<float, double>(context.input(kX).dtype, "a recurrent cell", [&]<class T>() { return Run<T>(context, state); });
  });
}

// 8-bit weights [directions, k, gates] as float [directions, gates, k]. Inputs `scale` and scale + 1 (zero points) hold one
// number a direction, or one a column.
StatusOr<Tensor> DequantizeWeights(const NodeInfo& node, size_t input, size_t scale) {
  const Tensor *codes = node.constant(input), *scales = node.constant(scale), *zeros = node.constant(scale + 1);
  if (!codes || !scales || !zeros) return Unsupported("quantized weights that are not constant");
  const Dims& dims = codes->dims();
  if (dims.rank() != 3 || scales->dtype() != DataType::kFloat || zeros->dtype() != codes->dtype() ||
      (codes->dtype() != DataType::kInt8 && codes->dtype() != DataType::kUint8))
    return Invalid(fmt::format("input {} {} is no quantized weight", input, codes->TypeString()));
  const int64_t directions = dims[0], k = dims[1], gates = dims[2], count = scales->num_elements();
  if ((count != directions && count != directions * gates) || zeros->num_elements() != count)
    return Invalid(fmt::format("the scale {} of input {} must have {} or {} elements", scales->dims().ToString(), input, directions,
                               directions * gates));
  ASSIGN_OR_RETURN(Tensor weights, Tensor::Allocate(DataType::kFloat, Dims{directions, gates, k}));
  const bool is_signed = codes->dtype() == DataType::kInt8;
  const auto* from = static_cast<const uint8_t*>(codes->raw_data());
  const auto* zero = static_cast<const uint8_t*>(zeros->raw_data());
  const auto value = [&](uint8_t code) { return is_signed ? static_cast<int>(static_cast<int8_t>(code)) : static_cast<int>(code); };
  float* out = static_cast<float*>(weights.mutable_raw_data());
  for (int64_t d = 0; d < directions; ++d)
    for (int64_t g = 0; g < gates; ++g) {
      const int64_t at = count == directions ? d : d * gates + g;
      const float factor = scales->data<float>()[static_cast<size_t>(at)];
      for (int64_t i = 0; i < k; ++i) *out++ = factor * static_cast<float>(value(from[(d * k + i) * gates + g]) - value(zero[at]));
    }
  return weights;
}

// com.microsoft: the LSTM whose weights are 8-bit integers and whose inputs and states are quantized as they come.
StatusOr<std::unique_ptr<Kernel>> CreateDynamicQuantizeLstm(const NodeInfo& node) {
  ASSIGN_OR_RETURN(State state, ReadState(node, CellKind::kLstm));
  state.shape.quantized = true;
  ASSIGN_OR_RETURN(const Tensor w, DequantizeWeights(node, kW, 8));
  ASSIGN_OR_RETURN(const Tensor r, DequantizeWeights(node, kR, 10));
  RETURN_IF_ERROR(PackWeights(node, &w, &r, state));
  return MakeKernel([state = std::move(state)](KernelContext& context) -> Status {
    if (context.input(kX).dtype != DataType::kFloat)
      return Unsupported(fmt::format("DynamicQuantizeLSTM on {}", context.input(kX).TypeString()));
    return Run<float>(context, state);
  });
}

constexpr KernelEntry kRows[] = {
    {"", "RNN", "products", AcceptsAll, Widened<Create<CellKind::kRnn>>},
    {"", "GRU", "products", AcceptsAll, Widened<Create<CellKind::kGru>>},
    {"", "LSTM", "products", AcceptsAll, Widened<Create<CellKind::kLstm>>},
    {"com.microsoft", "DynamicQuantizeLSTM", "products", AcceptsAll, CreateDynamicQuantizeLstm},
};

}  // namespace

std::span<const KernelEntry> RecurrentKernels() { return kRows; }

}  // namespace sardonyx::cpu
