#include "optimize/inline_functions.h"

#include <unordered_set>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "ops/function_body.h"
#include "ops/schema.h"
#include "optimize/splice.h"

namespace sardonyx::optimize {
namespace {

// A node that says its opset already came from the call (a subgraph that the body took over), not from the function.
void SetOpsets(ir::Node* node, const ir::Function& function, const ir::Model& model) {
  if (node->opset_version != 0) return;
  for (const ir::OpsetImport& opset : function.opset_imports)
    if (ir::NormalDomain(opset.domain) == ir::NormalDomain(node->domain) && opset.version != model.OpsetVersion(node->domain))
      node->opset_version = opset.version;
  for (const auto& [name, sub] : ir::Subgraphs(*node))
    for (const auto& inner : sub->nodes()) SetOpsets(inner.get(), function, model);
}

class Inliner {
 public:
  Inliner(ir::Model& model, const InlineOptions& options) : model_(model), options_(options) {}

  Status InlineGraph(ir::Graph& graph) {
    const size_t before = calls_;
    std::vector<ir::Node*> nodes;
    for (const auto& node : graph.nodes()) nodes.push_back(node.get());
    std::unordered_set<const ir::Node*> dead;
    for (ir::Node* node : nodes) RETURN_IF_ERROR(InlineNode(node, 0, &dead));
    if (calls_ == before) return {};
    graph.RemoveNodes([&](const ir::Node& node) { return dead.contains(&node); });
    if (!graph.SortTopologically()) return Invalid("the graph has a cycle");
    return {};
  }

  size_t calls() const { return calls_; }

 private:
  Status InlineNode(ir::Node* node, int depth, std::unordered_set<const ir::Node*>* dead) {
    for (const auto& [name, sub] : ir::Subgraphs(*node)) RETURN_IF_ERROR(InlineGraph(*sub));
    if (const ir::Function* function = model_.FindFunction(node->domain, node->op_type, node->overload)) {
      if (options_.inline_function && !options_.inline_function(*function)) return {};
      if (depth >= options_.max_depth)
        return Invalid(fmt::format("{}: functions nested deeper than {}; one seems to call itself", node->Label(), options_.max_depth));
      std::vector<ir::Node*> added;
      RETURN_IF_ERROR(Replace(node, *function, &added).WithContext(node->Label()));
      dead->insert(node);
      for (ir::Node* one : added) RETURN_IF_ERROR(InlineNode(one, depth + 1, dead));
      return {};
    }
    if (!options_.expand_operator) return {};
    const int64_t opset = node->opset_version ? node->opset_version : model_.OpsetVersion(node->domain);
    if (!options_.expand_operator(*node, opset)) return {};
    const ops::OpSchema* schema = ops::FindRunnableSchema(ir::NormalDomain(node->domain), node->op_type, opset);
    if (!schema) return {};
    ASSIGN_OR_RETURN(const std::unique_ptr<ir::Function> body, ops::FunctionBody(*schema, *node, model_.OpsetVersion("")));
    if (!body) return {};
    // What is in the body is expanded in the caller's next round, when its types are known.
    std::vector<ir::Node*> added;
    RETURN_IF_ERROR(Replace(node, *body, &added).WithContext(node->Label()));
    dead->insert(node);
    return {};
  }

  // Appends the body's nodes to the call's graph, bound to its inputs, outputs and attributes.
  Status Replace(ir::Node* call, const ir::Function& function, std::vector<ir::Node*>* added) {
    nodes_ += function.body->nodes().size();
    if (nodes_ > options_.max_nodes) return Resource(fmt::format("functions expand to more than {} nodes", options_.max_nodes));
    ++calls_;
    const std::string prefix = fmt::format("{}/", call->name.empty() ? fmt::format("{}_{}", call->op_type, calls_) : call->name);
    SpliceOptions splice;
    splice.value_name = splice.node_name = [&](const std::string& name) { return prefix + name; };
    ASSIGN_OR_RETURN(*added, SpliceBody(call, function, splice));
    for (ir::Node* node : *added) SetOpsets(node, function, model_);
    return {};
  }

  ir::Model& model_;
  const InlineOptions& options_;
  size_t calls_ = 0;
  size_t nodes_ = 0;
};

}  // namespace

StatusOr<size_t> InlineFunctions(ir::Model& model, const InlineOptions& options) {
  Inliner inliner(model, options);
  if (model.graph) RETURN_IF_ERROR(inliner.InlineGraph(*model.graph));
  return inliner.calls();
}

}  // namespace sardonyx::optimize
