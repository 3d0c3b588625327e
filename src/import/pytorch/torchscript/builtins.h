// Python's own functions and TorchScript's primitives, as tables by their names. A function that is not meant for the arguments that
// it is given says so by an empty result: the operator of that name is then tried.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>

#include "import/pytorch/torchscript/interpreter.h"

namespace sardonyx::pytorch {

using BuiltinResult = StatusOr<std::optional<IValue>>;

struct BuiltinRow {
  std::string_view name;
  BuiltinResult (*function)(Interpreter&, Arguments&);
};

std::span<const BuiltinRow> TensorBuiltins();     // builtins_tensor.cc: shapes, types, conversions
std::span<const BuiltinRow> ContainerBuiltins();  // builtins_container.cc: identity, lists, dicts, strings, errors
// Whether a function takes an Optional as it is, whatever it holds: those of identity and of containers, but for the bounds of slices.
inline bool TakesOptionals(std::string_view name) {
  return name != "slice" && std::ranges::any_of(ContainerBuiltins(), [&](const BuiltinRow& row) { return row.name == name; });
}

inline BuiltinResult GiveNone() { return std::optional<IValue>(IValue()); }
inline BuiltinResult NotHere() { return std::optional<IValue>(); }
inline BuiltinResult Give(IValue value) { return std::optional<IValue>(std::move(value)); }
inline BuiltinResult Give(StatusOr<IValue> value) {
  return value.ok() ? BuiltinResult(std::optional<IValue>(*std::move(value))) : BuiltinResult(value.status());
}
inline IValue Wrap(std::shared_ptr<ScriptObject> object) { return IValue(std::shared_ptr<Object>(std::move(object))); }
inline bool IsList(const IValue& value) { return As<ListCell>(value) != nullptr; }
inline bool IsTuple(const IValue& value) { return value.is_tuple() || As<NamedTuple>(value) != nullptr; }

}  // namespace sardonyx::pytorch
