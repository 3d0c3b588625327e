#include "optimize/rewrite/pass.h"

#include <algorithm>
#include <chrono>
#include <unordered_set>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::optimize {
namespace {

Status CheckNames(std::span<const Pass> passes, const PassOptions& options) {
  std::vector<std::string> names = options.disabled;
  if (!options.stop_after.empty()) names.push_back(options.stop_after);
  for (const std::string& name : names) {
    if (std::any_of(passes.begin(), passes.end(), [&](const Pass& pass) { return pass.name == name; })) continue;
    std::string known;
    for (const Pass& pass : passes) known += fmt::format("{}{}", known.empty() ? "" : ", ", pass.name);
    return Usage(fmt::format("no pass '{}'; known: {}", name, known));
  }
  return {};
}

Status VerifyNode(const ir::Node& node, const std::unordered_set<const ir::Node*>& before) {
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    const ir::Value* input = node.inputs()[i];
    if (!input) continue;
    const ir::Use use{const_cast<ir::Node*>(&node), i};
    if (std::find(input->uses().begin(), input->uses().end(), use) == input->uses().end())
      return Internal(fmt::format("{}: '{}' does not know that it is read", node.Label(), input->name()));
    if (!input->is_defined()) return Internal(fmt::format("{} reads '{}', which nothing defines", node.Label(), input->name()));
    if (input->graph() == node.graph() && input->producer() && !before.contains(input->producer()))
      return Internal(fmt::format("{} stands before {}, which it reads", node.Label(), input->producer()->Label()));
  }
  for (size_t i = 0; i < node.outputs().size(); ++i)
    if (const ir::Value* output = node.outputs()[i]; output && (output->producer() != &node || output->output_index() != i))
      return Internal(fmt::format("{}: '{}' does not know its producer", node.Label(), output->name()));
  return {};
}

}  // namespace

Status VerifyGraph(const ir::Graph& graph) {
  std::unordered_set<const ir::Node*> before;
  for (const auto& node : graph.nodes()) {
    if (node->graph() != &graph) return Internal(fmt::format("{} does not know its graph", node->Label()));
    RETURN_IF_ERROR(VerifyNode(*node, before));
    for (const auto& [name, sub] : ir::Subgraphs(*node)) RETURN_IF_ERROR(VerifyGraph(*sub).WithContext(node->Label()));
    before.insert(node.get());
  }
  std::unordered_set<std::string_view> names;
  for (const auto& value : graph.values())
    if (!names.insert(value->name()).second) return Internal(fmt::format("two values are named '{}'", value->name()));
  for (const ir::ValueInfo& output : graph.outputs())
    if (!output.value->is_defined() && output.value->graph() == &graph)
      return Internal(fmt::format("nothing defines the output '{}'", output.value->name()));
  return {};
}

StatusOr<std::vector<PassReport>> RunPasses(ir::Model& model, std::span<const Pass> passes, const PassOptions& options) {
  RETURN_IF_ERROR(CheckNames(passes, options));
  RewriteOptions rewrite;
  rewrite.has_operator = options.has_operator;
  std::vector<PassReport> reports;
  for (const Pass& pass : passes) {
    if (pass.level > options.level) continue;
    if (std::find(options.disabled.begin(), options.disabled.end(), pass.name) == options.disabled.end()) {
      const auto start = std::chrono::steady_clock::now();
      StatusOr<size_t> changes = pass.run ? pass.run(model, options) : ApplyRules(model, pass.rules, rewrite);
      if (!changes.ok()) return changes.status().WithContext(fmt::format("pass '{}'", pass.name));
      const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
      reports.push_back({pass.name, *changes, time.count()});
      if (options.verify) RETURN_IF_ERROR(VerifyGraph(*model.graph).WithContext(fmt::format("after pass '{}'", pass.name)));
    }
    if (pass.name == options.stop_after) break;
  }
  return reports;
}

}  // namespace sardonyx::optimize
