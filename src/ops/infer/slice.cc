// Slice, whose bounds may be counted from either end, lie beyond it, or be symbols.
#include <numeric>

#include "ops/infer/elements.h"
#include "ops/infer/families.h"

namespace sardonyx::ops::infer {

namespace {

// Writers say "to the end" with any large number.
constexpr int64_t kHuge = INT32_MAX;
bool IsHuge(const Dim& dim) { return dim.is_constant() && dim.value() >= kHuge; }
bool IsMinusHuge(const Dim& dim) { return dim.is_constant() && dim.value() <= -kHuge; }

// A start or end, counted from the front and not below `low`; unknown when its sign is.
Dim FromFront(const Dim& at, const Dim& size, const Dim& low) {
  if (IsMinusHuge(at)) return low;
  const bool from_front = ProvablyNonNegative(at);
  if (!from_front && !ProvablyGreater(Dim(0), at)) return {};
  return Dim::Max(from_front ? at : at + size, low);
}

// The same, held below `high`.
Dim Bound(const Dim& at, const Dim& size, const Dim& low, const Dim& high) {
  return IsHuge(at) ? high : Dim::Min(FromFront(at, size, low), high);
}

Dim SlicedDim(const Dim& size, const Dim& start, const Dim& end, int64_t step) {
  if (step > 0) {
    // The last k: as many as there are, but no more than k.
    if (start.is_constant() && start.value() < 0 && start.value() > -kHuge && (IsHuge(end) || end == size))
      return Dim::CeilDiv(Dim::Min(Dim(-start.value()), size), Dim(step));
    // A start beyond the size leaves nothing, as the maximum below says too.
    const Dim from = IsHuge(start) ? size : FromFront(start, size, Dim(0)), to = Bound(end, size, Dim(0), size);
    return Dim::CeilDiv(Dim::Max(to - from, Dim(0)), Dim(step));
  }
  if (step == INT64_MIN) return size.is_constant(0) ? Dim(0) : Dim();
  const Dim last = size - 1;
  const Dim from = Bound(start, size, Dim(-1), last), to = Bound(end, size, Dim(-1), last);
  return Dim::CeilDiv(Dim::Max(from - to, Dim(0)), Dim(-step));
}

// Starts, ends, axes and steps of Slice: attributes until opset 9, then inputs. nullopt: not known.
struct SliceArguments {
  std::optional<Elements> starts, ends;
  std::optional<std::vector<int64_t>> axes, steps;
};

SliceArguments ReadSlice(const InferenceContext& context) {
  SliceArguments arguments;
  if (context.schema().attribute("starts") != nullptr) {
    const std::vector<int64_t> starts = GetInts(context, "starts"), ends = GetInts(context, "ends");
    arguments.starts.emplace(starts.begin(), starts.end());
    arguments.ends.emplace(ends.begin(), ends.end());
    arguments.axes = GetInts(context, "axes");
    if (!HasAttribute(context, "axes")) arguments.axes->clear();
  } else {
    arguments.starts = context.input_elements(1);
    arguments.ends = context.input_elements(2);
    arguments.axes = context.has_input(3) ? ConstantElements(context, 3) : std::vector<int64_t>();
    arguments.steps = context.has_input(4) ? ConstantElements(context, 4) : std::vector<int64_t>();
  }
  const size_t count = arguments.starts ? arguments.starts->size() : arguments.ends ? arguments.ends->size() : 0;
  const bool default_axes = arguments.axes && arguments.axes->empty() && count > 0;
  if (default_axes) {
    arguments.axes->resize(count);
    std::iota(arguments.axes->begin(), arguments.axes->end(), 0);
  }
  const bool no_steps = context.schema().attribute("starts") != nullptr || (arguments.steps && arguments.steps->empty());
  if (no_steps) arguments.steps.emplace(count, 1);
  return arguments;
}

void SliceElements(InferenceContext& context, const SliceArguments& arguments) {
  const std::optional<Elements> elements = KnownElements(context, 0);
  if (!elements || !arguments.steps || arguments.steps->size() != 1) return;
  const Dim size(static_cast<int64_t>(elements->size()));
  const int64_t step = arguments.steps->front();
  const Dim count = SlicedDim(size, arguments.starts->front(), arguments.ends->front(), step);
  const Dim from =
      step > 0 ? Bound(arguments.starts->front(), size, Dim(0), size) : Bound(arguments.starts->front(), size, Dim(-1), size - 1);
  if (!count.is_constant() || !from.is_constant()) return;
  Elements result;
  for (int64_t i = 0; i < count.value(); ++i) result.push_back((*elements)[static_cast<size_t>(from.value() + i * step)]);
  context.set_output_elements(0, std::move(result));
}

}  // namespace

Status InferSlice(InferenceContext& context) {
  const Shape* input = context.input_shape(0);
  if (input == nullptr) {
    context.SetOutput(0, context.input_dtype(0), std::nullopt);
    return {};
  }
  const SliceArguments arguments = ReadSlice(context);
  Shape shape(input->dims());
  if (!arguments.axes) {
    // Any axis may be cut.
    context.SetOutput(0, context.input_dtype(0), Shape::OfRank(input->rank()));
    return {};
  }
  ASSIGN_OR_RETURN(const std::vector<size_t> axes, NormalAxes(*arguments.axes, input->rank()));
  const auto check = [&](const auto& list, std::string_view name) -> Status {
    if (!list || list->size() == axes.size()) return {};
    return Invalid(fmt::format("{} has {} numbers for {} axes", name, list->size(), axes.size()));
  };
  RETURN_IF_ERROR(check(arguments.starts, "starts"));
  RETURN_IF_ERROR(check(arguments.ends, "ends"));
  RETURN_IF_ERROR(check(arguments.steps, "steps"));
  for (size_t i = 0; i < axes.size(); ++i) {
    Dim& dim = shape[axes[i]];
    if (!arguments.starts || !arguments.ends || !arguments.steps) {
      dim = Dim::Unknown();
      continue;
    }
    const int64_t step = (*arguments.steps)[i];
    if (step == 0) return Invalid(fmt::format("the step of axis {} is 0", axes[i]));
    dim = SlicedDim(dim, (*arguments.starts)[i], (*arguments.ends)[i], step);
  }
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  if (input->rank() == 1 && axes.size() == 1 && arguments.starts && arguments.ends) SliceElements(context, arguments);
  return {};
}

}  // namespace sardonyx::ops::infer
