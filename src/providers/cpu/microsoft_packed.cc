// Operators of com.microsoft over sequences of different lengths that lie one after another and keep a state from call to
// call: VarlenCausalConvWithState, GatedDeltaNet.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "providers/cpu/bind.h"
#include "providers/cpu/microsoft.h"
#include "providers/cpu/workspace.h"

namespace sardonyx::cpu {
namespace {

bool Has(const KernelContext& context, size_t i) { return i < context.num_inputs() && context.has_input(i); }
bool HasOutput(const KernelContext& context, size_t i) { return i < context.num_outputs() && context.has_output(i); }

float Sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

// Input i as floats, after checking its dims. Null when omitted.
StatusOr<const float*> Floats(const KernelContext& context, size_t i, const Dims& dims) {
  if (!Has(context, i)) return static_cast<const float*>(nullptr);
  const TensorView& x = context.input(i);
  if (x.dtype != DataType::kFloat || !(x.dims == dims))
    return Invalid(fmt::format("input {} is {}; float{} is needed", i, x.TypeString(), dims.ToString()));
  return x.ptr<float>();
}

// How many of a sequence's first tokens are to be told of.
StatusOr<std::vector<int64_t>> ReadCaptures(const KernelContext& context, size_t i, const std::vector<int64_t>& starts, int64_t capacity) {
  const auto batch = static_cast<int64_t>(starts.size()) - 1;
  std::vector<int64_t> counts(static_cast<size_t>(batch), 0);
  if (!Has(context, i)) return counts;
  const TensorView& x = context.input(i);
  if (x.dtype != DataType::kInt32 || !(x.dims == Dims{batch}))
    return Invalid(fmt::format("capture_count {} must be int32[{}]", x.TypeString(), batch));
  for (size_t b = 0; b < counts.size(); ++b)
    counts[b] = std::clamp<int64_t>(x.ptr<int32_t>()[b], 0, std::min(capacity, starts[b + 1] - starts[b]));
  return counts;
}

Status CheckCapacity(const NodeInfo& node, int64_t capacity, size_t counts) {
  if (capacity < 0 || capacity > 8) return Invalid(fmt::format("state_update_capacity is {}, not 0 to 8", capacity));
  if ((capacity > 0) != node.has_input(counts)) return Invalid("capture_count is needed exactly when state_update_capacity is positive");
  return {};
}

// ---- VarlenCausalConvWithState: input [tokens, channels], weight [channels, 1, k].

struct ConvState {
  int64_t dilation = 1, captures = 0;
  bool silu = false;
};

Status RunVarlenConv(KernelContext& context, const ConvState& state) {
  const TensorView &x = context.input(0), &weight = context.input(1);
  if (x.dtype != DataType::kFloat || weight.dtype != DataType::kFloat || x.rank() != 2 || weight.rank() != 3 || weight.dims[1] != 1 ||
      weight.dims[2] < 1 || weight.dims[0] != x.dims[1])
    return Invalid(fmt::format("weight {} does not fit input {}", weight.TypeString(), x.TypeString()));
  const int64_t tokens = x.dims[0], channels = x.dims[1], taps = weight.dims[2];
  ASSIGN_OR_RETURN(const std::vector<int64_t> starts, ReadSequenceStarts(context, 2, tokens));
  const auto batch = static_cast<int64_t>(starts.size()) - 1;
  if (state.dilation > (int64_t{1} << 31) / taps) return Invalid(fmt::format("dilation {} of {} taps", state.dilation, taps));
  const int64_t before = (taps - 1) * state.dilation;
  const Dims state_dims{batch, channels, before};
  ASSIGN_OR_RETURN(const float* bias, Floats(context, 3, Dims{channels}));
  ASSIGN_OR_RETURN(const float* initial, Floats(context, 4, state_dims));
  if (!initial) return Invalid("initial_state is missing");
  ASSIGN_OR_RETURN(const std::vector<int64_t> captures, ReadCaptures(context, 5, starts, state.captures));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, x.dims));
  ASSIGN_OR_RETURN(TensorView last, context.Output(1, x.dtype, state_dims));
  // What lies `at` tokens behind the sequence's start; before it, the state.
  const auto value = [&](int64_t b, int64_t c, int64_t at) {
    return at >= 0 ? x.ptr<float>()[(starts[static_cast<size_t>(b)] + at) * channels + c]
                   : initial[(b * channels + c) * before + before + at];
  };
  context.ParallelFor(batch * channels, static_cast<double>(tokens * taps), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t b = i / channels, c = i % channels, from = starts[static_cast<size_t>(b)];
      const int64_t length = starts[static_cast<size_t>(b) + 1] - from;
      for (int64_t t = 0; t < length; ++t) {
        float sum = bias ? bias[c] : 0;
        for (int64_t k = 0; k < taps; ++k) sum += weight.ptr<float>()[c * taps + k] * value(b, c, t - (taps - 1 - k) * state.dilation);
        y.mutable_ptr<float>()[(from + t) * channels + c] = state.silu ? sum * Sigmoid(sum) : sum;
      }
      for (int64_t k = 0; k < before; ++k) last.mutable_ptr<float>()[i * before + k] = value(b, c, length - before + k);
    }
  });
  if (!HasOutput(context, 2)) return {};
  ASSIGN_OR_RETURN(TensorView updates, context.Output(2, x.dtype, Dims{batch, state.captures, channels}));
  std::fill_n(updates.mutable_ptr<float>(), updates.num_elements(), 0.0f);
  for (int64_t b = 0; b < batch; ++b)
    std::copy_n(x.ptr<float>() + starts[static_cast<size_t>(b)] * channels, captures[static_cast<size_t>(b)] * channels,
                updates.mutable_ptr<float>() + b * state.captures * channels);
  return {};
}

