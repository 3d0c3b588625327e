#include "import/pytorch/torchscript/import_torchscript.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "import/pytorch/torchscript/interpreter.h"
#include "import/pytorch/torchscript/merge.h"

namespace sardonyx::pytorch {
namespace {

using import::InputSpec;

// What binds the parameters of forward: the user's statements in their order, else the trace's own inputs.
class Inputs {
 public:
  Inputs(Interpreter& interpreter, ScriptArchive& archive, const import::ImportOptions& options, import::ImportReport& report)
      : in_(interpreter), options_(options), report_(report), used_(options.inputs.size(), false) {
    if (const formats::TorchFile* traced = archive.traced_inputs()) FindTraced(*traced);
  }

  StatusOr<Arguments> Bind(const FunctionDef& forward) {
    forward_ = &forward;
    Arguments arguments;
    bool skipped = false;
    for (size_t i = 1; i < forward.params.size(); ++i) {
      const ParamDef& param = forward.params[i];
      const formats::PickleValue* traced = i - 1 < traced_.size() ? traced_[i - 1] : nullptr;
      // A parameter with a default, of which nothing is said, keeps it.
      if (param.default_value && traced == nullptr && Next(param.name, false) == nullptr) {
        skipped = true;
        continue;
      }
      ASSIGN_OR_RETURN(IValue value, Bind(param.name, param.type.get(), traced, 0));
      if (skipped)
        arguments.named.emplace_back(param.name, std::move(value));
      else
        arguments.positional.push_back(std::move(value));
    }
    std::string left;
    for (size_t i = 0; i < used_.size(); ++i) {
      if (!used_[i]) left += fmt::format("{}'{}'", left.empty() ? "" : ", ", options_.inputs[i].name);
    }
    if (!left.empty()) return Usage(fmt::format("forward has no parameter for the input {}; it takes {}", left, Signature(forward)));
    return arguments;
  }

  static std::string Signature(const FunctionDef& forward) {
    std::string text = "(";
    for (size_t i = 1; i < forward.params.size(); ++i) {
      const Expr* type = forward.params[i].type.get();
      text += fmt::format("{}{}: {}", i > 1 ? ", " : "", forward.params[i].name, type != nullptr ? TypeName(*type) : "Tensor");
    }
    return text + ")";
  }

 private:
  static std::string TypeName(const Expr& type) {
    return type.kind == ExprKind::kSubscript ? type.children[0]->DottedName() + "[...]" : type.DottedName();
  }

  // {'forward': [x, ...]}, wrapped in calls that only say the type.
  void FindTraced(const formats::TorchFile& traced) {
    const auto bare = [](const formats::PickleValue* value) {
      while (value != nullptr && value->is(formats::PickleKind::kCall) && value->callable != nullptr &&
             value->callable->text.starts_with("torch.jit._pickle "))
        value = value->argument(0);
      return value;
    };
    const formats::PickleValue* methods = bare(&traced.root());
    const formats::PickleValue* forward = methods == nullptr ? nullptr : bare(methods->Get("forward"));
    if (forward == nullptr || !forward->is_sequence()) return;
    traced_file_ = &traced;
    traced_ = forward->items;
  }

  // The user's statement of that name, or the first that is not used and is of no parameter's name.
  const InputSpec* Next(const std::string& name, bool take) {
    const auto is_of = [](const std::string& given, const std::string& parameter) { return given == parameter || Belongs(given, parameter); };
    size_t found = used_.size();
    for (size_t i = 0; i < used_.size(); ++i) {
      if (used_[i]) continue;
      const std::string& given = options_.inputs[i].name;
      const bool named = given == name;
      const bool others = std::any_of(forward_->params.begin() + 1, forward_->params.end(), [&](const ParamDef& param) {
        return is_of(given, param.name) && !is_of(name, param.name);
      });
      if (named || (found == used_.size() && !others)) found = i;
      if (named) break;
    }
    if (found == used_.size()) return nullptr;
    if (take) used_[found] = true;
    return &options_.inputs[found];
  }
  // "feats_a" and "feats.a" belong to "feats".
  static bool Belongs(const std::string& name, const std::string& parameter) {
    return name.size() > parameter.size() + 1 && name.starts_with(parameter) &&
           (name[parameter.size()] == '_' || name[parameter.size()] == '.');
  }

