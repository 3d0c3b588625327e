#include <algorithm>

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
  return Tensor::View(tensor.dtype() == DataType::kComplex64 ? DataType::kFloat : DataType::kDouble, dims, tensor.raw_data(), tensor.byte_size(),
                      tensor.owner());
}

std::string StorageKey(const formats::TorchTensor& tensor) {
  std::string key = fmt::format("{} {} {}", static_cast<const void*>(tensor.storage->bytes.data()), static_cast<int>(tensor.dtype), tensor.offset);
  for (size_t i = 0; i < tensor.sizes.size(); ++i) key += fmt::format(" {}/{}", tensor.sizes[i], i < tensor.strides.size() ? tensor.strides[i] : 0);
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
  if (value.is_variable()) {
    const auto found = bindings_.find(value.variable());
    if (found != bindings_.end()) return found->second;
    builder_.Fail(Corrupt(fmt::format("'{}' is read before it is defined", value.variable()->name)));
    return {};
  }
  if (value.is_list()) {
    IValue::List items;
    bool changed = false;
    for (const IValue& item : value.list()) {
      items.push_back(Resolve(item));
      changed |= item.is_variable() || item.is_parameter() || item.is_list();
    }
    if (!changed) return value;
    return value.is_tuple() ? IValue::MakeTuple(std::move(items)) : IValue::MakeList(std::move(items));
  }
  if (!value.is_parameter()) return value;
  const Parameter& parameter = *value.parameter();
  if (const auto found = parameters_.find(&parameter); found != parameters_.end()) return found->second;
  const auto fail = [&](const Status& status) {
    builder_.Fail(status.WithContext(fmt::format("tensor '{}'", parameter.name)));
    return IValue();
  };
  const bool shareable = parameter.tensor.storage != nullptr && !parameter.tensor.storage->bytes.empty();
  const std::string key = shareable ? StorageKey(parameter.tensor) : "";
  V stored = nullptr;
  if (const auto found = storages_.find(key); shareable && found != storages_.end()) {
    stored = found->second;
  } else {
    StatusOr<Tensor> tensor = parameter.tensor.Dense();
    if (!tensor.ok()) return fail(tensor.status());
    StatusOr<Tensor> real = RealTensor(*tensor);
    if (!real.ok()) return fail(real.status());
    stored = builder_.Weight(parameter.name, *std::move(real));
    if (shareable) storages_.emplace(key, stored);
  }
  TensorValue made{stored, IsComplex(ir::Type::Tensor(parameter.tensor.dtype)), nullptr};
  if (parameter.tensor.quantization) {
    const formats::TorchQuantization& given = *parameter.tensor.quantization;
    auto quantization = std::make_shared<Quantization>();
    quantization->axis = given.axis.value_or(-1);
    std::vector<float> scales(given.scales.begin(), given.scales.end());
    quantization->scale = builder_.Constant(Tensor::From<float>(given.axis ? Dims({static_cast<int64_t>(scales.size())}) : Dims(), scales));
    quantization->zero_point =
        builder_.Cast(given.axis ? builder_.Ints(given.zero_points) : builder_.Int(given.zero_points.empty() ? 0 : given.zero_points[0]), parameter.tensor.dtype);
    made.quantization = std::move(quantization);
  }
  return parameters_.emplace(&parameter, IValue(std::move(made))).first->second;
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
  if (dtype != DataType::kUndefined && real.dtype != DataType::kUndefined && dtype != real.dtype) tensor.value = builder_.Cast(tensor.value, real.dtype);
  builder_.Declare(tensor.value, real);
  return IValue(std::move(tensor));
}

