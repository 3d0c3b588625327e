// SummaryText and SummaryJson.
#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "formats/json.h"
#include "inspect/summary.h"

namespace sardonyx::inspect {
namespace {

using formats::Json;

std::string Scaled(double value, double base, const char* const* units, size_t count) {
  size_t unit = 0;
  while (value >= base && unit + 1 < count) {
    value /= base;
    ++unit;
  }
  const int decimals = unit == 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return fmt::format("{:.{}f}{}{}", value, decimals, *units[unit] ? " " : "", units[unit]);
}

// One line, cut at `width`.
std::string Short(std::string text, size_t width) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  if (text.size() > width) text = text.substr(0, width - 3) + "...";
  return text;
}

class Report {
 public:
  explicit Report(const SummaryTextOptions& options) : options_(options) {}
  template <class... T>
  void Line(std::string_view label, fmt::format_string<T...> format, T&&... args) {
    fmt::format_to(std::back_inserter(out_), "{:<14}{}\n", label, fmt::format(format, std::forward<T>(args)...));
  }
  void Text(std::string_view label, const std::string& text) {
    if (!text.empty()) Line(label, "{}", Short(text, options_.width - 14));
  }
  void Header(const Summary& s);
  void Values(std::string_view label, const std::vector<ValueSummary>& values);
  void Operators(const Summary& s);
  void Costs(const Summary& s);
  void Nodes(const Summary& s);
  std::string Take() { return std::move(out_); }

 private:
  const SummaryTextOptions& options_;
  std::string out_;
};

void Report::Header(const Summary& s) {
  std::string opsets;
  for (const auto& [domain, version] : s.opsets) opsets += fmt::format("{}{} {}", opsets.empty() ? "" : ", ", domain, version);
  Text("producer", s.producer_version.empty() ? s.producer_name : s.producer_name + " " + s.producer_version);
  Line("IR version", "{}", s.ir_version);
  Line("opsets", "{}", opsets.empty() ? "none" : opsets);
  Text("domain", s.domain);
  if (s.model_version != 0) Line("model version", "{}", s.model_version);
  Text("doc", s.doc);
  Text("graph", s.graph_name);
}

void Report::Values(std::string_view label, const std::vector<ValueSummary>& values) {
  // Old models declare every weight as an input with a default: many of those say less than their number.
  constexpr size_t kFewDefaults = 4;
  const auto defaults = static_cast<size_t>(std::count_if(values.begin(), values.end(), [](const ValueSummary& v) { return v.has_default; }));
  for (const ValueSummary& value : values) {
    if (value.has_default && defaults > kFewDefaults) continue;
    Line(label, "{}  {}{}", value.name, value.type.ToString(), value.has_default ? "  (has a default)" : "");
    label = "";
  }
  if (defaults > kFewDefaults) Line(label, "and {} with defaults", defaults);
}

void Report::Operators(const Summary& s) {
  Line("nodes", "{}{}{}", s.nodes.size(), s.subgraphs > 0 ? fmt::format(", with those of {} subgraphs", s.subgraphs) : "",
       s.constant_nodes > 0 ? fmt::format(" ({} compute constants)", s.constant_nodes) : "");
  std::string line;
  std::string_view label = "operators";
  for (const auto& [name, count] : s.operators) {
    const std::string item = fmt::format("{} {}", name, count);
    if (!line.empty() && line.size() + item.size() + 2 > options_.width - 14) {
      Line(label, "{}", line);
      label = "";
      line.clear();
    }
    line += (line.empty() ? "" : ", ") + item;
  }
  if (!line.empty()) Line(label, "{}", line);
  label = "functions";
  for (const FunctionSummary& f : s.functions) {
    Line(label, "{}.{}{}{}  {} nodes, called {} times", f.domain, f.name, f.overload.empty() ? "" : ":", f.overload, f.nodes, f.calls);
    label = "";
  }
}

void Report::Costs(const Summary& s) {
  std::string types;
  for (const auto& [dtype, bytes] : s.weight_bytes_by_type)
    types += fmt::format("{}{} {}", types.empty() ? "" : ", ", DataTypeName(dtype), ByteCount(bytes));
  Line("parameters", "{} in {} initializers{}", Count(s.parameters), s.initializers,
       s.constants > 0 ? fmt::format(" and {} constants", s.constants) : "");
  Line("weights", "{}{}", ByteCount(s.weight_bytes), types.empty() ? "" : " (" + types + ")");
  if (s.constant_bytes > 0) Line("", "and {} that constant nodes compute at load", ByteCount(s.constant_bytes));
  for (const std::string& file : s.external_files) Line("external", "{}", file);
  Line("compute", "{}FLOP a run, {}MAC", Count(s.flops), Count(s.macs));
  std::string unknown;
  for (const auto& [name, count] : s.unknown_operators) unknown += fmt::format("{}{} {}", unknown.empty() ? "" : ", ", name, count);
  Text("not counted", unknown);
  Line("peak memory", "{} of activations{}{}, {} without reuse", ByteCount(s.peak_memory_bytes),
       s.peak_node.empty() ? "" : " at " + s.peak_node, s.memory_complete ? "" : " (sizes of some values are unknown)",
       ByteCount(s.activation_bytes));
  if (!s.assumed_symbols.empty()) Text("assumed", fmt::format("{} = 1", fmt::join(s.assumed_symbols, " = 1, ")));
  std::string_view label = "metadata";
  for (const auto& [key, value] : s.metadata) {
    Line(label, "{}", Short(fmt::format("{}: {}", key, value), options_.width - 14));
    label = "";
  }
}

void Report::Nodes(const Summary& s) {
  fmt::format_to(std::back_inserter(out_), "\n{:<28} {:<32} {:>9} {:>9} {:>10}  {}\n", "operator", "name", "FLOP", "weights", "output",
                 "output type");
  std::string graph;
  for (const NodeSummary& entry : s.nodes) {
    if (entry.graph != graph) {
      graph = entry.graph;
      fmt::format_to(std::back_inserter(out_), "{}\n", graph.empty() ? "main graph" : graph);
    }
    const ir::Value* output = entry.node->output(0);
    const std::string name = entry.node->name.empty() && output ? output->name() : entry.node->name;
    fmt::format_to(std::back_inserter(out_), "{:<28} {:<32} {:>9} {:>9} {:>10}  {}\n", Short(entry.node->op_type, 28), Short(name, 32),
                   entry.constant     ? "constant"
                   : entry.cost_known ? Count(entry.flops)
                                      : "?",
                   entry.weight_bytes ? ByteCount(entry.weight_bytes) : "", ByteCount(entry.output_bytes),
                   output ? output->type.ToString() : "");
  }
}

Json DimsJson(const ir::Type& type) {
  if (!type.shape) return nullptr;
  Json dims = Json::array();
  for (const ir::Dim& dim : type.shape->dims()) {
    if (dim.is_constant())
      dims.push_back(dim.value());
    else if (dim.is_unknown())
      dims.push_back(nullptr);
    else
      dims.push_back(dim.ToString());
  }
  return dims;
}

Json ValuesJson(const std::vector<ValueSummary>& values) {
  Json list = Json::array();
  for (const ValueSummary& value : values) {
    Json entry = {{"name", value.name}, {"type", value.type.ToString()}};
    entry["dtype"] = value.type.is_tensor() ? std::string(DataTypeName(value.type.dtype)) : value.type.Spelling();
    entry["shape"] = DimsJson(value.type);
    if (value.has_default) entry["has_default"] = true;
    if (!value.doc.empty()) entry["doc"] = value.doc;
    list.push_back(std::move(entry));
  }
  return list;
}

Json NodesJson(const Summary& s) {
  Json list = Json::array();
  for (const NodeSummary& entry : s.nodes) {
    Json node = {{"name", entry.node->name},
                 {"op_type", entry.node->op_type},
                 {"domain", entry.node->domain},
                 {"flops", entry.flops},
                 {"macs", entry.macs},
                 {"cost_known", entry.cost_known},
                 {"constant", entry.constant},
                 {"parameters", entry.parameters},
                 {"weight_bytes", entry.weight_bytes},
                 {"output_bytes", entry.output_bytes}};
    if (!entry.graph.empty()) node["graph"] = entry.graph;
    Json outputs = Json::array();
    for (const ir::Value* value : entry.node->outputs())
      if (value) outputs.push_back({{"name", value->name()}, {"type", value->type.ToString()}});
    node["outputs"] = std::move(outputs);
    list.push_back(std::move(node));
  }
  return list;
}

template <class Pairs>
Json ObjectOf(const Pairs& pairs) {
  Json object = Json::object();
  for (const auto& [key, value] : pairs) object[key] = value;
  return object;
}

}  // namespace

