// Attention in float32 for several queries at once, a block of keys at a time, without a matrix of scores.
#pragma once

#include "kernels/attention/attention.h"

namespace sardonyx::kernels {

// True unless what is asked for needs every score: outputs of scores, or the rounding of narrow types.
bool FlashAttentionApplies(const AttentionArguments<float>& arguments);
// With fewer queries than this a key is used too rarely for its packing to pay (see attention_few.h).
inline constexpr int64_t kMinFlashQueries = 4;
size_t FlashAttentionWorkspace(const AttentionArguments<float>& arguments, int threads);
void FlashAttention(const AttentionArguments<float>& arguments, void* workspace, ThreadPool& pool);

}  // namespace sardonyx::kernels
