#include "import/pytorch/checkpoint.h"

#include <fmt/format.h>

#include "base/status_macros.h"
#include "formats/safetensors.h"
#include "formats/torch_save.h"
#include "import/pytorch/arch/architectures.h"

namespace sardonyx::pytorch {
namespace {

using formats::PickleValue;
using formats::TorchFile;

constexpr int kMaxDepth = 64;  // of modules in modules

// Where training scripts keep the weights, the best first: averaged ones are what is meant for use.
constexpr std::string_view kKeys[] = {"ema",        "model_ema", "state_dict_ema", "ema_state_dict", "state_dict", "model_state_dict",
                                      "model_state", "model",     "net",            "network",        "weights",    "params"};

void AddTensor(std::string name, formats::TorchTensor tensor, arch::StateDict* weights) {
  arch::StateDict::Entry entry{tensor.dtype, tensor.sizes, nullptr};
  entry.load = [tensor = std::move(tensor)] { return tensor.Dense(); };
  weights->Add(std::move(name), std::move(entry));
}

// A pickled nn.Module: its state has the dicts _parameters, _buffers and _modules.
Status AddModule(const TorchFile& file, const PickleValue& module, const std::string& prefix, int depth, arch::StateDict* weights) {
  if (depth > kMaxDepth) return Corrupt(fmt::format("modules are nested more than {} deep", kMaxDepth));
  if (module.state == nullptr || !module.state->is_mapping()) return {};
  for (const char* kind : {"_parameters", "_buffers"}) {
    const PickleValue* values = module.state->Get(kind);
    if (values == nullptr || !values->is_mapping()) continue;
    for (size_t i = 0; i + 1 < values->entries.size(); i += 2) {
      if (!values->entries[i]->is(formats::PickleKind::kString) || !TorchFile::IsTensor(*values->entries[i + 1])) continue;
      ASSIGN_OR_RETURN(formats::TorchTensor tensor, file.ReadTensor(*values->entries[i + 1]));
      AddTensor(prefix + std::string(values->entries[i]->text), std::move(tensor), weights);
    }
  }
  const PickleValue* children = module.state->Get("_modules");
  if (children == nullptr || !children->is_mapping()) return {};
  for (size_t i = 0; i + 1 < children->entries.size(); i += 2)
    if (children->entries[i]->is(formats::PickleKind::kString))
      RETURN_IF_ERROR(AddModule(file, *children->entries[i + 1], prefix + std::string(children->entries[i]->text) + ".", depth + 1, weights));
  return {};
}

Status AddObject(const TorchFile& file, const PickleValue& value, int depth, arch::StateDict* weights) {
  if (depth > kMaxDepth) return {};
  if (value.is(formats::PickleKind::kCall) && value.state != nullptr && value.state->is_mapping() && value.state->Get("_modules"))
    return AddModule(file, value, "", 0, weights);
  if (!value.is_mapping()) return {};
  ASSIGN_OR_RETURN(auto tensors, formats::ReadStateDict(file, value));
  // A dict of weights has little else; a training checkpoint at most a tensor or two beside its dicts.
  const bool nested = [&] {
    for (const std::string_view key : kKeys)
      if (const PickleValue* inner = value.Get(key)) return !TorchFile::IsTensor(*inner);
    return false;
  }();
  if (!nested || tensors.size() * 4 > value.entries.size()) {
    for (auto& [name, tensor] : tensors) AddTensor(name, std::move(tensor), weights);
    if (!weights->entries().empty()) return {};
  }
  for (const std::string_view key : kKeys) {
    const PickleValue* inner = value.Get(key);
    if (inner == nullptr) continue;
    RETURN_IF_ERROR(AddObject(file, *inner, depth + 1, weights));
    if (!weights->entries().empty()) return {};
  }
  return {};
}

}  // namespace

StatusOr<arch::StateDict> ReadTorchCheckpoint(const Bytes& bytes) {
  ASSIGN_OR_RETURN(const TorchFile file, TorchFile::Open(bytes));
  arch::StateDict weights;
  RETURN_IF_ERROR(AddObject(file, file.root(), 0, &weights));
  if (weights.entries().empty()) return Unsupported(fmt::format("there are no named weights in it: its content is a {}", file.root().Describe()));
  weights.StripPrefixes();
  return weights;
}

bool IsSafeTensorsCheckpoint(const std::filesystem::path& path, const Bytes& bytes) {
  return formats::IsSafeTensors(bytes) || path.string().ends_with(".safetensors.index.json");
}

StatusOr<arch::StateDict> ReadSafeTensorsCheckpoint(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(formats::SafeTensors file, formats::LoadSafeTensors(path));
  arch::StateDict weights;
  for (auto& [name, tensor] : file.tensors) {
    arch::StateDict::Entry entry{tensor.dtype(), {tensor.dims().begin(), tensor.dims().end()}, nullptr};
    entry.load = [tensor = std::move(tensor)]() -> StatusOr<Tensor> { return tensor; };
    weights.Add(name, std::move(entry));
  }
  weights.StripPrefixes();
  return weights;
}

StatusOr<import::Imported> ImportCheckpoint(const arch::StateDict& weights, std::string format, const import::ImportOptions& options) {
  import::Imported imported;
  ASSIGN_OR_RETURN(imported.model, arch::BuildArchitecture(weights, options, &imported.report));
  imported.report.format = std::move(format);
  imported.model->producer_name = "sardonyx";
  imported.model->metadata.emplace_back("source.format", imported.report.format);
  imported.model->metadata.emplace_back("source.architecture", arch::RecognizeFamily(weights));
  return imported;
}

}  // namespace sardonyx::pytorch
