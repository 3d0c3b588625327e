// Attention of ai.onnx (versions 23 to 25), and the list of attention operators.
#include "providers/cpu/matrix_attention.h"

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "kernels/reduce/narrow_softmax.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/matrix.h"
#include "providers/cpu/widened.h"
#include "providers/cpu/workspace.h"

namespace sardonyx::cpu {
namespace {

using kernels::AttentionArguments;
using kernels::HeadsOutermost;
using kernels::HeadsView;
using kernels::PositionsOutermost;

enum Input : size_t { kQ, kK, kV, kMask, kPastKey, kPastValue, kLengths };
enum Output : size_t { kY, kPresentKey, kPresentValue, kScores };

struct State {
  int64_t q_heads = 0, kv_heads = 0;  // of 3-D inputs
  bool causal = false;
  bool has_scale = false;
  float scale = 1, softcap = 0;
  int64_t left_window = -1, right_window = -1;
  int64_t scores_mode = 0;
  bool pads_short_mask = true;  // since version 24
  DataType rounding = DataType::kUndefined, softmax_rounding = DataType::kUndefined;  // as in AttentionArguments
};

bool Has(const KernelContext& context, size_t i) { return i < context.num_inputs() && context.has_input(i); }
bool Wants(const KernelContext& context, size_t i) { return i < context.num_outputs() && context.has_output(i); }

// [batch, heads, positions, size], however the tensor has it.
struct HeadDims {
  int64_t batch, heads, positions, size;
};
StatusOr<HeadDims> ReadHeads(std::string_view name, const Dims& dims, int64_t heads) {
  if (dims.rank() == 4) return HeadDims{dims[0], dims[1], dims[2], dims[3]};
  if (dims.rank() != 3) return Invalid(fmt::format("{} {} must have rank 3 or 4", name, dims.ToString()));
  if (heads < 1) return Invalid(fmt::format("{} {} has rank 3, so q_num_heads and kv_num_heads are needed", name, dims.ToString()));
  if (dims[2] % heads != 0) return Invalid(fmt::format("{} {} cannot be split into {} heads", name, dims.ToString(), heads));
  return HeadDims{dims[0], heads, dims[1], dims[2] / heads};
}

template <class T>
HeadsView<T> ViewHeads(T* data, size_t rank, const HeadDims& d) {
  return rank == 4 ? HeadsOutermost<T>(data, d.heads, d.positions, d.size) : PositionsOutermost<T>(data, d.heads, d.positions, d.size);
}

struct Shapes {
  HeadDims q, k, v;
  int64_t past = 0;
};
StatusOr<Shapes> PlanShapes(const KernelContext& context, const State& state) {
  Shapes s{};
  ASSIGN_OR_RETURN(s.q, ReadHeads("Q", context.input(kQ).dims, state.q_heads));
  ASSIGN_OR_RETURN(s.k, ReadHeads("K", context.input(kK).dims, state.kv_heads));
  ASSIGN_OR_RETURN(s.v, ReadHeads("V", context.input(kV).dims, state.kv_heads));
  if (s.k.batch != s.q.batch || s.v.batch != s.q.batch || s.k.heads != s.v.heads || s.k.positions != s.v.positions || s.k.size != s.q.size)
    return Invalid(fmt::format("Q {}, K {} and V {} do not fit", context.input(kQ).dims.ToString(), context.input(kK).dims.ToString(),
                               context.input(kV).dims.ToString()));
  if (s.k.heads < 1 || s.q.heads % s.k.heads != 0)
    return Invalid(fmt::format("{} query heads are no multiple of {} key heads", s.q.heads, s.k.heads));
  if (Has(context, kPastKey) != Has(context, kPastValue)) return Invalid("past_key and past_value must be given together");
  if (!Has(context, kPastKey)) return s;
  if (Has(context, kLengths)) return Invalid("nonpad_kv_seqlen cannot be combined with past_key");
  const Dims &key = context.input(kPastKey).dims, &value = context.input(kPastValue).dims;
  if (key.rank() != 4 || !(key == Dims{s.k.batch, s.k.heads, key[2], s.k.size}) || !(value == Dims{s.v.batch, s.v.heads, key[2], s.v.size}))
    return Invalid(fmt::format("past_key {} and past_value {} do not fit K and V", key.ToString(), value.ToString()));
  s.past = key[2];
  return s;
}

// [batch, heads, past + positions, size]: the past, then the new.
template <class T>
void Concatenate(const KernelContext& context, const HeadDims& d, int64_t past, const T* old, const HeadsView<const T>& fresh, T* out) {
  const int64_t row = (past + d.positions) * d.size;
  context.ParallelFor(d.batch * d.heads, static_cast<double>(row) / 2, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      T* to = out + i * row;
      if (past > 0) to = std::copy_n(old + i * past * d.size, past * d.size, to);
      for (int64_t p = 0; p < d.positions; ++p) to = std::copy_n(fresh.At(i / d.heads, i % d.heads, p), d.size, to);
    }
  });
}

