// Attention operators: create functions of rows in matrix_attention.cc.
#pragma once

#include "kernels/attention/attention.h"
#include "providers/cpu/registry.h"

namespace sardonyx::cpu {

StatusOr<std::unique_ptr<Kernel>> CreateRotaryEmbedding(const NodeInfo& node);
StatusOr<std::unique_ptr<Kernel>> CreateLinearAttention(const NodeInfo& node);
StatusOr<std::unique_ptr<Kernel>> CreateTensorScatter(const NodeInfo& node);
StatusOr<std::unique_ptr<Kernel>> CreateFlexAttention(const NodeInfo& node);
StatusOr<std::unique_ptr<Kernel>> CreateMicrosoftAttention(const NodeInfo& node);
StatusOr<std::unique_ptr<Kernel>> CreateMultiHeadAttention(const NodeInfo& node);
StatusOr<std::unique_ptr<Kernel>> CreateDecoderMaskedMultiHeadAttention(const NodeInfo& node);
StatusOr<std::unique_ptr<Kernel>> CreateGroupQueryAttention(const NodeInfo& node);

}  // namespace sardonyx::cpu