  StatusOr<IValue> Bind(const std::string& name, const Expr* type, const formats::PickleValue* traced, int depth) {
    if (depth > 16) return Unsupported(fmt::format("the type of input '{}' is nested too deeply", name));
    std::string kind = type == nullptr                      ? "Tensor"
                       : type->kind == ExprKind::kSubscript ? type->children[0]->DottedName()
                                                            : type->DottedName();
    if (kind == "Optional") {
      const InputSpec* spec = Next(name, false);
      if (traced == nullptr && spec == nullptr) return IValue();
      if (traced == nullptr && !spec->value) return BindOptional(name, *type->children[1], depth);
      return Bind(name, type->children[1].get(), traced, depth + 1);
    }
    if (kind == "Tensor") return BindTensor(name, traced);
    if (kind == "int" || kind == "number") return BindNumber(name, Kind::kInt);
    if (kind == "float") return BindNumber(name, Kind::kFloat);
    if (kind == "bool") return BindNumber(name, Kind::kBool);
    if (kind == "Tuple" || kind == "List" || kind == "Dict") return BindContainer(name, kind, *type, traced, depth);
    return Unsupported(fmt::format("the parameter '{}' of forward has the type {}, which cannot be an input of an ONNX model", name, kind));
  }

  StatusOr<IValue> BindContainer(const std::string& name, const std::string& kind, const Expr& type, const formats::PickleValue* traced,
                                 int depth) {
    const Expr& argument = *type.children[1];
    const bool traced_items = traced != nullptr && traced->is_sequence();
    if (kind == "Tuple") {
      IValue::List items;
      const size_t count = argument.kind == ExprKind::kTuple ? argument.children.size() : 1;
      for (size_t i = 0; i < count; ++i) {
        const Expr* part = argument.kind == ExprKind::kTuple ? argument.children[i].get() : &argument;
        ASSIGN_OR_RETURN(IValue item, Bind(fmt::format("{}_{}", name, i), part,
                                           traced_items && i < traced->items.size() ? traced->items[i] : nullptr, depth + 1));
        items.push_back(std::move(item));
      }
      return IValue::MakeTuple(std::move(items));
    }
    auto dict = in_.heap().New<DictCell>();
    IValue::List items;
    const Expr* part =
        kind == "Dict" && argument.kind == ExprKind::kTuple && argument.children.size() == 2 ? argument.children[1].get() : &argument;
    for (size_t i = 0; i < used_.size(); ++i) {
      const std::string& given = options_.inputs[i].name;
      if (used_[i] || !Belongs(given, name)) continue;
      ASSIGN_OR_RETURN(IValue item, Bind(given, part, nullptr, depth + 1));
      dict->entries.emplace_back(IValue(given.substr(name.size() + 1)), item);
      items.push_back(std::move(item));
    }
    for (size_t i = 0; items.empty() && traced_items && i < traced->items.size(); ++i) {
      ASSIGN_OR_RETURN(IValue item, Bind(fmt::format("{}_{}", name, i), part, traced->items[i], depth + 1));
      items.push_back(std::move(item));
      if (i + 1 == traced->items.size()) return in_.heap().NewList(std::move(items));
    }
    if (traced != nullptr && dict->entries.empty() && kind == "Dict") {
      for (size_t i = 0; i + 1 < traced->entries.size(); i += 2) {
        const std::string key(traced->entries[i]->text);
        ASSIGN_OR_RETURN(IValue item, Bind(fmt::format("{}_{}", name, key), part, traced->entries[i + 1], depth + 1));
        dict->entries.emplace_back(IValue(key), std::move(item));
      }
    }
    if (items.empty() && dict->entries.empty())
      return Usage(fmt::format("the parameter '{}' is a {}: state each of its tensors, as in --input {}_{}:float[batch,3]", name, kind,
                               name, kind == "Dict" ? "KEY" : "0"));
    if (kind == "List") return in_.heap().NewList(std::move(items));
    return IValue(std::shared_ptr<Object>(std::move(dict)));
  }

