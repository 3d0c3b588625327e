#include "runtime/partition.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <unordered_map>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::runtime {

namespace {

void ForEachOuterRead(const ir::Node& node, std::vector<const ir::Graph*>& inner, const std::function<void(const ir::Value&)>& visit) {
  const auto read = [&](const ir::Value* value) {
    if (value && std::find(inner.begin(), inner.end(), value->graph()) == inner.end()) visit(*value);
  };
  for (const ir::Value* input : node.inputs()) read(input);
  for (const auto& [name, sub] : ir::Subgraphs(node)) {
    inner.push_back(sub);
    for (const ir::ValueInfo& output : sub->outputs()) read(output.value);
    for (const auto& one : sub->nodes()) ForEachOuterRead(*one, inner, visit);
    inner.pop_back();
  }
}

}  // namespace

void ForEachRead(const ir::Node& node, const std::function<void(const ir::Value&)>& visit) {
  std::vector<const ir::Graph*> inner;
  ForEachOuterRead(node, inner, visit);
}

namespace {

constexpr size_t kNoUnit = ~size_t{0};

// The claims of all providers, and to which each node belongs.
class Claims {
 public:
  Claims(const ir::Graph& graph, const std::unordered_set<const ir::Node*>& live, const ir::Model& model, int threads)
      : graph_(graph), live_(live), model_(model), threads_(threads) {}

  Status Collect(std::span<const std::shared_ptr<Provider>> providers) {
    for (size_t p = 0; p < providers.size(); ++p) {
      const auto is_free = [&](const ir::Node& node) {
        if (!live_.contains(&node) || unit_of.contains(&node)) return false;
        return std::none_of(providers.begin(), providers.begin() + p,
                            [&](const auto& earlier) { return earlier->HasOperator(node.domain, node.op_type, OpsetOf(node)); });
      };
      for (Provider::Group& group : providers[p]->Claim(model_, graph_, threads_, is_free)) {
        for (const ir::Node* node : group) {
          if (!is_free(*node))
            return Internal(fmt::format("provider '{}' claims {}, which is not free", providers[p]->name(), node->Label()));
          unit_of[node] = units.size();
        }
        if (!group.empty()) units.push_back({std::move(group), providers[p].get(), {}, {}});
      }
    }
    return {};
  }

  std::vector<Unit> units;
  std::unordered_map<const ir::Node*, size_t> unit_of;

 private:
  int64_t OpsetOf(const ir::Node& node) const { return node.opset_version ? node.opset_version : model_.OpsetVersion(node.domain); }

  const ir::Graph& graph_;
  const std::unordered_set<const ir::Node*>& live_;
  const ir::Model& model_;
  const int threads_;
};

// What enters and leaves each claim.
void FindBorders(const ir::Graph& graph, size_t claimed, Claims& claims) {
  std::vector<std::unordered_set<const ir::Value*>> entering(claimed), leaving(claimed);
  const auto unit_of = [&](const ir::Node* node) {
    const auto it = claims.unit_of.find(node);
    return it == claims.unit_of.end() ? kNoUnit : it->second;
  };
  const auto leaves = [&](const ir::Value& value, size_t unit) {
    if (unit < claimed && leaving[unit].insert(&value).second) claims.units[unit].outputs.push_back(&value);
  };
  for (const auto& node : graph.nodes()) {
    const size_t reader = unit_of(node.get());
    if (reader == kNoUnit) continue;
    ForEachRead(*node, [&](const ir::Value& value) {
      const size_t producer = value.producer() ? unit_of(value.producer()) : kNoUnit;
      if (producer == reader || value.is_constant()) return;
      if (reader < claimed && entering[reader].insert(&value).second) claims.units[reader].inputs.push_back(&value);
      leaves(value, producer);
    });
  }
  for (const ir::ValueInfo& output : graph.outputs())
    if (output.value && output.value->producer()) leaves(*output.value, unit_of(output.value->producer()));
}

}  // namespace

StatusOr<std::vector<Unit>> Partition(const ir::Graph& graph, const std::unordered_set<const ir::Node*>& live,
                                      std::span<const std::shared_ptr<Provider>> providers, const ir::Model& model, int threads) {
  Claims claims(graph, live, model, threads);
  RETURN_IF_ERROR(claims.Collect(providers));
  const size_t claimed = claims.units.size();
  for (const auto& node : graph.nodes()) {
    if (!live.contains(node.get()) || claims.unit_of.contains(node.get())) continue;
    claims.unit_of[node.get()] = claims.units.size();
    claims.units.push_back({{node.get()}, nullptr, {}, {}});
  }
  if (claimed == 0) return std::move(claims.units);  // in the graph's order already
  FindBorders(graph, claimed, claims);

  // Kahn's algorithm over units; among those that are ready, the one whose first node stands first in the graph.
  std::vector<std::unordered_set<size_t>> followers(claims.units.size());
  std::vector<size_t> missing(claims.units.size(), 0), position(claims.units.size(), kNoUnit);
  size_t next = 0;
  for (const auto& node : graph.nodes()) {
    const auto it = claims.unit_of.find(node.get());
    if (it == claims.unit_of.end()) continue;
    const size_t unit = it->second;
    position[unit] = std::min(position[unit], next++);
    ForEachRead(*node, [&](const ir::Value& value) {
      const auto from = value.producer() ? claims.unit_of.find(value.producer()) : claims.unit_of.end();
      if (from != claims.unit_of.end() && from->second != unit && followers[from->second].insert(unit).second) ++missing[unit];
    });
  }
  const auto later = [&](size_t a, size_t b) { return position[a] > position[b]; };
  std::priority_queue<size_t, std::vector<size_t>, decltype(later)> ready(later);
  for (size_t unit = 0; unit < missing.size(); ++unit)
    if (missing[unit] == 0) ready.push(unit);
  std::vector<Unit> ordered;
  while (!ready.empty()) {
    const size_t unit = ready.top();
    ready.pop();
    ordered.push_back(std::move(claims.units[unit]));
    for (const size_t follower : followers[unit])
      if (--missing[follower] == 0) ready.push(follower);
  }
  for (size_t unit = 0; unit < claimed; ++unit)
    if (missing[unit] > 0)
      return Internal(fmt::format("a claim of provider '{}' is not convex: what it needs depends on what it gives ({})",
                                  claims.units[unit].provider->name(), claims.units[unit].nodes.front()->Label()));
  return ordered;
}

}  // namespace sardonyx::runtime
