#include "ops/infer/common.h"

#include <algorithm>

namespace sardonyx::ops::infer {
namespace {

// The content of the attribute or of the schema's default, if it is a T.
template <class T>
const T* Content(const InferenceContext& context, std::string_view name) {
  if (const ir::Attribute* attribute = context.node().attribute(name)) return std::get_if<T>(&attribute->value);
  const AttributeSchema* schema = context.schema().attribute(name);
  return schema == nullptr ? nullptr : std::get_if<T>(&schema->default_value);
}

}  // namespace

int64_t GetInt(const InferenceContext& context, std::string_view name, int64_t fallback) {
  const int64_t* value = Content<int64_t>(context, name);
  return value == nullptr ? fallback : *value;
}

float GetFloat(const InferenceContext& context, std::string_view name, float fallback) {
  const float* value = Content<float>(context, name);
  return value == nullptr ? fallback : *value;
}

std::string GetString(const InferenceContext& context, std::string_view name, std::string_view fallback) {
  const std::string* value = Content<std::string>(context, name);
  return value == nullptr ? std::string(fallback) : *value;
}

std::vector<int64_t> GetInts(const InferenceContext& context, std::string_view name, std::vector<int64_t> fallback) {
  const std::vector<int64_t>* value = Content<std::vector<int64_t>>(context, name);
  return value == nullptr ? std::move(fallback) : *value;
}

bool HasAttribute(const InferenceContext& context, std::string_view name) { return context.node().attribute(name) != nullptr; }

StatusOr<DataType> GetDataType(const InferenceContext& context, std::string_view name) {
  const int64_t* value = Content<int64_t>(context, name);
  if (value == nullptr) {
    // Cast 1 spells its target: "FLOAT".
    const std::string* text = Content<std::string>(context, name);
    if (text == nullptr) return DataType::kUndefined;
    std::string lower = *text;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    if (std::optional<DataType> type = ParseDataType(lower)) return *type;
    return Invalid(fmt::format("attribute {} = '{}' is not an element type", name, *text));
  }
  if (*value < 0 || *value >= kNumDataTypes) return Invalid(fmt::format("attribute {} = {} is not an element type", name, *value));
  return static_cast<DataType>(*value);
}

std::string InputLabel(const InferenceContext& context, size_t i) {
  const FormalParameter* parameter = context.schema().input(i);
  return parameter == nullptr ? fmt::format("input {}", i) : fmt::format("input {} ({})", i, parameter->name);
}

Status RequireRank(const InferenceContext& context, size_t i, size_t rank) {
  const Shape* shape = context.input_shape(i);
  if (shape == nullptr || shape->rank() == rank) return {};
  return Invalid(fmt::format("{} has rank {}; expected {}", InputLabel(context, i), shape->rank(), rank));
}

Status RequireRankAtLeast(const InferenceContext& context, size_t i, size_t rank) {
  const Shape* shape = context.input_shape(i);
  if (shape == nullptr || shape->rank() >= rank) return {};
  return Invalid(fmt::format("{} has rank {}; expected at least {}", InputLabel(context, i), shape->rank(), rank));
}

Status RequireSingleElement(const InferenceContext& context, size_t i) {
  const Shape* shape = context.input_shape(i);
  if (shape == nullptr) return {};
  const Dim count = shape->num_elements();
  if (!count.is_constant() || count.value() == 1) return {};
  return Invalid(fmt::format("{} has {} elements; expected a scalar", InputLabel(context, i), count.value()));
}

StatusOr<size_t> NormalAxis(int64_t axis, size_t rank, std::string_view name) {
  const int64_t signed_rank = static_cast<int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank) {
    if (rank == 0) return Invalid(fmt::format("{} = {}, but the input is a scalar", name, axis));
    return Invalid(fmt::format("{} = {} lies outside [{}, {}]", name, axis, -signed_rank, signed_rank - 1));
  }
  return static_cast<size_t>(axis < 0 ? axis + signed_rank : axis);
}

StatusOr<std::vector<size_t>> NormalAxes(std::span<const int64_t> axes, size_t rank, std::string_view name) {
  std::vector<size_t> result;
  std::vector<bool> seen(rank);
  for (int64_t axis : axes) {
    ASSIGN_OR_RETURN(const size_t normal, NormalAxis(axis, rank, name));
    if (seen[normal]) return Invalid(fmt::format("{} names axis {} twice", name, normal));
    seen[normal] = true;
    result.push_back(normal);
  }
  return result;
}

std::optional<std::vector<int64_t>> ConstantElements(const InferenceContext& context, size_t i) {
  const std::optional<std::vector<Dim>> elements = context.has_input(i) ? context.input_elements(i) : std::nullopt;
  if (!elements) return std::nullopt;
  std::vector<int64_t> values;
  for (const Dim& element : *elements) {
    if (!element.is_constant()) return std::nullopt;
    values.push_back(element.value());
  }
  return values;
}

