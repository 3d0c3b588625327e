#include "optimize/version/convert_version.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "ops/schema.h"
#include "optimize/inline_functions.h"
#include "optimize/version/ir_version.h"
#include "optimize/version/scope_converter.h"

namespace sardonyx::optimize {
namespace {

using Targets = std::map<std::string, int64_t, std::less<>>;

StatusOr<Targets> CheckTargets(const ir::Model& model, const std::vector<OpsetTarget>& list) {
  Targets targets;
  for (const OpsetTarget& target : list) {
    const std::string domain(ir::NormalDomain(target.domain));
    const std::string shown = domain.empty() ? "ai.onnx" : domain;
    const int newest = ops::NewestOpset(domain);
    if (newest == 0) return Usage(fmt::format("there is no domain '{}' with versions to convert between", shown));
    if (target.version < 1 || target.version > newest)
      return Usage(fmt::format("opset {} of {} is not known; there are 1 to {}", target.version, shown, newest));
    if (!targets.emplace(domain, target.version).second) return Usage(fmt::format("two opsets of {} are asked for", shown));
    if (!domain.empty() && model.OpsetVersion(domain) == 0) return Usage(fmt::format("the model does not use domain {}", shown));
  }
  for (const ir::OpsetImport& import : model.opset_imports) {
    const std::string domain(ir::NormalDomain(import.domain));
    const int newest = ops::NewestOpset(domain);
    if (targets.contains(domain) && import.version > newest)
      return Unsupported(
          fmt::format("the model has opset {} of {}; the newest known is {}", import.version, domain.empty() ? "ai.onnx" : domain, newest));
  }
  return targets;
}

std::string KeyOf(const ir::Function& function) {
  return function.overload.empty() ? fmt::format("{}.{}", function.domain, function.name)
                                   : fmt::format("{}.{}:{}", function.domain, function.name, function.overload);
}

// Functions that call one of `keys` join them: inlining works from the calls in the main graph.
void AddCallers(const ir::Model& model, std::set<std::string>& keys) {
  for (size_t before = 0; before != keys.size();) {
    before = keys.size();
    for (const ir::Function& function : model.functions) {
      if (!function.body || keys.contains(KeyOf(function))) continue;
      ir::ForEachNode(*function.body, [&](const ir::Node& node) {
        const ir::Function* callee = model.FindFunction(node.domain, node.op_type, node.overload);
        if (callee && keys.contains(KeyOf(*callee))) keys.insert(KeyOf(function));
      });
    }
  }
}

size_t CountNodes(const ir::Model& model) {
  size_t count = 0;
  const auto add = [&](const ir::Node&) { ++count; };
  if (model.graph) ir::ForEachNode(*model.graph, add);
  for (const ir::Function& function : model.functions)
    if (function.body) ir::ForEachNode(*function.body, add);
  return count;
}

// One attempt, on a copy of the model. Functions that cannot be converted for all their calls alike are put into `inlined`.
Status Attempt(ir::Model& model, const Targets& targets, std::set<std::string>& inlined, VersionReport& report) {
  if (!inlined.empty()) {
    InlineOptions options;
    options.inline_function = [&](const ir::Function& function) { return inlined.contains(KeyOf(function)); };
    RETURN_IF_ERROR(InlineFunctions(model, options).status());
    std::erase_if(model.functions, [&](const ir::Function& function) { return inlined.contains(KeyOf(function)); });
  }
  version::PrepareIrVersion(model);
  std::vector<ir::OpsetImport> imports = model.opset_imports;
  const auto convert = [&](const std::string& name, ir::Graph* graph, std::vector<ir::OpsetImport>& scope_imports) -> Status {
    if (!graph) return {};
    return version::ScopeConverter(model, name, *graph, scope_imports, targets, report).Run();
  };
  // Types of the main graph need the functions as they are, and functions the imports of the main graph.
  RETURN_IF_ERROR(convert("main", model.graph.get(), imports));
  for (ir::TrainingInfo& training : model.training_info) {
    std::vector<ir::OpsetImport> copy = model.opset_imports;
    RETURN_IF_ERROR(convert("training.initialization", training.initialization.get(), copy));
    copy = model.opset_imports;
    RETURN_IF_ERROR(convert("training.algorithm", training.algorithm.get(), copy));
  }
  model.opset_imports = std::move(imports);
  std::set<std::string> failed;
  for (ir::Function& function : model.functions) {
    const size_t before = report.impossible.size();
    RETURN_IF_ERROR(convert("function " + KeyOf(function), function.body.get(), function.opset_imports));
    if (report.impossible.size() > before) failed.insert(KeyOf(function));
  }
  AddCallers(model, failed);
  inlined.insert(failed.begin(), failed.end());
  return {};
}

}  // namespace

StatusOr<VersionReport> ConvertVersion(ir::Model& model, const std::vector<OpsetTarget>& list) {
  ASSIGN_OR_RETURN(const Targets targets, CheckTargets(model, list));
  std::set<std::string> inlined;
  for (;;) {
    const size_t inlined_before = inlined.size();
    const std::vector<std::string> inlined_now(inlined.begin(), inlined.end());
    VersionReport report;
    report.opsets_before = model.opset_imports;
    report.ir_version_before = model.ir_version;
    report.nodes_before = CountNodes(model);
    const std::unique_ptr<ir::Model> copy = ir::CloneModel(model);
    RETURN_IF_ERROR(Attempt(*copy, targets, inlined, report));
    // Each further attempt has inlined more functions, of which there are only so many.
    if (inlined.size() > inlined_before) continue;
    report.inlined = inlined_now;
    if (report.impossible.empty()) {
      version::FinishIrVersion(*copy, model.OpsetVersion(""), copy->OpsetVersion(""));
      report.opsets_after = copy->opset_imports;
      report.ir_version_after = copy->ir_version;
      report.nodes_after = CountNodes(*copy);
      model = std::move(*copy);
    }
    return report;
  }
}

std::string ImpossibleText(const VersionReport& report) {
  std::string text;
  for (const VersionStep& step : report.impossible)
    text += fmt::format("{}{} in {}: {}", text.empty() ? "" : "\n", step.node, step.graph, step.reason);
  return text;
}

}  // namespace sardonyx::optimize
