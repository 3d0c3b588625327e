#include "check/rules.h"

namespace sardonyx::check {

std::span<const Rule> AllRules() {
  using namespace rules;  // NOLINT: this function is the list of them
  static constexpr Rule kAll[] = {
      kIrVersion, kOpsetImport, kMetadata,     kGraph,        kNesting,   kTraining,  kLimit,          kSsa,
      kShadowing, kUndefined,   kOrder,        kCycle,        kInterface, kValueInfo, kNodeName,       kQuantization,
      kOperator,  kDeprecated,  kCustomDomain, kArity,        kAttribute, kSubgraph,  kTypeConstraint, kInference,
      kType,      kTensor,      kInitializer,  kExternalData, kSparse,    kFunction,  kRecursion,
  };
  return kAll;
}

}  // namespace sardonyx::check
