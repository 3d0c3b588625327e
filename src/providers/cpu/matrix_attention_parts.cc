// RotaryEmbedding and LinearAttention.
#include <cmath>

#include <fmt/format.h>

#include "kernels/attention/rotary.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/matrix_attention.h"
#include "providers/cpu/workspace.h"

namespace sardonyx::cpu {
namespace {

struct RotaryState {
  int64_t heads = 0, rotated = 0;
  bool interleaved = false;
  size_t positions_input = 3, cos_input = 1, sin_input = 2;
  float scale = 1;
};

// Positions one by one; com.microsoft also allows a single offset.
Status ReadPositions(const TensorView& positions, int64_t batch, int64_t length, int64_t limit, int64_t* out) {
  const bool offset = positions.num_elements() == 1;
  if (!offset && positions.num_elements() != batch * length)
    return Invalid(fmt::format("position_ids {} must be [{},{}]", positions.dims.ToString(), batch, length));
  for (int64_t i = 0; i < batch * length; ++i) {
    out[i] = offset ? positions.ptr<int64_t>()[0] + i % length : positions.ptr<int64_t>()[i];
    if (out[i] < 0 || out[i] >= limit) return Invalid(fmt::format("position {} is beyond the caches' {} rows", out[i], limit));
  }
  return Status();
}

Status RunRotary(KernelContext& context, const RotaryState& state) {
  const TensorView &x = context.input(0), &cos = context.input(state.cos_input), &sin = context.input(state.sin_input);
  if (x.dtype != DataType::kFloat) return Unsupported(fmt::format("RotaryEmbedding for {}", DataTypeName(x.dtype)));
  if (x.rank() != 3 && x.rank() != 4) return Invalid(fmt::format("X {} must have rank 3 or 4", x.dims.ToString()));
  kernels::RotaryShape s;
  s.batch = x.dims[0];
  s.interleaved = state.interleaved;
  if (x.rank() == 4) {
    s.heads = x.dims[1], s.positions = x.dims[2], s.size = x.dims[3];
  } else {
    // Without num_heads, a head is what the caches rotate.
    s.heads = state.heads > 0 ? state.heads : (cos.rank() > 0 && cos.dims.back() > 0 ? x.dims[2] / (2 * cos.dims.back()) : 0);
    if (s.heads < 1 || x.dims[2] % s.heads != 0)
      return Invalid(fmt::format("X {} cannot be split into {} heads", x.dims.ToString(), s.heads));
    s.positions = x.dims[1], s.size = x.dims[2] / s.heads;
  }
  s.rotated = state.rotated > 0 ? state.rotated : s.size;
  if (s.rotated > s.size || s.rotated % 2 != 0)
    return Invalid(fmt::format("{} elements of heads of {} cannot be rotated", s.rotated, s.size));
  if (!(cos.dims == sin.dims) || cos.rank() < 2 || cos.dims.back() != s.rotated / 2)
    return Invalid(fmt::format("caches {} and {} must end in {}", cos.dims.ToString(), sin.dims.ToString(), s.rotated / 2));
  const int64_t rows = cos.dims.Product(0, cos.rank() - 1);
  int64_t* positions = nullptr;
  if (state.positions_input < context.num_inputs() && context.has_input(state.positions_input)) {
    ASSIGN_OR_RETURN(void* workspace, context.Workspace(static_cast<size_t>(s.batch * s.positions) * sizeof(int64_t)));
    positions = static_cast<int64_t*>(workspace);
    RETURN_IF_ERROR(ReadPositions(context.input(state.positions_input), s.batch, s.positions, rows, positions));
  } else if (rows != s.batch * s.positions) {
    return Invalid(fmt::format("caches {} must be [{},{},{}]", cos.dims.ToString(), s.batch, s.positions, s.rotated / 2));
  }
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, x.dims));
  const bool heads_first = x.rank() == 4;
  const auto in = heads_first ? kernels::HeadsOutermost(x.ptr<float>(), s.heads, s.positions, s.size)
                              : kernels::PositionsOutermost(x.ptr<float>(), s.heads, s.positions, s.size);
  const auto out = heads_first ? kernels::HeadsOutermost(y.mutable_ptr<float>(), s.heads, s.positions, s.size)
                               : kernels::PositionsOutermost(y.mutable_ptr<float>(), s.heads, s.positions, s.size);
  kernels::RotaryEmbedding(s, in, cos.ptr<float>(), sin.ptr<float>(), positions, out, context.thread_pool());
  return Status();
}

}  // namespace

StatusOr<std::unique_ptr<Kernel>> CreateRotaryEmbedding(const NodeInfo& node) {
  RotaryState state;
  state.heads = node.GetInt("num_heads");
  state.rotated = node.GetInt("rotary_embedding_dim");
  state.interleaved = node.GetInt("interleaved") != 0;
  if (node.node().domain == "com.microsoft") {
    state.positions_input = 1, state.cos_input = 2, state.sin_input = 3;
    if (node.GetFloat("scale", 1) != 1) return Unsupported("RotaryEmbedding with a scale");
    if (node.GetInt("is_packed_batching") != 0) return Unsupported("RotaryEmbedding with packed batching");
  }
  return MakeKernel([state](KernelContext& context) { return RunRotary(context, state); });
}

// ---- LinearAttention