// ---- GatedDeltaNet: S = exp(g) S + k (beta (v - exp(g) S' k))', o = scale S' q, with S [key size, value size] a head.

enum DeltaInput : size_t { kQuery, kKey, kValue, kStarts, kDecay, kBeta, kInitial, kALog, kBias, kCaptures, kActive };
enum class Gate : uint8_t { kNone, kSoftplus, kSigmoid };

struct DeltaState {
  bool decays = true, corrects = true, normalize = false, beta_sigmoid = false;
  Gate gate = Gate::kNone;
  float scale = 0, gate_lower_bound = -5;
  int64_t captures = 0;
};

// Sizes and data of one call; tokens lie in rows, q, k and v at their own distances.
struct DeltaArguments {
  int64_t tokens = 0, batch = 0, q_heads = 0, v_heads = 0, key_size = 0, value_size = 0;
  int64_t decay_size = 1, bias_size = 1;
  bool batched = false;  // [batch, length, ...] instead of [tokens, ...]
  const float *q = nullptr, *k = nullptr, *v = nullptr;
  int64_t q_row = 0, k_row = 0, v_row = 0;
  const float *decay = nullptr, *beta = nullptr, *initial = nullptr, *a_log = nullptr, *bias = nullptr;
  std::vector<int64_t> starts, captures;
  float *y = nullptr, *last = nullptr, *updates = nullptr;
  int64_t update_row(const DeltaState& s) const { return s.captures * (v_heads * decay_size + q_heads * key_size + v_heads * value_size); }
};

StatusOr<Dims> WithoutBatch(const TensorView& x, size_t rank, int64_t* batch) {
  Dims dims = x.dims;
  if (dims.rank() == rank + 1) {
    *batch = dims[0];
    Dims joined{dims[0] * dims[1]};
    for (size_t i = 2; i < dims.rank(); ++i) joined.push_back(dims[i]);
    dims = joined;
  }
  if (dims.rank() != rank) return Invalid(fmt::format("{} has not rank {}", x.TypeString(), rank));
  return dims;
}

