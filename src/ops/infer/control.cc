// If, Loop and Scan.
#include <algorithm>
#include <functional>

#include "ops/infer/elements.h"
#include "ops/infer/families.h"
#include "ops/infer/merge.h"

namespace sardonyx::ops::infer {
namespace {

// A loop's body is inferred again until what is known of its state holds after a step as well as before. Real loops need
// two or three passes; after kGivePatience a state that still changes loses its shape, after kMaxPasses all is dropped.
constexpr int kGivePatience = 3;
constexpr int kMaxPasses = 7;

using States = std::vector<ValueFacts>;

// Facts without the data of large constants, which need not survive a step; small ones stay as elements.
ValueFacts InitialState(const InferenceContext& context, size_t i) {
  ValueFacts facts = context.input_facts(i);
  if (!facts.elements) facts.elements = KnownElements(context, i);
  facts.constant.reset();
  return facts;
}

bool SameElements(const ValueFacts& a, const ValueFacts& b) {
  if (a.elements.has_value() != b.elements.has_value()) return false;
  if (!a.elements) return true;
  return std::equal(a.elements->begin(), a.elements->end(), b.elements->begin(), b.elements->end(),
                    [](const Dim& x, const Dim& y) { return (x.is_unknown() && y.is_unknown()) || x == y; });
}

// Unknown dims get a name, so that inside the body equal sizes are seen to be equal.
ValueFacts WithSymbols(InferenceContext& context, ValueFacts facts, std::string_view role, size_t index) {
  if (facts.type.is_tensor() && facts.type.shape)
    for (size_t k = 0; k < facts.type.shape->rank(); ++k)
      if (Dim& dim = (*facts.type.shape)[k]; dim.is_unknown()) dim = context.NewSymbol(fmt::format("{}{}_dim{}", role, index, k));
  return facts;
}

// The facts of the body's outputs once `states` no longer change. `inputs_of` makes the body's inputs from the states;
// output `first + i` of the body is the next value of state i.
StatusOr<std::vector<ValueFacts>> InferToFixedPoint(InferenceContext& context, const ir::Graph& body, size_t first, States& states,
                                                    const std::function<std::vector<ValueFacts>(const States&)>& inputs_of) {
  for (int pass = 0;; ++pass) {
    ASSIGN_OR_RETURN(std::vector<ValueFacts> outputs, context.InferSubgraph(body, inputs_of(states)));
    if (outputs.size() < first + states.size())
      return Invalid(fmt::format("the body has {} outputs; {} states need {}", outputs.size(), states.size(), first + states.size()));
    bool changed = false;
    for (size_t i = 0; i < states.size(); ++i) {
      const ValueFacts& next = outputs[first + i];
      const Type &before = states[i].type, &after = next.type;
      // A state may begin as an optional and go on as what it holds.
      if (before.kind == Type::Kind::kOptional && after.known() && after.kind != before.kind) continue;
      if (before.known() && after.known() && (before.kind != after.kind || (before.is_tensor() && before.dtype != after.dtype)))
        return Invalid(fmt::format("state {} is {}, but the body makes it {}", i, before.Spelling(), after.Spelling()));
      ValueFacts joined = Join(states[i], next);
      if (SameType(joined.type, states[i].type) && SameElements(joined, states[i])) continue;
      changed = true;
      if (pass >= kGivePatience) {
        joined.type.shape.reset();
        joined.elements.reset();
      }
      if (pass >= kMaxPasses) joined = ValueFacts();
      states[i] = std::move(joined);
    }
    if (!changed || pass > kMaxPasses) return outputs;
  }
}

// The type of a loop's final state: what holds before, between and after all steps.
Type FinalState(InferenceContext& context, const ValueFacts& state, size_t i) { return WithSymbols(context, state, "final", i).type; }

}  // namespace

Status InferIf(InferenceContext& context) {
  RETURN_IF_ERROR(RequireSingleElement(context, 0));
  const ir::Graph* then_branch = context.node().GetGraph("then_branch");
  const ir::Graph* else_branch = context.node().GetGraph("else_branch");
  if (then_branch == nullptr || else_branch == nullptr) return Invalid("needs both then_branch and else_branch");
  // Exporters guard what is only valid for some sizes; where the sizes are known, the other branch may be nonsense.
  const std::optional<int64_t> condition = ConstantScalar(context, 0);
  using Errors = InferenceContext::SubgraphErrors;
  const auto errors = [&](bool taken) { return !condition || (*condition != 0) == taken ? Errors::kReport : Errors::kIgnore; };
  ASSIGN_OR_RETURN(std::vector<ValueFacts> yes, context.InferSubgraph(*then_branch, {}, errors(true)));
  ASSIGN_OR_RETURN(std::vector<ValueFacts> no, context.InferSubgraph(*else_branch, {}, errors(false)));
  if (yes.size() != context.num_outputs() || no.size() != context.num_outputs())
    return Invalid(fmt::format("has {} outputs, then_branch {}, else_branch {}", context.num_outputs(), yes.size(), no.size()));
  for (size_t i = 0; i < context.num_outputs(); ++i) {
    if (condition) {
      ValueFacts& taken = *condition != 0 ? yes[i] : no[i];
      context.set_output_type(i, std::move(taken.type));
      if (taken.elements) context.set_output_elements(i, *std::move(taken.elements));
      if (taken.constant) context.set_output_constant(i, *std::move(taken.constant));
      continue;
    }
    const Type &a = yes[i].type, &b = no[i].type;
    if (a.is_tensor() && b.is_tensor() && a.dtype != b.dtype && a.dtype != DataType::kUndefined && b.dtype != DataType::kUndefined)
      return Invalid(fmt::format("output {} is {} in then_branch, but {} in else_branch", i, a.Spelling(), b.Spelling()));
    ValueFacts joined = WithSymbols(context, Join(yes[i], no[i]), "output", i);
    context.set_output_type(i, std::move(joined.type));
    if (joined.elements) context.set_output_elements(i, *std::move(joined.elements));
  }
  return {};
}

namespace {

// The iteration number and the condition are scalars; some writers declare them as [1].
ValueFacts BodyScalar(const ir::Graph& body, size_t i, DataType dtype) {
  ValueFacts facts{Type::Tensor(dtype, Shape()), std::nullopt, std::nullopt};
  if (i < body.inputs().size() && body.inputs()[i].type && body.inputs()[i].type->shape && body.inputs()[i].type->shape->rank() == 1)
    facts.type.shape = Shape{Dim(1)};
  return facts;
}

// How often a Loop runs: input M, unless the condition may stop it earlier.
Dim TripCount(const InferenceContext& context, const ValueFacts& condition_out) {
  const bool starts = !context.has_input(1) || ConstantScalar(context, 1).value_or(0) != 0;
  const bool goes_on = condition_out.elements && condition_out.elements->size() == 1 && condition_out.elements->front().is_constant(1);
  if (!starts || !goes_on || !context.has_input(0)) return {};
  const std::optional<Elements> limit = context.input_elements(0);
  if (!limit || limit->size() != 1 || (limit->front().is_constant() && limit->front().value() >= INT32_MAX)) return {};
  return Dim::Max(limit->front(), Dim(0));
}

}  // namespace

Status InferLoop(InferenceContext& context) {
  const ir::Graph* body = context.node().GetGraph("body");
  if (body == nullptr) return Invalid("attribute body is missing");
  for (const size_t i : {size_t{0}, size_t{1}})
    if (context.has_input(i)) RETURN_IF_ERROR(RequireSingleElement(context, i));
  const size_t num_states = context.num_inputs() < 2 ? 0 : context.num_inputs() - 2;
  States states;
  for (size_t i = 0; i < num_states; ++i) states.push_back(InitialState(context, i + 2));
  const ValueFacts iteration = BodyScalar(*body, 0, DataType::kInt64);
  ValueFacts condition = BodyScalar(*body, 1, DataType::kBool);
  condition.elements = {Dim(1)};  // the body only runs while it holds
  ASSIGN_OR_RETURN(const std::vector<ValueFacts> outputs, InferToFixedPoint(context, *body, 1, states, [&](const States& current) {
                     std::vector<ValueFacts> inputs = {iteration, condition};
                     for (size_t i = 0; i < current.size(); ++i) inputs.push_back(WithSymbols(context, current[i], "state", i));
                     return inputs;
                   }));
  if (outputs.size() - 1 < context.num_outputs())
    return Invalid(fmt::format("has {} outputs, but the body gives {}", context.num_outputs(), outputs.size() - 1));
  Dim trips = TripCount(context, outputs[0]);
  for (size_t i = 0; i < context.num_outputs(); ++i) {
    const Type& last = outputs[i + 1].type;
    if (i < num_states) {
      const bool exact = trips.is_constant() && trips.value() >= 1 && last.is_tensor() && last.shape && last.shape->is_static();
      const bool unwrapped = states[i].type.kind == Type::Kind::kOptional && last.known();
      context.set_output_type(i, exact || unwrapped ? last : FinalState(context, states[i], i));
      continue;
    }
    Type scanned = Type::Tensor(last.dtype);
    if (trips.is_unknown()) trips = context.NewSymbol("iterations");
    if (last.is_tensor() && last.shape) {
      scanned.shape = Shape{trips};
      for (const Dim& dim : last.shape->dims()) scanned.shape->Append(dim);
    }
    if (last.is_tensor()) context.set_output_type(i, std::move(scanned));
  }
  return {};
}

namespace {

// Where Scan's inputs and outputs lie. Scan 8 has a batch axis and sequence lengths before the states.
struct ScanLayout {
  size_t first_state = 0, num_states = 0, num_scanned = 0;
  bool batched = false;
  std::vector<int64_t> input_axes, output_axes;
};

StatusOr<ScanLayout> ReadScan(const InferenceContext& context) {
  ScanLayout layout;
  constexpr int kWithoutBatch = 9;
  layout.batched = context.schema().since_version < kWithoutBatch;
  layout.first_state = layout.batched ? 1 : 0;
  const int64_t scanned = GetInt(context, "num_scan_inputs");
  const int64_t available = static_cast<int64_t>(context.num_inputs()) - static_cast<int64_t>(layout.first_state);
  if (scanned < 1 || scanned > available) return Invalid(fmt::format("num_scan_inputs = {}, but there are {} inputs", scanned, available));
  layout.num_scanned = static_cast<size_t>(scanned);
  layout.num_states = static_cast<size_t>(available - scanned);
  layout.input_axes = GetInts(context, "scan_input_axes");
  layout.output_axes = GetInts(context, "scan_output_axes");
  return layout;
}

// Scan's states keep their shape, so what the body says of one holds for it before the first step as well.
Type ScanState(InferenceContext& context, const ValueFacts& state, const Type& after, size_t i) {
  Type type = FinalState(context, state, i);
  if (!type.is_tensor() || !after.is_tensor() || !after.shape) return type;
  if (!type.shape) type.shape = Shape::OfRank(after.shape->rank());
  for (size_t k = 0; k < type.shape->rank() && k < after.shape->rank(); ++k)
    if ((*after.shape)[k].is_constant()) (*type.shape)[k] = (*after.shape)[k];
  return type;
}

Shape WithoutAxis(const Shape& shape, size_t axis) {
  Shape result(shape.dims());
  result.dims().erase(result.dims().begin() + static_cast<ptrdiff_t>(axis));
  return result;
}

}  // namespace

Status InferScan(InferenceContext& context) {
  const ir::Graph* body = context.node().GetGraph("body");
  if (body == nullptr) return Invalid("attribute body is missing");
  ASSIGN_OR_RETURN(const ScanLayout layout, ReadScan(context));
  Dim batch, length;
  const auto unbatched = [&](Type type) -> StatusOr<Type> {
    if (!layout.batched || !type.is_tensor() || !type.shape) return type;
    if (type.shape->rank() == 0) return Invalid("an input of Scan 8 lacks the batch axis");
    ASSIGN_OR_RETURN(batch, EqualDims(batch, (*type.shape)[0], "batch sizes"));
    type.shape = WithoutAxis(*type.shape, 0);
    return type;
  };
  States states;
  for (size_t i = 0; i < layout.num_states; ++i) {
    states.push_back(InitialState(context, layout.first_state + i));
    ASSIGN_OR_RETURN(states.back().type, unbatched(std::move(states.back().type)));
    if (layout.batched) states.back().elements.reset();
  }
  std::vector<ValueFacts> slices;
  for (size_t i = 0; i < layout.num_scanned; ++i) {
    const size_t input = layout.first_state + layout.num_states + i;
    ASSIGN_OR_RETURN(Type type, unbatched(context.input_type(input)));
    if (type.is_tensor() && type.shape) {
      const int64_t wanted = !layout.batched && i < layout.input_axes.size() ? layout.input_axes[i] : 0;
      ASSIGN_OR_RETURN(const size_t axis, NormalAxis(wanted, type.shape->rank(), fmt::format("the scan axis of {}", InputLabel(context, input))));
      ASSIGN_OR_RETURN(length, EqualDims(length, (*type.shape)[axis], "lengths of the scanned axes"));
      type.shape = WithoutAxis(*type.shape, axis);
    }
    slices.push_back({std::move(type), std::nullopt, std::nullopt});
  }
  ASSIGN_OR_RETURN(const std::vector<ValueFacts> outputs, InferToFixedPoint(context, *body, 0, states, [&](const States& current) {
                     std::vector<ValueFacts> inputs;
                     for (size_t i = 0; i < current.size(); ++i) inputs.push_back(WithSymbols(context, current[i], "state", i));
                     inputs.insert(inputs.end(), slices.begin(), slices.end());
                     return inputs;
                   }));
  if (outputs.size() < context.num_outputs())
    return Invalid(fmt::format("has {} outputs, but the body gives {}", context.num_outputs(), outputs.size()));
  for (size_t i = 0; i < context.num_outputs(); ++i) {
    Type type = i < layout.num_states ? ScanState(context, states[i], outputs[i].type, i) : outputs[i].type;
    if (!type.known()) continue;
    if (type.is_tensor() && type.shape) {
      std::vector<Dim>& dims = type.shape->dims();
      if (i >= layout.num_states) {
        const size_t k = i - layout.num_states;
        const int64_t wanted = !layout.batched && k < layout.output_axes.size() ? layout.output_axes[k] : 0;
        ASSIGN_OR_RETURN(const size_t axis, NormalAxis(wanted, dims.size() + 1, "scan_output_axes"));
        dims.insert(dims.begin() + static_cast<ptrdiff_t>(axis), length);
      }
      if (layout.batched) dims.insert(dims.begin(), batch);
    }
    context.set_output_type(i, std::move(type));
  }
  return {};
}

}  // namespace sardonyx::ops::infer
