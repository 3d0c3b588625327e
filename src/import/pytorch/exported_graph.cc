#include "import/pytorch/exported_graph.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "formats/torch_save.h"
#include "import/pytorch/signature.h"
#include "ir/json_reader.h"

namespace sardonyx::pytorch {
namespace {

constexpr int kMaxDepth = 32;  // of graphs within graphs, and of lists within lists

// "torch.ops.aten.add.Tensor" -> "aten.add.Tensor"; "torch.ops.higher_order.cond"; "_operator.mul" and "math.trunc" stay.
std::string TargetOf(std::string target) {
  for (const std::string_view prefix : {"torch.ops.", "torch._ops."})
    if (target.starts_with(prefix)) return target.substr(prefix.size());
  return target;
}

// The innermost module of "L__self__,,Net;L__self___layer1,layer1.0,torch.nn.Conv2d": its path as the user wrote it.
std::string ModulePath(const Json& metadata) {
  const Json* stack = MemberOrNull(metadata, "nn_module_stack");
  if (stack == nullptr || !stack->is_string()) return "";
  const auto text = stack->get<std::string>();
  const size_t last = text.rfind(';') == std::string::npos ? 0 : text.rfind(';') + 1;
  const size_t begin = text.find(',', last);
  if (begin == std::string::npos) return "";
  const size_t end = text.find(',', begin + 1);
  if (end == std::string::npos || text.compare(last, 6, "_empty") == 0) return "";
  std::string path = text.substr(begin + 1, end - begin - 1);
  // Older ones: L['self'].layers[0].conv
  std::string clean;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path.compare(i, 9, "L['self']") == 0)
      i += 8;
    else if (path[i] == '[' && !clean.empty() && clean.back() != '.')
      clean += '.';
    else if (std::string_view("[]'\"").find(path[i]) == std::string_view::npos)
      clean += path[i];
  }
  while (clean.starts_with(".")) clean.erase(0, 1);
  return clean;
}

// An attribute's kind by its key in the JSON.
constexpr std::pair<std::string_view, Kind> kSymbolic[] = {
    {"as_sym_int", Kind::kInt}, {"as_sym_float", Kind::kFloat}, {"as_sym_bool", Kind::kBool}};

}  // namespace

Value* ExportedGraphReader::Find(const std::string& name) const {
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope)
    if (const auto found = scope->values.find(name); found != scope->values.end()) return found->second;
  return nullptr;
}

Value* ExportedGraphReader::Define(const std::string& name, Kind kind, Node* node) {
  Scope& scope = scopes_.back();
  ir::Type type;
  if (const auto found = scope.types.find(name); found != scope.types.end()) type = found->second;
  Value* value = node ? scope.graph->AddOutput(node, name, kind, std::move(type)) : scope.graph->AddValue(name, kind, std::move(type));
  scope.values[name] = value;
  return value;
}

StatusOr<IValue> ExportedGraphReader::Tensor(const Json& json) {
  const Json* member = &json;  // torch 2.1 and 2.2: a bare name in lists of optional tensors
  if (!json.is_string()) {
    ASSIGN_OR_RETURN(member, Member(json, "name"));
  }
  ASSIGN_OR_RETURN(const std::string name, StringOf(*member));
  if (const Value* value = Find(name)) return IValue(value);
  return Corrupt(fmt::format("'{}' is read before it is defined", name));
}

StatusOr<IValue> ExportedGraphReader::Symbolic(const Json& json, Kind kind) {
  ASSIGN_OR_RETURN(const Union symbol, UnionOf(json));
  if (symbol.kind == "as_int") {
    ASSIGN_OR_RETURN(const int64_t value, IntOf(*symbol.value));
    return IValue(value);
  }
  if (symbol.kind == "as_float") {
    ASSIGN_OR_RETURN(const double value, DoubleOf(*symbol.value));
    return IValue(value);
  }
  if (symbol.kind == "as_bool") return IValue(symbol.value->is_boolean() && symbol.value->get<bool>());
  if (symbol.kind != "as_name") return Corrupt(fmt::format("a symbolic number is '{}'", symbol.kind));
  ASSIGN_OR_RETURN(const std::string name, StringOf(*symbol.value));
  if (const Value* value = Find(name)) return IValue(value);
  return Corrupt(fmt::format("'{}' is read before it is defined", name));
}

