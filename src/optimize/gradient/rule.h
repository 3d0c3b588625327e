// Derivative rules: for each operator, how the gradient of its outputs becomes that of its inputs.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ops/schema.h"
#include "optimize/gradient/term.h"
#include "sardonyx/status.h"

namespace sardonyx::optimize {

// What a rule sees of the node that it differentiates. All terms are written by one Emitter.
class RuleContext {
 public:
  // dys: one an output, empty where no gradient arrives. `give` receives the gradient of a value; `is_wanted` tells of which
  // it is needed.
  RuleContext(Emitter& emitter, ir::Node& node, const ops::OpSchema& schema, int64_t opset_version, std::vector<Term> dys,
              std::function<bool(const ir::Value*)> is_wanted, std::function<void(ir::Value*, Term)> give)
      : emitter_(emitter),
        node_(node),
        schema_(schema),
        opset_version_(opset_version),
        dys_(std::move(dys)),
        is_wanted_(std::move(is_wanted)),
        give_(std::move(give)) {}

  Emitter& emitter() { return emitter_; }
  ir::Node& node() { return node_; }
  int64_t opset_version() const { return opset_version_; }

  size_t num_inputs() const { return node_.inputs().size(); }
  bool HasInput(size_t i) const { return node_.input(i) != nullptr; }
  size_t num_outputs() const { return node_.outputs().size(); }
  // Empty when omitted.
  Term x(size_t i = 0) { return Term(emitter_, node_.input(i)); }
  Term y(size_t i = 0) { return Term(emitter_, node_.output(i)); }
  // Output i, which the node is given if it has not got it (a mask, indices). Only the one after the last may be missing.
  StatusOr<Term> RequireOutput(size_t i, DataType dtype);
  // The gradient that arrives at output i; empty when none does.
  Term dy(size_t i = 0) const { return i < dys_.size() ? dys_[i] : Term(); }
  Term dy_or_zeros(size_t i) { return dy(i).empty() ? y(i).Filled(0) : dy(i); }
  // Whether the gradient of input i is needed.
  bool wants(size_t i) const { return node_.input(i) && is_wanted_(node_.input(i)); }
  // Adds to the gradient of input i. Gradients that nobody wants are dropped.
  void Give(size_t i, const Term& dx) {
    if (wants(i)) give_(node_.input(i), dx);
  }
  // The same for a dx of the broadcast shape of y: summed to the shape of input i.
  void GiveBroadcast(size_t i, const Term& dx);

  // The node's attribute, else the schema's default, else `fallback`.
  int64_t Int(std::string_view name, int64_t fallback = 0) const;
  double Float(std::string_view name, double fallback = 0) const;
  std::string String(std::string_view name, std::string_view fallback = "") const;
  std::vector<int64_t> Ints(std::string_view name) const { return node_.GetInts(name); }
  bool HasAttribute(std::string_view name) const { return node_.attribute(name) != nullptr; }
  // Input i when it is a constant of integers.
  std::optional<std::vector<int64_t>> ConstantInts(size_t i) const;
  // kUnsupported, naming input i, when its rank is unknown.
  StatusOr<int64_t> Rank(size_t i = 0);

 private:
  Emitter& emitter_;
  ir::Node& node_;
  const ops::OpSchema& schema_;
  int64_t opset_version_;
  std::vector<Term> dys_;
  std::function<bool(const ir::Value*)> is_wanted_;
  std::function<void(ir::Value*, Term)> give_;
};

// Gives the gradient of each input that is wanted. kUnsupported for variants that it does not cover.
using DerivativeRule = Status (*)(RuleContext& context);

struct DerivativeEntry {
  std::string_view op_type;  // of ai.onnx
  DerivativeRule rule;
};

// The lists, a family each.
std::span<const DerivativeEntry> ElementwiseDerivatives();    // elementwise.cc
std::span<const DerivativeEntry> BroadcastDerivatives();      // broadcast.cc
std::span<const DerivativeEntry> MatrixDerivatives();         // matrix.cc
std::span<const DerivativeEntry> ReductionDerivatives();      // reduction.cc
std::span<const DerivativeEntry> MovementDerivatives();       // movement.cc
std::span<const DerivativeEntry> IndexDerivatives();          // index.cc
std::span<const DerivativeEntry> LinearDerivatives();         // linear.cc
std::span<const DerivativeEntry> WindowDerivatives();         // window.cc
std::span<const DerivativeEntry> NormalizationDerivatives();  // normalization.cc
std::span<const DerivativeEntry> QuantizeDerivatives();       // quantize.cc
// Null when there is none.
DerivativeRule FindDerivative(std::string_view domain, std::string_view op_type);

// The integers of a constant, whether an initializer or a Constant's; nullopt of anything else.
std::optional<std::vector<int64_t>> ConstantInts(const ir::Value* value);

// `gradient`, which has the shape that `like` is broadcast to, summed to the shape of `like`. full: a value of the former
// shape, from which axes are told while emitting where dims are known.
Term SumToShape(const Term& gradient, const Term& like, const Term& full);

// 0, 1, 2 ... in the shape of x, int64: an operator that only moves elements, applied to this, tells where each came from.
Term Positions(const Term& x);

// A gradient in the shape of x: each element of dy added to the flat position in x that `sources`, of dy's shape, has for it.
// Positions equal to x's size belong to nothing.
Term ReturnToPositions(const Term& x, const Term& sources, const Term& dy);

// The whole rule of an operator that only moves the elements of input 0, and takes int64 too.
Status GiveMoved(RuleContext& context);

}  // namespace sardonyx::optimize
