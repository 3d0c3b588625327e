#include "runtime/type_check.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace sardonyx::runtime {
namespace {

// Does the schema's type spelling allow what is there? Element types of sequences and maps are not looked at.
bool Allows(std::string_view spelling, const InputKind& input) {
  while (spelling.starts_with("optional(")) spelling = spelling.substr(9, spelling.size() - 10);
  switch (input.kind) {
    case Value::Kind::kNone:
      return true;
    case Value::Kind::kTensor:
      return spelling.starts_with("tensor(") &&
             (input.dtype == DataType::kUndefined || spelling.substr(7, spelling.size() - 8) == DataTypeName(input.dtype));
    case Value::Kind::kSparseTensor:
      return spelling.starts_with("sparse_tensor(");
    case Value::Kind::kSequence:
      return spelling.starts_with("seq(");
    case Value::Kind::kMap:
      return spelling.starts_with("map(");
  }
  return false;
}

std::string Describe(const InputKind& input) {
  switch (input.kind) {
    case Value::Kind::kTensor:
      return fmt::format("tensor({})", DataTypeName(input.dtype));
    case Value::Kind::kSparseTensor:
      return "a sparse tensor";
    case Value::Kind::kSequence:
      return "a sequence";
    case Value::Kind::kMap:
      return "a map";
    case Value::Kind::kNone:
      break;
  }
  return "nothing";
}

}  // namespace

Status CheckArity(const ir::Node& node, const ops::OpSchema& schema) {
  const auto inputs = static_cast<int>(node.inputs().size()), outputs = static_cast<int>(node.outputs().size());
  // Trailing omitted inputs count as given in some files; what matters is that the required ones are there.
  if (inputs < schema.min_inputs || inputs > schema.max_inputs)
    return Invalid(fmt::format("{} inputs; {} takes {} to {}", inputs, schema.name, schema.min_inputs, schema.max_inputs));
  if (outputs < schema.min_outputs || outputs > schema.max_outputs)
    return Invalid(fmt::format("{} outputs; {} gives {} to {}", outputs, schema.name, schema.min_outputs, schema.max_outputs));
  // Only what is called optional may be left out, of a variadic parameter nothing: kernels read all of it.
  for (size_t i = 0; i < std::max(schema.inputs.size(), node.inputs().size()); ++i) {
    const ops::FormalParameter* formal = schema.input(i);
    const bool given = i < node.inputs().size() && node.input(i) != nullptr;
    const bool needed = formal && (formal->arity == ops::Arity::kSingle || (formal->arity == ops::Arity::kVariadic && i < node.inputs().size()));
    if (needed && !given) return Invalid(fmt::format("input {} ({}) is missing", i, formal->name));
  }
  return {};
}

Status CheckInputTypes(const ops::OpSchema& schema, std::span<const InputKind> inputs) {
  std::map<std::string_view, size_t> bound;  // type variable -> the input that fixed it
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].present) continue;
    const ops::FormalParameter* formal = schema.input(i);
    if (!formal) continue;
    const ops::TypeConstraint* constraint = schema.constraint(formal->type);
    const bool allowed = constraint ? std::any_of(constraint->types.begin(), constraint->types.end(),
                                                  [&](std::string_view t) { return Allows(t, inputs[i]); })
                                    : Allows(formal->type, inputs[i]);
    if (!allowed)
      return Invalid(fmt::format("input {} ({}) is {}, which {} does not take", i, formal->name, Describe(inputs[i]), schema.name));
    if (!constraint || inputs[i].kind != Value::Kind::kTensor || inputs[i].dtype == DataType::kUndefined) continue;
    if (formal->arity == ops::Arity::kVariadic && !formal->homogeneous) continue;
    const auto [it, added] = bound.emplace(formal->type, i);
    if (!added && inputs[it->second].dtype != inputs[i].dtype)
      return Invalid(fmt::format("inputs {} ({}) and {} ({}) are {} and {}, but must be of one type", it->second,
                                 schema.input(it->second)->name, i, formal->name, Describe(inputs[it->second]), Describe(inputs[i])));
  }
  return {};
}

}  // namespace sardonyx::runtime
