// What the attention operators of com.microsoft share.
#pragma once

#include "kernels/attention/attention.h"
#include "providers/cpu/registry.h"

namespace sardonyx::cpu {

struct FusedAttentionState {
  int64_t heads = 0;
  bool causal = false;
  float scale = 0;        // 0: by the head's size
  float filter = -10000;  // added where the padding mask hides a key
};
// num_heads, unidirectional, scale and mask_filter_value.
StatusOr<FusedAttentionState> ReadFusedAttention(const NodeInfo& node);
float AttentionScale(const FusedAttentionState& state, int64_t head_size);

inline bool HasInput(const KernelContext& context, size_t i) { return i < context.num_inputs() && context.has_input(i); }
inline bool WantsOutput(const KernelContext& context, size_t i) { return i < context.num_outputs() && context.has_output(i); }
// kUnsupported unless those of `inputs` that are there are float.
Status CheckFloatInputs(const KernelContext& context, std::initializer_list<size_t> inputs);

// A padding mask (lengths [B], or 3B+2 with the lengths first; ends and starts [2B]; [B, T]; [B, S, T]; int32) and a bias
// [1 or B, 1 or N, S, T], either of them null, become the additive mask of `a`. `scratch` has MaskElements() floats.
size_t MaskElements(const TensorView* padding, const TensorView* bias, const kernels::AttentionArguments<float>& a);
Status SetAttentionMask(const TensorView* padding, const TensorView* bias, float filter, kernels::AttentionArguments<float>& a,
                        float* scratch);

// out [batch, heads, past + positions, size]: the past's heads, then the new ones.
void AppendHeads(int64_t batch, int64_t heads, int64_t past, const float* old, int64_t positions,
                 const kernels::HeadsView<const float>& fresh, int64_t size, float* out);

}  // namespace sardonyx::cpu
