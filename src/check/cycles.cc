#include "check/cycles.h"

#include <algorithm>
#include <unordered_map>

namespace sardonyx::check {
namespace {

// Tarjan's algorithm with a stack of its own, as graphs are deeper than the call stack may be.
class KnotFinder {
 public:
  explicit KnotFinder(const ir::Graph& graph);
  std::vector<std::vector<size_t>> Run();
  const std::vector<std::vector<size_t>>& needs() const { return needs_; }

 private:
  struct Visit {
    size_t node;
    size_t next;  // which of its needs comes next
  };
  void Explore(size_t root);
  void Close(size_t node);

  std::vector<std::vector<size_t>> needs_;  // nodes whose outputs each node reads
  std::vector<size_t> order_, low_;         // 0: not seen yet
  std::vector<bool> open_;
  std::vector<size_t> stack_;
  std::vector<Visit> visits_;
  size_t seen_ = 0;
  std::vector<std::vector<size_t>> knots_;
};

void AddNeeds(const ir::Node& node, const ir::Graph& graph, const std::unordered_map<const ir::Node*, size_t>& position,
              std::vector<size_t>& needs) {
  for (const ir::Value* value : node.inputs()) {
    if (!value || value->graph() != &graph || !value->producer()) continue;
    if (const auto found = position.find(value->producer()); found != position.end()) needs.push_back(found->second);
  }
}

KnotFinder::KnotFinder(const ir::Graph& graph) : needs_(graph.nodes().size()) {
  std::unordered_map<const ir::Node*, size_t> position;
  for (size_t i = 0; i < graph.nodes().size(); ++i) position[graph.nodes()[i].get()] = i;
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const ir::Node& node = *graph.nodes()[i];
    AddNeeds(node, graph, position, needs_[i]);
    for (const auto& [name, subgraph] : ir::Subgraphs(node)) {
      ir::ForEachNode(*subgraph, [&](const ir::Node& inner) { AddNeeds(inner, graph, position, needs_[i]); });
    }
  }
  order_.assign(needs_.size(), 0);
  low_.assign(needs_.size(), 0);
  open_.assign(needs_.size(), false);
}

std::vector<std::vector<size_t>> KnotFinder::Run() {
  for (size_t i = 0; i < needs_.size(); ++i) {
    if (order_[i] == 0) Explore(i);
  }
  return std::move(knots_);
}

void KnotFinder::Explore(size_t root) {
  const auto enter = [&](size_t node) {
    order_[node] = low_[node] = ++seen_;
    open_[node] = true;
    stack_.push_back(node);
    visits_.push_back({node, 0});
  };
  enter(root);
  while (!visits_.empty()) {
    Visit& visit = visits_.back();
    if (visit.next < needs_[visit.node].size()) {
      const size_t needed = needs_[visit.node][visit.next++];
      if (order_[needed] == 0) {
        enter(needed);
      } else if (open_[needed]) {
        low_[visit.node] = std::min(low_[visit.node], order_[needed]);
      }
      continue;
    }
    const size_t done = visit.node;
    visits_.pop_back();
    if (!visits_.empty()) low_[visits_.back().node] = std::min(low_[visits_.back().node], low_[done]);
    if (low_[done] == order_[done]) Close(done);
  }
}

void KnotFinder::Close(size_t node) {
  std::vector<size_t> knot;
  do {
    knot.push_back(stack_.back());
    open_[knot.back()] = false;
    stack_.pop_back();
  } while (knot.back() != node);
  const bool self = std::find(needs_[node].begin(), needs_[node].end(), node) != needs_[node].end();
  if (knot.size() > 1 || self) knots_.push_back(std::move(knot));
}

// A shortest way from a node of the knot back to itself, producers first.
std::vector<size_t> CycleIn(const std::vector<size_t>& knot, const std::vector<std::vector<size_t>>& needs) {
  std::unordered_map<size_t, size_t> consumer;  // by which node each was reached; holds the knot's nodes only
  for (size_t node : knot) consumer[node] = SIZE_MAX;
  const size_t start = *std::min_element(knot.begin(), knot.end());
  std::vector<size_t> queue = {start};
  for (size_t i = 0; i < queue.size(); ++i) {
    for (size_t needed : needs[queue[i]]) {
      if (needed == start) {
        std::vector<size_t> cycle;
        for (size_t at = queue[i]; at != start; at = consumer[at]) cycle.push_back(at);
        cycle.insert(cycle.begin(), start);
        return cycle;
      }
      const auto found = consumer.find(needed);
      if (found == consumer.end() || found->second != SIZE_MAX) continue;
      found->second = queue[i];
      queue.push_back(needed);
    }
  }
  return knot;
}

}  // namespace

std::vector<std::vector<const ir::Node*>> FindCycles(const ir::Graph& graph) {
  KnotFinder finder(graph);
  std::vector<std::vector<const ir::Node*>> cycles;
  for (const std::vector<size_t>& knot : finder.Run()) {
    std::vector<const ir::Node*>& cycle = cycles.emplace_back();
    for (size_t node : CycleIn(knot, finder.needs())) cycle.push_back(graph.nodes()[node].get());
  }
  std::reverse(cycles.begin(), cycles.end());
  return cycles;
}

}  // namespace sardonyx::check
