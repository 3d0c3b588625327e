// A model that ONNX Runtime runs.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "providers/onnxruntime/ort_library.h"
#include "sardonyx/value.h"

namespace sardonyx::onnxruntime {

struct OrtOptions {
  int threads = 0;              // 0: ONNX Runtime's choice
  int optimization_level = 99;  // 0 none, 1 basic, 2 extended, 99 all
};

// Shared by any number of requests.
class OrtSession {
 public:
  static StatusOr<std::shared_ptr<const OrtSession>> Create(std::shared_ptr<const OrtLibrary> library, const std::filesystem::path& model,
                                                            const OrtOptions& options);
  ~OrtSession();

  const std::vector<std::string>& input_names() const { return input_names_; }
  const std::vector<std::string>& output_names() const { return output_names_; }

 private:
  friend class OrtRequest;
  explicit OrtSession(std::shared_ptr<const OrtLibrary> library) : library_(std::move(library)) {}
  StatusOr<std::vector<std::string>> Names(Entry count, Entry name) const;

  std::shared_ptr<const OrtLibrary> library_;
  Handle session_ = nullptr;
  Handle memory_info_ = nullptr;
  Handle allocator_ = nullptr;  // the library's own; not released
  std::vector<std::string> input_names_, output_names_;
  std::vector<const char*> output_pointers_;
};

// Runs of a session with inputs of one's own. Not to be used by two threads at once.
class OrtRequest {
 public:
  explicit OrtRequest(std::shared_ptr<const OrtSession> session);
  ~OrtRequest();
  OrtRequest(const OrtRequest&) = delete;
  OrtRequest& operator=(const OrtRequest&) = delete;

  // Fixes the inputs of the runs that follow. Tensors only.
  Status Bind(const std::vector<std::pair<std::string, Value>>& inputs);
  // Outputs are kept from run to run, so that their memory is used again.
  Status Run();
  // Copies of the last run's outputs, in order; none for one that is no tensor.
  StatusOr<std::vector<Value>> Outputs() const;

 private:
  StatusOr<Handle> MakeInput(const Tensor& tensor) const;
  StatusOr<Value> ReadTensor(Handle value) const;
  void ReleaseValues(std::vector<Handle>& values);

  std::shared_ptr<const OrtSession> session_;
  const OrtLibrary& library_;
  std::vector<const char*> bound_names_;
  std::vector<Tensor> bound_tensors_;  // that inputs_ lie in
  std::vector<Handle> inputs_, outputs_;
};

}  // namespace sardonyx::onnxruntime