std::string Count(uint64_t count) {
  static constexpr const char* kUnits[] = {"", "k", "M", "G", "T", "P", "E"};
  return Scaled(static_cast<double>(count), 1000, kUnits, std::size(kUnits));
}

std::string ByteCount(uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  return Scaled(static_cast<double>(bytes), 1000, kUnits, std::size(kUnits));
}

std::string SummaryText(const Summary& summary, const SummaryTextOptions& options) {
  Report report(options);
  report.Header(summary);
  report.Values("inputs", summary.inputs);
  report.Values("outputs", summary.outputs);
  report.Operators(summary);
  report.Costs(summary);
  if (options.nodes) report.Nodes(summary);
  return report.Take();
}

std::string SummaryJson(const Summary& s, bool nodes) {
  Json json = {{"ir_version", s.ir_version},
               {"model_version", s.model_version},
               {"producer", s.producer_name},
               {"producer_version", s.producer_version},
               {"domain", s.domain},
               {"doc", s.doc},
               {"graph", s.graph_name},
               {"node_count", s.nodes.size()},
               {"subgraphs", s.subgraphs},
               {"initializers", s.initializers},
               {"constants", s.constants},
               {"parameters", s.parameters},
               {"weight_bytes", s.weight_bytes},
               {"external_files", s.external_files},
               {"constant_nodes", s.constant_nodes},
               {"constant_bytes", s.constant_bytes},
               {"macs", s.macs},
               {"flops", s.flops},
               {"peak_memory_bytes", s.peak_memory_bytes},
               {"peak_node", s.peak_node},
               {"activation_bytes", s.activation_bytes},
               {"memory_complete", s.memory_complete},
               {"assumed_symbols", s.assumed_symbols}};
  json["opsets"] = ObjectOf(s.opsets);
  json["metadata"] = ObjectOf(s.metadata);
  json["inputs"] = ValuesJson(s.inputs);
  json["outputs"] = ValuesJson(s.outputs);
  json["operators"] = ObjectOf(s.operators);
  json["unknown_operators"] = ObjectOf(s.unknown_operators);
  for (const auto& [dtype, bytes] : s.weight_bytes_by_type) json["weight_bytes_by_type"][std::string(DataTypeName(dtype))] = bytes;
  for (const FunctionSummary& f : s.functions)
    json["functions"].push_back({{"domain", f.domain}, {"name", f.name}, {"overload", f.overload}, {"nodes", f.nodes}, {"calls", f.calls}});
  if (nodes) json["nodes"] = NodesJson(s);
  return formats::DumpJson(json, 2);
}

}  // namespace sardonyx::inspect
