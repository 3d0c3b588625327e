#include "bench/engine.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "providers/onnxruntime/ort_session.h"
#include "providers/openvino/ov_session.h"
#include "sardonyx/session.h"

namespace sardonyx::bench {
namespace {

class SardonyxEngine final : public Engine {
 public:
  std::string version() const override { return SARDONYX_VERSION; }
  Status Load(const std::filesystem::path& path, int threads) override {
    ASSIGN_OR_RETURN(const Model model, Model::Load(path));
    SessionOptions options;
    options.threads = threads;
    ASSIGN_OR_RETURN(Session session, Session::Create(model, options));
    session_ = std::make_unique<Session>(std::move(session));
    return {};
  }
  Status Bind(const NamedValues& inputs) override {
    // In the session's order, as the peers' bound inputs are.
    inputs_.clear();
    for (const ValueInfo& info : session_->inputs()) {
      const auto found = std::find_if(inputs.begin(), inputs.end(), [&](const auto& one) { return one.first == info.name; });
      inputs_.push_back(found == inputs.end() ? Value() : found->second);
    }
    return {};
  }
  Status Run() override { return session_->RunInOrder(inputs_, &outputs_); }
  StatusOr<std::vector<Value>> Outputs() override { return outputs_; }

 private:
  std::unique_ptr<Session> session_;
  std::vector<Value> inputs_;
  std::vector<Value> outputs_;
};

class OnnxRuntimeEngine final : public Engine {
 public:
  explicit OnnxRuntimeEngine(std::shared_ptr<const onnxruntime::OrtLibrary> library) : library_(std::move(library)) {}
  std::string version() const override { return library_->version(); }
  Status Load(const std::filesystem::path& model, int threads) override {
    ASSIGN_OR_RETURN(session_, onnxruntime::OrtSession::Create(library_, model, {.threads = threads}));
    return {};
  }
  Status Bind(const NamedValues& inputs) override { return session_->Bind(inputs); }
  Status Run() override { return session_->Run(); }
  StatusOr<std::vector<Value>> Outputs() override { return session_->Outputs(); }

 private:
  std::shared_ptr<const onnxruntime::OrtLibrary> library_;
  std::unique_ptr<onnxruntime::OrtSession> session_;
};

class OpenVinoEngine final : public Engine {
 public:
  explicit OpenVinoEngine(std::shared_ptr<const openvino::OvLibrary> library) : library_(std::move(library)) {}
  std::string version() const override { return library_->version(); }
  Status Load(const std::filesystem::path& model, int threads) override {
    ASSIGN_OR_RETURN(session_, openvino::OvSession::Create(library_, model, {.threads = threads}));
    path_ = model;
    return {};
  }
  Status Bind(const NamedValues& inputs) override { return session_->Bind(inputs); }
  Status Run() override { return session_->Run(); }
  StatusOr<std::vector<Value>> Outputs() override {
    // Only now, when load time and memory have been taken: what the model says of its outputs' types.
    ASSIGN_OR_RETURN(const Model model, Model::Load(path_));
    std::vector<DataType> dtypes;
    for (const ValueInfo& info : model.outputs()) dtypes.push_back(info.dtype);
    return session_->Outputs(dtypes);
  }

 private:
  std::shared_ptr<const openvino::OvLibrary> library_;
  std::unique_ptr<openvino::OvSession> session_;
  std::filesystem::path path_;
};

}  // namespace

StatusOr<EngineSpec> ParseEngine(const std::string& text) {
  const size_t equals = text.find('=');
  EngineSpec spec{text.substr(0, equals), equals == std::string::npos ? "" : text.substr(equals + 1)};
  if (spec.name != "sardonyx" && spec.name != "onnxruntime" && spec.name != "openvino")
    return Usage(fmt::format("engine '{}' is not known; known: sardonyx, onnxruntime, openvino", spec.name));
  return spec;
}

StatusOr<std::unique_ptr<Engine>> MakeEngine(const EngineSpec& spec) {
  if (spec.name == "onnxruntime") {
    ASSIGN_OR_RETURN(auto library, onnxruntime::OrtLibrary::Load(spec.library));
    return std::unique_ptr<Engine>(std::make_unique<OnnxRuntimeEngine>(std::move(library)));
  }
  if (spec.name == "openvino") {
    ASSIGN_OR_RETURN(auto library, openvino::OvLibrary::Load(spec.library));
    return std::unique_ptr<Engine>(std::make_unique<OpenVinoEngine>(std::move(library)));
  }
  return std::unique_ptr<Engine>(std::make_unique<SardonyxEngine>());
}

}  // namespace sardonyx::bench
