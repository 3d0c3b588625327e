#include <algorithm>
#include <exception>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "import/pytorch/translation.h"

namespace sardonyx::pytorch {
namespace {

constexpr int kMaxDepth = 64;  // of blocks within blocks

std::string Place(const Node& node) {
  const std::string name = !node.name.empty() ? node.name : !node.outputs.empty() ? node.outputs[0]->name : "";
  if (node.module_path.empty()) return name;
  return name.empty() ? node.module_path : fmt::format("{}/{}", node.module_path, name);
}

// The type of a parameter's ONNX tensor: complex numbers as pairs of reals.
StatusOr<Tensor> RealTensor(const Tensor& tensor) {
  if (tensor.dtype() != DataType::kComplex64 && tensor.dtype() != DataType::kComplex128) return tensor;
  Dims dims = tensor.dims();
  dims.push_back(2);
  return Tensor::View(tensor.dtype() == DataType::kComplex64 ? DataType::kFloat : DataType::kDouble, dims, tensor.raw_data(),
                      tensor.byte_size(), tensor.owner());
}

std::string StorageKey(const formats::TorchTensor& tensor) {
  std::string key =
      fmt::format("{} {} {}", static_cast<const void*>(tensor.storage->bytes.data()), static_cast<int>(tensor.dtype), tensor.offset);
  for (size_t i = 0; i < tensor.sizes.size(); ++i)
    key += fmt::format(" {}/{}", tensor.sizes[i], i < tensor.strides.size() ? tensor.strides[i] : 0);
  return key;
}

ir::Type RealType(const ir::Type& type) {
  if (type.dtype != DataType::kComplex64 && type.dtype != DataType::kComplex128) return type;
  ir::Type real = type;
  real.dtype = type.dtype == DataType::kComplex64 ? DataType::kFloat : DataType::kDouble;
  if (real.shape) real.shape->Append(2);
  return real;
}

bool IsComplex(const ir::Type& type) { return type.dtype == DataType::kComplex64 || type.dtype == DataType::kComplex128; }

}  // namespace

void Translator::Bind(const Value* variable, IValue value) { bindings_[variable] = std::move(value); }

IValue Translator::Resolve(const IValue& value) {
  if (value.is_tensor()) return IValue(memory_.Read(value.tensor()));
  if (value.is_variable()) {
    const auto found = bindings_.find(value.variable());
    if (found != bindings_.end()) return Resolve(found->second);
    builder_.Fail(Corrupt(fmt::format("'{}' is read before it is defined", value.variable()->name)));
    return {};
  }
  if (value.is_list()) {
    // The list itself, so that what is written to it is seen everywhere; variables make a new one.
    IValue::List& list = value.list();
    const bool variables =
        std::any_of(list.begin(), list.end(), [](const IValue& item) { return item.is_variable() || item.is_parameter(); });
    if (!variables) {
      for (IValue& item : list) item = Resolve(item);
      return value;
    }
    IValue::List items;
    for (const IValue& item : list) items.push_back(Resolve(item));
    return value.is_tuple() ? IValue::MakeTuple(std::move(items)) : IValue::MakeList(std::move(items));
  }
  return value.is_parameter() ? ResolveParameter(*value.parameter()) : value;
}

IValue Translator::ResolveParameter(const Parameter& parameter) {
  if (const auto found = parameters_.find(&parameter); found != parameters_.end()) return Resolve(found->second);
  // Two parameters that are the same view of one storage are one tensor: tied weights.
  const bool shareable = parameter.tensor.storage != nullptr && !parameter.tensor.storage->bytes.empty();
  const std::string key = shareable ? StorageKey(parameter.tensor) : "";
  if (const auto found = storages_.find(key); shareable && found != storages_.end())
    return Resolve(parameters_.emplace(&parameter, found->second).first->second);
  const auto fail = [&](const Status& status) {
    builder_.Fail(status.WithContext(fmt::format("tensor '{}'", parameter.name)));
    return IValue();
  };
  StatusOr<Tensor> tensor = parameter.tensor.Dense();
  if (!tensor.ok()) return fail(tensor.status());
  StatusOr<Tensor> real = RealTensor(*tensor);
  if (!real.ok()) return fail(real.status());
  TensorValue made{builder_.Weight(parameter.name, *std::move(real)), IsComplex(ir::Type::Tensor(parameter.tensor.dtype)), {}, {}};
  if (parameter.tensor.quantization) {
    const formats::TorchQuantization& given = *parameter.tensor.quantization;
    auto quantization = std::make_shared<Quantization>();
    quantization->axis = given.axis.value_or(-1);
    std::vector<float> scales(given.scales.begin(), given.scales.end());
    quantization->scale = builder_.Constant(Tensor::From<float>(given.axis ? Dims({static_cast<int64_t>(scales.size())}) : Dims(), scales));
    V zero_point = given.axis ? builder_.Ints(given.zero_points) : builder_.Int(given.zero_points.empty() ? 0 : given.zero_points[0]);
    quantization->zero_point = builder_.Cast(zero_point, parameter.tensor.dtype);
    made.quantization = std::move(quantization);
  }
  const IValue owned(Memory::Own(std::move(made)));
  if (shareable) storages_.emplace(key, owned);
  return parameters_.emplace(&parameter, owned).first->second;
}

// What the source says of an output refines what inference found, and a type that a rule got wrong is put right.
IValue Translator::Declared(const Value& variable, IValue value) {
  if (!variable.type.is_tensor() || !value.is_tensor()) return value;
  TensorValue tensor = value.tensor();
  if (tensor.quantization != nullptr || tensor.value == nullptr) return value;
  const ir::Type real = RealType(variable.type);
  if (tensor.is_complex != IsComplex(variable.type) && builder_.ok())
    builder_.Fail(Internal("a complex number where a real one is stated, or the other way round"));
  const DataType dtype = builder_.dtype(tensor.value);
  if (dtype != DataType::kUndefined && real.dtype != DataType::kUndefined && dtype != real.dtype)
    tensor.value = builder_.Cast(tensor.value, real.dtype);
  builder_.Declare(tensor.value, real);
  return IValue(std::move(tensor));
}

namespace {

std::string_view BaseName(std::string_view target) { return target.substr(0, target.rfind('.')); }

// Views that PyTorch makes only of contiguous memory; otherwise these copy.
bool MayCopy(std::string_view base) {
  constexpr std::string_view kNames[] = {"aten.contiguous", "aten.reshape", "aten.reshape_as", "aten.flatten", "aten.ravel"};
  return std::find(std::begin(kNames), std::end(kNames), base) != std::end(kNames);
}

// Which argument an output views; nothing if it is a tensor of its own.
std::optional<size_t> Viewed(const Signature& signature, size_t output, const std::vector<IValue>& arguments, DataType dtype) {
  if (signature.returns.empty()) return std::nullopt;
  const SignatureReturn& returned = signature.returns[std::min(output, signature.returns.size() - 1)];
  if (returned.alias == 0 || returned.written) return std::nullopt;
  for (size_t i = 0; i < signature.parameters.size() && i < arguments.size(); ++i) {
    if (signature.parameters[i].alias != returned.alias || !arguments[i].is_tensor()) continue;
    const TensorValue& tensor = arguments[i].tensor();
    if (tensor.cell == nullptr || tensor.quantization != nullptr) return std::nullopt;
    const std::string_view base = BaseName(signature.name);
    if (MayCopy(base) && !InOrder(*tensor.cell)) return std::nullopt;
    const int copy = signature.Find("copy");
    if (copy >= 0 && arguments[static_cast<size_t>(copy)].is_bool() && arguments[static_cast<size_t>(copy)].boolean()) return std::nullopt;
    if (tensor.value->type.dtype != dtype && base != "aten.view_as_real" && base != "aten.view_as_complex") return std::nullopt;
    return i;
  }
  return std::nullopt;
}

}  // namespace

// Memory of an output: the argument's, when the operator works in place; a view of it; or its own.
IValue Translator::WithMemory(const Node& node, const std::vector<IValue>& arguments, size_t output, IValue value) {
  if (!value.is_tensor() || value.tensor().cell != nullptr || value.tensor().value == nullptr) return value;
  const TensorValue& tensor = value.tensor();
  const Signature* signature = FindSignature(node.target);
  if (signature != nullptr && tensor.quantization == nullptr)
    if (const std::optional<size_t> viewed = Viewed(*signature, output, arguments, builder_.dtype(tensor.value)))
      return IValue(memory_.View(tensor, node.target, arguments, *viewed, output));
  return IValue(Memory::Own(tensor));
}

// The arguments that the operator writes to become its results.
void Translator::WriteInPlace(const Node& node, const std::vector<IValue>& arguments, std::vector<IValue>& values) {
  const Signature* signature = FindSignature(node.target);
  if (signature == nullptr || !signature->IsMutating()) return;
  size_t output = 0;
  for (size_t i = 0; i < signature->parameters.size() && output < values.size(); ++i) {
    if (!signature->parameters[i].written || i >= arguments.size() || !arguments[i].is_tensor() || !values[output].is_tensor()) continue;
    TensorValue result = values[output].tensor();
    const TensorValue& target = arguments[i].tensor();
    if (!result.is_complex && target.quantization == nullptr && target.value != nullptr)
      result.value = builder_.Cast(result.value, builder_.dtype(target.value));
    memory_.Write(target, result);
    result.cell = target.cell;
    values[output++] = IValue(result);
  }
}

void Translator::BindOutputs(const Node& node, const std::vector<IValue>& arguments, std::vector<IValue> values) {
  // A list is one output an element, unless its variable is the list.
  const bool spread = node.outputs.size() != 1 || node.outputs[0]->type.is_tensor();
  if (values.size() == 1 && values[0].is_list() && spread) {
    const IValue::List items = values[0].list();
    values = items;
  }
  const std::string prefix = builder_.place() + "/";
  for (size_t i = 0; i < values.size() && i < node.outputs.size(); ++i) {
    const Value& variable = *node.outputs[i];
    values[i] = Declared(variable, std::move(values[i]));
    if (!values[i].is_tensor() || values[i].tensor().value == nullptr) continue;
    if (V value = values[i].tensor().value; value->name().starts_with(prefix) && !variable.name.empty())
      builder_.Rename(value, variable.name);
  }
  for (IValue& value : values) {
    if (!value.is_tensor() || !value.tensor().is_number) continue;
    TensorValue tensor = value.tensor();
    tensor.is_number = false;  // what is made of a number is a tensor
    value = IValue(std::move(tensor));
  }
  WriteInPlace(node, arguments, values);
  for (size_t i = 0; i < values.size(); ++i) values[i] = WithMemory(node, arguments, i, std::move(values[i]));
  // A list in one variable: TorchScript has those.
  if (node.outputs.size() == 1 && node.outputs[0]->kind == Kind::kList && !(values.size() == 1 && values[0].is_list()))
    values = {IValue::MakeList(std::move(values))};
  if (values.size() < node.outputs.size()) {
    const bool missing = std::any_of(node.outputs.begin() + static_cast<ptrdiff_t>(values.size()), node.outputs.end(),
                                     [](const Value* value) { return !value->name.empty(); });
    if (missing) builder_.Fail(Internal(fmt::format("the rule gives {} of {} outputs", values.size(), node.outputs.size())));
    values.resize(node.outputs.size());
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) Bind(node.outputs[i], std::move(values[i]));
}

void Translator::Refuse(const Node& node, std::string reason) {
  auto found = std::find_if(report_.unsupported.begin(), report_.unsupported.end(),
                            [&](const import::Unsupported& one) { return one.target == node.target && one.reason == reason; });
  if (found == report_.unsupported.end()) {
    report_.unsupported.push_back({node.target, {}, std::move(reason)});
    found = std::prev(report_.unsupported.end());
  }
  constexpr size_t kMaxPlaces = 1000;
  if (found->places.size() < kMaxPlaces) found->places.push_back(Place(node).empty() ? "the top" : Place(node));
}

std::vector<IValue> Translator::Placeholder(const Node& node, const std::vector<IValue>& arguments) {
  const size_t dot = node.target.find('.');
  const std::string space = node.target.substr(0, dot);
  std::string name = dot == std::string::npos ? node.target : node.target.substr(dot + 1), overload;
  if (const size_t second = name.find('.'); second != std::string::npos) {
    overload = name.substr(second + 1);
    name.resize(second);
  }
  ops::GraphBuilder::Values inputs;
  std::vector<ops::Attr> attributes;
  if (!overload.empty() && overload != "default") attributes.push_back({"overload", overload});
  const Signature* signature = FindSignature(node.target);
  for (size_t i = 0; i < arguments.size(); ++i) {
    const IValue& value = arguments[i];
    const std::string key =
        signature && i < signature->parameters.size() ? std::string(signature->parameters[i].name) : fmt::format("arg{}", i);
    if (value.is_tensor()) inputs.push_back(value.tensor().value);
    if (value.is_number_value()) inputs.push_back(value.number_value().value);
    if (value.is_int()) attributes.push_back({key, value.integer()});
    if (value.is_bool()) attributes.push_back({key, value.boolean()});
    if (value.is_double()) attributes.push_back({key, value.number()});
    if (value.is_string()) attributes.push_back({key, value.string()});
    if (value.is_dtype()) attributes.push_back({key, value.dtype()});
    if (!value.is_list()) continue;
    std::vector<int64_t> ints;
    for (const IValue& item : value.list()) {
      if (item.is_tensor()) inputs.push_back(item.tensor().value);
      if (item.is_int()) ints.push_back(item.integer());
    }
    if (!ints.empty() && ints.size() == value.list().size()) attributes.push_back({key, ints});
  }
  const ops::GraphBuilder::Values made =
      builder_.Ops(name, inputs, std::max<size_t>(1, node.outputs.size()), std::move(attributes), "pkg.torch." + space);
  std::vector<IValue> outputs;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const Value& variable = *node.outputs[i];
    if (variable.kind == Kind::kInt || variable.kind == Kind::kFloat || variable.kind == Kind::kBool) {
      const DataType dtype = variable.kind == Kind::kInt     ? DataType::kInt64
                             : variable.kind == Kind::kFloat ? DataType::kDouble
                                                             : DataType::kBool;
      builder_.Declare(made[i], ir::Type::Tensor(dtype, ir::Shape()));
      outputs.emplace_back(NumberValue{made[i], variable.kind});
    } else {
      if (variable.type.known()) builder_.Declare(made[i], RealType(variable.type));
      outputs.emplace_back(TensorValue{made[i], IsComplex(variable.type), {}, {}});
    }
  }
  return outputs;
}

