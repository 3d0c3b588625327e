// Attention and MultiHeadAttention of com.microsoft, as transformer optimizers write them.
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "kernels/gemm/matmul.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/matrix.h"
#include "providers/cpu/matrix_attention.h"
#include "providers/cpu/workspace.h"

namespace sardonyx::cpu {
namespace {

using kernels::AttentionArguments;
using kernels::HeadsOutermost;
using kernels::HeadsView;
using kernels::PositionsOutermost;

bool Has(const KernelContext& context, size_t i) { return i < context.num_inputs() && context.has_input(i); }
bool Wants(const KernelContext& context, size_t i) { return i < context.num_outputs() && context.has_output(i); }

struct State {
  int64_t heads = 0;
  bool causal = false;
  float scale = 0;  // 0: by the head's size
  float filter = -10000;
};

Status CheckFloat(const KernelContext& context, std::initializer_list<size_t> inputs) {
  for (size_t i : inputs)
    if (Has(context, i) && context.input(i).dtype != DataType::kFloat) return Unsupported(fmt::format("attention on {}", context.input(i).TypeString()));
  return Status();
}

// ---- masks: padding and bias become one additive mask [batch or 1, heads or 1, queries or 1, keys]

// Reads the padding mask's forms: lengths [B] (or 3B+2, lengths first), ends and starts [2B], [B, T], [B, S, T].
Status AddPadding(const TensorView& mask, float filter, int64_t batch, int64_t queries, int64_t keys, float* out) {
  if (mask.dtype != DataType::kInt32) return Unsupported(fmt::format("a padding mask {}", mask.TypeString()));
  const int32_t* m = mask.ptr<int32_t>();
  const int64_t count = mask.num_elements();
  const bool lengths = mask.rank() == 1 && (count == batch || count == 2 * batch || count == 3 * batch + 2);
  if (!lengths && !(mask.dims == Dims{batch, keys}) && !(mask.dims == Dims{batch, queries, keys}))
    return Unsupported(fmt::format("a padding mask {} for {} queries and {} keys", mask.TypeString(), queries, keys));
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t i = 0; i < queries; ++i)
      for (int64_t j = 0; j < keys; ++j) {
        bool hidden = false;
        if (lengths) hidden = j >= m[b] || (count == 2 * batch && batch != 0 && j < m[batch + b]);
        else hidden = m[mask.rank() == 2 ? b * keys + j : (b * queries + i) * keys + j] == 0;
        if (hidden) out[(b * queries + i) * keys + j] += filter;
      }
  return Status();
}

// The bias [1 or B, 1 or N, S, T] is used as it is when there is no padding mask, else copied under it.
Status SetMask(const TensorView* padding, const TensorView* bias, float filter, AttentionArguments<float>& a, float* scratch) {
  if (bias) {
    const Dims& d = bias->dims;
    if (d.rank() != 4 || (d[0] != 1 && d[0] != a.batch) || (d[1] != 1 && d[1] != a.q_heads) || d[2] != a.queries || d[3] != a.keys)
      return Invalid(fmt::format("attention_bias {} does not fit {} heads, {} queries and {} keys", d.ToString(), a.q_heads, a.queries, a.keys));
  }
  if (!padding && !bias) return Status();
  a.mask_keys = a.keys;
  const int64_t matrix = a.queries * a.keys;
  const int64_t bias_batch = bias && bias->dims[0] != 1 ? bias->dims[1] * matrix : 0, bias_head = bias && bias->dims[1] != 1 ? matrix : 0;
  if (!padding) {
    a.mask = bias->ptr<float>();
    const int64_t strides[4] = {bias_batch, bias_head, a.keys, 1};
    std::copy_n(strides, 4, a.mask_strides);
    return Status();
  }
  std::fill_n(scratch, a.batch * matrix, 0.0f);
  RETURN_IF_ERROR(AddPadding(*padding, filter, a.batch, a.queries, a.keys, scratch));
  const bool by_head = bias_head != 0;
  const int64_t heads = by_head ? a.q_heads : 1;
  // Expanded to every head from the last image on, so that no row is overwritten before it is read.
  for (int64_t b = a.batch; bias && b-- > 0;)
    for (int64_t h = heads; h-- > 0;)
      for (int64_t i = matrix; i-- > 0;) scratch[(b * heads + h) * matrix + i] = scratch[b * matrix + i] + bias->ptr<float>()[b * bias_batch + h * bias_head + i];
  a.mask = scratch;
  const int64_t strides[4] = {(bias ? heads : 1) * matrix, bias && by_head ? matrix : 0, a.keys, 1};
  std::copy_n(strides, 4, a.mask_strides);
  return Status();
}

size_t MaskElements(const TensorView* padding, const TensorView* bias, const AttentionArguments<float>& a) {
  if (!padding) return 0;
  return static_cast<size_t>(a.batch * (bias && bias->rank() == 4 && bias->dims[1] != 1 ? a.q_heads : 1) * a.queries * a.keys);
}

float ScaleOf(const State& state, int64_t size) { return state.scale != 0 ? state.scale : static_cast<float>(1 / std::sqrt(static_cast<double>(std::max<int64_t>(1, size)))); }

// [batch, heads, past + positions, size] from the past and new heads.
void AppendHeads(int64_t batch, int64_t heads, int64_t past, const float* old, int64_t positions, const HeadsView<const float>& fresh, int64_t size, float* out) {
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t h = 0; h < heads; ++h) {
      if (past > 0) out = std::copy_n(old + (b * heads + h) * past * size, past * size, out);
      for (int64_t p = 0; p < positions; ++p) out = std::copy_n(fresh.At(b, h, p), size, out);
    }
}

