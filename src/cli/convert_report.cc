#include "cli/convert_report.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "base/file.h"
#include "base/status_macros.h"
#include "cli/runner.h"
#include "formats/markup.h"
#include "validate/report.h"

namespace sardonyx::cli {
namespace {

using formats::Escaped;
using validate::HtmlPage;
using Clock = std::chrono::steady_clock;

constexpr double kTimingSeconds = 0.5;

std::string DomainName(std::string_view domain) { return ir::NormalDomain(domain).empty() ? "ai.onnx" : std::string(domain); }

// The first run has warmed caches and made a plan.
StatusOr<double> FastestMilliseconds(const validate::Runner& run, const validate::NamedValues& inputs) {
  double best = 0;
  const auto begin = Clock::now();
  for (int i = 0; i < 3 || std::chrono::duration<double>(Clock::now() - begin).count() < kTimingSeconds; ++i) {
    const auto start = Clock::now();
    RETURN_IF_ERROR(run(inputs).status());
    const double ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    best = best == 0 ? ms : std::min(best, ms);
  }
  return best;
}

std::vector<std::vector<std::string>> CountRows(const std::map<std::string, size_t>& counts) {
  std::vector<std::pair<std::string, size_t>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, count] : sorted) rows.push_back({"<code>" + Escaped(name) + "</code>", std::to_string(count)});
  return rows;
}

void AddImport(HtmlPage* page, const import::ImportReport& report) {
  if (!report.operators.empty()) {
    page->Heading("Operators of the source");
    page->Table({"operator", "count"}, CountRows(report.operators));
  }
  if (report.unsupported.empty()) return;
  page->Heading("Without a translation");
  std::vector<std::vector<std::string>> rows;
  for (const import::Unsupported& one : report.unsupported) {
    std::string places;
    for (const std::string& place : one.places) places += (places.empty() ? "" : "<br>") + Escaped(place);
    rows.push_back({"<code>" + Escaped(one.target) + "</code>", places, Escaped(one.reason)});
  }
  page->Table({"operator", "places", "why"}, rows);
}

std::string HtmlReport(const ConversionReport& report) {
  HtmlPage page(report.target, "Converted from " + report.source);
  const bool refused = report.imported && !report.imported->unsupported.empty() && report.nodes == 0;
  const bool valid = std::none_of(report.findings.begin(), report.findings.end(),
                                  [](const check::Finding& finding) { return finding.severity == check::Severity::kError; });
  if (refused)
    page.Verdict(false, fmt::format("Not converted: {} operators have no translation", report.imported->unsupported.size()));
  else
    page.Verdict(valid, valid ? "Converted, and valid" : "Converted, but not valid");
  std::vector<std::pair<std::string, std::string>> figures = {{"source", HumanBytes(report.source_bytes)}, {"result", HumanBytes(report.target_bytes)},
                                                              {"nodes", std::to_string(report.nodes)},
                                                              {"parameters", fmt::format("{}", report.parameters)},
                                                              {"weights", HumanBytes(report.weight_bytes)},
                                                              {"seconds", fmt::format("{:.2f}", report.seconds)}};
  if (report.run_ms > 0) figures.emplace_back("ms a run", fmt::format("{:.3g}", report.run_ms));
  page.Figures(figures);
  if (report.imported) page.Paragraph(report.imported->format + (report.imported->version.empty() ? "" : ", written by " + report.imported->version));
  for (const ir::OpsetImport& opset : report.opsets) page.Paragraph(fmt::format("Opset {} {}", DomainName(opset.domain), opset.version));
  std::vector<std::string> remarks = report.notes;
  if (report.imported) remarks.insert(remarks.end(), report.imported->warnings.begin(), report.imported->warnings.end());
  if (!remarks.empty()) page.Heading("Remarks");
  for (const std::string& remark : remarks) page.Paragraph(remark);
  if (!report.findings.empty()) page.Heading("Findings of the checker");
  for (const check::Finding& finding : report.findings) page.Paragraph(finding.ToString());
  if (report.validation) {
    page.Heading("Numerical results");
    validate::AddTo(&page, *report.validation);
  }
  if (!report.operators.empty()) {
    page.Heading("Nodes of the result");
    page.Table({"operator", "count"}, CountRows(report.operators));
  }
  if (report.imported) AddImport(&page, *report.imported);
  return page.Finish();
}

}  // namespace