  // An optional input, which a call may leave out: of a tensor or a number. Other Optionals are always there once they are stated.
  StatusOr<IValue> BindOptional(const std::string& parameter, const Expr& type, int depth) {
    const std::string kind = type.DottedName();
    auto content = std::make_shared<MergedValue>();
    std::string name;
    if (kind == "Tensor") {
      ASSIGN_OR_RETURN(TensorInput input, StatedTensor(parameter, nullptr));
      content->form = MergedValue::Form::kTensor;
      content->type = std::move(input.type);
      content->is_complex = input.is_complex;
      name = std::move(input.name);
    } else if (kind == "int" || kind == "float" || kind == "bool") {
      const InputSpec* spec = Next(parameter, true);
      content->form = MergedValue::Form::kNumber;
      content->number = kind == "int" ? Kind::kInt : kind == "float" ? Kind::kFloat : Kind::kBool;
      content->type = ir::Type::Tensor(NumberType(content->number, *spec), ir::Shape());
      name = spec->name;
    } else {
      return Bind(parameter, &type, nullptr, depth + 1);
    }
    auto optional = in_.heap().New<OptionalCell>();
    optional->leaves.push_back(in_.builder().Input(name, ir::Type::Optional(content->type)));
    optional->content = std::move(content);
    return IValue(std::shared_ptr<Object>(std::move(optional)));
  }

  // What the user, else the trace says of a tensor. Complex numbers are pairs of reals already.
  struct TensorInput {
    std::string name;
    ir::Type type;
    bool is_complex = false;
  };
  StatusOr<TensorInput> StatedTensor(const std::string& parameter, const formats::PickleValue* traced) {
    std::string name = parameter;
    ir::Type type;
    if (const InputSpec* spec = Next(parameter, true)) {
      if (spec->value) return Usage(fmt::format("--input {}: it is a tensor, which a value cannot stand for", spec->name));
      name = spec->name;
      type = spec->type;
    }
    if ((!type.known() || !type.shape) && traced != nullptr && traced_file_ != nullptr && formats::TorchFile::IsTensor(*traced)) {
      ASSIGN_OR_RETURN(const formats::TorchTensor tensor, traced_file_->ReadTensor(*traced));
      std::vector<ir::Dim> dims;
      for (const int64_t size : tensor.sizes) dims.emplace_back(size);
      if (!type.known())
        report_.warnings.push_back(
            fmt::format("input '{}' has the shape that it was traced with; --input or --dynamic makes sizes symbolic", name));
      type = ir::Type::Tensor(tensor.dtype, ir::Shape(std::move(dims)));
    }
    if (!type.known())
      return Usage(
          fmt::format("the file does not say what the input '{}' is: state it, as in --input {}:float[batch,3,224,224]", name, name));
    for (const import::DynamicAxis& dynamic : options_.dynamic) {
      if (dynamic.input != name) continue;
      const auto rank = static_cast<int64_t>(type.shape ? type.shape->rank() : 0);
      const int64_t axis = dynamic.axis < 0 ? dynamic.axis + rank : dynamic.axis;
      if (axis < 0 || axis >= rank) return Usage(fmt::format("--dynamic: input '{}' has no axis {}", name, dynamic.axis));
      (*type.shape)[static_cast<size_t>(axis)] = ir::Dim::Symbol(dynamic.symbol);
    }
    const bool is_complex = type.dtype == DataType::kComplex64 || type.dtype == DataType::kComplex128;
    if (is_complex) {
      type.dtype = type.dtype == DataType::kComplex64 ? DataType::kFloat : DataType::kDouble;
      if (type.shape) type.shape->Append(2);
    }
    return TensorInput{std::move(name), std::move(type), is_complex};
  }

  StatusOr<IValue> BindTensor(const std::string& parameter, const formats::PickleValue* traced) {
    ASSIGN_OR_RETURN(TensorInput input, StatedTensor(parameter, traced));
    return in_.NewTensor(in_.builder().Input(input.name, std::move(input.type)), input.is_complex);
  }

  // A float may be fed as float32, which is what most have.
  static DataType NumberType(Kind kind, const InputSpec& spec) {
    if (kind == Kind::kFloat) return spec.type.known() ? spec.type.dtype : DataType::kDouble;
    return kind == Kind::kInt ? DataType::kInt64 : DataType::kBool;
  }

