#include "ops/function_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <span>
#include <tuple>
#include <unordered_map>

#include "base/embedded.h"
#include "base/status_macros.h"
#include "ir/text.h"
#include "ops/function_builder.h"

namespace sardonyx {
std::span<const EmbeddedFile> EmbeddedFunctions();
}

namespace sardonyx::ops {
namespace {

// Bodies that serve every node, by domain, name and version: views of src/ops/functions/DOMAIN.txt.
using StaticBodies = std::map<std::tuple<std::string_view, std::string_view, int>, std::string_view>;

std::string_view TakeLine(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

// "Elu 6, 22" -> the name and versions under which the text up to the closing "}" is kept.
StaticBodies ReadStaticBodies() {
  StaticBodies bodies;
  for (const EmbeddedFile& file : EmbeddedFunctions()) {
    std::string_view text = file.text;
    while (!text.empty()) {
      const std::string_view header = TakeLine(text);
      if (header.empty() || header.front() == '#') continue;
      const size_t end = text.find("\n}\n");
      const std::string_view body = text.substr(0, end == std::string_view::npos ? text.size() : end + 3);
      text.remove_prefix(body.size());
      const std::string_view name = header.substr(0, header.find(' '));
      for (size_t at = name.size(); at < header.size();) {
        int version = 0;
        const auto [rest, error] = std::from_chars(header.data() + at + 1, header.data() + header.size(), version);
        if (error == std::errc()) bodies.emplace(std::tuple(ir::NormalDomain(file.name), name, version), body);
        at = std::max(at + 1, static_cast<size_t>(rest - header.data()) + 1);
      }
    }
  }
  return bodies;
}

std::string_view FindStaticBody(const OpSchema& schema) {
  static const StaticBodies* const kBodies = new StaticBodies(ReadStaticBodies());  // lives as long as the program
  const auto found = kBodies->find({ir::NormalDomain(schema.domain), schema.name, schema.since_version});
  return found == kBodies->end() ? std::string_view() : found->second;
}

// The function's attributes are the operator's: with its defaults, or without a value.
void AddAttributes(const OpSchema& schema, ir::Function& function) {
  for (const AttributeSchema& attribute : schema.attributes) {
    std::visit(
        [&](const auto& value) {
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::monostate>) {
            function.attributes.emplace_back(attribute.name);
          } else {
            function.attribute_defaults.emplace_back(std::string(attribute.name), value);
          }
        },
        attribute.default_value);
  }
}

// What the node omits, the body's nodes omit too.
void OmitInputs(const ir::Node& node, ir::Graph& body) {
  for (size_t i = 0; i < body.inputs().size(); ++i) {
    if (node.input(i)) continue;
    ir::Value* input = body.inputs()[i].value;
    while (!input->uses().empty()) {
      const ir::Use use = input->uses().back();
      size_t count = use.node->inputs().size();
      use.node->SetInput(use.index, nullptr);
      while (count > 0 && !use.node->input(count - 1)) --count;
      use.node->ResizeInputs(count);
    }
  }
}

// Outputs at the end that the node has not, and what only they needed, are left out.
void OmitOutputs(const ir::Node& node, ir::Graph& body) {
  while (body.outputs().size() > node.outputs().size()) body.RemoveOutput(body.outputs().size() - 1);
  for (size_t i = body.nodes().size(); i-- > 0;) {  // consumers stand after producers
    ir::Node* inner = body.nodes()[i].get();
    const bool needed = std::any_of(inner->outputs().begin(), inner->outputs().end(), [](const ir::Value* output) {
      return output && (!output->uses().empty() || output->is_graph_output());
    });
    if (!needed) body.RemoveNode(inner);
  }
}

// Every value that `graph` and its subgraphs read is their own.
bool IsSelfContained(const ir::Graph& graph, const std::function<bool(const ir::Graph*)>& inside) {
  const auto is_inside = [&](const ir::Graph* g) { return g == &graph || inside(g); };
  for (const ir::ValueInfo& output : graph.outputs()) {
    if (!is_inside(output.value->graph())) return false;
  }
  for (const auto& node : graph.nodes()) {
    for (const ir::Value* input : node->inputs()) {
      if (input && !is_inside(input->graph())) return false;
    }
    for (const auto& [name, subgraph] : ir::Subgraphs(*node)) {
      if (!IsSelfContained(*subgraph, is_inside)) return false;
    }
  }
  return true;
}

// Puts copies of the nodes of `source`, which are of that opset (0: not known), in place of `call`.
void ReplaceByGraph(ir::Node* call, const ir::Graph& source, int64_t opset) {
  ir::Graph* target = call->graph();
  const std::vector<ir::Value*> arguments = call->inputs(), results = call->outputs();
  target->RemoveNode(call);
  ir::ValueMap copies;
  for (size_t i = 0; i < arguments.size(); ++i) copies[source.inputs()[i].value] = arguments[i];
  for (const ir::Value* value : source.initializers()) {
    ir::Node* constant = target->AddNode("Constant");
    constant->SetAttribute(ir::Attribute("value", *value->initializer()));
    constant->AddOutput(copies[value] = target->AddValue(value->name()));
  }
  const auto map = [&](ir::Value* value) {
    ir::Value*& copy = copies[value];
    if (!copy) copy = target->AddValue(value->name());
    return copy;
  };
  const auto set_opset = [&](ir::Node& node) {
    if (node.opset_version == 0 && ir::NormalDomain(node.domain).empty()) node.opset_version = opset;
  };
  for (const auto& node : source.nodes()) {
    ir::Node* copy = ir::CloneNode(*node, target, map);
    set_opset(*copy);
    for (const auto& [name, subgraph] : ir::Subgraphs(*copy)) {
      ir::ForEachNode(*subgraph, [&](const ir::Node& inner) { set_opset(const_cast<ir::Node&>(inner)); });
    }
  }
  for (size_t i = 0; i < results.size(); ++i) {
    ir::Node* identity = target->AddNode("Identity");
    identity->AddInput(map(source.outputs()[i].value));
    identity->AddOutput(results[i]);
  }
  target->SortTopologically();
}

// Calls of "Subgraph.NAME" anywhere in the body become the node's subgraph of that name. False if it cannot be moved.
bool InlineSubgraphs(const ir::Node& node, ir::Graph& body, int64_t opset) {
  std::vector<ir::Node*> calls;
  ir::ForEachNode(body, [&](const ir::Node& inner) {
    if (inner.domain == "Subgraph") calls.push_back(const_cast<ir::Node*>(&inner));
  });
  for (ir::Node* call : calls) {
    const ir::Graph* graph = node.GetGraph(call->op_type);
    if (!graph || graph->inputs().size() != call->inputs().size() || graph->outputs().size() != call->outputs().size()) return false;
    if (!graph->sparse_initializers().empty() || !IsSelfContained(*graph, [](const ir::Graph*) { return false; })) return false;
    ReplaceByGraph(call, *graph, opset);
  }
  return true;
}

}  // namespace

StatusOr<std::unique_ptr<ir::Function>> FunctionBody(const OpSchema& schema, const ir::Node& node, int64_t subgraph_opset) {
  // Of ai.onnx, builders and texts may cover versions that the specification defines no body for.
  const bool is_onnx = schema.domain.empty();
  if (is_onnx && !schema.has_function) return std::unique_ptr<ir::Function>();
  std::string text;
  if (const FunctionBodyBuilder build = FindFunctionBuilder(schema)) {
    FunctionBuilder builder(schema, node);
    if (!build(builder)) return std::unique_ptr<ir::Function>();
    text = builder.Text();
  } else {
    text = FindStaticBody(schema);
    if (text.empty() && !schema.has_function) return std::unique_ptr<ir::Function>();
    if (text.empty()) return Unsupported(fmt::format("{} version {} has no function body", schema.name, schema.since_version));
  }
  const int opset = is_onnx ? std::max(18, schema.since_version) : 27;
  StatusOr<ir::Function> parsed =
      ir::ParseFunctionText(fmt::format("<domain: \"\", opset_import: [\"\" : {}, \"com.microsoft\" : 1, \"Subgraph\" : 1]>\n{} {}", opset,
                                        schema.name, text));
  if (!parsed.ok()) return Internal(fmt::format("body of {} {}: {}", schema.name, schema.since_version, parsed.status().message()));
  auto function = std::make_unique<ir::Function>(*std::move(parsed));
  function->domain = schema.domain;
  bool uses_microsoft = false;
  ir::ForEachNode(*function->body, [&](const ir::Node& inner) { uses_microsoft = uses_microsoft || inner.domain == "com.microsoft"; });
  std::erase_if(function->opset_imports, [&](const ir::OpsetImport& import) {
    return import.domain == "Subgraph" || (!uses_microsoft && import.domain == "com.microsoft");
  });
  AddAttributes(schema, *function);
  OmitInputs(node, *function->body);
  OmitOutputs(node, *function->body);
  if (!InlineSubgraphs(node, *function->body, subgraph_opset)) return std::unique_ptr<ir::Function>();
  return function;
}

}  // namespace sardonyx::ops
