// The bodies that are built for a node. See FunctionBodyBuilder for what they return.
#pragma once

#include "ops/function_builder.h"

namespace sardonyx::ops::builders {

// function_body_math.cc
bool Bernoulli(FunctionBuilder& b);
bool CastLike(FunctionBuilder& b);
bool Clip(FunctionBuilder& b);
bool Gelu(FunctionBuilder& b);
bool LayerNormalization(FunctionBuilder& b);
bool NegativeLogLikelihoodLoss(FunctionBuilder& b);
bool Range(FunctionBuilder& b);
// function_body_tensor.cc
bool AffineGrid(FunctionBuilder& b);
bool CenterCropPad(FunctionBuilder& b);
bool DepthToSpace(FunctionBuilder& b);
bool SequenceMap(FunctionBuilder& b);
bool SpaceToDepth(FunctionBuilder& b);
// function_body_attention.cc
bool Attention(FunctionBuilder& b);
bool FlexAttention(FunctionBuilder& b);
bool RotaryEmbedding(FunctionBuilder& b);
// function_body_recurrence.cc
bool CausalConvWithState(FunctionBuilder& b);
bool LinearAttention(FunctionBuilder& b);

}  // namespace sardonyx::ops::builders
