// sardonyx convert SOURCE -o OUT
#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/file.h"
#include "base/status_macros.h"
#include "check/check.h"
#include "cli/cli.h"
#include "cli/import_source.h"
#include "cli/tensors.h"
#include "ir/load.h"
#include "ir/save.h"
#include "optimize/version/convert_version.h"
#include "validate/compare.h"

namespace sardonyx::cli {
namespace {

// Of imported models, unless --opset says another.
constexpr int64_t kDefaultOpset = 18;

struct Flags {
  std::string source, output, report, expect;
  SourceFlags import;
  std::vector<std::string> opsets, inputs;
  validate::Tolerance tolerance{1e-3, 1e-5};
  PictureFlags pictures;
};

constexpr std::string_view kSuffixes[] = {".onnx", ".onnx.gz", ".onnx.tar", ".onnx.tar.gz", ".onnxtxt", ".json"};

bool HasKnownSuffix(const std::string& path) {
  return std::any_of(std::begin(kSuffixes), std::end(kSuffixes), [&](std::string_view suffix) { return path.ends_with(suffix); });
}

// "18", "ai.onnx.ml=5"
StatusOr<optimize::OpsetTarget> ParseTarget(const std::string& text) {
  const size_t equal = text.rfind('=');
  optimize::OpsetTarget target;
  if (equal != std::string::npos) target.domain = std::string(ir::NormalDomain(text.substr(0, equal)));
  const std::string number = text.substr(equal == std::string::npos ? 0 : equal + 1);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), target.version);
  if (error != std::errc() || end != number.data() + number.size())
    return Usage(fmt::format("--opset takes N for ai.onnx, or DOMAIN=N; '{}' is neither", text));
  return target;
}

std::string Shown(std::string_view domain) { return domain.empty() ? "ai.onnx" : std::string(domain); }

Json OpsetsJson(const std::vector<ir::OpsetImport>& imports) {
  Json json = Json::object();
  for (const ir::OpsetImport& import : imports) json[Shown(ir::NormalDomain(import.domain))] = import.version;
  return json;
}

Json StepsJson(const std::vector<optimize::VersionStep>& steps) {
  Json list = Json::array();
  for (const optimize::VersionStep& step : steps) {
    Json json = {{"graph", step.graph}, {"node", step.node}, {"op", step.op}, {"from", step.from}};
    if (step.to != 0) json["to"] = step.to;
    if (!step.reason.empty()) json["reason"] = step.reason;
    list.push_back(std::move(json));
  }
  return list;
}

Json ReportJson(const optimize::VersionReport& report) {
  const bool ok = report.impossible.empty();
  Json json = {{"ok", ok},
               {"opsets", {{"before", OpsetsJson(report.opsets_before)}, {"after", OpsetsJson(report.opsets_after)}}},
               {"ir_version", {{"before", report.ir_version_before}, {"after", report.ir_version_after}}},
               {"nodes", {{"before", report.nodes_before}, {"after", report.nodes_after}}},
               {"changed", StepsJson(report.changed)},
               {"impossible", StepsJson(report.impossible)},
               {"notes", StepsJson(report.notes)},
               {"inlined", report.inlined}};
  return json;
}

// The first errors of a model; ok when there is none.
Status CheckWhole(ir::Model& model, StatusCode code, std::string_view what) {
  std::vector<check::Finding> findings = check::CheckModel(model);
  std::erase_if(findings, [](const check::Finding& finding) { return finding.severity != check::Severity::kError; });
  if (findings.empty()) return {};
  constexpr size_t kShown = 5;
  std::string text(what);
  for (size_t i = 0; i < findings.size() && i < kShown; ++i) text += "\n  " + findings[i].ToString();
  if (findings.size() > kShown) text += fmt::format("\n  and {} more; `sardonyx check` shows them", findings.size() - kShown);
  return Status(code, text);
}

// Nodes of the file; one of them may take several steps.
size_t CountRewritten(const optimize::VersionReport& report) {
  std::set<std::pair<std::string, std::string>> nodes;
  for (const optimize::VersionStep& step : report.changed) nodes.emplace(step.graph, step.node);
  return nodes.size();
}

