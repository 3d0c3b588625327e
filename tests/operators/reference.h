// Plain references in double: what operators compute, written from the specification with no thought of speed and with
// nothing of src/kernels.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ir/graph.h"
#include "ops/schema.h"
#include "sardonyx/tensor.h"

namespace sardonyx::operators {

// A tensor of doubles, row-major.
struct Array {
  std::vector<int64_t> dims;
  std::vector<double> values;

  explicit Array(std::vector<int64_t> d = {}, double fill = 0);
  int64_t rank() const { return static_cast<int64_t>(dims.size()); }
  int64_t size() const { return static_cast<int64_t>(values.size()); }
  // The element at an index, given for all dims.
  double& at(std::span<const int64_t> index);
  double at(std::span<const int64_t> index) const;
};

// Calls f with every index of `dims`, the last running fastest.
void ForEachIndex(std::span<const int64_t> dims, const std::function<void(const std::vector<int64_t>&)>& f);

// The node that is computed: attributes with the schema's defaults.
struct ReferenceNode {
  const ir::Node& node;
  const ops::OpSchema& schema;
  int64_t opset;

  int64_t Int(std::string_view name, int64_t fallback = 0) const;
  double Float(std::string_view name, double fallback = 0) const;
  std::string String(std::string_view name, std::string_view fallback = "") const;
  std::vector<int64_t> Ints(std::string_view name, std::vector<int64_t> fallback = {}) const;
};

using Arrays = std::vector<std::optional<Array>>;  // inputs; omitted ones are empty
// Outputs; fewer than the node has when the reference gives only the first ones, none when it lacks something of the node.
using Reference = std::function<std::vector<Array>(const ReferenceNode&, const Arrays&)>;

struct ReferenceEntry {
  std::string_view op_type;  // of other domains than ai.onnx with the domain: "com.microsoft.BiasGelu"
  Reference compute;
  int since_version = 1;
};
std::span<const ReferenceEntry> ElementwiseReferences();  // reference_elementwise.cc
std::span<const ReferenceEntry> NeuralReferences();       // reference_nn.cc
std::span<const ReferenceEntry> MovementReferences();     // reference_movement.cc

// Null when there is none: the node is then computed in double, where its schema takes doubles.
const Reference* FindReference(const ops::OpSchema& schema);

}  // namespace sardonyx::operators