// ---- Attention: one product makes Q, K and V of the input.

struct FusedState : State {
  std::vector<int64_t> hidden;  // of Q, K, V; empty: equal thirds
  PackedOperand weights;
};

struct FusedShape {
  int64_t batch, queries, q_hidden, v_hidden, past;
};
StatusOr<FusedShape> PlanFused(const KernelContext& context, const FusedState& state) {
  const Dims& x = context.input(0).dims;
  const Dims& w = state.weights.present() ? state.weights.dims : context.input(1).dims;
  if (x.rank() != 3 || w.rank() != 2 || w[0] != x[2]) return Invalid(fmt::format("input {} and weights {} do not fit", x.ToString(), w.ToString()));
  FusedShape s{x[0], x[1], w[1] / 3, w[1] / 3, 0};
  if (!state.hidden.empty()) {
    if (state.hidden.size() != 3 || state.hidden[0] != state.hidden[1]) return Invalid("qkv_hidden_sizes must be three sizes, the first two equal");
    s.q_hidden = state.hidden[0];
    s.v_hidden = state.hidden[2];
  }
  if (2 * s.q_hidden + s.v_hidden != w[1] || s.q_hidden < 1 || s.v_hidden < 1 || s.q_hidden % state.heads != 0 || s.v_hidden % state.heads != 0)
    return Invalid(fmt::format("weights {} cannot be split into Q, K and V of {} heads", w.ToString(), state.heads));
  if (Has(context, 2) && context.input(2).num_elements() != w[1]) return Invalid(fmt::format("bias must be [{}]", w[1]));
  if (Has(context, 4)) {
    const Dims& past = context.input(4).dims;
    if (past.rank() != 5 || s.q_hidden != s.v_hidden || !(past == Dims{2, s.batch, state.heads, past[3], s.q_hidden / state.heads}))
      return Invalid(fmt::format("past {} does not fit", past.ToString()));
    s.past = past[3];
  }
  return s;
}