// The keys (or values) that are attended to: the input itself, or the present cache, in its output or the workspace.
template <class T>
StatusOr<HeadsView<const T>> Present(KernelContext& context, size_t input, size_t past_input, size_t output, const HeadDims& d,
                                     int64_t past, T* scratch) {
  const TensorView& fresh = context.input(input);
  const HeadsView<const T> view = ViewHeads<const T>(fresh.ptr<T>(), fresh.rank(), d);
  const bool wanted = Wants(context, output);
  if (past == 0 && !wanted) return view;
  if (wanted) {
    ASSIGN_OR_RETURN(TensorView present, context.Output(output, DataTypeOf<T>::value, Dims{d.batch, d.heads, past + d.positions, d.size}));
    scratch = present.mutable_ptr<T>();
  }
  Concatenate<T>(context, d, past, past > 0 ? context.input(past_input).ptr<T>() : nullptr, view, scratch);
  return HeadsOutermost<const T>(scratch, d.heads, past + d.positions, d.size);
}

// The mask as T: booleans become 0 and -inf.
template <class T>
Status ConvertMask(const TensorView& mask, T* out) {
  const int64_t count = mask.num_elements();
  if (mask.dtype == DataType::kBool) {
    for (int64_t i = 0; i < count; ++i) out[i] = mask.ptr<bool>()[i] ? T{0} : -std::numeric_limits<T>::infinity();
    return Status();
  }
  return Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t>(
      mask.dtype, "attn_mask", [&]<class M>() -> Status {
        std::transform(mask.ptr<M>(), mask.ptr<M>() + count, out, [](M v) { return static_cast<T>(v); });
        return Status();
      });
}

// Strides of a mask that is broadcast to (batch, heads, queries, keys).
template <class T>
Status SetMask(const Dims& dims, bool pads_short, AttentionArguments<T>& a) {
  if (dims.rank() > 4 || dims.empty()) return Invalid(fmt::format("attn_mask {} must have rank 1 to 4", dims.ToString()));
  const int64_t full[4] = {a.batch, a.q_heads, a.queries, a.keys};
  int64_t stride = 1;
  for (size_t i = 0; i < dims.rank(); ++i) {
    const size_t axis = 3 - i;
    const int64_t dim = dims[dims.rank() - 1 - i];
    const bool shorter = axis == 3 && dim < a.keys && (pads_short || dim != 1);
    if (shorter && !pads_short) return Invalid(fmt::format("attn_mask {} has fewer than {} keys", dims.ToString(), a.keys));
    if (dim != full[axis] && dim != 1 && !shorter)
      return Invalid(fmt::format("attn_mask {} cannot be broadcast to [{},{},{},{}]", dims.ToString(), full[0], full[1], full[2], full[3]));
    a.mask_strides[axis] = dim == 1 && !shorter ? 0 : stride;
    stride *= dim;
  }
  a.mask_keys = dims.back() < a.keys && pads_short ? dims.back() : a.keys;
  return Status();
}

template <class T>
Status CheckLengths(const KernelContext& context, AttentionArguments<T>& a) {
  if (!Has(context, kLengths)) return Status();
  const TensorView& lengths = context.input(kLengths);
  if (lengths.num_elements() != a.batch) return Invalid(fmt::format("nonpad_kv_seqlen {} must be [{}]", lengths.dims.ToString(), a.batch));
  for (int64_t length : lengths.as<int64_t>())
    if (length < 0 || length > a.keys) return Invalid(fmt::format("nonpad_kv_seqlen holds {}, beyond the {} keys", length, a.keys));
  a.lengths = lengths.ptr<int64_t>();
  return Status();
}

