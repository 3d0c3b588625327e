// sardonyx convert SOURCE -o OUT
#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <functional>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/status_macros.h"
#include "check/check.h"
#include "cli/cli.h"
#include "cli/convert_batch.h"
#include "cli/convert_report.h"
#include "cli/import_source.h"
#include "ir/load.h"
#include "ir/save.h"
#include "optimize/version/convert_version.h"

namespace sardonyx::cli {
namespace {

// Of imported models, unless --opset says another.
constexpr int64_t kDefaultOpset = 18;

struct Flags {
  std::string source, output, report;
  SourceFlags import;
  std::vector<std::string> opsets;
  ConversionCheck check;
  bool again = false;
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

Json VersionJson(const optimize::VersionReport& report) {
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

// What the checker finds in a model; when errors are among it, an error that says the first of them.
StatusOr<std::vector<check::Finding>> CheckWhole(ir::Model& model, StatusCode code, std::string_view what) {
  std::vector<check::Finding> findings = check::CheckModel(model);
  const auto is_error = [](const check::Finding& finding) { return finding.severity == check::Severity::kError; };
  if (std::none_of(findings.begin(), findings.end(), is_error)) return findings;
  std::erase_if(findings, std::not_fn(is_error));
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
                                   "the converted model is not valid, which is a defect of the conversion; nothing is written:")
                            .status();
  if (result.ok()) return {};
  RETURN_IF_ERROR(CheckWhole(original, StatusCode::kInvalid, fmt::format("{} is not a valid model:", source)).status());
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

bool IsBatch(const Flags& flags) {
  std::error_code error;
  return std::filesystem::is_directory(flags.source, error) && !HasKnownSuffix(flags.output);
}

Status CheckFlags(const Flags& flags) {
  if (!HasKnownSuffix(flags.output) && !IsBatch(flags))
    return Unsupported(
        fmt::format("cannot write '{}': the suffixes of formats that exist now are {}", flags.output, fmt::join(kSuffixes, ", ")));
  if (!flags.report.empty() && !flags.report.ends_with(".json") && !flags.report.ends_with(".html"))
    return Unsupported(fmt::format("--report writes .json and .html; '{}' has another suffix", flags.report));
  if (flags.check.inputs.empty() != flags.check.expected.empty()) return Usage("--validate INPUTS and --expect OUTPUTS.npz go together");
  return {};
}

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Bytes of a file, or of all files below a folder.
uint64_t BytesOf(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_regular_file(path, error)) return std::filesystem::file_size(path, error);
  uint64_t bytes = 0;
  for (auto at = std::filesystem::recursive_directory_iterator(path, error); !error && at != std::filesystem::end(at); at.increment(error))
    if (at->is_regular_file(error)) bytes += at->file_size(error);
  return bytes;
}

// The last steps of every conversion: validate, save, report. The exit code.
StatusOr<int> Finish(const Flags& flags, const CommonFlags& common, std::shared_ptr<ir::Model> model, ConversionReport report,
                     const std::string& summary, const Output& out) {
  Describe(*model, &report);
  report.source_bytes = BytesOf(flags.source);
  RETURN_IF_ERROR(ValidateConversion(flags.check, model, common.threads, &report));
  RETURN_IF_ERROR(ir::SaveModel(*model, flags.output));
  report.target_bytes = BytesOf(flags.output);
  RETURN_IF_ERROR(WriteConversionReport(flags.report, report));
  bool ok = true;
  if (report.validation) {
    ok = report.validation->ok;
    for (const validate::CaseResult& one : report.validation->cases) {
      if (!one.reason.empty()) out.Line(fmt::format("{} {}: {}", out.Bad("DIFFERS"), one.name, one.reason));
      for (const validate::OutputResult& result : one.outputs) {
        const validate::TensorDifference& d = result.difference;
        out.Line(fmt::format("{} {}{}", d.ok ? out.Good("equal") : out.Bad("DIFFERS"), d.name,
                             d.ok ? fmt::format("  max abs {:.3g}", d.max_abs) : ": " + d.reason));
      }
    }
  }
  out.Line(summary);
  if (out.json()) out.Document(ToJson(report));
  return ok ? 0 : 1;
}

// What could not be translated, all of it.
StatusOr<int> Refuse(const Flags& flags, const ConversionReport& report, const Output& out) {
  RETURN_IF_ERROR(WriteConversionReport(flags.report, report));
  if (out.json()) {
    Json document = ToJson(report);
    document["ok"] = false;
    out.Document(document);
  }
  const size_t count = report.imported->unsupported.size();
  std::fprintf(stderr, "sardonyx convert: unsupported: %s: nothing is written, since %zu operator%s cannot be translated:\n%s\n%s\n",
               flags.source.c_str(), count, count == 1 ? "" : "s", import::UnsupportedText(*report.imported).c_str(),
               "--allow-unsupported writes the model with nodes of domain pkg.torch in their places");
  return 3;
}

// A model of another framework: imported at opset 18 or above, then lowered if --opset asks for less.
StatusOr<int> RunImport(const Flags& flags, const CommonFlags& common, import::Imported imported,
                        const std::vector<optimize::OpsetTarget>& targets, std::chrono::steady_clock::time_point start, const Output& out) {
  ConversionReport report;
  report.source = flags.source;
  report.target = flags.output;
  report.imported = std::move(imported.report);
  for (const std::string& warning : report.imported->warnings) out.Line("note: " + warning);
  if (imported.model == nullptr) return Refuse(flags, report, out);
  const std::shared_ptr<ir::Model> model = std::move(imported.model);
  ASSIGN_OR_RETURN(report.findings, CheckWhole(*model, StatusCode::kInternal,
                                               "the converted model is not valid, which is a defect of the conversion; nothing is written:"));
  std::vector<optimize::OpsetTarget> lower;
  for (const optimize::OpsetTarget& target : targets)
    if (target.version != model->OpsetVersion(target.domain)) lower.push_back(target);
  if (!lower.empty()) {
    ASSIGN_OR_RETURN(const optimize::VersionReport versions, optimize::ConvertVersion(*model, lower));
    report.details = VersionJson(versions);
    if (!versions.impossible.empty()) {
      std::fprintf(stderr, "sardonyx convert: unsupported: %s: nothing is written, since opset %lld cannot say it:\n%s\n", flags.source.c_str(),
                   static_cast<long long>(lower[0].version), optimize::ImpossibleText(versions).c_str());
      return 3;
    }
    ASSIGN_OR_RETURN(report.findings,
                     CheckWhole(*model, StatusCode::kInternal, "the converted model is not valid at that opset; nothing is written:"));
  }
  report.seconds = SecondsSince(start);
  size_t operators = 0;
  for (const auto& [name, count] : report.imported->operators) operators += count;
  if (!report.imported->unsupported.empty())
    out.Line(fmt::format("note: operators without a translation stay as nodes of domain pkg.torch:\n{}", import::UnsupportedText(*report.imported)));
  const std::string summary =
      fmt::format("{}: {}; {}{} nodes of opset {}; wrote {}", flags.source, report.imported->format,
                  operators > 0 ? fmt::format("{} operators became ", operators) : "", model->graph->nodes().size(), model->OpsetVersion(""), flags.output);
  return Finish(flags, common, model, std::move(report), summary, out);
}

StatusOr<int> RunBatch(const Flags& flags, const CommonFlags& common, const Output& out) {
  BatchOptions options{flags.source, flags.output, {}, flags.check.inputs, flags.check.expected, flags.report, flags.again};
  const auto add = [&](const char* flag, const std::string& value) {
    if (value.empty()) return;
    options.flags.emplace_back(flag);
    options.flags.push_back(value);
  };
  for (const std::string& opset : flags.opsets) add("--opset", opset);
  add("--from", flags.import.from);
  add("--arch", flags.import.architecture);
  for (const std::string& input : flags.import.inputs) add("--input", input);
  for (const std::string& dynamic : flags.import.dynamic) add("--dynamic", dynamic);
  if (flags.import.allow_unsupported) options.flags.emplace_back("--allow-unsupported");
  add("--rtol", fmt::format("{}", flags.check.tolerance.rtol));
  add("--atol", fmt::format("{}", flags.check.tolerance.atol));
  if (common.threads > 0) add("--threads", std::to_string(common.threads));
  for (const std::string& library : common.custom_ops) add("--custom-ops", library);
  return ConvertBatch(options, out);
}

// ONNX to ONNX: another opset, another form of file.
StatusOr<int> RunVersions(const Flags& flags, const CommonFlags& common, const std::vector<optimize::OpsetTarget>& targets,
                          std::chrono::steady_clock::time_point start, const Output& out) {
  StatusOr<std::unique_ptr<ir::Model>> loaded = ir::LoadModel(flags.source);
  if (!loaded.ok()) return loaded.status();
  const std::shared_ptr<ir::Model> model = *std::move(loaded);
  const std::unique_ptr<ir::Model> original = ir::CloneModel(*model);
  ASSIGN_OR_RETURN(const optimize::VersionReport versions, optimize::ConvertVersion(*model, targets));
  ConversionReport report;
  report.source = flags.source;
  report.target = flags.output;
  report.details = VersionJson(versions);
  if (!versions.impossible.empty()) {
    RETURN_IF_ERROR(WriteConversionReport(flags.report, report));
    if (out.json()) out.Document(report.details);
    std::fprintf(stderr, "sardonyx convert: unsupported: %s: nothing is written, since %zu node%s cannot be converted:\n%s\n",
                 flags.source.c_str(), versions.impossible.size(), versions.impossible.size() == 1 ? "" : "s",
                 optimize::ImpossibleText(versions).c_str());
    return 3;
  }
  RETURN_IF_ERROR(CheckResult(*model, *original, flags.source));
  report.details.erase("ok");  // said by the validation
  report.seconds = SecondsSince(start);
  if (out.verbose())
    for (const optimize::VersionStep& step : versions.changed)
      out.Line(fmt::format("  {} in {}: {} {} -> {}", step.node, step.graph, step.op, step.from, step.to));
  for (const optimize::VersionStep& note : versions.notes) report.notes.push_back(fmt::format("{} in {}: {}", note.node, note.graph, note.reason));
  for (const std::string& note : report.notes) out.Line("note: " + note);
  for (const std::string& name : versions.inlined) out.Line(fmt::format("calls of function {} were replaced by its body", name));
  const std::string summary = fmt::format("{}: {}; {} of {} nodes rewritten; wrote {}", flags.source, OpsetText(versions), CountRewritten(versions),
                                          versions.nodes_before, flags.output);
  return Finish(flags, common, model, std::move(report), summary, out);
}

StatusOr<int> Run(const Flags& flags, const CommonFlags& common, const Output& out) {
  RETURN_IF_ERROR(CheckFlags(flags));
  if (IsBatch(flags)) return RunBatch(flags, common, out);
  const auto start = std::chrono::steady_clock::now();
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
  if (imported) return RunImport(flags, common, *std::move(imported), targets, start, out);
  return RunVersions(flags, common, targets, start, out);
}

}  // namespace

void AddConvert(Program& program) {
  auto flags = std::make_shared<Flags>();
  Command& command = program.Add("convert", "Convert a model of another framework to ONNX, or an ONNX model to another opset or file form",
                                 {"sardonyx convert model.pt2 -o model.onnx", "sardonyx convert model.onnx --opset 21 -o newer.onnx",
                                  "sardonyx convert weights.pth --arch resnet50 -o model.onnx --report report.html",
                                  "sardonyx convert models/ -o converted/ --report report.html",
                                  "sardonyx convert model.onnx -o model.onnxtxt",
                                  "sardonyx convert trees.onnx --opset 18,ai.onnx.ml=3 -o older.onnx --report report.json"});
  command.app->add_option("source", flags->source, "Model file or folder, or - for standard input")->required();
  command.app->add_option("-o,--output", flags->output, "File to write: .onnx, .onnx.gz, .onnx.tar, .onnxtxt or .json; or a folder, for all models of a folder")
      ->required();
  command.app->add_option("--opset", flags->opsets, "Version of ai.onnx to convert to (of imported models 18 unless said), or DOMAIN=N for another domain; several with commas")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.app->add_option("--from", flags->import.from, "Format of the source: onnx or pytorch; by default its content says it");
  command.app->add_option("--input", flags->import.inputs, "An input that the source does not describe: NAME:DTYPE[batch,3,224,224]; a word is a symbolic dim")
      ->allow_extra_args(false)
      ->take_all();
  command.app->add_option("--dynamic", flags->import.dynamic, "A dim that the source fixes becomes symbolic: NAME:AXIS=SYMBOL")
      ->allow_extra_args(false)
      ->take_all();
  command.app->add_option("--arch", flags->import.architecture, "Architecture of a file of weights: resnet50, vit_b_16, ...; auto (the default) recognizes it");
  command.app->add_flag("--allow-unsupported", flags->import.allow_unsupported, "Write operators without a translation as nodes of domain pkg.torch");
  command.app->add_option("--report", flags->report, "Write a report of the conversion: FILE.json or FILE.html");
  command.app
      ->add_option("--validate", flags->check.inputs,
                   "Run the result on these inputs, FILE or NAME=FILE, and compare with --expect; of a folder's models, names of files beside each")
      ->allow_extra_args(false)
      ->take_all();
  command.app->add_option("--expect", flags->check.expected, "Expected outputs (.npz) for --validate; may be repeated together with it")
      ->allow_extra_args(false)
      ->take_all();
  command.app->add_option("--rtol", flags->check.tolerance.rtol, "Relative tolerance of --validate")->check(CLI::NonNegativeNumber);
  command.app->add_option("--atol", flags->check.tolerance.atol, "Absolute tolerance of --validate")->check(CLI::NonNegativeNumber);
  command.app->add_flag("--again", flags->again, "Of a folder, convert also what is up to date");
  command.run = [flags, &program](const Output& out) { return Run(*flags, program.flags(), out); };
}

}  // namespace sardonyx::cli
