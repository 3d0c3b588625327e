#include "cli/runner.h"

#include <algorithm>
#include <memory>

#include "base/status_macros.h"
#include "base/temporary_folder.h"
#include "bench/engine.h"
#include "ir/save.h"
#include "optimize/widen.h"

namespace sardonyx::cli {
namespace {

namespace fs = std::filesystem;

StatusOr<validate::Runner> OurRunner(std::shared_ptr<const ir::Model> model, const std::string& provider, int threads) {
  SessionOptions options;
  options.threads = threads;
  options.providers.clear();
  for (size_t at = 0; at <= provider.size();) {
    const size_t comma = std::min(provider.find(',', at), provider.size());
    options.providers.push_back(provider.substr(at, comma - at));
    at = comma + 1;
  }
  ASSIGN_OR_RETURN(Session created, Session::Create(Model(std::move(model)), options));
  const auto session = std::make_shared<const Session>(std::move(created));
  return validate::Runner([session](const validate::NamedValues& inputs) -> StatusOr<validate::NamedValues> {
    ASSIGN_OR_RETURN(std::vector<Value> values, session->Run(inputs));
    validate::NamedValues named;
    for (size_t i = 0; i < values.size(); ++i) named.emplace_back(session->outputs()[i].name, std::move(values[i]));
    return named;
  });
}

}  // namespace

StatusOr<validate::Runner> MakeRunner(std::shared_ptr<const ir::Model> model, const fs::path& file, const std::string& provider,
                                      int threads) {
  if (provider == "float64") {
    std::unique_ptr<ir::Model> wide = ir::CloneModel(*model);
    RETURN_IF_ERROR(optimize::WidenFloats(*wide, DataType::kDouble).status().WithContext("float64"));
    return OurRunner(std::move(wide), "cpu", threads);
  }
  const std::string name = provider.substr(0, provider.find('='));
  const bool several = provider.find(',') != std::string::npos;
  if (several || (name != "onnxruntime" && name != "openvino")) return OurRunner(std::move(model), provider, threads);
  ASSIGN_OR_RETURN(const bench::EngineSpec spec, bench::ParseEngine(provider));
  ASSIGN_OR_RETURN(std::unique_ptr<bench::Engine> made, bench::MakeEngine(spec));
  const std::shared_ptr<bench::Engine> engine = std::move(made);
  std::shared_ptr<const TemporaryFolder> folder;  // as long as the engine may read from it
  fs::path path = file;
  if (file.extension() != ".onnx") {
    ASSIGN_OR_RETURN(TemporaryFolder made_folder, TemporaryFolder::Make());
    folder = std::make_shared<const TemporaryFolder>(std::move(made_folder));
    path = *folder / "model.onnx";
    ir::SaveOptions save;
    save.external_threshold = int64_t{1} << 20;
    RETURN_IF_ERROR(ir::SaveModel(*model, path, save));
  }
  RETURN_IF_ERROR(engine->Load(path, {.threads = threads}));
  std::vector<std::string> names;
  for (const ir::ValueInfo& output : model->graph->outputs()) names.push_back(output.value->name());
  return validate::Runner([engine, folder, names](const validate::NamedValues& inputs) -> StatusOr<validate::NamedValues> {
    RETURN_IF_ERROR(engine->Bind(inputs));
    RETURN_IF_ERROR(engine->Run(0));
    ASSIGN_OR_RETURN(std::vector<Value> values, engine->Outputs());
    if (values.size() != names.size()) return Internal("an engine gave another number of outputs than the model has");
    validate::NamedValues named;
    for (size_t i = 0; i < values.size(); ++i) named.emplace_back(names[i], std::move(values[i]));
    return named;
  });
}

}  // namespace sardonyx::cli