  StatusOr<IValue> BindNumber(const std::string& parameter, Kind kind) {
    const InputSpec* spec = Next(parameter, true);
    if (spec != nullptr && spec->value) return NumberOf(kind, *spec->value);
    const DataType type = kind == Kind::kInt ? DataType::kInt64 : kind == Kind::kFloat ? DataType::kDouble : DataType::kBool;
    const DataType given = spec != nullptr ? NumberType(kind, *spec) : type;
    V value = in_.builder().Input(spec != nullptr ? spec->name : parameter, ir::Type::Tensor(given, ir::Shape()));
    return IValue(NumberValue{in_.builder().Cast(value, type), kind});
  }

  Interpreter& in_;
  const import::ImportOptions& options_;
  import::ImportReport& report_;
  std::vector<bool> used_;
  const FunctionDef* forward_ = nullptr;
  const formats::TorchFile* traced_file_ = nullptr;
  std::vector<const formats::PickleValue*> traced_;
};

// The tensors and numbers of a result, in order, with names.
class Outputs {
 public:
  Outputs(Interpreter& interpreter, Translator& translator) : in_(interpreter), translator_(translator) {}

  Status Add(const IValue& value, const std::string& name) {
    ops::GraphBuilder& b = in_.builder();
    if (value.is_none() || value.is_string()) return {};
    if (const auto optional = As<OptionalCell>(value)) {
      for (V leaf : optional->leaves) outputs_.emplace_back(name.empty() ? Fresh() : name, leaf);
      return {};
    }
    if (const auto dict = As<DictCell>(value)) {
      for (const auto& [key, item] : dict->entries)
        RETURN_IF_ERROR(Add(item, key.is_string() ? key.string() : name + "_" + key.ToString()));
      return {};
    }
    if (const auto list = As<ListCell>(value); list != nullptr && list->sequence != nullptr) {
      outputs_.emplace_back(name.empty() ? Fresh() : name, list->sequence);
      return {};
    }
    if (const auto tuple = As<NamedTuple>(value)) {
      for (size_t i = 0; i < tuple->items.size(); ++i)
        RETURN_IF_ERROR(Add(tuple->items[i], name.empty() ? tuple->type->fields[i].name : name + "_" + tuple->type->fields[i].name));
      return {};
    }
    if (value.is_tuple() || As<ListCell>(value) != nullptr) {
      ASSIGN_OR_RETURN(const IValue::List items, in_.Items(value));
      for (const IValue& item : items) RETURN_IF_ERROR(Add(item, ""));
      return {};
    }
    if (Interpreter::IsNumber(value)) {
      outputs_.emplace_back(name.empty() ? Fresh() : name, in_.Scalar(value));
      return b.status();
    }
    if (!value.is_tensor()) {
      const auto opaque = As<Opaque>(value);
      return Unsupported(
          fmt::format("the result is {}, which an ONNX model cannot give", opaque != nullptr ? opaque->what : value.ToString()));
    }
    ASSIGN_OR_RETURN(TensorValue tensor, in_.Tensor(value));
    outputs_.emplace_back(name.empty() ? Fresh() : name, translator_.Materialize(IValue(std::move(tensor))));
    return b.status();
  }

  const std::vector<std::pair<std::string, V>>& all() const { return outputs_; }

 private:
  std::string Fresh() { return fmt::format("output_{}", outputs_.size()); }

