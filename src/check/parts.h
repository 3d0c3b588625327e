// The parts of the checker. Each looks at one kind of rule and reports to the context; check.cc calls them.
#pragma once

#include <string>

#include "check/context.h"

namespace sardonyx::check {

// model_fields.cc: IR version, opset imports, metadata, training bindings.
void CheckModelFields(Context& context);
void CheckOpsetImports(Context& context, const std::vector<ir::OpsetImport>& imports, const Scope* scope);
void CheckMetadata(Context& context, const ir::StringPairs& metadata, const Scope* scope, std::string_view of);
void CheckTrainingInfo(Context& context);

// graph.cc: one graph and everything in it.
void CheckGraph(Context& context, Scope& scope);

// names.cc: definitions, uses, order and cycles of one graph; fills scope.position.
void CheckNames(Context& context, Scope& scope);

// nodes.cc: one node against its schema or function.
void CheckNode(Context& context, const Scope& scope, const ir::Node& node);

// attributes.cc: well-formedness, whatever the operator. `node` is null for a function's defaults.
void CheckAttribute(Context& context, const Scope& scope, const ir::Node* node, const ir::Attribute& attribute);

// subgraphs.cc: inputs and outputs of the bodies of If, Loop, Scan, SequenceMap.
void CheckBodies(Context& context, const Scope& scope, const ir::Node& node);

// types.cc. `what` begins the message: "input 'x'". `missing` is how bad a missing element type is: away from the main
// graph's inputs and outputs a file may leave it open.
void CheckType(Context& context, const Scope* scope, const ir::Node* node, const ir::Type& type, const std::string& what,
               Severity missing = Severity::kError);
// The element type is known and exists in the model's IR version. `raw` is the number in the file when it is not known.
void CheckElementType(Context& context, const Scope* scope, const ir::Node* node, DataType dtype, int32_t raw, const std::string& what,
                      Severity missing = Severity::kError);

// tensors.cc
void CheckTensor(Context& context, const Scope* scope, const ir::Node* node, const ir::StoredTensor& tensor, const std::string& what);
void CheckSparseTensor(Context& context, const Scope* scope, const ir::Node* node, const ir::StoredSparseTensor& tensor,
                       const std::string& what);
// external_data.cc. `needed` bytes, or -1 when dims or dtype do not say.
void CheckExternalData(Context& context, const Scope* scope, const ir::Node* node, const ir::StoredTensor::External& external,
                       int64_t needed, const std::string& what);

// functions.cc
void CheckFunctions(Context& context);

// inferred_types.cc: runs inference; holds types against the schemas' constraints.
void CheckInferredTypes(Context& context, ir::Model& model);

}  // namespace sardonyx::check
