// What the parts of the checker share: where they are, what is imported, and where findings go.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "check/check.h"
#include "check/rules.h"

namespace sardonyx::check {

// The graph being checked and those around it.
struct Scope {
  enum class Kind { kMain, kSubgraph, kFunction, kTraining };
  const ir::Graph* graph = nullptr;
  Kind kind = Kind::kMain;
  std::string path;                        // as in Finding::graph
  const ir::Function* function = nullptr;  // the function around it, if any
  const Scope* outer = nullptr;
  int depth = 0;
  // Where each node stands in the graph, and in the outer graph the node that holds this one.
  std::unordered_map<const ir::Node*, size_t> position;
  size_t owner_position = 0;
};

class Context {
 public:
  Context(const ir::Model& model, const CheckOptions& options);

  const ir::Model& model() const { return model_; }
  const CheckOptions& options() const { return options_; }

  // `scope` and `node` are null for what is not about a graph or a node.
  void Error(const Rule& rule, const Scope* scope, const ir::Node* node, std::string message) {
    Add(Severity::kError, rule, scope, node, std::move(message));
  }
  void Warn(const Rule& rule, const Scope* scope, const ir::Node* node, std::string message) {
    Add(Severity::kWarning, rule, scope, node, std::move(message));
  }
  // The same warning once for the whole model, at the first place where it applies.
  void WarnOnce(const Rule& rule, const Scope* scope, const ir::Node* node, const std::string& message);
  void Add(Severity severity, const Rule& rule, const Scope* scope, const ir::Node* node, std::string message);

  // The node's label, shortened; computed once, as a hostile name may be long and blamed often.
  const std::string& LabelOf(const ir::Node& node);
  // The model's function that the node calls, or null.
  const ir::Function* FunctionOf(const ir::Node& node) const;
  // Whether the function has an attribute of that name, with a default or without.
  bool HasAttribute(const ir::Function& function, std::string_view name);
  // The version that `scope`'s function, else the model, imports for `domain`; 0 if it is not imported. A model of before
  // IR 3, which imports nothing, means version 1 of ai.onnx.
  int64_t ImportedVersion(const Scope& scope, std::string_view domain);

  // Findings so far about this node: then inference's complaint about it would only repeat them.
  bool HasFinding(const ir::Node& node) const { return blamed_.contains(&node); }
  // "Did you mean" costs a search: not for the thousandth finding.
  bool MaySuggest() { return suggestions_++ < 50; }
  // Names and order are so broken that inference would be meaningless.
  void ForbidInference() { can_infer_ = false; }
  bool can_infer() const { return can_infer_; }

  std::vector<Finding> TakeFindings();

 private:
  const ir::Model& model_;
  const CheckOptions& options_;
  std::vector<Finding> findings_;
  size_t beyond_limit_ = 0;
  bool error_beyond_limit_ = false;
  std::set<std::string> warned_;
  std::unordered_set<const ir::Node*> blamed_;
  std::unordered_map<const ir::Node*, std::string> labels_;
  // What lookups would otherwise search lists for, which in a hostile model are long.
  std::unordered_map<std::string, const ir::Function*> functions_;
  std::unordered_map<const ir::Function*, std::unordered_set<std::string_view>> attributes_;
  std::unordered_map<const ir::Function*, std::unordered_map<std::string_view, int64_t>> imports_;  // null: the model's
  bool can_infer_ = true;
  int suggestions_ = 0;
};

// What tells one function from another: domain, name and overload.
std::string FunctionKey(std::string_view domain, std::string_view name, std::string_view overload);

// 'name' for messages: control characters shown as '?', and the middle of a very long name left out, so that a hostile one
// neither garbles nor floods what is printed.
std::string Quote(std::string_view name);
std::string Shorten(std::string_view text);
// "Conv", "com.microsoft.FusedConv"
std::string OperatorName(const ir::Node& node);
// " Did you mean 'a' or 'b'?", or nothing.
std::string DidYouMean(const std::vector<std::string_view>& names);
// Its schema is the last word: the specification's, or one that the user brought. Those of other vendors' domains change without a
// new version, so what contradicts them is a warning.
bool HasFirmSchema(const ir::Node& node);

}  // namespace sardonyx::check
