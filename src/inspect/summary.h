// Summary: the facts of a model that `sardonyx inspect` prints.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "inspect/sizes.h"
#include "ir/model.h"

namespace sardonyx::inspect {

struct ValueSummary {
  std::string name;
  ir::Type type;  // as declared; of unknown kind where the file says nothing
  std::string doc;
  bool has_default = false;  // an input with an initializer
};

struct NodeSummary {
  const ir::Node* node = nullptr;
  std::string graph;  // "" for the main graph, else the path of its subgraph: "If 'n' / then_branch"
  uint64_t macs = 0;
  uint64_t flops = 0;
  bool cost_known = true;
  uint64_t parameters = 0;  // elements of the constants that it reads
  uint64_t weight_bytes = 0;
  uint64_t output_bytes = 0;
  bool constant = false;  // computed from constants alone
};

struct FunctionSummary {
  std::string domain, name, overload;
  size_t nodes = 0;
  size_t calls = 0;  // nodes of the main graph, its subgraphs and other functions that call it
};

struct Summary {
  std::string producer_name, producer_version, domain, doc;
  int64_t ir_version = 0;
  int64_t model_version = 0;
  std::vector<std::pair<std::string, int64_t>> opsets;  // "" written as "ai.onnx"
  std::vector<std::pair<std::string, std::string>> metadata;
  std::string graph_name;
  std::vector<ValueSummary> inputs, outputs;               // inputs that are only initializers' declarations (IR < 4) left out
  std::vector<std::pair<std::string, int64_t>> operators;  // "Conv", "com.microsoft.Gelu": most frequent first; subgraphs included
  std::vector<NodeSummary> nodes;                          // of the main graph and its subgraphs, in order
  std::vector<FunctionSummary> functions;
  size_t subgraphs = 0;

  uint64_t initializers = 0;
  uint64_t constants = 0;     // Constant nodes that hold a tensor
  uint64_t parameters = 0;    // elements of initializers, tensors in Constant nodes, lists in attributes of ai.onnx.ml
  uint64_t weight_bytes = 0;  // their bytes when unpacked
  std::vector<std::pair<DataType, uint64_t>> weight_bytes_by_type;  // largest first
  std::vector<std::string> external_files;
  uint64_t constant_nodes = 0;  // nodes whose result is the same in every run
  uint64_t constant_bytes = 0;  // and what their results take that other nodes read

  // Of one run, without constant nodes.
  uint64_t macs = 0;
  uint64_t flops = 0;
  std::map<std::string, int64_t> unknown_operators;  // whose cost is not counted, with the number of nodes
  uint64_t peak_memory_bytes = 0;
  std::string peak_node;                     // label of the node where the peak is
  uint64_t activation_bytes = 0;             // all intermediates together
  bool memory_complete = true;               // false: sizes of some values are not known
  std::vector<std::string> assumed_symbols;  // symbolic dims that were taken to be 1
};

struct SummaryOptions {
  SymbolSizes symbols;
};

// Sizes come from Value::type: call ops::InferTypes first, or most costs will be unknown. Reads no weights.
Summary Summarize(const ir::Model& model, const SummaryOptions& options = {});

struct SummaryTextOptions {
  bool nodes = false;  // a line for each node
  size_t width = 100;
};
// For people.
std::string SummaryText(const Summary& summary, const SummaryTextOptions& options = {});
// For scripts: the keys that docs/cli.md promises for `inspect --json`, and more.
std::string SummaryJson(const Summary& summary, bool nodes = false);

// "12.3 M", "438 MB": three significant digits.
std::string Count(uint64_t count);
std::string ByteCount(uint64_t bytes);

}  // namespace sardonyx::inspect
