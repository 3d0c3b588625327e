// The rules of the checker by name; rules.cc lists them for docs and for `check --list`.
#pragma once

#include "check/check.h"

namespace sardonyx::check::rules {

// The model as a whole.
inline constexpr Rule kIrVersion{"ir-version", "ir_version is present and known; what the model uses exists in it"};
inline constexpr Rule kOpsetImport{"opset-import", "every domain in use is imported once, in a known version"};
inline constexpr Rule kMetadata{"metadata", "metadata keys are unique"};
inline constexpr Rule kGraph{"graph", "the model has a graph, and graphs have names"};
inline constexpr Rule kNesting{"nesting", "subgraphs nest no deeper than can be handled"};
inline constexpr Rule kTraining{"training-info", "training bindings name initializers and outputs that exist"};
inline constexpr Rule kLimit{"limit", "findings beyond the limit are counted, not listed"};
// Names.
inline constexpr Rule kSsa{"single-assignment", "a name is defined once in its graph"};
inline constexpr Rule kShadowing{"shadowing", "a subgraph does not define a name that it can already see"};
inline constexpr Rule kUndefined{"undefined-name", "what nodes and graph outputs read is defined"};
inline constexpr Rule kOrder{"node-order", "a node stands after those whose outputs it reads"};
inline constexpr Rule kCycle{"cycle", "no node depends on itself"};
inline constexpr Rule kInterface{"graph-interface", "graph inputs and outputs have names, and in the main graph types and shapes"};
inline constexpr Rule kValueInfo{"value-info", "value_info speaks once of values that exist"};
inline constexpr Rule kNodeName{"node-name", "node names are unique in their graph"};
inline constexpr Rule kQuantization{"quantization-annotation", "annotations name tensors that exist"};
// Nodes.
inline constexpr Rule kOperator{"unknown-operator", "the operator exists in the imported version of its domain"};
inline constexpr Rule kDeprecated{"deprecated-operator", "the operator is still in force in the imported version"};
inline constexpr Rule kCustomDomain{"custom-domain", "operators of domains without schemas are not checked"};
inline constexpr Rule kArity{"arity", "a node has the inputs and outputs that its operator asks for"};
inline constexpr Rule kAttribute{"attribute", "attributes are those of the operator, complete, well-formed, of the right type"};
inline constexpr Rule kSubgraph{"subgraph", "a body has the inputs and outputs that its operator feeds and reads"};
inline constexpr Rule kTypeConstraint{"type-constraint", "inputs and outputs have types that the operator takes"};
inline constexpr Rule kInference{"inference", "types and shapes agree with each other and with what is declared"};
// Types and tensors.
inline constexpr Rule kType{"type", "types are complete and made of known parts"};
inline constexpr Rule kTensor{"tensor", "a tensor's dims, element type and data agree"};
inline constexpr Rule kInitializer{"initializer", "initializers have names, unique ones, and before IR 4 are inputs too"};
inline constexpr Rule kExternalData{"external-data", "external data is there, inside the model's folder, and large enough"};
inline constexpr Rule kSparse{"sparse-tensor", "indices of a sparse tensor are sorted, unique and within its dims"};
// Functions.
inline constexpr Rule kFunction{"function", "functions have a name, a domain, distinct parameters and one definition"};
inline constexpr Rule kRecursion{"function-recursion", "functions do not call themselves"};

}  // namespace sardonyx::check::rules
