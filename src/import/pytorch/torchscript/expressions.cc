// Expressions.
#include <cmath>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "import/pytorch/torchscript/builtins.h"

namespace sardonyx::pytorch {
namespace {

struct OperatorName {
  std::string_view symbol, name;
};
constexpr OperatorName kOperators[] = {
    {"+", "add"},         {"-", "sub"},         {"*", "mul"},
    {"/", "div"},         {"//", "floordiv"},   {"%", "remainder"},
    {"**", "pow"},        {"@", "matmul"},      {"<", "lt"},
    {">", "gt"},          {"<=", "le"},         {">=", "ge"},
    {"==", "eq"},         {"!=", "ne"},         {"&", "__and__"},
    {"|", "__or__"},      {"^", "__xor__"},     {"and", "__and__"},
    {"or", "__or__"},     {"is", "__is__"},     {"is not", "__isnot__"},
    {"<<", "__lshift__"}, {">>", "__rshift__"},
};

// Python's index of a sequence of `size`.
StatusOr<size_t> PlainIndex(const IValue& index, size_t size) {
  if (!index.is_int()) return Unsupported("an index that is not known when the model is converted");
  const int64_t i = index.integer() < 0 ? index.integer() + static_cast<int64_t>(size) : index.integer();
  if (i < 0 || i >= static_cast<int64_t>(size)) return Unsupported(fmt::format("index {} of a list of {}", index.integer(), size));
  return static_cast<size_t>(i);
}

bool MayBeNone(const Expr& type) {
  const std::string name = type.kind == ExprKind::kSubscript ? type.children[0]->DottedName() : type.DottedName();
  return type.kind == ExprKind::kNone || name == "Optional" || name == "NoneType" || name == "Union";
}

// Whether a value is of a type, as isinstance asks.
bool IsOfType(const IValue& value, const Expr& type) {
  const std::string name = type.kind == ExprKind::kSubscript ? type.children[0]->DottedName() : type.DottedName();
  if (type.kind == ExprKind::kTuple || type.kind == ExprKind::kList) {
    for (const ExprPtr& one : type.children) {
      if (IsOfType(value, *one)) return true;
    }
    return false;
  }
  if (type.kind == ExprKind::kNone || name == "NoneType") return value.is_none();
  if (name == "Tensor") return value.is_tensor();
  if (name == "int") return Interpreter::IsNumber(value) && Interpreter::KindOf(value) == Kind::kInt;
  if (name == "float") return Interpreter::IsNumber(value) && Interpreter::KindOf(value) == Kind::kFloat;
  if (name == "bool") return Interpreter::IsNumber(value) && Interpreter::KindOf(value) == Kind::kBool;
  if (name == "str") return value.is_string();
  if (name == "list" || name == "List") return As<ListCell>(value) != nullptr;
  if (name == "tuple" || name == "Tuple") return value.is_tuple() || As<NamedTuple>(value) != nullptr;
  if (name == "dict" || name == "Dict") return As<DictCell>(value) != nullptr;
  if (name == "Optional") return value.is_none() || IsOfType(value, *type.children[1]);
  const auto instance = As<Instance>(value);
  return instance != nullptr && instance->type != nullptr && instance->type->qualified_name == name;
}

}  // namespace

std::optional<bool> Interpreter::Truth(const IValue& value) {
  if (value.is_bool()) return value.boolean();
  if (value.is_int()) return value.integer() != 0;
  if (value.is_double()) return value.number() != 0;
  if (value.is_string()) return !value.string().empty();
  if (value.is_none()) return false;
  if (const auto list = As<ListCell>(value); list != nullptr && list->sequence == nullptr) return !list->items.empty();
  return std::nullopt;
}

StatusOr<Arguments> Interpreter::EvaluateArguments(const Expr& call) {
  Arguments arguments;
  for (size_t i = 1; i < call.children.size(); ++i) {
    ASSIGN_OR_RETURN(IValue value, Evaluate(*call.children[i]));
    arguments.positional.push_back(std::move(value));
  }
  for (const auto& [name, expr] : call.keywords) {
    ASSIGN_OR_RETURN(IValue value, Evaluate(*expr));
    arguments.named.emplace_back(name, std::move(value));
  }
  return arguments;
}

StatusOr<IValue> Interpreter::Evaluate(const Expr& expr) {
  const Deeper deeper(this);
  RETURN_IF_ERROR(deeper.Check());
  switch (expr.kind) {
    case ExprKind::kNone:
      return IValue();
    case ExprKind::kInt:
      return IValue(expr.integer);
    case ExprKind::kBool:
      return IValue(expr.integer != 0);
    case ExprKind::kFloat:
      return IValue(expr.number);
    case ExprKind::kComplex:
      return IValue(std::complex<double>(0, expr.number));
    case ExprKind::kString:
      return IValue(expr.text);
    case ExprKind::kName:
      return EvaluateName(expr);
    case ExprKind::kList:
    case ExprKind::kTuple: {
      IValue::List items;
      for (const ExprPtr& child : expr.children) {
        ASSIGN_OR_RETURN(IValue item, Evaluate(*child));
        items.push_back(std::move(item));
      }
      return expr.kind == ExprKind::kTuple ? IValue::MakeTuple(std::move(items)) : heap_.NewList(std::move(items));
    }
    case ExprKind::kDict: {
      auto dict = heap_.New<DictCell>();
      for (size_t i = 0; i + 1 < expr.children.size(); i += 2) {
        ASSIGN_OR_RETURN(IValue key, Evaluate(*expr.children[i]));
        ASSIGN_OR_RETURN(IValue value, Evaluate(*expr.children[i + 1]));
        dict->entries.emplace_back(std::move(key), std::move(value));
      }
      return Wrap(std::move(dict));
    }
    case ExprKind::kAttribute: {
      const std::string dotted = expr.DottedName();
      if (dotted.starts_with("__torch__.")) return Resolve(dotted);
      if (dotted.starts_with("CONSTANTS.")) return Constant(std::string_view(dotted).substr(10));
      if (dotted.starts_with("torch.") && !frame().variables.contains("torch")) {
        auto opaque = heap_.New<Opaque>();  // torch.float, torch.strided...
        opaque->what = dotted;
        return Wrap(std::move(opaque));
      }
      ASSIGN_OR_RETURN(const IValue object, Evaluate(*expr.children[0]));
      return Attribute(object, expr.text);
    }
    case ExprKind::kSubscript:
      return Subscript(expr);
    case ExprKind::kCall:
      return EvaluateCall(expr);
    case ExprKind::kUnary: {
      Arguments arguments;
      ASSIGN_OR_RETURN(IValue operand, Evaluate(*expr.children[0]));
      arguments.positional.push_back(std::move(operand));
      return CallOperator("aten", expr.text == "-" ? "neg" : expr.text == "~" ? "bitwise_not" : "__not__", std::move(arguments));
    }
    case ExprKind::kBinary:
      return EvaluateBinary(expr);
    case ExprKind::kTernary: {
      ASSIGN_OR_RETURN(const IValue condition, Evaluate(*expr.children[1]));
      if (const std::optional<bool> known = Truth(condition)) return Evaluate(*expr.children[*known ? 0 : 2]);
      ASSIGN_OR_RETURN(const IValue number, ToNumber(condition, Kind::kBool));
      if (number.is_bool()) return Evaluate(*expr.children[number.boolean() ? 0 : 2]);
      return Choose(
          Scalar(number), [&] { return Evaluate(*expr.children[0]); }, [&] { return Evaluate(*expr.children[2]); });
    }
    case ExprKind::kSlice:
      break;
  }
  return Corrupt("a slice outside of brackets");
}

StatusOr<IValue> Interpreter::EvaluateName(const Expr& expr) {
  const auto found = frame().variables.find(expr.text);
  if (found != frame().variables.end()) {
    const auto optional = As<OptionalCell>(found->second);
    const std::optional<bool> has = optional != nullptr && !assumed_.empty() ? Assumed(Has(*optional)) : std::nullopt;
    return !has ? found->second : *has ? Unwrap(*optional) : IValue();
  }
  if (expr.text == "inf") return IValue(HUGE_VAL);
  if (expr.text == "nan") return IValue(std::nan(""));
  if (expr.text == "infj") return IValue(std::complex<double>(0, HUGE_VAL));
  if (expr.text == "nanj") return IValue(std::complex<double>(0, std::nan("")));
  return Unsupported(fmt::format("the variable '{}' has no value here (it may be set only in a branch that depends on data)", expr.text));
}

StatusOr<IValue> Interpreter::EvaluateBinary(const Expr& expr) {
  Arguments arguments;
  for (const ExprPtr& child : expr.children) {
    ASSIGN_OR_RETURN(IValue operand, Evaluate(*child));
    arguments.positional.push_back(std::move(operand));
    const std::optional<bool> left = arguments.size() == 1 ? Truth(arguments.at(0)) : std::nullopt;
    if (left && (expr.text == "and" || expr.text == "or") && *left == (expr.text == "or")) return arguments.at(0);
  }
  if (expr.text == "in" || expr.text == "not in") {
    std::swap(arguments.positional[0], arguments.positional[1]);
    ASSIGN_OR_RETURN(const IValue found, CallOperator("aten", "__contains__", std::move(arguments)));
    return found.is_bool() && expr.text == "not in" ? IValue(!found.boolean()) : found;
  }
  for (const OperatorName& one : kOperators) {
    if (one.symbol == expr.text) return CallOperator("aten", std::string(one.name), std::move(arguments));
  }
  return Corrupt(fmt::format("operator '{}'", expr.text));
}

StatusOr<IValue> Interpreter::Constant(std::string_view name) {
  if (const auto known = constants_.find(std::string(name)); known != constants_.end()) return known->second;
  const formats::TorchFile* file = archive_.constants();
  size_t index = 0;
  bool is_index = name.size() > 1 && name[0] == 'c';
  for (const char digit : name.substr(1)) {
    is_index = is_index && digit >= '0' && digit <= '9' && index < 100'000'000;
    index = index * 10 + static_cast<size_t>(digit - '0');
  }
  if (file == nullptr || !is_index || !file->root().is_sequence() || index >= file->root().items.size())
    return Corrupt(fmt::format("the archive has no constant '{}'", name));
  ASSIGN_OR_RETURN(
      IValue value,
      FromPickle(*file, *file->root().items[index], fmt::format("constant_{}", name), 0).WithContext(fmt::format("CONSTANTS.{}", name)));
  // Traces write Python's numbers as tensors of float64; tensors of the source pass through aten::lift or aten::to.
  if (value.is_tensor() && b.known_rank(value.tensor().value) == size_t{0} && b.dtype(value.tensor().value) == DataType::kDouble) {
    TensorValue number = value.tensor();
    number.is_number = true;
    value = IValue(std::move(number));
  }
  constants_.emplace(name, value);
  return value;
}

StatusOr<IValue> Interpreter::Resolve(const std::string& dotted) {
  ASSIGN_OR_RETURN(const ClassDef* type, archive_.FindClass(dotted));
  if (type != nullptr) {
    auto made = heap_.New<ClassRef>();
    made->type = type;
    return Wrap(std::move(made));
  }
  ASSIGN_OR_RETURN(const FunctionDef* function, archive_.FindFunction(dotted));
  if (function != nullptr) {
    auto made = heap_.New<FunctionRef>();
    made->function = function;
    return Wrap(std::move(made));
  }
  const size_t dot = dotted.rfind('.');
  ASSIGN_OR_RETURN(const ClassDef* owner, archive_.FindClass(dotted.substr(0, dot)));
  const ClassDef::Field* field = owner == nullptr ? nullptr : owner->FindField(dotted.substr(dot + 1));
  if (field != nullptr && field->value) {
    auto member = heap_.New<EnumMember>();
    member->type = owner;
    member->name = field->name;
    ASSIGN_OR_RETURN(member->value, Evaluate(*field->value));
    return Wrap(std::move(member));
  }
  return Unsupported(fmt::format("'{}' is not in the archive's code", dotted));
}

StatusOr<IValue> Interpreter::Attribute(const IValue& object, const std::string& name) {
  if (const auto instance = As<Instance>(object)) {
    if (const auto found = instance->attributes.find(name); found != instance->attributes.end()) return found->second;
    if (instance->type != nullptr) {
      if (const ClassDef::Field* field = instance->type->FindField(name); field != nullptr && field->value) return Evaluate(*field->value);
      if (const FunctionDef* method = instance->type->FindMethod(name)) {
        auto bound = heap_.New<FunctionRef>();
        bound->function = method;
        bound->owner = instance->type;
        bound->self = instance;
        return Wrap(std::move(bound));
      }
    }
    return Corrupt(
        fmt::format("an object of {} has no attribute '{}'", instance->type ? instance->type->qualified_name : "its class", name));
  }
  if (const auto tuple = As<NamedTuple>(object)) {
    for (size_t i = 0; i < tuple->items.size() && i < tuple->type->fields.size(); ++i) {
      if (tuple->type->fields[i].name == name) return tuple->items[i];
    }
  }
  if (const auto member = As<EnumMember>(object)) {
    if (name == "value") return member->value;
    if (name == "name") return IValue(member->name);
  }
  if (IsTensor(object)) {
    Arguments arguments;
    arguments.positional.push_back(object);
    return CallOperator("prim", name, std::move(arguments));
  }
  return Unsupported(fmt::format("the attribute '{}' of {}", name, object.ToString()));
}

StatusOr<IValue> Interpreter::Subscript(const Expr& expr) {
  ASSIGN_OR_RETURN(const IValue object, Evaluate(*expr.children[0]));
  const Expr& index = *expr.children[1];
  if (index.kind != ExprKind::kSlice) {
    ASSIGN_OR_RETURN(const IValue at, Evaluate(index));
    return Index(object, at);
  }
  Arguments arguments;
  arguments.positional.push_back(object);
  const bool is_tensor = IsTensor(object);
  if (is_tensor) arguments.positional.push_back(IValue(int64_t{0}));
  for (size_t i = 0; i < 3; ++i) {
    IValue bound = i == 2 ? IValue(int64_t{1}) : IValue();
    if (index.children[i]) {
      ASSIGN_OR_RETURN(bound, Evaluate(*index.children[i]));
    }
    arguments.positional.push_back(std::move(bound));
  }
  return CallOperator("aten", "slice", std::move(arguments));
}

StatusOr<IValue> Interpreter::Index(const IValue& object, const IValue& index) {
  if (const auto dict = As<DictCell>(object)) {
    for (const auto& [key, value] : dict->entries) {
      Arguments both;
      both.positional = {key, index};
      ASSIGN_OR_RETURN(const std::optional<IValue> same, NumberOperator("eq", both));
      if (same && same->is_bool() && same->boolean()) return value;
    }
    return Unsupported(fmt::format("the dict has no key {}", index.ToString()));
  }
  if (const auto list = As<ListCell>(object); list != nullptr && (list->sequence != nullptr || !index.is_int())) {
    ASSIGN_OR_RETURN(const IValue at, ToNumber(index, Kind::kInt));
    if (list->sequence == nullptr) return Unsupported("an element of a list at an index that depends on data");
    V element = b.Op("SequenceAt", {list->sequence, Scalar(at)});
    return list->element == Kind::kTensor ? NewTensor(element) : Number(element, list->element);
  }
  if (object.is_string()) {
    ASSIGN_OR_RETURN(const size_t at, PlainIndex(index, object.string().size()));
    return IValue(object.string().substr(at, 1));
  }
  if (IsTensor(object)) {
    Arguments arguments;
    arguments.positional = {object, IValue(int64_t{0}), index};
    return CallOperator("aten", "select", std::move(arguments));
  }
  if (const auto instance = As<Instance>(object); instance != nullptr && index.is_string()) return Attribute(object, index.string());
  ASSIGN_OR_RETURN(const IValue::List items, Items(object));
  ASSIGN_OR_RETURN(const size_t at, PlainIndex(index, items.size()));
  return items[at];
}

StatusOr<IValue> Interpreter::EvaluateCall(const Expr& expr) {
  const Expr& callee = *expr.children[0];
  const std::string dotted = callee.DottedName();
  const bool is_local = callee.kind == ExprKind::kName && frame().variables.contains(callee.text);
  if (callee.kind == ExprKind::kName && !is_local) {
    const size_t count = expr.children.size() - 1;
    if (dotted == "annotate" && count == 2) return Evaluate(*expr.children[2]);
    if (dotted == "unchecked_cast" && count == 2) {
      ASSIGN_OR_RETURN(const IValue value, Evaluate(*expr.children[2]));
      const auto optional = As<OptionalCell>(value);
      return optional != nullptr && !MayBeNone(*expr.children[1]) ? Unwrap(*optional) : value;
    }
    if (dotted == "uninitialized") return Wrap(heap_.New<Uninitialized>());
    if (dotted == "isinstance" && count == 2) {
      ASSIGN_OR_RETURN(const IValue value, Evaluate(*expr.children[1]));
      if (const auto optional = As<OptionalCell>(value)) {
        const bool none = IsOfType(IValue(), *expr.children[2]);
        return Choose(
            Has(*optional), [&] { return StatusOr<IValue>(IsOfType(Unwrap(*optional), *expr.children[2])); },
            [&] { return StatusOr<IValue>(IValue(none)); });
      }
      return IValue(IsOfType(value, *expr.children[2]));
    }
    if (dotted == "super" || dotted == "print") return IValue();
    ASSIGN_OR_RETURN(Arguments arguments, EvaluateArguments(expr));
    if ((dotted == "getattr" || dotted == "hasattr") && count >= 2 && arguments.at(1).is_string()) {
      const auto instance = As<Instance>(arguments.at(0));
      if (dotted == "hasattr") return IValue(instance != nullptr && instance->attributes.contains(arguments.at(1).string()));
      return Attribute(arguments.at(0), arguments.at(1).string());
    }
    if (dotted == "fork" && count >= 1) {  // tasks run at once: values are the same
      const IValue task = arguments.at(0);
      arguments.positional.erase(arguments.positional.begin());
      return CallValue(task, std::move(arguments));
    }
    return CallOperator("python", dotted, std::move(arguments));
  }
  if (dotted.starts_with("torch.") && !frame().variables.contains("torch")) {
    ASSIGN_OR_RETURN(Arguments arguments, EvaluateArguments(expr));
    return CallOperator("aten", dotted.substr(6), std::move(arguments));
  }
  if (dotted.starts_with("ops.") && !frame().variables.contains("ops")) {
    const size_t dot = dotted.find('.', 4);
    if (dot == std::string::npos) return Corrupt(fmt::format("'{}' is no operator", dotted));
    ASSIGN_OR_RETURN(Arguments arguments, EvaluateArguments(expr));
    return CallOperator(dotted.substr(4, dot - 4), dotted.substr(dot + 1), std::move(arguments));
  }
  if (dotted.ends_with(".__new__") && expr.children.size() == 2) {  // __init__ is called next
    ASSIGN_OR_RETURN(const IValue type, Evaluate(*expr.children[1]));
    if (const auto made = As<ClassRef>(type)) {
      auto instance = heap_.New<Instance>();
      instance->type = made->type;
      return Wrap(std::move(instance));
    }
  }
  if (callee.kind == ExprKind::kAttribute && !dotted.starts_with("__torch__.")) {
    ASSIGN_OR_RETURN(const IValue object, Evaluate(*callee.children[0]));
    if (const auto packed = As<PackedParams>(object)) {
      ASSIGN_OR_RETURN(const std::optional<IValue> result, PackedMethod(*packed, callee.text));
      if (result) return *result;
    }
    ASSIGN_OR_RETURN(Arguments arguments, EvaluateArguments(expr));
    if (As<Instance>(object) == nullptr && As<NamedTuple>(object) == nullptr) {  // methods of tensors, lists, strings
      arguments.positional.insert(arguments.positional.begin(), object);
      return CallOperator("aten", callee.text, std::move(arguments));
    }
    ASSIGN_OR_RETURN(const IValue method, Attribute(object, callee.text));
    return CallValue(method, std::move(arguments));
  }
  ASSIGN_OR_RETURN(const IValue target, Evaluate(callee));
  ASSIGN_OR_RETURN(Arguments arguments, EvaluateArguments(expr));
  return CallValue(target, std::move(arguments));
}

StatusOr<IValue> Interpreter::CallValue(const IValue& callee, Arguments arguments) {
  if (const auto function = As<FunctionRef>(callee)) {
    if (function->self != nullptr) {
      const auto self = std::dynamic_pointer_cast<Instance>(function->self);
      return CallMethod(self, *function->function, std::move(arguments));
    }
    return Call(*function->function, function->owner, frames_.empty() ? "" : frame().place, std::move(arguments));
  }
  if (const auto type = As<ClassRef>(callee)) return Construct(*type->type, std::move(arguments));
  if (const auto instance = As<Instance>(callee)) {
    if (const FunctionDef* forward = instance->type->FindMethod("forward")) return CallMethod(instance, *forward, std::move(arguments));
  }
  return Unsupported(fmt::format("a call of {}", callee.ToString()));
}

StatusOr<IValue> Interpreter::Construct(const ClassDef& type, Arguments arguments) {
  if (type.base == "NamedTuple") {
    auto tuple = heap_.New<NamedTuple>();
    tuple->type = &type;
    tuple->items = std::move(arguments.positional);
    for (const auto& [name, value] : arguments.named) tuple->items.push_back(value);
    if (tuple->items.size() != type.fields.size())
      return Corrupt(fmt::format("{} has {} fields and is given {}", type.name, type.fields.size(), tuple->items.size()));
    return Wrap(std::move(tuple));
  }
  if (type.base == "Enum") {
    for (const ClassDef::Field& field : type.fields) {
      if (field.value && arguments.size() == 1) {
        ASSIGN_OR_RETURN(const IValue value, Evaluate(*field.value));
        if (value.ToString() == arguments.at(0).ToString()) return Resolve(type.qualified_name + "." + field.name);
      }
    }
    return Corrupt(fmt::format("{} has no such member", type.qualified_name));
  }
  auto instance = heap_.New<Instance>();
  instance->type = &type;
  if (const FunctionDef* init = type.FindMethod("__init__")) RETURN_IF_ERROR(CallMethod(instance, *init, std::move(arguments)).status());
  return Wrap(std::move(instance));
}

}  // namespace sardonyx::pytorch
