#include "optimize/gradient/rule.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::optimize {
namespace {

template <class T>
T AttributeOr(const ir::Node& node, const ops::OpSchema& schema, std::string_view name, T fallback) {
  if (const ir::Attribute* attribute = node.attribute(name)) {
    if (const T* value = std::get_if<T>(&attribute->value)) return *value;
  }
  const ops::AttributeSchema* known = schema.attribute(name);
  const T* value = known ? std::get_if<T>(&known->default_value) : nullptr;
  return value ? *value : fallback;
}

// The axes of `full` along which `like` is broadcast, where every dim says so.
std::optional<std::vector<int64_t>> BroadcastAxes(const ir::Shape& like, const ir::Shape& full) {
  if (full.rank() < like.rank()) return std::nullopt;
  const size_t lead = full.rank() - like.rank();
  std::vector<int64_t> axes;
  for (size_t i = 0; i < full.rank(); ++i) {
    if (i < lead) {
      axes.push_back(static_cast<int64_t>(i));
    } else if (!(like[i - lead] == full[i])) {
      if (!like[i - lead].is_constant(1)) return std::nullopt;
      axes.push_back(static_cast<int64_t>(i));
    }
  }
  return axes;
}

}  // namespace

Term SumToShape(const Term& gradient, const Term& like, const Term& full) {
  if (like.shape() && full.shape()) {
    if (const auto axes = BroadcastAxes(*like.shape(), *full.shape())) {
      if (axes->empty()) return gradient;
      const Term sum = gradient.SumOver(*axes, false);
      return like.shape()->rank() == full.shape()->rank() - axes->size() ? sum : sum.Reshaped(like.Shape());
    }
  }
  // Which axes they are is told when it runs: those where the shape of `like`, filled up with ones, differs.
  Emitter& e = gradient.emitter();
  const Term shape = like.Op("Shape"), full_shape = gradient.Op("Shape");
  const Term missing = full_shape.Op("Size") - shape.Op("Size");
  const Term lead = e.Number(1, DataType::kInt64).Op("Expand", {missing.Unsqueezed({0})});
  const Term differs = Equal(e.Concatenated({lead, shape}, 0), full_shape).Op("Not");
  const Term axes = differs.Op("NonZero").Reshaped(e.Ints({-1}));
  const Term sum =
      gradient.Op("ReduceSum", {axes}, {ir::Attribute("keepdims", int64_t{1}), ir::Attribute("noop_with_empty_axes", int64_t{1})});
  return sum.Reshaped(shape);
}

Term Positions(const Term& x) {
  Emitter& e = x.emitter();
  return e.Op("Range", {e.Number(0, DataType::kInt64), x.Size(), e.Number(1, DataType::kInt64)}).Reshaped(x.Shape());
}

Status GiveMoved(RuleContext& c) {
  if (!c.wants(0)) return {};
  const Term x = c.x();
  Term sources = Positions(x);
  ir::Node* source = sources.emitter().graph().AddNode(c.node().op_type);
  source->opset_version = c.opset_version();
  source->name = c.node().name + "_positions";
  source->AddInput(sources.value());
  for (size_t i = 1; i < c.num_inputs(); ++i) source->AddInput(c.node().input(i));
  for (const ir::Attribute& attribute : c.node().attributes()) source->SetAttribute(attribute);
  sources = Term(c.emitter(), c.emitter().graph().AddValue("positions"));
  sources.value()->type = ir::Type::Tensor(DataType::kInt64);
  source->AddOutput(sources.value());
  c.Give(0, ReturnToPositions(x, sources, c.dy()));
  return {};
}

Term ReturnToPositions(const Term& x, const Term& sources, const Term& dy) {
  Emitter& e = x.emitter();
  const Term flat = e.Ints({-1}), size = x.Size();
  const Term zeros = e.Number(0, dy.dtype()).Op("Expand", {(size + 1).Reshaped(e.Ints({1}))});
  const Term all =
      zeros.Op("ScatterElements", {sources.Reshaped(flat), dy.Reshaped(flat)}, {ir::Attribute("reduction", std::string("add"))});
  return all.Op("Slice", {e.Ints({0}), size.Reshaped(e.Ints({1}))}).Reshaped(x.Shape());
}

