// RotaryEmbedding, LinearAttention, TensorScatter, FlexAttention.
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "kernels/attention/rotary.h"
#include "kernels/gemm/matmul.h"
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
  if (!offset && positions.num_elements() != batch * length) return Invalid(fmt::format("position_ids {} must be [{},{}]", positions.dims.ToString(), batch, length));
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
    if (s.heads < 1 || x.dims[2] % s.heads != 0) return Invalid(fmt::format("X {} cannot be split into {} heads", x.dims.ToString(), s.heads));
    s.positions = x.dims[1], s.size = x.dims[2] / s.heads;
  }
  s.rotated = state.rotated > 0 ? state.rotated : s.size;
  if (s.rotated > s.size || s.rotated % 2 != 0) return Invalid(fmt::format("{} elements of heads of {} cannot be rotated", s.rotated, s.size));
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
    if (has(i) && context.input(i).dtype != DataType::kFloat) return Unsupported(fmt::format("LinearAttention for {}", DataTypeName(context.input(i).dtype)));
  if (q.rank() != 3 || k.rank() != 3 || v.rank() != 3 || q.dims[2] % state.q_heads != 0 || v.dims[2] % state.kv_heads != 0)
    return Invalid(fmt::format("query {}, key {} and value {} do not fit {} and {} heads", q.dims.ToString(), k.dims.ToString(), v.dims.ToString(), state.q_heads, state.kv_heads));
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
    if (dims == Dims{a.batch, a.steps, a.kv_heads}) a.decay_size = 1;
    else if (dims == Dims{a.batch, a.steps, a.kv_heads * a.key_size}) a.decay_size = a.key_size;
    else return Invalid(fmt::format("decay {} must end in {} or {}", dims.ToString(), a.kv_heads, a.kv_heads * a.key_size));
    a.decay = context.input(4).ptr<float>();
  }
  if (delta) {
    const Dims& dims = context.input(5).dims;
    if (!(dims == Dims{a.batch, a.steps, a.kv_heads}) && !(dims == Dims{a.batch, a.steps, 1})) return Invalid(fmt::format("beta {} must end in {} or 1", dims.ToString(), a.kv_heads));
    a.beta_heads = dims[2];
    a.beta = context.input(5).ptr<float>();
  }
  const Dims state_dims{a.batch, a.kv_heads, a.key_size, a.value_size};
  if (has(3) && !(context.input(3).dims == state_dims)) return Invalid(fmt::format("past_state {} must be {}", context.input(3).dims.ToString(), state_dims.ToString()));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, Dims{a.batch, a.steps, a.q_heads * a.value_size}));
  ASSIGN_OR_RETURN(TensorView present, context.Output(1, DataType::kFloat, state_dims));
  ASSIGN_OR_RETURN(void* scratch, context.Workspace(static_cast<size_t>(a.batch * a.kv_heads * a.value_size) * sizeof(float)));
  if (has(3)) std::copy_n(context.input(3).ptr<float>(), state_dims.num_elements(), present.mutable_ptr<float>());
  else std::fill_n(present.mutable_ptr<float>(), state_dims.num_elements(), 0.0f);
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
  if (rule == "linear") state.rule = kernels::LinearRule::kLinear;
  else if (rule == "gated") state.rule = kernels::LinearRule::kGated;
  else if (rule == "delta") state.rule = kernels::LinearRule::kDelta;
  else if (rule != "gated_delta") return Invalid(fmt::format("update_rule '{}' is none of linear, gated, delta, gated_delta", rule));
  return MakeKernel([state](KernelContext& context) { return RunLinearAttention(context, state); });
}

// ---- TensorScatter

