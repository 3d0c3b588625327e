// Operators that join, cut and repeat along axes: Concat, Split, Pad, Tile, CenterCropPad.
#include <algorithm>
#include <numeric>

#include "ops/infer/elements.h"
#include "ops/infer/families.h"

namespace sardonyx::ops::infer {

Status InferConcat(InferenceContext& context) {
  std::optional<Shape> shape;
  size_t axis = 0;
  bool all_known = true;
  for (size_t i = 0; i < context.num_inputs(); ++i) {
    const Shape* input = context.input_shape(i);
    if (input == nullptr) {
      all_known = false;
      continue;
    }
    if (!shape) {
      ASSIGN_OR_RETURN(axis, NormalAxis(GetInt(context, "axis", 1), input->rank()));
      shape = Shape(input->dims());
      continue;
    }
    if (shape->rank() != input->rank())
      return Invalid(
          fmt::format("{} {} and those before it {} differ in rank", InputLabel(context, i), input->ToString(), shape->ToString()));
    for (size_t k = 0; k < input->rank(); ++k) {
      if (k == axis) {
        (*shape)[k] = (*shape)[k] + (*input)[k];
      } else {
        ASSIGN_OR_RETURN((*shape)[k], EqualDims((*shape)[k], (*input)[k], fmt::format("axis {} of {}", k, InputLabel(context, i))));
      }
    }
  }
  if (shape && !all_known) (*shape)[axis] = Dim::Unknown();
  const bool vector = shape && shape->rank() == 1;
  context.SetOutput(0, kBySchema, std::move(shape));
  if (!vector || !all_known) return {};
  Elements elements;
  for (size_t i = 0; i < context.num_inputs(); ++i) {
    const std::optional<Elements> part = context.input_elements(i);
    if (!part) return {};
    elements.insert(elements.end(), part->begin(), part->end());
  }
  if (std::any_of(elements.begin(), elements.end(), [](const Dim& d) { return !d.is_unknown(); }))
    context.set_output_elements(0, std::move(elements));
  return {};
}

namespace {

// The sizes that Split cuts `size` into, one an output; unknown ones where they depend on data.
StatusOr<std::vector<Dim>> SplitSizes(const InferenceContext& context, const Dim& size) {
  const size_t count = context.num_outputs();
  std::optional<Elements> given;
  if (HasAttribute(context, "split")) {
    const std::vector<int64_t> split = GetInts(context, "split");
    given.emplace(split.begin(), split.end());
  } else if (context.has_input(1)) {
    given = context.input_elements(1);
    if (!given) return std::vector<Dim>(count);
  }
  if (given) {
    if (given->size() != count) return Invalid(fmt::format("split has {} sizes, but there are {} outputs", given->size(), count));
    Dim sum(0);
    for (const Dim& part : *given) {
      if (part.is_constant() && part.value() < 0) return Invalid(fmt::format("split has a negative size {}", part.value()));
      sum = sum + part;
    }
    if (sum.is_constant() && size.is_constant() && !(sum == size))
      return Invalid(fmt::format("the sizes of split add up to {}, but the axis has size {}", sum.value(), size.value()));
    return *std::move(given);
  }
  const int64_t parts = HasAttribute(context, "num_outputs") ? GetInt(context, "num_outputs") : static_cast<int64_t>(count);
  if (parts != static_cast<int64_t>(count)) return Invalid(fmt::format("num_outputs = {}, but there are {} outputs", parts, count));
  if (count == 0) return std::vector<Dim>();
  const bool may_be_uneven = context.schema().attribute("num_outputs") != nullptr;
  const Dim chunk = may_be_uneven ? Dim::CeilDiv(size, Dim(parts)) : Dim::FloorDiv(size, Dim(parts));
  if (!may_be_uneven && size.is_constant() && size.value() % parts != 0)
    return Invalid(fmt::format("size {} does not split into {} equal parts", size.value(), parts));
  std::vector<Dim> sizes(count, chunk);
  const Dim last = size - chunk * Dim(parts - 1);
  if (last.is_constant() && last.value() < 0) {
    // So many outputs that some are empty.
    Dim left = size;
    for (Dim& part : sizes) {
      part = Dim::Min(chunk, left);
      left = left - part;
    }
  } else {
    sizes.back() = last;
  }
  return sizes;
}

}  // namespace

Status InferSplit(InferenceContext& context) {
  const Shape* input = context.input_shape(0);
  if (input == nullptr) {
    for (size_t i = 0; i < context.num_outputs(); ++i) context.SetOutput(i, context.input_dtype(0), std::nullopt);
    return {};
  }
  ASSIGN_OR_RETURN(const size_t axis, NormalAxis(GetInt(context, "axis", 0), input->rank()));
  ASSIGN_OR_RETURN(const std::vector<Dim> sizes, SplitSizes(context, (*input)[axis]));
  const std::optional<Elements> elements = input->rank() == 1 ? KnownElements(context, 0) : std::nullopt;
  size_t begin = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    Shape shape(input->dims());
    shape[axis] = sizes[i];
    context.SetOutput(i, context.input_dtype(0), std::move(shape));
    if (!elements || begin > elements->size() || !sizes[i].is_constant()) continue;
    const size_t end = begin + static_cast<size_t>(sizes[i].value());
    if (end <= elements->size())
      context.set_output_elements(
          i, Elements(elements->begin() + static_cast<ptrdiff_t>(begin), elements->begin() + static_cast<ptrdiff_t>(end)));
    begin = end;
  }
  return {};
}

