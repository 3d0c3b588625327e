// Operators that make tensors: constants, ranges, random numbers, windows.
#include <cmath>

#include "ops/infer/elements.h"
#include "ops/infer/families.h"

namespace sardonyx::ops::infer {
namespace {

constexpr uint64_t kMaxConstantBytes = 1 << 16;

Status SetConstant(InferenceContext& context, const ir::StoredTensor& stored) {
  Type type = Type::Tensor(stored.dtype, Shape::Of(stored.dims));
  type.raw_dtype = stored.raw_dtype;
  context.set_output_type(0, std::move(type));
  if (stored.byte_size() > kMaxConstantBytes) return {};
  if (StatusOr<Tensor> tensor = stored.ToTensor(); tensor.ok()) context.set_output_constant(0, tensor->Aligned());
  return {};
}

Status SetConstant(InferenceContext& context, Tensor tensor) {
  context.SetOutput(0, tensor.dtype(), Shape::Of(tensor.dims()));
  context.set_output_constant(0, std::move(tensor));
  return {};
}

template <class T>
Tensor Vector(const std::vector<T>& values) {
  return Tensor::From<T>(Dims({static_cast<int64_t>(values.size())}), values);
}

// Attribute dtype, else the type of input 0 (of operators that have one), else `fallback`.
StatusOr<DataType> DtypeOr(const InferenceContext& context, DataType fallback, std::string_view attribute = "dtype") {
  ASSIGN_OR_RETURN(const DataType dtype, GetDataType(context, attribute));
  return dtype == DataType::kUndefined ? fallback : dtype;
}

StatusOr<Shape> ShapeAttribute(const InferenceContext& context, std::string_view name) {
  const std::vector<int64_t> dims = GetInts(context, name);
  for (int64_t dim : dims)
    if (dim < 0) return Invalid(fmt::format("{} holds {}", name, dim));
  return Shape::Of(dims);
}

}  // namespace

Status InferConstant(InferenceContext& context) {
  constexpr std::string_view kNames[] = {"value",       "sparse_value", "value_int",    "value_ints",
                                         "value_float", "value_floats", "value_string", "value_strings"};
  const ir::Attribute* given = nullptr;
  for (std::string_view name : kNames) {
    const ir::Attribute* attribute = context.node().attribute(name);
    if (attribute != nullptr && given != nullptr) return Invalid(fmt::format("has both {} and {}; only one may be", given->name, name));
    if (attribute != nullptr) given = attribute;
  }
  if (given == nullptr) return Invalid("has no value");
  const auto& value = given->value;
  if (const auto* tensor = std::get_if<ir::StoredTensor>(&value)) return SetConstant(context, *tensor);
  if (const auto* sparse = std::get_if<ir::StoredSparseTensor>(&value)) {
    // The output is the dense tensor.
    context.SetOutput(0, sparse->values.dtype, Shape::Of(sparse->dims));
    return {};
  }
  if (const auto* number = std::get_if<int64_t>(&value)) return SetConstant(context, Tensor::Scalar<int64_t>(*number));
  if (const auto* number = std::get_if<float>(&value)) return SetConstant(context, Tensor::Scalar<float>(*number));
  if (const auto* text = std::get_if<std::string>(&value)) return SetConstant(context, Tensor::FromStrings({}, {*text}));
  if (const auto* list = std::get_if<std::vector<int64_t>>(&value)) return SetConstant(context, Vector(*list));
  if (const auto* list = std::get_if<std::vector<float>>(&value)) return SetConstant(context, Vector(*list));
  if (const auto* list = std::get_if<std::vector<std::string>>(&value))
    return SetConstant(context, Tensor::FromStrings(Dims({static_cast<int64_t>(list->size())}), *list));
  return Invalid(fmt::format("attribute {} is of type {}", given->name, ir::AttributeTypeName(given->type)));
}

Status InferConstantOfShape(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRank(context, 0, 1));
  DataType dtype = DataType::kFloat;
  Dim fill(0);
  if (const ir::Attribute* attribute = context.node().attribute("value")) {
    const auto* stored = std::get_if<ir::StoredTensor>(&attribute->value);
    if (stored == nullptr) return Invalid("attribute value is not a tensor");
    dtype = stored->dtype;
    fill = Dim();
    constexpr uint64_t kOneElement = 16;
    if (stored->byte_size() <= kOneElement)
      if (StatusOr<Tensor> tensor = stored->ToTensor(); tensor.ok() && tensor->num_elements() == 1) {
        const Tensor aligned = tensor->Aligned();
        if (dtype == DataType::kInt64) fill = Dim(aligned.data<int64_t>()[0]);
        if (dtype == DataType::kInt32) fill = Dim(aligned.data<int32_t>()[0]);
        if (dtype == DataType::kBool) fill = Dim(aligned.data<bool>()[0] ? 1 : 0);
      }
  }
  const std::optional<Elements> sizes = context.input_elements(0);
  if (!sizes) {
    context.SetOutput(0, dtype, std::nullopt);
    return {};
  }
  for (const Dim& size : *sizes)
    if (size.is_constant() && size.value() < 0) return Invalid(fmt::format("{} holds {}", InputLabel(context, 0), size.value()));
  const Shape shape(*sizes);
  context.SetOutput(0, dtype, shape);
  const Dim count = shape.num_elements();
  constexpr int64_t kMaxElementsMade = 64;
  if (shape.rank() <= 1 && count.is_constant() && count.value() <= kMaxElementsMade && !fill.is_unknown())
    context.set_output_elements(0, Elements(static_cast<size_t>(count.value()), fill));
  return {};
}