Status RunFused(KernelContext& context, const FusedState& state) {
  RETURN_IF_ERROR(CheckFloat(context, {0, 1, 2, 4, 5}));
  ASSIGN_OR_RETURN(const FusedShape s, PlanFused(context, state));
  const int64_t columns = 2 * s.q_hidden + s.v_hidden, size = s.q_hidden / state.heads, v_size = s.v_hidden / state.heads;
  AttentionArguments<float> a;
  a.batch = s.batch, a.q_heads = a.kv_heads = state.heads;
  a.queries = s.queries, a.keys = s.past + s.queries, a.past = s.past;
  a.size = size, a.v_size = v_size;
  a.scale = ScaleOf(state, size);
  a.causal = state.causal;

  kernels::GemmF32Arguments g{.m = s.batch * s.queries, .n = columns, .k = context.input(0).dims[2]};
  g.a = {context.input(0).ptr<float>(), g.k, 1};
  if (state.weights.present()) g.packed_b = state.weights.data.data();
  else g.b = {context.input(1).ptr<float>(), columns, 1};
  if (Has(context, 2)) g.epilogue.column_bias = context.input(2).ptr<float>();
  const TensorView* padding = Has(context, 3) ? &context.input(3) : nullptr;
  const TensorView* bias = Has(context, 5) ? &context.input(5) : nullptr;
  const bool present = Wants(context, 1) || s.past > 0;
  WorkspacePlan plan;
  const size_t product = plan.AddArray<float>(g.m * columns), gemm = plan.Add(kernels::GemmF32Workspace(g));
  const size_t mask = plan.Add(MaskElements(padding, bias, a) * sizeof(float));
  const size_t cache = plan.AddArray<float>(present && !Wants(context, 1) ? a.batch * a.q_heads * a.keys * (size + v_size) : 0);
  const size_t scratch = plan.Add(kernels::AttentionWorkspace(a, context.thread_pool().threads()));
  ASSIGN_OR_RETURN(char* workspace, plan.Allocate(context));
  g.c = reinterpret_cast<float*>(workspace + product);
  g.c_stride = columns;
  kernels::GemmF32(g, workspace + gemm, context.thread_pool());
  const auto heads_at = [&](int64_t offset, int64_t head_size) {
    return HeadsView<const float>{g.c + offset, s.queries * columns, head_size, columns};
  };
  a.q = heads_at(0, size);
  a.k = heads_at(s.q_hidden, size);
  a.v = heads_at(2 * s.q_hidden, v_size);
  if (present) {
    if (size != v_size) return Unsupported("Attention with a cache whose keys and values differ in size");
    float* keys = reinterpret_cast<float*>(workspace + cache);
    if (Wants(context, 1)) {
      ASSIGN_OR_RETURN(TensorView out, context.Output(1, DataType::kFloat, Dims{2, a.batch, a.q_heads, a.keys, size}));
      keys = out.mutable_ptr<float>();
    }
    float* values = keys + a.batch * a.q_heads * a.keys * size;
    const float* old = s.past > 0 ? context.input(4).ptr<float>() : nullptr;
    const float* old_values = old ? old + a.batch * a.q_heads * s.past * size : nullptr;
    AppendHeads(a.batch, a.q_heads, s.past, old, s.queries, a.k, size, keys);
    AppendHeads(a.batch, a.q_heads, s.past, old_values, s.queries, a.v, size, values);
    a.k = HeadsOutermost<const float>(keys, a.q_heads, a.keys, size);
    a.v = HeadsOutermost<const float>(values, a.q_heads, a.keys, size);
  }
  RETURN_IF_ERROR(SetMask(padding, bias, state.filter, a, reinterpret_cast<float*>(workspace + mask)));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, Dims{s.batch, s.queries, s.v_hidden}));
  a.y = PositionsOutermost(y.mutable_ptr<float>(), a.q_heads, a.queries, v_size);
  kernels::Attention(a, workspace + scratch, context.thread_pool());
  return Status();
}

Status ReadState(const NodeInfo& node, State& state) {
  state.heads = node.GetInt("num_heads");
  if (state.heads < 1) return Invalid(fmt::format("num_heads is {}", state.heads));
  state.causal = node.GetInt("unidirectional") != 0;
  state.scale = node.GetFloat("scale", 0);
  state.filter = node.GetFloat("mask_filter_value", -10000);
  return Status();
}

// ---- MultiHeadAttention: Q, K and V come apart, or packed together.

enum Input : size_t { kQuery, kKey, kValue, kBias, kPadding, kAttentionBias, kPastKey, kPastValue };

// An operand as heads, with its part of the bias added into `copy` when there is one.
struct Heads {
  HeadsView<const float> view;
  int64_t positions = 0, size = 0;
};
StatusOr<Heads> ReadHeads(const KernelContext& context, size_t input, int64_t batch, int64_t heads) {
  const TensorView& x = context.input(input);
  Heads h;
  if (x.rank() == 4 && x.dims[0] == batch && x.dims[1] == heads) {
    h.positions = x.dims[2], h.size = x.dims[3];
    h.view = HeadsOutermost(x.ptr<float>(), heads, h.positions, h.size);
    return h;
  }
  if (x.rank() != 3 || x.dims[0] != batch || x.dims[2] % heads != 0) return Invalid(fmt::format("input {} {} does not fit {} heads", input, x.dims.ToString(), heads));
  h.positions = x.dims[1], h.size = x.dims[2] / heads;
  h.view = PositionsOutermost(x.ptr<float>(), heads, h.positions, h.size);
  return h;
}