namespace {

// Axes that a list of sizes stands for: input or attribute `axes`, or all.
StatusOr<std::optional<std::vector<size_t>>> ListedAxes(const std::optional<std::vector<int64_t>>& given, size_t rank) {
  if (!given) return std::optional<std::vector<size_t>>();
  if (given->empty()) {
    std::vector<size_t> all(rank);
    std::iota(all.begin(), all.end(), 0);
    return std::optional<std::vector<size_t>>(std::move(all));
  }
  ASSIGN_OR_RETURN(std::vector<size_t> axes, NormalAxes(*given, rank));
  return std::optional<std::vector<size_t>>(std::move(axes));
}

}  // namespace

Status InferPad(InferenceContext& context) {
  const Shape* input = context.input_shape(0);
  std::optional<Elements> pads;
  const std::string_view attribute = context.schema().attribute("paddings") != nullptr ? "paddings" : "pads";
  if (context.schema().attribute(attribute) != nullptr) {
    const std::vector<int64_t> list = GetInts(context, attribute);
    pads.emplace(list.begin(), list.end());
  } else {
    RETURN_IF_ERROR(RequireRankAtLeast(context, 1, 1));
    pads = context.input_elements(1);
  }
  const std::optional<std::vector<int64_t>> axes_input = context.has_input(3) ? ConstantElements(context, 3) : std::vector<int64_t>();
  if (input == nullptr) {
    const bool gives_rank = pads && axes_input && axes_input->empty() && !context.has_input(3);
    context.SetOutput(0, context.input_dtype(0), gives_rank ? std::optional<Shape>(Shape::OfRank(pads->size() / 2)) : std::nullopt);
    return {};
  }
  ASSIGN_OR_RETURN(const std::optional<std::vector<size_t>> axes, ListedAxes(axes_input, input->rank()));
  Shape shape(input->dims());
  if (!pads || !axes) {
    shape = Shape::OfRank(input->rank());
  } else {
    if (pads->size() != axes->size() * 2)
      return Invalid(fmt::format("pads has {} numbers; expected 2 for each of {} axes", pads->size(), axes->size()));
    for (size_t i = 0; i < axes->size(); ++i) {
      Dim& dim = shape[(*axes)[i]];
      dim = dim + (*pads)[i] + (*pads)[i + axes->size()];
      if (dim.is_constant() && dim.value() < 0)
        return Invalid(fmt::format("pads make axis {} of {} negative", (*axes)[i], input->ToString()));
    }
  }
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  return {};
}

Status InferTile(InferenceContext& context) {
  const Shape* input = context.input_shape(0);
  constexpr int kRepeatsForEveryAxis = 6;
  std::optional<Shape> shape = InputShape(context, 0);
  if (context.schema().since_version < kRepeatsForEveryAxis) {  // scalars `tiles` and `axis`
    const std::optional<int64_t> tiles = ConstantScalar(context, 1), axis = ConstantScalar(context, 2);
    if (shape && tiles && axis) {
      ASSIGN_OR_RETURN(const size_t at, NormalAxis(*axis, shape->rank()));
      (*shape)[at] = (*shape)[at] * Dim(*tiles);
    } else if (shape) {
      shape = Shape::OfRank(shape->rank());
    }
  } else {
    RETURN_IF_ERROR(RequireRank(context, 1, 1));
    const std::optional<Elements> repeats = context.input_elements(1);
    if (repeats && !shape) shape = Shape::OfRank(repeats->size());
    if (repeats && repeats->size() != shape->rank())
      return Invalid(fmt::format("{} has {} numbers, but {} has rank {}", InputLabel(context, 1), repeats->size(), InputLabel(context, 0),
                                 shape->rank()));
    for (size_t i = 0; shape && i < shape->rank(); ++i) (*shape)[i] = repeats ? (*shape)[i] * (*repeats)[i] : Dim::Unknown();
  }
  const Dim count = shape && shape->rank() == 1 ? (*shape)[0] : Dim();
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  const std::optional<Elements> elements = KnownElements(context, 0);
  constexpr int64_t kMaxElementsMade = 64;
  if (!elements || elements->empty() || input->rank() != 1 || !count.is_constant() || count.value() > kMaxElementsMade) return {};
  Elements repeated;
  for (int64_t i = 0; i < count.value(); ++i) repeated.push_back((*elements)[static_cast<size_t>(i) % elements->size()]);
  context.set_output_elements(0, std::move(repeated));
  return {};
}

Status InferCenterCropPad(InferenceContext& context) {
  std::optional<Shape> shape = InputShape(context, 0);
  if (shape) {
    ASSIGN_OR_RETURN(const std::optional<std::vector<size_t>> axes, ListedAxes(GetInts(context, "axes"), shape->rank()));
    const std::optional<Elements> sizes = context.input_elements(1);
    if (sizes && sizes->size() != axes->size())
      return Invalid(fmt::format("{} has {} sizes for {} axes", InputLabel(context, 1), sizes->size(), axes->size()));
    for (size_t i = 0; i < axes->size(); ++i) (*shape)[(*axes)[i]] = sizes ? (*sizes)[i] : Dim::Unknown();
  }
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  return {};
}

}  // namespace sardonyx::ops::infer
