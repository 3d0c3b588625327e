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
// function_body_microsoft.cc
bool BiasDropout(FunctionBuilder& b);
bool BiasSoftmax(FunctionBuilder& b);
bool BiasSplitGelu(FunctionBuilder& b);
bool BranchwiseRmsNorm(FunctionBuilder& b);
bool EngramGate(FunctionBuilder& b);
bool FusedMatMulActivation(FunctionBuilder& b);
bool GatedRmsNorm(FunctionBuilder& b);
bool GroupNorm(FunctionBuilder& b);
bool HyperConnectionPostMix(FunctionBuilder& b);
bool HyperConnectionPreMix(FunctionBuilder& b);
bool IsAllFinite(FunctionBuilder& b);
bool MulInteger(FunctionBuilder& b);
bool ReduceSumInteger(FunctionBuilder& b);
bool ScaledSilu(FunctionBuilder& b);
bool SkipGroupNorm(FunctionBuilder& b);
// function_body_microsoft_gpu.cc
bool DequantizeWithOrder(FunctionBuilder& b);
bool PackedAttention(FunctionBuilder& b);
bool PackedMultiHeadAttention(FunctionBuilder& b);
bool QOrderedGelu(FunctionBuilder& b);
bool QOrderedLayerNormalization(FunctionBuilder& b);
bool QOrderedMatMul(FunctionBuilder& b);
bool QuantizeWithOrder(FunctionBuilder& b);
// function_body_microsoft_tensor.cc
bool CDist(FunctionBuilder& b);
bool ConvTransposeWithDynamicPads(FunctionBuilder& b);
bool Crop(FunctionBuilder& b);
bool GridSample(FunctionBuilder& b);
bool InternalNhwc(FunctionBuilder& b);
bool MRotaryEmbedding(FunctionBuilder& b);
bool MeanVarianceNormalization1(FunctionBuilder& b);
bool MicrosoftCausalConvWithState(FunctionBuilder& b);
bool MicrosoftLinearAttention(FunctionBuilder& b);
bool NhwcConv(FunctionBuilder& b);
bool NhwcMaxPool(FunctionBuilder& b);
bool UnfoldTensor(FunctionBuilder& b);
// function_body_microsoft_transformer.cc
bool EmbedLayerNormalization(FunctionBuilder& b);
bool GatedRelativePositionBias(FunctionBuilder& b);
bool Irfft(FunctionBuilder& b);
bool QAttention(FunctionBuilder& b);
bool QEmbedLayerNormalization(FunctionBuilder& b);
bool RelativePositionBias(FunctionBuilder& b);
bool Rfft(FunctionBuilder& b);
bool SparseAttention(FunctionBuilder& b);

}  // namespace sardonyx::ops::builders
