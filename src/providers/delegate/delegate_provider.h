// A provider that hands groups of nodes to another engine.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "providers/delegate/engine.h"
#include "runtime/provider.h"

namespace sardonyx::delegate {

// For one session: it keeps what it has claimed until that is compiled.
class DelegateProvider final : public runtime::Provider {
 public:
  explicit DelegateProvider(std::shared_ptr<const Engine> engine) : engine_(std::move(engine)) {}
  std::string_view name() const override { return engine_->name(); }
  // Says yes for whole domains, so that operators reach the engine as the model has them; those that it then does not take are expanded.
  bool HasOperator(std::string_view domain, std::string_view op_type, int64_t opset_version) const override;
  // None: groups only. The reason says why the node is in none.
  StatusOr<runtime::KernelChoice> Compile(const runtime::NodeInfo& node) const override;
  // Nodes of the model's own graph; those of subgraphs go with the node that has them, or stay.
  std::vector<Group> Claim(const ir::Model& model, const ir::Graph& graph, int threads,
                           const std::function<bool(const ir::Node&)>& free) const override;
  StatusOr<std::unique_ptr<runtime::Kernel>> CompileGroup(const GroupInfo& group) const override;

 private:
  // Why the engine does not get the node, from what is known of it alone; empty: it may.
  std::string Unfit(const ir::Model& model, const ir::Node& node) const;
  // Loads the nodes as one model and keeps it.
  Status Load(const ir::Model& model, const ir::Graph& graph, const Group& nodes, int threads) const;

  struct Loaded {
    std::shared_ptr<const LoadedModel> model;
    std::vector<std::string> inputs, outputs;
  };
  std::shared_ptr<const Engine> engine_;
  mutable std::unordered_map<const ir::Node*, Loaded> loaded_;  // by a group's first node
  mutable std::unordered_map<std::string, std::string> reasons_;  // by a node's label
};

}  // namespace sardonyx::delegate
