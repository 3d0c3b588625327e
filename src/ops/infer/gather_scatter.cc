// Operators that pick, place, count or rearrange elements.
#include <algorithm>

#include "ops/infer/elements.h"
#include "ops/infer/families.h"

namespace sardonyx::ops::infer {
namespace {

void GatherElementsOf(InferenceContext& context) {
  const std::optional<Elements> data = KnownElements(context, 0);
  const std::optional<std::vector<int64_t>> indices = ConstantElements(context, 1);
  if (!data || !indices) return;
  const int64_t size = static_cast<int64_t>(data->size());
  Elements result;
  for (int64_t index : *indices) {
    if (index < 0) index += size;
    result.push_back(index >= 0 && index < size ? (*data)[static_cast<size_t>(index)] : Dim());
  }
  context.set_output_elements(0, std::move(result));
}

Shape Insert(const Shape& shape, size_t begin, size_t end, const Shape& middle) {
  Shape result = SubShape(shape, 0, begin);
  for (const Dim& dim : middle.dims()) result.Append(dim);
  for (size_t i = end; i < shape.rank(); ++i) result.Append(shape[i]);
  return result;
}

}  // namespace

Status InferGather(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRankAtLeast(context, 0, 1));
  const Shape* data = context.input_shape(0);
  const Shape* indices = context.input_shape(1);
  std::optional<Shape> shape;
  if (data != nullptr) {
    ASSIGN_OR_RETURN(const size_t axis, NormalAxis(GetInt(context, "axis", 0), data->rank()));
    if (indices != nullptr) shape = Insert(*data, axis, axis + 1, *indices);
  }
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  if (data != nullptr && data->rank() == 1) GatherElementsOf(context);
  return {};
}

Status InferGatherElements(InferenceContext& context) {
  const Shape* data = context.input_shape(0);
  const Shape* indices = context.input_shape(1);
  if (data != nullptr && indices != nullptr && data->rank() != indices->rank())
    return Invalid(fmt::format("{} and {} must have the same rank: {} and {}", InputLabel(context, 0), InputLabel(context, 1),
                               data->ToString(), indices->ToString()));
  if (data != nullptr) RETURN_IF_ERROR(NormalAxis(GetInt(context, "axis", 0), data->rank()).status());
  context.SetOutput(0, context.input_dtype(0), InputShape(context, 1));
  return {};
}

Status InferGatherND(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRankAtLeast(context, 0, 1));
  RETURN_IF_ERROR(RequireRankAtLeast(context, 1, 1));
  const Shape* data = context.input_shape(0);
  const Shape* indices = context.input_shape(1);
  std::optional<Shape> shape;
  if (data != nullptr && indices != nullptr && (*indices)[indices->rank() - 1].is_constant()) {
    const int64_t batch = GetInt(context, "batch_dims", 0);
    const int64_t depth = (*indices)[indices->rank() - 1].value();
    if (batch < 0 || batch >= static_cast<int64_t>(std::min(data->rank(), indices->rank())))
      return Invalid(fmt::format("batch_dims = {} must lie below both ranks", batch));
    if (depth < 0 || depth > static_cast<int64_t>(data->rank()) - batch)
      return Invalid(fmt::format("the last dim of {} is {}; {} has only {} dims to index", InputLabel(context, 1), depth,
                                 InputLabel(context, 0), static_cast<int64_t>(data->rank()) - batch));
    shape = SubShape(*indices, 0, indices->rank() - 1);
    for (size_t i = static_cast<size_t>(batch + depth); i < data->rank(); ++i) shape->Append((*data)[i]);
  }
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  return {};
}

Status InferScatterElements(InferenceContext& context) {
  const Shape* data = context.input_shape(0);
  if (data != nullptr) RETURN_IF_ERROR(NormalAxis(GetInt(context, "axis", 0), data->rank()).status());
  for (const size_t i : {size_t{1}, size_t{2}})
    if (data != nullptr) RETURN_IF_ERROR(RequireRank(context, i, data->rank()));
  CopyType(context, 0, 0);
  return {};
}

