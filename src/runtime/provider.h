// Provider: somebody who can run nodes. The CPU provider is always there; others delegate to engines the user has.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/kernel.h"

namespace sardonyx::runtime {

// Why a kernel that could have been taken was not.
struct Declined {
  std::string kernel;
  std::string reason;
};

// The kernel chosen for a node, or null with the reasons of all that declined.
struct KernelChoice {
  std::unique_ptr<Kernel> kernel;
  std::string name;
  std::vector<Declined> declined;
};

class Provider {
 public:
  virtual ~Provider() = default;
  virtual std::string_view name() const = 0;
  // True if some kernel exists for the operator at that version, whatever the node: what decides whether the body of a
  // function operator is used instead.
  virtual bool HasOperator(std::string_view domain, std::string_view op_type, int64_t opset_version) const = 0;
  // The best kernel for one node. An error is a node that is invalid, not one that is unsupported.
  virtual StatusOr<KernelChoice> Compile(const NodeInfo& node) const = 0;

  // Providers that run whole subgraphs claim groups of nodes, each to be compiled as one kernel. Of the graph's nodes, those
  // that are `free` may be claimed; a group must be convex (no path leaves it and enters it again). The default claims none.
  using Group = std::vector<const ir::Node*>;
  virtual std::vector<Group> Claim(const ir::Model& model, const ir::Graph& graph, int threads,
                                   const std::function<bool(const ir::Node&)>& free) const {
    return {};
  }
  // A claimed group. What enters and leaves it is its kernel's inputs and outputs, in that order; constant initializers that the group
  // reads are not among them: the provider takes them from the values.
  struct GroupInfo {
    const ir::Model& model;
    const Group& nodes;
    std::span<const ir::Value* const> inputs, outputs;
    int threads = 1;
  };
  virtual StatusOr<std::unique_ptr<Kernel>> CompileGroup(const GroupInfo& group) const {
    return Unsupported("this provider runs node by node");
  }
};

// Chooses from an ordered list of entries: the first that does not decline. One whose factory answers kUnsupported declines, too.
StatusOr<KernelChoice> ChooseKernel(std::span<const KernelEntry* const> candidates, const NodeInfo& node);

}  // namespace sardonyx::runtime