StatusOr<std::unique_ptr<Kernel>> CreateTensorScatter(const NodeInfo& node) {
  const int64_t axis_attribute = node.GetInt("axis", -2);
  const std::string mode = node.GetString("mode", "linear");
  if (mode != "linear" && mode != "circular") return Invalid(fmt::format("mode '{}' is neither linear nor circular", mode));
  return MakeKernel([axis_attribute, circular = mode == "circular"](KernelContext& context) -> Status {
    const TensorView &past = context.input(0), &update = context.input(1);
    const int64_t rank = static_cast<int64_t>(past.rank());
    const int64_t axis = axis_attribute < 0 ? axis_attribute + rank : axis_attribute;
    if (axis < 1 || axis >= rank) return Invalid(fmt::format("axis {} of a cache {}", axis_attribute, past.dims.ToString()));
    const size_t a = static_cast<size_t>(axis);
    const int64_t length = update.rank() == past.rank() ? update.dims[a] : 0, limit = past.dims[a];
    Dims expected = past.dims;
    expected[a] = length;
    if (!(update.dims == expected) || length > limit || update.dtype != past.dtype)
      return Invalid(fmt::format("update {} does not fit a cache {}", update.TypeString(), past.TypeString()));
    if (past.dtype == DataType::kString || BitsPerElement(past.dtype) < 8) return Unsupported(fmt::format("TensorScatter for {}", DataTypeName(past.dtype)));
    const int64_t batch = past.dims[0], inner = past.dims.Product(1, a), block = past.dims.Product(a + 1, past.rank()) * BitsPerElement(past.dtype) / 8;
    const int64_t* indices = nullptr;
    if (context.num_inputs() > 2 && context.has_input(2)) {
      if (!(context.input(2).dims == Dims{batch})) return Invalid(fmt::format("write_indices must be [{}]", batch));
      indices = context.input(2).ptr<int64_t>();
      for (int64_t b = 0; b < batch; ++b)
        if (indices[b] < 0 || (!circular && indices[b] + length > limit)) return Invalid(fmt::format("writing {} positions at {} leaves the cache of {}", length, indices[b], limit));
    }
    ASSIGN_OR_RETURN(TensorView present, context.Output(0, past.dtype, past.dims));
    if (present.data != past.data && past.byte_size() > 0) std::memcpy(present.data, past.data, past.byte_size());
    const char* from = static_cast<const char*>(update.data);
    char* to = static_cast<char*>(present.data);
    for (int64_t row = 0; row < batch * inner; ++row) {
      const int64_t start = indices ? indices[row / inner] % std::max<int64_t>(1, limit) : 0;
      for (int64_t i = 0; i < length; ++i, from += block) std::memcpy(to + (row * limit + (start + i) % limit) * block, from, static_cast<size_t>(block));
    }
    return Status();
  }, {.in_place = {{0, 0}}});
}

// ---- FlexAttention

