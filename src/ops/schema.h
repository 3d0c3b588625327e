// Operator schemas: what the ONNX specification says of every version of every operator, as data.
//
// The tables are text, one per domain (src/ops/schemas/*.txt), compiled into the program and parsed once.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ir/graph.h"

namespace sardonyx::ops {

enum class Arity : uint8_t { kSingle, kOptional, kVariadic };

struct FormalParameter {
  std::string_view name;
  std::string_view type;  // a type variable ("T") or a type ("tensor(int64)")
  Arity arity = Arity::kSingle;
  bool homogeneous = true;  // variadic: all of one type
};

struct TypeConstraint {
  std::string_view variable;
  std::span<const std::string_view> types;  // "tensor(float)", "seq(tensor(int64))", ...
};

struct AttributeSchema {
  // Only scalars and lists of them have defaults.
  using Default =
      std::variant<std::monostate, float, int64_t, std::string, std::vector<float>, std::vector<int64_t>, std::vector<std::string>>;
  std::string_view name;
  ir::AttributeType type;
  bool required = false;
  // The default as the specification gives it; monostate when there is none.
  Default default_value;
};

inline constexpr int kUnboundedArity = 2147483647;

struct OpSchema {
  std::string_view domain;
  std::string_view name;
  int since_version = 1;
  bool deprecated = false;
  bool has_function = false;  // the specification defines it by other operators: see FunctionBody()
  int min_inputs = 0, max_inputs = 0, min_outputs = 0, max_outputs = 0;
  std::vector<FormalParameter> inputs, outputs;
  std::vector<TypeConstraint> constraints;
  std::vector<AttributeSchema> attributes;

  const AttributeSchema* attribute(std::string_view name) const;
  const TypeConstraint* constraint(std::string_view variable) const;
  // The parameter that input/output i stands for (the last one when that is variadic); null beyond the arity.
  const FormalParameter* input(size_t i) const;
  const FormalParameter* output(size_t i) const;
};

// What follows knows the specification's operators and the custom ones that were added (custom_schemas.h).
// The newest version of a domain that the tables know: 28 for ai.onnx; 0 for an unknown domain.
int NewestOpset(std::string_view domain);
// The schema in force for `op_type` at `opset_version` of `domain`, or null. Deprecated ones are returned as such.
const OpSchema* FindSchema(std::string_view domain, std::string_view op_type, int64_t opset_version);
// As FindSchema; besides, the operators of its own that ONNX Runtime writes into ai.onnx when it saves a model
// (LayerNormalization before opset 17, SimplifiedLayerNormalization, experimental operators that ONNX dropped). For what
// makes a model run, not for what judges it. Their schemas' domain is "onnxruntime".
const OpSchema* FindRunnableSchema(std::string_view domain, std::string_view op_type, int64_t opset_version);
// Every version of one operator, oldest first; empty if the name is unknown in that domain.
std::vector<const OpSchema*> SchemaVersions(std::string_view domain, std::string_view op_type);
// Domains whose operators the ONNX specification lists: there an unknown operator is an error.
bool IsStandardDomain(std::string_view domain);
// Without the custom ones.
std::span<const OpSchema> AllSchemas();
// Names of that domain nearest to a misspelt one, for messages.
std::vector<std::string_view> SimilarOperators(std::string_view domain, std::string_view op_type);

}  // namespace sardonyx::ops
