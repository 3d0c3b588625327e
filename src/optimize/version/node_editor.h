// NodeEditor: what an adapter sees of the node that it changes, and what it may do to it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "ops/function_builder.h"
#include "ops/schema.h"
#include "optimize/version/workspace.h"
#include "sardonyx/status.h"

namespace sardonyx::optimize::version {

class NodeEditor {
 public:
  // `from` is what the node means now. Nodes that are added mean version `to` of ai.onnx; `target` is where the whole
  // conversion goes. `position` is the node's place in its graph, kept right while nodes are added before and behind it.
  NodeEditor(Workspace& workspace, ir::Node* node, const ops::OpSchema& from, int64_t to, int64_t target, size_t* position);

  ir::Node& node() { return *node_; }
  const ops::OpSchema& from() const { return from_; }
  int64_t to() const { return to_; }
  int64_t target() const { return target_; }

  // --- What is known. Those that return StatusOr are kUnsupported, with the reason, where it is not.
  bool HasInput(size_t i) const { return node_->input(i) != nullptr; }
  // Somebody reads output i, or it is an output of the graph.
  bool WantsOutput(size_t i) const;
  const ir::Shape* shape(size_t i) const;  // of input i; null when its rank is not known
  std::optional<int64_t> Dim(size_t i, size_t axis) const;
  StatusOr<DataType> Dtype(size_t i) const;
  StatusOr<int64_t> Rank(size_t i) const;
  std::optional<Tensor> Constant(size_t i) const { return workspace_.Constant(node_->input(i)); }
  // What the node holds, if it is a Constant.
  std::optional<Tensor> OwnConstant() const { return workspace_.Constant(node_->output(0)); }
  // An input of int32 or int64 elements, or of one float for ConstantNumber, that is known.
  StatusOr<std::vector<int64_t>> ConstantInts(size_t i) const;
  StatusOr<double> ConstantNumber(size_t i) const;
  // Attributes: the node's, else the default of `from`, else `fallback`.
  bool Has(std::string_view attribute) const { return node_->attribute(attribute) != nullptr; }
  int64_t Int(std::string_view name, int64_t fallback = 0) const { return text_->Int(name, fallback); }
  float Float(std::string_view name, float fallback = 0) const { return text_->Float(name, fallback); }
  std::string String(std::string_view name, std::string_view fallback = "") const { return text_->String(name, fallback); }
  // "axis" counted from the front, where rank 0 of input `i` is needed for that; kUnsupported if it is not known then.
  StatusOr<int64_t> Axis(std::string_view name, size_t i = 0, int64_t fallback = 0) const;

  const std::vector<ir::Dim>* Elements(size_t i) const { return workspace_.Elements(node_->input(i)); }
  // What the conversion relies on and cannot know: told to the user.
  void Note(std::string_view text) { notes_.emplace_back(text); }
  const std::vector<std::string>& notes() const { return notes_; }
  // A name that the model does not have yet, after the node's output.
  std::string FreshName(std::string_view hint) const { return NewName(hint); }

  // --- Changes of the node itself.
  template <class T>
  void Set(std::string_view name, T value) {
    node_->SetAttribute(ir::Attribute(std::string(name), std::move(value)));
  }
  void Remove(std::string_view attribute) { node_->RemoveAttribute(attribute); }
  void SetInput(size_t i, ir::Value* value);
  // Takes input i away; inputs behind it stay where they are, and omitted ones at the end vanish.
  void DropInput(size_t i);
  // Makes the attribute, if there is one, a constant input of rank 1, and back.
  Status IntsToInput(std::string_view attribute, size_t i);
  Status InputToInts(size_t i, std::string_view attribute);
  // The node defines a new value instead of output i, of type `dtype` when that is said; returns what it defined so far,
  // which something else must define now.
  std::pair<ir::Value*, ir::Value*> DetachOutput(size_t i, DataType dtype = DataType::kUndefined);
  // Gives the node `count` outputs: those beyond vanish, which nothing may read; those added are new values nobody reads.
  void TruncateOutputs(size_t count) { ResizeOutputs(count); }
  void ExtendOutputs(size_t count) { ResizeOutputs(count); }

  // --- Nodes before it; each gives a value named after the node's output and `hint`.
  ir::Value* AddConstant(std::string_view hint, const Tensor& tensor);
  ir::Value* AddInts(std::string_view hint, const std::vector<int64_t>& values);
  // A number in an element type, of rank 0.
  StatusOr<ir::Value*> AddNumber(std::string_view hint, DataType dtype, double value);
  ir::Value* AddNode(std::string_view op_type, const std::vector<ir::Value*>& inputs, std::vector<ir::Attribute> attributes,
                     std::string_view hint);
  // A node behind it that defines `output`.
  ir::Node* AddNodeBehind(std::string_view op_type, const std::vector<ir::Value*>& inputs, std::vector<ir::Attribute> attributes,
                          ir::Value* output);

  // --- Or nodes in its place, in the ONNX textual syntax. Inputs and outputs have the names of the schema `from`, a
  // variadic one's are numbered; attributes of the node are @name. After Replace the node is gone.
  template <class... Args>
  void Add(fmt::format_string<Args...> line, Args&&... args) {
    text_->Add(line, std::forward<Args>(args)...);
  }
  std::string InputName(size_t i) const { return text_->InputName(i); }
  std::string OutputName(size_t i) const { return text_->OutputName(i); }
  std::string Ints(const std::vector<int64_t>& values) { return text_->Ints(values); }
  Status Replace();
  // The same with a body that exists.
  Status ReplaceBy(const ir::Function& body);
  bool replaced() const { return replaced_; }
  bool changed() const { return changed_; }
  void SetChanged() { changed_ = true; }

 private:
  // A new node with those outputs takes over what the node was: outputs of a node cannot be exchanged.
  void Reproduce(const std::vector<ir::Value*>& outputs);
  void ResizeOutputs(size_t count);
  std::string NewName(std::string_view hint) const;
  std::string NodeName(std::string_view hint) const;
  ir::Node* InsertNode(size_t position, std::string_view op_type, const std::vector<ir::Value*>& inputs,
                       std::vector<ir::Attribute> attributes, std::string_view hint);

  Workspace& workspace_;
  ir::Node* node_;
  const ops::OpSchema& from_;
  int64_t to_, target_;
  std::string base_;  // of the names of new values: the node's first output
  size_t* position_;
  std::optional<ops::FunctionBuilder> text_;  // always there; made anew for another node
  std::vector<std::string> notes_;
  bool replaced_ = false, changed_ = false;
};

// `values` as a constant tensor int64[n].
Tensor IntsTensor(const std::vector<int64_t>& values);
// A number as a tensor of rank 0; kUnsupported for element types that are not numbers.
StatusOr<Tensor> NumberTensor(DataType dtype, double value);

}  // namespace sardonyx::optimize::version
