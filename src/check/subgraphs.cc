// The bodies of control flow: as many inputs as the operator feeds, as many outputs as it reads.
#include <fmt/format.h>

#include "check/parts.h"
#include "ops/schema.h"

namespace sardonyx::check {
namespace {

void CheckCounts(Context& context, const Scope& scope, const ir::Node& node, std::string_view attribute, int64_t inputs, int64_t outputs) {
  const ir::Graph* body = node.GetGraph(attribute);
  if (!body) return;  // missing or mistyped: reported with the attributes
  const auto report = [&](size_t count, int64_t expected, std::string_view what) {
    if (expected >= 0 && count != static_cast<size_t>(expected)) {
      context.Error(rules::kSubgraph, &scope, &node,
                    fmt::format("The graph '{}' has {} {}s, but the node needs {}.", attribute, count, what, expected));
    }
  };
  report(body->inputs().size(), inputs, "input");
  report(body->outputs().size(), outputs, "output");
}

void CheckScan(Context& context, const Scope& scope, const ir::Node& node, int64_t version) {
  const auto outputs = static_cast<int64_t>(node.outputs().size());
  // Version 8 begins with the optional input sequence_lens, which the body does not see.
  const int64_t inputs = static_cast<int64_t>(node.inputs().size()) - (version < 9 ? 1 : 0);
  const int64_t scanned = node.GetInt("num_scan_inputs", 0);
  if (scanned < 1 || scanned > inputs) {
    if (node.attribute("num_scan_inputs")) {
      context.Error(rules::kSubgraph, &scope, &node,
                    fmt::format("num_scan_inputs is {}, but the node has {} inputs to scan or carry.", scanned, inputs));
    }
    return;
  }
  CheckCounts(context, scope, node, "body", inputs, outputs);
}

}  // namespace

void CheckBodies(Context& context, const Scope& scope, const ir::Node& node) {
  if (!ir::NormalDomain(node.domain).empty()) return;
  const auto inputs = static_cast<int64_t>(node.inputs().size()), outputs = static_cast<int64_t>(node.outputs().size());
  if (node.op_type == "If") {
    CheckCounts(context, scope, node, "then_branch", 0, outputs);
    CheckCounts(context, scope, node, "else_branch", 0, outputs);
  } else if (node.op_type == "Loop" && inputs >= 2) {
    // The body takes the iteration, the condition and what is carried; gives the condition, what is carried and scanned.
    CheckCounts(context, scope, node, "body", inputs, outputs + 1);
    if (outputs < inputs - 2) {
      context.Error(rules::kSubgraph, &scope, &node, fmt::format("Carries {} values but has only {} outputs.", inputs - 2, outputs));
    }
  } else if (node.op_type == "Scan") {
    CheckScan(context, scope, node, context.ImportedVersion(scope, node.domain));
  } else if (node.op_type == "SequenceMap") {
    CheckCounts(context, scope, node, "body", inputs, outputs);
  }
}

}  // namespace sardonyx::check
