// One graph: its interface, its initializers, its nodes, and the graphs inside them.
#include <fmt/format.h>

#include "check/parts.h"

namespace sardonyx::check {
namespace {

// The loader allows 64; a model made in memory may be deeper, and recursion must end.
constexpr int kMaxDepth = 100;

void CheckInterface(Context& context, const Scope& scope, const std::vector<ir::ValueInfo>& infos, std::string_view role) {
  const bool is_main = scope.kind == Scope::Kind::kMain || scope.kind == Scope::Kind::kTraining;
  for (const ir::ValueInfo& info : infos) {
    const std::string what = fmt::format("{} {}", role, Quote(info.value->name()));
    if (info.value->name().empty())
      context.Error(rules::kInterface, &scope, nullptr, fmt::format("A graph {} has no name. Give it one.", role));
    CheckMetadata(context, info.metadata, &scope, what);
    if (info.type && info.type->known()) {
      CheckType(context, &scope, nullptr, *info.type, what, is_main ? Severity::kError : Severity::kWarning);
      const bool has_shape = info.type->kind == ir::Type::Kind::kTensor || info.type->kind == ir::Type::Kind::kSparseTensor;
      if (is_main && has_shape && !info.type->shape) {
        context.Error(rules::kInterface, &scope, nullptr,
                      fmt::format("The type of {} has no shape. Give its dims; those that vary may be names ('batch') or empty.", what));
      }
    } else if (is_main) {
      context.Error(rules::kInterface, &scope, nullptr, fmt::format("{} has no type. Give it an element type and a shape.", what));
    }
  }
}

void CheckValueInfo(Context& context, const Scope& scope) {
  std::unordered_set<std::string_view> seen;
  for (const ir::ValueInfo& info : scope.graph->value_info) {
    const std::string what = fmt::format("value_info of {}", Quote(info.value->name()));
    if (!seen.insert(info.value->name()).second)
      context.Warn(rules::kValueInfo, &scope, nullptr, fmt::format("There is more than one {}.", what));
    if (!info.value->is_defined()) {
      context.Warn(rules::kValueInfo, &scope, nullptr, fmt::format("There is a {}, which nothing defines. Remove it.", what));
    }
    if (info.type && info.type->known()) CheckType(context, &scope, nullptr, *info.type, what, Severity::kWarning);
  }
}

void CheckInitializers(Context& context, const Scope& scope) {
  const ir::Graph& graph = *scope.graph;
  std::unordered_set<std::string_view> seen;
  const auto check_name = [&](const ir::Value& value) {
    const std::string name = Quote(value.name());
    if (value.name().empty()) context.Error(rules::kInitializer, &scope, nullptr, "An initializer has no name. Give it one, or remove it.");
    if (!seen.insert(value.name()).second) {
      context.Error(rules::kInitializer, &scope, nullptr, fmt::format("There is more than one initializer {}. Keep one, or rename.", name));
    }
    if (context.model().ir_version > 0 && context.model().ir_version < 4 && !value.is_graph_input()) {
      context.Error(
          rules::kInitializer, &scope, nullptr,
          fmt::format("Initializer {} is not a graph input, as it must be before IR version 4. Add an input, or set ir_version to 4.",
                      name));
    }
    // An input's declared type and its default value must agree.
    if (value.is_graph_input() && value.initializer() && value.type.known() &&
        !ir::Compatible(value.type, ir::Type::Tensor(value.initializer()->dtype, ir::Shape::Of(value.initializer()->dims)))) {
      context.Error(rules::kInitializer, &scope, nullptr,
                    fmt::format("Initializer {} is {}, but the input of that name is declared {}.", name,
                                ir::Type::Tensor(value.initializer()->dtype, ir::Shape::Of(value.initializer()->dims)).ToString(),
                                value.type.ToString()));
    }
  };
  for (const ir::Value* value : graph.initializers()) {
    check_name(*value);
    CheckTensor(context, &scope, nullptr, *value->initializer(), fmt::format("initializer {}", Quote(value->name())));
  }
  for (const ir::Value* value : graph.sparse_initializers()) {
    check_name(*value);
    CheckSparseTensor(context, &scope, nullptr, *value->sparse_initializer(), fmt::format("sparse initializer {}", Quote(value->name())));
  }
  if (scope.kind == Scope::Kind::kFunction && !seen.empty()) {
    context.Error(rules::kFunction, &scope, nullptr,
                  "A function's body has initializers, which functions cannot have. Use Constant nodes.");
  }
}

void CheckQuantization(Context& context, const Scope& scope) {
  for (const ir::QuantizationAnnotation& annotation : scope.graph->quantization_annotations) {
    const std::string of = Quote(annotation.tensor_name);
    const ir::Value* tensor = scope.graph->Find(annotation.tensor_name);
    if (!tensor || !tensor->is_defined()) {
      context.Error(rules::kQuantization, &scope, nullptr,
                    fmt::format("A quantization annotation is about {}, which nothing defines.", of));
    }
    for (const auto& [role, name] : annotation.parameters) {
      const ir::Value* value = scope.graph->FindInScope(name);
      if (!value || !value->is_defined()) {
        context.Error(rules::kQuantization, &scope, nullptr,
                      fmt::format("The {} of {} is said to be {}, which nothing defines.", role, of, Quote(name)));
      }
    }
  }
}

void CheckSubgraphs(Context& context, const Scope& scope, const ir::Node& node, size_t position) {
  for (const auto& [name, graph] : ir::Subgraphs(node)) {
    Scope inner;
    inner.graph = graph;
    inner.kind = Scope::Kind::kSubgraph;
    inner.path = fmt::format("{}/{}.{}", scope.path, context.LabelOf(node), name);
    inner.function = scope.function;
    inner.outer = &scope;
    inner.depth = scope.depth + 1;
    inner.owner_position = position;
    CheckGraph(context, inner);
  }
}

}  // namespace

void CheckGraph(Context& context, Scope& scope) {
  const ir::Graph& graph = *scope.graph;
  if (scope.depth > kMaxDepth) {
    context.ForbidInference();
    return context.Error(rules::kNesting, &scope, nullptr,
                         fmt::format("Subgraphs are nested deeper than {}; what lies deeper is not checked.", kMaxDepth));
  }
  if (graph.name.empty() && scope.kind != Scope::Kind::kFunction) {
    context.Error(rules::kGraph, &scope, nullptr, "The graph has no name. Give it one.");
  }
  CheckMetadata(context, graph.metadata, &scope, "the graph");
  CheckInterface(context, scope, graph.inputs(), "input");
  CheckInterface(context, scope, graph.outputs(), "output");
  CheckInitializers(context, scope);
  CheckValueInfo(context, scope);
  CheckQuantization(context, scope);
  CheckNames(context, scope);
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    CheckNode(context, scope, *graph.nodes()[i]);
    CheckSubgraphs(context, scope, *graph.nodes()[i], i);
  }
}

}  // namespace sardonyx::check