Status InferScatterND(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRankAtLeast(context, 0, 1));
  RETURN_IF_ERROR(RequireRankAtLeast(context, 1, 1));
  const Shape* data = context.input_shape(0);
  const Shape* indices = context.input_shape(1);
  const Shape* updates = context.input_shape(2);
  if (data != nullptr && indices != nullptr && updates != nullptr && (*indices)[indices->rank() - 1].is_constant()) {
    const int64_t depth = (*indices)[indices->rank() - 1].value();
    if (depth < 0 || depth > static_cast<int64_t>(data->rank()))
      return Invalid(fmt::format("the last dim of {} is {}; {} has rank {}", InputLabel(context, 1), depth, InputLabel(context, 0), data->rank()));
    const size_t expected = indices->rank() - 1 + data->rank() - static_cast<size_t>(depth);
    if (updates->rank() != expected)
      return Invalid(fmt::format("{} has rank {}; expected {}", InputLabel(context, 2), updates->rank(), expected));
  }
  CopyType(context, 0, 0);
  return {};
}

namespace {

StatusOr<Dim> ExactQuotient(const Dim& size, int64_t divisor, std::string_view what) {
  if (size.is_constant() && size.value() % divisor != 0)
    return Invalid(fmt::format("{} {} is not a multiple of {}", what, size.value(), divisor));
  return Dim::FloorDiv(size, Dim(divisor));
}

StatusOr<int64_t> BlockSize(const InferenceContext& context) {
  const int64_t block = GetInt(context, "blocksize", 0);
  constexpr int64_t kMax = int64_t{1} << 30;  // so that its square fits
  if (block <= 0 || block > kMax) return Invalid(fmt::format("blocksize = {} is not a positive size", block));
  return block;
}

}  // namespace

Status InferDepthToSpace(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRank(context, 0, 4));
  ASSIGN_OR_RETURN(const int64_t block, BlockSize(context));
  std::optional<Shape> shape = Shape::OfRank(4);
  if (const Shape* input = context.input_shape(0)) {
    ASSIGN_OR_RETURN(const Dim channels, ExactQuotient((*input)[1], block * block, "number of channels"));
    shape = Shape{(*input)[0], channels, (*input)[2] * Dim(block), (*input)[3] * Dim(block)};
  }
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  return {};
}

Status InferSpaceToDepth(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRank(context, 0, 4));
  ASSIGN_OR_RETURN(const int64_t block, BlockSize(context));
  std::optional<Shape> shape = Shape::OfRank(4);
  if (const Shape* input = context.input_shape(0)) {
    ASSIGN_OR_RETURN(const Dim height, ExactQuotient((*input)[2], block, "height"));
    ASSIGN_OR_RETURN(const Dim width, ExactQuotient((*input)[3], block, "width"));
    shape = Shape{(*input)[0], (*input)[1] * Dim(block * block), height, width};
  }
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  return {};
}

Status InferCompress(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRank(context, 1, 1));
  Dim count;
  if (const Tensor* condition = context.input_constant(1); condition != nullptr && condition->dtype() == DataType::kBool) {
    const std::span<const bool> flags = condition->data<bool>();
    count = Dim(static_cast<int64_t>(std::count(flags.begin(), flags.end(), true)));
  }
  std::optional<Shape> shape;
  if (!HasAttribute(context, "axis")) {
    shape = Shape{count.is_unknown() ? context.NewSymbol("count") : count};
  } else if (const Shape* input = context.input_shape(0)) {
    ASSIGN_OR_RETURN(const size_t axis, NormalAxis(GetInt(context, "axis"), input->rank()));
    shape = Shape(input->dims());
    (*shape)[axis] = count.is_unknown() ? context.NewSymbol("count") : count;
  }
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  return {};
}

Status InferReverseSequence(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRankAtLeast(context, 0, 2));
  RETURN_IF_ERROR(RequireRank(context, 1, 1));
  const int64_t batch = GetInt(context, "batch_axis", 1), time = GetInt(context, "time_axis", 0);
  if (batch == time) return Invalid(fmt::format("batch_axis and time_axis are both {}", batch));
  if (const Shape* input = context.input_shape(0)) {
    RETURN_IF_ERROR(NormalAxis(batch, input->rank(), "batch_axis").status());
    RETURN_IF_ERROR(NormalAxis(time, input->rank(), "time_axis").status());
  }
  CopyType(context, 0, 0);
  return {};
}

