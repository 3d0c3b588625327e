#include "inspect/memory.h"

#include <algorithm>
#include <unordered_map>

#include "inspect/op_table.h"

namespace sardonyx::inspect {
namespace {

bool IsRandom(std::string_view op) { return op.starts_with("Random") || op == "Multinomial" || op == "Bernoulli" || op == "Dropout"; }

// Same bytes under another shape.
bool IsRenaming(const ir::Node& node) {
  static constexpr std::string_view kNames[] = {"Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Dropout"};
  return ir::NormalDomain(node.domain).empty() && std::find(std::begin(kNames), std::end(kNames), node.op_type) != std::end(kNames);
}

// The lives of buffers over the steps of one graph; step 0 is before the first node.
class Liveness {
 public:
  Liveness(const ir::Graph& graph, const Sizes& sizes, int64_t ir_version)
      : graph_(graph),
        sizes_(sizes),
        ir_version_(ir_version),
        constants_(ConstantNodes(graph, ir_version, /*dequantized=*/true)),
        change_(graph.nodes().size() + 2) {}

  PeakMemory Plan() {
    size_t step = 0;
    for (const ir::ValueInfo& input : graph_.inputs()) Begin(input.value, 0);
    for (const auto& node : graph_.nodes()) {
      ++step;
      if (constants_.contains(node.get())) continue;
      for (const ir::Value* value : node->outputs()) Begin(value, step, IsRenaming(*node) ? Buffer(node->input(0)) : nullptr);
      Read(*node, step);
      PeakMemory inner;
      for (const auto& [name, body] : ir::Subgraphs(*node)) {
        const PeakMemory peak = PlanPeakMemory(*body, sizes_, ir_version_);
        inner.bytes = std::max(inner.bytes, peak.bytes);
        result_.complete &= peak.complete;
      }
      if (inner.bytes > 0) extra_[step] = inner.bytes;
    }
    for (const ir::ValueInfo& output : graph_.outputs()) Extend(output.value, graph_.nodes().size() + 1);
    for (const auto& [buffer, life] : lives_) {
      change_[life.first].born = SaturatingAdd(change_[life.first].born, life.bytes);
      change_[life.last].dead = SaturatingAdd(change_[life.last].dead, life.bytes);
      result_.total_bytes = SaturatingAdd(result_.total_bytes, life.bytes);
    }
    Sweep();
    return result_;
  }

 private:
  struct Life {
    size_t first = 0, last = 0;
    uint64_t bytes = 0;
  };
  struct Change {
    uint64_t born = 0;  // at the beginning of the step
    uint64_t dead = 0;  // at its end
  };

  // The buffer that a value's data lies in: that of the value it renames.
  const ir::Value* Buffer(const ir::Value* value) const {
    const auto found = buffer_of_.find(value);
    return found == buffer_of_.end() ? nullptr : found->second;
  }

  void Begin(const ir::Value* value, size_t step, const ir::Value* same_as = nullptr) {
    if (value == nullptr || value->initializer() != nullptr || buffer_of_.contains(value)) return;
    buffer_of_[value] = same_as ? same_as : value;
    if (same_as) return;
    if (!sizes_.DimsOf(value)) result_.complete = false;
    lives_[value] = {step, step, sizes_.Bytes(value)};
  }

  void Extend(const ir::Value* value, size_t step) {
    const ir::Value* buffer = Buffer(value);
    if (buffer == nullptr) return;
    Life& life = lives_[buffer];
    life.last = std::max(life.last, step);
  }

  // What a node reads includes what its subgraphs read of this graph.
  void Read(const ir::Node& node, size_t step) {
    for (const ir::Value* value : node.inputs()) Extend(value, step);
    for (const auto& [name, body] : ir::Subgraphs(node))
      ir::ForEachNode(*body, [&](const ir::Node& inner) {
        for (const ir::Value* value : inner.inputs())
          if (value && value->graph() == &graph_) Extend(value, step);
      });
  }

  void Sweep() {
    uint64_t alive = 0;
    for (size_t step = 0; step < change_.size(); ++step) {
      alive = SaturatingAdd(alive, change_[step].born);
      const auto extra = extra_.find(step);
      const uint64_t now = SaturatingAdd(alive, extra == extra_.end() ? 0 : extra->second);
      if (now > result_.bytes) {
        result_.bytes = now;
        result_.node = step > 0 && step <= graph_.nodes().size() ? graph_.nodes()[step - 1].get() : nullptr;
      }
      alive -= std::min(alive, change_[step].dead);
    }
  }

  const ir::Graph& graph_;
  const Sizes& sizes_;
  const int64_t ir_version_;
  const std::unordered_set<const ir::Node*> constants_;
  PeakMemory result_;
  std::unordered_map<const ir::Value*, const ir::Value*> buffer_of_;
  std::unordered_map<const ir::Value*, Life> lives_;
  std::unordered_map<size_t, uint64_t> extra_;
  std::vector<Change> change_;
};

}  // namespace

PeakMemory PlanPeakMemory(const ir::Graph& graph, const Sizes& sizes, int64_t ir_version) {
  return Liveness(graph, sizes, ir_version).Plan();
}

std::unordered_set<const ir::Node*> ConstantNodes(const ir::Graph& graph, int64_t ir_version, bool dequantized) {
  std::unordered_set<const ir::Node*> constants;
  for (const auto& node : graph.nodes()) {
    if (IsRandom(node->op_type) || (!dequantized && node->op_type == "DequantizeLinear") || FindOpFacts(node->op_type) == nullptr ||
        !ir::Subgraphs(*node).empty())
      continue;
    const bool constant = std::all_of(node->inputs().begin(), node->inputs().end(), [&](const ir::Value* value) {
      return value == nullptr || value->is_constant() || (ir_version < 4 && value->initializer()) ||
             (value->producer() && constants.contains(value->producer()));
    });
    if (constant) constants.insert(node.get());
  }
  return constants;
}

}  // namespace sardonyx::inspect