std::vector<IValue> Translator::Apply(std::string_view target, std::vector<IValue> arguments) {
  Node node;
  node.target = target;
  const RuleRow* row = FindRule(target);
  if (row == nullptr) {
    builder_.Fail(Unsupported(fmt::format("there is no translation of {}", target)));
    return {};
  }
  if (const Signature* signature = FindSignature(target)) {
    StatusOr<std::vector<IValue>> bound = BindArguments(*signature, std::move(arguments), {});
    if (!bound.ok()) {
      builder_.Fail(bound.status());
      return {};
    }
    arguments = *std::move(bound);
  }
  Call call(*this, node, std::move(arguments), row->param);
  std::vector<IValue> values = row->rule(call).values;
  if (values.size() == 1 && values[0].is_list()) return std::vector<IValue>(values[0].list());
  return values;
}

void Translator::Translate(const Node& node) {
  ++report_.operators[node.target];
  builder_.SetPlace(Place(node));
  std::vector<IValue> arguments;
  for (const IValue& input : node.inputs) arguments.push_back(Resolve(input));
  if (!builder_.ok()) return;
  const RuleRow* row = FindRule(PureTarget(node.target));
  std::string reason;
  if (row == nullptr) {
    reason = "there is no translation of this operator";
  } else {
    std::vector<IValue> values;
    try {
      Call call(*this, node, arguments, row->param);
      values = row->rule(call).values;
    } catch (const std::exception& error) {
      // Rules take arguments to be what the signature says. Those of a damaged file are not.
      builder_.Fail(Corrupt(fmt::format("an argument is not of its parameter's kind ({})", error.what())));
    }
    if (builder_.ok()) BindOutputs(node, arguments, std::move(values));
    if (builder_.ok()) return;
    if (builder_.status().code() != StatusCode::kUnsupported) {
      const Status status = builder_.status().WithContext(fmt::format("{} ({})", Place(node), node.target));
      builder_.ClearStatus();
      builder_.Fail(status);
      return;
    }
    reason = builder_.status().message();
    builder_.ClearStatus();
  }
  Refuse(node, std::move(reason));
  BindOutputs(node, arguments, Placeholder(node, arguments));
}