void Describe(const ir::Model& model, ConversionReport* report) {
  report->opsets = model.opset_imports;
  if (!model.graph) return;
  ir::ForEachNode(*model.graph, [&](const ir::Node& node) {
    const std::string_view domain = ir::NormalDomain(node.domain);
    ++report->operators[domain.empty() ? node.op_type : fmt::format("{}.{}", domain, node.op_type)];
    ++report->nodes;
  });
  for (const ir::Value* value : model.graph->initializers()) {
    ++report->initializers;
    int64_t count = 1;
    for (const int64_t dim : value->initializer()->dims) count *= std::max<int64_t>(0, dim);
    report->parameters += count;
    report->weight_bytes += value->initializer()->byte_size();
  }
}

Status ValidateConversion(const ConversionCheck& check, std::shared_ptr<const ir::Model> model, int threads, ConversionReport* report) {
  if (check.inputs.empty()) return {};
  const std::vector<ValueInfo> infos = Model(model).inputs();
  ASSIGN_OR_RETURN(const validate::Runner run, MakeRunner(std::move(model), {}, "cpu", threads));
  validate::Comparison comparison(report->target, run, check.expected.size() == 1 ? check.expected[0] : "expected outputs", nullptr, check.tolerance);
  const bool pairs = check.expected.size() > 1;
  if (pairs && check.expected.size() != check.inputs.size())
    return Usage(fmt::format("--expect names {} files and --validate {}: each needs its other", check.expected.size(), check.inputs.size()));
  for (size_t i = 0; i < check.expected.size(); ++i) {
    const std::vector<std::string> specs = pairs ? std::vector<std::string>{check.inputs[i]} : check.inputs;
    ASSIGN_OR_RETURN(const validate::NamedValues inputs, ReadInputs(specs, {infos, check.pictures, {}}));
    ASSIGN_OR_RETURN(const validate::NamedValues expected, ReadArrays(check.expected[i]));
    comparison.RunExpecting(std::filesystem::path(specs[0]).filename().string(), inputs, expected);
    if (i == 0 && comparison.last().reason.empty()) {
      ASSIGN_OR_RETURN(report->run_ms, FastestMilliseconds(run, inputs));
    }
  }
  report->validation = comparison.Finish();
  return {};
}

Json ToJson(const ConversionReport& report) {
  Json json = {{"ok", !report.validation || report.validation->ok}, {"source", report.source}, {"target", report.target}};
  for (const auto& [key, value] : report.details.items()) json[key] = value;
  json["seconds"] = report.seconds;
  json["bytes"] = {{"source", report.source_bytes}, {"target", report.target_bytes}, {"weights", report.weight_bytes}};
  Json opsets = Json::object();
  for (const ir::OpsetImport& opset : report.opsets) opsets[DomainName(opset.domain)] = opset.version;
  json["result"] = {{"opsets", opsets},           {"nodes", report.nodes},           {"operators", report.operators},
                    {"initializers", report.initializers}, {"parameters", report.parameters}};
  Json remarks = report.notes;
  if (report.imported) {
    const import::ImportReport& imported = *report.imported;
    Json unsupported = Json::array();
    for (const import::Unsupported& one : imported.unsupported)
      unsupported.push_back({{"operator", one.target}, {"places", one.places}, {"reason", one.reason}});
    json["import"] = {{"format", imported.format}, {"version", imported.version}, {"operators", imported.operators}, {"unsupported", unsupported}};
    for (const std::string& warning : imported.warnings) remarks.push_back(warning);
  }
  json["warnings"] = remarks;
  Json findings = Json::array();
  for (const check::Finding& finding : report.findings) findings.push_back(finding.ToString());
  json["check"] = findings;
  if (report.validation) json["validation"] = validate::ToJson(*report.validation);
  if (report.run_ms > 0) json["run_ms"] = report.run_ms;
  return json;
}

Status WriteConversionReport(const std::string& path, const ConversionReport& report) {
  if (path.empty()) return {};
  if (path.ends_with(".html")) return WriteFileAtomically(path, HtmlReport(report));
  return WriteFileAtomically(path, ToJson(report).dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace sardonyx::cli