  Interpreter& in_;
  Translator& translator_;
  std::vector<std::pair<std::string, V>> outputs_;
};

Status Run(ScriptArchive& archive, const import::ImportOptions& options, Translator& translator, import::ImportReport& report) {
  Interpreter interpreter(archive, translator);
  ops::GraphBuilder& b = translator.builder();
  for (const InputSpec& spec : options.inputs) b.ReserveName(spec.name);
  ASSIGN_OR_RETURN(const std::shared_ptr<Instance> module, interpreter.LoadModule());
  const FunctionDef* forward = module->type->FindMethod("forward");
  if (forward == nullptr) forward = module->type->FindMethod("forward__0");  // of one with overloads: nn.LSTM scripted by itself
  if (forward == nullptr) return Unsupported(fmt::format("the module {} has no method forward", module->type->qualified_name));
  const uint64_t loaded = interpreter.seen();
  Inputs inputs(interpreter, archive, options, report);
  ASSIGN_OR_RETURN(Arguments arguments, inputs.Bind(*forward));
  const Heap::Mark before = interpreter.heap().mark();
  ASSIGN_OR_RETURN(const IValue result, interpreter.CallMethod(module, *forward, std::move(arguments)));
  RETURN_IF_ERROR(b.status());
  b.SetPlace("");
  Outputs outputs(interpreter, translator);
  RETURN_IF_ERROR(outputs.Add(result, "").WithContext("the result of forward"));
  // Buffers that forward changed come last: the caller may feed them back.
  for (const auto& [path, buffer] : interpreter.buffers()) {
    const std::shared_ptr<Cell>& cell = buffer.tensor().cell;
    if (cell != nullptr && cell->version > 0) RETURN_IF_ERROR(outputs.Add(buffer, path + "_mutated"));
  }
  for (const auto& object : interpreter.heap().WrittenSince(before)) {
    const auto instance = std::dynamic_pointer_cast<Instance>(object);
    if (instance == nullptr) continue;
    for (const auto& [name, value] : instance->attributes) {
      const uint64_t first = interpreter.FirstSeen(value);
      if (value.is_tensor() && first >= loaded)
        RETURN_IF_ERROR(outputs.Add(value, fmt::format("{}{}{}_mutated", instance->path, instance->path.empty() ? "" : ".", name)));
    }
    report.warnings.push_back(fmt::format(
        "forward keeps state in the attributes of '{}': what it leaves there is given as outputs ending in _mutated", instance->path));
  }
  if (outputs.all().empty()) return Unsupported("forward gives no tensor");
  for (const auto& [name, value] : outputs.all()) b.Output(value, name);
  return b.status();
}

StatusOr<import::Imported> Import(ScriptArchive& archive, const import::ImportOptions& options) {
  import::Imported imported;
  imported.report.format = "TorchScript archive";
  ops::GraphBuilder builder(options.opset);
  Translator translator(builder, options, imported.report);
  const Status status = Run(archive, options, translator, imported.report);
  imported.report.needed_opset = builder.needed_opset();
  // What follows an operator without a translation may fail for that reason alone: all of those come first.
  if (!imported.report.unsupported.empty() && !options.allow_unsupported) return imported;
  RETURN_IF_ERROR(status);
  ASSIGN_OR_RETURN(imported.model, builder.Finish());
  imported.model->producer_name = "sardonyx";
  imported.model->producer_version = SARDONYX_VERSION;
  imported.model->metadata.emplace_back("source.format", imported.report.format);
  return imported;
}

// The same inputs with every size that is a number left open. True if there was one.
bool WithOpenSizes(import::ImportOptions* options) {
  bool any = false;
  for (InputSpec& spec : options->inputs) {
    if (!spec.type.shape) continue;
    for (size_t axis = 0; axis < spec.type.shape->rank(); ++axis) {
      ir::Dim& dim = (*spec.type.shape)[axis];
      if (!dim.is_constant()) continue;
      dim = ir::Dim::Symbol(fmt::format("{}_{}", spec.name, axis));
      any = true;
    }
  }
  return any;
}

}  // namespace

StatusOr<import::Imported> ImportTorchScript(const Bytes& bytes, const import::ImportOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ScriptArchive> archive, ScriptArchive::Open(bytes));
  // A script holds for every size, unlike a trace: so does its model, unless it cannot be said without the sizes.
  import::ImportOptions open = options;
  if (archive->traced_inputs() == nullptr && WithOpenSizes(&open)) {
    StatusOr<import::Imported> imported = Import(*archive, open);
    if (imported.ok() && imported->model != nullptr && imported->report.unsupported.empty()) {
      imported->report.warnings.push_back("a script holds for every size: the sizes of its inputs stay symbolic");
      return imported;
    }
    if (imported.ok() && imported->report.needed_opset > options.opset) return imported;
  }
  return Import(*archive, options);
}

}  // namespace sardonyx::pytorch
