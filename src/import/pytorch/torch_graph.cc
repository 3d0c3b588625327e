#include "import/pytorch/torch_graph.h"

#include <fmt/format.h>

namespace sardonyx::pytorch {

std::string IValue::ToString() const {
  if (is_none()) return "None";
  if (is_bool()) return boolean() ? "True" : "False";
  if (is_int()) return fmt::format("{}", integer());
  if (is_double()) return fmt::format("{}", number());
  if (is_complex_number()) return fmt::format("{}+{}j", complex_number().real(), complex_number().imag());
  if (is_string()) return "'" + string() + "'";
  if (is_dtype()) return std::string(DataTypeName(dtype()));
  if (is_variable()) return variable()->name;
  if (is_parameter()) return parameter()->name;
  if (is_tensor()) return "tensor";
  if (is_number_value()) return "symbolic number";
  if (is_dict()) return "dict";
  if (is_graph()) return "graph";
  if (!is_list()) return "object";
  std::string text = is_tuple() ? "(" : "[";
  constexpr size_t kShown = 8;
  for (size_t i = 0; i < list().size() && i < kShown; ++i) text += (i > 0 ? ", " : "") + list()[i].ToString();
  if (list().size() > kShown) text += ", ...";
  return text + (is_tuple() ? ")" : "]");
}

Value* Graph::AddValue(std::string value_name, Kind kind, ir::Type type) {
  values.push_back(std::make_unique<Value>(Value{std::move(value_name), kind, std::move(type), nullptr}));
  return values.back().get();
}

Node* Graph::AddNode(std::string target) {
  nodes.push_back(std::make_unique<Node>());
  nodes.back()->target = std::move(target);
  return nodes.back().get();
}

Value* Graph::AddOutput(Node* node, std::string value_name, Kind kind, ir::Type type) {
  Value* value = AddValue(std::move(value_name), kind, std::move(type));
  value->producer = node;
  node->outputs.push_back(value);
  return value;
}

IValue NumberOf(Kind kind, double value) {
  if (kind == Kind::kBool) return IValue(value != 0);
  return kind == Kind::kInt ? IValue(static_cast<int64_t>(value)) : IValue(value);
}

}  // namespace sardonyx::pytorch
