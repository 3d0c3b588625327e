// Ranks and dummies.
#include "inspect/layers.h"

#include <algorithm>
#include <deque>
#include <numeric>

namespace sardonyx::inspect {
namespace {

// The nodes so that sources of nets stand before targets. Where a cycle leaves no such node, the first of those that
// remain is taken all the same.
std::vector<int> TopologicalOrder(const LayoutGraph& graph, const std::vector<std::vector<int>>& nets_of) {
  const size_t count = graph.nodes.size();
  std::vector<int> waits(count, 0), order;
  for (const LayoutGraph::Net& net : graph.nets)
    for (int target : net.targets) ++waits[static_cast<size_t>(target)];
  std::deque<int> ready;
  std::vector<char> taken(count, 0);
  for (size_t i = 0; i < count; ++i)
    if (waits[i] == 0) ready.push_back(static_cast<int>(i));
  order.reserve(count);
  size_t next = 0;
  while (order.size() < count) {
    if (ready.empty()) {
      while (taken[next]) ++next;
      ready.push_back(static_cast<int>(next));
    }
    const int node = ready.front();
    ready.pop_front();
    if (taken[static_cast<size_t>(node)]) continue;
    taken[static_cast<size_t>(node)] = 1;
    order.push_back(node);
    for (int net : nets_of[static_cast<size_t>(node)])
      for (int target : graph.nets[static_cast<size_t>(net)].targets)
        if (--waits[static_cast<size_t>(target)] == 0) ready.push_back(target);
  }
  return order;
}

class LayerMaker {
 public:
  LayerMaker(const LayoutGraph& graph, const LayoutOptions& options) : graph_(graph), options_(options), rank_(graph.nodes.size(), 0) {}

  Layers Make() {
    std::vector<std::vector<int>> nets_of(graph_.nodes.size());
    for (size_t i = 0; i < graph_.nets.size(); ++i) nets_of[static_cast<size_t>(graph_.nets[i].source)].push_back(static_cast<int>(i));
    const std::vector<int> order = TopologicalOrder(graph_, nets_of);
    layers_.straight.assign(graph_.nets.size(), 0);
    MarkCycles(order);
    LongestPaths(order, nets_of);
    PullDown(order, nets_of);
    Spans();
    AddVertices(order);
    return std::move(layers_);
  }

 private:
  bool Straight(int net) const { return layers_.straight[static_cast<size_t>(net)] != 0; }
  int& Rank(int node) { return rank_[static_cast<size_t>(node)]; }

  void MarkCycles(const std::vector<int>& order) {
    std::vector<int> place(order.size());
    for (size_t i = 0; i < order.size(); ++i) place[static_cast<size_t>(order[i])] = static_cast<int>(i);
    for (size_t i = 0; i < graph_.nets.size(); ++i)
      for (int target : graph_.nets[i].targets)
        if (place[static_cast<size_t>(target)] <= place[static_cast<size_t>(graph_.nets[i].source)]) layers_.straight[i] = 1;
  }

  void LongestPaths(const std::vector<int>& order, const std::vector<std::vector<int>>& nets_of) {
    for (int node : order)
      for (int net : nets_of[static_cast<size_t>(node)])
        if (!Straight(net))
          for (int target : graph_.nets[static_cast<size_t>(net)].targets) Rank(target) = std::max(Rank(target), Rank(node) + 1);
  }

  // A node with more lines below it than above it moves down to its first reader: an input of the last layer need not
  // stand at the top.
  void PullDown(const std::vector<int>& order, const std::vector<std::vector<int>>& nets_of) {
    std::vector<int> lines_in(graph_.nodes.size(), 0);
    for (size_t i = 0; i < graph_.nets.size(); ++i)
      if (!Straight(static_cast<int>(i)))
        for (int target : graph_.nets[i].targets) ++lines_in[static_cast<size_t>(target)];
    for (auto it = order.rbegin(); it != order.rend(); ++it) {
      int first_reader = -1;
      size_t lines_out = 0;
      for (int net : nets_of[static_cast<size_t>(*it)]) {
        if (Straight(net) || graph_.nets[static_cast<size_t>(net)].targets.empty()) continue;
        ++lines_out;
        for (int target : graph_.nets[static_cast<size_t>(net)].targets)
          first_reader = first_reader < 0 ? Rank(target) : std::min(first_reader, Rank(target));
      }
      if (first_reader > 0 && lines_out > static_cast<size_t>(lines_in[static_cast<size_t>(*it)])) Rank(*it) = first_reader - 1;
    }
    const int least = rank_.empty() ? 0 : *std::min_element(rank_.begin(), rank_.end());
    for (int& rank : rank_) rank -= least;
  }

