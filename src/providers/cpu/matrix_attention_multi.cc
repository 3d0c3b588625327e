// MultiHeadAttention and DecoderMaskedMultiHeadAttention of com.microsoft: Q, K and V come apart, or packed together.
#include <fmt/format.h>

#include "kernels/attention/attention.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/matrix_attention.h"
#include "providers/cpu/matrix_attention_fused.h"
#include "providers/cpu/workspace.h"

namespace sardonyx::cpu {
namespace {

using kernels::AttentionArguments;
using kernels::HeadsOutermost;
using kernels::HeadsView;
using kernels::PositionsOutermost;

enum Input : size_t { kQuery, kKey, kValue };

// Where the two operators have their other inputs.
struct Inputs {
  size_t bias, padding, attention_bias, past_key, past_value, past_length, beam_width, beams;
};
constexpr size_t kNone = SIZE_MAX;
constexpr Inputs kMultiHead = {3, 4, 5, 6, 7, 8, kNone, 9};
constexpr Inputs kDecoderMasked = {10, 3, 4, 5, 6, 7, 8, 9};

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
  if (x.rank() != 3 || x.dims[0] != batch || x.dims[2] % heads != 0)
    return Invalid(fmt::format("input {} {} does not fit {} heads", input, x.dims.ToString(), heads));
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
    if (query.dims[2] != heads || query.dims[3] != 3)
      return Invalid(fmt::format("a packed query {} must be [batch, length, {}, 3, size]", query.dims.ToString(), heads));
    o.batch = query.dims[0];
    o.q = ReadPacked(query, 0), o.k = ReadPacked(query, 1), o.v = ReadPacked(query, 2);
    return o;
  }
  if (query.rank() < 1 || !HasInput(context, kKey)) return Invalid("MultiHeadAttention needs a key");
  o.batch = query.dims[0];
  ASSIGN_OR_RETURN(o.q, ReadHeads(context, kQuery, o.batch, heads));
  const TensorView& key = context.input(kKey);
  if (key.rank() == 5) {
    if (key.dims[0] != o.batch || key.dims[2] != heads || key.dims[3] != 2)
      return Invalid(fmt::format("a packed key {} must be [batch, length, {}, 2, size]", key.dims.ToString(), heads));
    o.k = ReadPacked(key, 0), o.v = ReadPacked(key, 1);
  } else {
    if (!HasInput(context, kValue)) return Invalid("MultiHeadAttention needs a value");
    ASSIGN_OR_RETURN(o.k, ReadHeads(context, kKey, o.batch, heads));
    ASSIGN_OR_RETURN(o.v, ReadHeads(context, kValue, o.batch, heads));
  }
  if (o.k.size != o.q.size || o.k.positions != o.v.positions)
    return Invalid(fmt::format("query {} and key {} do not fit", query.dims.ToString(), key.dims.ToString()));
  return o;
}

// What was cached before: `past` positions, in a buffer of `rows`. A shared buffer has room for the new ones.
struct Cache {
  int64_t past = 0, rows = 0;
  bool shared = false;
  // [batch / width, width, length]: the beam that a cached position of a beam comes from; null: its own.
  const int32_t* beams = nullptr;
  int64_t width = 1, length = 0;
};

