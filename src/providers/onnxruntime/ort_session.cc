#include "providers/onnxruntime/ort_session.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::onnxruntime {
namespace {

constexpr int kArenaAllocator = 1, kDefaultMemory = 0;

}  // namespace

StatusOr<std::shared_ptr<const OrtSession>> OrtSession::Create(std::shared_ptr<const OrtLibrary> library, const std::filesystem::path& model,
                                                               const OrtOptions& options) {
  std::unique_ptr<OrtSession> session(new OrtSession(std::move(library)));
  const OrtLibrary& ort = *session->library_;
  Handle settings = nullptr;
  RETURN_IF_ERROR(ort.Call(Entry::kCreateSessionOptions, &settings));
  const auto create = [&]() -> Status {
    RETURN_IF_ERROR(ort.Call(Entry::kSetSessionGraphOptimizationLevel, settings, options.optimization_level));
    if (options.threads > 0) RETURN_IF_ERROR(ort.Call(Entry::kSetIntraOpNumThreads, settings, options.threads));
    RETURN_IF_ERROR(ort.Call(Entry::kSetInterOpNumThreads, settings, 1));
    return ort.Call(Entry::kCreateSession, ort.env(), model.c_str(), settings, &session->session_);
  };
  const Status status = create();
  ort.Release(Entry::kReleaseSessionOptions, settings);
  RETURN_IF_ERROR(status);
  RETURN_IF_ERROR(ort.Call(Entry::kCreateCpuMemoryInfo, kArenaAllocator, kDefaultMemory, &session->memory_info_));
  RETURN_IF_ERROR(ort.Call(Entry::kGetAllocatorWithDefaultOptions, &session->allocator_));
  ASSIGN_OR_RETURN(session->input_names_, session->Names(Entry::kSessionGetInputCount, Entry::kSessionGetInputName));
  ASSIGN_OR_RETURN(session->output_names_, session->Names(Entry::kSessionGetOutputCount, Entry::kSessionGetOutputName));
  for (const std::string& name : session->output_names_) session->output_pointers_.push_back(name.c_str());
  return std::shared_ptr<const OrtSession>(std::move(session));
}

OrtSession::~OrtSession() {
  library_->Release(Entry::kReleaseSession, session_);
  library_->Release(Entry::kReleaseMemoryInfo, memory_info_);
}

OrtRequest::OrtRequest(std::shared_ptr<const OrtSession> session)
    : session_(std::move(session)), library_(*session_->library_), outputs_(session_->output_names_.size(), nullptr) {}

OrtRequest::~OrtRequest() {
  ReleaseValues(inputs_);
  ReleaseValues(outputs_);
}

void OrtRequest::ReleaseValues(std::vector<Handle>& values) {
  for (Handle& value : values) {
    library_.Release(Entry::kReleaseValue, value);
    value = nullptr;
  }
}

StatusOr<std::vector<std::string>> OrtSession::Names(Entry count, Entry name) const {
  size_t n = 0;
  RETURN_IF_ERROR(library_->Call(count, static_cast<const void*>(session_), &n));
  std::vector<std::string> names;
  for (size_t i = 0; i < n; ++i) {
    char* text = nullptr;
    RETURN_IF_ERROR(library_->Call(name, static_cast<const void*>(session_), i, allocator_, &text));
    names.emplace_back(text);
    RETURN_IF_ERROR(library_->Call(Entry::kAllocatorFree, allocator_, static_cast<void*>(text)));
  }
  return names;
}

StatusOr<Handle> OrtRequest::MakeInput(const Tensor& tensor) const {
  Handle value = nullptr;
  const int64_t* dims = tensor.dims().begin();
  const size_t rank = tensor.rank();
  const int type = static_cast<int>(tensor.dtype());  // both number element types as TensorProto does
  if (tensor.dtype() != DataType::kString) {
    RETURN_IF_ERROR(library_.Call(Entry::kCreateTensorWithDataAsOrtValue, static_cast<const void*>(session_->memory_info_),
                                   const_cast<void*>(tensor.raw_data()), tensor.byte_size(), dims, rank, type, &value));
    return value;
  }
  RETURN_IF_ERROR(library_.Call(Entry::kCreateTensorAsOrtValue, session_->allocator_, dims, rank, type, &value));
  std::vector<const char*> texts;
  for (const std::string& text : tensor.data<std::string>()) texts.push_back(text.c_str());
  RETURN_IF_ERROR(library_.Call(Entry::kFillStringTensor, value, static_cast<const char* const*>(texts.data()), texts.size()));
  return value;
}

