#include "providers/openvino/ov_engine.h"

#include <mutex>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "providers/openvino/ov_session.h"

namespace sardonyx::openvino {
namespace {

class OvModel final : public delegate::LoadedModel {
 public:
  OvModel(std::shared_ptr<const OvSession> session, std::vector<DataType> outputs)
      : session_(std::move(session)), outputs_(std::move(outputs)) {}
  StatusOr<std::vector<Value>> Run(const delegate::NamedValues& inputs) const override {
    ASSIGN_OR_RETURN(std::unique_ptr<OvRequest> request, Take());
    RETURN_IF_ERROR(request->Bind(inputs));
    RETURN_IF_ERROR(request->Run());
    ASSIGN_OR_RETURN(std::vector<Value> values, request->Outputs(outputs_));
    for (size_t i = 0; i < values.size(); ++i)
      if (values[i].is_none()) return Unsupported(fmt::format("OpenVINO gives output {} in a type that is not the model's", i));
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(request));
    return values;
  }

 private:
  StatusOr<std::unique_ptr<OvRequest>> Take() const {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        std::unique_ptr<OvRequest> request = std::move(idle_.back());
        idle_.pop_back();
        return request;
      }
    }
    return OvRequest::Create(session_);
  }

  std::shared_ptr<const OvSession> session_;
  std::vector<DataType> outputs_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<OvRequest>> idle_;
};

class OvEngine final : public delegate::Engine {
 public:
  explicit OvEngine(std::shared_ptr<const OvLibrary> library) : library_(std::move(library)) {}
  std::string_view name() const override { return "openvino"; }
  std::string version() const override { return library_->version(); }
  bool KnowsDomain(std::string_view domain) const override { return domain.empty() || domain == "com.microsoft"; }
  StatusOr<std::unique_ptr<delegate::LoadedModel>> Load(const std::filesystem::path& model, int threads,
                                                        const std::vector<DataType>& outputs) const override {
    for (const DataType dtype : outputs)
      if (dtype == DataType::kUndefined || dtype == DataType::kString) return Unsupported("OpenVINO's outputs must have a known type of numbers");
    ASSIGN_OR_RETURN(auto session, OvSession::Create(library_, model, {.threads = threads}));
    return std::unique_ptr<delegate::LoadedModel>(std::make_unique<OvModel>(std::move(session), outputs));
  }

 private:
  std::shared_ptr<const OvLibrary> library_;
};

}  // namespace

StatusOr<std::shared_ptr<const delegate::Engine>> MakeEngine(const std::string& library) {
  ASSIGN_OR_RETURN(auto loaded, OvLibrary::Load(library));
  return std::shared_ptr<const delegate::Engine>(std::make_shared<OvEngine>(std::move(loaded)));
}

}  // namespace sardonyx::openvino
