// A model that OpenVINO runs on the CPU.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "providers/openvino/ov_library.h"
#include "sardonyx/value.h"

namespace sardonyx::openvino {

struct OvOptions {
  int threads = 0;    // 0: OpenVINO's choice
  int streams = 1;    // requests that run at once
  bool exact = true;  // compute float models in float, as the others do, not in bfloat16
};

// Shared by any number of requests.
class OvSession {
 public:
  static StatusOr<std::shared_ptr<const OvSession>> Create(std::shared_ptr<const OvLibrary> library, const std::filesystem::path& model,
                                                           const OvOptions& options);
  ~OvSession();

 private:
  friend class OvRequest;
  explicit OvSession(std::shared_ptr<const OvLibrary> library) : library_(std::move(library)) {}

  std::shared_ptr<const OvLibrary> library_;
  Handle core_ = nullptr;
  Handle model_ = nullptr;
  size_t num_outputs_ = 0;
};

// Not to be used by two threads at once.
class OvRequest {
 public:
  static StatusOr<std::unique_ptr<OvRequest>> Create(std::shared_ptr<const OvSession> session);
  ~OvRequest();
  OvRequest(const OvRequest&) = delete;
  OvRequest& operator=(const OvRequest&) = delete;

  // Copies the inputs into the request's tensors. Tensors only.
  Status Bind(const std::vector<std::pair<std::string, Value>>& inputs);
  Status Run();
  // Copies of the last run's outputs, in order. `dtypes`: what the model says of them; one of undefined type gives none.
  StatusOr<std::vector<Value>> Outputs(const std::vector<DataType>& dtypes) const;

 private:
  explicit OvRequest(std::shared_ptr<const OvSession> session) : session_(std::move(session)), library_(*session_->library_) {}

  std::shared_ptr<const OvSession> session_;
  const OvLibrary& library_;
  Handle request_ = nullptr;
};

}  // namespace sardonyx::openvino
