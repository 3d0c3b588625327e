// Type and shape inference with symbolic dims and propagation of small integer tensors.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ir/model.h"
#include "ops/schema.h"

namespace sardonyx::ops {

// What is known of a value while inferring.
struct ValueFacts {
  ir::Type type;
  // The value itself, when it is a constant.
  std::optional<Tensor> constant;
  // Elements of a tensor of rank 0 or 1 (a shape, an axis list, a scale) as expressions; size = number of elements. An
  // element that is not known to be an integer is unknown; bools are 0 and 1. Of a sequence: empty if it is.
  std::optional<std::vector<ir::Dim>> elements;
};

// What an operator's inference function sees of its node. Inputs that are omitted or unknown have kind kUnknown.
class InferenceContext {
 public:
  virtual ~InferenceContext() = default;
  virtual const ir::Node& node() const = 0;
  virtual const OpSchema& schema() const = 0;
  // Version of the node's domain that the graph imports.
  virtual int64_t opset_version() const = 0;

  virtual size_t num_inputs() const = 0;
  virtual size_t num_outputs() const = 0;
  virtual bool has_input(size_t i) const = 0;
  virtual const ir::Type& input_type(size_t i) const = 0;
  // All that is known of an input, for handing it to a subgraph.
  virtual ValueFacts input_facts(size_t i) const = 0;
  // Null when it is not a constant.
  virtual const Tensor* input_constant(size_t i) const = 0;
  // The elements of an input of rank <= 1 when at least its (small) length is known; dims of it may be unknown.
  virtual std::optional<std::vector<ir::Dim>> input_elements(size_t i) const = 0;
  virtual void set_output_type(size_t i, ir::Type type) = 0;
  virtual void set_output_elements(size_t i, std::vector<ir::Dim> elements) = 0;
  virtual void set_output_constant(size_t i, Tensor constant) = 0;
  // A fresh symbol for a data-dependent dim, named after the node and `hint`.
  virtual ir::Dim NewSymbol(std::string_view hint) = 0;
  // Infers an attribute's subgraph given facts of its inputs; returns facts of its outputs. May be called again with
  // weaker facts (a loop's state): the last call decides what is kept of the subgraph's types and errors. With
  // SubgraphErrors::kIgnore what is wrong inside is not reported: the branch cannot run.
  enum class SubgraphErrors { kReport, kIgnore };
  virtual StatusOr<std::vector<ValueFacts>> InferSubgraph(const ir::Graph& graph, const std::vector<ValueFacts>& inputs,
                                                          SubgraphErrors errors = SubgraphErrors::kReport) = 0;

  // Conveniences over the above.
  DataType input_dtype(size_t i) const { return has_input(i) ? input_type(i).dtype : DataType::kUndefined; }
  // Null when the rank is unknown.
  const ir::Shape* input_shape(size_t i) const;
  void SetOutput(size_t i, DataType dtype, std::optional<ir::Shape> shape);
};

// kInvalid when types or shapes contradict the operator; the driver adds graph path, node and input types.
using InferenceFunction = std::function<Status(InferenceContext&)>;
// Null when the operator has no inference of its own (its function body, if any, is inferred instead).
InferenceFunction FindInference(const OpSchema& schema);

struct InferenceOptions {
  // True, as the checker wants: inputs whose types the schema forbids, and declared types that contradict the inferred
  // ones, are errors. False: the inferred type wins, since it follows from what the operators compute, while declared
  // shapes are often left over from before an edit.
  bool strict = false;
  // An input that has an initializer (its default) is taken to be that constant: right when the caller will not feed it.
  // Before IR 4 every initializer had to be an input, so there it is always taken.
  bool defaults_are_constant = false;
  // Replace declared input dims: symbol -> size.
  std::function<std::optional<int64_t>(std::string_view)> symbol_value;
  // Use these types for the main graph's inputs instead of the declared ones (by position; unknown: the declared).
  std::vector<ir::Type> input_types;
  // Called with every error instead of stopping at the first.
  std::function<void(const ir::Graph& graph, const ir::Node* node, const Status& error)> on_error;
};

// Infers every value of the model, its subgraphs included, and writes Value::type. Values whose type cannot be inferred
// keep what the file declares. Does not change what saving writes.
Status InferTypes(ir::Model& model, const InferenceOptions& options = {});

// Facts of constants and shapes computed on the way, for callers (planner, folding) that want more than types.
struct InferenceResult {
  std::unordered_map<const ir::Value*, ValueFacts> facts;
};
StatusOr<InferenceResult> InferFacts(ir::Model& model, const InferenceOptions& options = {});

}  // namespace sardonyx::ops