StatusOr<Term> RuleContext::RequireOutput(size_t i, DataType dtype) {
  if (node_.output(i)) return y(i);
  if (node_.outputs().size() != i) return Unsupported(fmt::format("needs output {}, which the node leaves out", i));
  ir::Value* value = node_.graph()->AddValue(fmt::format("{}_output_{}", node_.output(0)->name(), i));
  value->type = ir::Type::Tensor(dtype);
  node_.AddOutput(value);
  return y(i);
}

void RuleContext::GiveBroadcast(size_t i, const Term& dx) {
  if (wants(i)) Give(i, SumToShape(dx, x(i), y()));
}

int64_t RuleContext::Int(std::string_view name, int64_t fallback) const { return AttributeOr<int64_t>(node_, schema_, name, fallback); }
double RuleContext::Float(std::string_view name, double fallback) const {
  return static_cast<double>(AttributeOr<float>(node_, schema_, name, static_cast<float>(fallback)));
}
std::string RuleContext::String(std::string_view name, std::string_view fallback) const {
  return AttributeOr<std::string>(node_, schema_, name, std::string(fallback));
}

std::optional<std::vector<int64_t>> RuleContext::ConstantInts(size_t i) const { return optimize::ConstantInts(node_.input(i)); }

std::optional<std::vector<int64_t>> ConstantInts(const ir::Value* value) {
  if (!value) return std::nullopt;
  const ir::StoredTensor* stored = value->is_constant() ? value->initializer() : nullptr;
  if (!stored && value->producer() && value->producer()->op_type == "Constant") {
    if (value->producer()->attribute("value_ints")) return value->producer()->GetInts("value_ints");
    if (value->producer()->attribute("value_int")) return std::vector<int64_t>{value->producer()->GetInt("value_int", 0)};
    const ir::Attribute* attribute = value->producer()->attribute("value");
    stored = attribute ? std::get_if<ir::StoredTensor>(&attribute->value) : nullptr;
  }
  if (!stored || (stored->dtype != DataType::kInt64 && stored->dtype != DataType::kInt32)) return std::nullopt;
  const StatusOr<Tensor> tensor = stored->ToTensor();
  if (!tensor.ok()) return std::nullopt;
  const Tensor aligned = tensor->Aligned();
  if (stored->dtype == DataType::kInt64) return std::vector<int64_t>(aligned.data<int64_t>().begin(), aligned.data<int64_t>().end());
  return std::vector<int64_t>(aligned.data<int32_t>().begin(), aligned.data<int32_t>().end());
}

StatusOr<int64_t> RuleContext::Rank(size_t i) {
  if (const Term input = x(i); !input.empty() && input.shape()) return static_cast<int64_t>(input.shape()->rank());
  return Unsupported(fmt::format("the rank of input {} is not known", i));
}

DerivativeRule FindDerivative(std::string_view domain, std::string_view op_type) {
  static const auto* const kRules = [] {
    auto* rules = new std::map<std::string_view, DerivativeRule>();  // lives as long as the program
    for (const auto& family :
         {ElementwiseDerivatives(), BroadcastDerivatives(), MatrixDerivatives(), ReductionDerivatives(), MovementDerivatives(),
          IndexDerivatives(), LinearDerivatives(), WindowDerivatives(), NormalizationDerivatives(), QuantizeDerivatives()})
      for (const DerivativeEntry& entry : family) rules->emplace(entry.op_type, entry.rule);
    return rules;
  }();
  const auto found = ir::NormalDomain(domain).empty() ? kRules->find(op_type) : kRules->end();
  return found == kRules->end() ? nullptr : found->second;
}

}  // namespace sardonyx::optimize
