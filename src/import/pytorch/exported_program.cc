#include "import/pytorch/exported_program.h"

#include <unordered_map>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "import/pytorch/exported_graph.h"

namespace sardonyx::pytorch {
namespace {

// The first entry that lies at or below `folder` ("models/", wherever that is) and ends so.
const std::string* FindEntry(const formats::TorchArchive& archive, std::string_view folder, std::string_view ending) {
  for (const std::string& name : archive.names()) {
    const size_t at = name.find(folder);
    if (at != std::string::npos && (at == 0 || name[at - 1] == '/') && name.ends_with(ending)) return &name;
  }
  return nullptr;
}

using Parameters = std::unordered_map<std::string, std::shared_ptr<const Parameter>>;

// data/weights/NAME_weights_config.json or data/constants/NAME_constants_config.json, and the raw files beside it.
Status ReadConfig(const formats::TorchArchive& archive, const std::string& path, Parameters& parameters) {
  ASSIGN_OR_RETURN(const Bytes text, archive.Read(path));
  ASSIGN_OR_RETURN(const Json json, formats::ParseJson(text.view()));
  ASSIGN_OR_RETURN(const Json* config, ObjectMember(json, "config"));
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  std::unordered_map<std::string, std::shared_ptr<const formats::TorchStorage>> files;
  for (auto it = config->begin(); it != config->end(); ++it) {
    const auto read = [&]() -> Status {
      ASSIGN_OR_RETURN(const Json* member, Member(*it, "path_name"));
      ASSIGN_OR_RETURN(const std::string file, StringOf(*member));
      if (file.starts_with("custom_obj") || file.starts_with("opaque_obj")) return {};  // missed where it is used
      std::shared_ptr<const formats::TorchStorage>& storage = files[file];
      if (storage == nullptr) {
        ASSIGN_OR_RETURN(Bytes bytes, archive.Read(folder + file));
        storage = std::make_shared<formats::TorchStorage>(formats::TorchStorage{std::move(bytes)});
      }
      auto parameter = std::make_shared<Parameter>();
      const Json* pickled = MemberOrNull(*it, "use_pickle");
      if (pickled && pickled->is_boolean() && pickled->get<bool>()) {
        ASSIGN_OR_RETURN(const formats::TorchFile saved, formats::TorchFile::Open(storage->bytes));
        ASSIGN_OR_RETURN(parameter->tensor, saved.ReadTensor(saved.root()));
      } else {
        ASSIGN_OR_RETURN(const Json* meta, Member(*it, "tensor_meta"));
        ASSIGN_OR_RETURN(parameter->tensor, TensorOfMeta(*meta, storage));
      }
      parameter->name = it.key();
      parameters[it.key()] = std::move(parameter);
      return {};
    };
    if (const Status status = read(); !status.ok()) return status.WithContext(fmt::format("{}: '{}'", path, it.key()));
  }
  return {};
}

// A torch.save archive of a dict of tensors.
Status ReadPickled(const formats::TorchArchive& archive, const std::string& path, Parameters& parameters) {
  ASSIGN_OR_RETURN(const Bytes bytes, archive.Read(path));
  if (formats::DetectTorchFile(bytes) == formats::TorchFileKind::kNone) return {};  // empty, or no tensors
  StatusOr<formats::TorchFile> saved = formats::TorchFile::Open(bytes);
  if (!saved.ok()) return saved.status().WithContext(path);
  StatusOr<std::vector<std::pair<std::string, formats::TorchTensor>>> read = formats::ReadStateDict(*saved, saved->root());
  if (!read.ok()) return read.status().WithContext(path);
  for (auto& [name, tensor] : *read) {
    auto parameter = std::make_shared<Parameter>();
    parameter->name = name;
    parameter->tensor = std::move(tensor);
    parameters[name] = std::move(parameter);
  }
  return {};
}

// What one input of the graph is, by its spec.
Status BindInput(const Json& spec, Value* value, const FindParameter& find, ExportedGraphReader& reader, Program& program) {
  ASSIGN_OR_RETURN(const Union input, UnionOf(spec));
  const Json& body = *input.value;
  if (input.kind == "user_input") {
    ASSIGN_OR_RETURN(const Json* arg, Member(body, "arg"));
    ASSIGN_OR_RETURN(IValue given, reader.Argument(*arg));
    if (given.is_variable())
      program.inputs.push_back({value, value->name});
    else
      program.bound.emplace_back(value, std::move(given));
    return {};
  }
  if (input.kind == "constant_input") {
    ASSIGN_OR_RETURN(const Json* constant, Member(body, "value"));
    ASSIGN_OR_RETURN(IValue given, reader.Argument(*constant));
    program.bound.emplace_back(value, std::move(given));
    return {};
  }
  constexpr std::pair<std::string_view, const char*> kNames[] = {
      {"parameter", "parameter_name"}, {"buffer", "buffer_name"}, {"tensor_constant", "tensor_constant_name"}};
  for (const auto& [kind, key] : kNames) {
    if (input.kind != kind) continue;
    ASSIGN_OR_RETURN(const Json* member, Member(body, key));
    ASSIGN_OR_RETURN(const std::string name, StringOf(*member));
    ASSIGN_OR_RETURN(std::shared_ptr<const Parameter> parameter, find(name));
    if (parameter == nullptr) return Corrupt(fmt::format("the archive has no tensor for {} '{}'", kind, name));
    if (kind == "buffer") program.buffers.emplace_back(value, name);
    program.bound.emplace_back(value, IValue(std::move(parameter)));
    return {};
  }
  program.bound.emplace_back(value, IValue());  // a token or an object: missed where it is used
  return {};
}

Status ReadOutputs(const Json& specs, const Graph& graph, Program& program) {
  if (specs.size() != graph.outputs.size())
    return Corrupt(fmt::format("{} output specs for {} outputs", specs.size(), graph.outputs.size()));
  std::vector<Program::Output> mutated;
  for (size_t i = 0; i < graph.outputs.size(); ++i) {
    ASSIGN_OR_RETURN(const Union spec, UnionOf(specs[i]));
    const IValue& value = graph.outputs[i];
    if (spec.kind == "user_output" || spec.kind == "loss_output") {
      if (value.is_none() || value.is_string()) continue;
      program.outputs.push_back({value, fmt::format("output_{}", program.outputs.size())});
    } else if (spec.kind == "buffer_mutation" || spec.kind == "user_input_mutation" || spec.kind == "parameter_mutation") {
      const char* key = spec.kind == "buffer_mutation"      ? "buffer_name"
                        : spec.kind == "parameter_mutation" ? "parameter_name"
                                                            : "user_input_name";
      ASSIGN_OR_RETURN(const Json* member, Member(*spec.value, key));
      ASSIGN_OR_RETURN(const std::string name, StringOf(*member));
      mutated.push_back({value, name + "_updated"});
    }
  }
  for (Program::Output& output : mutated) program.outputs.push_back(std::move(output));
  return {};
}

// torch 2.1: which inputs are parameters and buffers, as maps from the graph's names.
Status BindOldInputs(const Json& signature, const FindParameter& find, Program& program) {
  for (Value* value : program.graph->inputs) {
    const auto named = [&](const char* key) -> std::string {
      const Json* map = MemberOrNull(signature, key);
      const Json* name = map ? MemberOrNull(*map, value->name.c_str()) : nullptr;
      return name && name->is_string() ? name->get<std::string>() : "";
    };
    const std::string parameter = named("inputs_to_parameters"), buffer = named("inputs_to_buffers");
    if (parameter.empty() && buffer.empty()) {
      program.inputs.push_back({value, value->name});
      continue;
    }
    ASSIGN_OR_RETURN(std::shared_ptr<const Parameter> tensor, find(parameter.empty() ? buffer : parameter));
    if (tensor == nullptr) return Corrupt(fmt::format("the archive has no tensor '{}'", parameter.empty() ? buffer : parameter));
    if (!buffer.empty()) program.buffers.emplace_back(value, buffer);
    program.bound.emplace_back(value, IValue(std::move(tensor)));
  }
  const Json* mutated = MemberOrNull(signature, "buffers_to_mutate");
  std::vector<Program::Output> later;
  for (const IValue& output : program.graph->outputs) {
    const Json* buffer = mutated && output.is_variable() ? MemberOrNull(*mutated, output.variable()->name.c_str()) : nullptr;
    if (buffer && buffer->is_string())
      later.push_back({output, buffer->get<std::string>() + "_updated"});
    else if (!output.is_none())
      program.outputs.push_back({output, fmt::format("output_{}", program.outputs.size())});
  }
  for (Program::Output& output : later) program.outputs.push_back(std::move(output));
  return {};
}

void ReadRanges(const Json& json, Program& program) {
  const Json* ranges = MemberOrNull(json, "range_constraints");
  if (ranges == nullptr || !ranges->is_object()) return;
  for (auto it = ranges->begin(); it != ranges->end(); ++it) {
    const Json *low = MemberOrNull(*it, "min_val"), *high = MemberOrNull(*it, "max_val");
    const auto bound = [](const Json* value, const char* open) {
      return value && value->is_number_integer() ? std::to_string(value->get<int64_t>()) : open;
    };
    program.metadata.emplace_back("torch.range." + it.key(), fmt::format("{}..{}", bound(low, ""), bound(high, "")));
  }
}

}  // namespace

StatusOr<Program> ReadExportedJson(std::string_view text, const FindParameter& find) {
  ASSIGN_OR_RETURN(const Json json, formats::ParseJson(text, {.non_finite = true}));  // up to torch 2.4 floats stand as Python writes them
  ASSIGN_OR_RETURN(const Json* module, Member(json, "graph_module"));
  ASSIGN_OR_RETURN(const Json* graph_json, Member(*module, "graph"));
  ASSIGN_OR_RETURN(const Json* signature, Member(*module, "signature"));
  Program program;
  program.format = "PyTorch exported program (.pt2)";
  if (const Json* version = MemberOrNull(json, "torch_version"); version && version->is_string())
    program.version = version->get<std::string>();
  ExportedGraphReader reader;
  ASSIGN_OR_RETURN(program.graph, reader.Read(*graph_json));
  program.bound = reader.constants();
  ReadRanges(json, program);
  if (MemberOrNull(*signature, "input_specs") == nullptr) {
    RETURN_IF_ERROR(BindOldInputs(*signature, find, program));
    return program;
  }
  ASSIGN_OR_RETURN(const Json* inputs, ListMember(*signature, "input_specs"));
  if (inputs->size() != program.graph->inputs.size())
    return Corrupt(fmt::format("{} input specs for {} inputs", inputs->size(), program.graph->inputs.size()));
  for (size_t i = 0; i < inputs->size(); ++i) {
    Value* value = program.graph->inputs[i];
    if (const Status status = BindInput((*inputs)[i], value, find, reader, program); !status.ok())
      return status.WithContext(fmt::format("input '{}'", value->name));
  }
  ASSIGN_OR_RETURN(const Json* outputs, ListMember(*signature, "output_specs"));
  RETURN_IF_ERROR(ReadOutputs(*outputs, *program.graph, program));
  return program;
}

StatusOr<Program> ReadExportedProgram(const Bytes& bytes) {
  ASSIGN_OR_RETURN(const formats::TorchArchive archive, formats::TorchArchive::Open(bytes));
  const std::string* model = FindEntry(archive, "serialized_exported_program.json", "");
  if (model == nullptr) model = FindEntry(archive, "models/", ".json");
  if (model == nullptr)
    return Unsupported(FindEntry(archive, "data/aotinductor/", "")
                           ? "the archive holds compiled code (AOTInductor) and no graph: save the program with torch.export.save"
                           : "the archive holds no exported program (models/*.json)");
  Parameters parameters;
  for (const std::string& name : archive.names()) {
    if (name.ends_with("_weights_config.json") || name.ends_with("_constants_config.json") || name.ends_with("_param_config.json"))
      RETURN_IF_ERROR(ReadConfig(archive, name, parameters));
    const bool payload = name.find("data/weights/") != std::string::npos || name.find("data/constants/") != std::string::npos;
    // Up to torch 2.7 all tensors lie in files of torch.save, whatever their names end with.
    const bool old = name.find("serialized_") != std::string::npos && name.find("serialized_exported_program") == std::string::npos &&
                     name.find("example_inputs") == std::string::npos;
    if (old || (payload && name.ends_with(".pt"))) RETURN_IF_ERROR(ReadPickled(archive, name, parameters));
  }
  ASSIGN_OR_RETURN(const Bytes text, archive.Read(*model));
  const FindParameter find = [&](const std::string& name) -> StatusOr<std::shared_ptr<const Parameter>> {
    const auto found = parameters.find(name);
    return found == parameters.end() ? nullptr : found->second;
  };
  return ReadExportedJson(text.view(), find).WithContext(*model);
}

}  // namespace sardonyx::pytorch
