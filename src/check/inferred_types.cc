// Inferred types against the operators' schemas, and inference's own complaints.
#include <fmt/format.h>

#include <algorithm>

#include "check/parts.h"
#include "ops/inference.h"
#include "ops/schema.h"

namespace sardonyx::check {
namespace {

// Every element type in it is known, so that its spelling says all.
bool IsComplete(const ir::Type& type) {
  switch (type.kind) {
    case ir::Type::Kind::kUnknown:
    case ir::Type::Kind::kOpaque:
      return false;
    case ir::Type::Kind::kTensor:
    case ir::Type::Kind::kSparseTensor:
      return type.dtype != DataType::kUndefined;
    default:
      return type.element && IsComplete(*type.element) && (type.kind != ir::Type::Kind::kMap || type.dtype != DataType::kUndefined);
  }
}

std::string ListTypes(std::span<const std::string_view> types) {
  constexpr size_t kShown = 8;
  std::string text;
  for (size_t i = 0; i < std::min(types.size(), kShown); ++i) text += fmt::format("{}{}", i > 0 ? ", " : "", types[i]);
  if (types.size() > kShown) text += fmt::format(" and {} more", types.size() - kShown);
  return text;
}

class ConstraintChecker {
 public:
  ConstraintChecker(Context& context, const Scope& scope, const ir::Node& node, const ops::OpSchema& schema)
      : context_(context), scope_(scope), node_(node), schema_(schema) {}

  void Run() {
    for (size_t i = 0; i < node_.inputs().size(); ++i) Check(node_.input(i), schema_.input(i), "Input", i);
    for (size_t i = 0; i < node_.outputs().size(); ++i) Check(node_.output(i), schema_.output(i), "Output", i);
  }

 private:
  struct Binding {
    std::string_view variable;
    std::string spelling, of;
  };

  void Check(const ir::Value* value, const ops::FormalParameter* parameter, std::string_view role, size_t i) {
    if (!value || !parameter || !IsComplete(value->type)) return;
    const std::string spelling = value->type.Spelling();
    const std::string what = fmt::format("{} {} ({}) is {}", role, i, Quote(value->name()), spelling);
    const ops::TypeConstraint* constraint = schema_.constraint(parameter->type);
    const std::span<const std::string_view> types = constraint ? constraint->types : std::span(&parameter->type, 1);
    if (std::find(types.begin(), types.end(), spelling) == types.end()) {
      return Report(fmt::format("{}, but {} version {} takes {}. Cast it, or import another opset.", what, schema_.name,
                                schema_.since_version, ListTypes(types)));
    }
    if (!constraint || !parameter->homogeneous) return;
    for (const Binding& binding : bindings_) {
      if (binding.variable != parameter->type) continue;
      if (binding.spelling != spelling) {
        Report(fmt::format("{}, but {} is {}; both must be of one type ({}). Cast one of them.", what, binding.of, binding.spelling,
                           parameter->type));
      }
      return;
    }
    bindings_.push_back(
        {parameter->type, spelling, fmt::format("{} {} ({})", role == "Input" ? "input" : "output", i, Quote(value->name()))});
  }

  void Report(std::string message) {
    context_.Add(HasFirmSchema(node_) ? Severity::kError : Severity::kWarning, rules::kTypeConstraint, &scope_, &node_, std::move(message));
  }

  Context& context_;
  const Scope& scope_;
  const ir::Node& node_;
  const ops::OpSchema& schema_;
  std::vector<Binding> bindings_;
};

// Where a graph is; kept for findings that inference reports by graph.
using Scopes = std::unordered_map<const ir::Graph*, Scope>;

void CheckConstraints(Context& context, const ir::Graph& graph, std::string path, Scopes& scopes) {
  Scope& scope = scopes[&graph];
  scope.graph = &graph;
  scope.path = std::move(path);
  for (const auto& node : graph.nodes()) {
    const ops::OpSchema* schema = ops::FindSchema(node->domain, node->op_type, context.ImportedVersion(scope, node->domain));
    const bool is_function = context.FunctionOf(*node) != nullptr;
    if (schema && !schema->deprecated && !is_function) ConstraintChecker(context, scope, *node, *schema).Run();
    for (const auto& [name, subgraph] : ir::Subgraphs(*node)) {
      CheckConstraints(context, *subgraph, fmt::format("{}/{}.{}", scope.path, context.LabelOf(*node), name), scopes);
    }
  }
}

struct Complaint {
  const ir::Graph* graph;
  const ir::Node* node;
  Status status;
};

// Inference says where it was; the finding says that in fields of its own.
std::string WithoutPlace(const Complaint& complaint) {
  const std::string& message = complaint.status.message();
  const std::string place = (complaint.node ? complaint.node->Label() : "graph") + ": ";
  const size_t at = message.find(place);
  return at == std::string::npos ? message : message.substr(at + place.size());
}

}  // namespace

void CheckInferredTypes(Context& context, ir::Model& model) {
  std::vector<Complaint> complaints;
  ops::InferenceOptions options;
  options.strict = true;
  options.on_error = [&](const ir::Graph& graph, const ir::Node* node, const Status& error) {
    if (complaints.size() <= context.options().max_findings) complaints.push_back({&graph, node, error});
  };
  const Status status = ops::InferTypes(model, options);
  Scopes scopes;
  CheckConstraints(context, *model.graph, "main", scopes);
  for (const Complaint& complaint : complaints) {
    if (complaint.status.code() == StatusCode::kUnsupported || complaint.status.code() == StatusCode::kResource) continue;
    if (complaint.node && context.HasFinding(*complaint.node)) continue;  // the cause was found above
    const auto scope = scopes.find(complaint.graph);
    // Exporters declare the outputs of ai.onnx.ml's regressors carelessly, runtimes take them, and onnx.checker does not look.
    const bool regressor = complaint.node && complaint.node->domain == "ai.onnx.ml" && complaint.node->op_type.ends_with("Regressor");
    const bool lenient = regressor || (complaint.node && !HasFirmSchema(*complaint.node));
    context.Add(lenient ? Severity::kWarning : Severity::kError, rules::kInference, scope == scopes.end() ? nullptr : &scope->second,
                complaint.node, Shorten(WithoutPlace(complaint)));
  }
  if (!status.ok() && complaints.empty()) context.Error(rules::kInference, nullptr, nullptr, Shorten(status.message()));
}

}  // namespace sardonyx::check