template <class F>
StatusOr<IValue> ExportedGraphReader::List(const Json& json, const F& one) {
  if (!json.is_array()) return Corrupt("a list is expected");
  IValue::List items;
  for (const Json& item : json) {
    ASSIGN_OR_RETURN(IValue value, one(item));
    items.push_back(std::move(value));
  }
  return IValue::MakeList(std::move(items));
}

StatusOr<IValue> ExportedGraphReader::Argument(const Json& json) {
  ASSIGN_OR_RETURN(const Union argument, UnionOf(json));
  const std::string_view kind = argument.kind;
  const Json& value = *argument.value;
  const auto integer = [](const Json& item) -> StatusOr<IValue> {
    ASSIGN_OR_RETURN(const int64_t number, IntOf(item));
    return IValue(number);
  };
  const auto real = [](const Json& item) -> StatusOr<IValue> {
    ASSIGN_OR_RETURN(const double number, DoubleOf(item));
    return IValue(number);
  };
  const auto text = [](const Json& item) -> StatusOr<IValue> {
    ASSIGN_OR_RETURN(std::string string, StringOf(item));
    return IValue(std::move(string));
  };
  const auto boolean = [](const Json& item) -> StatusOr<IValue> {
    if (!item.is_boolean()) return Corrupt("true or false is expected");
    return IValue(item.get<bool>());
  };
  const auto tensor = [this](const Json& item) { return Tensor(item); };
  const auto optional = [this](const Json& item) -> StatusOr<IValue> {
    if (MemberOrNull(item, "as_none")) return IValue();
    const Json* inner = MemberOrNull(item, "as_tensor");
    return Tensor(inner != nullptr ? *inner : item);
  };
  if (kind == "as_none") return IValue();
  if (kind == "as_tensor") return Tensor(value);
  if (kind == "as_tensors") return List(value, tensor);
  if (kind == "as_int" || kind == "as_memory_format" || kind == "as_layout") return integer(value);
  if (kind == "as_ints") return List(value, integer);
  if (kind == "as_float") return real(value);
  if (kind == "as_floats") return List(value, real);
  if (kind == "as_string" || kind == "as_operator") return text(value);
  if (kind == "as_strings") return List(value, text);
  if (kind == "as_bool") return boolean(value);
  if (kind == "as_bools") return List(value, boolean);
  if (kind == "as_scalar_type") {
    ASSIGN_OR_RETURN(const int64_t number, IntOf(value));
    return IValue(DataTypeOfExport(number));
  }
  if (kind == "as_device") {
    const Json* type = MemberOrNull(value, "type");
    return IValue(type && type->is_string() ? type->get<std::string>() : std::string("cpu"));
  }
  if (kind == "as_complex") {
    ASSIGN_OR_RETURN(const Json* re, Member(value, "real"));
    ASSIGN_OR_RETURN(const Json* im, Member(value, "imag"));
    ASSIGN_OR_RETURN(const double x, DoubleOf(*re));
    ASSIGN_OR_RETURN(const double y, DoubleOf(*im));
    return IValue(std::complex<double>(x, y));
  }
  for (const auto& [key, of] : kSymbolic) {
    const Kind number = of;
    if (kind == key) return Symbolic(value, number);
    if (kind == std::string(key) + "s") return List(value, [this, number](const Json& item) { return Symbolic(item, number); });
  }
  if (kind == "as_optional_tensor") return optional(value);
  if (kind == "as_optional_tensors") return List(value, optional);
  if (kind == "as_nested_tensors" || kind == "as_int_lists") {
    const bool ints = kind == "as_int_lists";
    return List(value, [&](const Json& item) { return ints ? List(item, integer) : List(item, tensor); });
  }
  if (kind == "as_string_to_argument") {
    if (!value.is_object()) return Corrupt("an object is expected");
    IValue::Dict dict;
    for (auto it = value.begin(); it != value.end(); ++it) {
      if (++depth_ > kMaxDepth) return Corrupt("arguments are nested too deep");
      ASSIGN_OR_RETURN(IValue item, Argument(*it));
      --depth_;
      dict.emplace_back(IValue(std::string(it.key())), std::move(item));
    }
    return IValue::MakeDict(std::move(dict));
  }
  if (kind == "as_graph") {
    ASSIGN_OR_RETURN(const Json* graph, Member(value, "graph"));
    ASSIGN_OR_RETURN(std::shared_ptr<Graph> read, Read(*graph));
    if (const Json* name = MemberOrNull(value, "name"); name && name->is_string()) read->name = name->get<std::string>();
    scopes_.pop_back();
    return IValue(std::shared_ptr<const Graph>(std::move(read)));
  }
  if (kind == "as_custom_obj" || kind == "as_opaque") return Unsupported("custom objects (torch.classes)");
  return Unsupported(fmt::format("an argument of the kind '{}'", kind));
}

