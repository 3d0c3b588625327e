// Passes: named steps that make a graph better, and the driver that runs a list of them.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/model.h"
#include "optimize/rewrite/rewriter.h"
#include "sardonyx/value.h"

namespace sardonyx::optimize {

// Computes one node from its inputs (none where omitted): what folding constants needs, given by whoever has kernels.
using Evaluator = std::function<StatusOr<std::vector<Value>>(const ir::Model& model, const ir::Node& node, std::span<const Value> inputs)>;

struct PassOptions {
  int level = 99;
  Evaluator evaluate;  // empty: constants are not folded
  // Which operators the passes may introduce; empty: all.
  std::function<bool(std::string_view domain, std::string_view op_type, int64_t opset)> has_operator;
  // Names of passes: left out; the last one to run (empty: all).
  std::vector<std::string> disabled;
  std::string stop_after;
  // Hold the graph against VerifyGraph() after each pass.
  bool verify = false;
};

struct Pass {
  std::string_view name;
  int level;                 // runs where the options' level is at least this
  std::string_view summary;  // one line, for lists
  std::span<const Rule> rules;
  // What patterns cannot say; returns how much it changed. Null for a pass of rules.
  StatusOr<size_t> (*run)(ir::Model& model, const PassOptions& options) = nullptr;
};

struct PassReport {
  std::string_view name;
  size_t changes = 0;
  double milliseconds = 0;
};

// Runs the passes in order on a model whose functions are inlined and types inferred; both hold afterwards as well. kUsage for a
// name in the options that no pass has; kInternal, naming the pass, for a graph that does not hold together after it.
StatusOr<std::vector<PassReport>> RunPasses(ir::Model& model, std::span<const Pass> passes, const PassOptions& options);

// Producers, uses, owners and names agree with each other, and producers stand before consumers.
Status VerifyGraph(const ir::Graph& graph);

}  // namespace sardonyx::optimize
