// Graph, Node, Value, Attribute: a model's computation as a linked graph.
//
// Every name of a graph is one Value; nodes point at Values and Values know who produces and uses them. What the
// specification forbids can still be represented (two nodes that define one name, a use of an undefined name, cycles,
// nodes out of order), so that the checker can report it and saving loses nothing.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "ir/extras.h"
#include "ir/stored_tensor.h"
#include "ir/type.h"

namespace sardonyx::ir {

class Graph;
class Node;
class Model;

// One place where a node reads a value.
struct Use {
  Node* node;
  size_t index;
  bool operator==(const Use&) const = default;
};

// A named edge of the graph. Owned by its Graph; addresses are stable.
class Value {
 public:
  const std::string& name() const { return name_; }
  // The graph that defines it; a node of a subgraph may use it too.
  Graph* graph() const { return graph_; }
  // The node that defines it and which of its outputs it is; null for inputs, initializers and undefined names.
  Node* producer() const { return producer_; }
  size_t output_index() const { return output_index_; }
  // Reads by nodes of this graph and of its subgraphs, in no particular order.
  const std::vector<Use>& uses() const { return uses_; }
  bool is_graph_input() const { return is_graph_input_; }
  bool is_graph_output() const { return is_graph_output_; }
  // The stored tensor when the value is an initializer, else null.
  const StoredTensor* initializer() const { return initializer_.get(); }
  const StoredSparseTensor* sparse_initializer() const { return sparse_initializer_.get(); }
  // Known at load: an initializer that is not also a graph input (an input's initializer is its default).
  bool is_constant() const { return (initializer_ || sparse_initializer_) && !is_graph_input_; }
  // Defined in its graph: an input, an initializer or a node's output.
  bool is_defined() const { return producer_ || is_graph_input_ || initializer_ || sparse_initializer_; }

  // The best known type: what the file declares, refined by inference. Not written back by saving (see ValueInfo::type).
  Type type;

 private:
  friend class Graph;
  friend class Node;
  Value(Graph* graph, std::string name) : name_(std::move(name)), graph_(graph) {}
  std::string name_;
  Graph* graph_;
  Node* producer_ = nullptr;
  size_t output_index_ = 0;
  std::vector<Use> uses_;
  bool is_graph_input_ = false;
  bool is_graph_output_ = false;
  std::shared_ptr<StoredTensor> initializer_;
  std::shared_ptr<StoredSparseTensor> sparse_initializer_;
};

// Numbers are those of AttributeProto.AttributeType.
enum class AttributeType : int32_t {
  kUndefined = 0,
  kFloat = 1,
  kInt = 2,
  kString = 3,
  kTensor = 4,
  kGraph = 5,
  kFloats = 6,
  kInts = 7,
  kStrings = 8,
  kTensors = 9,
  kGraphs = 10,
  kSparseTensor = 11,
  kSparseTensors = 12,
  kTypeProto = 13,
  kTypeProtos = 14,
};
// "FLOAT", "INTS", ...
std::string_view AttributeTypeName(AttributeType type);

// A named attribute of a node, or a default of a function. `type` says which alternative of `value` is set.
struct Attribute {
  using Content =
      std::variant<std::monostate, float, int64_t, std::string, StoredTensor, std::shared_ptr<Graph>, std::vector<float>,
                   std::vector<int64_t>, std::vector<std::string>, std::vector<StoredTensor>, std::vector<std::shared_ptr<Graph>>,
                   StoredSparseTensor, std::vector<StoredSparseTensor>, Type, std::vector<Type>>;
  std::string name;
  std::string doc;
  // Inside a function body: the function's attribute whose value this one takes.
  std::string ref_attr_name;
  AttributeType type = AttributeType::kUndefined;
  // The attribute's value. (An old file may lack `type`; it is then told from the field that is set.)
  Content value;
  bool packed = false;   // ints/floats were packed, as proto3 writers do
  bool omitted = false;  // the file leaves the value of `type` out, which means zero or empty
  // extras.unknown also holds value fields other than the one of `type` (an error that the checker reports).
  Extras extras;

