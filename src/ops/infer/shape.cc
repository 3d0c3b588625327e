// Operators that read shapes or give data another shape without moving elements.
#include <algorithm>

#include "ops/infer/elements.h"
#include "ops/infer/families.h"

namespace sardonyx::ops::infer {
namespace {

// The axes of Squeeze and Unsqueeze: an attribute until opset 12, then an input.
struct AxesArgument {
  std::optional<std::vector<int64_t>> axes;  // nullopt: omitted, or an input of unknown value
  bool omitted = false;
  std::optional<size_t> count;  // their number, when at least that is known
};

AxesArgument ReadAxes(const InferenceContext& context) {
  AxesArgument argument;
  if (context.schema().attribute("axes") != nullptr) {
    argument.omitted = !HasAttribute(context, "axes");
    if (!argument.omitted) argument.axes = GetInts(context, "axes");
  } else if (!context.has_input(1)) {
    argument.omitted = true;
  } else {
    argument.axes = ConstantElements(context, 1);
    if (const std::optional<Elements> elements = context.input_elements(1)) argument.count = elements->size();
  }
  return argument;
}

}  // namespace

Status InferShape(InferenceContext& context) {
  const Shape* input = context.input_shape(0);
  if (input == nullptr) {
    context.SetOutput(0, DataType::kInt64, Shape::OfRank(1));
    return {};
  }
  const int64_t rank = static_cast<int64_t>(input->rank());
  const auto clamp = [rank](int64_t axis) { return std::clamp<int64_t>(axis < 0 ? axis + rank : axis, 0, rank); };
  const int64_t start = clamp(GetInt(context, "start", 0));
  const int64_t end = std::max(start, clamp(GetInt(context, "end", rank)));
  const Shape part = SubShape(*input, static_cast<size_t>(start), static_cast<size_t>(end));
  context.SetOutput(0, DataType::kInt64, Shape{Dim(end - start)});
  context.set_output_elements(0, part.dims());
  return {};
}

Status InferSize(InferenceContext& context) {
  context.SetOutput(0, DataType::kInt64, Shape());
  if (const Shape* input = context.input_shape(0)) context.set_output_elements(0, {input->num_elements()});
  return {};
}

namespace {

// The dim that -1 stands for: what is left of the input's elements. `copied` are the axes that are the same in both, so
// that an unknown size there does not matter.
Dim RemainingDim(const Shape& input, const Shape& output, size_t open, const std::vector<bool>& copied) {
  Dim have(1), used(1);
  for (size_t i = 0; i < input.rank(); ++i)
    if (i >= copied.size() || !copied[i]) have = have * input[i];
  for (size_t i = 0; i < output.rank(); ++i)
    if (i != open && !copied[i]) used = used * output[i];
  return used.is_constant(0) ? Dim::Unknown() : Dim::FloorDiv(have, used);
}

StatusOr<Shape> ReshapedShape(const Shape* input, const Elements& target, bool allow_zero) {
  Shape output = Shape::OfRank(target.size());
  std::vector<bool> copied(target.size());
  std::optional<size_t> open;
  size_t num_unknown = 0, last_unknown = 0;
  for (size_t i = 0; i < target.size(); ++i) {
    const Dim& size = target[i];
    if (size.is_constant(-1)) {
      if (open) return Invalid(fmt::format("the new shape has -1 at {} and at {}", *open, i));
      open = i;
    } else if (size.is_constant() && size.value() < 0) {
      return Invalid(fmt::format("the new shape has {} at {}", size.value(), i));
    } else if (size.is_constant(0) && !allow_zero) {
      if (input != nullptr && i >= input->rank())
        return Invalid(fmt::format("the new shape copies dim {} of {}, which has no such dim", i, input->ToString()));
      if (input != nullptr) output[i] = (*input)[i];
      copied[i] = true;
    } else if (size.is_unknown()) {
      ++num_unknown;
      last_unknown = i;
    } else {
      output[i] = size;
    }
  }
  if (input == nullptr) return output;
  // Whatever a single unknown number turns out to be, the number of elements stays.
  if (!open && num_unknown == 1)
    open = last_unknown;
  else if (num_unknown > 0)
    return output;
  if (open) {
    output[*open] = RemainingDim(*input, output, *open, copied);
    const bool unknown_target = num_unknown == 1;
    if (unknown_target) return output;
  }
  const Dim have = input->num_elements(), want = output.num_elements();
  if (have.is_constant() && want.is_constant() && !(have == want))
    return Invalid(fmt::format("cannot reshape {} into {}", input->ToString(), Shape(target).ToString()));
  return output;
}

}  // namespace

Status InferReshape(InferenceContext& context) {
  std::optional<Elements> target;
  if (context.schema().attribute("shape") != nullptr) {
    const std::vector<int64_t> shape = GetInts(context, "shape");
    target.emplace(shape.begin(), shape.end());
  } else {
    RETURN_IF_ERROR(RequireRank(context, 1, 1));
    target = context.input_elements(1);
  }
  if (!target) {
    context.SetOutput(0, context.input_dtype(0), std::nullopt);
    return {};
  }
  ASSIGN_OR_RETURN(Shape shape, ReshapedShape(context.input_shape(0), *target, GetInt(context, "allowzero") != 0));
  const bool keeps_elements = shape.rank() <= 1;
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  if (keeps_elements) CopyElements(context);
  return {};
}

Status InferFlatten(InferenceContext& context) {
  const Shape* input = context.input_shape(0);
  Shape shape = Shape::OfRank(2);
  if (input != nullptr) {
    const int64_t rank = static_cast<int64_t>(input->rank());
    int64_t axis = GetInt(context, "axis", 1);
    if (axis < -rank || axis > rank) return Invalid(fmt::format("axis = {} lies outside [{}, {}]", axis, -rank, rank));
    if (axis < 0) axis += rank;
    shape[0] = Product(*input, 0, static_cast<size_t>(axis));
    shape[1] = Product(*input, static_cast<size_t>(axis), input->rank());
  }
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  return {};
}

Status InferSqueeze(InferenceContext& context) {
  const Shape* input = context.input_shape(0);
  const AxesArgument argument = ReadAxes(context);
  std::optional<Shape> shape;
  if (input != nullptr && argument.axes) {
    ASSIGN_OR_RETURN(const std::vector<size_t> axes, NormalAxes(*argument.axes, input->rank()));
    shape.emplace();
    for (size_t i = 0; i < input->rank(); ++i) {
      if (std::find(axes.begin(), axes.end(), i) == axes.end()) {
        shape->Append((*input)[i]);
      } else if ((*input)[i].is_constant() && !(*input)[i].is_constant(1)) {
        return Invalid(fmt::format("axis {} of {} has size {}, not 1", i, input->ToString(), (*input)[i].value()));
      }
    }
  } else if (input != nullptr && argument.omitted) {
    // Every dim of size 1 goes; a dim that might be 1 leaves the rank open.
    shape.emplace();
    for (const Dim& dim : input->dims()) {
      if (!dim.is_constant()) {
        shape.reset();
        break;
      }
      if (!dim.is_constant(1)) shape->Append(dim);
    }
  } else if (input != nullptr && argument.count && *argument.count <= input->rank()) {
    shape = Shape::OfRank(input->rank() - *argument.count);
  }
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  if (input != nullptr && input->rank() <= 1) CopyElements(context);
  return {};
}

Status InferUnsqueeze(InferenceContext& context) {
  const Shape* input = context.input_shape(0);
  const AxesArgument argument = ReadAxes(context);
  std::optional<Shape> shape;
  if (input != nullptr && argument.axes) {
    const size_t rank = input->rank() + argument.axes->size();
    ASSIGN_OR_RETURN(const std::vector<size_t> axes, NormalAxes(*argument.axes, rank));
    shape.emplace();
    size_t next = 0;
    for (size_t i = 0; i < rank; ++i) shape->Append(std::find(axes.begin(), axes.end(), i) != axes.end() ? Dim(1) : (*input)[next++]);
  } else if (input != nullptr && argument.count) {
    shape = Shape::OfRank(input->rank() + *argument.count);
  }
  const bool keeps_elements = shape && shape->rank() <= 1;
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  if (keeps_elements) CopyElements(context);
  return {};
}

Status InferExpand(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRank(context, 1, 1));
  const Shape* input = context.input_shape(0);
  const std::optional<Elements> target = context.input_elements(1);
  std::optional<Shape> shape;
  if (target) {
    for (const Dim& size : *target)
      if (size.is_constant() && size.value() < 0) return Invalid(fmt::format("{} holds {}", InputLabel(context, 1), size.value()));
    if (input != nullptr) {
      ASSIGN_OR_RETURN(shape, Broadcast(context, *input, Shape(*target)));
    }
  }
  const std::optional<Shape> result = shape;
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  const std::optional<Elements> elements = KnownElements(context, 0);
  if (!elements || !result || result->rank() > 1) return {};
  const Dim count = result->num_elements();
  constexpr int64_t kMaxRepeats = 64;
  if (elements->size() == 1 && count.is_constant() && count.value() <= kMaxRepeats)
    context.set_output_elements(0, Elements(static_cast<size_t>(count.value()), elements->front()));
  else if (count == Dim(static_cast<int64_t>(elements->size())))
    CopyElements(context);
  return {};
}

Status InferTranspose(InferenceContext& context) {
  const Shape* input = context.input_shape(0);
  std::vector<int64_t> perm = GetInts(context, "perm");
  const bool given = HasAttribute(context, "perm");
  if (input == nullptr) {
    context.SetOutput(0, context.input_dtype(0), given ? std::optional<Shape>(Shape::OfRank(perm.size())) : std::nullopt);
    return {};
  }
  if (!given)
    for (size_t i = input->rank(); i-- > 0;) perm.push_back(static_cast<int64_t>(i));
  if (perm.size() != input->rank())
    return Invalid(fmt::format("perm has {} axes, but {} has rank {}", perm.size(), InputLabel(context, 0), input->rank()));
  ASSIGN_OR_RETURN(const std::vector<size_t> axes, NormalAxes(perm, input->rank(), "perm"));
  Shape shape;
  for (size_t axis : axes) shape.Append((*input)[axis]);
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  if (input->rank() <= 1) CopyElements(context);
  return {};
}

}  // namespace sardonyx::ops::infer
