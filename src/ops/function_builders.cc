#include "ops/function_builders.h"

namespace sardonyx::ops {
namespace {

struct Entry {
  std::string_view name;
  FunctionBodyBuilder build;
  std::string_view domain = "";
};
constexpr Entry kBuilders[] = {
    {"AffineGrid", builders::AffineGrid},
    {"Attention", builders::Attention},
    {"Bernoulli", builders::Bernoulli},
    {"CastLike", builders::CastLike},
    {"CausalConvWithState", builders::CausalConvWithState},
    {"CenterCropPad", builders::CenterCropPad},
    {"Clip", builders::Clip},
    {"DepthToSpace", builders::DepthToSpace},
    {"FlexAttention", builders::FlexAttention},
    {"Gelu", builders::Gelu},
    {"LayerNormalization", builders::LayerNormalization},
    {"LinearAttention", builders::LinearAttention},
    {"NegativeLogLikelihoodLoss", builders::NegativeLogLikelihoodLoss},
    {"Range", builders::Range},
    {"RotaryEmbedding", builders::RotaryEmbedding},
    {"SequenceMap", builders::SequenceMap},
    {"SpaceToDepth", builders::SpaceToDepth},
};

}  // namespace

FunctionBodyBuilder FindFunctionBuilder(const OpSchema& schema) {
  for (const Entry& entry : kBuilders) {
    if (entry.name == schema.name && entry.domain == schema.domain) return entry.build;
  }
  return nullptr;
}

}  // namespace sardonyx::ops