Status OrtRequest::Bind(const std::vector<std::pair<std::string, Value>>& inputs) {
  ReleaseValues(inputs_);
  ReleaseValues(outputs_);
  inputs_.clear();
  bound_names_.clear();
  bound_tensors_.clear();
  for (const auto& [name, value] : inputs) {
    if (!value.is_tensor())
      return Unsupported(fmt::format("input '{}' is {}; only tensors are handed to ONNX Runtime", name, value.TypeString()));
    const std::vector<std::string>& names = session_->input_names_;
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return Usage(fmt::format("ONNX Runtime's session has no input '{}'", name));
    bound_names_.push_back(found->c_str());
    bound_tensors_.push_back(value.tensor().Aligned());
    ASSIGN_OR_RETURN(const Handle made, MakeInput(bound_tensors_.back()));
    inputs_.push_back(made);
  }
  return {};
}

Status OrtRequest::Run() {
  return library_.Call(Entry::kRun, session_->session_, static_cast<const void*>(nullptr), static_cast<const char* const*>(bound_names_.data()),
                        static_cast<const Handle*>(inputs_.data()), inputs_.size(),
                        static_cast<const char* const*>(session_->output_pointers_.data()), session_->output_pointers_.size(), outputs_.data());
}

StatusOr<Value> OrtRequest::ReadTensor(Handle value) const {
  int is_tensor = 0;
  RETURN_IF_ERROR(library_.Call(Entry::kIsTensor, static_cast<const void*>(value), &is_tensor));
  if (!is_tensor) return Value();
  Handle info = nullptr;
  RETURN_IF_ERROR(library_.Call(Entry::kGetTensorTypeAndShape, static_cast<const void*>(value), &info));
  int type = 0;
  size_t rank = 0;
  std::vector<int64_t> dims;
  const auto read = [&]() -> Status {
    RETURN_IF_ERROR(library_.Call(Entry::kGetTensorElementType, static_cast<const void*>(info), &type));
    RETURN_IF_ERROR(library_.Call(Entry::kGetDimensionsCount, static_cast<const void*>(info), &rank));
    dims.resize(rank);
    return library_.Call(Entry::kGetDimensions, static_cast<const void*>(info), dims.data(), rank);
  };
  const Status status = read();
  library_.Release(Entry::kReleaseTensorTypeAndShapeInfo, info);
  RETURN_IF_ERROR(status);
  if (type <= 0 || type >= kNumDataTypes) return Unsupported(fmt::format("ONNX Runtime gave element type {}", type));
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(static_cast<DataType>(type), Dims(dims)));
  if (tensor.dtype() != DataType::kString) {
    void* data = nullptr;
    RETURN_IF_ERROR(library_.Call(Entry::kGetTensorMutableData, value, &data));
    std::memcpy(tensor.mutable_raw_data(), data, tensor.byte_size());
    return Value(std::move(tensor));
  }
  size_t length = 0;
  RETURN_IF_ERROR(library_.Call(Entry::kGetStringTensorDataLength, static_cast<const void*>(value), &length));
  std::string all(length, '\0');
  std::vector<size_t> starts(static_cast<size_t>(tensor.num_elements()) + 1, length);
  RETURN_IF_ERROR(library_.Call(Entry::kGetStringTensorContent, static_cast<const void*>(value), static_cast<void*>(all.data()), length,
                                 starts.data(), starts.size() - 1));
  std::vector<std::string> texts;
  for (size_t i = 0; i + 1 < starts.size(); ++i) texts.push_back(all.substr(starts[i], starts[i + 1] - starts[i]));
  return Value(Tensor::FromStrings(Dims(dims), std::move(texts)));
}

StatusOr<std::vector<Value>> OrtRequest::Outputs() const {
  std::vector<Value> values;
  for (Handle output : outputs_) {
    ASSIGN_OR_RETURN(Value value, output ? ReadTensor(output) : Value());
    values.push_back(std::move(value));
  }
  return values;
}

}  // namespace sardonyx::onnxruntime
