#include "providers/onnxruntime/ort_engine.h"

#include "base/status_macros.h"
#include "providers/onnxruntime/ort_session.h"

namespace sardonyx::onnxruntime {
namespace {

class OrtModel final : public delegate::LoadedModel {
 public:
  explicit OrtModel(std::shared_ptr<const OrtSession> session) : session_(std::move(session)) {}
  StatusOr<std::vector<Value>> Run(const delegate::NamedValues& inputs) const override {
    OrtRequest request(session_);
    RETURN_IF_ERROR(request.Bind(inputs));
    RETURN_IF_ERROR(request.Run());
    return request.Outputs();
  }

 private:
  std::shared_ptr<const OrtSession> session_;
};

class OrtEngine final : public delegate::Engine {
 public:
  explicit OrtEngine(std::shared_ptr<const OrtLibrary> library) : library_(std::move(library)) {}
  std::string_view name() const override { return "onnxruntime"; }
  std::string version() const override { return library_->version(); }
  bool KnowsDomain(std::string_view domain) const override {
    return domain.empty() || domain == "ai.onnx.ml" || domain == "com.microsoft";
  }
  StatusOr<std::unique_ptr<delegate::LoadedModel>> Load(const std::filesystem::path& model, int threads,
                                                        const std::vector<DataType>&) const override {
    ASSIGN_OR_RETURN(auto session, OrtSession::Create(library_, model, {.threads = threads}));
    return std::unique_ptr<delegate::LoadedModel>(std::make_unique<OrtModel>(std::move(session)));
  }

 private:
  std::shared_ptr<const OrtLibrary> library_;
};

}  // namespace

StatusOr<std::shared_ptr<const delegate::Engine>> MakeEngine(const std::string& library) {
  ASSIGN_OR_RETURN(auto loaded, OrtLibrary::Load(library));
  return std::shared_ptr<const delegate::Engine>(std::make_shared<OrtEngine>(std::move(loaded)));
}

}  // namespace sardonyx::onnxruntime
