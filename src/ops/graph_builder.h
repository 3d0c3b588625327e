// GraphBuilder: the one way in which importers make ONNX graphs.
//
// A value's element type and shape, symbolic dims included, are known as soon as its node is added, so rules can decide by
// them; what is known to be constant (sizes of static dims and arithmetic on them) becomes a constant and no node, and a
// node that exists already is not added twice.
//
// Errors stick: after the first, every call still returns a value (of unknown type), and status() says what went wrong. A
// rule is then an expression, `b.Add(b.Mul(x, y), z)`, and its caller looks once.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ir/model.h"
#include "ops/incremental_inference.h"

namespace sardonyx::ops {

// An attribute as one writes it in a call: {"axis", 1}, {"perm", {0, 2, 1}}, {"to", DataType::kFloat}.
struct Attr : ir::Attribute {
  template <class T, class = std::enable_if_t<std::is_integral_v<T>>>
  Attr(std::string name, T value) : Attribute(std::move(name), static_cast<int64_t>(value)) {}
  Attr(std::string name, double value) : Attribute(std::move(name), static_cast<float>(value)) {}
  Attr(std::string name, const char* value) : Attribute(std::move(name), std::string(value)) {}
  Attr(std::string name, std::string value) : Attribute(std::move(name), std::move(value)) {}
  Attr(std::string name, DataType value) : Attribute(std::move(name), static_cast<int64_t>(value)) {}
  Attr(std::string name, std::vector<int64_t> value) : Attribute(std::move(name), std::move(value)) {}
  Attr(std::string name, std::initializer_list<int64_t> value) : Attribute(std::move(name), std::vector<int64_t>(value)) {}
  Attr(std::string name, std::vector<float> value) : Attribute(std::move(name), std::move(value)) {}
  Attr(std::string name, std::vector<std::string> value) : Attribute(std::move(name), std::move(value)) {}
  Attr(std::string name, Tensor value) : Attribute(std::move(name), ir::StoredTensor::Of("", std::move(value))) {}
  Attr(std::string name, std::shared_ptr<ir::Graph> value) : Attribute(std::move(name), std::move(value)) {}
};

class GraphBuilder {
 public:
  using Value = ir::Value*;
  using Values = std::vector<Value>;

  // Builds for `opset` of ai.onnx, at least 18 (the version converter goes lower from there).
  explicit GraphBuilder(int64_t opset, std::string_view graph_name = "main");

  int64_t opset() const { return opset_; }
  const Status& status() const { return status_; }
  bool ok() const { return status_.ok(); }
  // Records an error; the first one stays.
  void Fail(Status status);
  // Forgets it, as an importer does that lists everything unsupported. The values that it left stay unknown.
  void ClearStatus() { status_ = Status(); }

  // Fails unless the opset is at least that.
  void Require(int64_t opset, std::string_view what);
  // The opset that all that failed for the lack of one needs; 0 if nothing did.
  int64_t needed_opset() const { return needed_opset_; }

  // ---- The model's interface.
  Value Input(std::string_view name, ir::Type type);
  // The value becomes a graph output of that name: by renaming it, or through an Identity where it has a name of its own.
  void Output(Value value, std::string_view name);
  // Removes what no output needs, names nodes, and gives the model. The builder is used up.
  StatusOr<std::unique_ptr<ir::Model>> Finish();
  ir::Model& model() { return *model_; }

  // ---- Constants. Equal small ones are one initializer.
  Value Constant(Tensor tensor);
  template <class T>
  Value Scalar(T value) {
    return Constant(Tensor::Scalar<T>(value));
  }
  Value Int(int64_t value) { return Scalar<int64_t>(value); }
  Value Ints(const std::vector<int64_t>& values);  // int64[n]
  // A scalar of any numeric type or bool, rounded as a cast would.
  Value Number(double value, DataType dtype);
  Value Number(int64_t value, DataType dtype);
  Value NumberLike(double value, Value like) { return Number(value, dtype(like)); }
  // A named initializer, which is not looked into: a parameter of the source.
  Value Weight(std::string_view name, Tensor tensor);

  // ---- What is known of a value.
  DataType dtype(Value value) const { return value == nullptr ? DataType::kUndefined : value->type.dtype; }
  const ir::Shape* shape(Value value) const;  // null when the rank is unknown
  std::optional<size_t> known_rank(Value value) const;
  // The rank; an error (and 0) when it is not known.
  size_t rank(Value value);
  // Unknown when out of range or not known. Negative axes count from the end.
  ir::Dim dim(Value value, int64_t axis) const;
  std::optional<int64_t> static_dim(Value value, int64_t axis) const;
  // Every dim, when all are constant.
  std::optional<Dims> static_shape(Value value) const;
  const Tensor* constant(Value value);                             // null when it is not a (small) constant
  std::optional<std::vector<int64_t>> constant_ints(Value value);  // of an integer constant of rank 0 or 1
  std::optional<std::vector<ir::Dim>> elements(Value value);       // of an integer tensor of rank 0 or 1
  // What the source says of the value: refines its type.
  void Declare(Value value, const ir::Type& type);

