#include "ops/infer/order.h"

#include <unordered_map>
#include <utility>

namespace sardonyx::ops::infer {
namespace {

// The nodes of `graph` whose outputs `node` needs.
std::vector<ir::Node*> Producers(const ir::Graph& graph, const ir::Node& node) {
  std::vector<ir::Node*> producers;
  const auto add = [&](const ir::Value* value) {
    if (value != nullptr && value->graph() == &graph && value->producer() != nullptr) producers.push_back(value->producer());
  };
  for (const ir::Value* input : node.inputs()) add(input);
  for (const auto& [name, subgraph] : ir::Subgraphs(node)) {
    if (subgraph == nullptr) continue;
    ir::ForEachNode(*subgraph, [&](const ir::Node& inner) {
      for (const ir::Value* input : inner.inputs()) add(input);
    });
    for (const ir::ValueInfo& output : subgraph->outputs()) add(output.value);
  }
  return producers;
}

enum class State : uint8_t { kNew, kOpen, kDone };

struct Visit {
  ir::Node* node;
  std::vector<ir::Node*> producers;
  size_t next = 0;
};

}  // namespace

NodeOrder OrderNodes(const ir::Graph& graph) {
  NodeOrder order;
  std::unordered_map<const ir::Node*, State> states;
  std::vector<Visit> stack;
  for (const auto& root : graph.nodes()) {
    if (states[root.get()] != State::kNew) continue;
    states[root.get()] = State::kOpen;
    stack.push_back({root.get(), Producers(graph, *root)});
    while (!stack.empty()) {
      Visit& top = stack.back();
      if (top.next == top.producers.size()) {
        states[top.node] = State::kDone;
        order.nodes.push_back(top.node);
        stack.pop_back();
        continue;
      }
      ir::Node* const producer = top.producers[top.next++];
      State& state = states[producer];
      if (state == State::kOpen) order.cyclic.push_back(top.node);
      if (state != State::kNew) continue;
      state = State::kOpen;
      stack.push_back({producer, Producers(graph, *producer)});
    }
  }
  return order;
}

}  // namespace sardonyx::ops::infer