void Translator::BindOutputs(const Node& node, Outputs outputs) {
  std::vector<IValue> values = std::move(outputs.values);
  if (values.size() == 1 && values[0].is_list() && node.outputs.size() != 1) {
    const IValue::List items = values[0].list();
    values = items;
  }
  // A list in one variable: TorchScript has those.
  if (values.size() > 1 && node.outputs.size() == 1 && node.outputs[0]->kind == Kind::kList) values = {IValue::MakeList(std::move(values))};
  if (values.size() < node.outputs.size()) {
    builder_.Fail(Internal(fmt::format("the rule gives {} of {} outputs", values.size(), node.outputs.size())));
    values.resize(node.outputs.size());
  }
  const std::string prefix = builder_.place() + "/";
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const Value& variable = *node.outputs[i];
    IValue value = Declared(variable, std::move(values[i]));
    if (value.is_tensor() && value.tensor().value && value.tensor().value->name().starts_with(prefix))
      builder_.Rename(value.tensor().value, variable.name);
    Bind(&variable, std::move(value));
  }
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

Outputs Translator::Placeholder(const Node& node, const std::vector<IValue>& arguments) {
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
    const std::string key = signature && i < signature->parameters.size() ? std::string(signature->parameters[i].name) : fmt::format("arg{}", i);
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
  const ops::GraphBuilder::Values made = builder_.Ops(name, inputs, std::max<size_t>(1, node.outputs.size()), std::move(attributes), "pkg.torch." + space);
  Outputs outputs;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const Value& variable = *node.outputs[i];
    if (variable.kind == Kind::kInt || variable.kind == Kind::kFloat || variable.kind == Kind::kBool) {
      const DataType dtype = variable.kind == Kind::kInt ? DataType::kInt64 : variable.kind == Kind::kFloat ? DataType::kDouble : DataType::kBool;
      builder_.Declare(made[i], ir::Type::Tensor(dtype, ir::Shape()));
      outputs.values.emplace_back(NumberValue{made[i], variable.kind});
    } else {
      if (variable.type.known()) builder_.Declare(made[i], RealType(variable.type));
      outputs.values.emplace_back(TensorValue{made[i], IsComplex(variable.type), nullptr});
    }
  }
  return outputs;
}

void Translator::Translate(const Node& node) {
  ++report_.operators[node.target];
  builder_.SetPlace(Place(node));
  std::vector<IValue> arguments;
  for (const IValue& input : node.inputs) arguments.push_back(Resolve(input));
  if (!builder_.ok()) return;
  const RuleRow* row = FindRule(node.target);
  Outputs outputs;
  std::string reason;
  if (row == nullptr) {
    reason = "there is no translation of this operator";
  } else {
    Call call(*this, node, arguments, row->param);
    outputs = row->rule(call);
    if (builder_.ok()) {
      BindOutputs(node, std::move(outputs));
      if (builder_.ok()) return;
    }
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
  BindOutputs(node, Placeholder(node, arguments));
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
    if (!named->type.shape && type.is_tensor()) type.dtype = named->type.dtype;
    else type = named->type;
  }
  if (!type.known() && input.value->kind == Kind::kInt) type = ir::Type::Tensor(DataType::kInt64, ir::Shape());
  if (!type.known() && input.value->kind == Kind::kBool) type = ir::Type::Tensor(DataType::kBool, ir::Shape());
  if (!type.known() && input.value->kind == Kind::kFloat) type = ir::Type::Tensor(DataType::kDouble, ir::Shape());
  if (!type.known())
    return Usage(fmt::format("the file does not say what input {} ('{}') is: state it, as in --input {}:float[batch,3,224,224]", index, input.name, input.name));
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
    ASSIGN_OR_RETURN(const ir::Type type, InputType(input, i, options_));
    V value = builder_.Input(input.name, RealType(type));
    const Kind kind = input.value->kind;
    if (kind == Kind::kInt || kind == Kind::kFloat || kind == Kind::kBool)
      Bind(input.value, IValue(NumberValue{value, kind}));
    else
      Bind(input.value, IValue(TensorValue{value, IsComplex(type), nullptr}));
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
  return builder_.status();
}

}  // namespace sardonyx::pytorch