std::vector<IValue> Translator::Inline(const Graph& graph, const std::vector<IValue>& inputs) {
  std::vector<IValue> outputs;
  if (depth_ >= kMaxDepth) {
    builder_.Fail(Corrupt("blocks are nested too deep"));
    outputs.resize(graph.outputs.size());
    return outputs;
  }
  if (inputs.size() < graph.inputs.size()) builder_.Fail(Corrupt(fmt::format("graph '{}' is given too few inputs", graph.name)));
  const std::string place = builder_.place();
  ++depth_;
  for (size_t i = 0; i < graph.inputs.size() && i < inputs.size(); ++i) Bind(graph.inputs[i], inputs[i]);
  for (const auto& node : graph.nodes) {
    if (!builder_.ok()) break;
    Translate(*node);
  }
  for (const IValue& output : graph.outputs) outputs.push_back(builder_.ok() ? Resolve(output) : IValue());
  --depth_;
  builder_.SetPlace(place);
  return outputs;
}

V Translator::Materialize(const IValue& value) {
  if (value.is_tensor()) {
    if (value.tensor().quantization == nullptr) return value.tensor().value;
    const Quantization& q = *value.tensor().quantization;
    return q.axis < 0 ? builder_.Op("DequantizeLinear", {value.tensor().value, q.scale, q.zero_point})
                      : builder_.Op("DequantizeLinear", {value.tensor().value, q.scale, q.zero_point}, {{"axis", q.axis}});
  }
  if (value.is_number_value()) return value.number_value().value;
  if (value.is_int()) return builder_.Int(value.integer());
  if (value.is_bool()) return builder_.Scalar<bool>(value.boolean());
  if (value.is_double()) return builder_.Scalar<double>(value.number());
  return nullptr;
}