namespace {

struct LinearState {
  int64_t q_heads = 0, kv_heads = 0;
  float scale = 0;
  kernels::LinearRule rule = kernels::LinearRule::kGatedDelta;
};

Status RunLinearAttention(KernelContext& context, const LinearState& state) {
  const TensorView &q = context.input(0), &k = context.input(1), &v = context.input(2);
  const auto has = [&](size_t i) { return i < context.num_inputs() && context.has_input(i); };
  for (size_t i = 0; i < 6; ++i)
    if (has(i) && context.input(i).dtype != DataType::kFloat)
      return Unsupported(fmt::format("LinearAttention for {}", DataTypeName(context.input(i).dtype)));
  if (q.rank() != 3 || k.rank() != 3 || v.rank() != 3 || q.dims[2] % state.q_heads != 0 || v.dims[2] % state.kv_heads != 0)
    return Invalid(fmt::format("query {}, key {} and value {} do not fit {} and {} heads", q.dims.ToString(), k.dims.ToString(),
                               v.dims.ToString(), state.q_heads, state.kv_heads));
  kernels::LinearAttentionArguments a;
  a.batch = q.dims[0], a.steps = q.dims[1];
  a.q_heads = state.q_heads, a.kv_heads = state.kv_heads;
  a.key_size = q.dims[2] / a.q_heads, a.value_size = v.dims[2] / a.kv_heads;
  if (!(k.dims == Dims{a.batch, a.steps, a.kv_heads * a.key_size}) || v.dims[0] != a.batch || v.dims[1] != a.steps)
    return Invalid(fmt::format("key {} and value {} do not fit query {}", k.dims.ToString(), v.dims.ToString(), q.dims.ToString()));
  a.rule = state.rule;
  a.scale = state.scale != 0 ? state.scale : static_cast<float>(1 / std::sqrt(static_cast<double>(std::max<int64_t>(1, a.key_size))));
  const bool gated = a.rule == kernels::LinearRule::kGated || a.rule == kernels::LinearRule::kGatedDelta;
  const bool delta = a.rule == kernels::LinearRule::kDelta || a.rule == kernels::LinearRule::kGatedDelta;
  if (has(4) != gated) return Invalid(gated ? "this update_rule needs the input decay" : "this update_rule takes no input decay");
  if (has(5) != delta) return Invalid(delta ? "this update_rule needs the input beta" : "this update_rule takes no input beta");
  if (gated) {
    const Dims& dims = context.input(4).dims;
    if (dims == Dims{a.batch, a.steps, a.kv_heads})
      a.decay_size = 1;
    else if (dims == Dims{a.batch, a.steps, a.kv_heads * a.key_size})
      a.decay_size = a.key_size;
    else
      return Invalid(fmt::format("decay {} must end in {} or {}", dims.ToString(), a.kv_heads, a.kv_heads * a.key_size));
    a.decay = context.input(4).ptr<float>();
  }
  if (delta) {
    const Dims& dims = context.input(5).dims;
    if (!(dims == Dims{a.batch, a.steps, a.kv_heads}) && !(dims == Dims{a.batch, a.steps, 1}))
      return Invalid(fmt::format("beta {} must end in {} or 1", dims.ToString(), a.kv_heads));
    a.beta_heads = dims[2];
    a.beta = context.input(5).ptr<float>();
  }
  const Dims state_dims{a.batch, a.kv_heads, a.key_size, a.value_size};
  if (has(3) && !(context.input(3).dims == state_dims))
    return Invalid(fmt::format("past_state {} must be {}", context.input(3).dims.ToString(), state_dims.ToString()));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, Dims{a.batch, a.steps, a.q_heads * a.value_size}));
  ASSIGN_OR_RETURN(TensorView present, context.Output(1, DataType::kFloat, state_dims));
  ASSIGN_OR_RETURN(void* scratch, context.Workspace(static_cast<size_t>(a.batch * a.kv_heads * a.value_size) * sizeof(float)));
  if (has(3))
    std::copy_n(context.input(3).ptr<float>(), state_dims.num_elements(), present.mutable_ptr<float>());
  else
    std::fill_n(present.mutable_ptr<float>(), state_dims.num_elements(), 0.0f);
  a.q = q.ptr<float>(), a.k = k.ptr<float>(), a.v = v.ptr<float>();
  a.state = present.mutable_ptr<float>();
  a.y = y.mutable_ptr<float>();
  a.scratch = static_cast<float*>(scratch);
  kernels::LinearAttention(a, context.thread_pool());
  return Status();
}

}  // namespace

StatusOr<std::unique_ptr<Kernel>> CreateLinearAttention(const NodeInfo& node) {
  LinearState state;
  state.q_heads = node.GetInt("q_num_heads");
  state.kv_heads = node.GetInt("kv_num_heads");
  state.scale = node.GetFloat("scale", 0);
  if (state.kv_heads < 1 || state.q_heads < 1 || state.q_heads % state.kv_heads != 0)
    return Invalid(fmt::format("{} query heads are no multiple of {} key heads", state.q_heads, state.kv_heads));
  const std::string rule = node.GetString("update_rule", "gated_delta");
  if (rule == "linear")
    state.rule = kernels::LinearRule::kLinear;
  else if (rule == "gated")
    state.rule = kernels::LinearRule::kGated;
  else if (rule == "delta")
    state.rule = kernels::LinearRule::kDelta;
  else if (rule != "gated_delta")
    return Invalid(fmt::format("update_rule '{}' is none of linear, gated, delta, gated_delta", rule));
  return MakeKernel([state](KernelContext& context) { return RunLinearAttention(context, state); });
}

}  // namespace sardonyx::cpu