// A model that is not valid may become so, as where an operator is deprecated at its opset. If it does not, it is to blame.
Status CheckResult(ir::Model& model, ir::Model& original, const std::string& source) {
  const Status result = CheckWhole(model, StatusCode::kInternal,
                                   "the converted model is not valid, which is a defect of the conversion; nothing is written:");
  if (result.ok()) return {};
  RETURN_IF_ERROR(CheckWhole(original, StatusCode::kInvalid, fmt::format("{} is not a valid model:", source)));
  return result;
}

std::string OpsetText(const optimize::VersionReport& report) {
  std::vector<std::string> parts;
  for (const ir::OpsetImport& after : report.opsets_after) {
    int64_t before = 0;
    for (const ir::OpsetImport& import : report.opsets_before)
      if (import.domain == after.domain) before = import.version;
    if (before != after.version) parts.push_back(fmt::format("{} {} -> {}", Shown(ir::NormalDomain(after.domain)), before, after.version));
  }
  if (report.ir_version_before != report.ir_version_after)
    parts.push_back(fmt::format("IR {} -> {}", report.ir_version_before, report.ir_version_after));
  return parts.empty() ? "no version changes" : fmt::format("{}", fmt::join(parts, ", "));
}

Status WriteReport(const Flags& flags, const Json& report) {
  if (flags.report.empty()) return {};
  return WriteFileAtomically(flags.report, report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

// Runs the model and compares: the differences, and whether all are within tolerance.
StatusOr<Json> Validate(const Flags& flags, const CommonFlags& common, std::shared_ptr<const ir::Model> model, bool* ok,
                        const Output& out) {
  SessionOptions options;
  options.threads = common.threads;
  ASSIGN_OR_RETURN(const Session session, Session::Create(Model(std::move(model)), options));
  ASSIGN_OR_RETURN(const std::vector<Session::NamedValue> inputs, ReadInputs(flags.inputs, {session.inputs(), flags.pictures, {}}));
  ASSIGN_OR_RETURN(const std::vector<Session::NamedValue> expected, ReadArrays(flags.expect));
  ASSIGN_OR_RETURN(const std::vector<Value> got, session.Run(inputs));
  Json list = Json::array();
  for (size_t i = 0; i < got.size(); ++i) {
    const std::string& name = session.outputs()[i].name;
    const auto named = std::find_if(expected.begin(), expected.end(), [&](const auto& one) { return one.first == name; });
    if (named == expected.end() && i >= expected.size()) return Usage(fmt::format("{} has no array for output '{}'", flags.expect, name));
    const std::string reason =
        validate::CompareValues(got[i], named == expected.end() ? expected[i].second : named->second, flags.tolerance);
    *ok &= reason.empty();
    out.Line(fmt::format("{} {}{}", reason.empty() ? out.Good("equal") : out.Bad("DIFFERS"), name, reason.empty() ? "" : ": " + reason));
    list.push_back({{"name", name}, {"ok", reason.empty()}, {"reason", reason}});
  }
  return list;
}

Status CheckFlags(const Flags& flags) {
  if (!HasKnownSuffix(flags.output))
    return Unsupported(
        fmt::format("cannot write '{}': the suffixes of formats that exist now are {}", flags.output, fmt::join(kSuffixes, ", ")));
  if (!flags.report.empty() && !flags.report.ends_with(".json"))
    return Unsupported(fmt::format("--report writes .json; '{}' has another suffix", flags.report));
  if (flags.inputs.empty() != flags.expect.empty()) return Usage("--validate INPUTS and --expect OUTPUTS.npz go together");
  return {};
}

Json ImportJson(const import::ImportReport& report) {
  Json unsupported = Json::array();
  for (const import::Unsupported& one : report.unsupported)
    unsupported.push_back({{"operator", one.target}, {"places", one.places}, {"reason", one.reason}});
  return {{"format", report.format},
          {"version", report.version},
          {"operators", report.operators},
          {"unsupported", unsupported},
          {"warnings", report.warnings}};
}

// What could not be translated, all of it.
int Refuse(const Flags& flags, const import::ImportReport& report, const Output& out) {
  if (out.json()) out.Document({{"ok", false}, {"source", ImportJson(report)}});
  std::fprintf(stderr, "sardonyx convert: unsupported: %s: nothing is written, since %zu operator%s cannot be translated:\n%s\n%s\n",
               flags.source.c_str(), report.unsupported.size(), report.unsupported.size() == 1 ? "" : "s",
               import::UnsupportedText(report).c_str(),
               "--allow-unsupported writes the model with nodes of domain pkg.torch in their places");
  return 3;
}

// A model of another framework: imported at opset 18 or above, then lowered if --opset asks for less.
StatusOr<int> RunImport(const Flags& flags, const CommonFlags& common, import::Imported imported,
                        const std::vector<optimize::OpsetTarget>& targets, const Output& out) {
  const import::ImportReport& report = imported.report;
  for (const std::string& warning : report.warnings) out.Line("note: " + warning);
  if (imported.model == nullptr) {
    RETURN_IF_ERROR(WriteReport(flags, {{"ok", false}, {"source", ImportJson(report)}}));
    return Refuse(flags, report, out);
  }
  const std::shared_ptr<ir::Model> model = std::move(imported.model);
  RETURN_IF_ERROR(CheckWhole(*model, StatusCode::kInternal,
                             "the converted model is not valid, which is a defect of the conversion; nothing is written:"));
  Json document = {{"ok", true}, {"source", ImportJson(report)}};
  std::vector<optimize::OpsetTarget> lower;
  for (const optimize::OpsetTarget& target : targets)
    if (target.version != model->OpsetVersion(target.domain)) lower.push_back(target);
  if (!lower.empty()) {
    ASSIGN_OR_RETURN(const optimize::VersionReport versions, optimize::ConvertVersion(*model, lower));
    document["versions"] = ReportJson(versions);
    if (!versions.impossible.empty()) {
      std::fprintf(stderr, "sardonyx convert: unsupported: %s: nothing is written, since opset %lld cannot say it:\n%s\n",
                   flags.source.c_str(), static_cast<long long>(lower[0].version), optimize::ImpossibleText(versions).c_str());
      return 3;
    }
    RETURN_IF_ERROR(CheckWhole(*model, StatusCode::kInternal, "the converted model is not valid at that opset; nothing is written:"));
  }
  bool ok = true;
  if (!flags.inputs.empty()) {
    ASSIGN_OR_RETURN(document["validation"], Validate(flags, common, model, &ok, out));
    document["ok"] = ok;
  }
  RETURN_IF_ERROR(ir::SaveModel(*model, flags.output));
  document["nodes"] = model->graph->nodes().size();
  document["opsets"] = OpsetsJson(model->opset_imports);
  RETURN_IF_ERROR(WriteReport(flags, document));
  size_t operators = 0;
  for (const auto& [name, count] : report.operators) operators += count;
  if (!report.unsupported.empty())
    out.Line(fmt::format("note: operators without a translation stay as nodes of domain pkg.torch:\n{}", import::UnsupportedText(report)));
  out.Line(fmt::format("{}: {}; {} operators became {} nodes of opset {}; wrote {}", flags.source, report.format, operators,
                       model->graph->nodes().size(), model->OpsetVersion(""), flags.output));
  if (out.json()) out.Document(document);
  return ok ? 0 : 1;
}

StatusOr<int> Run(const Flags& flags, const CommonFlags& common, const Output& out) {
  RETURN_IF_ERROR(CheckFlags(flags));
  std::vector<optimize::OpsetTarget> targets;
  int64_t opset = kDefaultOpset;
  bool chosen = false;
  for (const std::string& text : flags.opsets) {
    ASSIGN_OR_RETURN(optimize::OpsetTarget target, ParseTarget(text));
    if (target.domain.empty()) opset = std::max<int64_t>(kDefaultOpset, target.version);
    chosen |= target.domain.empty();
    targets.push_back(std::move(target));
  }
  ASSIGN_OR_RETURN(std::optional<import::Imported> imported, ImportSource(flags.source, flags.import, opset));
  // What the default opset cannot say, a newer one may.
  if (imported && !chosen && imported->report.needed_opset > opset) {
    opset = imported->report.needed_opset;
    ASSIGN_OR_RETURN(imported, ImportSource(flags.source, flags.import, opset));
    if (imported) imported->report.warnings.push_back(fmt::format("opset {}, since the model needs it; --opset chooses another", opset));
  }
  if (imported) return RunImport(flags, common, *std::move(imported), targets, out);
  StatusOr<std::unique_ptr<ir::Model>> loaded = ir::LoadModel(flags.source);
  if (!loaded.ok()) return loaded.status();
  std::shared_ptr<ir::Model> model = *std::move(loaded);
  const std::unique_ptr<ir::Model> original = ir::CloneModel(*model);
  ASSIGN_OR_RETURN(const optimize::VersionReport report, optimize::ConvertVersion(*model, targets));
  Json document = ReportJson(report);
  if (!report.impossible.empty()) {
    RETURN_IF_ERROR(WriteReport(flags, document));
    if (out.json()) out.Document(document);
    std::fprintf(stderr, "sardonyx convert: unsupported: %s: nothing is written, since %zu node%s cannot be converted:\n%s\n",
                 flags.source.c_str(), report.impossible.size(), report.impossible.size() == 1 ? "" : "s",
                 optimize::ImpossibleText(report).c_str());
    return 3;
  }
  RETURN_IF_ERROR(CheckResult(*model, *original, flags.source));
  bool ok = true;
  if (!flags.inputs.empty()) {
    ASSIGN_OR_RETURN(document["validation"], Validate(flags, common, model, &ok, out));
    document["ok"] = ok;
  }
  RETURN_IF_ERROR(ir::SaveModel(*model, flags.output));
  RETURN_IF_ERROR(WriteReport(flags, document));
  if (out.verbose())
    for (const optimize::VersionStep& step : report.changed)
      out.Line(fmt::format("  {} in {}: {} {} -> {}", step.node, step.graph, step.op, step.from, step.to));
  for (const optimize::VersionStep& note : report.notes) out.Line(fmt::format("note: {} in {}: {}", note.node, note.graph, note.reason));
  for (const std::string& name : report.inlined) out.Line(fmt::format("calls of function {} were replaced by its body", name));
  out.Line(fmt::format("{}: {}; {} of {} nodes rewritten; wrote {}", flags.source, OpsetText(report), CountRewritten(report),
                       report.nodes_before, flags.output));
  if (out.json()) out.Document(document);
  return ok ? 0 : 1;
}

}  // namespace

void AddConvert(Program& program) {
  auto flags = std::make_shared<Flags>();
  Command& command = program.Add("convert", "Convert a model of another framework to ONNX, or an ONNX model to another opset or file form",
                                 {"sardonyx convert model.pt2 -o model.onnx", "sardonyx convert model.onnx --opset 21 -o newer.onnx",
                                  "sardonyx convert model.onnx -o model.onnxtxt",
                                  "sardonyx convert trees.onnx --opset 18,ai.onnx.ml=3 -o older.onnx --report report.json"});
  command.app->add_option("source", flags->source, "Model file or folder, or - for standard input")->required();
  command.app->add_option("-o,--output", flags->output, "File to write: .onnx, .onnx.gz, .onnx.tar, .onnxtxt or .json")->required();
  command.app
      ->add_option(
          "--opset", flags->opsets,
          "Version of ai.onnx to convert to (of imported models 18 unless said), or DOMAIN=N for another domain; several with commas")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.app->add_option("--from", flags->import.from, "Format of the source: onnx or pytorch; by default its content says it");
  command.app
      ->add_option("--input", flags->import.inputs,
                   "An input that the source does not describe: NAME:DTYPE[batch,3,224,224]; a word is a symbolic dim")
      ->allow_extra_args(false)
      ->take_all();
  command.app->add_option("--dynamic", flags->import.dynamic, "A dim that the source fixes becomes symbolic: NAME:AXIS=SYMBOL")
      ->allow_extra_args(false)
      ->take_all();
  command.app->add_flag("--allow-unsupported", flags->import.allow_unsupported,
                        "Write operators without a translation as nodes of domain pkg.torch");
  command.app->add_option("--report", flags->report, "Write what was changed, or cannot be, to this .json file");
  command.app->add_option("--validate", flags->inputs, "Run the result on these inputs, FILE or NAME=FILE, and compare with --expect")
      ->allow_extra_args(false)
      ->take_all();
  command.app->add_option("--expect", flags->expect, "Expected outputs (.npz) for --validate");
  command.app->add_option("--rtol", flags->tolerance.rtol, "Relative tolerance of --validate")->check(CLI::NonNegativeNumber);
  command.app->add_option("--atol", flags->tolerance.atol, "Absolute tolerance of --validate")->check(CLI::NonNegativeNumber);
  command.run = [flags, &program](const Output& out) { return Run(*flags, program.flags(), out); };
}

}  // namespace sardonyx::cli
