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

bool IsNarrow(DataType dtype) { return dtype == DataType::kFloat || dtype == DataType::kFloat16 || dtype == DataType::kBfloat16; }

// What `parameter` becomes when every floating-point tensor is double.
bool TakesDouble(const ops::OpSchema& schema, const ops::FormalParameter* parameter) {
  const ops::TypeConstraint* constraint = parameter ? schema.constraint(parameter->type) : nullptr;
  if (!constraint) return false;
  return std::any_of(constraint->types.begin(), constraint->types.end(),
                     [](std::string_view type) { return type.find("tensor(double)") != std::string_view::npos; });
}

bool AllTakeDouble(const ops::OpSchema& schema, const ir::Node& node) {
  for (size_t i = 0; i < node.inputs().size(); ++i)
    if (node.input(i) && IsNarrow(node.input(i)->type.dtype) && !TakesDouble(schema, schema.input(i))) return false;
  return true;
}

// The attribute of these operators, a type or a tensor, says what type they give.
bool TypeIsAttribute(const ir::Node& node) {
  return node.op_type == "Constant" || node.op_type == "ConstantOfShape" || node.attribute("dtype") || node.attribute("output_datatype") ||
         node.attribute("output_dtype");
}

// Sequences and optionals of narrow tensors have wide elements; so have tensors.
ir::Type Widened(const ir::Type& type) {
  ir::Type wide = type;
  if (wide.kind != ir::Type::Kind::kMap && IsNarrow(wide.dtype)) wide.dtype = DataType::kDouble;
  if (wide.element) wide.element = std::make_shared<const ir::Type>(Widened(*wide.element));
  return wide;
}

class Widener {
 public:
  explicit Widener(ir::Model& model) : model_(model) {}

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
        if (TypeIsAttribute(*node) || !TakesDouble(*schema, schema->output(i))) narrow_[output] = output->type.dtype;
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
            attribute && IsNarrow(static_cast<DataType>(std::get<int64_t>(attribute->value))) && TakesDouble(*schema, schema->output(0)))
          attribute->value = static_cast<int64_t>(DataType::kDouble);
      for (size_t i = 0; i < node->inputs().size(); ++i) {
        ir::Value* input = node->input(i);
        if (!input) continue;
        const bool narrow = narrow_.contains(input), wide_wanted = TakesDouble(*schema, schema->input(i));
        if (narrow && wide_wanted) node->SetInput(i, Cast(input, DataType::kDouble));
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
      if (narrow_.contains(info.value)) graph.ReplaceOutput(i, Cast(info.value, DataType::kDouble));
    }
    if (!graph.SortTopologically()) return Invalid("a subgraph has a cycle");
    return {};
  }

  // An output of the model keeps its name and type; what computes it gets another name.
  void RoundOutput(ir::Graph& graph, size_t i) {
    ir::Value* value = graph.outputs()[i].value;
    if (!value->type.is_tensor() || !IsNarrow(value->type.dtype) || narrow_.contains(value)) return;
    const std::string name = value->name();
    graph.Rename(value, name + "/double");
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
  std::unordered_map<const ir::Value*, DataType> narrow_;
  std::unordered_map<const ir::Value*, ir::Value*> casts_;  // every value is cast to one type only: narrow to double, or back
  size_t count_ = 0;
};

}  // namespace

StatusOr<size_t> WidenFloats(ir::Model& model) {
  if (!model.graph) return size_t{0};
  ops::InferenceOptions lenient;
  lenient.on_error = [](const ir::Graph&, const ir::Node*, const Status&) {};
  InlineOptions expand;
  expand.expand_operator = [](const ir::Node& node, int64_t opset) {
    const ops::OpSchema* schema = ops::FindRunnableSchema(ir::NormalDomain(node.domain), node.op_type, opset);
    return schema && schema->has_function && !AllTakeDouble(*schema, node);
  };
  // Bodies are made of function operators too: each round's types must be known before the next. What the rounds leave computes in its own type.
  constexpr int kMaxRounds = 16;
  for (int round = 0; round < kMaxRounds; ++round) {
    RETURN_IF_ERROR(ops::InferTypes(model, lenient));
    ASSIGN_OR_RETURN(const size_t replaced, InlineFunctions(model, expand));
    if (replaced == 0) break;
  }
  Widener widener(model);
  RETURN_IF_ERROR(widener.Run());
  return widener.count();
}

}  // namespace sardonyx::optimize
