// Attention of com.microsoft: one product makes Q, K and V of the input.
#include <fmt/format.h>

#include "kernels/gemm/gemm_f32.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/matrix.h"
#include "providers/cpu/matrix_attention.h"
#include "providers/cpu/matrix_attention_fused.h"
#include "providers/cpu/workspace.h"

namespace sardonyx::cpu {
namespace {

using kernels::AttentionArguments;
using kernels::HeadsOutermost;
using kernels::HeadsView;
using kernels::PositionsOutermost;

struct FusedState : FusedAttentionState {
  std::vector<int64_t> hidden;  // of Q, K, V; empty: equal thirds
  PackedOperand weights;
};

struct FusedShape {
  int64_t batch, queries, q_hidden, v_hidden, past;
};
StatusOr<FusedShape> PlanFused(const KernelContext& context, const FusedState& state) {
  const Dims& x = context.input(0).dims;
  const Dims& w = state.weights.present() ? state.weights.dims : context.input(1).dims;
  if (x.rank() != 3 || w.rank() != 2 || w[0] != x[2])
    return Invalid(fmt::format("input {} and weights {} do not fit", x.ToString(), w.ToString()));
  FusedShape s{x[0], x[1], w[1] / 3, w[1] / 3, 0};
  if (!state.hidden.empty()) {
    if (state.hidden.size() != 3 || state.hidden[0] != state.hidden[1])
      return Invalid("qkv_hidden_sizes must be three sizes, the first two equal");
    s.q_hidden = state.hidden[0];
    s.v_hidden = state.hidden[2];
  }
  if (2 * s.q_hidden + s.v_hidden != w[1] || s.q_hidden < 1 || s.v_hidden < 1 || s.q_hidden % state.heads != 0 ||
      s.v_hidden % state.heads != 0)
    return Invalid(fmt::format("weights {} cannot be split into Q, K and V of {} heads", w.ToString(), state.heads));
  if (HasInput(context, 2) && context.input(2).num_elements() != w[1]) return Invalid(fmt::format("bias must be [{}]", w[1]));
  if (HasInput(context, 4)) {
    const Dims& past = context.input(4).dims;
    if (past.rank() != 5 || s.q_hidden != s.v_hidden || !(past == Dims{2, s.batch, state.heads, past[3], s.q_hidden / state.heads}))
      return Invalid(fmt::format("past {} does not fit", past.ToString()));
    s.past = past[3];
  }
  return s;
}

Status RunFused(KernelContext& context, const FusedState& state) {
  RETURN_IF_ERROR(CheckFloatInputs(context, {0, 1, 2, 4, 5}));
  ASSIGN_OR_RETURN(const FusedShape s, PlanFused(context, state));
  const int64_t columns = 2 * s.q_hidden + s.v_hidden, size = s.q_hidden / state.heads, v_size = s.v_hidden / state.heads;
  AttentionArguments<float> a;
  a.batch = s.batch, a.q_heads = a.kv_heads = state.heads;
  a.queries = s.queries, a.keys = s.past + s.queries, a.past = s.past;
  a.size = size, a.v_size = v_size;
  a.scale = AttentionScale(state, size);
  a.causal = state.causal;

  kernels::GemmF32Arguments g{.m = s.batch * s.queries, .n = columns, .k = context.input(0).dims[2]};
  g.a = {context.input(0).ptr<float>(), g.k, 1};
  if (state.weights.present())
    g.packed_b = state.weights.data.get();
  else
    g.b = {context.input(1).ptr<float>(), columns, 1};
  if (HasInput(context, 2)) g.epilogue.column_bias = context.input(2).ptr<float>();
  const TensorView* padding = HasInput(context, 3) ? &context.input(3) : nullptr;
  const TensorView* bias = HasInput(context, 5) ? &context.input(5) : nullptr;
  const bool present = WantsOutput(context, 1) || s.past > 0;
  WorkspacePlan plan;
  const size_t product = plan.AddArray<float>(g.m * columns), gemm = plan.Add(kernels::GemmF32Workspace(g, context.thread_pool().threads()));
  const size_t mask = plan.Add(MaskElements(padding, bias, a) * sizeof(float));
  const size_t cache = plan.AddArray<float>(present && !WantsOutput(context, 1) ? a.batch * a.q_heads * a.keys * (size + v_size) : 0);
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
    if (WantsOutput(context, 1)) {
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
  RETURN_IF_ERROR(SetAttentionMask(padding, bias, state.filter, a, reinterpret_cast<float*>(workspace + mask)));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, Dims{s.batch, s.queries, s.v_hidden}));
  a.y = PositionsOutermost(y.mutable_ptr<float>(), a.q_heads, a.queries, v_size);
  kernels::Attention(a, workspace + scratch, context.thread_pool());
  return Status();
}

}  // namespace

StatusOr<std::unique_ptr<Kernel>> CreateMicrosoftAttention(const NodeInfo& node) {
  FusedState state;
  ASSIGN_OR_RETURN(static_cast<FusedAttentionState&>(state), ReadFusedAttention(node));
  if (node.GetInt("do_rotary") != 0) return Unsupported("Attention with do_rotary");
  if (node.GetInt("past_present_share_buffer") != 0) return Unsupported("Attention with past_present_share_buffer");
  state.hidden = node.GetInts("qkv_hidden_sizes");
  ASSIGN_OR_RETURN(state.weights, PackConstantOperand(node, 1, false));
  return MakeKernel([state = std::move(state)](KernelContext& context) { return RunFused(context, state); });
}

}  // namespace sardonyx::cpu