// Query, key and value, apart or packed in one.
Status ReadQkv(const KernelContext& context, DeltaArguments& a) {
  const TensorView& query = context.input(kQuery);
  for (size_t i : {kQuery, kKey, kValue})
    if (Has(context, i) && context.input(i).dtype != DataType::kFloat)
      return Unsupported(fmt::format("GatedDeltaNet on {}", context.input(i).TypeString()));
  if (Has(context, kInitial)) {
    const Dims& dims = context.input(kInitial).dims;  // V-major
    if (dims.rank() != 4) return Invalid(fmt::format("initial_state {} must have rank 4", dims.ToString()));
    a.batch = dims[0], a.v_heads = dims[1], a.value_size = dims[2], a.key_size = dims[3];
  }
  a.q = query.ptr<float>();
  int64_t batch = -1;
  if (Has(context, kKey) != Has(context, kValue)) return Invalid("key and value belong together");
  if (!Has(context, kKey)) {
    if (!Has(context, kInitial)) return Invalid("packed query, key and value need initial_state");
    ASSIGN_OR_RETURN(const Dims q, WithoutBatch(query, 2, &batch));
    const int64_t rest = q[1] - a.v_heads * a.value_size;
    if (a.key_size < 1 || rest < 0 || rest % (2 * a.key_size) != 0)
      return Invalid(fmt::format("query {} does not fit the state", query.dims.ToString()));
    a.tokens = q[0], a.q_heads = rest / (2 * a.key_size);
    a.q_row = a.k_row = a.v_row = q[1];
    a.k = a.q + a.q_heads * a.key_size;
    a.v = a.k + a.q_heads * a.key_size;
  } else {
    ASSIGN_OR_RETURN(const Dims q, WithoutBatch(query, 3, &batch));
    ASSIGN_OR_RETURN(const Dims k, WithoutBatch(context.input(kKey), 3, &batch));
    ASSIGN_OR_RETURN(const Dims v, WithoutBatch(context.input(kValue), 3, &batch));
    if (!(q == k) || v[0] != q[0] || (Has(context, kInitial) && (a.key_size != q[2] || a.v_heads != v[1] || a.value_size != v[2])))
      return Invalid(fmt::format("query {}, key {}, value {} and the state do not fit", q.ToString(), k.ToString(), v.ToString()));
    a.tokens = q[0], a.q_heads = q[1], a.key_size = q[2], a.v_heads = v[1], a.value_size = v[2];
    a.q_row = a.k_row = a.q_heads * a.key_size;
    a.v_row = a.v_heads * a.value_size;
    a.k = context.input(kKey).ptr<float>();
    a.v = context.input(kValue).ptr<float>();
  }
  a.batched = batch >= 0;
  if (a.q_heads < 1 || a.v_heads % a.q_heads != 0)
    return Invalid(fmt::format("{} heads of values for {} of queries", a.v_heads, a.q_heads));
  if (a.batched && !Has(context, kInitial)) a.batch = batch;
  return {};
}

Status ReadSequences(const KernelContext& context, DeltaArguments& a) {
  if (Has(context, kStarts)) {
    ASSIGN_OR_RETURN(a.starts, ReadSequenceStarts(context, kStarts, a.tokens));
    const auto batch = static_cast<int64_t>(a.starts.size()) - 1;
    if (Has(context, kInitial) && a.batch != batch) return Invalid(fmt::format("a state of {} for {} sequences", a.batch, batch));
    a.batch = batch;
    return {};
  }
  if (a.batch < 1 || a.tokens % a.batch != 0) return Invalid(fmt::format("{} tokens are not {} sequences alike", a.tokens, a.batch));
  for (int64_t b = 0; b <= a.batch; ++b) a.starts.push_back(b * (a.tokens / a.batch));
  return {};
}

Status ReadGates(const KernelContext& context, const DeltaState& state, DeltaArguments& a) {
  if (state.decays != Has(context, kDecay) || state.corrects != Has(context, kBeta))
    return Invalid("update_rule says which of decay and beta are needed");
  int64_t batch = 0;
  if (state.decays) {
    const TensorView& decay = context.input(kDecay);
    a.decay_size = decay.rank() == (a.batched ? 4u : 3u) ? a.key_size : 1;
    if (decay.dtype != DataType::kFloat || decay.num_elements() != a.tokens * a.v_heads * a.decay_size)
      return Invalid(fmt::format("decay {} does not fit {} tokens of {} heads", decay.TypeString(), a.tokens, a.v_heads));
    a.decay = decay.ptr<float>();
  }
  if (state.corrects) {
    ASSIGN_OR_RETURN(const Dims dims, WithoutBatch(context.input(kBeta), 2, &batch));
    if (context.input(kBeta).dtype != DataType::kFloat || !(dims == Dims{a.tokens, a.v_heads}))
      return Invalid(fmt::format("beta {} must be [{}, {}]", context.input(kBeta).TypeString(), a.tokens, a.v_heads));
    a.beta = context.input(kBeta).ptr<float>();
  }
  if (state.gate == Gate::kNone) return {};
  ASSIGN_OR_RETURN(a.a_log, Floats(context, kALog, Dims{a.v_heads}));
  if (!a.a_log || !Has(context, kBias)) return Invalid("gate_activation needs a_log and dt_bias");
  const TensorView& bias = context.input(kBias);
  a.bias_size = bias.num_elements() == a.v_heads ? 1 : a.key_size;
  if (bias.dtype != DataType::kFloat || bias.num_elements() != a.v_heads * a.bias_size)
    return Invalid(fmt::format("dt_bias {} does not fit {} heads", bias.TypeString(), a.v_heads));
  a.bias = bias.ptr<float>();
  return {};
}

