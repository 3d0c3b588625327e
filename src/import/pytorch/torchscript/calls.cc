// Calls of PyTorch's operators: which overload is meant, and what its rule is given.
#include <algorithm>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "import/pytorch/torchscript/builtins.h"
#include "import/pytorch/torchscript/merge.h"

namespace sardonyx::pytorch {
namespace {

// "int[2]?" -> "int", a list, optional
struct ParsedType {
  std::string_view base;
  bool list = false, sized = false, optional = false, optional_items = false;
};

ParsedType Parse(std::string_view type) {
  ParsedType parsed;
  if (type.ends_with('?')) parsed.optional = true, type.remove_suffix(1);
  if (const size_t bracket = type.rfind('['); bracket != std::string_view::npos && type.ends_with(']')) {
    parsed.list = true;
    parsed.sized = type.size() > bracket + 2;
    type = type.substr(0, bracket);
    if (type.ends_with('?')) parsed.optional_items = true, type.remove_suffix(1);
  }
  parsed.base = type;
  return parsed;
}

bool IsCode(std::string_view base) {
  return base == "ScalarType" || base == "Layout" || base == "MemoryFormat" || base == "Device" || base == "QScheme";
}

// How well a value fits a type that is no list: 0 not at all, 1 after a conversion, 2 as it is.
int FitOne(std::string_view base, const IValue& value) {
  if (base == "Any" || base == "t") return 2;
  const bool tensor = value.is_tensor();
  if (base == "Tensor") return tensor ? 2 : 0;
  if (Interpreter::IsNumber(value)) {
    const Kind kind = Interpreter::KindOf(value);
    if (base == "Scalar" || base == "number") return 2;
    if (base == "int" || base == "SymInt") return kind == Kind::kInt ? 2 : kind == Kind::kBool ? 1 : 0;
    if (base == "float") return kind == Kind::kFloat ? 2 : kind == Kind::kInt ? 1 : 0;
    if (base == "bool") return kind == Kind::kBool ? 2 : kind == Kind::kInt ? 1 : 0;
    if (base == "complex") return 1;
    return IsCode(base) && kind == Kind::kInt ? 2 : 0;
  }
  if (tensor) return base == "Scalar" || base == "int" || base == "SymInt" || base == "float" || base == "bool" || base == "number" ? 1 : 0;
  if (value.is_complex_number()) return base == "Scalar" || base == "complex" ? 2 : 0;
  if (value.is_string()) return base == "str" || base == "Device" ? 2 : 0;
  if (value.is_dtype()) return base == "ScalarType" ? 2 : 0;
  if (As<Opaque>(value) != nullptr) return IsCode(base) || base == "Generator" || base == "Stream" ? 2 : 0;
  if (As<PackedParams>(value) != nullptr || As<Instance>(value) != nullptr)
    return base.starts_with("__torch__") || base.find('.') != base.npos ? 2 : 0;
  return 0;
}

int Fit(std::string_view type, const IValue& value) {
  const ParsedType parsed = Parse(type);
  if (value.is_none()) return parsed.optional ? 2 : 0;
  const auto list = As<ListCell>(value);
  if (!parsed.list) return list != nullptr ? (parsed.base == "Any" ? 2 : 0) : FitOne(parsed.base, value);
  if (list == nullptr && !value.is_list()) return parsed.sized && FitOne(parsed.base, value) == 2 ? 1 : 0;  // one number for each axis
  if (list != nullptr && list->sequence != nullptr) return parsed.base == "Tensor" ? 2 : 0;
  int fit = 2;
  for (const IValue& item : list != nullptr ? list->items : value.list())
    fit = std::min(fit, item.is_none() && parsed.optional_items ? 2 : FitOne(parsed.base, item));
  return fit;
}

// How well a call fits a signature; 0 not at all.
int Fit(const Signature& signature, const Arguments& arguments) {
  if (arguments.size() > signature.parameters.size()) return 0;
  int fit = 2;
  size_t named = 0;
  for (size_t i = 0; i < signature.parameters.size() && fit > 0; ++i) {
    const SignatureParameter& parameter = signature.parameters[i];
    if (i < arguments.size()) {
      fit = std::min(fit, parameter.keyword_only ? 0 : Fit(parameter.type, arguments.at(i)));
      continue;
    }
    const auto found =
        std::find_if(arguments.named.begin(), arguments.named.end(), [&](const auto& one) { return one.first == parameter.name; });
    if (found != arguments.named.end()) {
      ++named;
      fit = std::min(fit, Fit(parameter.type, found->second));
    } else if (!parameter.has_default) {
      return 0;
    }
  }
  return named == arguments.named.size() ? fit : 0;
}

Kind KindOfReturn(std::string_view type) {
  if (type == "int" || type == "SymInt") return Kind::kInt;
  if (type == "float") return Kind::kFloat;
  if (type == "bool") return Kind::kBool;
  if (type.ends_with("[]")) return Kind::kList;
  return type == "str" ? Kind::kString : Kind::kTensor;
}

}  // namespace

V Interpreter::Has(const OptionalCell& optional) {
  return Merger::Leaves(*optional.content) == 0 ? optional.leaves[0] : b.Op("OptionalHasElement", {optional.leaves[0]});
}

IValue Interpreter::Unwrap(const OptionalCell& optional) {
  std::vector<V> leaves;
  if (Merger::Leaves(*optional.content) > 0)
    for (V leaf : optional.leaves) leaves.push_back(b.Op("OptionalGetElement", {leaf}));
  size_t at = 0;
  return Merger(*this, false).Rebuild(*optional.content, leaves, &at);
}

StatusOr<TensorValue> Interpreter::Tensor(const IValue& value) {
  if (const auto optional = As<OptionalCell>(value)) return Tensor(Unwrap(*optional));
  if (value.is_tensor()) {
    TensorValue read = translator_.memory().Read(value.tensor());
    RETURN_IF_ERROR(b.status());
    return read;
  }
  if (const auto opaque = As<Opaque>(value)) return Unsupported(fmt::format("{} where a tensor is needed", opaque->what));
  return Unsupported(fmt::format("{} where a tensor is needed", value.ToString()));
}

IValue Interpreter::NewTensor(V value, bool is_complex, std::shared_ptr<const Quantization> quantization) {
  IValue made(Memory::Own({value, is_complex, std::move(quantization), nullptr}));
  Born(made);
  return made;
}

uint64_t Interpreter::FirstSeen(const IValue& value) const {
  const auto found = value.is_tensor() ? born_.find(value.tensor().cell.get()) : born_.end();
  return found == born_.end() ? 0 : found->second;
}

void Interpreter::Born(const IValue& value) {
  if (value.is_tensor() && value.tensor().cell != nullptr) born_.emplace(value.tensor().cell.get(), born_.size());
  if (!value.is_list()) return;
  for (const IValue& item : value.list()) Born(item);
}

StatusOr<const Signature*> Interpreter::ChooseOverload(const std::string& space, const std::string& name, const Arguments& arguments) {
  const std::vector<const Signature*> overloads = FindOverloads(space + "." + name);
  const Signature* best = nullptr;
  int best_fit = 0;
  for (const Signature* signature : overloads) {
    const int fit = Fit(*signature, arguments);
    if (fit > best_fit) best = signature, best_fit = fit;
  }
  if (best != nullptr || overloads.empty()) return best;
  std::string given;
  for (const IValue& value : arguments.positional)
    given += (given.empty() ? "" : ", ") + (IsTensor(value) ? std::string("Tensor") : value.ToString());
  for (const auto& [key, value] : arguments.named)
    given += fmt::format(", {}={}", key, IsTensor(value) ? std::string("Tensor") : value.ToString());
  return Unsupported(fmt::format("{}::{} has no overload for ({})", space, name, given));
}

StatusOr<IValue> Interpreter::ToArgument(const SignatureParameter& parameter, const IValue& value) {
  const ParsedType type = Parse(parameter.type);
  const auto one = [&](const IValue& item) -> StatusOr<IValue> {
    if (IsTensor(item)) {
      if (type.base == "Tensor" || type.base == "Any" || type.base == "t") return item;  // with its memory: it may be written to
      ASSIGN_OR_RETURN(const TensorValue tensor, Tensor(item));
      Kind kind = type.base == "float" ? Kind::kFloat : type.base == "bool" ? Kind::kBool : Kind::kInt;
      const DataType dtype = b.dtype(tensor.value);
      if (type.base == "Scalar" || type.base == "number")
        kind = dtype == DataType::kBool ? Kind::kBool : IsFloatingPoint(dtype) ? Kind::kFloat : Kind::kInt;
      return ToNumber(item, kind);
    }
    if (As<Opaque>(item) != nullptr) {  // devices and the like change no value
      const auto opaque = As<Opaque>(item);
      if (opaque->what.starts_with("the outcome")) return Unsupported(opaque->what);
      return IValue();
    }
    return item;
  };
  const auto list = As<ListCell>(value);
  if (list == nullptr && !value.is_list()) return one(value);
  IValue::List items;
  ASSIGN_OR_RETURN(const IValue::List from, Items(value));
  for (const IValue& item : from) {
    ASSIGN_OR_RETURN(IValue converted, one(item));
    items.push_back(std::move(converted));
  }
  return IValue::MakeList(std::move(items));
}

StatusOr<std::vector<IValue>> Interpreter::Translate(const std::string& target, std::vector<IValue> inputs, const Signature* signature) {
  // A program of one call.
  Graph graph;
  Node* node = graph.AddNode(target);
  node->module_path = frames_.empty() ? "" : frame().place;
  node->inputs = std::move(inputs);
  const size_t dot = target.find('.');
  std::string name = dot == std::string::npos ? target : target.substr(dot + 1);
  name = name.substr(0, name.find('.'));
  if (!node->module_path.empty()) name = fmt::format("{}.{}", node->module_path, name);
  const size_t count = signature != nullptr ? signature->returns.size() : 1;
  for (size_t i = 0; i < count; ++i) {
    const Kind kind = signature != nullptr ? KindOfReturn(signature->returns[i].type) : Kind::kTensor;
    graph.outputs.emplace_back(static_cast<const Value*>(graph.AddOutput(node, i == 0 ? name : fmt::format("{}_{}", name, i), kind)));
  }
  std::vector<IValue> outputs = translator_.Inline(graph, {});
  RETURN_IF_ERROR(b.status());
  for (size_t i = 0; i < outputs.size(); ++i) {
    const bool is_list = signature != nullptr && KindOfReturn(signature->returns[i].type) == Kind::kList;
    if (is_list && !outputs[i].is_list()) outputs[i] = IValue::MakeList({std::move(outputs[i])});
    Born(outputs[i]);
  }
  // The translator knows variables by their addresses.
  graphs_.push_back(std::move(graph));
  return outputs;
}

StatusOr<IValue> Interpreter::CallSignature(const Signature& signature, Arguments arguments) {
  ASSIGN_OR_RETURN(std::vector<IValue> inputs, BindArguments(signature, std::move(arguments.positional), std::move(arguments.named)));
  for (size_t i = 0; i < inputs.size(); ++i) {
    ASSIGN_OR_RETURN(inputs[i], ToArgument(signature.parameters[i], inputs[i]).WithContext(signature.parameters[i].name));
  }
  ASSIGN_OR_RETURN(std::vector<IValue> outputs, Translate(std::string(signature.name), std::move(inputs), &signature));
  // Lists of a call's results are lists of the program's: it may add to them.
  for (IValue& output : outputs) {
    if (output.is_list() && !output.is_tuple()) output = heap_.NewList(output.list());
  }
  if (outputs.empty()) return IValue();
  return outputs.size() == 1 ? std::move(outputs[0]) : IValue::MakeTuple(std::move(outputs));
}

// An operator that is given an Optional: two calls, of which the data chooses one. Nothing where it has no such argument. Operators whose
// parameter cannot be None are given what it holds.
StatusOr<std::optional<IValue>> Interpreter::CallWithOptional(const std::string& space, const std::string& name,
                                                              const Arguments& arguments) {
  const auto is_optional = [](const IValue& value) { return As<OptionalCell>(value) != nullptr; };
  const auto at = std::find_if(arguments.positional.begin(), arguments.positional.end(), is_optional);
  const auto named = std::find_if(arguments.named.begin(), arguments.named.end(), [&](const auto& one) { return is_optional(one.second); });
  const bool positional = at != arguments.positional.end();
  if ((!positional && named == arguments.named.end()) || TakesOptionals(name)) return std::optional<IValue>();
  const auto index = static_cast<size_t>(at - arguments.positional.begin()), which = static_cast<size_t>(named - arguments.named.begin());
  const auto call = [&](IValue value) {
    Arguments changed = arguments;
    (positional ? changed.positional[index] : changed.named[which].second) = std::move(value);
    return CallOperator(space, name, std::move(changed));
  };
  bool may_be_none = false;
  for (const Signature* signature : FindOverloads((space == "python" ? "aten" : space) + "." + name)) {
    const int found = positional ? static_cast<int>(index) : signature->Find(named->first);
    if (found >= 0 && static_cast<size_t>(found) < signature->parameters.size())
      may_be_none = may_be_none || signature->parameters[static_cast<size_t>(found)].type.ends_with('?');
  }
  const auto optional = As<OptionalCell>(positional ? *at : named->second);
  if (!may_be_none) {
    ASSIGN_OR_RETURN(IValue result, call(Unwrap(*optional)));
    return std::optional<IValue>(std::move(result));
  }
  ASSIGN_OR_RETURN(IValue result, Choose(
                                      Has(*optional), [&] { return call(Unwrap(*optional)); }, [&] { return call(IValue()); }));
  return std::optional<IValue>(std::move(result));
}

StatusOr<IValue> Interpreter::CallOperator(const std::string& space, const std::string& name, Arguments arguments) {
  RETURN_IF_ERROR(Tick());
  ASSIGN_OR_RETURN(std::optional<IValue> result, CallWithOptional(space, name, arguments));
  if (result) return *std::move(result);
  ASSIGN_OR_RETURN(result, Builtin(name, arguments));
  if (result) return *std::move(result);
  ASSIGN_OR_RETURN(result, NumberOperator(name, arguments));
  if (result) return *std::move(result);
  ASSIGN_OR_RETURN(result, Quantized(space, name, arguments));
  if (result) return *std::move(result);
  const std::string where = space == "python" ? "aten" : space;
  // out= says where the result goes: the operator is the one without it.
  const auto out = std::find_if(arguments.named.begin(), arguments.named.end(), [](const auto& one) { return one.first == "out"; });
  if (out != arguments.named.end() && !out->second.is_none()) {
    const IValue target = out->second;
    arguments.named.erase(out);
    if (!target.is_tensor()) return Unsupported(fmt::format("{}::{} with several outputs by out=", space, name));
    ASSIGN_OR_RETURN(const IValue value, CallOperator(space, name, std::move(arguments)));
    ASSIGN_OR_RETURN(const TensorValue tensor, Tensor(value));
    translator_.memory().Write(target.tensor(), tensor);
    RETURN_IF_ERROR(b.status());
    return target;
  }
  ASSIGN_OR_RETURN(const Signature* signature, ChooseOverload(where, name, arguments));
  if (signature == nullptr && where == "aten") {
    ASSIGN_OR_RETURN(signature, ChooseOverload("prim", name, arguments));
  }
  if (signature != nullptr) {
    StatusOr<IValue> made = CallSignature(*signature, std::move(arguments));
    if (!made.ok() && made.status().code() == StatusCode::kUnsupported) return made.status().WithContext(signature->name);
    return made;
  }
  // An operator of another library's: listed with the others, its tensors as they are.
  SignatureParameter any;
  any.type = "Any";
  std::vector<IValue> inputs;
  for (const IValue& value : arguments.positional) {
    ASSIGN_OR_RETURN(IValue input, ToArgument(any, value));
    inputs.push_back(std::move(input));
  }
  ASSIGN_OR_RETURN(std::vector<IValue> outputs, Translate(fmt::format("{}.{}.default", where, name), std::move(inputs), nullptr));
  return outputs[0];
}

}  // namespace sardonyx::pytorch
