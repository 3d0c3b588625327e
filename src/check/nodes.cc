// One node against the schema of its operator, or the function that it calls.
#include <fmt/format.h>

#include <algorithm>

#include "check/parts.h"
#include "ops/edit_distance.h"
#include "ops/schema.h"

namespace sardonyx::check {
namespace {

// Operators of before ONNX 1.5 that never left the experiment; models of that time may have them, and no schema does.
constexpr std::string_view kExperimental[] = {
    "ATen",  "Affine",    "ConstantFill", "Crop", "DynamicSlice", "GRUUnit", "GivenTensorFill", "ImageScaler", "ParametricSoftplus",
    "Scale", "ScaledTanh"};

struct Replacement {
  std::string_view op_type, advice;
};
constexpr Replacement kReplacements[] = {
    {"Upsample", "Use Resize."},
    {"Scatter", "Use ScatterElements, which does the same."},
    {"GroupNormalization", "Import opset 21, whose GroupNormalization has scale and bias per channel."},
    {"TreeEnsembleClassifier", "Use TreeEnsemble."},
    {"TreeEnsembleRegressor", "Use TreeEnsemble."},
};

Severity SeverityIn(const ir::Node& node) { return HasFirmSchema(node) ? Severity::kError : Severity::kWarning; }

// Why the operator is not known, and what may have been meant.
std::string UnknownOperatorAdvice(Context& context, const ir::Node& node, int64_t version) {
  const std::vector<const ops::OpSchema*> versions = ops::SchemaVersions(node.domain, node.op_type);
  if (ops::FindRunnableSchema(node.domain, node.op_type, version) != nullptr)
    return " ONNX Runtime writes it into models that it saves; it runs here and there, but ONNX has no such operator.";
  if (!versions.empty()) {
    return fmt::format(" It came with version {}, and the model imports {}: import {} or later.", versions.front()->since_version, version,
                       versions.front()->since_version);
  }
  for (std::string_view other : {"", "ai.onnx.ml", "com.microsoft", "ai.onnx.preview", "ai.onnx.preview.training"}) {
    if (!ops::SchemaVersions(other, node.op_type).empty()) {
      return fmt::format(" Domain {} has one of that name: set the node's domain and import it.", Quote(other.empty() ? "ai.onnx" : other));
    }
  }
  if (!context.MaySuggest()) return "";
  const std::string meant = DidYouMean(ops::SimilarOperators(node.domain, node.op_type));
  return meant.empty() ? " If it is an operator of your own, give it a domain of its own." : meant;
}

void CheckCount(Context& context, const Scope& scope, const ir::Node& node, size_t count, int least, int most, std::string_view what) {
  if (count < static_cast<size_t>(least)) {
    context.Add(SeverityIn(node), rules::kArity, &scope, &node, fmt::format("Has {} {}s, but needs at least {}.", count, what, least));
  } else if (count > static_cast<size_t>(most)) {
    context.Add(SeverityIn(node), rules::kArity, &scope, &node, fmt::format("Has {} {}s, but takes at most {}.", count, what, most));
  }
}

void CheckPresence(Context& context, const Scope& scope, const ir::Node& node, const std::vector<ir::Value*>& values,
                   const std::vector<ops::FormalParameter>& parameters, std::string_view what) {
  for (size_t i = 0; i < std::min(values.size(), parameters.size()); ++i) {
    if (!values[i] && parameters[i].arity == ops::Arity::kSingle) {
      context.Add(SeverityIn(node), rules::kArity, &scope, &node,
                  fmt::format("Leaves out {} {} ('{}'), which is not optional.", what, i, parameters[i].name));
    }
  }
  if (parameters.empty() || parameters.back().arity != ops::Arity::kVariadic || !parameters.back().homogeneous || what != "input") return;
  for (size_t i = parameters.size() - 1; i < values.size(); ++i) {
    if (values[i]) continue;
    context.Add(SeverityIn(node), rules::kArity, &scope, &node,
                fmt::format("Leaves out {} {}, one of several '{}'. Remove it from the list.", what, i, parameters.back().name));
  }
}

void CheckSchemaAttribute(Context& context, const Scope& scope, const ir::Node& node, const ops::OpSchema& schema,
                          const ir::Attribute& attribute) {
  const ops::AttributeSchema* known = schema.attribute(attribute.name);
  if (!known) {
    if (attribute.name.starts_with("__")) return;  // by convention an implementation's own business
    std::vector<std::string_view> names;
    for (const ops::AttributeSchema& a : schema.attributes) names.push_back(a.name);
    std::string advice;
    for (const ops::OpSchema* version : ops::SchemaVersions(node.domain, node.op_type)) {
      if (!version->attribute(attribute.name)) continue;
      advice = fmt::format(" Version {} of the operator has it; this is version {}.", version->since_version, schema.since_version);
    }
    if (advice.empty() && context.MaySuggest()) advice = DidYouMean(ops::NearestNames(attribute.name, std::move(names), 2));
    context.Add(SeverityIn(node), rules::kAttribute, &scope, &node,
                fmt::format("The operator has no attribute {}.{}", Quote(attribute.name), advice));
  } else if (attribute.type != known->type && attribute.type != ir::AttributeType::kUndefined) {
    context.Add(SeverityIn(node), rules::kAttribute, &scope, &node,
                fmt::format("Attribute {} is {}, but must be {}.", Quote(attribute.name), ir::AttributeTypeName(attribute.type),
                            ir::AttributeTypeName(known->type)));
  }
}

// Attributes that hold an element type as a number. Where 0 is the default it means "as the input".
void CheckElementTypes(Context& context, const Scope& scope, const ir::Node& node, const ops::OpSchema& schema) {
  for (std::string_view name : {"to", "dtype", "output_dtype", "output_datatype", "stash_type", "softmax_precision", "precision"}) {
    const ir::Attribute* attribute = node.attribute(name);
    const ops::AttributeSchema* known = schema.attribute(name);
    const int64_t* value = attribute && known ? std::get_if<int64_t>(&attribute->value) : nullptr;
    if (!value) continue;
    const int64_t* fallback = std::get_if<int64_t>(&known->default_value);
    if (*value >= 1 && *value < kNumDataTypes) continue;
    if (fallback && *fallback == *value) continue;
    context.Add(SeverityIn(node), rules::kAttribute, &scope, &node,
                fmt::format("Attribute '{}' is {}, which is no element type.", name, *value));
  }
}

// A Constant is one value, whichever of its attributes holds it.
void CheckConstant(Context& context, const Scope& scope, const ir::Node& node, const ops::OpSchema& schema) {
  const auto count =
      std::count_if(node.attributes().begin(), node.attributes().end(), [&](const ir::Attribute& a) { return schema.attribute(a.name); });
  if (count != 1) {
    context.Error(rules::kAttribute, &scope, &node,
                  fmt::format("Has {} of the attributes that give a Constant its value; it needs one.", count));
  }
}

void CheckAgainstSchema(Context& context, const Scope& scope, const ir::Node& node, const ops::OpSchema& schema) {
  CheckCount(context, scope, node, node.inputs().size(), schema.min_inputs, schema.max_inputs, "input");
  CheckCount(context, scope, node, node.outputs().size(), schema.min_outputs, schema.max_outputs, "output");
  CheckPresence(context, scope, node, node.inputs(), schema.inputs, "input");
  CheckPresence(context, scope, node, node.outputs(), schema.outputs, "output");
  for (const ir::Attribute& attribute : node.attributes()) CheckSchemaAttribute(context, scope, node, schema, attribute);
  for (const ops::AttributeSchema& attribute : schema.attributes) {
    if (attribute.required && !node.attribute(attribute.name)) {
      context.Add(SeverityIn(node), rules::kAttribute, &scope, &node,
                  fmt::format("Attribute '{}' ({}) is required but missing.", attribute.name, ir::AttributeTypeName(attribute.type)));
    }
  }
  CheckElementTypes(context, scope, node, schema);
  if (schema.domain.empty() && schema.name == "Constant") CheckConstant(context, scope, node, schema);
  CheckBodies(context, scope, node);
}

void CheckAgainstFunction(Context& context, const Scope& scope, const ir::Node& node, const ir::Function& function) {
  if (!function.body) return;
  const auto check_count = [&](size_t count, size_t most, std::string_view what) {
    if (count > most) {
      context.Error(rules::kArity, &scope, &node, fmt::format("Has {} {}s, but the function it calls has {}.", count, what, most));
    }
  };
  check_count(node.inputs().size(), function.body->inputs().size(), "input");
  check_count(node.outputs().size(), function.body->outputs().size(), "output");
  for (const ir::Attribute& attribute : node.attributes()) {
    if (!context.HasAttribute(function, attribute.name)) {
      context.Warn(rules::kAttribute, &scope, &node,
                   fmt::format("The function it calls has no attribute {}; it has no effect.", Quote(attribute.name)));
    }
  }
}

void CheckOperator(Context& context, const Scope& scope, const ir::Node& node) {
  const std::string_view domain = ir::NormalDomain(node.domain);
  const std::string shown = Quote(domain.empty() ? "ai.onnx" : domain);
  const ir::Function* function = context.FunctionOf(node);
  const int64_t version = context.ImportedVersion(scope, node.domain);
  if (version == 0) {
    context.Error(rules::kOpsetImport, &scope, &node,
                  fmt::format("{} imports no version of domain {}, which the node's operator is of. Add an opset import.",
                              scope.function ? "The function" : "The model", shown));
    if (!function) return;
  }
  if (function) return CheckAgainstFunction(context, scope, node, *function);
  const int newest = ops::NewestOpset(domain);
  if (newest == 0) {
    if (ops::IsStandardDomain(domain)) {
      context.Error(rules::kOperator, &scope, &node, fmt::format("Domain {} has no operators.", shown));
    } else {
      context.WarnOnce(rules::kCustomDomain, &scope, &node, fmt::format("Operators of domain {} are not known and not checked.", shown));
    }
    return;
  }
  if (version > newest && ops::IsStandardDomain(domain)) return;  // reported with the import
  const ops::OpSchema* schema = ops::FindSchema(domain, node.op_type, version);
  if (!schema) {
    if (domain.empty() && std::find(std::begin(kExperimental), std::end(kExperimental), node.op_type) != std::end(kExperimental)) {
      context.Warn(rules::kOperator, &scope, &node, "This operator of ONNX's early days was never made part of it. Export the model anew.");
      return;
    }
    context.Add(SeverityIn(node), rules::kOperator, &scope, &node,
                fmt::format("Version {} of domain {} has no operator {}.{}", version, shown, Quote(node.op_type),
                            UnknownOperatorAdvice(context, node, version)));
  } else if (schema->deprecated) {
    const auto found =
        std::find_if(std::begin(kReplacements), std::end(kReplacements), [&](const Replacement& r) { return r.op_type == node.op_type; });
    context.Error(
        rules::kDeprecated, &scope, &node,
        fmt::format("The operator is deprecated since version {} of domain {}, and the model imports {}.{}{}", schema->since_version, shown,
                    version, found == std::end(kReplacements) ? "" : " ", found == std::end(kReplacements) ? "" : found->advice));
  } else {
    CheckAgainstSchema(context, scope, node, *schema);
  }
}

}  // namespace

void CheckNode(Context& context, const Scope& scope, const ir::Node& node) {
  if (node.inputs().empty() && node.outputs().empty()) {
    context.Error(rules::kArity, &scope, &node, "Has neither inputs nor outputs, so it cannot do anything. Remove it.");
  }
  std::unordered_set<std::string_view> names;
  for (const ir::Attribute& attribute : node.attributes()) {
    if (!names.insert(attribute.name).second) {
      context.Error(rules::kAttribute, &scope, &node, fmt::format("Attribute {} stands there twice. Keep one.", Quote(attribute.name)));
    }
    CheckAttribute(context, scope, &node, attribute);
  }
  CheckMetadata(context, node.metadata, &scope, "a node");
  if (!node.overload.empty() && context.model().ir_version > 0 && context.model().ir_version < 10) {
    context.WarnOnce(rules::kIrVersion, &scope, &node, "Overloads came with IR version 10. Set ir_version to 10.");
  }
  if (node.op_type.empty()) {
    context.Error(rules::kOperator, &scope, &node, "The node has no operator (op_type). Set it.");
  } else {
    CheckOperator(context, scope, node);
  }
}

}  // namespace sardonyx::check