Status InferTrilu(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRankAtLeast(context, 0, 2));
  if (context.has_input(1)) RETURN_IF_ERROR(RequireSingleElement(context, 1));
  CopyType(context, 0, 0);
  return {};
}

Status InferOneHot(InferenceContext& context) {
  RETURN_IF_ERROR(RequireSingleElement(context, 1));
  const Shape* indices = context.input_shape(0);
  std::optional<Shape> shape;
  if (indices != nullptr) {
    const std::optional<Elements> depth = context.input_elements(1);
    const Dim size = depth && depth->size() == 1 ? depth->front() : Dim();
    if (size.is_constant() && size.value() < 0) return Invalid(fmt::format("depth = {} is negative", size.value()));
    ASSIGN_OR_RETURN(const size_t axis, NormalAxis(GetInt(context, "axis", -1), indices->rank() + 1));
    shape = Insert(*indices, axis, axis, Shape{size.is_unknown() ? context.NewSymbol("depth") : size});
  }
  context.SetOutput(0, context.input_dtype(2), std::move(shape));
  return {};
}

Status InferUnique(InferenceContext& context) {
  const Shape* input = context.input_shape(0);
  const Dim count = context.NewSymbol("unique");
  std::optional<Shape> shape;
  Dim positions;
  if (!HasAttribute(context, "axis")) {
    shape = Shape{count};
    if (input != nullptr) positions = input->num_elements();
  } else if (input != nullptr) {
    ASSIGN_OR_RETURN(const size_t axis, NormalAxis(GetInt(context, "axis"), input->rank()));
    shape = Shape(input->dims());
    positions = (*shape)[axis];
    (*shape)[axis] = count;
  }
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  context.SetOutput(1, DataType::kInt64, Shape{count});
  context.SetOutput(2, DataType::kInt64, Shape{positions});
  context.SetOutput(3, DataType::kInt64, Shape{count});
  return {};
}

Status InferNonZero(InferenceContext& context) {
  Shape shape = Shape::OfRank(2);
  if (const Shape* input = context.input_shape(0)) shape[0] = Dim(static_cast<int64_t>(input->rank()));
  shape[1] = context.NewSymbol("nonzero");
  if (const std::optional<std::vector<int64_t>> elements = ConstantElements(context, 0))
    shape[1] = Dim(static_cast<int64_t>(elements->size()) - std::count(elements->begin(), elements->end(), 0));
  context.SetOutput(0, DataType::kInt64, std::move(shape));
  return {};
}

Status InferCol2Im(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRank(context, 0, 3));
  RETURN_IF_ERROR(RequireRank(context, 1, 1));
  RETURN_IF_ERROR(RequireRank(context, 2, 1));
  const std::optional<Elements> image = context.input_elements(1), block = context.input_elements(2);
  if (image && block && image->size() != block->size())
    return Invalid(fmt::format("image_shape has {} sizes, block_shape {}", image->size(), block->size()));
  std::optional<Shape> shape;
  const Shape* input = context.input_shape(0);
  size_t axes = std::max(GetInts(context, "dilations").size(), GetInts(context, "strides").size());
  if (image || block) axes = image ? image->size() : block->size();
  if (axes > 0) {
    shape = Shape::OfRank(2);
    if (input != nullptr) (*shape)[0] = (*input)[0];
    if (input != nullptr && block) (*shape)[1] = Dim::FloorDiv((*input)[1], Shape(*block).num_elements());
    for (size_t i = 0; i < axes; ++i) shape->Append(image ? (*image)[i] : Dim());
  }
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  return {};
}

Status InferTensorScatter(InferenceContext& context) {
  const Shape* cache = context.input_shape(0);
  if (cache != nullptr) RETURN_IF_ERROR(RequireRank(context, 1, cache->rank()));
  CopyType(context, 0, 0);
  return {};
}

}  // namespace sardonyx::ops::infer
