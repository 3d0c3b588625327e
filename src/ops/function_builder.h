// FunctionBuilder: writes the body of an operator for one node, where it depends on the node's attributes and inputs.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ops/schema.h"

namespace sardonyx::ops {

class FunctionBuilder {
 public:
  FunctionBuilder(const OpSchema& schema, const ir::Node& node) : schema_(schema), node_(node) {}

  // --- What the node is.
  const OpSchema& schema() const { return schema_; }
  const ir::Node& node() const { return node_; }
  bool HasInput(size_t i) const { return node_.input(i) != nullptr; }
  bool HasOutput(size_t i) const { return node_.output(i) != nullptr; }
  // kUndefined when it is not known.
  DataType InputDtype(size_t i) const;
  std::optional<size_t> InputRank(size_t i) const;
  // The dim, when it is known to be a constant.
  std::optional<int64_t> InputDim(size_t i, size_t axis) const;
  // The node's attribute, else the schema's default, else `fallback`.
  int64_t Int(std::string_view name, int64_t fallback = 0) const;
  float Float(std::string_view name, float fallback = 0) const;
  std::string String(std::string_view name, std::string_view fallback = "") const;
  bool HasAttribute(std::string_view name) const { return node_.attribute(name) != nullptr; }

  // --- The body, line by line in the ONNX textual syntax: Add("y = Add (x, {})", other).
  template <class... Args>
  void Add(fmt::format_string<Args...> line, Args&&... args) {
    body_ += "  " + fmt::format(line, std::forward<Args>(args)...) + "\n";
  }
  // Constants; each returns the name of a value.
  std::string Scalar(int64_t value);                     // int64[]
  std::string Ints(const std::vector<int64_t>& values);  // int64[n]
  // A number in the type of the value named `like`.
  std::string NumberLike(double value, std::string_view like);

  // A line "y = Subgraph.NAME (x)" stands for the nodes of the subgraph in the node's attribute NAME.

  // Inputs and outputs by the schema's names, those of a variadic parameter numbered: "(X, axes) => (Y) {...}".
  std::string Text() const;
  std::string InputName(size_t i) const;
  std::string OutputName(size_t i) const;

 private:
  const OpSchema& schema_;
  const ir::Node& node_;
  std::string body_;
  int constants_ = 0;
};

// Writes the body; false if the specification defines none for this node, or too little is known of it.
using FunctionBodyBuilder = bool (*)(FunctionBuilder&);
// The builder of an operator's bodies, or null.
FunctionBodyBuilder FindFunctionBuilder(const OpSchema& schema);

}  // namespace sardonyx::ops
