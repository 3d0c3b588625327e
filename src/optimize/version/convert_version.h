// Conversion of a model to other versions of its operator sets.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/model.h"
#include "sardonyx/status.h"

namespace sardonyx::optimize {

struct OpsetTarget {
  std::string domain;  // "" for ai.onnx
  int64_t version = 0;
};

// A node that was changed, or cannot be.
struct VersionStep {
  std::string graph;  // "main", "main/If 'x'.then_branch", "function com.example.Foo"
  std::string node;   // its label; of a node that the conversion added, that of the node of the file that it stands for
  std::string op;     // "Squeeze"
  int64_t from = 0;   // versions of the operator; `to` is 0 where the operator has no older version
  int64_t to = 0;
  std::string reason;  // why it cannot be; empty for a change
};

struct VersionReport {
  std::vector<ir::OpsetImport> opsets_before, opsets_after;
  int64_t ir_version_before = 0, ir_version_after = 0;
  size_t nodes_before = 0, nodes_after = 0;
  std::vector<VersionStep> changed;     // nodes that were rewritten; others mean the same in both versions
  std::vector<VersionStep> impossible;  // empty: the model was converted
  // What was relied on without being known, in `reason`.
  std::vector<VersionStep> notes;
  // Functions whose calls were replaced by their bodies, since what they must become depends on the call.
  std::vector<std::string> inlined;
};

// Makes the nodes of the main graph, of its subgraphs, of functions and of training graphs mean the same at the target
// versions; other domains keep theirs. The IR version becomes one that the opset needs and that its readers know. If some
// node cannot be converted, all of them are in `impossible` and the model stays as it is.
//
// Values keep their names, and so do inputs and outputs, except that initializers of IR versions below 4 are not listed as
// inputs any more once the IR version is above. kUsage for an unknown version or domain; kInvalid for a model whose graph
// has a cycle.
StatusOr<VersionReport> ConvertVersion(ir::Model& model, const std::vector<OpsetTarget>& targets);

// "Squeeze 'x' in main: ..." for each of `impossible`, one a line.
std::string ImpossibleText(const VersionReport& report);

}  // namespace sardonyx::optimize
