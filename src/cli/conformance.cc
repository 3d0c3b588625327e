// sardonyx conformance DIR
#include <atomic>
#include <fstream>
#include <regex>
#include <set>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "check/check.h"
#include "cli/cli.h"
#include "optimize/version/convert_version.h"
#include "validate/conformance.h"

namespace sardonyx::cli {
namespace {

using validate::ConformanceResult;

struct Flags {
  std::string folder, filter, expected_failures;
  std::vector<std::string> providers = {"cpu"};
  bool only_failed = false;
  std::vector<int64_t> opsets;
};

std::string_view Name(ConformanceResult::Outcome outcome) {
  switch (outcome) {
    case ConformanceResult::Outcome::kPassed:
      return "passed";
    case ConformanceResult::Outcome::kFailed:
      return "failed";
    case ConformanceResult::Outcome::kSkipped:
      return "skipped";
  }
  return "";
}

// One name a line; '#' starts a comment.
StatusOr<std::set<std::string>> ReadNames(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Corrupt(fmt::format("{}: cannot be read", path));
  std::set<std::string> names;
  for (std::string line; std::getline(file, line);) {
    line = line.substr(0, line.find('#'));
    while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back()))) line.pop_back();
    if (!line.empty()) names.insert(line);
  }
  return names;
}

// The model at one opset after the other, valid at the last; kUnsupported, with the first reason, if it cannot be.
Status ConvertTo(const std::vector<int64_t>& opsets, ir::Model& model) {
  for (const int64_t opset : opsets) {
    ASSIGN_OR_RETURN(const optimize::VersionReport report, optimize::ConvertVersion(model, {{"", opset}}));
    if (!report.impossible.empty()) return Unsupported(fmt::format("{}: {}", report.impossible[0].op, report.impossible[0].reason));
  }
  for (const check::Finding& finding : check::CheckModel(model))
    if (finding.severity == check::Severity::kError) return Invalid("converted: " + finding.ToString());
  return {};
}

StatusOr<int> Run(const Flags& flags, const CommonFlags& common, const Output& out) {
  ASSIGN_OR_RETURN(std::vector<validate::ConformanceCase> cases, validate::FindCases(flags.folder));
  if (!flags.filter.empty()) {
    std::regex filter;
    try {
      filter = std::regex(flags.filter);
    } catch (const std::regex_error& error) {
      return Usage(fmt::format("--filter '{}' is not a regular expression: {}", flags.filter, error.what()));
    }
    std::erase_if(cases, [&](const auto& one) { return !std::regex_search(one.name, filter); });
    if (cases.empty()) return Usage(fmt::format("no case matches '{}'", flags.filter));
  }
  std::set<std::string> expected;
  if (!flags.expected_failures.empty()) {
    ASSIGN_OR_RETURN(expected, ReadNames(flags.expected_failures));
  }
  SessionOptions options;
  options.threads = common.threads;
  options.providers = flags.providers;

  validate::ModelChange change;
  if (!flags.opsets.empty()) change = [&](ir::Model& model) { return ConvertTo(flags.opsets, model); };

  int counts[3] = {0, 0, 0};
  int unexpected = 0, draws = 0;
  Json list = Json::array();
  for (size_t i = 0; i < cases.size(); ++i) {
    out.Progress(i, cases.size(), cases[i].name);
    const ConformanceResult result = validate::RunCase(cases[i], options, change);
    ++counts[static_cast<int>(result.outcome)];
    const bool failed = result.outcome == ConformanceResult::Outcome::kFailed;
    const bool surprise = !flags.expected_failures.empty() && failed != expected.contains(result.name);
    unexpected += surprise;
    draws += result.draws;
    if (out.json() && (failed || !flags.only_failed))
      list.push_back({{"name", result.name}, {"status", Name(result.outcome)}, {"reason", result.reason}, {"seconds", result.seconds}});
    const bool skipped = result.outcome == ConformanceResult::Outcome::kSkipped;
    if (failed || out.verbose() || surprise) {
      out.ClearProgress();
      out.Line(fmt::format("{} {}{}{}",
                           failed    ? out.Bad("failed")
                           : skipped ? "skipped"
                                     : out.Good("passed"),
                           result.name, result.reason.empty() ? "" : ": " + result.reason,
                           surprise ? (failed ? " (unexpected)" : " (listed as failing: remove it from the list)") : ""));
    }
  }
  out.ClearProgress();
  if (out.json())
    out.Document(
        {{"passed", counts[0]}, {"failed", counts[1]}, {"skipped", counts[2]}, {"compared_as_draws", draws}, {"cases", std::move(list)}});
  out.Line(fmt::format("{} passed, {} failed, {} skipped", counts[0], counts[1], counts[2]));
  if (draws > 0)
    out.Line(
        fmt::format("{} Bernoulli cases compared by type, shape and range only: ONNX drew their expected outputs without a seed", draws));
  return flags.expected_failures.empty() ? (counts[1] ? 1 : 0) : (unexpected ? 1 : 0);
}

}  // namespace

void AddConformance(Program& program) {
  auto flags = std::make_shared<Flags>();
  Command& command =
      program.Add("conformance", "Run ONNX backend test data",
                  {"sardonyx conformance onnx/backend/test/data", "sardonyx conformance data --filter 'node/test_conv' --json"});
  command.app->add_option("folder", flags->folder, "Folder with test cases, at any depth")->required();
  command.app->add_option("--filter", flags->filter, "Only cases whose name matches this regular expression");
  command.app->add_option("--provider", flags->providers, "Execution providers, in order of preference")->delimiter(',');
  command.app
      ->add_option("--opset", flags->opsets,
                   "Convert each model to this version of ai.onnx first, or to several in turn (13,28); skips those that cannot be")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::PositiveNumber);
  command.app->add_flag("--only-failed", flags->only_failed, "List failures only");
  command.app->add_option("--expected-failures", flags->expected_failures,
                          "File of case names that may fail; a listed case that passes is an error");
  command.run = [flags, &program](const Output& out) { return Run(*flags, program.flags(), out); };
}

}  // namespace sardonyx::cli