  // ---- Nodes. A null input is an omitted one.
  Value Op(std::string_view op_type, Values inputs, std::vector<Attr> attributes = {}, std::string_view domain = "");
  Values Ops(std::string_view op_type, Values inputs, size_t outputs, std::vector<Attr> attributes = {}, std::string_view domain = "");
  // Whether the opset has the operator.
  bool Has(std::string_view op_type, std::string_view domain = "") const;

  Value Add(Value a, Value b) { return Op("Add", {a, b}); }
  Value Sub(Value a, Value b) { return Op("Sub", {a, b}); }
  Value Mul(Value a, Value b) { return Op("Mul", {a, b}); }
  Value Div(Value a, Value b) { return Op("Div", {a, b}); }
  Value Neg(Value a) { return Op("Neg", {a}); }
  Value Where(Value condition, Value a, Value b) { return Op("Where", {condition, a, b}); }
  // Nothing is added where nothing changes.
  Value Cast(Value value, DataType dtype);
  Value Transpose(Value value, const std::vector<int64_t>& perm);
  // Swaps two axes, which may be negative.
  Value SwapAxes(Value value, int64_t a, int64_t b);
  Value Unsqueeze(Value value, std::vector<int64_t> axes);
  Value Squeeze(Value value, std::vector<int64_t> axes);
  // `shape` is an int64 vector; an element -1 is what is left. (0 is a size of 0.)
  Value Reshape(Value value, Value shape);
  Value Reshape(Value value, const std::vector<int64_t>& shape) { return Reshape(value, Ints(shape)); }
  Value Flatten(Value value);  // to rank 1
  // Broadcasts to at least `shape`.
  Value Expand(Value value, Value shape);
  Value Concat(Values values, int64_t axis);
  Value Gather(Value value, Value indices, int64_t axis);
  // [begin, end) along one axis, as Slice has it.
  Value Slice(Value value, int64_t axis, Value begin, Value end, int64_t step = 1);
  Value Slice(Value value, int64_t axis, int64_t begin, int64_t end, int64_t step = 1);
  // "ReduceSum" and its like; `axes` empty: all of them.
  Value Reduce(std::string_view op_type, Value value, const std::vector<int64_t>& axes, bool keepdims);
  // ---- Sizes, as int64. Constants where they are static.
  Value ShapeOf(Value value);               // int64[rank]
  Value SizeOf(Value value, int64_t axis);  // scalar
  // A vector of scalars (or vectors).
  Value Stack1D(const Values& scalars);

  // ---- Subgraphs. Names and constants of the enclosing graphs can be used inside.
  using Body = std::function<Values(const Values& inputs)>;
  // If with branches that give equally many values; `cond` is a bool scalar.
  Values If(Value cond, const std::function<Values()>& then_branch, const std::function<Values()>& else_branch);
  // Loop: `body(iteration, state) -> {condition, state..., scanned...}`. Null trip count or condition: without. The body is
  // built again with weaker types if its state changes shape on the way.
  Values Loop(Value trip_count, Value condition, const Values& initial, size_t scanned,
              const std::function<Values(Value iteration, const Values& state)>& body);
  // Scan over axis 0 of `sequences`: `body(state, elements) -> {state..., scanned...}`.
  Values Scan(const Values& initial, const Values& sequences, size_t scanned, bool reverse,
              const std::function<Values(const Values& state, const Values& elements)>& body);

  // ---- Names. Nodes that are added from now on stand at this place of the source ("encoder.layers.0/matmul"), and values
  // are named after it.
  void SetPlace(std::string_view place) { place_ = place; }
  const std::string& place() const { return place_; }
  // Keeps a name free for a later Input, Output or Rename.
  void ReserveName(std::string_view name) { names_.insert(std::string(name)); }
  // Gives a value that a node made that name, or one like it if it is taken.
  void Rename(Value value, std::string_view name);

 private:
  struct Scope {
    ir::Graph* graph = nullptr;
    std::unordered_map<std::string, Values> known;  // a node's text -> its outputs
    std::unordered_map<std::string, Value> sizes;   // a symbolic dim -> a scalar of that size
  };

  std::string UniqueName(std::string_view base);
  std::string ValueName(std::string_view op_type);
  void CheckTypes(std::string_view op_type, const Values& inputs);
  const Values* FindKnown(const std::string& text) const;
  Values AddNode(std::string_view op_type, const Values& inputs, size_t outputs, std::vector<Attr> attributes, std::string_view domain);
  // The outputs as constants, if all of them are.
  std::optional<Values> Folded(const ir::Node& node);
  Values Unknown(size_t count);
  struct Built {
    std::shared_ptr<ir::Graph> graph;
    Values outputs;
  };
  Built Subgraph(std::string_view name, const std::vector<ir::Type>& inputs, const std::vector<std::string>& input_names, const Body& body);

  int64_t opset_;
  int64_t needed_opset_ = 0;
  Status status_;
  std::unique_ptr<ir::Model> model_;
  std::unique_ptr<IncrementalInference> inference_;
  std::vector<Scope> scopes_;
  std::unordered_map<std::string, Value> constants_;
  std::unordered_map<Value, Value> vector_of_;         // scalar -> the int64[1] it was squeezed from
  std::vector<std::shared_ptr<ir::Graph>> discarded_;  // bodies that were built again; inference knows their values
  std::unordered_set<std::string> names_;
  std::unordered_map<std::string, int> name_counts_;
  std::string place_;
};

}  // namespace sardonyx::ops
