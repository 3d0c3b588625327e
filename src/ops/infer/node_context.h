// The InferenceContext of one node in the driver's walk.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "ops/infer/driver.h"

namespace sardonyx::ops::infer {

// Elements and constants beyond these sizes are not followed: they are data, not shapes.
inline constexpr size_t kMaxElements = 256;
inline constexpr uint64_t kMaxConstantBytes = 1 << 16;
inline constexpr size_t kMaxRank = 256;

// Reads an initializer that nobody has asked for yet, if it is small. The constant, or null.
const Tensor* DecodeConstant(Entry& entry);
// The elements of a small constant, where they are not known yet.
void DecodeElements(Entry& entry);

class NodeContext final : public InferenceContext {
 public:
  // `node` has its attributes resolved; `original` is the node of the graph.
  NodeContext(Driver& driver, Frame& frame, const ir::Node& node, const ir::Node& original, const OpSchema& schema, int64_t opset_version);

  const ir::Node& node() const override { return node_; }
  const OpSchema& schema() const override { return schema_; }
  int64_t opset_version() const override { return opset_version_; }
  size_t num_inputs() const override { return inputs_.size(); }
  size_t num_outputs() const override { return outputs_.size(); }
  bool has_input(size_t i) const override { return i < inputs_.size() && inputs_[i] != nullptr; }
  const ir::Type& input_type(size_t i) const override;
  ValueFacts input_facts(size_t i) const override;
  const Tensor* input_constant(size_t i) const override;
  std::optional<std::vector<ir::Dim>> input_elements(size_t i) const override;
  void set_output_type(size_t i, ir::Type type) override;
  void set_output_elements(size_t i, std::vector<ir::Dim> elements) override;
  void set_output_constant(size_t i, Tensor constant) override;
  ir::Dim NewSymbol(std::string_view hint) override;
  StatusOr<std::vector<ValueFacts>> InferSubgraph(const ir::Graph& graph, const std::vector<ValueFacts>& inputs,
                                                  SubgraphErrors errors) override;

  std::vector<ValueFacts>& outputs() { return outputs_; }
  // Infers the subgraphs that nobody asked for from their declared types, then gives the errors of all of them.
  void FinishSubgraphs(Errors& errors);

 private:
  Driver& driver_;
  Frame& frame_;
  const ir::Node& node_;
  const ir::Node& original_;
  const OpSchema& schema_;
  int64_t opset_version_;
  std::vector<Entry*> inputs_;  // null where omitted
  std::vector<ValueFacts> outputs_;
  int symbols_ = 0;
  std::unordered_map<const ir::Graph*, Errors> subgraph_errors_;
};

}  // namespace sardonyx::ops::infer