// Replaces Q or K by its product with the root of the scale, as the operator's body has it, rounded to the narrow type.
void ScaleHeads(const HeadDims& d, float scale_root, DataType rounding, HeadsView<const float>& heads, float* out) {
  const HeadsView<float> scaled = HeadsOutermost<float>(out, d.heads, d.positions, d.size);
  for (int64_t b = 0; b < d.batch; ++b)
    for (int64_t h = 0; h < d.heads; ++h)
      for (int64_t p = 0; p < d.positions; ++p)
        std::transform(heads.At(b, h, p), heads.At(b, h, p) + d.size, scaled.At(b, h, p), [&](float v) { return v * scale_root; });
  kernels::RoundTo(rounding, out, d.batch * d.heads * d.positions * d.size);
  heads = HeadsOutermost<const float>(out, d.heads, d.positions, d.size);
}

template <class T>
Status Run(KernelContext& context, const State& state) {
  ASSIGN_OR_RETURN(const Shapes s, PlanShapes(context, state));
  for (size_t i : {kK, kV, kPastKey, kPastValue})
    if (Has(context, i) && context.input(i).dtype != DataTypeOf<T>::value)
      return Unsupported("Attention whose inputs differ in element type");
  AttentionArguments<T> a;
  a.batch = s.q.batch, a.q_heads = s.q.heads, a.kv_heads = s.k.heads;
  a.queries = s.q.positions, a.keys = s.past + s.k.positions;
  a.size = s.q.size, a.v_size = s.v.size;
  a.scale = static_cast<T>(state.has_scale ? state.scale : 1 / std::sqrt(static_cast<double>(std::max<int64_t>(1, a.size))));
  a.softcap = static_cast<T>(state.softcap);
  a.rounding = state.rounding;
  a.softmax_rounding = state.softmax_rounding;
  a.causal = state.causal;
  a.left_window = state.left_window;
  a.right_window = state.right_window;
  a.past = s.past;
  RETURN_IF_ERROR(CheckLengths(context, a));
  WorkspacePlan plan;
  const bool has_mask = Has(context, kMask);
  if (has_mask) RETURN_IF_ERROR(SetMask(context.input(kMask).dims, state.pads_short_mask, a));
  const bool cached = s.past > 0;
  const bool converts_mask = has_mask && context.input(kMask).dtype != DataTypeOf<T>::value;
  const size_t mask = plan.AddArray<T>(converts_mask ? context.input(kMask).num_elements() : 0);
  const size_t keys = plan.AddArray<T>(cached && !Wants(context, kPresentKey) ? a.batch * a.kv_heads * a.keys * a.size : 0);
  const size_t values = plan.AddArray<T>(cached && !Wants(context, kPresentValue) ? a.batch * a.kv_heads * a.keys * a.v_size : 0);
  const bool rounds = std::is_same_v<T, float> && kernels::IsNarrowFloat(state.rounding) && a.scale >= 0;  // its root is taken
  const HeadDims present{a.batch, a.kv_heads, a.keys, a.size};
  const size_t scaled_q = plan.AddArray<T>(rounds ? a.batch * a.q_heads * a.queries * a.size : 0);
  const size_t scaled_k = plan.AddArray<T>(rounds ? a.batch * a.kv_heads * a.keys * a.size : 0);
  const size_t scratch = plan.Add(kernels::AttentionWorkspace(a, context.thread_pool().threads()));
  ASSIGN_OR_RETURN(char* workspace, plan.Allocate(context));
  if (has_mask) a.mask = context.input(kMask).ptr<T>();
  if (converts_mask) {
    RETURN_IF_ERROR(ConvertMask<T>(context.input(kMask), reinterpret_cast<T*>(workspace + mask)));
    a.mask = reinterpret_cast<const T*>(workspace + mask);
  }
  const TensorView& q = context.input(kQ);
  a.q = ViewHeads<const T>(q.ptr<T>(), q.rank(), s.q);
  ASSIGN_OR_RETURN(a.k, Present<T>(context, kK, kPastKey, kPresentKey, s.k, s.past, reinterpret_cast<T*>(workspace + keys)));
  ASSIGN_OR_RETURN(a.v, Present<T>(context, kV, kPastValue, kPresentValue, s.v, s.past, reinterpret_cast<T*>(workspace + values)));
  if constexpr (std::is_same_v<T, float>) {
    if (rounds) {
      float root = std::sqrt(a.scale);
      kernels::RoundTo(state.rounding, &root, 1);
      ScaleHeads(s.q, root, state.rounding, a.q, reinterpret_cast<float*>(workspace + scaled_q));
      ScaleHeads(present, root, state.rounding, a.k, reinterpret_cast<float*>(workspace + scaled_k));
      a.scale = 1;
    }
  }
  const Dims y_dims = q.rank() == 4 ? Dims{a.batch, a.q_heads, a.queries, a.v_size} : Dims{a.batch, a.queries, a.q_heads * a.v_size};
  ASSIGN_OR_RETURN(TensorView y, context.Output(kY, DataTypeOf<T>::value, y_dims));
  a.y = ViewHeads<T>(y.mutable_ptr<T>(), q.rank(), HeadDims{a.batch, a.q_heads, a.queries, a.v_size});
  if (Wants(context, kScores)) {
    ASSIGN_OR_RETURN(TensorView scores, context.Output(kScores, DataTypeOf<T>::value, Dims{a.batch, a.q_heads, a.queries, a.keys}));
    a.scores = scores.mutable_ptr<T>();
    a.scores_output = static_cast<kernels::ScoresOutput>(state.scores_mode);
  }
  kernels::Attention(a, workspace + scratch, context.thread_pool());
  return Status();
}

