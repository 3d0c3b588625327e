#include "inspect/summary.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include <fmt/format.h>

#include "inspect/cost.h"
#include "inspect/memory.h"
#include "inspect/op_table.h"

namespace sardonyx::inspect {
namespace {

std::string QualifiedName(const ir::Node& node) {
  const std::string_view domain = ir::NormalDomain(node.domain);
  return domain.empty() ? node.op_type : fmt::format("{}.{}", domain, node.op_type);
}

template <class Map>
auto SortedByCount(const Map& counts) {
  std::vector<std::pair<typename Map::key_type, typename Map::mapped_type>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return sorted;
}

uint64_t ElementsOf(const ir::StoredTensor& tensor) {
  uint64_t count = 1;
  for (int64_t dim : tensor.dims) count = SaturatingMultiply(count, static_cast<uint64_t>(std::max<int64_t>(dim, 0)));
  return count;
}

class Summarizer {
 public:
  Summarizer(const ir::Model& model, const SummaryOptions& options) : model_(model), sizes_(options.symbols) {}

  Summary Run() {
    Header();
    if (model_.graph) {
      Interface(*model_.graph);
      WalkGraph(*model_.graph, "");
      MemoryOf(*model_.graph);
    }
    for (const ir::Function& function : model_.functions) CountFunction(function);
    for (const ir::Function& function : model_.functions)
      if (function.body) ir::ForEachNode(*function.body, [&](const ir::Node& node) { CountCall(node); });
    summary_.operators = SortedByCount(operators_);
    summary_.weight_bytes_by_type = SortedByCount(bytes_by_type_);
    summary_.external_files.assign(external_.begin(), external_.end());
    summary_.assumed_symbols.assign(sizes_.assumed().begin(), sizes_.assumed().end());
    return std::move(summary_);
  }

 private:
  void Header() {
    summary_.producer_name = model_.producer_name;
    summary_.producer_version = model_.producer_version;
    summary_.domain = model_.domain;
    summary_.doc = model_.doc;
    summary_.ir_version = model_.ir_version;
    summary_.model_version = model_.model_version;
    summary_.metadata = model_.metadata;
    for (const ir::OpsetImport& import : model_.opset_imports)
      summary_.opsets.emplace_back(ir::NormalDomain(import.domain).empty() ? "ai.onnx" : import.domain, import.version);
  }

  void Interface(const ir::Graph& graph) {
    summary_.graph_name = graph.name;
    const auto add = [](const ir::ValueInfo& info, std::vector<ValueSummary>* to) {
      ValueSummary& value = to->emplace_back();
      if (info.value) value.name = info.value->name();
      value.type = info.type ? *info.type : info.value ? info.value->type : ir::Type();
      value.doc = info.doc;
      value.has_default = info.value && info.value->initializer();
    };
    // Before IR version 4 every initializer had to be an input as well.
    for (const ir::ValueInfo& info : graph.inputs())
      if (model_.ir_version >= 4 || !info.value || !info.value->initializer()) add(info, &summary_.inputs);
    for (const ir::ValueInfo& info : graph.outputs()) add(info, &summary_.outputs);
  }

  void Weigh(const ir::StoredTensor& tensor) {
    const uint64_t bytes = tensor.byte_size();
    summary_.parameters = SaturatingAdd(summary_.parameters, ElementsOf(tensor));
    summary_.weight_bytes = SaturatingAdd(summary_.weight_bytes, bytes);
    bytes_by_type_[tensor.dtype] += bytes;
    if (const auto* external = std::get_if<ir::StoredTensor::External>(&tensor.storage))
      for (const auto& [key, value] : external->entries)
        if (key == "location") external_.insert(value);
  }

  // The operators of ai.onnx.ml have what they learnt in their attributes.
  void WeighAttributes(const ir::Node& node, NodeSummary* entry) {
    const auto weigh = [&](DataType dtype, size_t count, size_t bytes_each) {
      entry->parameters += count;
      entry->weight_bytes += count * bytes_each;
      summary_.parameters = SaturatingAdd(summary_.parameters, count);
      summary_.weight_bytes = SaturatingAdd(summary_.weight_bytes, count * bytes_each);
      if (count > 0) bytes_by_type_[dtype] += count * bytes_each;
    };
    for (const ir::Attribute& attribute : node.attributes()) {
      if (const auto* floats = std::get_if<std::vector<float>>(&attribute.value)) weigh(DataType::kFloat, floats->size(), sizeof(float));
      if (const auto* ints = std::get_if<std::vector<int64_t>>(&attribute.value)) weigh(DataType::kInt64, ints->size(), sizeof(int64_t));
      if (const auto* tensor = std::get_if<ir::StoredTensor>(&attribute.value)) Weigh(*tensor);
    }
  }