namespace {

// The type that the user or the source gives an input.
StatusOr<ir::Type> InputType(const Program::Input& input, size_t index, const import::ImportOptions& options) {
  ir::Type type = input.value->type;
  const auto named = std::find_if(options.inputs.begin(), options.inputs.end(), [&](const auto& spec) { return spec.name == input.name; });
  if (named != options.inputs.end()) {
    if (!named->type.shape && type.is_tensor())
      type.dtype = named->type.dtype;
    else
      type = named->type;
  }
  if (!type.known() && input.value->kind == Kind::kInt) type = ir::Type::Tensor(DataType::kInt64, ir::Shape());
  if (!type.known() && input.value->kind == Kind::kBool) type = ir::Type::Tensor(DataType::kBool, ir::Shape());
  if (!type.known() && input.value->kind == Kind::kFloat) type = ir::Type::Tensor(DataType::kDouble, ir::Shape());
  if (!type.known())
    return Usage(fmt::format("the file does not say what input {} ('{}') is: state it, as in --input {}:float[batch,3,224,224]", index,
                             input.name, input.name));
  for (const import::DynamicAxis& dynamic : options.dynamic) {
    if (dynamic.input != input.name) continue;
    const auto rank = static_cast<int64_t>(type.shape ? type.shape->rank() : 0);
    const int64_t axis = dynamic.axis < 0 ? dynamic.axis + rank : dynamic.axis;
    if (axis < 0 || axis >= rank) return Usage(fmt::format("--dynamic: input '{}' has no axis {}", dynamic.input, dynamic.axis));
    (*type.shape)[static_cast<size_t>(axis)] = ir::Dim::Symbol(dynamic.symbol);
  }
  return type;
}

}  // namespace

