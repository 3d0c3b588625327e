#include "optimize/widen.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/status_macros.h"
#include "ops/inference.h"
#include "ops/schema.h"
#include "optimize/inline_functions.h"

namespace sardonyx::optimize {
namespace {

bool IsNarrower(DataType dtype, DataType to) {
  if (to == DataType::kFloat) return dtype == DataType::kFloat16;
  return dtype == DataType::kFloat || dtype == DataType::kFloat16 || dtype == DataType::kBfloat16;
}

// Whether an input or output may be a tensor of this type.
bool Takes(const ops::OpSchema& schema, const ops::FormalParameter* parameter, DataType dtype) {
  const ops::TypeConstraint* constraint = parameter ? schema.constraint(parameter->type) : nullptr;
  if (!constraint) return false;
  const std::string tensor = dtype == DataType::kDouble ? "tensor(double)" : "tensor(float)";
  return std::any_of(constraint->types.begin(), constraint->types.end(),
                     [&](std::string_view type) { return type.find(tensor) != std::string_view::npos; });
}

bool AllTake(const ops::OpSchema& schema, const ir::Node& node, DataType to) {
  for (size_t i = 0; i < node.inputs().size(); ++i)
    if (node.input(i) && IsNarrower(node.input(i)->type.dtype, to) && !Takes(schema, schema.input(i), to)) return false;
  return true;
}

// The attribute of these operators, a type or a tensor, says what type they give.
bool TypeIsAttribute(const ir::Node& node) {
  return node.op_type == "Constant" || node.op_type == "ConstantOfShape" || node.attribute("dtype") || node.attribute("output_datatype") ||
         node.attribute("output_dtype");
}

// Copies of weights, which may be large tables: rounded values need not be wide before they are picked.
bool PicksFromWeight(const ir::Node& node) {
  return node.op_type == "Gather" && ir::NormalDomain(node.domain).empty() && node.input(0) && node.input(0)->initializer();
}

class Widener {
 public:
  Widener(ir::Model& model, DataType to) : model_(model), to_(to) {}

  Status Run() {
    for (const ir::ValueInfo& input : model_.graph->inputs()) {
      const ir::Type& type = input.value->type;
      if (!type.is_tensor() && type.element && IsNarrow(type.element->dtype))
        return Unsupported(fmt::format("input '{}' is a {}: only tensors are widened", input.value->name(), type.Spelling()));
    }
    RETURN_IF_ERROR(FindNarrow(*model_.graph));
    RETURN_IF_ERROR(Rewrite(*model_.graph));
    ir::Graph& graph = *model_.graph;
    for (size_t i = 0; i < graph.outputs().size(); ++i) RoundOutput(graph, i);
    if (!graph.SortTopologically()) return Invalid("the graph has a cycle");
    return {};
  }
  size_t count() const { return count_; }

 private:
  // Float is a way to compute faster what a model says in float16, and a Cast says that it wants to lose digits.
  bool RoundsOnPurpose(const ir::Node& node) const { return to_ == DataType::kFloat && node.op_type == "Cast"; }
  bool IsNarrow(DataType dtype) const { return IsNarrower(dtype, to_); }
  // Sequences and optionals of narrow tensors have wide elements; so have tensors.
  ir::Type Widened(const ir::Type& type) const {
    ir::Type wide = type;
    if (wide.kind != ir::Type::Kind::kMap && IsNarrow(wide.dtype)) wide.dtype = to_;
    if (wide.element) wide.element = std::make_shared<const ir::Type>(Widened(*wide.element));
    return wide;
  }

  StatusOr<const ops::OpSchema*> SchemaOf(const ir::Node& node) const {
    const int64_t opset = node.opset_version ? node.opset_version : model_.OpsetVersion(node.domain);
    const ops::OpSchema* schema = ops::FindRunnableSchema(ir::NormalDomain(node.domain), node.op_type, opset);
    if (!schema) return Unsupported(fmt::format("{}: the types of operator {}.{} are not known", node.Label(), node.domain, node.op_type));
    return schema;
  }

  // Values that are not double by themselves: inputs, weights, and what nodes give that have no double.
  Status FindNarrow(ir::Graph& graph) {
    for (const ir::ValueInfo& input : graph.inputs())
      if (!graph.owner() && IsNarrow(input.value->type.dtype)) narrow_[input.value] = input.value->type.dtype;
    for (const ir::Value* value : graph.initializers())
      if (IsNarrow(value->initializer()->dtype)) narrow_[value] = value->initializer()->dtype;
    for (const auto& node : graph.nodes()) {
      ASSIGN_OR_RETURN(const ops::OpSchema* schema, SchemaOf(*node));
      for (size_t i = 0; i < node->outputs().size(); ++i) {
        const ir::Value* output = node->output(i);
        if (!output || !output->type.is_tensor() || !IsNarrow(output->type.dtype)) continue;
        if (TypeIsAttribute(*node) || RoundsOnPurpose(*node) || PicksFromWeight(*node) || !Takes(*schema, schema->output(i), to_)) narrow_[output] = output->type.dtype;
      }
      for (const auto& [name, subgraph] : ir::Subgraphs(*node)) RETURN_IF_ERROR(FindNarrow(*subgraph));
    }
    return {};
  }