// exp(g) of key element i.
float DecayFactor(const DeltaState& state, const DeltaArguments& a, int64_t token, int64_t head, int64_t i) {
  if (!state.decays) return 1;
  const float raw = a.decay[(token * a.v_heads + head) * a.decay_size + (a.decay_size == 1 ? 0 : i)];
  if (state.gate == Gate::kNone) return std::exp(raw);
  const float x = raw + a.bias[head * a.bias_size + (a.bias_size == 1 ? 0 : i)], rate = std::exp(a.a_log[head]);
  if (state.gate == Gate::kSigmoid) return std::exp(state.gate_lower_bound * Sigmoid(rate * x));
  const float softplus = x > 20 ? x : std::log1p(std::exp(x));
  return std::exp(-rate * softplus);
}

void CopyNormalized(const DeltaState& state, const float* from, int64_t count, float* to) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += static_cast<double>(from[i]) * static_cast<double>(from[i]);
  const float factor = state.normalize ? static_cast<float>(1 / std::sqrt(sum + 1e-6)) : 1;
  for (int64_t i = 0; i < count; ++i) to[i] = from[i] * factor;
}

// One head of one sequence. `last` [value size, key size] holds the state; scratch: 3 * key size + value size.
void RunHead(const DeltaState& state, const DeltaArguments& a, int64_t b, int64_t head, float* scratch) {
  const int64_t n = a.key_size, m = a.value_size, q_head = head / (a.v_heads / a.q_heads);
  float *q = scratch, *k = q + n, *decay = k + n, *delta = decay + n;
  float* s = a.last + (b * a.v_heads + head) * m * n;
  const float scale = state.scale != 0 ? state.scale : static_cast<float>(1 / std::sqrt(static_cast<double>(n)));
  for (int64_t t = a.starts[static_cast<size_t>(b)]; t < a.starts[static_cast<size_t>(b) + 1]; ++t) {
    CopyNormalized(state, a.q + t * a.q_row + q_head * n, n, q);
    CopyNormalized(state, a.k + t * a.k_row + q_head * n, n, k);
    const float* v = a.v + t * a.v_row + head * m;
    float beta = a.beta ? a.beta[t * a.v_heads + head] : 1;
    if (a.beta && state.beta_sigmoid) beta = Sigmoid(beta);
    for (int64_t i = 0; i < n; ++i) decay[i] = DecayFactor(state, a, t, head, i);
    for (int64_t j = 0; j < m; ++j) {
      float* row = s + j * n;
      float known = 0, shown = 0;
      for (int64_t i = 0; i < n; ++i) known += (row[i] *= decay[i]) * k[i];
      delta[j] = state.corrects ? beta * (v[j] - known) : v[j];
      for (int64_t i = 0; i < n; ++i) shown += (row[i] += k[i] * delta[j]) * q[i];
      a.y[(t * a.v_heads + head) * m + j] = scale * shown;
    }
    const int64_t place = t - a.starts[static_cast<size_t>(b)];
    if (!a.updates || place >= a.captures[static_cast<size_t>(b)]) continue;
    // All decays of a transition, then its keys, then its deltas.
    const int64_t widths = a.v_heads * a.decay_size + a.q_heads * n + a.v_heads * m;
    float* out = a.updates + b * a.update_row(state) + place * widths;
    std::copy_n(decay, a.decay_size, out + head * a.decay_size);
    std::copy_n(k, n, out + a.v_heads * a.decay_size + q_head * n);
    std::copy_n(delta, m, out + a.v_heads * a.decay_size + a.q_heads * n + head * m);
  }
}

Status RunGatedDeltaNet(KernelContext& context, const DeltaState& state) {
  DeltaArguments a;
  RETURN_IF_ERROR(ReadQkv(context, a));
  RETURN_IF_ERROR(ReadSequences(context, a));
  RETURN_IF_ERROR(ReadGates(context, state, a));
  const Dims state_dims{a.batch, a.v_heads, a.value_size, a.key_size};
  ASSIGN_OR_RETURN(a.initial, Floats(context, kInitial, state_dims));
  ASSIGN_OR_RETURN(a.captures, ReadCaptures(context, kCaptures, a.starts, state.captures));
  if (Has(context, kActive) && context.input(kActive).dtype == DataType::kInt32 && context.input(kActive).num_elements() == 1 &&
      context.input(kActive).ptr<int32_t>()[0] == 0)
    std::fill(a.captures.begin(), a.captures.end(), 0);
  const Dims& query = context.input(kQuery).dims;
  const Dims output = a.batched ? Dims{query[0], query[1], a.v_heads, a.value_size} : Dims{a.tokens, a.v_heads, a.value_size};
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, output));
  ASSIGN_OR_RETURN(TensorView last, context.Output(1, DataType::kFloat, state_dims));
  a.y = y.mutable_ptr<float>();
  a.last = last.mutable_ptr<float>();
  if (HasOutput(context, 2)) {
    ASSIGN_OR_RETURN(TensorView updates, context.Output(2, DataType::kFloat, Dims{a.batch, a.update_row(state)}));
    std::fill_n(updates.mutable_ptr<float>(), updates.num_elements(), 0.0f);
    a.updates = updates.mutable_ptr<float>();
  }
  const int64_t each = 3 * a.key_size + a.value_size, heads = a.batch * a.v_heads;
  WorkspacePlan plan;
  const size_t scratch = plan.AddArray<float>(heads * each);
  ASSIGN_OR_RETURN(char* workspace, plan.Allocate(context));
  if (a.initial)
    std::copy_n(a.initial, state_dims.num_elements(), a.last);
  else
    std::fill_n(a.last, state_dims.num_elements(), 0.0f);
  context.ParallelFor(heads, 2 * static_cast<double>(a.tokens * a.key_size * a.value_size), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      RunHead(state, a, i / a.v_heads, i % a.v_heads, reinterpret_cast<float*>(workspace + scratch) + i * each);
  });
  return {};
}

}  // namespace