StatusOr<Cache> ReadCache(const KernelContext& context, const Inputs& in, const Operands& o, int64_t heads) {
  Cache cache;
  if (!HasInput(context, in.past_key) || !HasInput(context, in.past_value)) return cache;
  const Dims &key = context.input(in.past_key).dims, &value = context.input(in.past_value).dims;
  if (key.rank() != 4 || !(key == Dims{o.batch, heads, key[2], o.k.size}) || !(value == Dims{o.batch, heads, key[2], o.v.size}))
    return Invalid(fmt::format("past_key {} and past_value {} do not fit", key.ToString(), value.ToString()));
  cache.past = cache.rows = key[2];
  if (!HasInput(context, in.past_length)) return cache;
  const TensorView& length = context.input(in.past_length);
  if (length.dtype != DataType::kInt32 || length.num_elements() != 1) return Invalid("past_sequence_length must be one int32");
  cache.shared = true;
  cache.past = length.ptr<int32_t>()[0];
  if (cache.past < 0 || cache.past > cache.rows - o.k.positions)
    return Invalid(fmt::format("past_sequence_length {} leaves no room in a cache of {} positions", cache.past, cache.rows));
  if (!HasInput(context, in.beams)) return cache;
  const TensorView& beams = context.input(in.beams);
  if (beams.rank() != 3 || beams.dtype != DataType::kInt32 || beams.dims[1] < 1 || beams.dims[0] * beams.dims[1] != o.batch ||
      beams.dims[2] < cache.past)
    return Invalid(fmt::format("cache_indirection {} does not fit a batch of {}", beams.TypeString(), o.batch));
  cache.beams = beams.ptr<int32_t>(), cache.width = beams.dims[1], cache.length = beams.dims[2];
  for (int32_t beam : beams.as<int32_t>())
    if (beam < 0 || beam >= cache.width) return Invalid(fmt::format("cache_indirection holds {} of {} beams", beam, cache.width));
  return cache;
}

// The cache with the new positions, [batch, heads, rows, size].
void UpdateCache(const Cache& cache, int64_t batch, int64_t heads, const float* past, const Heads& fresh, float* out) {
  if (!cache.shared) return AppendHeads(batch, heads, cache.past, past, fresh.positions, fresh.view, fresh.size, out);
  std::copy_n(past, batch * heads * cache.rows * fresh.size, out);
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t p = 0; p < fresh.positions; ++p)
        std::copy_n(fresh.view.At(b, h, p), fresh.size, out + ((b * heads + h) * cache.rows + cache.past + p) * fresh.size);
}

// Positions [0, keys) of each beam gathered from where they come from.
void GatherBeams(const Cache& cache, int64_t batch, int64_t heads, int64_t keys, const float* present, int64_t size, float* out) {
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t p = 0; p < keys; ++p) {
        const int64_t from = p < cache.past ? b / cache.width * cache.width + cache.beams[b * cache.length + p] : b;
        out = std::copy_n(present + ((from * heads + h) * cache.rows + p) * size, size, out);
      }
}

