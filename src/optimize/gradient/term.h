// Term and Emitter: writing nodes as formulas, dy * Exp(x) + 1.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace sardonyx::optimize {

class Emitter;

// A value of the graph that an Emitter writes to; an empty one is an omitted input. Cheap to copy. Operators and functions
// append one node each; what turns out to be unused is left out when the graph is compiled.
class Term {
 public:
  Term() = default;
  Term(Emitter& emitter, ir::Value* value) : emitter_(&emitter), value_(value) {}

  bool empty() const { return value_ == nullptr; }
  ir::Value* value() const { return value_; }
  Emitter& emitter() const { return *emitter_; }
  DataType dtype() const { return value_->type.dtype; }
  // Null when the rank is unknown.
  const ir::Shape* shape() const { return value_->type.shape ? &*value_->type.shape : nullptr; }

  // The operator `op` of this and the other inputs.
  Term Op(std::string_view op, std::vector<Term> others = {}, std::vector<ir::Attribute> attributes = {}) const;
  Term Shape() const;            // int64[rank]; a constant where every dim is known
  Term Dim(int64_t axis) const;  // int64[1]; the same
  Term Size() const;             // int64[], the number of elements
  Term As(DataType dtype) const;
  Term Reshaped(const Term& shape) const { return Op("Reshape", {shape}); }
  Term Transposed(std::vector<int64_t> permutation) const { return Op("Transpose", {}, {ir::Attribute("perm", std::move(permutation))}); }
  Term Unsqueezed(std::vector<int64_t> axes) const;
  // `axes` int64[n]; none: all.
  Term ReducedBy(std::string_view op, const Term& axes, bool keepdims) const;
  Term SumOver(std::vector<int64_t> axes, bool keepdims) const;
  Term MeanOver(std::vector<int64_t> axes, bool keepdims) const;
  // A tensor of this one's shape and type, every element `value`.
  Term Filled(double value) const;

 private:
  Emitter* emitter_ = nullptr;
  ir::Value* value_ = nullptr;
};

Term operator+(const Term& a, const Term& b);
Term operator-(const Term& a, const Term& b);
Term operator*(const Term& a, const Term& b);
Term operator/(const Term& a, const Term& b);
Term operator-(const Term& a);
// Numbers take the other operand's type.
Term operator+(const Term& a, double b);
Term operator-(const Term& a, double b);
Term operator*(const Term& a, double b);
Term operator/(const Term& a, double b);
Term operator+(double a, const Term& b);
Term operator-(double a, const Term& b);
Term operator*(double a, const Term& b);
Term operator/(double a, const Term& b);

Term Exp(const Term& x);
Term Log(const Term& x);
Term Sqrt(const Term& x);
Term Square(const Term& x);
Term Sigmoid(const Term& x);
Term Tanh(const Term& x);
Term Sign(const Term& x);
// Conditions, as bool.
Term Less(const Term& a, const Term& b);
Term Less(const Term& a, double b);
Term Greater(const Term& a, const Term& b);
Term Greater(const Term& a, double b);
Term Equal(const Term& a, const Term& b);
Term And(const Term& a, const Term& b);
Term Where(const Term& condition, const Term& a, const Term& b);
Term Where(const Term& condition, const Term& a, double b);

// Appends nodes to a graph. They are of an opset of their own, whatever the model imports.
class Emitter {
 public:
  static constexpr int64_t kOpset = 22;

  // Names of nodes and values begin with `prefix`.
  Emitter(ir::Graph& graph, std::string prefix) : graph_(graph), prefix_(std::move(prefix)) {}

  ir::Graph& graph() { return graph_; }
  size_t nodes() const { return nodes_; }

  Term Of(ir::Value* value) { return Term(*this, value); }
  Term Op(std::string_view op, std::vector<Term> inputs, std::vector<ir::Attribute> attributes = {});
  std::vector<Term> Ops(std::string_view op, std::vector<Term> inputs, std::vector<ir::Attribute> attributes, size_t outputs);
  Term Number(double value, DataType dtype);  // a scalar; of any float or integer type
  Term Ints(const std::vector<int64_t>& values);
  Term Concatenated(std::vector<Term> parts, int64_t axis);
  Term Sum(const std::vector<Term>& terms);

 private:
  Term Constant(Tensor tensor);
  ir::Value* NewValue(std::string_view name, DataType dtype);

  ir::Graph& graph_;
  std::string prefix_;
  size_t nodes_ = 0;
};

}  // namespace sardonyx::optimize
