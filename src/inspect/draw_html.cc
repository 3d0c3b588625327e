// DrawHtml.
#include <algorithm>
#include <iterator>
#include <unordered_map>

#include <fmt/format.h>

#include "base/embedded.h"
#include "formats/json.h"
#include "formats/markup.h"
#include "inspect/cost.h"
#include "inspect/draw.h"
#include "inspect/labels.h"
#include "inspect/summary.h"
#include "inspect/svg.h"
#include "inspect/weights.h"

namespace sardonyx {
std::span<const EmbeddedFile> EmbeddedPage();  // made by the build from src/inspect/page
}

namespace sardonyx::inspect {
namespace {

using formats::Escaped;
using formats::Json;

constexpr size_t kPreview = 24;
constexpr size_t kAttributeWidth = 2000;

class PageMaker {
 public:
  PageMaker(const ir::Model& model, const DrawOptions& options)
      : model_(model), options_(options), scenes_(MakeScenes(model, options.scenes)) {
    for (size_t i = 0; i < scenes_.size(); ++i) scene_of_[scenes_[i].graph] = i;
  }

  std::string Make() {
    Json graphs = Json::array();
    std::string drawings;
    for (size_t i = 0; i < scenes_.size(); ++i) {
      const ScenePicture picture = DrawScene(scenes_[i]);
      fmt::format_to(std::back_inserter(drawings), "<g class=\"scene\"{}>\n{}</g>\n", i == 0 ? "" : " style=\"display:none\"",
                     picture.body);
      graphs.push_back(GraphJson(scenes_[i], picture));
    }
    const Summary summary = Summarize(model_);
    const std::string title = !model_.path.empty()         ? model_.path.filename().string()
                              : summary.graph_name.empty() ? "model"
                                                           : summary.graph_name;
    Json data = {{"title", title}, {"facts", Facts(summary)}, {"operators", summary.operators}, {"graphs", std::move(graphs)}};
    return Page(title, drawings, formats::DumpJson(data));
  }

 private:
  static Json Facts(const Summary& s) {
    Json facts = Json::array();
    const auto add = [&](const std::string& name, const std::string& value) {
      if (!value.empty()) facts.push_back({name, value});
    };
    add("producer", s.producer_version.empty() ? s.producer_name : s.producer_name + " " + s.producer_version);
    add("IR version", fmt::format("{}", s.ir_version));
    for (const auto& [domain, version] : s.opsets) add("opset", fmt::format("{} {}", domain, version));
    add("doc", s.doc);
    add("nodes", fmt::format("{}", s.nodes.size()));
    if (s.constant_nodes > 0) add("", fmt::format("{} of them compute constants and are drawn as weights", s.constant_nodes));
    add("parameters", Count(s.parameters));
    add("weights", ByteCount(s.weight_bytes));
    add("compute", Count(s.flops) + "FLOP a run");
    add("peak memory", ByteCount(s.peak_memory_bytes) + " of activations");
    for (const auto& [key, value] : s.metadata) add(key, ShortName(value, 400));
    return facts;
  }

  Json GraphJson(const Scene& scene, const ScenePicture& picture) {
    std::unordered_map<const ir::Value*, size_t> net_of;
    Json nets = Json::array(), boxes = Json::array();
    for (size_t i = 0; i < scene.nets.size(); ++i) {
      net_of[scene.nets[i].value] = i;
      nets.push_back({{"source", scene.nets[i].source}, {"targets", scene.nets[i].targets}});
    }
    for (const SceneBox& box : scene.boxes) boxes.push_back(box.node ? NodeJson(box, net_of) : ValueBoxJson(box, net_of));
    return {{"title", scene.title},
            {"width", picture.width},
            {"height", picture.height},
            {"boxes", std::move(boxes)},
            {"nets", std::move(nets)}};
  }

  using Nets = std::unordered_map<const ir::Value*, size_t>;

  Json ValueBoxJson(const SceneBox& box, const Nets& net_of) {
    static constexpr const char* kWords[] = {"", "graph input", "graph output", "value of the graph around"};
    Json json = {{"title", box.value->name()}};
    json["facts"] = {{"what", kWords[static_cast<int>(box.kind)]}, {"type", box.value->type.ToString()}};
    json[box.kind == SceneBox::Kind::kOutput ? "inputs" : "outputs"] = {ValueJson(box.value, nullptr, net_of)};
    return json;
  }

  Json NodeJson(const SceneBox& box, const Nets& net_of) {
    const ir::Node& node = *box.node;
    const ops::OpSchema* schema = ops::FindSchema(node.domain, node.op_type, model_.OpsetVersion(node.domain));
    Json json = {{"title", node.op_type}, {"name", node.name}, {"domain", node.domain}, {"doc", node.doc}};
    json["inputs"] = ValuesJson(node.inputs(), net_of, [&](size_t i) { return schema ? schema->input(i) : nullptr; });
    json["outputs"] = ValuesJson(node.outputs(), net_of, [&](size_t i) { return schema ? schema->output(i) : nullptr; });
    for (const ir::Attribute& attribute : node.attributes())
      json["attributes"].push_back(
          {attribute.name, std::string(AttributeTypeName(attribute.type)), AttributeText(attribute, kAttributeWidth)});
    Json facts = Json::array();
    if (schema)
      facts.push_back({"version", fmt::format("{} of {}", schema->since_version, schema->domain.empty() ? "ai.onnx" : schema->domain)});
    if (!node.overload.empty()) facts.push_back({"overload", node.overload});
    const Cost cost = CostOf(node, sizes_);
    if (cost.known && cost.flops > 0)
      facts.push_back({"compute", fmt::format("{}FLOP{}", Count(cost.flops), cost.macs ? fmt::format(" ({}MAC)", Count(cost.macs)) : "")});
    for (const auto& [key, value] : node.metadata) facts.push_back({key, ShortName(value, 400)});
    json["facts"] = std::move(facts);
    AddGraphLinks(node, &json);
    return json;
  }