  Attribute() = default;
  Attribute(std::string name, float v) : name(std::move(name)), type(AttributeType::kFloat), value(v) {}
  Attribute(std::string name, int64_t v) : name(std::move(name)), type(AttributeType::kInt), value(v) {}
  Attribute(std::string name, std::string v) : name(std::move(name)), type(AttributeType::kString), value(std::move(v)) {}
  Attribute(std::string name, StoredTensor v) : name(std::move(name)), type(AttributeType::kTensor), value(std::move(v)) {}
  Attribute(std::string name, std::shared_ptr<Graph> v) : name(std::move(name)), type(AttributeType::kGraph), value(std::move(v)) {}
  Attribute(std::string name, std::vector<float> v) : name(std::move(name)), type(AttributeType::kFloats), value(std::move(v)) {}
  Attribute(std::string name, std::vector<int64_t> v) : name(std::move(name)), type(AttributeType::kInts), value(std::move(v)) {}
  Attribute(std::string name, std::vector<std::string> v) : name(std::move(name)), type(AttributeType::kStrings), value(std::move(v)) {}
};

class Node {
 public:
  std::string name;
  std::string op_type;
  std::string domain;  // "" and "ai.onnx" are the same domain: see NormalDomain().
  std::string overload;
  std::string doc;
  StringPairs metadata;
  // NodeProto.device_configurations (IR 11), kept as wire bytes: one entry a configuration.
  std::vector<std::string> device_configurations;
  Extras extras;
  // The version of `domain` that this node means when it differs from the model's import (a node inlined from a function
  // of another opset); 0: the import. Not saved.
  int64_t opset_version = 0;

  Graph* graph() const { return graph_; }
  // Null where an optional input or output is omitted.
  const std::vector<Value*>& inputs() const { return inputs_; }
  const std::vector<Value*>& outputs() const { return outputs_; }
  Value* input(size_t i) const { return i < inputs_.size() ? inputs_[i] : nullptr; }
  Value* output(size_t i) const { return i < outputs_.size() ? outputs_[i] : nullptr; }
  // Keep the use lists right. SetInput(i >= size) extends with omitted inputs; the Value may be of an outer graph.
  void SetInput(size_t i, Value* value);
  void AddInput(Value* value) { SetInput(inputs_.size(), value); }
  void ResizeInputs(size_t count);
  // `value` must have no producer yet.
  void AddOutput(Value* value);

  const std::vector<Attribute>& attributes() const { return attributes_; }
  std::vector<Attribute>& mutable_attributes() { return attributes_; }
  const Attribute* attribute(std::string_view name) const;
  // Replaces the attribute of that name, or adds it. Subgraphs become children of this node.
  Attribute& SetAttribute(Attribute attribute);
  void RemoveAttribute(std::string_view name);

  // Typed access with a default for absence. A present attribute of another type also gives the default: the checker is
  // what reports it.
  int64_t GetInt(std::string_view name, int64_t fallback) const;
  float GetFloat(std::string_view name, float fallback) const;
  std::string GetString(std::string_view name, std::string_view fallback) const;
  std::vector<int64_t> GetInts(std::string_view name) const;
  std::vector<float> GetFloats(std::string_view name) const;
  std::vector<std::string> GetStrings(std::string_view name) const;
  const Graph* GetGraph(std::string_view name) const;  // null when absent

  // "Conv 'conv1'" or "Conv -> 'y'" when unnamed: for messages.
  std::string Label() const;

 private:
  friend class Graph;
  Graph* graph_ = nullptr;
  std::vector<Value*> inputs_;
  std::vector<Value*> outputs_;
  std::vector<Attribute> attributes_;
};

// What a file says of one value in graph.input, graph.output or graph.value_info.
struct ValueInfo {
  Value* value = nullptr;
  std::optional<Type> type;
  std::string doc;
  StringPairs metadata;
  Extras extras;
};

// TensorAnnotation: quantization parameters of a tensor, by role ("SCALE_TENSOR" -> initializer name).
struct QuantizationAnnotation {
  std::string tensor_name;
  StringPairs parameters;
  Extras extras;
};

class Graph {
 public:
  Graph() = default;
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  std::string name;
  std::string doc;
  StringPairs metadata;
  std::vector<ValueInfo> value_info;
  std::vector<QuantizationAnnotation> quantization_annotations;
  Extras extras;

  // The node whose attribute holds this graph; null for a main graph or a function body.
  Node* owner() const { return owner_; }
  Graph* outer() const { return owner_ ? owner_->graph() : nullptr; }

