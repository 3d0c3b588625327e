#include "import/pytorch/torchscript/archive.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "import/pytorch/torchscript/parser.h"

namespace sardonyx::pytorch {
namespace {

constexpr uint64_t kMaxSourceBytes = uint64_t{1} << 28;

// Besides tensors and containers TorchScript's pickles name the archive's own classes, and functions that only say a type.
bool AllowsScriptGlobal(std::string_view module, std::string_view name) {
  if (module.starts_with("__torch__") || module == "torch.jit._pickle") return true;
  return formats::AllowsTorchSaveGlobal(module, name);
}

}  // namespace

StatusOr<std::unique_ptr<ScriptArchive>> ScriptArchive::Open(const Bytes& bytes) {
  auto made = std::make_unique<ScriptArchive>();
  ASSIGN_OR_RETURN(made->archive_, formats::TorchArchive::Open(bytes));
  const formats::TorchArchive& archive = *made->archive_;
  if (!archive.Has("data.pkl")) {
    return Unsupported(archive.Has("model.json") ? "a TorchScript archive of PyTorch 1.2 or older, which describes its modules in "
                                                   "model.json; load and save it with a newer PyTorch"
                                                 : "a TorchScript archive without data.pkl");
  }
  const formats::PickleOptions options{.allows = AllowsScriptGlobal};
  ASSIGN_OR_RETURN(made->module_,
                   archive.Load("data.pkl", archive.Has("data/0") || !archive.Has("tensors/0") ? "data/" : "tensors/", options));
  if (archive.Has("constants.pkl")) {
    ASSIGN_OR_RETURN(made->constants_, archive.Load("constants.pkl", "constants/", options));
  }
  if (archive.Has("traced_inputs.pkl")) {
    ASSIGN_OR_RETURN(made->traced_inputs_, archive.Load("traced_inputs.pkl", "traced_inputs/", options));
  }
  const auto& names = archive.names();
  if (std::none_of(names.begin(), names.end(), [](const std::string& name) { return name.starts_with("code/") && name.ends_with(".py"); }))
    return Unsupported("a TorchScript archive without code/, as for mobile with bytecode only; export it again with torch.jit.save");
  return made;
}

StatusOr<const SourceFile*> ScriptArchive::File(std::string_view module) {
  const auto known = files_.find(std::string(module));
  if (known != files_.end()) return static_cast<const SourceFile*>(known->second.get());
  std::string path = "code/" + std::string(module);
  std::replace(path.begin(), path.end(), '.', '/');
  path += ".py";
  std::unique_ptr<SourceFile> file;
  if (archive_->Has(path)) {
    ASSIGN_OR_RETURN(const Bytes source, archive_->Read(path));
    source_bytes_ += source.size();
    if (source_bytes_ > kMaxSourceBytes) return Resource("the archive's code is more than 256 MiB");
    ASSIGN_OR_RETURN(file, ParseSource(source.view(), module).WithContext(path));
  }
  const SourceFile* found = file.get();
  files_.emplace(module, std::move(file));
  return found;
}

StatusOr<const ClassDef*> ScriptArchive::FindClass(std::string_view qualified_name) {
  const size_t dot = qualified_name.rfind('.');
  if (dot == std::string_view::npos) return static_cast<const ClassDef*>(nullptr);
  ASSIGN_OR_RETURN(const SourceFile* file, File(qualified_name.substr(0, dot)));
  if (file == nullptr) return static_cast<const ClassDef*>(nullptr);
  for (const auto& one : file->classes) {
    if (one->qualified_name == qualified_name) return static_cast<const ClassDef*>(one.get());
  }
  return static_cast<const ClassDef*>(nullptr);
}

StatusOr<const FunctionDef*> ScriptArchive::FindFunction(std::string_view qualified_name) {
  const size_t dot = qualified_name.rfind('.');
  if (dot == std::string_view::npos) return static_cast<const FunctionDef*>(nullptr);
  ASSIGN_OR_RETURN(const SourceFile* file, File(qualified_name.substr(0, dot)));
  if (file == nullptr) return static_cast<const FunctionDef*>(nullptr);
  for (const auto& one : file->functions) {
    if (one->name == qualified_name.substr(dot + 1)) return static_cast<const FunctionDef*>(one.get());
  }
  return static_cast<const FunctionDef*>(nullptr);
}

}  // namespace sardonyx::pytorch
