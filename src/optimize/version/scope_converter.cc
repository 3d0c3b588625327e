#include "optimize/version/scope_converter.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "ops/function_body.h"
#include "ops/schema.h"
#include "optimize/splice.h"
#include "optimize/version/adapter.h"
#include "optimize/version/fit.h"
#include "optimize/version/widen.h"

namespace sardonyx::optimize::version {
namespace {

// Bounds for hostile files. A node takes one round a change of its operator, and what replaces it takes its own.
constexpr int kMaxRounds = 1000;
constexpr size_t kMaxNodes = 4'000'000;
// In larger graphs new nodes go to the end and are sorted, since inserting moves all that follow.
constexpr size_t kMaxInsertInPlace = 20'000;

// One change of an operator: the schema that a node has, and the version it goes to next.
struct Change {
  const ops::OpSchema* from;
  int since;   // the version that brought the change, whichever way it is taken
  int64_t to;  // the opset version after it
};

// The next change of the operator on the way to `target`; nullopt when nothing changes any more.
std::optional<Change> NextChange(const ops::OpSchema& from, int64_t version, int64_t target) {
  if (version > target) {
    if (from.since_version <= target) return std::nullopt;
    return Change{&from, from.since_version, from.since_version - 1};
  }
  for (const ops::OpSchema* schema : ops::SchemaVersions(from.domain, from.name))
    if (schema->since_version > version)
      return schema->since_version <= target ? std::optional(Change{&from, schema->since_version, schema->since_version}) : std::nullopt;
  return std::nullopt;
}

// The operators that the specification puts in the place of the node. False, and nothing done, if there are none.
bool ExpandByBody(NodeEditor& editor, int64_t version) {
  StatusOr<std::unique_ptr<ir::Function>> body = ops::FunctionBody(editor.from(), editor.node(), version);
  return body.ok() && *body && editor.ReplaceBy(**body).ok();
}

// An attribute that a function takes from its call: what an adapter makes of it, or of its absence, is known there only.
const ir::Attribute* FindReference(const ir::Node& node) {
  for (const ir::Attribute& attribute : node.attributes())
    if (!attribute.ref_attr_name.empty()) return &attribute;
  return nullptr;
}

// The attribute may be absent in the call, and then means something else in the new version.
bool DefaultDiffers(const ir::Attribute& attribute, const ops::OpSchema& from, const ops::OpSchema* to) {
  const ops::AttributeSchema *before = from.attribute(attribute.name), *after = to ? to->attribute(attribute.name) : nullptr;
  return before && after && before->default_value != after->default_value;
}

size_t CountNodes(const ir::Graph& graph) {
  size_t count = 0;
  ir::ForEachNode(graph, [&](const ir::Node&) { ++count; });
  return count;
}

Status SortGraphs(ir::Graph& graph) {
  if (!graph.SortTopologically()) return Invalid("the graph has a cycle; `sardonyx check` names its nodes");
  for (const auto& node : graph.nodes())
    for (const auto& [name, sub] : ir::Subgraphs(*node)) RETURN_IF_ERROR(SortGraphs(*sub));
  return {};
}

// Declared types of values that are gone.
void DropStaleInfo(ir::Graph& graph) {
  std::erase_if(graph.value_info, [](const ir::ValueInfo& info) { return !info.value || !info.value->is_defined(); });
  for (const auto& node : graph.nodes())
    for (const auto& [name, sub] : ir::Subgraphs(*node)) DropStaleInfo(*sub);
  graph.RemoveUnusedValues();
}

}  // namespace

ScopeConverter::ScopeConverter(ir::Model& model, std::string name, ir::Graph& root, std::vector<ir::OpsetImport>& imports,
                               const std::map<std::string, int64_t, std::less<>>& targets, VersionReport& report)
    : model_(model), name_(std::move(name)), imports_(imports), targets_(targets), report_(report), workspace_(model, root) {}

// Of a domain that is not to be converted, or that only what replaces a node brings: the version that is imported.
int64_t ScopeConverter::Target(std::string_view domain) const {
  if (const auto target = targets_.find(domain); target != targets_.end()) return target->second;
  for (const ir::OpsetImport& import : imports_)
    if (ir::NormalDomain(import.domain) == domain) return import.version;
  return ops::NewestOpset(domain);
}

void ScopeConverter::SetVersions() {
  ir::ForEachNode(workspace_.root(), [&](const ir::Node& node) {
    if (node.opset_version != 0) return;
    for (const ir::OpsetImport& import : imports_)
      if (ir::NormalDomain(import.domain) == ir::NormalDomain(node.domain)) const_cast<ir::Node&>(node).opset_version = import.version;
  });
}

Status ScopeConverter::Run() {
  SetVersions();
  workspace_.Infer();
  size_t derived = 0;
  for (int round = 0; VisitGraph(workspace_.root()); ++round) {
    workspace_.Sweep();
    if (round == kMaxRounds) return Internal("the conversion does not come to an end");
    if (CountNodes(workspace_.root()) > kMaxNodes) return Resource(fmt::format("the model grows to more than {} nodes", kMaxNodes));
    if (workspace_.derived() == derived) continue;  // no new values
    derived = workspace_.derived();
    RETURN_IF_ERROR(SortGraphs(workspace_.root()));
    workspace_.Infer();
  }
  workspace_.Sweep();
  CheckDerived(workspace_.root());
  Finish();
  return SortGraphs(workspace_.root());
}

// One step for every node that is not there yet; false when there is none.
bool ScopeConverter::VisitGraph(ir::Graph& graph) {
  std::vector<ir::Node*> nodes;
  for (const auto& node : graph.nodes()) nodes.push_back(node.get());
  const bool in_place = nodes.size() <= kMaxInsertInPlace;
  size_t position = in_place ? 0 : SpliceOptions::kAtEnd;
  bool any = false;
  for (ir::Node* node : nodes) {
    while (in_place && graph.nodes()[position].get() != node) ++position;
    if (workspace_.IsRemoved(node)) continue;
    const std::string_view domain = ir::NormalDomain(node->domain);
    if (node->opset_version != 0 && node->opset_version != Target(domain) && !failed_.contains(node)) {
      any = true;
      Step(node, &position);
      if (workspace_.IsRemoved(node)) continue;
    }
    for (const auto& [name, sub] : ir::Subgraphs(*node)) any |= VisitGraph(*sub);
  }
  return any;
}

void ScopeConverter::Step(ir::Node* node, size_t* position) {
  const std::string domain(ir::NormalDomain(node->domain));
  const int64_t target = Target(domain), version = node->opset_version;
  const ops::OpSchema* from = ops::FindSchema(domain, node->op_type, version);
  if (model_.FindFunction(node->domain, node->op_type, node->overload)) {
    node->opset_version = target;
    return;
  }
  if (ops::NewestOpset(domain) == 0) {  // of a domain without known versions
    node->opset_version = target;
    return;
  }
  if (!from) return Fail(*node, version, target, fmt::format("opset {} has no such operator", version));
  const std::optional<Change> change = NextChange(*from, version, target);
  if (!change) {
    node->opset_version = target;
    return;
  }
  const bool up = target > version;
  const VersionStep step{Path(node->graph()), workspace_.OriginOf(*node), node->op_type, from->since_version, up ? change->since : 0, ""};
  NodeEditor editor(workspace_, node, *from, change->to, target, position);
  const Adapter* adapter = FindAdapter(domain, node->op_type, change->since);
  const Adapt adapt = adapter ? (up ? adapter->up : adapter->down) : nullptr;
  if (const ir::Attribute* reference = FindReference(*node))
    if (adapt || DefaultDiffers(*reference, *from, ops::FindSchema(domain, node->op_type, change->to)))
      return Fail(*node, from->since_version, step.to,
                  fmt::format("attribute '{}' has its value from the call of the function", reference->name));
  const Status status = adapt ? adapt(editor) : Status();
  const ops::OpSchema* to = nullptr;
  std::string why;
  if (!status.ok()) {
    why = status.message();
  } else if (!editor.replaced()) {
    // An adapter may go further than one change.
    if (editor.node().opset_version == version) editor.node().opset_version = change->to;
    to = ops::FindSchema(domain, editor.node().op_type, editor.node().opset_version);
    if (!to) {
      why = fmt::format("{} came with opset {}", from->name, from->since_version);
    } else {
      if (CarryDefaults(editor.node(), *from, *to)) editor.SetChanged();
      why = WhyNotFit(editor.node(), *to);
      if (!why.empty() && WidenTypes(editor, *to)) why = WhyNotFit(editor.node(), *to);
    }
  }
  if (!why.empty() && !up && !editor.replaced() && ExpandByBody(editor, version)) why.clear();
  if (!why.empty()) return Fail(editor.node(), from->since_version, to ? to->since_version : step.to, why);
  for (const std::string& note : editor.notes()) {
    report_.notes.push_back(step);
    report_.notes.back().reason = note;
  }
  if (editor.changed()) {
    report_.changed.push_back(step);
    if (to) report_.changed.back().to = to->since_version;
  }
}

// Nodes that were put in for others, and were new enough at once, may still not take the types that they are given.
void ScopeConverter::CheckDerived(const ir::Graph& graph) {
  ir::ForEachNode(graph, [&](const ir::Node& node) {
    if (!workspace_.IsDerived(node) || failed_.contains(&node)) return;
    const ops::OpSchema* schema = ops::FindSchema(ir::NormalDomain(node.domain), node.op_type, node.opset_version);
    if (!schema) return;
    if (std::string why = WhyNotFit(node, *schema); !why.empty()) Fail(node, schema->since_version, schema->since_version, std::move(why));
  });
}

void ScopeConverter::Fail(const ir::Node& node, int64_t from, int64_t to, std::string reason) {
  failed_.insert(&node);
  const std::string origin = workspace_.OriginOf(node);
  const std::string label = node.Label();
  if (origin != label) reason = fmt::format("its part {}: {}", node.op_type, reason);
  report_.impossible.push_back({Path(node.graph()), origin, node.op_type, from, to, std::move(reason)});
}

std::string ScopeConverter::Path(const ir::Graph* graph) const {
  std::string path;
  for (; graph->owner(); graph = graph->outer())
    for (const auto& [name, sub] : ir::Subgraphs(*graph->owner()))
      if (sub == graph) path = fmt::format("/{}.{}{}", graph->owner()->Label(), name, path);
  return name_ + path;
}

void ScopeConverter::Finish() {
  std::unordered_set<std::string> used;
  ir::ForEachNode(workspace_.root(), [&](const ir::Node& node) {
    const_cast<ir::Node&>(node).opset_version = 0;
    used.emplace(ir::NormalDomain(node.domain));
  });
  DropStaleInfo(workspace_.root());
  for (ir::OpsetImport& import : imports_) {
    const std::string domain(ir::NormalDomain(import.domain));
    used.erase(domain);
    if (const auto target = targets_.find(domain); target != targets_.end()) import.version = target->second;
  }
  // What replaced nodes may be of a domain that was not needed before.
  if (used.contains("")) imports_.push_back({"", Target(""), {}});
}

}  // namespace sardonyx::optimize::version
