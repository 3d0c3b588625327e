// Operators that compute each element from the elements at the same place, with broadcasting.
#include <algorithm>
#include <numeric>

#include "ops/infer/elements.h"
#include "ops/infer/families.h"

namespace sardonyx::ops::infer {
namespace {

constexpr int kNumpyBroadcast = 7;          // binary operators broadcast as NumPy from this version on
constexpr int kVariadicNumpyBroadcast = 8;  // Max, Min, Mean, Sum

// Opsets 1 to 6: B is broadcast to A when attribute `broadcast` is 1; its dims lie at `axis`, or at A's end.
Status CheckLegacyBroadcast(const InferenceContext& context, const Shape& a, const Shape& b) {
  if (GetInt(context, "broadcast") == 0) return EqualShapes(a, b, "shapes of A and B, without attribute broadcast = 1,").status();
  if (b.rank() > a.rank()) return Invalid(fmt::format("B {} has a higher rank than A {}", b.ToString(), a.ToString()));
  int64_t axis = static_cast<int64_t>(a.rank() - b.rank());
  if (HasAttribute(context, "axis")) {
    axis = GetInt(context, "axis");
    if (axis < 0) axis += static_cast<int64_t>(a.rank());
    if (axis < 0 || axis > static_cast<int64_t>(a.rank() - b.rank()))
      return Invalid(fmt::format("axis = {} does not let B {} lie within A {}", GetInt(context, "axis"), b.ToString(), a.ToString()));
  }
  for (size_t i = 0; i < b.rank(); ++i) {
    const Dim& size = a[i + static_cast<size_t>(axis)];
    if (b[i].is_constant() && size.is_constant() && !b[i].is_constant(1) && !(b[i] == size))
      return Invalid(fmt::format("B {} cannot be broadcast to A {} at axis {}", b.ToString(), a.ToString(), axis));
  }
  return {};
}

// Shape of inputs 0 and 1 together, by the rules of the operator's version.
StatusOr<std::optional<Shape>> BinaryShape(InferenceContext& context) {
  const Shape* a = context.input_shape(0);
  const Shape* b = context.input_shape(1);
  if (context.schema().attribute("broadcast") != nullptr && context.schema().since_version < kNumpyBroadcast) {
    if (a != nullptr && b != nullptr) RETURN_IF_ERROR(CheckLegacyBroadcast(context, *a, *b));
    return InputShape(context, 0);
  }
  return BroadcastInputs(context, std::vector<size_t>{0, 1});
}

Status Binary(InferenceContext& context, Dim (*element)(const Dim&, const Dim&)) {
  ASSIGN_OR_RETURN(std::optional<Shape> shape, BinaryShape(context));
  context.SetOutput(0, kBySchema, std::move(shape));
  if (element != nullptr) MapElements(context, element);
  return {};
}

Status Unary(InferenceContext& context, Dim (*element)(const Dim&)) {
  CopyType(context, 0, 0);
  MapElements(context, element);
  return {};
}

}  // namespace

Status InferSameType(InferenceContext& context) {
  CopyType(context, 0, 0);
  return {};
}

Status InferSameShape(InferenceContext& context) {
  context.SetOutput(0, kBySchema, InputShape(context, 0));
  return {};
}

Status InferNeg(InferenceContext& context) { return Unary(context, element::Neg); }
Status InferAbs(InferenceContext& context) { return Unary(context, element::Abs); }
Status InferSign(InferenceContext& context) { return Unary(context, element::Sign); }
Status InferRounding(InferenceContext& context) { return Unary(context, element::Same); }
Status InferIdentity(InferenceContext& context) {
  CopyType(context, 0, 0);
  CopyElements(context);
  if (const Tensor* constant = context.input_constant(0)) context.set_output_constant(0, *constant);
  return {};
}

Status InferNot(InferenceContext& context) { return Unary(context, element::Not); }
Status InferBinary(InferenceContext& context) { return Binary(context, nullptr); }
Status InferAdd(InferenceContext& context) { return Binary(context, element::Add); }
Status InferSub(InferenceContext& context) { return Binary(context, element::Sub); }
Status InferMul(InferenceContext& context) { return Binary(context, element::Mul); }
Status InferDiv(InferenceContext& context) {
  return Binary(context, IsInteger(context.input_dtype(0)) ? element::DivInteger : element::DivExact);
}
Status InferMod(InferenceContext& context) {
  return Binary(context, GetInt(context, "fmod") != 0 ? element::ModSignOfDividend : element::ModSignOfDivisor);
}
Status InferEqual(InferenceContext& context) { return Binary(context, element::Equal); }
Status InferGreater(InferenceContext& context) { return Binary(context, element::Greater); }
Status InferLess(InferenceContext& context) { return Binary(context, element::Less); }
Status InferGreaterOrEqual(InferenceContext& context) { return Binary(context, element::GreaterOrEqual); }
Status InferLessOrEqual(InferenceContext& context) { return Binary(context, element::LessOrEqual); }
Status InferAnd(InferenceContext& context) { return Binary(context, element::And); }
Status InferOr(InferenceContext& context) { return Binary(context, element::Or); }

namespace {

Status Variadic(InferenceContext& context, Dim (*element)(const Dim&, const Dim&)) {
  std::optional<Shape> shape = Shape();
  if (context.schema().since_version < kVariadicNumpyBroadcast) {
    shape = InputShape(context, 0);
    for (size_t i = 1; shape && i < context.num_inputs(); ++i)
      if (const Shape* other = context.input_shape(i)) {
        ASSIGN_OR_RETURN(shape, EqualShapes(*shape, *other, fmt::format("shapes of inputs 0 and {}", i)));
      }
  } else {
    std::vector<size_t> all(context.num_inputs());
    std::iota(all.begin(), all.end(), 0);
    ASSIGN_OR_RETURN(shape, BroadcastInputs(context, all));
  }
  context.SetOutput(0, kBySchema, std::move(shape));
  if (element == nullptr) return {};
  if (context.num_inputs() == 1) CopyElements(context);
  if (context.num_inputs() == 2) MapElements(context, element);
  return {};
}

}  // namespace

Status InferMax(InferenceContext& context) { return Variadic(context, Dim::Max); }
Status InferMin(InferenceContext& context) { return Variadic(context, Dim::Min); }
Status InferSum(InferenceContext& context) { return Variadic(context, element::Add); }
Status InferMean(InferenceContext& context) { return Variadic(context, nullptr); }

Status InferPRelu(InferenceContext& context) {
  const Shape* x = context.input_shape(0);
  const Shape* slope = context.input_shape(1);
  // Before opset 7 a slope of one dim goes with the channels; afterwards it broadcasts to X, never X to it.
  if (context.schema().since_version >= kNumpyBroadcast && x != nullptr && slope != nullptr) {
    ASSIGN_OR_RETURN(const Shape both, Broadcast(context, *x, *slope));
    if (both.rank() > x->rank())
      return Invalid(fmt::format("input 1 (slope) {} cannot be broadcast to input 0 (X) {}", slope->ToString(), x->ToString()));
  }
  CopyType(context, 0, 0);
  return {};
}

// No broadcasting: gate and value have one shape.
Status InferSwiGlu(InferenceContext& context) {
  std::optional<Shape> shape = InputShape(context, 0);
  if (const Shape* value = context.input_shape(1)) {
    ASSIGN_OR_RETURN(shape, EqualShapes(shape ? *shape : *value, *value, "shapes of A and B"));
  }
  context.SetOutput(0, kBySchema, std::move(shape));
  return {};
}

Status InferWhere(InferenceContext& context) {
  ASSIGN_OR_RETURN(std::optional<Shape> shape, BroadcastInputs(context, std::vector<size_t>{0, 1, 2}));
  context.SetOutput(0, kBySchema, std::move(shape));
  const std::optional<Elements> condition = KnownElements(context, 0), x = KnownElements(context, 1), y = KnownElements(context, 2);
  if (!condition || (!x && !y)) return {};
  const size_t size = std::max({condition->size(), x ? x->size() : 1, y ? y->size() : 1});
  const auto at = [size](const std::optional<Elements>& elements, size_t i) {
    if (!elements || (elements->size() != size && elements->size() != 1)) return Dim();
    return (*elements)[elements->size() == 1 ? 0 : i];
  };
  Elements result(size);
  for (size_t i = 0; i < size; ++i) {
    const Dim chosen = at(condition, i), a = at(x, i), b = at(y, i);
    if (chosen.is_constant())
      result[i] = chosen.is_constant(0) ? b : a;
    else if (a == b)
      result[i] = a;
  }
  context.set_output_elements(0, std::move(result));
  return {};
}

Status InferClip(InferenceContext& context) {
  CopyType(context, 0, 0);
  std::optional<Elements> elements = KnownElements(context, 0);
  constexpr int kBoundsAreInputs = 11;
  if (!elements || context.schema().since_version < kBoundsAreInputs) return {};
  for (const size_t bound : {size_t{1}, size_t{2}}) {
    if (!context.has_input(bound)) continue;
    const std::optional<Elements> limit = context.input_elements(bound);
    if (!limit || limit->size() != 1) return {};
    for (Dim& element : *elements) element = bound == 1 ? Dim::Max(element, limit->front()) : Dim::Min(element, limit->front());
  }
  context.set_output_elements(0, *std::move(elements));
  return {};
}

namespace {

// Casts that keep every size that a shape can hold.
bool KeepsSizes(DataType type) {
  switch (type) {
    case DataType::kInt64:
    case DataType::kUint64:
    case DataType::kInt32:
    case DataType::kUint32:
    case DataType::kFloat:
    case DataType::kDouble:
      return true;
    default:
      return false;
  }
}

Status CastTo(InferenceContext& context, DataType to) {
  context.SetOutput(0, to, InputShape(context, 0));
  if (to == DataType::kBool)
    MapElements(context, element::ToBool);
  else if (KeepsSizes(to))
    CopyElements(context);
  return {};
}

}  // namespace

Status InferCast(InferenceContext& context) {
  ASSIGN_OR_RETURN(const DataType to, GetDataType(context, "to"));
  return CastTo(context, to);
}

Status InferCastLike(InferenceContext& context) { return CastTo(context, context.input_dtype(1)); }

Status InferBitCast(InferenceContext& context) {
  ASSIGN_OR_RETURN(const DataType to, GetDataType(context, "to"));
  const DataType from = context.input_dtype(0);
  if (from != DataType::kUndefined && BitsPerElement(from) != BitsPerElement(to))
    return Invalid(fmt::format("cannot see {} of {} bits as {} of {} bits", DataTypeName(from), BitsPerElement(from), DataTypeName(to),
                               BitsPerElement(to)));
  context.SetOutput(0, to, InputShape(context, 0));
  return {};
}

}  // namespace sardonyx::ops::infer
