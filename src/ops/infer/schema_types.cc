#include "ops/infer/schema_types.h"

#include <algorithm>
#include <map>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ops/infer/common.h"

namespace sardonyx::ops::infer {
namespace {

bool IsTypeText(std::string_view type) { return type.find('(') != std::string_view::npos; }

// "tensor(int64)" -> the type; only tensors, and sequences and optionals of them, since nothing else needs it.
ir::Type ParseType(std::string_view text) {
  const auto inside = [&](std::string_view prefix) -> std::optional<std::string_view> {
    if (text.size() <= prefix.size() + 1 || text.substr(0, prefix.size()) != prefix || text.back() != ')') return std::nullopt;
    return text.substr(prefix.size(), text.size() - prefix.size() - 1);
  };
  if (auto content = inside("tensor(")) {
    const std::optional<DataType> dtype = ParseDataType(*content);
    return dtype ? ir::Type::Tensor(*dtype) : ir::Type();
  }
  if (auto content = inside("seq(")) {
    const ir::Type element = ParseType(*content);
    return element.known() ? ir::Type::Sequence(element) : ir::Type();
  }
  if (auto content = inside("optional(")) {
    const ir::Type element = ParseType(*content);
    return element.known() ? ir::Type::Optional(element) : ir::Type();
  }
  return {};
}

// Whether every element type inside is known, so that the spelling can be compared.
bool FullyKnown(const ir::Type& type) {
  if (type.kind == ir::Type::Kind::kUnknown || type.kind == ir::Type::Kind::kOpaque) return false;
  const bool has_dtype = type.kind != ir::Type::Kind::kSequence && type.kind != ir::Type::Kind::kOptional;
  if (has_dtype && type.dtype == DataType::kUndefined) return false;
  const bool has_element = type.kind != ir::Type::Kind::kTensor && type.kind != ir::Type::Kind::kSparseTensor;
  return !has_element || (type.element != nullptr && FullyKnown(*type.element));
}

std::string Count(int minimum, int maximum, std::string_view noun) {
  if (maximum == kUnboundedArity) return fmt::format("at least {} {}s", minimum, noun);
  if (minimum == maximum) return fmt::format("{} {}{}", minimum, noun, minimum == 1 ? "" : "s");
  return fmt::format("{} to {} {}s", minimum, maximum, noun);
}

// The type of output i without a shape; unknown when the schema leaves it open.
ir::Type OutputType(const InferenceContext& context, size_t i) {
  const OpSchema& schema = context.schema();
  const FormalParameter* output = schema.output(i);
  if (output == nullptr) return {};
  if (IsTypeText(output->type)) return ParseType(output->type);
  if (!output->homogeneous) return {};
  for (size_t k = 0; k < context.num_inputs(); ++k) {
    const FormalParameter* input = schema.input(k);
    if (input == nullptr || input->type != output->type || !input->homogeneous) continue;
    if (context.has_input(k) && FullyKnown(context.input_type(k))) return ParseType(context.input_type(k).Spelling());
  }
  const TypeConstraint* constraint = schema.constraint(output->type);
  return constraint != nullptr && constraint->types.size() == 1 ? ParseType(constraint->types.front()) : ir::Type();
}

}  // namespace

Status CheckArity(const OpSchema& schema, const ir::Node& node) {
  // Trailing omitted inputs and outputs count as absent where there would be too many, not where there would be too few.
  size_t inputs = node.inputs().size(), outputs = node.outputs().size();
  while (inputs > 0 && node.input(inputs - 1) == nullptr) --inputs;
  while (outputs > 0 && node.output(outputs - 1) == nullptr) --outputs;
  const auto above = [](size_t count, int maximum) { return maximum != kUnboundedArity && count > static_cast<size_t>(maximum); };
  if (node.inputs().size() < static_cast<size_t>(schema.min_inputs) || above(inputs, schema.max_inputs))
    return Invalid(fmt::format("has {} inputs; {} {} takes {}", inputs, schema.name, schema.since_version,
                               Count(schema.min_inputs, schema.max_inputs, "input")));
  if (above(outputs, schema.max_outputs))
    return Invalid(fmt::format("has {} outputs; {} {} gives {}", outputs, schema.name, schema.since_version,
                               Count(schema.min_outputs, schema.max_outputs, "output")));
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    const FormalParameter* parameter = schema.input(i);
    const bool required = parameter != nullptr && parameter->arity == Arity::kSingle;
    if (required && node.input(i) == nullptr) return Invalid(fmt::format("input {} ({}) is missing", i, parameter->name));
  }
  return {};
}

Status CheckInputTypes(const InferenceContext& context) {
  const OpSchema& schema = context.schema();
  std::map<std::string_view, std::pair<size_t, std::string>> bound;
  for (size_t i = 0; i < context.num_inputs(); ++i) {
    const FormalParameter* parameter = schema.input(i);
    if (parameter == nullptr || !context.has_input(i) || !FullyKnown(context.input_type(i))) continue;
    const std::string spelling = context.input_type(i).Spelling();
    if (IsTypeText(parameter->type)) {
      if (spelling != parameter->type)
        return Invalid(fmt::format("{} is {}; expected {}", InputLabel(context, i), spelling, parameter->type));
      continue;
    }
    const TypeConstraint* constraint = schema.constraint(parameter->type);
    if (constraint == nullptr) continue;
    if (std::find(constraint->types.begin(), constraint->types.end(), spelling) == constraint->types.end())
      return Invalid(fmt::format("{} is {}; {} {} takes {}", InputLabel(context, i), spelling, schema.name, schema.since_version,
                                 fmt::join(constraint->types, ", ")));
    if (!parameter->homogeneous) continue;
    const auto [found, inserted] = bound.try_emplace(parameter->type, i, spelling);
    if (!inserted && found->second.second != spelling)
      return Invalid(fmt::format("{} is {}, but {} is {}; both must have the same type {}", InputLabel(context, i), spelling,
                                 InputLabel(context, found->second.first), found->second.second, parameter->type));
  }
  return {};
}

void CompleteBySchema(const InferenceContext& context, size_t i, ir::Type& type) {
  const bool lacks_dtype = type.is_tensor() && type.dtype == DataType::kUndefined && type.raw_dtype == 0;
  if (type.known() && !lacks_dtype) return;
  ir::Type by_schema = OutputType(context, i);
  if (!type.known())
    type = std::move(by_schema);
  else if (by_schema.is_tensor())
    type.dtype = by_schema.dtype;
}

}  // namespace sardonyx::ops::infer