Status ExportedGraphReader::ReadTypes(const Json& json, Scope& scope) {
  if (const Json* tensors = MemberOrNull(json, "tensor_values"); tensors && tensors->is_object())
    for (auto it = tensors->begin(); it != tensors->end(); ++it) {
      const Json* meta = MemberOrNull(*it, "meta");  // torch 2.1; later ones have no such level
      StatusOr<ir::Type> type = TypeOfMeta(meta ? *meta : *it);
      if (!type.ok()) return type.status().WithContext(fmt::format("tensor_values['{}']", it.key()));
      scope.types[it.key()] = *std::move(type);
    }
  return {};
}

Status ExportedGraphReader::ReadConstants(const Json& json) {
  const Json* constants = MemberOrNull(json, "constants");
  if (constants == nullptr || !constants->is_object()) return {};
  for (auto it = constants->begin(); it != constants->end(); ++it) {
    const auto read = [&]() -> Status {
      ASSIGN_OR_RETURN(const std::string text, StringOf(*it));
      std::string bytes;
      if (!ir::AppendDecodedBase64(text, &bytes)) return Corrupt("it is not base64");
      ASSIGN_OR_RETURN(const formats::TorchFile saved, formats::TorchFile::Open(Bytes::Own(std::move(bytes))));
      auto parameter = std::make_shared<Parameter>();
      parameter->name = it.key();
      ASSIGN_OR_RETURN(parameter->tensor, saved.ReadTensor(saved.root()));
      constants_.emplace_back(Define(it.key(), Kind::kTensor, nullptr), IValue(std::shared_ptr<const Parameter>(std::move(parameter))));
      return {};
    };
    if (const Status status = read(); !status.ok()) return status.WithContext(fmt::format("constants['{}']", it.key()));
  }
  return {};
}

Status ExportedGraphReader::ReadOutput(const Json& output, Node* node) {
  ASSIGN_OR_RETURN(const Union one, UnionOf(output));
  const auto named = [&](const Json& item, const char* key, Kind kind) -> Status {
    ASSIGN_OR_RETURN(const Json* member, Member(item, key));
    ASSIGN_OR_RETURN(const std::string name, StringOf(*member));
    Define(name, kind, node);
    return {};
  };
  if (one.kind == "as_tensor") return named(*one.value, "name", Kind::kTensor);
  if (one.kind == "as_tensors" || one.kind == "as_optional_tensors") {
    for (const Json& item : *one.value) {
      const Json* inner = MemberOrNull(item, "as_tensor");
      if (MemberOrNull(item, "as_none"))
        scopes_.back().graph->AddOutput(node, "", Kind::kOther);
      else
        RETURN_IF_ERROR(named(inner ? *inner : item, "name", Kind::kTensor));
    }
    return {};
  }
  if (one.kind == "as_optional_tensor") return ReadOutput(*one.value, node);
  for (const auto& [key, kind] : kSymbolic) {
    if (one.kind == std::string(key) + "s") {
      for (const Json& item : *one.value) RETURN_IF_ERROR(named(item, "as_name", kind));
      return {};
    }
    // A result that is known already has no name; nothing reads it.
    if (one.kind == key && MemberOrNull(*one.value, "as_name")) return named(*one.value, "as_name", kind);
  }
  scopes_.back().graph->AddOutput(node, "", Kind::kOther);
  return {};
}

