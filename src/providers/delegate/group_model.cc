#include "providers/delegate/group_model.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "runtime/partition.h"

namespace sardonyx::delegate {
namespace {

// What the nodes give that is read elsewhere.
std::vector<const ir::Value*> Leaving(const ir::Graph& graph, const std::unordered_set<const ir::Node*>& inside) {
  std::vector<const ir::Value*> values;
  std::unordered_set<const ir::Value*> seen;
  const auto add = [&](const ir::Value& value) {
    if (value.producer() && inside.contains(value.producer()) && seen.insert(&value).second) values.push_back(&value);
  };
  for (const auto& node : graph.nodes())
    if (!inside.contains(node.get())) runtime::ForEachRead(*node, add);
  for (const ir::ValueInfo& output : graph.outputs())
    if (output.value) add(*output.value);
  return values;
}

}  // namespace

GroupModel MakeGroupModel(const ir::Model& model, const ir::Graph& graph, std::span<const ir::Node* const> nodes) {
  GroupModel group;
  group.model = std::make_unique<ir::Model>();
  group.model->ir_version = model.ir_version;
  group.model->opset_imports = model.opset_imports;
  group.model->graph = std::make_unique<ir::Graph>();
  ir::Graph& to = *group.model->graph;
  to.name = "group";
  const std::unordered_set<const ir::Node*> inside(nodes.begin(), nodes.end());
  std::unordered_map<const ir::Value*, ir::Value*> copies;
  const auto declare = [&](const ir::Value* value) {
    ir::ValueInfo info;
    info.value = copies.at(value);
    if (value->type.known()) info.type = value->type;
    return info;
  };
  const auto copy = [&](ir::Value* value) -> ir::Value* {
    const auto known = copies.find(value);
    if (known != copies.end()) return known->second;
    ir::Value* made = copies[value] = to.AddValue(value->name());
    made->type = value->type;
    if (value->is_constant() && value->initializer()) {
      to.SetInitializer(made, *value->initializer());
    } else if (value->is_constant() && value->sparse_initializer()) {
      to.SetSparseInitializer(made, *value->sparse_initializer());
    } else if (!value->producer() || !inside.contains(value->producer())) {
      group.inputs.push_back(value);
    }
    return made;
  };
  for (const ir::Node* node : nodes) ir::CloneNode(*node, &to, copy);
  for (const ir::Value* value : group.inputs) to.AddInput(declare(value));
  group.outputs = Leaving(graph, inside);
  for (const ir::Value* value : group.outputs) to.AddOutput(declare(value));
  return group;
}

}  // namespace sardonyx::delegate
