#include "providers/openvino/ov_session.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::openvino {

StatusOr<std::shared_ptr<const OvSession>> OvSession::Create(std::shared_ptr<const OvLibrary> library, const std::filesystem::path& model,
                                                             const OvOptions& options) {
  std::unique_ptr<OvSession> session(new OvSession(std::move(library)));
  const OvLibrary& ov = *session->library_;
  RETURN_IF_ERROR(ov.Check(ov.core_create(&session->core_), "core"));
  Handle read = nullptr;
  RETURN_IF_ERROR(ov.Check(ov.core_read_model(session->core_, model.c_str(), nullptr, &read), "reading the model"));
  // Properties go in as pairs of strings; the count is that of the strings.
  const std::string threads = std::to_string(options.threads), streams = std::to_string(std::max(1, options.streams));
  const char* precision = options.exact ? "f32" : "";
  const char* hint = options.streams > 1 ? "THROUGHPUT" : "LATENCY";
  int code = 0;
  if (options.threads > 0)
    code = ov.core_compile_model(session->core_, read, "CPU", 8, &session->model_, "PERFORMANCE_HINT", hint, "INFERENCE_NUM_THREADS",
                                 threads.c_str(), "INFERENCE_PRECISION_HINT", precision, "NUM_STREAMS", streams.c_str());
  else
    code = ov.core_compile_model(session->core_, read, "CPU", 4, &session->model_, "PERFORMANCE_HINT", hint, "INFERENCE_PRECISION_HINT",
                                 precision);
  const Status compiled = ov.Check(code, "compiling the model");
  ov.model_free(read);
  RETURN_IF_ERROR(compiled);
  RETURN_IF_ERROR(ov.Check(ov.compiled_model_outputs_size(session->model_, &session->num_outputs_), "outputs"));
  return std::shared_ptr<const OvSession>(std::move(session));
}

OvSession::~OvSession() {
  if (model_) library_->compiled_model_free(model_);
  if (core_) library_->core_free(core_);
}

StatusOr<std::unique_ptr<OvRequest>> OvRequest::Create(std::shared_ptr<const OvSession> session) {
  std::unique_ptr<OvRequest> request(new OvRequest(std::move(session)));
  const OvLibrary& ov = request->library_;
  RETURN_IF_ERROR(ov.Check(ov.compiled_model_create_infer_request(request->session_->model_, &request->request_), "request"));
  return request;
}

OvRequest::~OvRequest() {
  if (request_) library_.infer_request_free(request_);
}

Status OvRequest::Bind(const std::vector<std::pair<std::string, Value>>& inputs) {
  const OvLibrary& ov = library_;
  for (const auto& input : inputs) {
    const std::string& name = input.first;
    const Value& value = input.second;
    if (!value.is_tensor())
      return Unsupported(fmt::format("input '{}' is {}; only tensors are handed to OpenVINO", name, value.TypeString()));
    const Tensor& tensor = value.tensor();
    Handle to = nullptr;
    RETURN_IF_ERROR(ov.Check(ov.infer_request_get_tensor(request_, name.c_str(), &to), name.c_str()));
    const auto fill = [&]() -> Status {
      std::vector<int64_t> dims(tensor.dims().begin(), tensor.dims().end());
      RETURN_IF_ERROR(ov.Check(ov.tensor_set_shape(to, {static_cast<int64_t>(dims.size()), dims.data()}), "shape"));
      if (tensor.dtype() == DataType::kString) {
        if (!ov.tensor_set_string_data) return Unsupported("this version of OpenVINO takes no strings");
        std::vector<const char*> texts;
        for (const std::string& text : tensor.data<std::string>()) texts.push_back(text.c_str());
        return ov.Check(ov.tensor_set_string_data(to, texts.data(), texts.size()), "strings");
      }
      size_t bytes = 0;
      void* data = nullptr;
      RETURN_IF_ERROR(ov.Check(ov.tensor_get_byte_size(to, &bytes), "size"));
      RETURN_IF_ERROR(ov.Check(ov.tensor_data(to, &data), "data"));
      if (bytes != tensor.byte_size())
        return Unsupported(fmt::format("OpenVINO takes input '{}' in {} bytes, not {}", name, bytes, tensor.byte_size()));
      std::memcpy(data, tensor.raw_data(), bytes);
      return {};
    };
    const Status filled = fill();
    ov.tensor_free(to);
    RETURN_IF_ERROR(filled);
  }
  return {};
}

Status OvRequest::Run() {
  const int code = library_.infer_request_infer(request_);
  return code == 0 ? Status() : library_.Check(code, "running");
}

StatusOr<std::vector<Value>> OvRequest::Outputs(const std::vector<DataType>& dtypes) const {
  const OvLibrary& ov = library_;
  std::vector<Value> values;
  for (size_t i = 0; i < session_->num_outputs_; ++i) {
    values.emplace_back();
    const DataType dtype = i < dtypes.size() ? dtypes[i] : DataType::kUndefined;
    if (dtype == DataType::kUndefined || dtype == DataType::kString) continue;
    Handle from = nullptr;
    RETURN_IF_ERROR(ov.Check(ov.infer_request_get_output_tensor_by_index(request_, i, &from), "output"));
    OvShape shape{};
    size_t bytes = 0;
    void* data = nullptr;
    const auto read = [&]() -> Status {
      RETURN_IF_ERROR(ov.Check(ov.tensor_get_shape(from, &shape), "shape"));
      RETURN_IF_ERROR(ov.Check(ov.tensor_get_byte_size(from, &bytes), "size"));
      RETURN_IF_ERROR(ov.Check(ov.tensor_data(from, &data), "data"));
      ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(dtype, Dims(std::span<const int64_t>(shape.dims, static_cast<size_t>(shape.rank)))));
      // It computes some integer types in others (int64 as int32); such outputs are left out.
      if (tensor.byte_size() != bytes) return {};
      std::memcpy(tensor.mutable_raw_data(), data, bytes);
      values.back() = Value(std::move(tensor));
      return {};
    };
    const Status status = read();
    if (shape.dims) ov.shape_free(&shape);
    ov.tensor_free(from);
    RETURN_IF_ERROR(status);
  }
  return values;
}

}  // namespace sardonyx::openvino
