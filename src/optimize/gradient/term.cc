#include "optimize/gradient/term.h"

#include <algorithm>

#include <fmt/format.h>

namespace sardonyx::optimize {
namespace {

// The element type of an operator's first output; of what rules emit only these differ from the first input.
DataType ResultType(std::string_view op, const std::vector<Term>& inputs) {
  if (op == "Shape" || op == "Size" || op == "NonZero" || op == "ArgMax") return DataType::kInt64;
  if (op == "Less" || op == "Greater" || op == "Equal" || op == "And" || op == "Not") return DataType::kBool;
  if (op == "Where" || op == "DequantizeLinear") return inputs[1].dtype();
  for (const Term& input : inputs)
    if (!input.empty()) return input.dtype();
  return DataType::kUndefined;
}

}  // namespace

Term Term::Op(std::string_view op, std::vector<Term> others, std::vector<ir::Attribute> attributes) const {
  others.insert(others.begin(), *this);
  return emitter_->Op(op, std::move(others), std::move(attributes));
}

Term Term::Shape() const {
  if (shape() && shape()->is_static()) {
    const Dims dims = *shape()->concrete();
    return emitter_->Ints({dims.begin(), dims.end()});
  }
  return Op("Shape");
}

Term Term::Dim(int64_t axis) const {
  if (shape()) {
    const auto rank = static_cast<int64_t>(shape()->rank());
    const int64_t at = axis < 0 ? axis + rank : axis;
    if (at >= 0 && at < rank && (*shape())[static_cast<size_t>(at)].is_constant())
      return emitter_->Ints({(*shape())[static_cast<size_t>(at)].value()});
  }
  return Op("Shape").Op("Slice", {emitter_->Ints({axis}), emitter_->Ints({axis == -1 ? INT64_MAX : axis + 1})});
}

Term Term::Size() const { return Op("Size"); }

Term Term::As(DataType to) const {
  if (dtype() == to) return *this;
  const Term cast = Op("Cast", {}, {ir::Attribute("to", static_cast<int64_t>(to))});
  cast.value()->type.dtype = to;
  return cast;
}

Term Term::Unsqueezed(std::vector<int64_t> axes) const { return Op("Unsqueeze", {emitter_->Ints(axes)}); }

Term Term::ReducedBy(std::string_view op, const Term& axes, bool keepdims) const {
  return Op(op, {axes}, {ir::Attribute("keepdims", int64_t{keepdims})});
}
Term Term::SumOver(std::vector<int64_t> axes, bool keepdims) const {
  return axes.empty() ? *this : ReducedBy("ReduceSum", emitter_->Ints(axes), keepdims);
}
Term Term::MeanOver(std::vector<int64_t> axes, bool keepdims) const {
  return axes.empty() ? *this : ReducedBy("ReduceMean", emitter_->Ints(axes), keepdims);
}

Term Term::Filled(double number) const {
  if (shape() && shape()->rank() == 0) return emitter_->Number(number, dtype());
  return emitter_->Number(number, dtype()).Op("Expand", {Shape()});
}

Term operator+(const Term& a, const Term& b) { return a.Op("Add", {b}); }
Term operator-(const Term& a, const Term& b) { return a.Op("Sub", {b}); }
Term operator*(const Term& a, const Term& b) { return a.Op("Mul", {b}); }
Term operator/(const Term& a, const Term& b) { return a.Op("Div", {b}); }
Term operator-(const Term& a) { return a.Op("Neg"); }
Term operator+(const Term& a, double b) { return a + a.emitter().Number(b, a.dtype()); }
Term operator-(const Term& a, double b) { return a - a.emitter().Number(b, a.dtype()); }
Term operator*(const Term& a, double b) { return a * a.emitter().Number(b, a.dtype()); }
Term operator/(const Term& a, double b) { return a / a.emitter().Number(b, a.dtype()); }
Term operator+(double a, const Term& b) { return b.emitter().Number(a, b.dtype()) + b; }
Term operator-(double a, const Term& b) { return b.emitter().Number(a, b.dtype()) - b; }
Term operator*(double a, const Term& b) { return b.emitter().Number(a, b.dtype()) * b; }
Term operator/(double a, const Term& b) { return b.emitter().Number(a, b.dtype()) / b; }

Term Exp(const Term& x) { return x.Op("Exp"); }
Term Log(const Term& x) { return x.Op("Log"); }
Term Sqrt(const Term& x) { return x.Op("Sqrt"); }
Term Square(const Term& x) { return x * x; }
Term Sigmoid(const Term& x) { return x.Op("Sigmoid"); }
Term Tanh(const Term& x) { return x.Op("Tanh"); }
Term Sign(const Term& x) { return x.Op("Sign"); }
Term Less(const Term& a, const Term& b) { return a.Op("Less", {b}); }
Term Less(const Term& a, double b) { return Less(a, a.emitter().Number(b, a.dtype())); }
Term Greater(const Term& a, const Term& b) { return a.Op("Greater", {b}); }
Term Greater(const Term& a, double b) { return Greater(a, a.emitter().Number(b, a.dtype())); }
Term Equal(const Term& a, const Term& b) { return a.Op("Equal", {b}); }
Term And(const Term& a, const Term& b) { return a.Op("And", {b}); }
Term Where(const Term& condition, const Term& a, const Term& b) { return condition.Op("Where", {a, b}); }
Term Where(const Term& condition, const Term& a, double b) { return Where(condition, a, a.emitter().Number(b, a.dtype())); }

ir::Value* Emitter::NewValue(std::string_view name, DataType dtype) {
  ir::Value* value = graph_.AddValue(fmt::format("{}{}", prefix_, name));
  value->type = ir::Type::Tensor(dtype);
  return value;
}

std::vector<Term> Emitter::Ops(std::string_view op, std::vector<Term> inputs, std::vector<ir::Attribute> attributes, size_t outputs) {
  ++nodes_;
  ir::Node* node = graph_.AddNode(op);
  node->name = fmt::format("{}{}_{}", prefix_, op, nodes_);
  node->opset_version = kOpset;
  for (const Term& input : inputs) node->AddInput(input.value());
  for (ir::Attribute& attribute : attributes) node->SetAttribute(std::move(attribute));
  std::vector<Term> results;
  for (size_t i = 0; i < outputs; ++i) {
    results.push_back(Of(NewValue(op, ResultType(op, inputs))));
    node->AddOutput(results.back().value());
  }
  return results;
}

Term Emitter::Op(std::string_view op, std::vector<Term> inputs, std::vector<ir::Attribute> attributes) {
  return Ops(op, std::move(inputs), std::move(attributes), 1)[0];
}

Term Emitter::Constant(Tensor tensor) {
  ir::Value* value = NewValue("constant", tensor.dtype());
  value->type.shape = ir::Shape::Of(tensor.dims());
  graph_.SetInitializer(value, ir::StoredTensor::Of(value->name(), std::move(tensor)));
  return Of(value);
}

Term Emitter::Number(double value, DataType dtype) {
  switch (dtype) {
    case DataType::kFloat:
      return Constant(Tensor::Scalar(static_cast<float>(value)));
    case DataType::kFloat16:
      return Constant(Tensor::Scalar(Float16(static_cast<float>(value))));
    case DataType::kBfloat16:
      return Constant(Tensor::Scalar(BFloat16(static_cast<float>(value))));
    case DataType::kInt64:
      return Constant(Tensor::Scalar(static_cast<int64_t>(value)));
    default:
      break;
  }
  const Term number = Constant(Tensor::Scalar(value));
  return dtype == DataType::kUndefined ? number : number.As(dtype);
}

Term Emitter::Ints(const std::vector<int64_t>& values) {
  return Constant(Tensor::From<int64_t>({static_cast<int64_t>(values.size())}, values));
}

Term Emitter::Concatenated(std::vector<Term> parts, int64_t axis) {
  return parts.size() == 1 ? parts[0] : Op("Concat", std::move(parts), {ir::Attribute("axis", axis)});
}

Term Emitter::Sum(const std::vector<Term>& terms) { return terms.size() == 1 ? terms[0] : Op("Sum", terms); }

}  // namespace sardonyx::optimize
