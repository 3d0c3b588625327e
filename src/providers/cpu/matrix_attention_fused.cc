#include "providers/cpu/matrix_attention_fused.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/status_macros.h"

namespace sardonyx::cpu {

using kernels::AttentionArguments;
using kernels::HeadsView;

StatusOr<FusedAttentionState> ReadFusedAttention(const NodeInfo& node) {
  FusedAttentionState state;
  state.heads = node.GetInt("num_heads");
  if (state.heads < 1) return Invalid(fmt::format("num_heads is {}", state.heads));
  state.causal = node.GetInt("unidirectional") != 0;
  state.scale = node.GetFloat("scale", 0);
  state.filter = node.GetFloat("mask_filter_value", -10000);
  return state;
}

float AttentionScale(const FusedAttentionState& state, int64_t size) {
  return state.scale != 0 ? state.scale : static_cast<float>(1 / std::sqrt(static_cast<double>(std::max<int64_t>(1, size))));
}

Status CheckFloatInputs(const KernelContext& context, std::initializer_list<size_t> inputs) {
  for (size_t i : inputs)
    if (HasInput(context, i) && context.input(i).dtype != DataType::kFloat)
      return Unsupported(fmt::format("attention on {}", context.input(i).TypeString()));
  return Status();
}

namespace {

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
        if (lengths)
          hidden = j >= m[b] || (count == 2 * batch && batch != 0 && j < m[batch + b]);
        else
          hidden = m[mask.rank() == 2 ? b * keys + j : (b * queries + i) * keys + j] == 0;
        if (hidden) out[(b * queries + i) * keys + j] += filter;
      }
  return Status();
}

}  // namespace

Status SetAttentionMask(const TensorView* padding, const TensorView* bias, float filter, AttentionArguments<float>& a, float* scratch) {
  if (bias) {
    const Dims& d = bias->dims;
    if (d.rank() != 4 || (d[0] != 1 && d[0] != a.batch) || (d[1] != 1 && d[1] != a.q_heads) || d[2] != a.queries || d[3] != a.keys)
      return Invalid(
          fmt::format("attention_bias {} does not fit {} heads, {} queries and {} keys", d.ToString(), a.q_heads, a.queries, a.keys));
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
      for (int64_t i = matrix; i-- > 0;)
        scratch[(b * heads + h) * matrix + i] = scratch[b * matrix + i] + bias->ptr<float>()[b * bias_batch + h * bias_head + i];
  a.mask = scratch;
  const int64_t strides[4] = {(bias ? heads : 1) * matrix, bias && by_head ? matrix : 0, a.keys, 1};
  std::copy_n(strides, 4, a.mask_strides);
  return Status();
}

size_t MaskElements(const TensorView* padding, const TensorView* bias, const AttentionArguments<float>& a) {
  if (!padding) return 0;
  return static_cast<size_t>(a.batch * (bias && bias->rank() == 4 && bias->dims[1] != 1 ? a.q_heads : 1) * a.queries * a.keys);
}

void AppendHeads(int64_t batch, int64_t heads, int64_t past, const float* old, int64_t positions, const HeadsView<const float>& fresh,
                 int64_t size, float* out) {
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t h = 0; h < heads; ++h) {
      if (past > 0) out = std::copy_n(old + (b * heads + h) * past * size, past * size, out);
      for (int64_t p = 0; p < positions; ++p) out = std::copy_n(fresh.At(b, h, p), size, out);
    }
}

}  // namespace sardonyx::cpu
