#include "providers/openvino/ov_library.h"

#include <dlfcn.h>

#include <cstdlib>

#include <fmt/format.h>

namespace sardonyx::openvino {
namespace {

struct OvVersion {  // ov_version_t
  const char* build_number;
  const char* description;
};

}  // namespace

StatusOr<std::shared_ptr<const OvLibrary>> OvLibrary::Load(const std::string& path) {
  const char* from_environment = std::getenv("SARDONYX_OPENVINO");
  const std::string name = !path.empty() ? path : from_environment ? from_environment : "libopenvino_c.so";
  void* const handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return Unsupported(fmt::format(
        "OpenVINO cannot be loaded: {}; name its libopenvino_c.so (openvino=PATH, or $SARDONYX_OPENVINO), or run tools/peers.sh",
        dlerror()));
  std::shared_ptr<OvLibrary> library(new OvLibrary);
  std::string missing;
  const auto find = [&](const char* function, auto& pointer, bool needed = true) {
    pointer = reinterpret_cast<std::remove_reference_t<decltype(pointer)>>(dlsym(handle, function));
    if (!pointer && needed) missing = function;
  };
  find("ov_core_create", library->core_create);
  find("ov_core_free", library->core_free);
  find("ov_core_read_model", library->core_read_model);
  find("ov_model_free", library->model_free);
  find("ov_core_compile_model", library->core_compile_model);
  find("ov_compiled_model_free", library->compiled_model_free);
  find("ov_compiled_model_inputs_size", library->compiled_model_inputs_size);
  find("ov_compiled_model_outputs_size", library->compiled_model_outputs_size);
  find("ov_compiled_model_create_infer_request", library->compiled_model_create_infer_request);
  find("ov_infer_request_free", library->infer_request_free);
  find("ov_infer_request_get_tensor", library->infer_request_get_tensor);
  find("ov_infer_request_get_output_tensor_by_index", library->infer_request_get_output_tensor_by_index);
  find("ov_infer_request_infer", library->infer_request_infer);
  find("ov_tensor_set_shape", library->tensor_set_shape);
  find("ov_tensor_get_shape", library->tensor_get_shape);
  find("ov_tensor_get_byte_size", library->tensor_get_byte_size);
  find("ov_tensor_data", library->tensor_data);
  find("ov_tensor_set_string_data", library->tensor_set_string_data, false);
  find("ov_tensor_free", library->tensor_free);
  find("ov_shape_free", library->shape_free);
  find("ov_get_last_err_msg", library->get_last_err_msg);
  int (*get_version)(OvVersion*) = nullptr;
  void (*free_version)(OvVersion*) = nullptr;
  find("ov_get_openvino_version", get_version);
  find("ov_version_free", free_version);
  if (!missing.empty()) return Unsupported(fmt::format("{} is not OpenVINO's C library, or too old: it has no {}", name, missing));
  OvVersion version{};
  if (get_version(&version) == 0) {
    library->version_ = version.build_number ? version.build_number : "";
    library->version_ = library->version_.substr(0, library->version_.find('-'));  // without the build's number and branch
    free_version(&version);
  }
  return std::shared_ptr<const OvLibrary>(std::move(library));
}

Status OvLibrary::Check(int code, const char* what) const {
  if (code == 0) return {};
  const char* message = get_last_err_msg();
  return Unsupported(fmt::format("OpenVINO: {}: {}", what, message && *message ? message : fmt::format("code {}", code)));
}

}  // namespace sardonyx::openvino