StatusOr<std::unique_ptr<Kernel>> CreateAttention(const NodeInfo& node) {
  State state;
  state.q_heads = node.GetInt("q_num_heads");
  state.kv_heads = node.GetInt("kv_num_heads");
  state.causal = node.GetInt("is_causal") != 0;
  state.has_scale = node.HasAttribute("scale");
  state.scale = node.GetFloat("scale", 1);
  state.softcap = node.GetFloat("softcap", 0);
  state.left_window = node.GetInt("left_window_size", -1);
  state.right_window = node.GetInt("right_window_size", -1);
  state.scores_mode = node.GetInt("qk_matmul_output_mode");
  state.pads_short_mask = node.schema().since_version >= 24;
  // The float kernel behind Widened serves narrow types, so their name is that of the node itself.
  if (const ir::Value* q = node.node().input(kQ); q && q->type.is_tensor() && kernels::IsNarrowFloat(q->type.dtype)) state.rounding = q->type.dtype;
  const int64_t precision = node.GetInt("softmax_precision");
  state.softmax_rounding = precision ? static_cast<DataType>(precision) : state.rounding;
  if (state.scores_mode < 0 || state.scores_mode > 3) return Invalid(fmt::format("qk_matmul_output_mode is {}", state.scores_mode));
  if (state.left_window < -1 || state.right_window < -1) return Invalid("a window size is below -1");
  return MakeKernel([state](KernelContext& context) {
    return Dispatch<float, double>(context.input(kQ).dtype, "Attention", [&]<class T>() { return Run<T>(context, state); });
  });
}

constexpr KernelEntry kRows[] = {
    {"", "Attention", "blocks", AcceptsAll, Widened<CreateAttention>},
    {"", "RotaryEmbedding", "reference", AcceptsAll, Widened<CreateRotaryEmbedding>},
    {"com.microsoft", "RotaryEmbedding", "reference", AcceptsAll, Widened<CreateRotaryEmbedding>},
    {"", "LinearAttention", "recurrence", AcceptsAll, Widened<CreateLinearAttention>},
    {"", "TensorScatter", "copy", AcceptsAll, CreateTensorScatter},
    {"com.microsoft", "Attention", "blocks", AcceptsAll, Widened<CreateMicrosoftAttention>},
    {"com.microsoft", "MultiHeadAttention", "blocks", AcceptsAll, Widened<CreateMultiHeadAttention>},
    {"com.microsoft", "DecoderMaskedMultiHeadAttention", "blocks", AcceptsAll, Widened<CreateDecoderMaskedMultiHeadAttention>},
    {"com.microsoft", "GroupQueryAttention", "blocks", AcceptsAll, Widened<CreateGroupQueryAttention>},
    {"ai.onnx.preview", "FlexAttention", "subgraphs", AcceptsAll, Widened<CreateFlexAttention>},
};

}  // namespace

std::span<const KernelEntry> AttentionKernels() { return kRows; }

}  // namespace sardonyx::cpu
