#include "import/pytorch/rules/helpers.h"

#include <numbers>

namespace sardonyx::pytorch::rules {

V Truncate(ops::GraphBuilder& b, V x) {
  if (!IsFloatingPoint(b.dtype(x))) return x;
  return b.Where(b.Op("Less", {x, b.NumberLike(0, x)}), b.Op("Ceil", {x}), b.Op("Floor", {x}));
}

namespace {

// Whether the remainder r of a division by y has the other sign than y, so that floor and truncation differ.
V DiffersInSign(ops::GraphBuilder& b, V r, V y) {
  V zero = b.NumberLike(0, r);
  V sign = b.Op("Xor", {b.Op("Less", {r, zero}), b.Op("Less", {y, zero})});
  return b.Op("And", {sign, b.Op("Not", {b.Op("Equal", {r, zero})})});
}

bool IsUnsigned(DataType type) {
  return type == DataType::kUint8 || type == DataType::kUint16 || type == DataType::kUint32 || type == DataType::kUint64;
}

}  // namespace

V FloorDivide(ops::GraphBuilder& b, V x, V y) {
  const DataType type = b.dtype(x);
  if (IsUnsigned(type)) return b.Div(x, y);
  if (IsInteger(type)) {
    V quotient = b.Div(x, y);
    V rest = b.Sub(x, b.Mul(quotient, y));
    return b.Sub(quotient, b.Cast(DiffersInSign(b, rest, y), type));
  }
  // As PyTorch: by the remainder, so that 1.0 // 0.1 is 9.
  V rest = b.Op("Mod", {x, y}, {{"fmod", 1}});
  V quotient = b.Div(b.Sub(x, rest), y);
  quotient = b.Sub(quotient, b.Cast(DiffersInSign(b, rest, y), type));
  V rounded = b.Op("Round", {quotient});
  V zero_divisor = b.Op("Equal", {y, b.NumberLike(0, y)});
  return b.Where(zero_divisor, b.Div(x, y), rounded);
}

V Remainder(ops::GraphBuilder& b, V x, V y) {
  if (IsInteger(b.dtype(x))) return b.Op("Mod", {x, y});
  V rest = b.Op("Mod", {x, y}, {{"fmod", 1}});
  return b.Add(rest, b.Mul(b.Cast(DiffersInSign(b, rest, y), b.dtype(x)), y));
}

bool IsNarrow(DataType type) {
  return type == DataType::kBool || type == DataType::kInt8 || type == DataType::kUint8 || type == DataType::kInt16 || type == DataType::kUint16;
}
V Widened(ops::GraphBuilder& b, V x) { return IsNarrow(b.dtype(x)) ? b.Cast(x, DataType::kInt32) : x; }
V Times(ops::GraphBuilder& b, V x, V y) { return b.dtype(x) == DataType::kBool ? b.Op("And", {x, y}) : b.Mul(x, y); }

V SignBit(ops::GraphBuilder& b, V x) {
  if (b.dtype(x) == DataType::kBool || IsUnsigned(b.dtype(x))) return FullLike(b, x, b.Scalar<bool>(false));
  V zero = b.NumberLike(0, x);
  V negative = b.Op("Less", {x, zero});
  if (!IsFloatingPoint(b.dtype(x))) return negative;
  V reciprocal = b.Op("Less", {b.Op("Reciprocal", {x}), zero});  // -0 -> -infinity
  return b.Op("Or", {negative, b.Op("And", {b.Op("Equal", {x, zero}), reciprocal})});
}

V ArcTangent2(ops::GraphBuilder& b, V y, V x) {
  V zero = b.NumberLike(0, x);
  V at_zero = b.Op("Equal", {x, zero});
  V angle = b.Op("Atan", {b.Div(y, b.Where(at_zero, b.NumberLike(1, x), x))});
  V sign = b.Where(SignBit(b, y), b.NumberLike(-1, x), b.NumberLike(1, x));
  V half = b.Where(b.Op("Equal", {y, zero}), zero, b.Mul(sign, b.NumberLike(std::numbers::pi / 2, x)));
  V left = b.Add(angle, b.Mul(sign, b.NumberLike(std::numbers::pi, x)));
  return b.Where(at_zero, half, b.Where(b.Op("Less", {x, zero}), left, angle));
}

V Not(ops::GraphBuilder& b, V x) { return b.Op("Not", {x}); }

namespace {

// IsNaN and IsInf take float and double before opset 20.
V Wide(ops::GraphBuilder& b, V x) {
  return b.dtype(x) == DataType::kFloat || b.dtype(x) == DataType::kDouble ? x : b.Cast(x, DataType::kFloat);
}

}  // namespace

V IsNan(ops::GraphBuilder& b, V x) {
  if (!IsFloatingPoint(b.dtype(x))) return FullLike(b, x, b.Scalar<bool>(false));
  return b.Op("IsNaN", {x});
}

V IsNonFinite(ops::GraphBuilder& b, V x) { return b.Op("Or", {b.Op("IsNaN", {x}), b.Op("IsInf", {Wide(b, x)})}); }

V ToBool(ops::GraphBuilder& b, V x) { return b.Cast(x, DataType::kBool); }

V Polynomial(ops::GraphBuilder& b, V x, const std::vector<double>& coefficients) {
  V sum = b.NumberLike(coefficients.back(), x);
  for (size_t i = coefficients.size() - 1; i-- > 0;) sum = b.Add(b.Mul(sum, x), b.NumberLike(coefficients[i], x));
  return sum;
}

V Full(ops::GraphBuilder& b, V shape, V scalar) {
  const Tensor* known = b.constant(scalar);
  const std::optional<std::vector<int64_t>> dims = b.constant_ints(shape);
  if (dims && dims->empty()) return scalar;
  if (known != nullptr && known->num_elements() == 1) {
    StatusOr<Tensor> one = known->Reshaped({1});
    if (one.ok()) return b.Op("ConstantOfShape", {shape}, {{"value", *std::move(one)}});
  }
  return b.Expand(scalar, shape);
}

V FullLike(ops::GraphBuilder& b, V like, V scalar) {
  if (const std::optional<Dims> dims = b.static_shape(like))
    return Full(b, b.Ints(std::vector<int64_t>(dims->begin(), dims->end())), scalar);
  return Full(b, b.ShapeOf(like), scalar);
}

V Arange(ops::GraphBuilder& b, V count) {
  if (const std::optional<std::vector<int64_t>> known = b.constant_ints(count);
      known && known->size() == 1 && (*known)[0] >= 0 && (*known)[0] <= 65536) {
    std::vector<int64_t> values(static_cast<size_t>((*known)[0]));
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int64_t>(i);
    return b.Ints(values);
  }
  return b.Op("Range", {b.Int(0), count, b.Int(1)});
}

IValue AsArgument(V value) { return IValue(TensorValue{value, false, {}, {}}); }
V Apply(Call& c, std::string_view target, std::vector<IValue> arguments) {
  const std::vector<IValue> made = c.translator.Apply(target, std::move(arguments));
  return made.empty() || !made[0].is_tensor() ? c.b.Int(0) : made[0].tensor().value;
}

int64_t NormalAxis(int64_t axis, int64_t rank) { return axis < 0 ? axis + rank : axis; }

std::vector<int64_t> AllAxes(int64_t rank) {
  std::vector<int64_t> axes;
  for (int64_t i = 0; i < rank; ++i) axes.push_back(i);
  return axes;
}

std::vector<int64_t> AxesLast(int64_t rank, int64_t a, int64_t b) {
  std::vector<int64_t> perm;
  for (int64_t i = 0; i < rank; ++i)
    if (i != a && i != b) perm.push_back(i);
  perm.push_back(a);
  perm.push_back(b);
  return perm;
}

V CountOf(ops::GraphBuilder& b, V x, const std::vector<int64_t>& axes) {
  V product = nullptr;
  for (const int64_t axis : axes.empty() ? AllAxes(static_cast<int64_t>(b.rank(x))) : axes) {
    V size = b.SizeOf(x, axis);
    product = product == nullptr ? size : b.Mul(product, size);
  }
  return product == nullptr ? b.Int(1) : product;
}

}  // namespace sardonyx::pytorch::rules
