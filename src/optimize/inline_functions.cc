#include "optimize/inline_functions.h"

#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "ops/function_body.h"
#include "ops/schema.h"

namespace sardonyx::optimize {
namespace {

// The value of a call's attribute: given, or the function's default; null if there is neither.
const ir::Attribute* FindAttribute(const ir::Node& call, const ir::Function& function, std::string_view name) {
  if (const ir::Attribute* given = call.attribute(name)) return given;
  for (const ir::Attribute& attribute : function.attribute_defaults)
    if (attribute.name == name) return &attribute;
  return nullptr;
}

ir::Attribute CopyAttribute(const ir::Attribute& source, ir::Node* owner) {
  ir::Attribute copy = source;
  if (auto* graph = std::get_if<std::shared_ptr<ir::Graph>>(&copy.value); graph && *graph) {
    auto clone = std::make_shared<ir::Graph>();
    clone->SetOwner(owner);
    ir::CloneGraph(**graph, clone.get(), nullptr);
    *graph = std::move(clone);
  }
  return copy;
}

// Attributes that refer to the function's take the call's values, or vanish when the call has none.
void BindAttributes(ir::Node* node, const ir::Node& call, const ir::Function& function) {
  auto& attributes = node->mutable_attributes();
  for (size_t i = attributes.size(); i-- > 0;) {
    if (attributes[i].ref_attr_name.empty()) continue;
    const ir::Attribute* source = FindAttribute(call, function, attributes[i].ref_attr_name);
    if (!source) {
      attributes.erase(attributes.begin() + static_cast<std::ptrdiff_t>(i));
      continue;
    }
    ir::Attribute bound = CopyAttribute(*source, node);
    bound.name = attributes[i].name;
    attributes[i] = std::move(bound);
  }
  for (const auto& [name, sub] : ir::Subgraphs(*node))
    for (const auto& inner : sub->nodes()) BindAttributes(inner.get(), call, function);
}

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
    const ir::Graph& body = *function.body;
    ir::Graph& graph = *call->graph();
    nodes_ += body.nodes().size();
    if (nodes_ > options_.max_nodes) return Resource(fmt::format("functions expand to more than {} nodes", options_.max_nodes));
    if (call->inputs().size() > body.inputs().size() || call->outputs().size() > body.outputs().size())
      return Invalid(fmt::format("{} inputs and {} outputs for a function with {} and {}", call->inputs().size(), call->outputs().size(),
                                 body.inputs().size(), body.outputs().size()));
    ++calls_;
    const std::string prefix = fmt::format("{}/", call->name.empty() ? fmt::format("{}_{}", call->op_type, calls_) : call->name);

    std::unordered_map<const ir::Value*, ir::Value*> map;
    for (size_t i = 0; i < body.inputs().size(); ++i) map.emplace(body.inputs()[i].value, call->input(i));
    // An output that is an input of the body, or an output twice, needs a copy.
    std::vector<std::pair<const ir::Value*, ir::Value*>> copies;
    for (size_t i = 0; i < call->outputs().size(); ++i) {
      ir::Value* output = call->output(i);
      if (output && !map.emplace(body.outputs()[i].value, output).second) copies.emplace_back(body.outputs()[i].value, output);
    }
    const std::function<ir::Value*(ir::Value*)> resolve = [&](ir::Value* value) -> ir::Value* {
      const auto it = map.find(value);
      if (it != map.end()) return it->second;
      ir::Value* copy = graph.AddValue(prefix + value->name());
      copy->type = value->type;
      return map[value] = copy;
    };
    for (const ir::Value* value : body.initializers()) graph.SetInitializer(resolve(const_cast<ir::Value*>(value)), *value->initializer());
    for (const auto& node : body.nodes()) {
      ir::Node* copy = ir::CloneNode(*node, &graph, resolve);
      copy->name = prefix + (node->name.empty() ? node->op_type : node->name);
      BindAttributes(copy, *call, function);
      SetOpsets(copy, function, model_);
      added->push_back(copy);
    }
    for (const auto& [from, to] : copies) {
      ir::Node* identity = graph.AddNode("Identity");
      identity->name = prefix + "Identity";
      identity->AddInput(map[from]);
      identity->AddOutput(to);
      added->push_back(identity);
    }
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