// Packed [batch, positions, heads, parts, size]: part `index`.
Heads ReadPacked(const TensorView& x, int64_t index) {
  const int64_t heads = x.dims[2], parts = x.dims[3], size = x.dims[4];
  return {{x.ptr<float>() + index * size, x.dims[1] * heads * parts * size, parts * size, heads * parts * size}, x.dims[1], size};
}

void AddHeadBias(int64_t batch, int64_t heads, const float* bias, Heads& h, float* copy) {
  float* out = copy;
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t n = 0; n < heads; ++n)
      for (int64_t p = 0; p < h.positions; ++p) {
        const float* in = h.view.At(b, n, p);
        for (int64_t i = 0; i < h.size; ++i) *out++ = in[i] + bias[n * h.size + i];
      }
  h.view = HeadsOutermost<const float>(copy, heads, h.positions, h.size);
}

struct Operands {
  int64_t batch = 0;
  Heads q, k, v;
};
StatusOr<Operands> ReadOperands(const KernelContext& context, int64_t heads) {
  Operands o;
  const TensorView& query = context.input(kQuery);
  if (query.rank() == 5) {
    if (query.dims[2] != heads || query.dims[3] != 3) return Invalid(fmt::format("a packed query {} must be [batch, length, {}, 3, size]", query.dims.ToString(), heads));
    o.batch = query.dims[0];
    o.q = ReadPacked(query, 0), o.k = ReadPacked(query, 1), o.v = ReadPacked(query, 2);
    return o;
  }
  if (query.rank() < 1 || !Has(context, kKey)) return Invalid("MultiHeadAttention needs a key");
  o.batch = query.dims[0];
  ASSIGN_OR_RETURN(o.q, ReadHeads(context, kQuery, o.batch, heads));
  const TensorView& key = context.input(kKey);
  if (key.rank() == 5) {
    if (key.dims[0] != o.batch || key.dims[2] != heads || key.dims[3] != 2) return Invalid(fmt::format("a packed key {} must be [batch, length, {}, 2, size]", key.dims.ToString(), heads));
    o.k = ReadPacked(key, 0), o.v = ReadPacked(key, 1);
  } else {
    if (!Has(context, kValue)) return Invalid("MultiHeadAttention needs a value");
    ASSIGN_OR_RETURN(o.k, ReadHeads(context, kKey, o.batch, heads));
    ASSIGN_OR_RETURN(o.v, ReadHeads(context, kValue, o.batch, heads));
  }
  if (o.k.size != o.q.size || o.k.positions != o.v.positions) return Invalid(fmt::format("query {} and key {} do not fit", query.dims.ToString(), key.dims.ToString()));
  return o;
}

StatusOr<int64_t> ReadPast(const KernelContext& context, const Operands& o, int64_t heads) {
  if (!Has(context, kPastKey) || !Has(context, kPastValue)) return int64_t{0};
  const Dims &key = context.input(kPastKey).dims, &value = context.input(kPastValue).dims;
  if (key.rank() != 4 || !(key == Dims{o.batch, heads, key[2], o.k.size}) || !(value == Dims{o.batch, heads, key[2], o.v.size}))
    return Invalid(fmt::format("past_key {} and past_value {} do not fit", key.ToString(), value.ToString()));
  return key[2];
}

