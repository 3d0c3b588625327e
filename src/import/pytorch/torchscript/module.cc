// The module, from data.pkl.
#include <fmt/format.h>

#include "base/status_macros.h"
#include "import/pytorch/torchscript/interpreter.h"

namespace sardonyx::pytorch {
namespace {

using formats::PickleKind;
using formats::PickleValue;
using formats::TorchFile;

constexpr int kMaxDepth = 200;

// "__torch__.torch.nn.modules.conv Conv2d" -> with dots only
std::string Qualified(std::string_view global) {
  std::string name(global);
  if (const size_t space = name.find(' '); space != std::string::npos) name[space] = '.';
  return name;
}

std::string Child(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}

}  // namespace

StatusOr<std::shared_ptr<Instance>> Interpreter::LoadModule() {
  Frame top;  // __setstate__ and constants are evaluated outside of any function
  frames_.push_back(&top);
  StatusOr<IValue> module = FromPickle(archive_.module(), archive_.module().root(), "", 0);
  frames_.pop_back();
  if (!module.ok()) return module.status().WithContext("data.pkl");
  auto instance = As<Instance>(*module);
  if (instance == nullptr) return Corrupt("data.pkl: the archive's object is no module");
  return instance;
}

StatusOr<IValue> Interpreter::TensorFromPickle(const TorchFile& file, const PickleValue& value, const std::string& path) {
  auto parameter = std::make_shared<Parameter>();
  parameter->name = path.empty() ? "tensor" : path;
  ASSIGN_OR_RETURN(parameter->tensor, file.ReadTensor(value).WithContext(fmt::format("tensor '{}'", path)));
  parameters_.push_back(parameter);
  IValue made = translator_.Resolve(IValue(std::shared_ptr<const Parameter>(std::move(parameter))));
  RETURN_IF_ERROR(b.status());
  Born(made);
  if (!path.empty()) buffers_.emplace_back(path, made);
  return made;
}

StatusOr<IValue> Interpreter::FromPickle(const TorchFile& file, const PickleValue& value, const std::string& path, int depth) {
  if (depth > kMaxDepth) return Corrupt(fmt::format("'{}': objects are nested too deeply, or in a cycle", path.substr(0, 100)));
  if (const auto known = loaded_.find(&value); known != loaded_.end()) return known->second;
  const auto items = [&]() -> StatusOr<IValue::List> {
    IValue::List made;
    for (size_t i = 0; i < value.items.size(); ++i) {
      ASSIGN_OR_RETURN(IValue item, FromPickle(file, *value.items[i], Child(path, std::to_string(i)), depth + 1));
      made.push_back(std::move(item));
    }
    return made;
  };
  switch (value.kind) {
    case PickleKind::kNone:
      return IValue();
    case PickleKind::kBool:
      return IValue(value.integer != 0);
    case PickleKind::kInt:
      return IValue(value.integer);
    case PickleKind::kFloat:
      return IValue(value.number);
    case PickleKind::kString:
    case PickleKind::kBytes:
      return IValue(std::string(value.text));
    case PickleKind::kTuple: {
      ASSIGN_OR_RETURN(IValue::List made, items());
      return IValue::MakeTuple(std::move(made));
    }
    case PickleKind::kList: {
      ASSIGN_OR_RETURN(IValue::List made, items());
      return loaded_.emplace(&value, heap_.NewList(std::move(made))).first->second;
    }
    case PickleKind::kDict: {
      auto dict = heap_.New<DictCell>();
      const IValue made((std::shared_ptr<Object>(dict)));
      loaded_.emplace(&value, made);
      for (size_t i = 0; i + 1 < value.entries.size(); i += 2) {
        ASSIGN_OR_RETURN(IValue key, FromPickle(file, *value.entries[i], path, depth + 1));
        const std::string name = key.is_string() ? key.string() : std::to_string(i / 2);
        ASSIGN_OR_RETURN(IValue item, FromPickle(file, *value.entries[i + 1], Child(path, name), depth + 1));
        dict->entries.emplace_back(std::move(key), std::move(item));
      }
      return made;
    }
    case PickleKind::kCall:
      break;
    case PickleKind::kGlobal:  // a class or function, or torch.float32
    case PickleKind::kPersistent:
    case PickleKind::kBigInt:
    case PickleKind::kSet: {
      auto opaque = heap_.New<Opaque>();
      opaque->what = value.Describe();
      return IValue(std::shared_ptr<Object>(std::move(opaque)));
    }
  }
  if (TorchFile::IsTensor(value)) {
    ASSIGN_OR_RETURN(IValue made, TensorFromPickle(file, value, path));
    return loaded_.emplace(&value, std::move(made)).first->second;
  }
  return InstanceFromPickle(file, value, path, depth);
}

StatusOr<IValue> Interpreter::InstanceFromPickle(const TorchFile& file, const PickleValue& value, const std::string& path, int depth) {
  const std::string_view global = value.callable != nullptr && value.callable->is(PickleKind::kGlobal) ? value.callable->text : "";
  // Lists of one type and objects with a type's name are wrapped in calls that only say the type.
  if (global.starts_with("torch.jit._pickle ") && value.argument(0) != nullptr) {
    if (global.ends_with("build_tensor_from_id")) return Unsupported("tensors outside of the pickle, as PyTorch 1.2 wrote them");
    return FromPickle(file, *value.argument(0), path, depth + 1);
  }
  if (global == "collections OrderedDict") {
    auto dict = heap_.New<DictCell>();
    for (size_t i = 0; i + 1 < value.entries.size(); i += 2) {
      ASSIGN_OR_RETURN(IValue key, FromPickle(file, *value.entries[i], path, depth + 1));
      ASSIGN_OR_RETURN(IValue item, FromPickle(file, *value.entries[i + 1], path, depth + 1));
      dict->entries.emplace_back(std::move(key), std::move(item));
    }
    return IValue(std::shared_ptr<Object>(std::move(dict)));
  }
  if (global == "builtins complex" || global == "__builtin__ complex") {
    const auto part = [&](size_t i) {
      const PickleValue* number = value.argument(i);
      return number == nullptr ? 0.0 : number->is(PickleKind::kFloat) ? number->number : static_cast<double>(number->integer);
    };
    return IValue(std::complex<double>(part(0), part(1)));
  }
  if (!global.starts_with("__torch__")) {
    auto opaque = heap_.New<Opaque>();
    opaque->what = value.Describe();
    return IValue(std::shared_ptr<Object>(std::move(opaque)));
  }
  const std::string name = Qualified(global);
  if (name.starts_with("__torch__.torch.classes.")) {  // classes of C++, which keep their state in one value
    if (value.state == nullptr) return Corrupt(fmt::format("an object of {} without its state", name));
    ASSIGN_OR_RETURN(const IValue state, FromPickle(file, *value.state, path, depth + 1));
    ASSIGN_OR_RETURN(IValue made, MakePacked(name, state).WithContext(path));
    return loaded_.emplace(&value, std::move(made)).first->second;
  }
  ASSIGN_OR_RETURN(const ClassDef* type, archive_.FindClass(name));
  if (type == nullptr) return Corrupt(fmt::format("'{}' is of the class {}, which the archive's code lacks", path, name));
  if (type->base == "NamedTuple" || type->base == "Enum") {
    Arguments arguments;
    for (size_t i = 0; value.argument(i) != nullptr; ++i) {
      ASSIGN_OR_RETURN(IValue item, FromPickle(file, *value.argument(i), path, depth + 1));
      arguments.positional.push_back(std::move(item));
    }
    return Construct(*type, std::move(arguments));
  }
  auto instance = heap_.New<Instance>();
  instance->type = type;
  instance->path = path;
  const IValue made((std::shared_ptr<Object>(instance)));
  loaded_.emplace(&value, made);
  if (value.state == nullptr) return made;
  if (const FunctionDef* setstate = type->FindMethod("__setstate__")) {
    ASSIGN_OR_RETURN(IValue state, FromPickle(file, *value.state, path, depth + 1));
    Arguments arguments;
    arguments.positional.push_back(std::move(state));
    RETURN_IF_ERROR(CallMethod(instance, *setstate, std::move(arguments)).status());
    return made;
  }
  const auto& entries = value.state->entries;
  for (size_t i = 0; i + 1 < entries.size(); i += 2) {
    if (!entries[i]->is(PickleKind::kString)) return Corrupt(fmt::format("'{}' has an attribute without a name", path));
    ASSIGN_OR_RETURN(IValue attribute, FromPickle(file, *entries[i + 1], Child(path, entries[i]->text), depth + 1));
    instance->attributes.emplace(entries[i]->text, std::move(attribute));
  }
  return made;
}

}  // namespace sardonyx::pytorch
