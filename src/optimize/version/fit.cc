#include "optimize/version/fit.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace sardonyx::optimize::version {
namespace {

using ops::AttributeSchema;
using ops::OpSchema;

// A hint for in-place kernels of the first opset; it says nothing of what is computed.
constexpr std::string_view kConsumedInputs = "consumed_inputs";

ir::Attribute DefaultAttribute(const AttributeSchema& schema) {
  return std::visit(
      [&](const auto& value) {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::monostate>)
          return ir::Attribute();
        else
          return ir::Attribute(std::string(schema.name), value);
      },
      schema.default_value);
}

bool IsDefault(const ir::Attribute& attribute, const AttributeSchema& schema) {
  if (!attribute.ref_attr_name.empty()) return false;
  return std::visit(
      [&](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return false;
        } else {
          const T* content = std::get_if<T>(&attribute.value);
          return content && *content == value;
        }
      },
      schema.default_value);
}

bool HasDefault(const AttributeSchema* schema) { return schema && !std::holds_alternative<std::monostate>(schema->default_value); }

std::string Label(const OpSchema& schema) { return fmt::format("{} {}", schema.name, schema.since_version); }

// Types whose element is not known compare with nothing.
bool IsComparable(const ir::Type& type) {
  if (type.is_tensor()) return type.dtype != DataType::kUndefined;
  if (type.kind == ir::Type::Kind::kSequence || type.kind == ir::Type::Kind::kOptional) return type.element && IsComparable(*type.element);
  return type.kind == ir::Type::Kind::kMap;
}

class TypeCheck {
 public:
  explicit TypeCheck(const OpSchema& schema) : schema_(schema) {}

  std::string Add(const ops::FormalParameter* parameter, const ir::Value* value) {
    if (!parameter || !value || !IsComparable(value->type)) return "";
    const std::string spelling = value->type.Spelling();
    const ops::TypeConstraint* constraint = schema_.constraint(parameter->type);
    const bool allowed = constraint ? std::find(constraint->types.begin(), constraint->types.end(), spelling) != constraint->types.end()
                                    : spelling == parameter->type;
    if (!allowed) return fmt::format("{} does not take {} for {}", Label(schema_), spelling, parameter->name);
    if (!constraint || !parameter->homogeneous) return "";
    const auto [bound, inserted] = bound_.try_emplace(parameter->type, spelling);
    if (inserted || bound->second == spelling) return "";
    return fmt::format("{} takes one type for {}; here are {} and {}", Label(schema_), parameter->type, bound->second, spelling);
  }

 private:
  const OpSchema& schema_;
  std::map<std::string_view, std::string> bound_;
};

std::string WhyArityDoesNotFit(const ir::Node& node, const OpSchema& to) {
  size_t inputs = node.inputs().size(), outputs = node.outputs().size();
  while (inputs > 0 && !node.input(inputs - 1)) --inputs;
  while (outputs > 0 && !node.output(outputs - 1)) --outputs;
  if (to.max_inputs != ops::kUnboundedArity && inputs > static_cast<size_t>(to.max_inputs))
    return fmt::format("has {} inputs; {} takes {}", inputs, Label(to), to.max_inputs);
  if (to.max_outputs != ops::kUnboundedArity && outputs > static_cast<size_t>(to.max_outputs))
    return fmt::format("has {} outputs; {} gives {}", outputs, Label(to), to.max_outputs);
  if (node.inputs().size() < static_cast<size_t>(to.min_inputs))
    return fmt::format("has {} inputs; {} needs {}", node.inputs().size(), Label(to), to.min_inputs);
  for (size_t i = 0; i < to.inputs.size(); ++i)
    if (to.inputs[i].arity == ops::Arity::kSingle && !node.input(i)) return fmt::format("{} needs input {}", Label(to), to.inputs[i].name);
  return "";
}

}  // namespace

bool CarryDefaults(ir::Node& node, const OpSchema& from, const OpSchema& to) {
  bool changed = false;
  for (size_t i = node.attributes().size(); i-- > 0;) {
    const ir::Attribute& attribute = node.attributes()[i];
    const AttributeSchema* known = from.attribute(attribute.name);
    if (!known || to.attribute(attribute.name)) continue;
    if (attribute.name != kConsumedInputs && !IsDefault(attribute, *known)) continue;
    node.mutable_attributes().erase(node.mutable_attributes().begin() + static_cast<std::ptrdiff_t>(i));
    changed = true;
  }
  for (const AttributeSchema& attribute : to.attributes) {
    const AttributeSchema* before = from.attribute(attribute.name);
    const bool differs = HasDefault(before) && before->type == attribute.type && before->default_value != attribute.default_value;
    if (!differs || node.attribute(attribute.name)) continue;
    node.SetAttribute(DefaultAttribute(*before));
    changed = true;
  }
  return changed;
}

std::string WhyTypesDoNotFit(const ir::Node& node, const OpSchema& to) {
  // Version 1 holds floats only; the others become initializers at the end (FinishIrVersion).
  if (to.name == "Constant" && to.since_version == 1) return "";
  TypeCheck check(to);
  for (size_t i = 0; i < node.inputs().size(); ++i)
    if (std::string why = check.Add(to.input(i), node.input(i)); !why.empty()) return why;
  for (size_t i = 0; i < node.outputs().size(); ++i)
    if (std::string why = check.Add(to.output(i), node.output(i)); !why.empty()) return why;
  return "";
}

std::string WhyNotFit(const ir::Node& node, const OpSchema& to) {
  if (to.deprecated) return fmt::format("{} was taken away with opset {}", to.name, to.since_version);
  if (std::string why = WhyArityDoesNotFit(node, to); !why.empty()) return why;
  for (const ir::Attribute& attribute : node.attributes()) {
    const AttributeSchema* known = to.attribute(attribute.name);
    if (!known) return fmt::format("has attribute '{}', which {} does not know", attribute.name, Label(to));
    if (attribute.type != known->type)
      return fmt::format("has attribute '{}' of type {}; {} takes {}", attribute.name, ir::AttributeTypeName(attribute.type), Label(to),
                         ir::AttributeTypeName(known->type));
  }
  for (const AttributeSchema& attribute : to.attributes)
    if (attribute.required && !node.attribute(attribute.name)) return fmt::format("{} needs attribute '{}'", Label(to), attribute.name);
  return WhyTypesDoNotFit(node, to);
}

}  // namespace sardonyx::optimize::version