Status RunMultiHead(KernelContext& context, const State& state) {
  RETURN_IF_ERROR(CheckFloat(context, {kQuery, kKey, kValue, kBias, kAttentionBias, kPastKey, kPastValue}));
  ASSIGN_OR_RETURN(Operands o, ReadOperands(context, state.heads));
  ASSIGN_OR_RETURN(const int64_t past, ReadPast(context, o, state.heads));
  AttentionArguments<float> a;
  a.batch = o.batch, a.q_heads = a.kv_heads = state.heads;
  a.queries = o.q.positions, a.keys = past + o.k.positions, a.past = past;
  a.size = o.q.size, a.v_size = o.v.size;
  a.scale = ScaleOf(state, a.size);
  a.causal = state.causal;
  const bool biased = Has(context, kBias);
  if (biased && context.input(kBias).num_elements() != state.heads * (2 * a.size + a.v_size)) return Invalid(fmt::format("bias must be [{}]", state.heads * (2 * a.size + a.v_size)));
  const TensorView* padding = Has(context, kPadding) ? &context.input(kPadding) : nullptr;
  const TensorView* bias = Has(context, kAttentionBias) ? &context.input(kAttentionBias) : nullptr;
  const bool cached = past > 0 || Wants(context, 1) || Wants(context, 2);
  const int64_t rows = a.batch * a.q_heads;
  WorkspacePlan plan;
  const size_t q = plan.AddArray<float>(biased ? rows * a.queries * a.size : 0), k = plan.AddArray<float>(biased ? rows * o.k.positions * a.size : 0);
  const size_t v = plan.AddArray<float>(biased ? rows * o.k.positions * a.v_size : 0), mask = plan.Add(MaskElements(padding, bias, a) * sizeof(float));
  const size_t keys = plan.AddArray<float>(cached ? rows * a.keys * a.size : 0), values = plan.AddArray<float>(cached ? rows * a.keys * a.v_size : 0);
  const size_t scratch = plan.Add(kernels::AttentionWorkspace(a, context.thread_pool().threads()));
  ASSIGN_OR_RETURN(char* workspace, plan.Allocate(context));
  const auto part = [&](size_t offset) { return reinterpret_cast<float*>(workspace + offset); };
  if (biased) {
    const float* b = context.input(kBias).ptr<float>();
    AddHeadBias(a.batch, a.q_heads, b, o.q, part(q));
    AddHeadBias(a.batch, a.q_heads, b + a.q_heads * a.size, o.k, part(k));
    AddHeadBias(a.batch, a.q_heads, b + 2 * a.q_heads * a.size, o.v, part(v));
  }
  a.q = o.q.view, a.k = o.k.view, a.v = o.v.view;
  if (cached) {
    const auto append = [&](size_t past_input, size_t output, const Heads& fresh, float* out) -> StatusOr<HeadsView<const float>> {
      if (Wants(context, output)) {
        ASSIGN_OR_RETURN(TensorView present, context.Output(output, DataType::kFloat, Dims{a.batch, a.q_heads, a.keys, fresh.size}));
        out = present.mutable_ptr<float>();
      }
      AppendHeads(a.batch, a.q_heads, past, past > 0 ? context.input(past_input).ptr<float>() : nullptr, fresh.positions, fresh.view, fresh.size, out);
      return HeadsOutermost<const float>(out, a.q_heads, a.keys, fresh.size);
    };
    ASSIGN_OR_RETURN(a.k, append(kPastKey, 1, o.k, part(keys)));
    ASSIGN_OR_RETURN(a.v, append(kPastValue, 2, o.v, part(values)));
  }
  RETURN_IF_ERROR(SetMask(padding, bias, state.filter, a, part(mask)));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, Dims{a.batch, a.queries, a.q_heads * a.v_size}));
  a.y = PositionsOutermost(y.mutable_ptr<float>(), a.q_heads, a.queries, a.v_size);
  if (Wants(context, 3)) {
    ASSIGN_OR_RETURN(TensorView scores, context.Output(3, DataType::kFloat, Dims{a.batch, a.q_heads, a.queries, a.keys}));
    a.scores = scores.mutable_ptr<float>();
    a.scores_output = kernels::ScoresOutput::kRaw;
  }
  kernels::Attention(a, workspace + scratch, context.thread_pool());
  return Status();
}

}  // namespace

StatusOr<std::unique_ptr<Kernel>> CreateMicrosoftAttention(const NodeInfo& node) {
  FusedState state;
  RETURN_IF_ERROR(ReadState(node, state));
  if (node.GetInt("do_rotary") != 0) return Unsupported("Attention with do_rotary");
  if (node.GetInt("past_present_share_buffer") != 0) return Unsupported("Attention with past_present_share_buffer");
  state.hidden = node.GetInts("qkv_hidden_sizes");
  ASSIGN_OR_RETURN(state.weights, PackConstantOperand(node, 1, false));
  return MakeKernel([state = std::move(state)](KernelContext& context) { return RunFused(context, state); });
}

StatusOr<std::unique_ptr<Kernel>> CreateMultiHeadAttention(const NodeInfo& node) {
  State state;
  RETURN_IF_ERROR(ReadState(node, state));
  if (node.num_inputs() > 8) return Unsupported("MultiHeadAttention with a shared cache buffer");
  return MakeKernel([state](KernelContext& context) { return RunMultiHead(context, state); });
}

}  // namespace sardonyx::cpu