std::optional<int64_t> ConstantScalar(const InferenceContext& context, size_t i) {
  const std::optional<std::vector<int64_t>> values = ConstantElements(context, i);
  if (!values || values->size() != 1) return std::nullopt;
  return values->front();
}

std::optional<std::vector<double>> ConstantNumbers(const InferenceContext& context, size_t i) {
  const Tensor* constant = context.has_input(i) ? context.input_constant(i) : nullptr;
  if (constant == nullptr) return std::nullopt;
  std::vector<double> values;
  const auto append = [&](auto span) {
    for (const auto& value : span) values.push_back(static_cast<double>(static_cast<float>(value)));
  };
  switch (constant->dtype()) {
    case DataType::kFloat:
      append(constant->data<float>());
      break;
    case DataType::kFloat16:
      append(constant->data<Float16>());
      break;
    case DataType::kBfloat16:
      append(constant->data<BFloat16>());
      break;
    case DataType::kDouble:
      for (double value : constant->data<double>()) values.push_back(value);
      break;
    case DataType::kInt32:
      for (int32_t value : constant->data<int32_t>()) values.push_back(value);
      break;
    case DataType::kInt64:
      for (int64_t value : constant->data<int64_t>()) values.push_back(static_cast<double>(value));
      break;
    default:
      return std::nullopt;
  }
  return values;
}

StatusOr<Dim> EqualDims(const Dim& a, const Dim& b, std::string_view what) {
  if (a.is_constant() && b.is_constant() && a.value() != b.value())
    return Invalid(fmt::format("{}: {} and {} differ", what, a.ToString(), b.ToString()));
  if (a.is_constant() || b.is_unknown()) return a;
  if (b.is_constant() || a.is_unknown()) return b;
  return a;
}

StatusOr<Shape> EqualShapes(const Shape& a, const Shape& b, std::string_view what) {
  if (a.rank() != b.rank()) return Invalid(fmt::format("{}: {} and {} differ in rank", what, a.ToString(), b.ToString()));
  Shape result;
  for (size_t i = 0; i < a.rank(); ++i) {
    ASSIGN_OR_RETURN(Dim dim, EqualDims(a[i], b[i], what));
    result.Append(std::move(dim));
  }
  return result;
}

StatusOr<Shape> Broadcast(InferenceContext& context, const Shape& a, const Shape& b) {
  const size_t rank = std::max(a.rank(), b.rank());
  Shape result = Shape::OfRank(rank);
  for (size_t i = 0; i < rank; ++i) {
    const Dim one(1);
    const Dim& x = i + a.rank() < rank ? one : a[i + a.rank() - rank];
    const Dim& y = i + b.rank() < rank ? one : b[i + b.rank() - rank];
    if (x.is_constant(1)) {
      result[i] = y;
    } else if (y.is_constant(1) || x == y) {
      result[i] = x;
    } else if (x.is_constant() && y.is_constant()) {
      return Invalid(fmt::format("{} and {} cannot be broadcast: {} against {} in axis {}", a.ToString(), b.ToString(), x.ToString(),
                                 y.ToString(), i));
    } else if (x.is_constant() || y.is_constant()) {
      result[i] = x.is_constant() ? x : y;  // the other is 1 or the same
    } else if (x.IsCapped(y) || y.IsCapped(x)) {
      result[i] = x.IsCapped(y) ? y : x;
    } else if (x.is_symbolic() && y.is_symbolic()) {
      result[i] = context.NewSymbol(fmt::format("dim{}", i));
    }
  }
  return result;
}

StatusOr<std::optional<Shape>> BroadcastInputs(InferenceContext& context, std::span<const size_t> inputs) {
  Shape result;
  for (size_t i : inputs) {
    const Shape* shape = context.input_shape(i);
    if (shape == nullptr) return std::optional<Shape>();
    ASSIGN_OR_RETURN(result, Broadcast(context, result, *shape));
  }
  return std::optional<Shape>(std::move(result));
}

void CopyType(InferenceContext& context, size_t from, size_t to) {
  if (!context.has_input(from)) return;
  const Type& input = context.input_type(from);
  if (!input.known()) return;
  Type type;
  type.kind = input.kind;
  type.dtype = input.dtype;
  type.raw_dtype = input.raw_dtype;
  type.shape = InputShape(context, from);
  type.element = input.element;
  type.opaque_domain = input.opaque_domain;
  type.opaque_name = input.opaque_name;
  context.set_output_type(to, std::move(type));
}

std::optional<Shape> InputShape(const InferenceContext& context, size_t i) {
  const Shape* shape = context.input_shape(i);
  if (shape == nullptr) return std::nullopt;
  return Shape(shape->dims());  // without what the file says besides the dims
}

Shape SubShape(const Shape& shape, size_t begin, size_t end) {
  return Shape(std::vector<Dim>(shape.dims().begin() + static_cast<ptrdiff_t>(begin), shape.dims().begin() + static_cast<ptrdiff_t>(end)));
}

Dim Product(const Shape& shape, size_t begin, size_t end) { return SubShape(shape, begin, end).num_elements(); }

}  // namespace sardonyx::ops::infer
