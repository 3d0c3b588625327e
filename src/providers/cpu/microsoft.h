// Operators of com.microsoft that belong to no family, and what they share.
#pragma once

#include <vector>

#include "providers/cpu/registry.h"

namespace sardonyx::cpu {

// Where sequences begin among `total` tokens that lie one after another: input i, int32 [batch + 1], from 0 to `total`.
StatusOr<std::vector<int64_t>> ReadSequenceStarts(const KernelContext& context, size_t i, int64_t total);  // microsoft_packed.cc

StatusOr<std::unique_ptr<Kernel>> CreateBifurcationDetector(const NodeInfo& node);  // microsoft_tokens.cc
StatusOr<std::unique_ptr<Kernel>> CreateNGramHashMapping(const NodeInfo& node);
StatusOr<std::unique_ptr<Kernel>> CreateVarlenNGramHashMapping(const NodeInfo& node);
StatusOr<std::unique_ptr<Kernel>> CreateAttentionLstm(const NodeInfo& node);     // microsoft_attention_lstm.cc
StatusOr<std::unique_ptr<Kernel>> CreateVarlenCausalConv(const NodeInfo& node);  // microsoft_packed.cc
StatusOr<std::unique_ptr<Kernel>> CreateGatedDeltaNet(const NodeInfo& node);

}  // namespace sardonyx::cpu