Status InferRange(InferenceContext& context) {
  for (size_t i = 0; i < 3; ++i)
    if (context.has_input(i)) RETURN_IF_ERROR(RequireSingleElement(context, i));
  const bool has_delta = context.has_input(2);  // com.microsoft's may be left out
  Dim count;
  const auto element = [&](size_t i) {
    const std::optional<Elements> elements = context.input_elements(i);
    return elements && elements->size() == 1 ? elements->front() : Dim();
  };
  const Dim start = element(0), limit = element(1), delta = has_delta ? element(2) : Dim(1);
  if (delta.is_constant(0)) return Invalid("delta is 0");
  if (delta.is_constant()) count = Dim::Max(Dim::CeilDiv(limit - start, delta), Dim(0));
  if (count.is_unknown()) {
    const auto from = ConstantNumbers(context, 0), to = ConstantNumbers(context, 1);
    const auto step = has_delta ? ConstantNumbers(context, 2) : std::vector<double>{1};
    if (from && to && step && from->size() == 1 && to->size() == 1 && step->size() == 1 && step->front() != 0) {
      const double steps = std::ceil((to->front() - from->front()) / step->front());
      if (steps < 9e15) count = Dim(steps > 0 ? static_cast<int64_t>(steps) : 0);
    }
  }
  context.SetOutput(0, kBySchema, Shape{count.is_unknown() ? context.NewSymbol("count") : count});
  // ONNX asks for scalars, but the body that it gives AffineGrid computes a limit of one element: only what is written is refused.
  const auto written = [&](size_t i) {
    const ir::Value* value = context.node().input(i);
    return value != nullptr &&
           (value->initializer() != nullptr || (value->producer() != nullptr && value->producer()->op_type == "Constant"));
  };
  if (context.schema().domain.empty() && written(0) && written(1) && written(2))
    for (size_t i = 0; i < 3; ++i) RETURN_IF_ERROR(RequireRank(context, i, 0));
  constexpr int64_t kMaxElementsMade = 64;
  if (!count.is_constant() || count.value() > kMaxElementsMade || start.is_unknown() || !delta.is_constant()) return {};
  Elements elements;
  for (int64_t i = 0; i < count.value(); ++i) elements.push_back(start + delta * Dim(i));
  context.set_output_elements(0, std::move(elements));
  return {};
}

Status InferEyeLike(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRank(context, 0, 2));
  ASSIGN_OR_RETURN(const DataType dtype, DtypeOr(context, context.input_dtype(0)));
  context.SetOutput(0, dtype, InputShape(context, 0));
  return {};
}

Status InferRandom(InferenceContext& context) {
  ASSIGN_OR_RETURN(const DataType dtype, DtypeOr(context, DataType::kFloat));
  ASSIGN_OR_RETURN(Shape shape, ShapeAttribute(context, "shape"));
  context.SetOutput(0, dtype, std::move(shape));
  return {};
}

// RandomNormalLike, RandomUniformLike, Bernoulli.
Status InferRandomLike(InferenceContext& context) {
  ASSIGN_OR_RETURN(const DataType dtype, DtypeOr(context, context.input_dtype(0)));
  context.SetOutput(0, dtype, InputShape(context, 0));
  return {};
}

Status InferMultinomial(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRank(context, 0, 2));
  ASSIGN_OR_RETURN(const DataType dtype, DtypeOr(context, DataType::kInt32));
  const Shape* input = context.input_shape(0);
  context.SetOutput(0, dtype, Shape{input ? (*input)[0] : Dim(), Dim(GetInt(context, "sample_size", 1))});
  return {};
}

// HannWindow, HammingWindow, BlackmanWindow.
Status InferWindow(InferenceContext& context) {
  RETURN_IF_ERROR(RequireSingleElement(context, 0));
  ASSIGN_OR_RETURN(const DataType dtype, DtypeOr(context, DataType::kFloat, "output_datatype"));
  const std::optional<Elements> size = context.input_elements(0);
  const Dim length = size && size->size() == 1 ? size->front() : Dim();
  context.SetOutput(0, dtype, Shape{length.is_unknown() ? context.NewSymbol("size") : length});
  return {};
}

Status InferMelWeightMatrix(InferenceContext& context) {
  for (size_t i = 0; i < 5; ++i) RETURN_IF_ERROR(RequireSingleElement(context, i));
  ASSIGN_OR_RETURN(const DataType dtype, DtypeOr(context, DataType::kFloat, "output_datatype"));
  const auto element = [&](size_t i) {
    const std::optional<Elements> elements = context.input_elements(i);
    return elements && elements->size() == 1 ? elements->front() : Dim();
  };
  context.SetOutput(0, dtype, Shape{Dim::FloorDiv(element(1), Dim(2)) + 1, element(0)});
  return {};
}

}  // namespace sardonyx::ops::infer
