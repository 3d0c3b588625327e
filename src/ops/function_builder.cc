#include "ops/function_builder.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace sardonyx::ops {
namespace {

template <class T>
T AttributeOr(const ir::Node& node, const OpSchema& schema, std::string_view name, T fallback) {
  if (const ir::Attribute* attribute = node.attribute(name)) {
    if (const T* value = std::get_if<T>(&attribute->value)) return *value;
  }
  const AttributeSchema* known = schema.attribute(name);
  const T* value = known ? std::get_if<T>(&known->default_value) : nullptr;
  return value ? *value : fallback;
}

std::string NameOf(const std::vector<FormalParameter>& parameters, size_t i) {
  if (parameters.empty()) return fmt::format("value_{}", i);
  const FormalParameter& parameter = parameters[std::min(i, parameters.size() - 1)];
  return parameter.arity == Arity::kVariadic ? fmt::format("{}_{}", parameter.name, i) : std::string(parameter.name);
}

}  // namespace

DataType FunctionBuilder::InputDtype(size_t i) const {
  const ir::Value* value = node_.input(i);
  return value && value->type.is_tensor() ? value->type.dtype : DataType::kUndefined;
}

std::optional<size_t> FunctionBuilder::InputRank(size_t i) const {
  const ir::Value* value = node_.input(i);
  if (!value || !value->type.is_tensor() || !value->type.shape) return std::nullopt;
  return value->type.shape->rank();
}

std::optional<int64_t> FunctionBuilder::InputDim(size_t i, size_t axis) const {
  const std::optional<size_t> rank = InputRank(i);
  if (!rank || axis >= *rank) return std::nullopt;
  const ir::Dim& dim = (*node_.input(i)->type.shape)[axis];
  return dim.is_constant() ? std::optional(dim.value()) : std::nullopt;
}

int64_t FunctionBuilder::Int(std::string_view name, int64_t fallback) const { return AttributeOr<int64_t>(node_, schema_, name, fallback); }
float FunctionBuilder::Float(std::string_view name, float fallback) const { return AttributeOr<float>(node_, schema_, name, fallback); }
std::string FunctionBuilder::String(std::string_view name, std::string_view fallback) const {
  return AttributeOr<std::string>(node_, schema_, name, std::string(fallback));
}

std::string FunctionBuilder::Scalar(int64_t value) {
  const std::string name = fmt::format("constant_{}", constants_++);
  Add("{} = Constant <value_int = {}> ()", name, value);
  return name;
}

std::string FunctionBuilder::Ints(const std::vector<int64_t>& values) {
  const std::string name = fmt::format("constant_{}", constants_++);
  Add("{} = Constant <value = int64[{}] {{{}}}> ()", name, values.size(), fmt::join(values, ", "));
  return name;
}

std::string FunctionBuilder::NumberLike(double value, std::string_view like) {
  const std::string name = fmt::format("constant_{}", constants_++);
  Add("{}_double = Constant <value = double {{{}}}> ()", name, value);
  Add("{} = CastLike ({}_double, {})", name, name, like);
  return name;
}

std::string FunctionBuilder::InputName(size_t i) const { return NameOf(schema_.inputs, i); }
std::string FunctionBuilder::OutputName(size_t i) const { return NameOf(schema_.outputs, i); }

std::string FunctionBuilder::Text() const {
  std::vector<std::string> inputs, outputs;
  const bool variadic_in = !schema_.inputs.empty() && schema_.inputs.back().arity == Arity::kVariadic;
  const bool variadic_out = !schema_.outputs.empty() && schema_.outputs.back().arity == Arity::kVariadic;
  for (size_t i = 0; i < (variadic_in ? node_.inputs().size() : schema_.inputs.size()); ++i) inputs.push_back(InputName(i));
  for (size_t i = 0; i < (variadic_out ? node_.outputs().size() : schema_.outputs.size()); ++i) outputs.push_back(OutputName(i));
  return fmt::format("({}) => ({}) {{\n{}}}\n", fmt::join(inputs, ", "), fmt::join(outputs, ", "), body_);
}

}  // namespace sardonyx::ops