  void WalkGraph(const ir::Graph& graph, const std::string& path) {
    for (const ir::Value* value : graph.initializers()) Weigh(*value->initializer());
    for (const ir::Value* value : graph.sparse_initializers()) {
      Weigh(value->sparse_initializer()->values);
      Weigh(value->sparse_initializer()->indices);
    }
    summary_.initializers += graph.initializers().size() + graph.sparse_initializers().size();
    const auto constants = ConstantNodes(graph, model_.ir_version);
    for (const auto& node : graph.nodes()) {
      WalkNode(*node, path, constants.contains(node.get()));
      for (const auto& [name, body] : ir::Subgraphs(*node)) {
        ++summary_.subgraphs;
        WalkGraph(*body, fmt::format("{}{}{} / {}", path, path.empty() ? "" : " / ", node->Label(), name));
      }
    }
  }

  void WalkNode(const ir::Node& node, const std::string& path, bool constant) {
    NodeSummary& entry = summary_.nodes.emplace_back();
    entry.node = &node;
    entry.graph = path;
    entry.constant = constant;
    ++operators_[QualifiedName(node)];
    CountCall(node);
    if (node.op_type == "Constant") {
      if (const ir::StoredTensor* tensor = StoredTensorOf(node.output(0))) {
        Weigh(*tensor);
        ++summary_.constants;
      }
    }
    if (FamilyOf(node) == Family::kMl) WeighAttributes(node, &entry);
    const Cost cost = CostOf(node, sizes_);
    entry.macs = cost.macs;
    entry.flops = cost.flops;
    entry.cost_known = cost.known;
    for (const ir::Value* value : node.outputs()) entry.output_bytes = SaturatingAdd(entry.output_bytes, sizes_.Bytes(value));
    for (const ir::Value* value : node.inputs()) {
      const ir::StoredTensor* tensor = StoredTensorOf(value);
      if (tensor == nullptr) continue;
      entry.parameters = SaturatingAdd(entry.parameters, ElementsOf(*tensor));
      entry.weight_bytes = SaturatingAdd(entry.weight_bytes, tensor->byte_size());
    }
    if (constant) {
      if (node.op_type != "Constant") ++summary_.constant_nodes;
      return;
    }
    // Control flow's cost is that of its bodies, whose nodes are listed too.
    if (path.empty()) {
      summary_.macs = SaturatingAdd(summary_.macs, cost.macs);
      summary_.flops = SaturatingAdd(summary_.flops, cost.flops);
    }
    if (!cost.known && ir::Subgraphs(node).empty()) ++summary_.unknown_operators[QualifiedName(node)];
  }

  void MemoryOf(const ir::Graph& graph) {
    const auto constants = ConstantNodes(graph, model_.ir_version);
    const PeakMemory peak = PlanPeakMemory(graph, sizes_, model_.ir_version);
    summary_.peak_memory_bytes = peak.bytes;
    summary_.activation_bytes = peak.total_bytes;
    summary_.memory_complete = peak.complete;
    if (peak.node) summary_.peak_node = peak.node->Label();
    for (const ir::Node* node : constants)
      for (const ir::Value* value : node->outputs()) {
        const bool read = value && std::any_of(value->uses().begin(), value->uses().end(),
                                               [&](const ir::Use& use) { return !constants.contains(use.node); });
        if (read && node->op_type != "Constant") summary_.constant_bytes = SaturatingAdd(summary_.constant_bytes, sizes_.Bytes(value));
      }
  }

  void CountFunction(const ir::Function& function) {
    FunctionSummary& entry = summary_.functions.emplace_back();
    entry.domain = function.domain;
    entry.name = function.name;
    entry.overload = function.overload;
    entry.nodes = function.body ? function.body->nodes().size() : 0;
    const auto calls = calls_.find(&function);
    entry.calls = calls == calls_.end() ? 0 : calls->second;
  }

  void CountCall(const ir::Node& node) {
    if (model_.functions.empty()) return;
    const ir::Function* function = model_.FindFunction(node.domain, node.op_type, node.overload);
    if (function == nullptr) return;
    ++calls_[function];
    // Functions listed already (calls from other functions are counted last).
    const auto index = static_cast<size_t>(function - model_.functions.data());
    if (index < summary_.functions.size()) summary_.functions[index].calls = calls_[function];
  }

  const ir::Model& model_;
  Sizes sizes_;
  Summary summary_;
  std::map<std::string, int64_t> operators_;
  std::map<DataType, uint64_t> bytes_by_type_;
  std::set<std::string> external_;
  std::unordered_map<const ir::Function*, size_t> calls_;
};

}  // namespace

Summary Summarize(const ir::Model& model, const SummaryOptions& options) { return Summarizer(model, options).Run(); }

}  // namespace sardonyx::inspect
