// Model: a ModelProto: opset imports, the main graph, functions and metadata.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace sardonyx::ir {

inline constexpr int64_t kNewestIrVersion = 14;

struct OpsetImport {
  std::string domain;
  int64_t version = 0;
  Extras extras;
};

// FunctionProto. The body's inputs and outputs are the function's; its values have no declared types unless value_info does.
struct Function {
  std::string name;
  std::string domain;
  std::string overload;
  std::string doc;
  std::vector<std::string> attributes;        // required: no default
  std::vector<Attribute> attribute_defaults;  // attribute_proto
  std::vector<OpsetImport> opset_imports;
  std::unique_ptr<Graph> body;
  StringPairs metadata;
  Extras extras;
};

// TrainingInfoProto.
struct TrainingInfo {
  std::unique_ptr<Graph> initialization;
  std::unique_ptr<Graph> algorithm;
  StringPairs initialization_binding;
  StringPairs update_binding;
  Extras extras;
};

class Model {
 public:
  int64_t ir_version = 0;
  std::vector<OpsetImport> opset_imports;
  std::string producer_name, producer_version, domain, doc;
  int64_t model_version = 0;
  std::unique_ptr<Graph> graph;  // null when the file has none
  StringPairs metadata;
  std::vector<TrainingInfo> training_info;
  std::vector<Function> functions;
  // ModelProto.configuration (IR 11), kept as wire bytes.
  std::vector<std::string> device_configurations;
  Extras extras;

  // Where it was loaded from; empty for one made in memory. External data is relative to its folder.
  std::filesystem::path path;

  // The version imported for `domain`; 0 if it is not imported.
  int64_t OpsetVersion(std::string_view domain) const;
  void SetOpset(std::string_view domain, int64_t version);
  // The model-local function that a node calls, or null.
  const Function* FindFunction(std::string_view domain, std::string_view name, std::string_view overload = "") const;
};

// A deep copy; tensors' data is shared.
std::unique_ptr<Model> CloneModel(const Model& model);

}  // namespace sardonyx::ir
