// GroupQueryAttention of com.microsoft: the attention of decoders with a cache and rotary positions.
#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "kernels/attention/rotary.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/matrix_attention.h"
#include "providers/cpu/matrix_attention_cache.h"
#include "providers/cpu/workspace.h"

namespace sardonyx::cpu {
namespace {

using kernels::AttentionArguments;
using kernels::HeadsOutermost;
using kernels::HeadsView;
using kernels::PositionsOutermost;

enum Input : size_t {
  kQuery,
  kKey,
  kValue,
  kPastKey,
  kPastValue,
  kLengths,
  kTotal,
  kCos,
  kSin,
  kPositions,
  kBias,
  kSink,
  kKeyScale,
  kValueScale,
  kQueryNorm,
  kKeyNorm
};

struct State {
  int64_t heads = 0, kv_heads = 0, window = -1;
  float scale = 0, softcap = 0;
  bool rotary = false, interleaved = false, smooth = false, causal = true;
  bool sliding = false;  // caches hold the last positions only
  kernels::ScoresOutput scores = kernels::ScoresOutput::kNone;
  std::string key_mode, value_mode;  // how a quantized cache is scaled
  int64_t cache_bits = 0;
  float norm_epsilon = 1e-6f;
};

bool Has(const KernelContext& context, size_t i) { return i < context.num_inputs() && context.has_input(i); }

struct Shape {
  int64_t batch = 0, queries = 0, size = 0;
  int64_t past = 0;     // rows of the past cache
  int64_t present = 0;  // rows of the present cache
  int64_t keys = 0;     // rows of it that some query may see
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
    // 4-bit caches hold two elements a byte.
    const int64_t row = context.input(kPastKey).dtype == DataType::kUint8 ? (s.size + 1) / 2 : s.size;
    if (past.rank() != 4 || !(past == Dims{s.batch, state.kv_heads, past[2], row}) || !(context.input(kPastValue).dims == past))
      return Invalid(fmt::format("past_key {} does not fit", past.ToString()));
    s.past = past[2];
  }
  const TensorView &lengths = context.input(kLengths), &total = context.input(kTotal);
  if (lengths.dtype != DataType::kInt32 || lengths.num_elements() != s.batch || total.dtype != DataType::kInt32 ||
      total.num_elements() != 1)
    return Invalid(fmt::format("seqlens_k {} must be [{}] and total_sequence_length one int32", lengths.TypeString(), s.batch));
  const int64_t keys = total.ptr<int32_t>()[0];
  if (state.sliding && s.past < state.window)
    return Invalid(fmt::format("caches of {} positions for a window of {}", s.past, state.window));
  if (keys < s.queries || (!state.sliding && keys > s.past + s.queries))
    return Invalid(fmt::format("total_sequence_length is {} after {} cached and {} new positions", keys, s.past, s.queries));
  s.present = std::max(s.past, keys);
  s.keys = keys;
  s.prompt = keys == s.queries;
  for (int32_t length : lengths.as<int32_t>())
    if (length < 0 || length >= keys || (!s.prompt && length + 1 < s.queries))
      return Invalid(fmt::format("seqlens_k holds {} where {} positions are valid", length, keys));
  if (state.sliding) s.keys = s.present = s.past + s.queries;  // what is kept with what is new
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

// Each head over the root of its mean square, times the weight; into a copy.
Status Normalize(const KernelContext& context, const State& state, const Shape& s, size_t weight, int64_t heads, float* copy,
                 HeadsView<const float>& x) {
  if (context.input(weight).dtype != DataType::kFloat || context.input(weight).num_elements() != s.size)
    return Invalid(fmt::format("q_norm_weight and k_norm_weight must be [{}]", s.size));
  const float* factors = context.input(weight).ptr<float>();
  float* out = copy;
  for (int64_t b = 0; b < s.batch; ++b)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t p = 0; p < s.queries; ++p) {
        const float* in = x.At(b, h, p);
        double sum = 0;
        for (int64_t i = 0; i < s.size; ++i) sum += static_cast<double>(in[i]) * in[i];
        const auto inverse = static_cast<float>(1 / std::sqrt(sum / static_cast<double>(s.size) + static_cast<double>(state.norm_epsilon)));
        for (int64_t i = 0; i < s.size; ++i) *out++ = in[i] * inverse * factors[i];
      }
  x = HeadsOutermost<const float>(copy, heads, s.queries, s.size);
  return Status();
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

// The same for a quantized cache: into the codes `present`, and as floats into `values`, [batch, kv heads, keys, size].
void UpdateQuantizedCache(const QuantizedCache& q, const Shape& s, const int64_t* offsets, const uint8_t* past,
                          const HeadsView<const float>& fresh, uint8_t* present, float* values) {
  const int64_t row = q.row_bytes();
  for (int64_t b = 0; b < s.batch; ++b)
    for (int64_t h = 0; h < q.heads; ++h) {
      uint8_t* out = present + (b * q.heads + h) * s.present * row;
      const int64_t kept = std::min(offsets[b], s.past), count = std::min(s.queries, s.present - kept);
      if (kept > 0) std::copy_n(past + (b * q.heads + h) * s.past * row, kept * row, out);
      for (int64_t p = 0; p < count; ++p) q.Quantize(h, fresh.At(b, h, p), out + (kept + p) * row);
      std::fill(out + (kept + count) * row, out + s.present * row, uint8_t{0});
      for (int64_t p = 0; p < s.keys; ++p, values += q.size) q.Dequantize(h, out + p * row, values);
    }
}

// How many positions a cache of `capacity` rows keeps of `total`: what leaves it does so `capacity - window + 1` at a time.
int64_t KeptPositions(int64_t total, int64_t capacity, int64_t window) {
  if (total <= capacity) return total;
  const int64_t step = capacity - window + 1;
  return total - (total - capacity + step - 1) / step * step;
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

// One run. Buffers are offsets in the workspace until it is allocated.
class GroupQuery {
 public:
  GroupQuery(KernelContext& context, const State& state, const Shape& shape) : context_(context), state_(state), s_(shape) {}

  Status Run() {
    RETURN_IF_ERROR(ReadCaches());
    RETURN_IF_ERROR(SetArguments());
    RETURN_IF_ERROR(Allocate());
    RETURN_IF_ERROR(SetPositions());
    Operands o = ReadOperands(context_, state_, s_);
    if (normalized_) {
      RETURN_IF_ERROR(Normalize(context_, state_, s_, kQueryNorm, state_.heads, Floats(q_normal_), o.q));
      RETURN_IF_ERROR(Normalize(context_, state_, s_, kKeyNorm, state_.kv_heads, Floats(k_normal_), o.k));
    }
    if (state_.rotary) RETURN_IF_ERROR(Rotate(context_, state_, s_, Integers(positions_), Floats(q_copy_), Floats(k_copy_), o));
    a_.q = o.q;
    ASSIGN_OR_RETURN(a_.k, Cache(key_codes_, kPastKey, 1, o.k, key_bytes_, Floats(keys_)));
    ASSIGN_OR_RETURN(a_.v, Cache(value_codes_, kPastValue, 2, o.v, value_bytes_, Floats(values_)));
    const bool wants_scores = context_.num_outputs() > 3 && context_.has_output(3);
    if (wants_scores) {
      ASSIGN_OR_RETURN(TensorView scores, context_.Output(3, DataType::kFloat, Dims{s_.batch, state_.heads, s_.queries, s_.keys}));
      a_.scores = scores.mutable_ptr<float>();
      a_.scores_output = state_.scores;
    }
    RETURN_IF_ERROR(SetSinks());
    ASSIGN_OR_RETURN(TensorView y, context_.Output(0, DataType::kFloat, Dims{s_.batch, s_.queries, state_.heads * s_.size}));
    a_.y = PositionsOutermost(y.mutable_ptr<float>(), state_.heads, s_.queries, s_.size);
    kernels::Attention(a_, workspace_ + scratch_, context_.thread_pool());
    // Keys that a query does not see have no score, which ONNX Runtime writes as 0.
    if (wants_scores)
      std::replace(a_.scores, a_.scores + s_.batch * state_.heads * s_.queries * s_.keys, -std::numeric_limits<float>::infinity(), 0.0f);
    return Status();
  }

 private:
  float* Floats(size_t offset) const { return reinterpret_cast<float*>(workspace_ + offset); }
  int64_t* Integers(size_t offset) const { return reinterpret_cast<int64_t*>(workspace_ + offset); }

  Status ReadCaches() {
    quantized_ = Has(context_, kPastKey) && context_.input(kPastKey).dtype != DataType::kFloat;
    if (!quantized_) {
      if (Has(context_, kPastKey) && context_.input(kPastValue).dtype != DataType::kFloat)
        return Invalid("past_key and past_value are of unlike types");
      return Status();
    }
    const auto scale = [&](size_t i) { return Has(context_, i) ? &context_.input(i) : nullptr; };
    ASSIGN_OR_RETURN(key_codes_, ReadQuantizedCache(context_.input(kPastKey), scale(kKeyScale), state_.key_mode, state_.kv_heads, s_.size));
    ASSIGN_OR_RETURN(value_codes_,
                     ReadQuantizedCache(context_.input(kPastValue), scale(kValueScale), state_.value_mode, state_.kv_heads, s_.size));
    if (key_codes_.dtype != value_codes_.dtype) return Invalid("past_key and past_value are of unlike types");
    if (key_codes_.dtype == DataType::kUint8 && state_.cache_bits != 4) return Unsupported("a cache of uint8 that is not of 4 bits");
    return Status();
  }

  Status SetArguments() {
    a_.batch = s_.batch, a_.q_heads = state_.heads, a_.kv_heads = state_.kv_heads;
    a_.queries = s_.queries, a_.keys = s_.keys;
    a_.size = a_.v_size = s_.size;
    a_.scale = state_.scale != 0 ? state_.scale : static_cast<float>(1 / std::sqrt(static_cast<double>(std::max<int64_t>(1, s_.size))));
    a_.softcap = state_.softcap;
    a_.causal = state_.causal;
    if (state_.window > 0) a_.left_window = state_.window - 1;
    normalized_ = Has(context_, kQueryNorm) && Has(context_, kKeyNorm);
    return SetBias(context_, a_);
  }

  Status Allocate() {
    WorkspacePlan plan;
    const int64_t kv = s_.batch * state_.kv_heads, q_floats = s_.batch * state_.heads * s_.queries * s_.size;
    const int64_t k_floats = kv * s_.queries * s_.size;
    lengths_ = plan.AddArray<int64_t>(s_.batch);
    offsets_ = plan.AddArray<int64_t>(s_.batch);
    positions_ = plan.AddArray<int64_t>(s_.batch * s_.queries);
    q_normal_ = plan.AddArray<float>(normalized_ ? q_floats : 0);
    k_normal_ = plan.AddArray<float>(normalized_ ? k_floats : 0);
    key_bytes_ = plan.Add(quantized_ ? static_cast<size_t>(kv * s_.present * key_codes_.row_bytes()) : 0);
    value_bytes_ = plan.Add(quantized_ ? static_cast<size_t>(kv * s_.present * value_codes_.row_bytes()) : 0);
    q_copy_ = plan.AddArray<float>(state_.rotary ? q_floats : 0);
    k_copy_ = plan.AddArray<float>(state_.rotary ? k_floats : 0);
    sinks_ = plan.AddArray<float>(state_.smooth ? state_.heads : 0);
    keys_ = plan.AddArray<float>(kv * s_.present * s_.size);
    values_ = plan.AddArray<float>(kv * s_.present * s_.size);
    scratch_ = plan.Add(kernels::AttentionWorkspace(a_, context_.thread_pool().threads()));
    ASSIGN_OR_RETURN(workspace_, plan.Allocate(context_));
    return Status();
  }

  Status SetPositions() {
    int64_t *const length = Integers(lengths_), *const offset = Integers(offsets_), *const position = Integers(positions_);
    for (int64_t b = 0; b < s_.batch; ++b) {
      length[b] = context_.input(kLengths).ptr<int32_t>()[b] + 1;
      offset[b] = s_.prompt ? 0 : length[b] - s_.queries;
      for (int64_t i = 0; i < s_.queries; ++i) position[b * s_.queries + i] = offset[b] + i;
      if (!state_.sliding) continue;
      // From here on rows of the cache count, not positions.
      const int64_t kept = KeptPositions(offset[b], s_.past, state_.window);
      length[b] += kept - offset[b];
      offset[b] = kept;
    }
    if (Has(context_, kPositions)) {
      if (context_.input(kPositions).num_elements() != s_.batch * s_.queries)
        return Invalid(fmt::format("position_ids must be [{},{}]", s_.batch, s_.queries));
      std::copy_n(context_.input(kPositions).ptr<int64_t>(), s_.batch * s_.queries, position);
    }
    a_.lengths = length;
    a_.offsets = offset;
    return Status();
  }

  // The cache with the new heads, as output if it is wanted, and as floats for the attention.
  StatusOr<HeadsView<const float>> Cache(const QuantizedCache& codes, size_t past, size_t output, const HeadsView<const float>& fresh,
                                         size_t bytes, float* floats) {
    const DataType dtype = quantized_ ? codes.dtype : DataType::kFloat;
    void* out = quantized_ ? static_cast<void*>(workspace_ + bytes) : floats;
    if (!state_.sliding && output < context_.num_outputs() && context_.has_output(output)) {
      const Dims dims{s_.batch, state_.kv_heads, s_.present, quantized_ ? codes.row_bytes() : s_.size};
      ASSIGN_OR_RETURN(TensorView present, context_.Output(output, dtype, dims));
      out = present.data;
    }
    const void* old = Has(context_, past) ? context_.input(past).data : nullptr;
    if (quantized_) {
      UpdateQuantizedCache(codes, s_, Integers(offsets_), static_cast<const uint8_t*>(old), fresh, static_cast<uint8_t*>(out), floats);
      RETURN_IF_ERROR(WriteWindow(output, dtype, codes.row_bytes(), codes.row_bytes(), out));
      return HeadsOutermost<const float>(floats, state_.kv_heads, s_.keys, s_.size);
    }
    UpdateCache(state_, s_, Integers(offsets_), static_cast<const float*>(old), fresh, static_cast<float*>(out));
    RETURN_IF_ERROR(WriteWindow(output, dtype, s_.size, s_.size * static_cast<int64_t>(sizeof(float)), out));
    return HeadsOutermost<const float>(static_cast<const float*>(out), state_.kv_heads, s_.present, s_.size);
  }

  // Of a cache that holds a window: the last rows of `all`, [batch, kv heads, rows, row], to the front; zeros behind.
  Status WriteWindow(size_t output, DataType dtype, int64_t row, int64_t row_bytes, const void* all) {
    if (!state_.sliding || output >= context_.num_outputs() || !context_.has_output(output)) return Status();
    ASSIGN_OR_RETURN(TensorView present, context_.Output(output, dtype, Dims{s_.batch, state_.kv_heads, s_.past, row}));
    auto* to = static_cast<char*>(present.data);
    for (int64_t i = 0; i < s_.batch * state_.kv_heads; ++i, to += s_.past * row_bytes) {
      const int64_t b = i / state_.kv_heads, length = Integers(lengths_)[b];
      const int64_t total = context_.input(kLengths).ptr<int32_t>()[b] + 1, kept = KeptPositions(total, s_.past, state_.window);
      const char* from = static_cast<const char*>(all) + (i * s_.present + length - kept) * row_bytes;
      std::copy_n(from, kept * row_bytes, to);
      std::fill(to + kept * row_bytes, to + s_.past * row_bytes, char{0});
    }
    return Status();
  }

  Status SetSinks() {
    if (Has(context_, kSink)) {
      if (context_.input(kSink).num_elements() != state_.heads) return Invalid(fmt::format("head_sink must be [{}]", state_.heads));
      a_.sinks = context_.input(kSink).ptr<float>();
    } else if (state_.smooth) {
      std::fill_n(Floats(sinks_), state_.heads, 0.0f);
      a_.sinks = Floats(sinks_);
    }
    return Status();
  }

  KernelContext& context_;
  const State& state_;
  const Shape& s_;
  AttentionArguments<float> a_;
  bool quantized_ = false, normalized_ = false;
  QuantizedCache key_codes_, value_codes_;
  char* workspace_ = nullptr;
  size_t lengths_ = 0, offsets_ = 0, positions_ = 0, q_normal_ = 0, k_normal_ = 0, key_bytes_ = 0, value_bytes_ = 0, q_copy_ = 0,
         k_copy_ = 0, sinks_ = 0, keys_ = 0, values_ = 0, scratch_ = 0;
};

Status Run(KernelContext& context, const State& state) {
  for (size_t i : {kQuery, kKey, kValue, kCos, kSin, kBias, kSink})
    if (Has(context, i) && context.input(i).dtype != DataType::kFloat)
      return Unsupported(fmt::format("GroupQueryAttention on {}", context.input(i).TypeString()));
  ASSIGN_OR_RETURN(const Shape shape, Plan(context, state));
  return GroupQuery(context, state, shape).Run();
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
  state.causal = node.GetInt("causal", 1) != 0;
  if (!state.causal && state.window > 0) return Invalid("a window of causal attention on one that is not causal");
  state.sliding = node.GetInt("sliding_window_cache") != 0;
  if (state.sliding && state.window < 1) return Invalid("sliding_window_cache needs local_window_size");
  if (state.sliding && ((node.num_outputs() > 3 && node.has_output(3)) || (node.num_inputs() > kBias && node.has_input(kBias))))
    return Unsupported("GroupQueryAttention whose cache holds a window only, with attention_bias or output_qk");
  state.scores = node.GetInt("qk_output") == 2 ? kernels::ScoresOutput::kProbabilities : kernels::ScoresOutput::kBiased;
  if (node.num_outputs() > 3 && node.has_output(3) && node.GetInt("qk_output") == 0)
    return Invalid("the output output_qk without qk_output");
  state.key_mode = node.GetString("k_quant_type", "NONE");
  state.value_mode = node.GetString("v_quant_type", "NONE");
  state.cache_bits = node.GetInt("kv_cache_bit_width");
  state.norm_epsilon = node.GetFloat("qk_norm_epsilon", 1e-6f);
  return MakeKernel([state](KernelContext& context) { return Run(context, state); });
}

}  // namespace sardonyx::cpu