Status RunMultiHead(KernelContext& context, const FusedAttentionState& state, const Inputs& in) {
  RETURN_IF_ERROR(CheckFloatInputs(context, {kQuery, kKey, kValue, in.bias, in.attention_bias, in.past_key, in.past_value}));
  ASSIGN_OR_RETURN(Operands o, ReadOperands(context, state.heads));
  ASSIGN_OR_RETURN(Cache cache, ReadCache(context, in, o, state.heads));
  AttentionArguments<float> a;
  a.batch = o.batch, a.q_heads = a.kv_heads = state.heads;
  a.queries = o.q.positions, a.keys = cache.past + o.k.positions, a.past = cache.past;
  a.size = o.q.size, a.v_size = o.v.size;
  a.scale = AttentionScale(state, a.size);
  a.causal = state.causal;
  if (!cache.shared) cache.rows = a.keys;
  const bool biased = HasInput(context, in.bias);
  if (biased && context.input(in.bias).num_elements() != state.heads * (2 * a.size + a.v_size))
    return Invalid(fmt::format("bias must be [{}]", state.heads * (2 * a.size + a.v_size)));
  const TensorView* padding = HasInput(context, in.padding) ? &context.input(in.padding) : nullptr;
  const TensorView* bias = HasInput(context, in.attention_bias) ? &context.input(in.attention_bias) : nullptr;
  const bool cached = cache.past > 0 || WantsOutput(context, 1) || WantsOutput(context, 2);
  const int64_t rows = a.batch * a.q_heads, gathered = cache.beams ? rows * a.keys : 0;
  WorkspacePlan plan;
  const size_t q = plan.AddArray<float>(biased ? rows * a.queries * a.size : 0),
               k = plan.AddArray<float>(biased ? rows * o.k.positions * a.size : 0);
  const size_t v = plan.AddArray<float>(biased ? rows * o.k.positions * a.v_size : 0),
               mask = plan.Add(MaskElements(padding, bias, a) * sizeof(float));
  const size_t keys = plan.AddArray<float>(cached ? rows * cache.rows * a.size + gathered * a.size : 0),
               values = plan.AddArray<float>(cached ? rows * cache.rows * a.v_size + gathered * a.v_size : 0);
  const size_t scratch = plan.Add(kernels::AttentionWorkspace(a, context.thread_pool().threads()));
  ASSIGN_OR_RETURN(char* workspace, plan.Allocate(context));
  const auto part = [&](size_t offset) { return reinterpret_cast<float*>(workspace + offset); };
  if (biased) {
    const float* b = context.input(in.bias).ptr<float>();
    AddHeadBias(a.batch, a.q_heads, b, o.q, part(q));
    AddHeadBias(a.batch, a.q_heads, b + a.q_heads * a.size, o.k, part(k));
    AddHeadBias(a.batch, a.q_heads, b + 2 * a.q_heads * a.size, o.v, part(v));
  }
  a.q = o.q.view, a.k = o.k.view, a.v = o.v.view;
  if (cached) {
    const auto append = [&](size_t past_input, size_t output, const Heads& fresh, float* out) -> StatusOr<HeadsView<const float>> {
      float* const spare = out + rows * cache.rows * fresh.size;
      if (WantsOutput(context, output)) {
        ASSIGN_OR_RETURN(TensorView present, context.Output(output, DataType::kFloat, Dims{a.batch, a.q_heads, cache.rows, fresh.size}));
        out = present.mutable_ptr<float>();
      }
      const bool any = cache.past > 0 || cache.shared;
      UpdateCache(cache, a.batch, a.q_heads, any ? context.input(past_input).ptr<float>() : nullptr, fresh, out);
      if (!cache.beams) return HeadsOutermost<const float>(out, a.q_heads, cache.rows, fresh.size);
      GatherBeams(cache, a.batch, a.q_heads, a.keys, out, fresh.size, spare);
      return HeadsOutermost<const float>(spare, a.q_heads, a.keys, fresh.size);
    };
    ASSIGN_OR_RETURN(a.k, append(in.past_key, 1, o.k, part(keys)));
    ASSIGN_OR_RETURN(a.v, append(in.past_value, 2, o.v, part(values)));
  }
  RETURN_IF_ERROR(SetAttentionMask(padding, bias, state.filter, a, part(mask)));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, Dims{a.batch, a.queries, a.q_heads * a.v_size}));
  a.y = PositionsOutermost(y.mutable_ptr<float>(), a.q_heads, a.queries, a.v_size);
  if (WantsOutput(context, 3)) {
    ASSIGN_OR_RETURN(TensorView scores, context.Output(3, DataType::kFloat, Dims{a.batch, a.q_heads, a.queries, a.keys}));
    a.scores = scores.mutable_ptr<float>();
    a.scores_output = kernels::ScoresOutput::kRaw;
  }
  kernels::Attention(a, workspace + scratch, context.thread_pool());
  return Status();
}

}  // namespace

StatusOr<std::unique_ptr<Kernel>> CreateMultiHeadAttention(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const FusedAttentionState state, ReadFusedAttention(node));
  return MakeKernel([state](KernelContext& context) { return RunMultiHead(context, state, kMultiHead); });
}

StatusOr<std::unique_ptr<Kernel>> CreateDecoderMaskedMultiHeadAttention(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const FusedAttentionState state, ReadFusedAttention(node));
  return MakeKernel([state](KernelContext& context) { return RunMultiHead(context, state, kDecoderMasked); });
}

}  // namespace sardonyx::cpu
