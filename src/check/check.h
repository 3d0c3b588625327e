// The checker: everything in a model that breaks the ONNX specification, all of it at once.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/model.h"

namespace sardonyx::check {

enum class Severity {
  kError,    // the model is invalid
  kWarning,  // valid, but some reader will stumble over it, or it is surely not what was meant
};

struct Finding {
  Severity severity = Severity::kError;
  std::string rule;     // one of AllRules()
  std::string graph;    // "main", "main/If 'x'.then_branch", "function com.example.Foo"; empty for the model as a whole
  std::string node;     // the node's label; empty when it is not about a node
  std::string op;       // "Conv", "com.microsoft.FusedConv"; empty when it is not about a node
  std::string message;  // what is wrong and what to do

  // "error: main: Conv 'conv1': ... [rule]"
  std::string ToString() const;
};

struct CheckOptions {
  // Infer types and shapes and hold them against the operators' schemas and the declared types (the "full" check).
  bool infer = true;
  // A broken model may break everywhere; a last finding says how many more there are.
  size_t max_findings = 10000;
};

// Checks the model, its subgraphs, functions and training information; an empty result means that it is valid. Data of
// tensors is neither decoded nor copied, apart from sparse indices. Inference writes Value::type. Never fails: what would
// make checking impossible is a finding too.
std::vector<Finding> CheckModel(ir::Model& model, const CheckOptions& options = {});

bool HasErrors(std::span<const Finding> findings);

struct Rule {
  std::string_view name;
  std::string_view summary;
};
// Every rule that a finding may name.
std::span<const Rule> AllRules();

}  // namespace sardonyx::check