  const std::vector<std::unique_ptr<Node>>& nodes() const { return nodes_; }
  const std::vector<ValueInfo>& inputs() const { return inputs_; }
  const std::vector<ValueInfo>& outputs() const { return outputs_; }
  std::vector<ValueInfo>& mutable_inputs() { return inputs_; }  // change the infos, not which values they are
  std::vector<ValueInfo>& mutable_outputs() { return outputs_; }
  // In the order of the file: dense and sparse ones each.
  const std::vector<Value*>& initializers() const { return initializers_; }
  const std::vector<Value*>& sparse_initializers() const { return sparse_initializers_; }

  // The value of that name in this graph, else null. (With duplicates: the first.)
  Value* Find(std::string_view name) const;
  // The same, then in the enclosing graphs.
  Value* FindInScope(std::string_view name) const;
  const std::vector<std::unique_ptr<Value>>& values() const { return values_; }

  // A new value. A name that is taken (or empty) is made unique with a suffix unless `keep_duplicate`.
  Value* AddValue(std::string_view name, bool keep_duplicate = false);
  void AddInput(ValueInfo info);
  void AddOutput(ValueInfo info);
  void ReplaceOutput(size_t i, Value* value);
  void RemoveInput(size_t i);
  void RemoveOutput(size_t i);
  // Makes `tensor` the initializer of `value`, or of a new value named tensor.name.
  void SetInitializer(Value* value, StoredTensor tensor);
  void SetSparseInitializer(Value* value, StoredSparseTensor tensor);
  Value* AddInitializer(StoredTensor tensor);
  void RemoveInitializer(Value* value);
  void Rename(Value* value, std::string_view name);

  // Appends a node (or inserts it before the node at `position`) without inputs or outputs.
  Node* AddNode(std::string_view op_type, std::string_view domain = "");
  Node* InsertNode(size_t position, std::string_view op_type, std::string_view domain = "");
  // Unlinks and deletes it. Its outputs stay as undefined values unless nothing uses them.
  void RemoveNode(Node* node);
  void RemoveNodes(const std::function<bool(const Node&)>& dead);
  // Every node that reads `from`, here and in subgraphs, reads `to`; a graph output `from` becomes `to`.
  void ReplaceUses(Value* from, Value* to);
  // Deletes values that nothing defines, uses or declares.
  void RemoveUnusedValues();
  // Sorts nodes so that producers stand before consumers, keeping the order where it is already right. False, and
  // nothing changed, if there is a cycle.
  bool SortTopologically();

  // Called by Node::SetAttribute and the loader.
  void SetOwner(Node* owner) { owner_ = owner; }

 private:
  friend class Node;
  void ForgetOuterUses();
  void Unlink(Node* node);

  Node* owner_ = nullptr;
  // Set when the enclosing graph is being destroyed: its values need not be told of uses that vanish.
  bool outer_is_dying_ = false;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<std::unique_ptr<Value>> values_;
  std::unordered_map<std::string_view, Value*> by_name_;  // keys view Value::name_
  std::vector<ValueInfo> inputs_;
  std::vector<ValueInfo> outputs_;
  std::vector<Value*> initializers_;
  std::vector<Value*> sparse_initializers_;
};

// A deep copy of `source` into `target` (which must be empty). Values of graphs around `source` are taken through `outer`,
// which maps each to what the copy shall use; null for "the same".
using ValueMap = std::unordered_map<const Value*, Value*>;
void CloneGraph(const Graph& source, Graph* target, const std::function<Value*(Value*)>& outer);
// Copies one node (with its subgraphs) to the end of `target`; `map` gives the value to use for each input and output.
Node* CloneNode(const Node& source, Graph* target, const std::function<Value*(Value*)>& map);

// "" for "ai.onnx", which is its other name; any other domain unchanged.
std::string_view NormalDomain(std::string_view domain);

// Calls f(node) for every node of the graph and, after its node, of its subgraphs.
void ForEachNode(const Graph& graph, const std::function<void(const Node&)>& f);
// The subgraphs of a node: attribute name and graph; GRAPHS attributes as name[i].
std::vector<std::pair<std::string, Graph*>> Subgraphs(const Node& node);

}  // namespace sardonyx::ir