StatusOr<std::vector<int64_t>> ReadSequenceStarts(const KernelContext& context, size_t i, int64_t total) {
  const TensorView& x = context.input(i);
  if (x.dtype != DataType::kInt32 || x.rank() != 1 || x.dims[0] < 2)
    return Invalid(fmt::format("input {} {} must be int32 [batch + 1]", i, x.TypeString()));
  std::vector<int64_t> starts;
  for (int32_t start : x.as<int32_t>()) {
    if (start < (starts.empty() ? 0 : starts.back()) || start > total)
      return Invalid(fmt::format("input {} holds {}, which is no place among {} tokens in order", i, start, total));
    starts.push_back(start);
  }
  if (starts.front() != 0 || starts.back() != total)
    return Invalid(fmt::format("input {} goes from {} to {}, not from 0 to {}", i, starts.front(), starts.back(), total));
  return starts;
}

StatusOr<std::unique_ptr<Kernel>> CreateVarlenCausalConv(const NodeInfo& node) {
  ConvState state;
  state.dilation = node.GetInt("dilation", 1);
  state.captures = node.GetInt("state_update_capacity");
  const std::string activation = node.GetString("activation", "none");
  if (activation != "none" && activation != "silu" && activation != "swish") return Invalid(fmt::format("activation '{}'", activation));
  state.silu = activation != "none";
  if (state.dilation < 1) return Invalid(fmt::format("dilation {}", state.dilation));
  RETURN_IF_ERROR(CheckCapacity(node, state.captures, 5));
  if (node.has_input(6) || node.has_input(7)) return Unsupported("VarlenCausalConvWithState with kernel_delta, as only GPUs compute it");
  return MakeKernel([state](KernelContext& context) { return RunVarlenConv(context, state); });
}

StatusOr<std::unique_ptr<Kernel>> CreateGatedDeltaNet(const NodeInfo& node) {
  DeltaState state;
  const std::string rule = node.GetString("update_rule", "gated_delta"), gate = node.GetString("gate_activation", "none");
  const std::string beta = node.GetString("beta_activation", "none");
  if (rule != "linear" && rule != "gated" && rule != "delta" && rule != "gated_delta")
    return Invalid(fmt::format("update_rule '{}' is none of linear, gated, delta, gated_delta", rule));
  state.decays = rule == "gated" || rule == "gated_delta";
  state.corrects = rule == "delta" || rule == "gated_delta";
  if (gate == "softplus" || gate == "qwen")
    state.gate = Gate::kSoftplus;
  else if (gate == "sigmoid" || gate == "kda")
    state.gate = Gate::kSigmoid;
  else if (gate != "none")
    return Invalid(fmt::format("gate_activation '{}' is none of none, softplus, sigmoid", gate));
  if (beta != "none" && beta != "sigmoid") return Invalid(fmt::format("beta_activation '{}'", beta));
  state.beta_sigmoid = beta == "sigmoid";
  state.normalize = node.GetInt("qk_l2_norm") != 0;
  state.scale = node.GetFloat("scale", 0);
  state.gate_lower_bound = node.GetFloat("gate_lower_bound", -5);
  state.captures = node.GetInt("state_update_capacity");
  RETURN_IF_ERROR(CheckCapacity(node, state.captures, kCaptures));
  return MakeKernel([state](KernelContext& context) { return RunGatedDeltaNet(context, state); });
}

}  // namespace sardonyx::cpu