Status Translator::Run(const Program& program) {
  for (const Program::Output& output : program.outputs) builder_.ReserveName(output.name);
  for (size_t i = 0; i < program.inputs.size(); ++i) {
    const Program::Input& input = program.inputs[i];
    const Kind kind = input.value->kind;
    const bool is_number = kind == Kind::kInt || kind == Kind::kFloat || kind == Kind::kBool;
    const auto given = std::find_if(options_.inputs.begin(), options_.inputs.end(),
                                    [&](const import::InputSpec& spec) { return spec.name == input.name && spec.value.has_value(); });
    if (given != options_.inputs.end()) {
      if (!is_number) return Usage(fmt::format("--input {}: it is a tensor, which a value cannot stand for", input.name));
      Bind(input.value, NumberOf(kind, *given->value));
      continue;
    }
    ASSIGN_OR_RETURN(const ir::Type type, InputType(input, i, options_));
    V value = builder_.Input(input.name, RealType(type));
    if (is_number)
      Bind(input.value, IValue(NumberValue{value, kind}));
    else
      Bind(input.value, IValue(Memory::Own({value, IsComplex(type), {}, {}})));
  }
  for (const auto& [variable, value] : program.bound) Bind(variable, Resolve(value));
  for (const auto& node : program.graph->nodes) {
    RETURN_IF_ERROR(builder_.status());
    Translate(*node);
  }
  RETURN_IF_ERROR(builder_.status());
  builder_.SetPlace("");
  for (const Program::Output& output : program.outputs)
    if (V value = Materialize(Resolve(output.value))) builder_.Output(value, output.name);
  // Buffers that were written to in place.
  for (const auto& [variable, name] : program.buffers) {
    const IValue buffer = Resolve(IValue(static_cast<const Value*>(variable)));
    if (buffer.is_tensor() && buffer.tensor().cell && buffer.tensor().cell->version > 0)
      builder_.Output(buffer.tensor().value, name + "_updated");
  }
  return builder_.status();
}

}  // namespace sardonyx::pytorch
