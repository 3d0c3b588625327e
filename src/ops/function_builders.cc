#include "ops/function_builders.h"

namespace sardonyx::ops {
namespace {

struct Entry {
  std::string_view name;
  FunctionBodyBuilder build;
  std::string_view domain = "";
};
constexpr std::string_view kMicrosoft = "com.microsoft", kOnnxRuntime = "onnxruntime";
constexpr Entry kBuilders[] = {
    {"AffineGrid", builders::AffineGrid},
    {"Attention", builders::Attention},
    {"Bernoulli", builders::Bernoulli},
    {"CastLike", builders::CastLike},
    {"CausalConvWithState", builders::CausalConvWithState},
    {"CenterCropPad", builders::CenterCropPad},
    {"Clip", builders::Clip},
    {"DepthToSpace", builders::DepthToSpace},
    {"FlexAttention", builders::FlexAttention, "ai.onnx.preview"},
    {"Gelu", builders::Gelu},
    {"LayerNormalization", builders::LayerNormalization},
    {"LinearAttention", builders::LinearAttention},
    {"NegativeLogLikelihoodLoss", builders::NegativeLogLikelihoodLoss},
    {"Range", builders::Range},
    {"RotaryEmbedding", builders::RotaryEmbedding},
    {"SequenceMap", builders::SequenceMap},
    {"SpaceToDepth", builders::SpaceToDepth},
    {"BiasDropout", builders::BiasDropout, kMicrosoft},
    {"BiasSoftmax", builders::BiasSoftmax, kMicrosoft},
    {"BiasSplitGelu", builders::BiasSplitGelu, kMicrosoft},
    {"BranchwiseRMSNorm", builders::BranchwiseRmsNorm, kMicrosoft},
    {"CDist", builders::CDist, kMicrosoft},
    {"CausalConvWithState", builders::MicrosoftCausalConvWithState, kMicrosoft},
    {"ConvTransposeWithDynamicPads", builders::ConvTransposeWithDynamicPads, kMicrosoft},
    {"EmbedLayerNormalization", builders::EmbedLayerNormalization, kMicrosoft},
    {"EngramGate", builders::EngramGate, kMicrosoft},
    {"FusedMatMulActivation", builders::FusedMatMulActivation, kMicrosoft},
    {"GatedRMSNorm", builders::GatedRmsNorm, kMicrosoft},
    {"GatedRelativePositionBias", builders::GatedRelativePositionBias, kMicrosoft},
    {"GridSample", builders::GridSample, kMicrosoft},
    {"GroupNorm", builders::GroupNorm, kMicrosoft},
    {"HyperConnectionPostMix", builders::HyperConnectionPostMix, kMicrosoft},
    {"HyperConnectionPreMix", builders::HyperConnectionPreMix, kMicrosoft},
    {"Irfft", builders::Irfft, kMicrosoft},
    {"IsAllFinite", builders::IsAllFinite, kMicrosoft},
    {"LinearAttention", builders::MicrosoftLinearAttention, kMicrosoft},
    {"MRotaryEmbedding", builders::MRotaryEmbedding, kMicrosoft},
    {"MulInteger", builders::MulInteger, kMicrosoft},
    {"NhwcConv", builders::NhwcConv, kMicrosoft},
    {"NhwcFusedConv", builders::NhwcConv, kMicrosoft},
    {"NhwcMaxPool", builders::NhwcMaxPool, kMicrosoft},
    {"QAttention", builders::QAttention, kMicrosoft},
    {"QEmbedLayerNormalization", builders::QEmbedLayerNormalization, kMicrosoft},
    {"DequantizeWithOrder", builders::DequantizeWithOrder, kMicrosoft},
    {"PackedAttention", builders::PackedAttention, kMicrosoft},
    {"PackedMultiHeadAttention", builders::PackedMultiHeadAttention, kMicrosoft},
    {"QOrderedGelu", builders::QOrderedGelu, kMicrosoft},
    {"QOrderedLayerNormalization", builders::QOrderedLayerNormalization, kMicrosoft},
    {"QOrderedMatMul", builders::QOrderedMatMul, kMicrosoft},
    {"QuantizeWithOrder", builders::QuantizeWithOrder, kMicrosoft},
    {"ReduceSumInteger", builders::ReduceSumInteger, kMicrosoft},
    {"RelativePositionBias", builders::RelativePositionBias, kMicrosoft},
    {"Rfft", builders::Rfft, kMicrosoft},
    {"ScaledSiLU", builders::ScaledSilu, kMicrosoft},
    {"SkipGroupNorm", builders::SkipGroupNorm, kMicrosoft},
    {"SparseAttention", builders::SparseAttention, kMicrosoft},
    {"UnfoldTensor", builders::UnfoldTensor, kMicrosoft},
    {"Crop", builders::Crop, kOnnxRuntime},
    {"MeanVarianceNormalization", builders::MeanVarianceNormalization1, kOnnxRuntime},
};

}  // namespace

FunctionBodyBuilder FindFunctionBuilder(const OpSchema& schema) {
  if (schema.domain == "com.ms.internal.nhwc") return builders::InternalNhwc;
  for (const Entry& entry : kBuilders) {
    if (entry.name == schema.name && entry.domain == schema.domain) return entry.build;
  }
  return nullptr;
}

}  // namespace sardonyx::ops
