// The walk over a model that calls every node's inference function.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ops/infer/order.h"
#include "ops/inference.h"

namespace sardonyx::ops::infer {

// An error inside a graph, before it is reported: the subgraph it came from may be inferred again.
struct GraphError {
  const ir::Graph* graph;
  const ir::Node* node;  // null for an error of the graph itself
  Status status;
};

// What was found so far. A hostile model may break at every node, in names of any length: what is kept is bounded.
class Errors {
 public:
  using value_type = GraphError;
  void push_back(GraphError error) {
    constexpr size_t kMaxErrors = 20000, kMaxMessage = 2000;
    if (list_.size() >= kMaxErrors) return;
    if (error.status.message().size() > kMaxMessage) error.status = Status(error.status.code(), error.status.message().substr(0, kMaxMessage) + "...");
    list_.push_back(std::move(error));
  }
  bool empty() const { return list_.empty(); }
  void clear() { list_.clear(); }
  std::vector<GraphError>::const_iterator begin() const { return list_.begin(); }
  std::vector<GraphError>::const_iterator end() const { return list_.end(); }

 private:
  std::vector<GraphError> list_;
};

// What is known of one value of a frame.
struct Entry {
  ValueFacts facts;
  // The value's constant data while nobody has asked for it.
  const ir::StoredTensor* undecoded = nullptr;
};

// One evaluation of a body of nodes: the main graph with its subgraphs, or one call of a function.
struct Frame {
  int id = 0;     // no two evaluations of one run share it
  int depth = 0;  // of function calls
  const std::vector<ir::OpsetImport>* opset_imports = nullptr;
  // What ref_attr_name stands for. Null for the main graph, where it stands for nothing.
  const std::unordered_map<std::string_view, const ir::Attribute*>* attributes = nullptr;
  std::unordered_map<const ir::Value*, Entry> values;
  // In a function: what Value::type was before this call, to be put back after it, since calls differ.
  std::vector<std::pair<ir::Value*, ir::Type>> saved_types;
};

class Driver {
 public:
  Driver(ir::Model& model, const InferenceOptions& options) : model_(model), options_(options) {}

  // Infers everything; the first error, unless `options.on_error` takes them.
  StatusOr<InferenceResult> Run();

  // For IncrementalInference, which calls these instead of Run, with one frame.
  Status Step(const ir::Node& node, Frame& frame);
  void Declare(ir::Value* value, const ir::Type& type, Frame& frame);

  // For NodeContext.
  // `inputs` are facts of the graph's inputs, or null when nothing is known of them beyond their declared types.
  std::vector<ValueFacts> InferGraph(const ir::Graph& graph, Frame& frame, const std::vector<ValueFacts>* inputs, Errors& errors);
  // The entry of a value that was inferred before, or a new one with what the file declares. The address is stable.
  Entry& EntryOf(const ir::Value* value, Frame& frame);
  // The same arguments give the same name within one run, other arguments another one.
  std::string NewSymbolName(const Frame& frame, const ir::Node& node, std::string_view hint);
  // So that no made-up name takes it.
  void ReserveSymbols(const ir::Type& type);

 private:
  using SymbolKey = std::tuple<int, const ir::Node*, std::string>;

  void CollectSymbols(const ir::Graph& graph);
  void BindOverriddenInputs();
  void CollectDeclared(const ir::Graph& graph, bool trust_dims);
  ir::Dim ResolveDim(const ir::Dim& dim) const;
  ir::Type ResolveType(const ir::Type& type, bool trust_dims, int depth = 0) const;
  std::vector<ValueFacts> MainInputs();
  std::string UniqueSymbol(std::string_view base);

  void SeedInputs(const ir::Graph& graph, Frame& frame, const std::vector<ValueFacts>* inputs, Errors& errors);
  void SeedInitializers(const ir::Graph& graph, Frame& frame, Errors& errors);
  void InferNode(const ir::Node& node, Frame& frame, Errors& errors);
  Status InferByFunction(const ir::Function& function, const ir::Node& node, Frame& frame, std::vector<ValueFacts>& outputs,
                         Errors& errors);
  Status InferBySchema(const ir::Node& node, const ir::Node& original, Frame& frame, std::vector<ValueFacts>& outputs, Errors& errors);
  void SetFacts(ir::Value* value, ValueFacts facts, Frame& frame, const ir::Node* node, Errors& errors);
  const NodeOrder& Order(const ir::Graph& graph);

  ir::Model& model_;
  const InferenceOptions& options_;
  std::unordered_map<const ir::Value*, ir::Type> declared_;
  std::unordered_set<std::string> input_symbols_;  // as the main graph's inputs spell them
  std::unordered_map<std::string, ir::Dim> symbol_bindings_;
  bool inputs_contradict_declared_ = false;
  std::unordered_set<std::string> used_symbols_;
  std::unordered_set<std::string> fresh_symbols_;
  std::unordered_map<std::string, int> symbol_suffixes_;
  std::map<SymbolKey, std::string> symbol_names_;
  std::unordered_map<const ir::Graph*, NodeOrder> orders_;
  std::vector<std::unique_ptr<ir::Function>> bodies_;  // of operators; kept so that no address is used twice
  int frames_ = 0;
  int64_t visits_left_ = 0;
};

}  // namespace sardonyx::ops::infer