Status ExportedGraphReader::ReadInputs(const Json& inputs, Node* node) {
  const Signature* signature = FindSignature(node->target);
  std::vector<IValue> positional;
  std::vector<std::pair<std::string, IValue>> named;
  for (const Json& input : inputs) {
    ASSIGN_OR_RETURN(const Json* argument, Member(input, "arg"));
    ASSIGN_OR_RETURN(IValue value, Argument(*argument));
    const Json* name = MemberOrNull(input, "name");
    const std::string key = name && name->is_string() ? name->get<std::string>() : "";
    if (signature != nullptr && signature->Find(key) >= 0)
      named.emplace_back(key, std::move(value));
    else
      positional.push_back(std::move(value));
  }
  if (signature == nullptr) {
    node->inputs = std::move(positional);
    return {};
  }
  ASSIGN_OR_RETURN(node->inputs, BindArguments(*signature, std::move(positional), std::move(named)));
  return {};
}

Status ExportedGraphReader::ReadNode(const Json& json) {
  ASSIGN_OR_RETURN(const Json* target, Member(json, "target"));
  ASSIGN_OR_RETURN(std::string name, StringOf(*target));
  auto made = std::make_unique<Node>();
  Node* node = made.get();
  node->target = TargetOf(std::move(name));
  if (const Json* metadata = MemberOrNull(json, "metadata")) node->module_path = ModulePath(*metadata);
  if (const Json* own = MemberOrNull(json, "name"); own && own->is_string()) node->name = own->get<std::string>();
  const auto read = [&]() -> Status {
    ASSIGN_OR_RETURN(const Json* inputs, ListMember(json, "inputs"));
    RETURN_IF_ERROR(ReadInputs(*inputs, node));
    ASSIGN_OR_RETURN(const Json* outputs, ListMember(json, "outputs"));
    for (const Json& output : *outputs) RETURN_IF_ERROR(ReadOutput(output, node));
    return {};
  };
  if (const Status status = read(); !status.ok()) return status.WithContext(fmt::format("node '{}' ({})", node->name, node->target));
  if (node->name.empty() && !node->outputs.empty()) node->name = node->outputs[0]->name;
  scopes_.back().graph->nodes.push_back(std::move(made));
  return {};
}

StatusOr<std::shared_ptr<Graph>> ExportedGraphReader::Read(const Json& json) {
  if (++depth_ > kMaxDepth) return Corrupt("graphs are nested too deep");
  auto graph = std::make_shared<Graph>();
  scopes_.push_back({graph.get(), {}, {}});
  RETURN_IF_ERROR(ReadTypes(json, scopes_.back()));
  RETURN_IF_ERROR(ReadConstants(json));
  ASSIGN_OR_RETURN(const Json* inputs, ListMember(json, "inputs"));
  for (const Json& input : *inputs) {
    ASSIGN_OR_RETURN(const Union one, UnionOf(input));
    Value* value = nullptr;
    if (one.kind == "as_tensor") {
      ASSIGN_OR_RETURN(const Json* member, Member(*one.value, "name"));
      ASSIGN_OR_RETURN(const std::string name, StringOf(*member));
      value = Define(name, Kind::kTensor, nullptr);
    } else if (const Json* name = MemberOrNull(*one.value, "as_name"); name && name->is_string()) {
      Kind kind = Kind::kOther;
      for (const auto& [key, of] : kSymbolic)
        if (one.kind == key) kind = of;
      value = Define(name->get<std::string>(), kind, nullptr);
    } else if (const Json* custom = MemberOrNull(*one.value, "name"); custom && custom->is_string()) {
      value = Define(custom->get<std::string>(), Kind::kOther, nullptr);
    } else {
      value = graph->AddValue("", Kind::kOther);  // a constant, which the signature repeats
    }
    graph->inputs.push_back(value);
  }
  ASSIGN_OR_RETURN(const Json* nodes, ListMember(json, "nodes"));
  for (const Json& node : *nodes) RETURN_IF_ERROR(ReadNode(node));
  ASSIGN_OR_RETURN(const Json* outputs, ListMember(json, "outputs"));
  for (const Json& output : *outputs) {
    ASSIGN_OR_RETURN(IValue value, Argument(output));
    graph->outputs.push_back(std::move(value));
  }
  --depth_;
  return graph;
}

}  // namespace sardonyx::pytorch
