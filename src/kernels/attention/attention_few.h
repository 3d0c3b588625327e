// Attention in float32 for one to three queries, as in a decoder's step: as fast as keys and values come from memory.
#pragma once

#include "kernels/attention/attention.h"

namespace sardonyx::kernels {

// Precondition as for FlashAttention, whatever the number of queries.
size_t FewQueriesWorkspace(const AttentionArguments<float>& arguments, int threads);
void FewQueriesAttention(const AttentionArguments<float>& arguments, void* workspace, ThreadPool& pool);

}  // namespace sardonyx::kernels
