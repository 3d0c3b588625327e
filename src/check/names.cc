// Names of one graph: each is defined once, seen before it is read, and not defined again in a subgraph.
#include <fmt/format.h>

#include <algorithm>

#include "check/cycles.h"
#include "check/parts.h"
#include "ops/edit_distance.h"

namespace sardonyx::check {
namespace {

class NameChecker {
 public:
  NameChecker(Context& context, Scope& scope) : context_(context), scope_(scope), graph_(*scope.graph) {}
  void Run();

 private:
  void Define(const std::string& name, const ir::Node* node, std::string_view role);
  void CheckShadowing(const std::string& name, const ir::Node* node, std::string_view role);
  void CheckInputs(size_t position);
  void CheckUse(const ir::Node& node, const ir::Value& value, size_t position);
  void ReportUndefined(const ir::Node& node, const ir::Value& value);
  void ReportOrder();
  void CheckOutputs();
  void CheckNodeNames();
  // An initializer or input of the main graph, which training graphs may read.
  bool IsSeenFromTraining(std::string_view name) const;

  Context& context_;
  Scope& scope_;
  const ir::Graph& graph_;
  std::unordered_set<std::string_view> defined_;
  struct Early {  // a read before the definition
    const ir::Node* node;
    const ir::Value* value;
  };
  std::vector<Early> early_;
};

void NameChecker::Run() {
  for (size_t i = 0; i < graph_.nodes().size(); ++i) scope_.position[graph_.nodes()[i].get()] = i;
  for (const ir::ValueInfo& input : graph_.inputs()) Define(input.value->name(), nullptr, "graph input");
  // An initializer may have the name of an input, whose default it then is; duplicates among them are graph.cc's.
  for (const auto* list : {&graph_.initializers(), &graph_.sparse_initializers()}) {
    for (const ir::Value* value : *list) {
      if (defined_.insert(value->name()).second) CheckShadowing(value->name(), nullptr, "initializer");
    }
  }
  for (size_t i = 0; i < graph_.nodes().size(); ++i) {
    CheckInputs(i);
    for (const ir::Value* output : graph_.nodes()[i]->outputs()) {
      if (output) Define(output->name(), graph_.nodes()[i].get(), "output");
    }
  }
  if (!early_.empty()) ReportOrder();
  CheckOutputs();
  CheckNodeNames();
}

void NameChecker::Define(const std::string& name, const ir::Node* node, std::string_view role) {
  if (name.empty()) return;  // an input without a name is reported with the graph's interface
  if (!defined_.insert(name).second) {
    context_.Error(rules::kSsa, &scope_, node,
                   fmt::format("The name {} is defined a second time, as {}. Every name is defined once in its graph: rename one.",
                               Quote(name), role));
    return;
  }
  CheckShadowing(name, node, role);
}

// Outer names that the subgraph can see: defined before the node that holds it. (The specification's words forbid later
// ones too, but its own checker and many exporters let a body's output have the name of its node's output.)
void NameChecker::CheckShadowing(const std::string& name, const ir::Node* node, std::string_view role) {
  const Scope* inner = &scope_;
  for (const Scope* outer = scope_.outer; outer; inner = outer, outer = outer->outer) {
    const ir::Value* value = outer->graph->Find(name);
    if (!value || !value->is_defined()) continue;
    const auto producer = value->producer() ? outer->position.find(value->producer()) : outer->position.end();
    if (producer != outer->position.end() && producer->second >= inner->owner_position) continue;
    // Only for nodes is this an error to the specification's own checker.
    context_.Add(node ? Severity::kError : Severity::kWarning, rules::kShadowing, &scope_, node,
                 fmt::format("The {} {} hides the value of that name in '{}'. Rename it.", role, Quote(name), outer->path));
    return;
  }
}

void NameChecker::CheckInputs(size_t position) {
  const ir::Node& node = *graph_.nodes()[position];
  for (const ir::Value* value : node.inputs()) {
    if (value) CheckUse(node, *value, position);
  }
}

void NameChecker::CheckUse(const ir::Node& node, const ir::Value& value, size_t position) {
  if (!value.is_defined()) return ReportUndefined(node, value);
  if (!value.producer()) return;
  size_t reader = position;
  const Scope* scope = &scope_;
  for (; scope && scope->graph != value.graph(); scope = scope->outer) reader = scope->owner_position;
  if (!scope) return;
  const auto producer = scope->position.find(value.producer());
  if (producer == scope->position.end() || producer->second < reader) return;
  if (scope == &scope_) {
    early_.push_back({&node, &value});
    return;
  }
  context_.ForbidInference();
  context_.Error(rules::kOrder, &scope_, &node,
                 fmt::format("Reads {}, which the outer graph '{}' defines only at or after the node that holds this one. Sort the nodes.",
                             Quote(value.name()), scope->path));
}

bool NameChecker::IsSeenFromTraining(std::string_view name) const {
  const Scope* outermost = &scope_;
  while (outermost->outer) outermost = outermost->outer;
  const ir::Graph* main = context_.model().graph.get();
  const ir::Value* value = outermost->kind == Scope::Kind::kTraining && main ? main->Find(name) : nullptr;
  return value && value->is_defined();
}

void NameChecker::ReportUndefined(const ir::Node& node, const ir::Value& value) {
  if (IsSeenFromTraining(value.name())) return;
  std::vector<std::string_view> names;
  constexpr size_t kEnoughNames = 5000;  // comparing with every name of a huge graph would take long
  for (const ir::Graph* graph = context_.MaySuggest() ? &graph_ : nullptr; graph; graph = graph->outer()) {
    for (const auto& candidate : graph->values()) {
      if (candidate->is_defined() && names.size() < kEnoughNames) names.push_back(candidate->name());
    }
  }
  context_.Error(rules::kUndefined, &scope_, &node,
                 fmt::format("Reads {}, which nothing defines: no input, initializer or node output has that name.{}", Quote(value.name()),
                             DidYouMean(ops::NearestNames(value.name(), std::move(names), 2))));
}

void NameChecker::ReportOrder() {
  context_.ForbidInference();
  const std::vector<std::vector<const ir::Node*>> cycles = FindCycles(graph_);
  std::unordered_map<const ir::Node*, size_t> cycle_of;
  for (size_t i = 0; i < cycles.size(); ++i) {
    constexpr size_t kShown = 8;
    std::string path;
    for (size_t k = 0; k < std::min(cycles[i].size(), kShown); ++k) path += context_.LabelOf(*cycles[i][k]) + " -> ";
    if (cycles[i].size() > kShown) path += fmt::format("... ({} more) -> ", cycles[i].size() - kShown);
    context_.Error(rules::kCycle, &scope_, cycles[i][0],
                   fmt::format("Depends on itself: {}{}. Break the cycle.", path, context_.LabelOf(*cycles[i][0])));
    for (const ir::Node* node : cycles[i]) cycle_of[node] = i + 1;
  }
  for (const Early& early : early_) {
    const auto reader = cycle_of.find(early.node), producer = cycle_of.find(early.value->producer());
    if (reader != cycle_of.end() && producer != cycle_of.end() && reader->second == producer->second) continue;
    context_.Error(rules::kOrder, &scope_, early.node,
                   fmt::format("Reads {} before {} defines it. Sort the nodes so that producers come first.", Quote(early.value->name()),
                               context_.LabelOf(*early.value->producer())));
  }
}

void NameChecker::CheckOutputs() {
  std::unordered_set<std::string_view> seen;
  for (const ir::ValueInfo& info : graph_.outputs()) {
    const ir::Value& value = *info.value;
    const std::string name = Quote(value.name());
    if (value.name().empty()) continue;
    if (!seen.insert(value.name()).second) {
      context_.Add(scope_.kind == Scope::Kind::kFunction ? Severity::kError : Severity::kWarning, rules::kInterface, &scope_, nullptr,
                   fmt::format("Output {} is listed more than once.", name));
    }
    if (value.graph() != &graph_) {
      context_.Error(rules::kUndefined, &scope_, nullptr,
                     fmt::format("Output {} is not defined in this graph but in an outer one. Pass it through an Identity node.", name));
    } else if (!value.is_defined()) {
      context_.Error(rules::kUndefined, &scope_, nullptr,
                     fmt::format("Output {} is defined by nothing: no node, input or initializer has that name.", name));
    }
  }
}

void NameChecker::CheckNodeNames() {
  std::unordered_set<std::string_view> seen;
  for (const auto& node : graph_.nodes()) {
    if (!node->name.empty() && !seen.insert(node->name).second) {
      context_.Warn(rules::kNodeName, &scope_, node.get(),
                    "Another node of this graph has the same name. Tools that address nodes by name will mix them up.");
    }
  }
}

}  // namespace

void CheckNames(Context& context, Scope& scope) { NameChecker(context, scope).Run(); }

}  // namespace sardonyx::check
