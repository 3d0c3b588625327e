#include "bench/engine.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "providers/onnxruntime/ort_session.h"
#include "providers/openvino/ov_session.h"
#include "sardonyx/session.h"

namespace sardonyx::bench {
namespace {

// Where callers run at once, each gets its share of the threads.
int ThreadsOfLane(const EngineLoad& load) { return load.lanes <= 1 ? load.threads : std::max(1, load.threads / load.lanes); }

class SardonyxEngine final : public Engine {
 public:
  explicit SardonyxEngine(EngineSpec spec) : spec_(std::move(spec)) {}
  std::string version() const override { return SARDONYX_VERSION; }
  Status Load(const std::filesystem::path& path, const EngineLoad& load) override {
    ASSIGN_OR_RETURN(const Model model, Model::Load(path));
    SessionOptions options;
    options.threads = ThreadsOfLane(load);
    if (!spec_.providers.empty()) options.providers = spec_.providers;
    options.cache = spec_.cache;
    ASSIGN_OR_RETURN(Session session, Session::Create(model, options));
    session_ = std::make_unique<Session>(std::move(session));
    outputs_.resize(static_cast<size_t>(load.lanes));
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
  Status Run(size_t lane) override { return session_->RunInOrder(inputs_, &outputs_[lane]); }
  StatusOr<std::vector<Value>> Outputs() override { return outputs_[0]; }

 private:
  EngineSpec spec_;
  std::unique_ptr<Session> session_;
  std::vector<Value> inputs_;
  std::vector<std::vector<Value>> outputs_;  // by lane
};

class OnnxRuntimeEngine final : public Engine {
 public:
  explicit OnnxRuntimeEngine(std::shared_ptr<const onnxruntime::OrtLibrary> library) : library_(std::move(library)) {}
  std::string version() const override { return library_->version(); }
  Status Load(const std::filesystem::path& model, const EngineLoad& load) override {
    ASSIGN_OR_RETURN(const auto session, onnxruntime::OrtSession::Create(library_, model, {.threads = ThreadsOfLane(load)}));
    for (int lane = 0; lane < load.lanes; ++lane) lanes_.push_back(std::make_unique<onnxruntime::OrtRequest>(session));
    return {};
  }
  Status Bind(const NamedValues& inputs) override {
    for (const auto& lane : lanes_) RETURN_IF_ERROR(lane->Bind(inputs));
    return {};
  }
  Status Run(size_t lane) override { return lanes_[lane]->Run(); }
  StatusOr<std::vector<Value>> Outputs() override { return lanes_[0]->Outputs(); }

 private:
  std::shared_ptr<const onnxruntime::OrtLibrary> library_;
  std::vector<std::unique_ptr<onnxruntime::OrtRequest>> lanes_;
};

class OpenVinoEngine final : public Engine {
 public:
  explicit OpenVinoEngine(std::shared_ptr<const openvino::OvLibrary> library) : library_(std::move(library)) {}
  std::string version() const override { return library_->version(); }
  Status Load(const std::filesystem::path& model, const EngineLoad& load) override {
    ASSIGN_OR_RETURN(const auto session, openvino::OvSession::Create(library_, model, {.threads = load.threads, .streams = load.lanes}));
    for (int lane = 0; lane < load.lanes; ++lane) {
      ASSIGN_OR_RETURN(lanes_.emplace_back(), openvino::OvRequest::Create(session));
    }
    path_ = model;
    return {};
  }
  Status Bind(const NamedValues& inputs) override {
    for (const auto& lane : lanes_) RETURN_IF_ERROR(lane->Bind(inputs));
    return {};
  }
  Status Run(size_t lane) override { return lanes_[lane]->Run(); }
  StatusOr<std::vector<Value>> Outputs() override {
    // Only now, when load time and memory have been taken: what the model says of its outputs' types.
    ASSIGN_OR_RETURN(const Model model, Model::Load(path_));
    std::vector<DataType> dtypes;
    for (const ValueInfo& info : model.outputs()) dtypes.push_back(info.dtype);
    return lanes_[0]->Outputs(dtypes);
  }

 private:
  std::shared_ptr<const openvino::OvLibrary> library_;
  std::vector<std::unique_ptr<openvino::OvRequest>> lanes_;
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
  return std::unique_ptr<Engine>(std::make_unique<SardonyxEngine>(spec));
}

}  // namespace sardonyx::bench