namespace {

struct FlexState {
  bool has_scale = false;
  float scale = 1;
  DataType precision = DataType::kUndefined;  // undefined: float, or double for double
};

// `values` through the subgraph `name`, if the node has it, in the element type that the subgraph expects.
template <class T>
Status ApplyModifier(KernelContext& context, std::string_view name, DataType precision, Tensor& values) {
  runtime::Subprogram* program = context.subprogram(name);
  if (!program) return Status();
  Tensor argument = values;
  const bool half = precision == DataType::kFloat16, brain = precision == DataType::kBfloat16;
  const int64_t count = values.num_elements();
  if (half || brain) {
    ASSIGN_OR_RETURN(argument, Tensor::Allocate(precision, values.dims()));
    for (int64_t i = 0; i < count; ++i) {
      const float value = static_cast<float>(values.data<T>()[static_cast<size_t>(i)]);
      if (half) static_cast<Float16*>(argument.mutable_raw_data())[i] = Float16(value);
      else static_cast<BFloat16*>(argument.mutable_raw_data())[i] = BFloat16(value);
    }
  }
  std::vector<Value> arguments;
  arguments.emplace_back(std::move(argument));
  ASSIGN_OR_RETURN(const std::vector<Value> results, program->Run(std::move(arguments)));
  if (results.size() != 1 || !results[0].is_tensor() || !(results[0].tensor().dims() == values.dims()))
    return Invalid(fmt::format("{} must give one tensor {}", name, values.dims().ToString()));
  const Tensor& result = results[0].tensor();
  ASSIGN_OR_RETURN(Tensor converted, Tensor::Allocate(DataTypeOf<T>::value, values.dims()));
  T* out = static_cast<T*>(converted.mutable_raw_data());
  RETURN_IF_ERROR((Dispatch<float, double, Float16, BFloat16>(result.dtype(), name, [&]<class R>() -> Status {
    const auto from = result.Aligned();
    for (int64_t i = 0; i < count; ++i) {
      if constexpr (std::is_same_v<R, double>) out[i] = static_cast<T>(from.template data<R>()[static_cast<size_t>(i)]);
      else out[i] = static_cast<T>(static_cast<float>(from.template data<R>()[static_cast<size_t>(i)]));
    }
    return Status();
  })));
  values = std::move(converted);
  return Status();
}

template <class T>
Status RunFlex(KernelContext& context, const FlexState& state) {
  const TensorView &q = context.input(0), &k = context.input(1), &v = context.input(2);
  if (q.rank() != 4 || k.rank() != 4 || v.rank() != 4 || k.dtype != q.dtype || v.dtype != q.dtype || k.dims[0] != q.dims[0] || v.dims[0] != q.dims[0] ||
      k.dims[3] != q.dims[3] || k.dims[1] != v.dims[1] || k.dims[2] != v.dims[2] || k.dims[1] < 1 || q.dims[1] % k.dims[1] != 0)
    return Invalid(fmt::format("Q {}, K {} and V {} do not fit", q.TypeString(), k.TypeString(), v.TypeString()));
  const int64_t batch = q.dims[0], heads = q.dims[1], group = heads / k.dims[1], queries = q.dims[2], keys = k.dims[2], size = q.dims[3], v_size = v.dims[3];
  const T scale = static_cast<T>(state.has_scale ? state.scale : 1 / std::sqrt(static_cast<double>(std::max<int64_t>(1, size))));
  ASSIGN_OR_RETURN(Tensor scores, Tensor::Allocate(DataTypeOf<T>::value, Dims{batch, heads, queries, keys}));
  T* s = static_cast<T*>(scores.mutable_raw_data());
  ThreadPool& pool = context.thread_pool();
  for (int64_t i = 0; i < batch * heads; ++i) {
    const T* key = k.ptr<T>() + (i / heads * k.dims[1] + i % heads / group) * keys * size;
    kernels::GemmGeneric<T>(queries, keys, size, {q.ptr<T>() + i * queries * size, size, 1}, {key, 1, size}, s + i * queries * keys, keys, pool);
  }
  for (int64_t i = 0; i < scores.num_elements(); ++i) s[i] *= scale;
  RETURN_IF_ERROR(ApplyModifier<T>(context, "score_mod", state.precision, scores));
  kernels::SoftmaxRows(static_cast<T*>(scores.mutable_raw_data()), batch * heads * queries, keys);
  RETURN_IF_ERROR(ApplyModifier<T>(context, "prob_mod", state.precision, scores));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, q.dtype, Dims{batch, heads, queries, v_size}));
  const T* p = static_cast<const T*>(scores.raw_data());
  for (int64_t i = 0; i < batch * heads; ++i) {
    const T* value = v.ptr<T>() + (i / heads * v.dims[1] + i % heads / group) * keys * v_size;
    kernels::GemmGeneric<T>(queries, v_size, keys, {p + i * queries * keys, keys, 1}, {value, v_size, 1}, y.mutable_ptr<T>() + i * queries * v_size, v_size, pool);
  }
  return Status();
}

}  // namespace

StatusOr<std::unique_ptr<Kernel>> CreateFlexAttention(const NodeInfo& node) {
  FlexState state;
  state.has_scale = node.HasAttribute("scale");
  state.scale = node.GetFloat("scale", 1);
  state.precision = static_cast<DataType>(node.GetInt("softmax_precision"));
  return MakeKernel([state](KernelContext& context) {
    return Dispatch<float, double>(context.input(0).dtype, "FlexAttention", [&]<class T>() { return RunFlex<T>(context, state); });
  });
}

}  // namespace sardonyx::cpu