  // The longest nets are drawn straight when all dummies together would be too many.
  void Spans() {
    std::vector<std::pair<int, size_t>> spans;
    size_t total = 0;
    for (size_t i = 0; i < graph_.nets.size(); ++i) {
      if (layers_.straight[i]) continue;
      const int span = LastRank(graph_.nets[i]) - Rank(graph_.nets[i].source) - 1;
      if (span > 0) spans.emplace_back(span, i);
      total += static_cast<size_t>(std::max(span, 0));
    }
    if (total <= options_.max_dummies) return;
    std::sort(spans.rbegin(), spans.rend());
    for (const auto& [span, net] : spans) {
      if (total <= options_.max_dummies) return;
      layers_.straight[net] = 1;
      total -= static_cast<size_t>(span);
    }
  }

  int LastRank(const LayoutGraph::Net& net) {
    int last = -1;
    for (int target : net.targets) last = std::max(last, Rank(target));
    return last;
  }

  void AddVertices(const std::vector<int>& order) {
    std::vector<Layers::Vertex>& vertices = layers_.vertices;
    vertices.resize(graph_.nodes.size());
    const int ranks = rank_.empty() ? 0 : 1 + *std::max_element(rank_.begin(), rank_.end());
    layers_.ranks.resize(static_cast<size_t>(ranks));
    layers_.chains.resize(graph_.nets.size());
    for (size_t i = 0; i < vertices.size(); ++i) {
      vertices[i].rank = rank_[i];
      vertices[i].width = graph_.nodes[i].width;
    }
    for (int node : order) layers_.ranks[static_cast<size_t>(Rank(node))].push_back(node);
    for (size_t i = 0; i < graph_.nets.size(); ++i)
      if (!layers_.straight[i]) AddChain(graph_.nets[i], &layers_.chains[i]);
    layers_.UpdatePositions();
  }

  void AddChain(const LayoutGraph::Net& net, std::vector<int>* chain) {
    std::vector<Layers::Vertex>& vertices = layers_.vertices;
    const int first = Rank(net.source);
    int above = net.source;
    for (int rank = first + 1; rank < LastRank(net); ++rank) {
      const int dummy = static_cast<int>(vertices.size());
      vertices.push_back({rank, 0, 0, true, {above}, {}});
      vertices[static_cast<size_t>(above)].down.push_back(dummy);
      layers_.ranks[static_cast<size_t>(rank)].push_back(dummy);
      chain->push_back(dummy);
      above = dummy;
    }
    for (int target : net.targets) {
      const int steps = Rank(target) - first;
      const int from = steps == 1 ? net.source : (*chain)[static_cast<size_t>(steps) - 2];
      vertices[static_cast<size_t>(from)].down.push_back(target);
      vertices[static_cast<size_t>(target)].up.push_back(from);
    }
  }

  const LayoutGraph& graph_;
  const LayoutOptions& options_;
  std::vector<int> rank_;
  Layers layers_;
};

}  // namespace

void Layers::UpdatePositions() {
  for (const std::vector<int>& rank : ranks)
    for (size_t i = 0; i < rank.size(); ++i) vertices[static_cast<size_t>(rank[i])].position = static_cast<int>(i);
}

Layers MakeLayers(const LayoutGraph& graph, const LayoutOptions& options) { return LayerMaker(graph, options).Make(); }

}  // namespace sardonyx::inspect
