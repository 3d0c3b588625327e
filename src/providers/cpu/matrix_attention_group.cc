// GroupQueryAttention of com.microsoft: the attention of decoders with a cache and rotary positions.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "kernels/attention/rotary.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/matrix_attention.h"
#include "providers/cpu/workspace.h"

namespace sardonyx::cpu {
namespace {

using kernels::AttentionArguments;
using kernels::HeadsOutermost;
using kernels::HeadsView;
using kernels::PositionsOutermost;

enum Input : size_t { kQuery, kKey, kValue, kPastKey, kPastValue, kLengths, kTotal, kCos, kSin, kPositions, kBias, kSink };

struct State {
  int64_t heads = 0, kv_heads = 0, window = -1;
  float scale = 0, softcap = 0;
  bool rotary = false, interleaved = false, smooth = false;
};

bool Has(const KernelContext& context, size_t i) { return i < context.num_inputs() && context.has_input(i); }

struct Shape {
  int64_t batch = 0, queries = 0, size = 0;
  int64_t past = 0;     // rows of the past cache
  int64_t present = 0;  // rows of the present cache
  bool packed = false;  // Q, K and V lie in the query
  bool prompt = false;  // the first run: nothing is cached
};

StatusOr<Shape> Plan(const KernelContext& context, const State& state) {
  const Dims& q = context.input(kQuery).dims;
  Shape s;
  s.packed = !Has(context, kKey);
  const int64_t heads = s.packed ? state.heads + 2 * state.kv_heads : state.heads;
  if (q.rank() != 3 || q[2] % heads != 0) return Invalid(fmt::format("query {} cannot be split into {} heads", q.ToString(), heads));
  s.batch = q[0], s.queries = q[1], s.size = q[2] / heads;
  if (!s.packed) {
    const Dims expected{s.batch, s.queries, state.kv_heads * s.size};
    if (!Has(context, kValue) || !(context.input(kKey).dims == expected) || !(context.input(kValue).dims == expected))
      return Invalid(fmt::format("key and value must be {}", expected.ToString()));
  }
  if (Has(context, kPastKey) != Has(context, kPastValue)) return Invalid("past_key and past_value must be given together");
  if (Has(context, kPastKey)) {
    const Dims& past = context.input(kPastKey).dims;
    if (past.rank() != 4 || !(past == Dims{s.batch, state.kv_heads, past[2], s.size}) || !(context.input(kPastValue).dims == past))
      return Invalid(fmt::format("past_key {} does not fit", past.ToString()));
    s.past = past[2];
  }
  const TensorView &lengths = context.input(kLengths), &total = context.input(kTotal);
  if (lengths.dtype != DataType::kInt32 || lengths.num_elements() != s.batch || total.dtype != DataType::kInt32 ||
      total.num_elements() != 1)
    return Invalid(fmt::format("seqlens_k {} must be [{}] and total_sequence_length one int32", lengths.TypeString(), s.batch));
  const int64_t keys = total.ptr<int32_t>()[0];
  if (keys < s.queries || keys > s.past + s.queries)
    return Invalid(fmt::format("total_sequence_length is {} after {} cached and {} new positions", keys, s.past, s.queries));
  s.present = std::max(s.past, keys);
  s.prompt = keys == s.queries;
  for (int32_t length : lengths.as<int32_t>())
    if (length < 0 || length >= keys || (!s.prompt && length + 1 < s.queries))
      return Invalid(fmt::format("seqlens_k holds {} where {} positions are valid", length, keys));
  return s;
}

struct Operands {
  HeadsView<const float> q, k, v;
};
Operands ReadOperands(const KernelContext& context, const State& state, const Shape& s) {
  const float* q = context.input(kQuery).ptr<float>();
  if (!s.packed) {
    return {PositionsOutermost(q, state.heads, s.queries, s.size),
            PositionsOutermost(context.input(kKey).ptr<float>(), state.kv_heads, s.queries, s.size),
            PositionsOutermost(context.input(kValue).ptr<float>(), state.kv_heads, s.queries, s.size)};
  }
  const int64_t row = (state.heads + 2 * state.kv_heads) * s.size;
  const auto part = [&](int64_t head) { return HeadsView<const float>{q + head * s.size, s.queries * row, s.size, row}; };
  return {part(0), part(state.heads), part(state.heads + state.kv_heads)};
}

// Rotates Q and K into copies. positions: [batch, queries].
Status Rotate(KernelContext& context, const State& state, const Shape& s, const int64_t* positions, float* q_copy, float* k_copy,
              Operands& o) {
  if (!Has(context, kCos) || !Has(context, kSin)) return Invalid("do_rotary needs cos_cache and sin_cache");
  const Dims& cos = context.input(kCos).dims;
  if (cos.rank() != 2 || !(context.input(kSin).dims == cos) || 2 * cos[1] > s.size)
    return Invalid(fmt::format("cos_cache {} does not fit heads of {}", cos.ToString(), s.size));
  for (int64_t i = 0; i < s.batch * s.queries; ++i)
    if (positions[i] < 0 || positions[i] >= cos[0])
      return Invalid(fmt::format("position {} is beyond the caches' {} rows", positions[i], cos[0]));
  kernels::RotaryShape shape{.batch = s.batch,
                             .heads = state.heads,
                             .positions = s.queries,
                             .size = s.size,
                             .rotated = 2 * cos[1],
                             .interleaved = state.interleaved};
  const float *c = context.input(kCos).ptr<float>(), *d = context.input(kSin).ptr<float>();
  kernels::RotaryEmbedding(shape, o.q, c, d, positions, HeadsOutermost(q_copy, state.heads, s.queries, s.size), context.thread_pool());
  o.q = HeadsOutermost<const float>(q_copy, state.heads, s.queries, s.size);
  shape.heads = state.kv_heads;
  kernels::RotaryEmbedding(shape, o.k, c, d, positions, HeadsOutermost(k_copy, state.kv_heads, s.queries, s.size), context.thread_pool());
  o.k = HeadsOutermost<const float>(k_copy, state.kv_heads, s.queries, s.size);
  return Status();
}

// The cache after this run: the past's first offsets[b] rows, then the new ones; the rest is zero.
void UpdateCache(const State& state, const Shape& s, const int64_t* offsets, const float* past, const HeadsView<const float>& fresh,
                 float* present) {
  for (int64_t b = 0; b < s.batch; ++b)
    for (int64_t h = 0; h < state.kv_heads; ++h) {
      float* out = present + (b * state.kv_heads + h) * s.present * s.size;
      const int64_t kept = std::min(offsets[b], s.past), count = std::min(s.queries, s.present - kept);
      if (kept > 0) std::copy_n(past + (b * state.kv_heads + h) * s.past * s.size, kept * s.size, out);
      for (int64_t p = 0; p < count; ++p) std::copy_n(fresh.At(b, h, p), s.size, out + (kept + p) * s.size);
      std::fill(out + (kept + count) * s.size, out + s.present * s.size, 0.0f);
    }
}

Status SetBias(const KernelContext& context, AttentionArguments<float>& a) {
  if (!Has(context, kBias)) return Status();
  const Dims& d = context.input(kBias).dims;
  if (d.rank() != 4 || (d[0] != 1 && d[0] != a.batch) || (d[1] != 1 && d[1] != a.q_heads) || d[2] != a.queries || d[3] > a.keys)
    return Invalid(fmt::format("attention_bias {} does not fit", d.ToString()));
  a.mask = context.input(kBias).ptr<float>();
  a.mask_keys = d[3];
  const int64_t strides[4] = {d[0] == 1 ? 0 : d[1] * d[2] * d[3], d[1] == 1 ? 0 : d[2] * d[3], d[3], 1};
  std::copy_n(strides, 4, a.mask_strides);
  return Status();
}

Status Run(KernelContext& context, const State& state) {
  for (size_t i : {kQuery, kKey, kValue, kPastKey, kPastValue, kCos, kSin, kBias, kSink})
    if (Has(context, i) && context.input(i).dtype != DataType::kFloat)
      return Unsupported(fmt::format("GroupQueryAttention on {}", context.input(i).TypeString()));
  for (size_t i = kSink + 1; i < context.num_inputs(); ++i)
    if (context.has_input(i)) return Unsupported("GroupQueryAttention with a quantized cache or normalized heads");
  ASSIGN_OR_RETURN(const Shape s, Plan(context, state));
  AttentionArguments<float> a;
  a.batch = s.batch, a.q_heads = state.heads, a.kv_heads = state.kv_heads;
  a.queries = s.queries, a.keys = s.present;
  a.size = a.v_size = s.size;
  a.scale = state.scale != 0 ? state.scale : static_cast<float>(1 / std::sqrt(static_cast<double>(std::max<int64_t>(1, s.size))));
  a.softcap = state.softcap;
  a.causal = true;
  if (state.window > 0) a.left_window = state.window - 1;
  RETURN_IF_ERROR(SetBias(context, a));
  WorkspacePlan plan;
  const int64_t kv = s.batch * state.kv_heads;
  const size_t lengths = plan.AddArray<int64_t>(s.batch), offsets = plan.AddArray<int64_t>(s.batch),
               positions = plan.AddArray<int64_t>(s.batch * s.queries);
  const size_t q_copy = plan.AddArray<float>(state.rotary ? s.batch * state.heads * s.queries * s.size : 0);
  const size_t k_copy = plan.AddArray<float>(state.rotary ? kv * s.queries * s.size : 0),
               sinks = plan.AddArray<float>(state.smooth ? state.heads : 0);
  const size_t keys = plan.AddArray<float>(kv * s.present * s.size), values = plan.AddArray<float>(kv * s.present * s.size);
  const size_t scratch = plan.Add(kernels::AttentionWorkspace(a, context.thread_pool().threads()));
  ASSIGN_OR_RETURN(char* workspace, plan.Allocate(context));
  int64_t* length = reinterpret_cast<int64_t*>(workspace + lengths);
  int64_t* offset = reinterpret_cast<int64_t*>(workspace + offsets);
  int64_t* position = reinterpret_cast<int64_t*>(workspace + positions);
  for (int64_t b = 0; b < s.batch; ++b) {
    length[b] = context.input(kLengths).ptr<int32_t>()[b] + 1;
    offset[b] = s.prompt ? 0 : length[b] - s.queries;
    for (int64_t i = 0; i < s.queries; ++i) position[b * s.queries + i] = offset[b] + i;
  }
  if (Has(context, kPositions)) {
    if (context.input(kPositions).num_elements() != s.batch * s.queries)
      return Invalid(fmt::format("position_ids must be [{},{}]", s.batch, s.queries));
    std::copy_n(context.input(kPositions).ptr<int64_t>(), s.batch * s.queries, position);
  }
  a.lengths = length;
  a.offsets = offset;
  Operands o = ReadOperands(context, state, s);
  if (state.rotary)
    RETURN_IF_ERROR(
        Rotate(context, state, s, position, reinterpret_cast<float*>(workspace + q_copy), reinterpret_cast<float*>(workspace + k_copy), o));
  a.q = o.q;
  const auto cache = [&](size_t past, size_t output, const HeadsView<const float>& fresh, float* out) -> StatusOr<HeadsView<const float>> {
    if (output < context.num_outputs() && context.has_output(output)) {
      ASSIGN_OR_RETURN(TensorView present, context.Output(output, DataType::kFloat, Dims{s.batch, state.kv_heads, s.present, s.size}));
      out = present.mutable_ptr<float>();
    }
    UpdateCache(state, s, offset, Has(context, past) ? context.input(past).ptr<float>() : nullptr, fresh, out);
    return HeadsOutermost<const float>(out, state.kv_heads, s.present, s.size);
  };
  ASSIGN_OR_RETURN(a.k, cache(kPastKey, 1, o.k, reinterpret_cast<float*>(workspace + keys)));
  ASSIGN_OR_RETURN(a.v, cache(kPastValue, 2, o.v, reinterpret_cast<float*>(workspace + values)));
  if (Has(context, kSink)) {
    if (context.input(kSink).num_elements() != state.heads) return Invalid(fmt::format("head_sink must be [{}]", state.heads));
    a.sinks = context.input(kSink).ptr<float>();
  } else if (state.smooth) {
    std::fill_n(reinterpret_cast<float*>(workspace + sinks), state.heads, 0.0f);
    a.sinks = reinterpret_cast<const float*>(workspace + sinks);
  }
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, Dims{s.batch, s.queries, state.heads * s.size}));
  a.y = PositionsOutermost(y.mutable_ptr<float>(), state.heads, s.queries, s.size);
  kernels::Attention(a, workspace + scratch, context.thread_pool());
  return Status();
}

}  // namespace

StatusOr<std::unique_ptr<Kernel>> CreateGroupQueryAttention(const NodeInfo& node) {
  State state;
  state.heads = node.GetInt("num_heads");
  state.kv_heads = node.GetInt("kv_num_heads");
  if (state.heads < 1 || state.kv_heads < 1 || state.heads % state.kv_heads != 0)
    return Invalid(fmt::format("{} query heads are no multiple of {} key heads", state.heads, state.kv_heads));
  state.window = node.GetInt("local_window_size", -1);
  state.scale = node.GetFloat("scale", 0);
  state.softcap = node.GetFloat("softcap", 0);
  state.rotary = node.GetInt("do_rotary") != 0;
  state.interleaved = node.GetInt("rotary_interleaved") != 0;
  state.smooth = node.GetInt("smooth_softmax") > 0;
  if (node.GetInt("causal", 1) == 0) return Unsupported("GroupQueryAttention that is not causal");
  if (node.num_outputs() > 3 && node.has_output(3)) return Unsupported("GroupQueryAttention with the output output_qk");
  return MakeKernel([state](KernelContext& context) { return Run(context, state); });
}

}  // namespace sardonyx::cpu
