// The graph part of an exported program's JSON: nodes, arguments, nested graphs.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "import/pytorch/exported_json.h"

namespace sardonyx::pytorch {

class ExportedGraphReader {
 public:
  // A "graph" object. Its inputs become the graph's, in order; constants among them are left to the caller (null in `inputs`).
  StatusOr<std::shared_ptr<Graph>> Read(const Json& json);

  // An "Argument" union, its names looked up in the graph that was read last.
  StatusOr<IValue> Argument(const Json& json);
  // The variable of that name in that graph; null when there is none.
  Value* Find(const std::string& name) const;
  // Tensors that stand in the graphs themselves, as torch 2.1 keeps constants, and the variables that are bound to them.
  const std::vector<std::pair<Value*, IValue>>& constants() const { return constants_; }

 private:
  struct Scope {
    Graph* graph = nullptr;
    std::unordered_map<std::string, Value*> values;
    std::unordered_map<std::string, ir::Type> types;
  };

  Status ReadConstants(const Json& json);
  Status ReadTypes(const Json& json, Scope& scope);
  Status ReadNode(const Json& json);
  Status ReadInputs(const Json& inputs, Node* node);
  Status ReadOutput(const Json& output, Node* node);
  Value* Define(const std::string& name, Kind kind, Node* node);
  StatusOr<IValue> Tensor(const Json& json);
  StatusOr<IValue> Symbolic(const Json& json, Kind kind);
  template <class F>
  StatusOr<IValue> List(const Json& json, const F& one);

  std::vector<Scope> scopes_;
  std::vector<std::pair<Value*, IValue>> constants_;
  int depth_ = 0;
};

}  // namespace sardonyx::pytorch
