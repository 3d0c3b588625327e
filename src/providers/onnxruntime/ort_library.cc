#include "providers/onnxruntime/ort_library.h"

#include <dlfcn.h>

#include <cstdint>
#include <cstdlib>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::onnxruntime {
namespace {

struct OrtApiBase {
  void* const* (*get_api)(uint32_t version);
  const char* (*get_version)();
};

// The oldest table that has all entries above; every later library still gives it.
constexpr uint32_t kApiVersion = 11;
constexpr int kLogErrorsOnly = 3;

}  // namespace

StatusOr<std::shared_ptr<const OrtLibrary>> OrtLibrary::Load(const std::string& path) {
  const char* from_environment = std::getenv("SARDONYX_ONNXRUNTIME");
  const std::string name = !path.empty() ? path : from_environment ? from_environment : "libonnxruntime.so";
  std::shared_ptr<OrtLibrary> library(new OrtLibrary);
  library->library_ = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library->library_)
    return Unsupported(fmt::format(
        "ONNX Runtime cannot be loaded: {}; name its library (onnxruntime=PATH, or $SARDONYX_ONNXRUNTIME), or run tools/peers.sh",
        dlerror()));
  const auto get_base = reinterpret_cast<const OrtApiBase* (*)()>(dlsym(library->library_, "OrtGetApiBase"));
  if (!get_base) return Unsupported(fmt::format("{} is not ONNX Runtime: it has no OrtGetApiBase", name));
  const OrtApiBase* base = get_base();
  library->version_ = base->get_version();
  library->table_ = base->get_api(kApiVersion);
  if (!library->table_) return Unsupported(fmt::format("{} is ONNX Runtime {}, which is too old", name, library->version_));
  RETURN_IF_ERROR(library->Call(Entry::kCreateEnv, kLogErrorsOnly, static_cast<const char*>("sardonyx"), &library->env_));
  return std::shared_ptr<const OrtLibrary>(std::move(library));
}

// The library itself stays: its threads and static objects do not survive being unloaded.
OrtLibrary::~OrtLibrary() {
  if (env_) Release(Entry::kReleaseEnv, env_);
}

Status OrtLibrary::ToStatus(Handle error) const {
  if (!error) return {};
  const auto message = reinterpret_cast<const char* (*)(Handle)>(Function(Entry::kGetErrorMessage));
  Status status = Unsupported(fmt::format("ONNX Runtime: {}", message(error)));
  Release(Entry::kReleaseStatus, error);
  return status;
}

}  // namespace sardonyx::onnxruntime
