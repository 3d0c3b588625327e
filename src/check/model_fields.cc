// What stands in ModelProto itself: versions, imports, metadata and training information.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "check/parts.h"
#include "ops/schema.h"

namespace sardonyx::check {
namespace {

void CheckIrVersion(Context& context) {
  const int64_t version = context.model().ir_version;
  if (version <= 0) {
    context.Error(rules::kIrVersion, nullptr, nullptr,
                  version == 0 ? "ir_version is missing. Set it to that of the tool that wrote the model, say 8."
                               : fmt::format("ir_version is {}; it must be between 1 and {}.", version, ir::kNewestIrVersion));
  } else if (version > ir::kNewestIrVersion) {
    context.Error(
        rules::kIrVersion, nullptr, nullptr,
        fmt::format("ir_version {} is newer than {}, the newest known to this version. Export the model for an older IR, or get a newer "
                    "Sardonyx.",
                    version, ir::kNewestIrVersion));
  }
}

// Parts of a model that came with a certain IR version: a reader of an older one does not know them.
void CheckFeatures(Context& context) {
  const ir::Model& model = context.model();
  const auto need = [&](bool used, int64_t version, std::string_view what) {
    if (used && model.ir_version > 0 && model.ir_version < version) {
      context.Warn(rules::kIrVersion, nullptr, nullptr,
                   fmt::format("The model has {}, which came with IR version {}, but says ir_version {}. Set ir_version to {}.", what,
                               version, model.ir_version, version));
    }
  };
  need(!model.functions.empty(), 8, "functions");
  need(!model.training_info.empty(), 7, "training information");
  need(!model.device_configurations.empty(), 11, "device configurations");
  const auto& functions = model.functions;
  need(std::any_of(functions.begin(), functions.end(), [](const ir::Function& f) { return !f.overload.empty(); }), 10,
       "functions with overloads");
  need(std::any_of(functions.begin(), functions.end(), [](const ir::Function& f) { return !f.attribute_defaults.empty(); }), 9,
       "functions with default attributes");
}

// The names that a training graph's bindings may lead to.
bool IsInitializer(const ir::Graph* graph, std::string_view name) {
  const ir::Value* value = graph ? graph->Find(name) : nullptr;
  return value && value->initializer();
}

// Each key is an initializer that is to be set, each value an output of `source` to set it to.
void CheckBinding(Context& context, const ir::TrainingInfo& info, const ir::StringPairs& binding, const ir::Graph* source,
                  std::string_view field) {
  std::unordered_set<std::string_view> keys, outputs;
  if (source) {
    for (const ir::ValueInfo& output : source->outputs()) outputs.insert(output.value->name());
  }
  for (const auto& [key, value] : binding) {
    if (!keys.insert(key).second) context.Error(rules::kTraining, nullptr, nullptr, fmt::format("{} sets {} twice.", field, Quote(key)));
    if (!IsInitializer(context.model().graph.get(), key) && !IsInitializer(info.algorithm.get(), key)) {
      context.Error(rules::kTraining, nullptr, nullptr,
                    fmt::format("{} sets {}, which is no initializer of the main graph or of the training algorithm.", field, Quote(key)));
    }
    if (!outputs.contains(value)) {
      context.Error(rules::kTraining, nullptr, nullptr,
                    fmt::format("{} reads {}, which is no output of the graph it belongs to.", field, Quote(value)));
    }
  }
}

void CheckTrainingGraph(Context& context, const ir::Graph* graph, std::string path) {
  if (!graph) return;
  Scope scope;
  scope.graph = graph;
  scope.kind = Scope::Kind::kTraining;
  scope.path = std::move(path);
  CheckGraph(context, scope);
}

}  // namespace

void CheckOpsetImports(Context& context, const std::vector<ir::OpsetImport>& imports, const Scope* scope) {
  std::unordered_map<std::string_view, int64_t> seen;
  for (const ir::OpsetImport& import : imports) {
    const std::string_view domain = ir::NormalDomain(import.domain);
    const std::string shown = Quote(domain.empty() ? "ai.onnx" : domain);
    if (const auto [first, added] = seen.emplace(domain, import.version); !added) {
      context.Add(
          first->second == import.version ? Severity::kWarning : Severity::kError, rules::kOpsetImport, scope, nullptr,
          fmt::format("Domain {} is imported more than once, in versions {} and {}. Keep one.", shown, first->second, import.version));
    }
    const int newest = ops::NewestOpset(domain);
    if (import.version <= 0) {
      context.Error(rules::kOpsetImport, scope, nullptr,
                    fmt::format("Domain {} is imported in version {}; versions begin with 1.", shown, import.version));
    } else if (ops::IsStandardDomain(domain) && newest > 0 && import.version > newest) {
      context.Error(
          rules::kOpsetImport, scope, nullptr,
          fmt::format(
              "Version {} of domain {} is newer than {}, the newest known to this version. Export the model for an older opset, or get a "
              "newer Sardonyx.",
              import.version, shown, newest));
    }
  }
}

void CheckMetadata(Context& context, const ir::StringPairs& metadata, const Scope* scope, std::string_view of) {
  std::unordered_set<std::string_view> keys;
  for (const auto& [key, value] : metadata) {
    if (!keys.insert(key).second) {
      context.Error(rules::kMetadata, scope, nullptr, fmt::format("Metadata of {} has the key {} twice. Keep one.", of, Quote(key)));
    }
  }
}

void CheckModelFields(Context& context) {
  const ir::Model& model = context.model();
  CheckIrVersion(context);
  CheckFeatures(context);
  if (model.ir_version >= 3 && model.opset_imports.empty()) {
    context.Error(rules::kOpsetImport, nullptr, nullptr,
                  "No opset is imported. Add an import of domain '' (ai.onnx) with the version the model was made for.");
  } else if (model.ir_version > 0 && model.ir_version < 3 && !model.opset_imports.empty()) {
    context.Error(
        rules::kOpsetImport, nullptr, nullptr,
        fmt::format("ir_version {} has no opset imports yet, but the model has some. Set ir_version to 3 or more.", model.ir_version));
  }
  CheckOpsetImports(context, model.opset_imports, nullptr);
  CheckMetadata(context, model.metadata, nullptr, "the model");
}

void CheckTrainingInfo(Context& context) {
  const std::vector<ir::TrainingInfo>& all = context.model().training_info;
  for (size_t i = 0; i < all.size(); ++i) {
    const ir::TrainingInfo& info = all[i];
    CheckTrainingGraph(context, info.initialization.get(), fmt::format("training[{}].initialization", i));
    CheckTrainingGraph(context, info.algorithm.get(), fmt::format("training[{}].algorithm", i));
    CheckBinding(context, info, info.initialization_binding, info.initialization.get(),
                 fmt::format("training[{}].initialization_binding", i));
    CheckBinding(context, info, info.update_binding, info.algorithm.get(), fmt::format("training[{}].update_binding", i));
  }
}

}  // namespace sardonyx::check
