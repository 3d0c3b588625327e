// sardonyx check MODEL...
#include <fmt/format.h>

#include "base/status_macros.h"
#include "check/check.h"
#include "cli/cli.h"
#include "ir/load.h"

namespace sardonyx::cli {
namespace {

struct Flags {
  std::vector<std::string> models;
  bool structure_only = false;
  bool rules = false;
};

StatusOr<int> Run(const Flags& flags, const Output& out) {
  if (flags.rules) {
    Json list = Json::array();
    for (const check::Rule& rule : check::AllRules()) {
      out.Line(fmt::format("{:<28} {}", rule.name, rule.summary));
      list.push_back({{"rule", rule.name}, {"summary", rule.summary}});
    }
    if (out.json()) out.Document(list);
    return 0;
  }
  if (flags.models.empty()) return Usage("no model given");
  Json results = Json::array();
  int code = 0;
  for (const std::string& path : flags.models) {
    StatusOr<std::unique_ptr<ir::Model>> model = ir::LoadModel(path);
    if (!model.ok()) {
      // The others are checked all the same; the worst answer counts.
      if (flags.models.size() == 1) return model.status();
      std::fprintf(stderr, "sardonyx check: %s\n", model.status().ToString().c_str());
      results.push_back({{"model", path}, {"ok", false}, {"error", model.status().ToString()}});
      code = std::max(code, ExitCode(model.status()));
      continue;
    }
    check::CheckOptions options;
    options.infer = !flags.structure_only;
    const std::vector<check::Finding> findings = check::CheckModel(**model, options);
    const bool bad = check::HasErrors(findings);
    code = std::max(code, bad ? 1 : 0);
    size_t errors = 0, warnings = 0;
    Json list = Json::array();
    for (const check::Finding& finding : findings) {
      const bool error = finding.severity == check::Severity::kError;
      (error ? errors : warnings) += 1;
      out.Line(error ? out.Bad(finding.ToString()) : finding.ToString());
      list.push_back({{"severity", error ? "error" : "warning"},
                      {"rule", finding.rule},
                      {"graph", finding.graph},
                      {"node", finding.node},
                      {"op", finding.op},
                      {"message", finding.message}});
    }
    out.Line(fmt::format(
        "{}: {}{}", path, bad ? out.Bad("invalid") : out.Good("valid"),
        findings.empty() ? ""
                         : fmt::format(" ({} error{}, {} warning{})", errors, errors == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s")));
    results.push_back({{"model", path}, {"ok", !bad}, {"findings", std::move(list)}});
  }
  if (out.json()) out.Document(flags.models.size() == 1 ? results[0] : Json{{"ok", code == 0}, {"models", results}});
  return code;
}

}  // namespace

void AddCheck(Program& program) {
  auto flags = std::make_shared<Flags>();
  Command& command = program.Add("check", "Check models against the ONNX specification",
                                 {"sardonyx check model.onnx", "sardonyx check models/*.onnx --json"});
  command.app->add_option("models", flags->models, "Model files or folders");
  command.app->add_flag("--structure-only", flags->structure_only, "Without type and shape inference");
  command.app->add_flag("--rules", flags->rules, "List the rules");
  command.run = [flags](const Output& out) { return Run(*flags, out); };
}

}  // namespace sardonyx::cli