  Status Rewrite(ir::Graph& graph) {
    std::vector<ir::Node*> nodes;
    for (const auto& node : graph.nodes()) nodes.push_back(node.get());
    for (ir::Node* node : nodes) {
      ASSIGN_OR_RETURN(const ops::OpSchema* schema, SchemaOf(*node));
      for (const std::string_view name : {"to", "stash_type"})
        if (ir::Attribute* attribute = FindInt(*node, name);
            attribute && !RoundsOnPurpose(*node) && IsNarrow(static_cast<DataType>(std::get<int64_t>(attribute->value))) && Takes(*schema, schema->output(0), to_))
          attribute->value = static_cast<int64_t>(to_);
      for (size_t i = 0; i < node->inputs().size(); ++i) {
        ir::Value* input = node->input(i);
        if (!input) continue;
        if (i == 0 && PicksFromWeight(*node)) continue;
        const bool narrow = narrow_.contains(input), wide_wanted = Takes(*schema, schema->input(i), to_);
        if (narrow && wide_wanted) node->SetInput(i, Cast(input, to_));
        if (!narrow && !wide_wanted && input->type.is_tensor() && IsNarrow(input->type.dtype)) node->SetInput(i, Cast(input, input->type.dtype));
      }
      for (const auto& [name, subgraph] : ir::Subgraphs(*node)) RETURN_IF_ERROR(RewriteSubgraph(*subgraph));
    }
    graph.value_info.clear();
    return {};
  }

  Status RewriteSubgraph(ir::Graph& graph) {
    RETURN_IF_ERROR(Rewrite(graph));
    for (ir::ValueInfo& info : graph.mutable_inputs())
      if (info.type) info.type = Widened(*info.type);
    for (size_t i = 0; i < graph.outputs().size(); ++i) {
      ir::ValueInfo& info = graph.mutable_outputs()[i];
      if (info.type) info.type = Widened(*info.type);
      if (narrow_.contains(info.value)) graph.ReplaceOutput(i, Cast(info.value, to_));
    }
    if (!graph.SortTopologically()) return Invalid("a subgraph has a cycle");
    return {};
  }

  // An output of the model keeps its name and type; what computes it gets another name.
  void RoundOutput(ir::Graph& graph, size_t i) {
    ir::Value* value = graph.outputs()[i].value;
    if (!value->type.is_tensor() || !IsNarrow(value->type.dtype) || narrow_.contains(value)) return;
    const std::string name = value->name();
    graph.Rename(value, fmt::format("{}/{}", name, DataTypeName(to_)));
    ir::Value* rounded = Cast(value, value->type.dtype);
    graph.Rename(rounded, name);
    graph.ReplaceOutput(i, rounded);
  }

  // `value` as `dtype`, by a Cast in the graph that defines it: one for all who ask.
  ir::Value* Cast(ir::Value* value, DataType dtype) {
    ir::Value*& cast = casts_[value];
    if (cast) return cast;
    ++count_;
    ir::Graph& graph = *value->graph();
    ir::Node* node = graph.AddNode("Cast");
    node->name = fmt::format("{}/{}", value->name(), DataTypeName(dtype));
    node->SetAttribute(ir::Attribute("to", static_cast<int64_t>(dtype)));
    node->AddInput(value);
    cast = graph.AddValue(node->name);
    node->AddOutput(cast);
    return cast;
  }

  static ir::Attribute* FindInt(ir::Node& node, std::string_view name) {
    for (ir::Attribute& attribute : node.mutable_attributes())
      if (attribute.name == name && attribute.type == ir::AttributeType::kInt && std::holds_alternative<int64_t>(attribute.value)) return &attribute;
    return nullptr;
  }

  ir::Model& model_;
  DataType to_;
  std::unordered_map<const ir::Value*, DataType> narrow_;
  std::unordered_map<const ir::Value*, ir::Value*> casts_;  // every value is cast to one type only: narrow to double, or back
  size_t count_ = 0;
};

}  // namespace

StatusOr<size_t> WidenFloats(ir::Model& model, DataType to) {
  if (!model.graph) return size_t{0};
  ops::InferenceOptions lenient;
  lenient.on_error = [](const ir::Graph&, const ir::Node*, const Status&) {};
  InlineOptions expand;
  expand.expand_operator = [to](const ir::Node& node, int64_t opset) {
    const ops::OpSchema* schema = ops::FindRunnableSchema(ir::NormalDomain(node.domain), node.op_type, opset);
    return schema && schema->has_function && !AllTake(*schema, node, to);
  };
  // Bodies are made of function operators too: each round's types must be known before the next. What the rounds leave computes in its own type.
  constexpr int kMaxRounds = 16;
  for (int round = 0; round < kMaxRounds; ++round) {
    RETURN_IF_ERROR(ops::InferTypes(model, lenient));
    ASSIGN_OR_RETURN(const size_t replaced, InlineFunctions(model, expand));
    if (replaced == 0) break;
  }
  Widener widener(model, to);
  RETURN_IF_ERROR(widener.Run());
  return widener.count();
}

bool HasFloat16Weights(const ir::Model& model) {
  const auto is_matrix = [](const ir::StoredTensor& tensor) { return tensor.dtype == DataType::kFloat16 && tensor.dims.size() >= 2; };
  const auto look = [&](const auto& self, const ir::Graph& graph) -> bool {
    for (const ir::Value* value : graph.initializers())
      if (is_matrix(*value->initializer())) return true;
    for (const auto& node : graph.nodes()) {
      for (const ir::Attribute& attribute : node->attributes())
        if (const auto* tensor = std::get_if<ir::StoredTensor>(&attribute.value); tensor && is_matrix(*tensor)) return true;
      for (const auto& [name, subgraph] : ir::Subgraphs(*node))
        if (self(self, *subgraph)) return true;
    }
    return false;
  };
  return model.graph && look(look, *model.graph);
}

}  // namespace sardonyx::optimize