  // To the node's subgraphs, or to the function that it calls.
  void AddGraphLinks(const ir::Node& node, Json* json) {
    const auto link = [&](const std::string& text, const ir::Graph* graph) {
      const auto scene = scene_of_.find(graph);
      if (scene != scene_of_.end()) (*json)["graphs"].push_back({text, scene->second});
    };
    for (const auto& [name, body] : ir::Subgraphs(node)) link(name, body);
    if (const ir::Function* function = model_.FindFunction(node.domain, node.op_type, node.overload))
      link("the function's body", function->body.get());
  }

  template <class F>
  Json ValuesJson(const std::vector<ir::Value*>& values, const Nets& net_of, F&& parameter) {
    Json list = Json::array();
    for (size_t i = 0; i < values.size(); ++i)
      if (values[i]) list.push_back(ValueJson(values[i], parameter(i), net_of));
    return list;
  }

  Json ValueJson(const ir::Value* value, const ops::FormalParameter* parameter, const Nets& net_of) {
    Json json = {{"name", value->name()}};
    if (value->type.known()) json["type"] = value->type.ToString();
    if (parameter) json["parameter"] = parameter->name;
    const auto net = net_of.find(value);
    json["net"] = net == net_of.end() ? -1 : static_cast<int64_t>(net->second);
    if (const ir::StoredTensor* tensor = StoredTensorOf(value)) {
      if (!json.contains("type")) json["type"] = fmt::format("{}[{}]", DataTypeName(tensor->dtype), fmt::join(tensor->dims, ","));
      json["weight"] = WeightJson(value, *tensor);
    } else if (net == net_of.end() && value->producer()) {
      json["weight"] = {{"note", "computed from constants by " + value->producer()->Label()}};
    }
    return json;
  }

  const Json& WeightJson(const ir::Value* value, const ir::StoredTensor& tensor) {
    Json& json = weights_[value];
    if (!json.is_null()) return json;
    json = Json::object();
    json["note"] =
        ByteCount(tensor.byte_size()) + (std::holds_alternative<ir::StoredTensor::External>(tensor.storage) ? ", in an external file" : "");
    if (!options_.statistics) return json;
    const WeightStatistics statistics = StatisticsOf(tensor, {.preview = kPreview});
    const auto number = [](double x) { return fmt::format("{:.6g}", x); };
    if (!statistics.error.empty()) json["error"] = statistics.error;
    if (statistics.has_range) json.update({{"min", number(statistics.min)}, {"max", number(statistics.max)}});
    if (statistics.has_range && statistics.elements > 1)
      json.update({{"mean", number(statistics.mean)}, {"std", number(statistics.deviation)}});
    json.update({{"zeros", statistics.zeros}, {"nan", statistics.nans}, {"inf", statistics.infinities}, {"first", statistics.first}});
    json["more"] = statistics.elements > statistics.first.size();
    return json;
  }

  // Puts the parts into the page's template.
  static std::string Page(const std::string& title, const std::string& drawings, const std::string& data) {
    std::unordered_map<std::string_view, std::string_view> files;
    for (const EmbeddedFile& file : EmbeddedPage()) files[file.name] = file.text;
    // "</script>" inside a string would end the element; JSON may write "<" as an escape.
    std::string safe;
    for (char c : data) {
      if (c == '<')
        safe += "\\u003c";
      else
        safe += c;
    }
    const std::string style = std::string(files["style"]) + std::string(PictureStyle());
    const std::string escaped_title = Escaped(title);
    const std::unordered_map<std::string_view, std::string_view> parts = {
        {"TITLE", escaped_title}, {"STYLE", style}, {"SCENES", drawings}, {"DATA", safe}, {"SCRIPT", files["script"]}};
    std::string page;
    std::string_view rest = files["page"];
    for (size_t at; (at = rest.find('@')) != std::string_view::npos;) {
      const size_t end = rest.find('@', at + 1);
      page += rest.substr(0, at);
      page += parts.at(rest.substr(at + 1, end - at - 1));
      rest.remove_prefix(end + 1);
    }
    page += rest;
    return page;
  }

  const ir::Model& model_;
  const DrawOptions& options_;
  Sizes sizes_;
  std::vector<Scene> scenes_;
  std::unordered_map<const ir::Graph*, size_t> scene_of_;
  std::unordered_map<const ir::Value*, Json> weights_;
};

}  // namespace

std::string DrawHtml(const ir::Model& model, const DrawOptions& options) { return PageMaker(model, options).Make(); }

}  // namespace sardonyx::inspect
