// The OpenVINO library, loaded at run time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "sardonyx/status.h"

namespace sardonyx::openvino {

using Handle = void*;

struct OvShape {  // ov_shape_t
  int64_t rank;
  int64_t* dims;
};

class OvLibrary {
 public:
  // `path` names libopenvino_c.so; empty: $SARDONYX_OPENVINO, else the system's. kUnsupported, with what to do, when there is none.
  static StatusOr<std::shared_ptr<const OvLibrary>> Load(const std::string& path = "");

  const std::string& version() const { return version_; }

  // The C interface (openvino/c/*.h). All that give int give 0 on success.
  int (*core_create)(Handle* core);
  void (*core_free)(Handle core);
  int (*core_read_model)(Handle core, const char* model, const char* weights, Handle* out);
  void (*model_free)(Handle model);
  int (*core_compile_model)(Handle core, Handle model, const char* device, size_t property_arguments, Handle* out, ...);
  void (*compiled_model_free)(Handle model);
  int (*compiled_model_inputs_size)(Handle model, size_t* count);
  int (*compiled_model_outputs_size)(Handle model, size_t* count);
  int (*compiled_model_create_infer_request)(Handle model, Handle* request);
  void (*infer_request_free)(Handle request);
  int (*infer_request_get_tensor)(Handle request, const char* name, Handle* tensor);
  int (*infer_request_get_output_tensor_by_index)(Handle request, size_t i, Handle* tensor);
  int (*infer_request_infer)(Handle request);
  int (*tensor_set_shape)(Handle tensor, OvShape shape);
  int (*tensor_get_shape)(Handle tensor, OvShape* shape);
  int (*tensor_get_byte_size)(Handle tensor, size_t* bytes);
  int (*tensor_data)(Handle tensor, void** data);
  int (*tensor_set_string_data)(Handle tensor, const char** strings, size_t count);  // null where the version has no strings
  void (*tensor_free)(Handle tensor);
  int (*shape_free)(OvShape* shape);
  const char* (*get_last_err_msg)();

  // kUnsupported with OpenVINO's own words for a code other than 0.
  Status Check(int code, const char* what) const;

 private:
  OvLibrary() = default;
  std::string version_;
};

}  // namespace sardonyx::openvino
