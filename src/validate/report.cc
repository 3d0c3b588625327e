#include "validate/report.h"

#include <algorithm>

#include <fmt/format.h>

#include "formats/markup.h"
#include "validate/plots.h"

namespace sardonyx::validate {
namespace {

using formats::Escaped;
using Json = nlohmann::ordered_json;
constexpr size_t kMaxPlots = 8;       // outputs that are drawn
constexpr size_t kMaxLayerRows = 25;  // the worst of them are listed

Json ToJson(const OutputResult& result) {
  Json json = validate::ToJson(result.difference);
  if (result.ranking.rows > 0) {
    json["top1"] = result.ranking.top1;
    json[fmt::format("top{}", result.ranking.k)] = result.ranking.topk;
  }
  return json;
}

Json LayersJson(const LayerReport& report) {
  Json list = Json::array();
  for (const Layer& layer : report.layers)
    list.push_back({{"node", layer.node},
                    {"value", layer.value},
                    {"reference_value", layer.reference_value},
                    {"max_abs", layer.difference.max_abs},
                    {"relative", layer.difference.relative},
                    {"differs", layer.differs},
                    {"explained", layer.explained}});
  Json json = {{"matched_by", report.by_name ? "name" : "structure"}, {"without_counterpart", report.without_counterpart}};
  json["first_differing"] = report.first < 0 ? Json(nullptr) : Json(report.layers[static_cast<size_t>(report.first)].node);
  json["suspects"] = report.suspects;
  json["layers"] = std::move(list);
  return json;
}

std::string Code(std::string_view text) { return "<code>" + Escaped(text) + "</code>"; }

std::string RankText(const Ranking& ranking, double share) { return ranking.rows == 0 ? "" : fmt::format("{:.1f} %", 100 * share); }

void AddOutputs(HtmlPage* page, const Validation& validation) {
  page->Heading("Outputs, worst of all cases");
  std::vector<std::vector<std::string>> rows;
  for (const Validation::Output& output : validation.outputs) {
    const TensorDifference& d = output.worst.difference;
    rows.push_back({Code(d.name), Badge(d.ok), Number(d.max_abs), Number(d.mean_abs), Number(d.max_rel), Number(d.max_ulp),
                    fmt::format("{:.7f}", d.cosine), RankText(output.worst.ranking, output.worst.ranking.top1),
                    RankText(output.worst.ranking, output.worst.ranking.topk), fmt::format("{}", d.nan_got + d.inf_got),
                    fmt::format("{}", d.nan_expected + d.inf_expected), fmt::format("{}", d.mismatches), fmt::format("{}", d.count)});
  }
  page->Table({"output", "", "max abs", "mean abs", "max rel", "max ULP", "cosine", "top 1", "top k", "NaN/Inf", "expected", "off", "of"},
              rows);
  page->Raw("<p></p><div class=\"plots\">\n");
  for (size_t i = 0; i < validation.outputs.size() && i < kMaxPlots; ++i) {
    const Validation::Output& output = validation.outputs[i];
    const std::string name = Escaped(output.worst.difference.name);
    page->Raw(fmt::format("<figure><figcaption>Errors of {}</figcaption>{}</figure>\n", name, ErrorHistogram(output.profile)));
    page->Raw(fmt::format("<figure><figcaption>Values of {}</figcaption>{}</figure>\n", name, Scatter(output.profile)));
  }
  page->Raw("</div>\n");
}

void AddCases(HtmlPage* page, const Validation& validation) {
  page->Heading("Cases");
  std::vector<std::vector<std::string>> rows;
  for (const CaseResult& one : validation.cases) {
    double max_abs = 0, max_rel = 0, cosine = 1;
    std::string reason = one.skipped.empty() ? one.reason : one.skipped;
    for (const OutputResult& output : one.outputs) {
      max_abs = std::max(max_abs, output.difference.max_abs);
      max_rel = std::max(max_rel, output.difference.max_rel);
      cosine = std::min(cosine, output.difference.cosine);
      if (reason.empty() && !output.difference.ok) reason = output.difference.name + ": " + output.difference.reason;
    }
    const bool compared = !one.outputs.empty();
    rows.push_back({Escaped(one.name), one.skipped.empty() ? Badge(one.ok) : "<span class=\"badge none\">skipped</span>", Code(one.shapes),
                    compared ? Number(max_abs) : "", compared ? Number(max_rel) : "", compared ? fmt::format("{:.7f}", cosine) : "",
                    Number(one.candidate_ms), one.reference_ms > 0 ? Number(one.reference_ms) : "", Escaped(reason)});
  }
  page->Table({"case", "", "inputs", "max abs", "max rel", "cosine", "candidate ms", "reference ms", "remark"}, rows);
}

void AddLayers(HtmlPage* page, const LayerReport& report, const Tolerance& tolerance) {
  page->Heading("Layers");
  if (report.layers.empty()) {
    page->Paragraph("No intermediate value of the candidate has a counterpart in the reference.");
    return;
  }
  page->Paragraph(fmt::format("{} intermediate values have a counterpart ({}), {} have none.", report.layers.size(),
                              report.by_name ? "by name" : "by operator, shape and order", report.without_counterpart));
  if (report.first >= 0) {
    std::string text = "First that differs: " + report.layers[static_cast<size_t>(report.first)].node;
    for (size_t i = 0; i < report.suspects.size(); ++i) text += (i == 0 ? "; without counterpart before it: " : ", ") + report.suspects[i];
    page->Verdict(false, text);
  }
  page->Raw(fmt::format("<figure><figcaption>Error by layer</figcaption>{}</figure>\n", LayerErrors(report, tolerance.rtol)));
  std::vector<const Layer*> worst;
  for (const Layer& layer : report.layers) worst.push_back(&layer);
  std::stable_sort(worst.begin(), worst.end(), [](const Layer* a, const Layer* b) { return a->difference.relative > b->difference.relative; });
  worst.resize(std::min(worst.size(), kMaxLayerRows));
  std::vector<std::vector<std::string>> rows;
  for (const Layer* layer : worst)
    rows.push_back({Code(layer->node), Code(layer->value), Code(layer->reference_value),
                    layer->explained ? "<span class=\"badge none\">moved</span>" : Badge(!layer->differs), Number(layer->difference.max_abs),
                    Number(layer->difference.relative)});
  page->Table({"node", "value", "in the reference", "", "max abs", "relative"}, rows);
}

}  // namespace

Json ToJson(const TensorDifference& d) {
  return {{"name", d.name},         {"ok", d.ok},
          {"shape_ok", d.shape_ok}, {"dtype_ok", d.dtype_ok},
          {"count", d.count},       {"mismatches", d.mismatches},
          {"max_abs", d.max_abs},   {"mean_abs", d.mean_abs},
          {"max_rel", d.max_rel},   {"mean_rel", d.mean_rel},
          {"max_ulp", d.max_ulp},   {"cosine", d.cosine},
          {"relative", d.relative},
          {"nan", d.nan_got},       {"nan_expected", d.nan_expected},
          {"inf", d.inf_got},       {"inf_expected", d.inf_expected},
          {"reason", d.reason}};
}

Json ToJson(const Validation& validation) {
  Json outputs = Json::array(), cases = Json::array();
  for (const Validation::Output& output : validation.outputs) outputs.push_back(ToJson(output.worst));
  for (const CaseResult& one : validation.cases) {
    Json list = Json::array();
    for (const OutputResult& output : one.outputs) list.push_back(ToJson(output));
    Json json = {{"name", one.name}, {"ok", one.ok}, {"shapes", one.shapes}, {"candidate_ms", one.candidate_ms}};
    if (one.reference_ms > 0) json["reference_ms"] = one.reference_ms;
    if (!one.skipped.empty()) json["skipped"] = one.skipped;
    if (!one.reason.empty()) json["reason"] = one.reason;
    json["outputs"] = std::move(list);
    cases.push_back(std::move(json));
  }
  Json json = {{"ok", validation.ok},
               {"candidate", validation.candidate},
               {"reference", validation.reference},
               {"rtol", validation.tolerance.rtol},
               {"atol", validation.tolerance.atol},
               {"outputs", std::move(outputs)},
               {"cases", std::move(cases)}};
  if (validation.layers) json["layers"] = LayersJson(*validation.layers);
  return json;
}

void AddTo(HtmlPage* page, const Validation& validation) {
  size_t compared = 0, good = 0;
  double max_abs = 0, cosine = 1;
  for (const CaseResult& one : validation.cases) {
    compared += one.skipped.empty();
    good += one.ok;
  }
  for (const Validation::Output& output : validation.outputs) {
    max_abs = std::max(max_abs, output.worst.difference.max_abs);
    cosine = std::min(cosine, output.worst.difference.cosine);
  }
  page->Verdict(validation.ok, validation.ok ? "Equal within tolerance" : compared == 0 ? "Nothing could be compared" : "Not equal");
  page->Figures({{"cases within tolerance", fmt::format("{} of {}", good, compared)},
                 {"largest absolute error", Number(max_abs)},
                 {"least cosine", fmt::format("{:.7f}", cosine)},
                 {"relative tolerance", Number(validation.tolerance.rtol)},
                 {"absolute tolerance", Number(validation.tolerance.atol)}});
  AddOutputs(page, validation);
  AddCases(page, validation);
  if (validation.layers) AddLayers(page, *validation.layers, validation.tolerance);
}

std::string HtmlReport(const Validation& validation) {
  HtmlPage page(validation.candidate, "Validated against " + validation.reference);
  AddTo(&page, validation);
  return page.Finish();
}

}  // namespace sardonyx::validate
