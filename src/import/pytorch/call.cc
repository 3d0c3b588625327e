// What a rule asks of its call.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "import/pytorch/translation.h"

namespace sardonyx::pytorch {
namespace {

const IValue& None() {
  static const IValue* const none = new IValue();
  return *none;
}

std::optional<int64_t> AsInt(const IValue& value) {
  if (value.is_int()) return value.integer();
  if (value.is_bool()) return value.boolean() ? 1 : 0;
  if (value.is_double() && std::nearbyint(value.number()) == value.number() && std::abs(value.number()) < 9e15)
    return static_cast<int64_t>(value.number());
  return std::nullopt;
}

}  // namespace

Call::Call(Translator& t, const Node& node, std::vector<IValue> arguments, std::string_view parameter)
    : b(t.builder()),
      translator(t),
      node_(node),
      signature_(RuleSignature(node.target)),
      arguments_(std::move(arguments)),
      param_(parameter) {}

const IValue& Call::arg(std::string_view name) const {
  const int at = signature_ ? signature_->Find(name) : -1;
  return at < 0 ? None() : arg(static_cast<size_t>(at));
}

const IValue& Call::arg(size_t i) const { return i < arguments_.size() ? arguments_[i] : None(); }

V Call::Unsupported(std::string reason) {
  b.Fail(sardonyx::Unsupported(std::move(reason)));
  return b.Int(0);
}

V Call::ToTensor(const IValue& value) {
  if (value.is_tensor()) {
    const TensorValue& tensor = value.tensor();
    if (tensor.is_complex) return Unsupported("complex numbers are not supported by this operator");
    if (tensor.kept != nullptr) return Unsupported("nested tensors are not supported by this operator");
    if (tensor.quantization == nullptr) return tensor.value;
    const Quantization& q = *tensor.quantization;
    return q.axis < 0 ? b.Op("DequantizeLinear", {tensor.value, q.scale, q.zero_point})
                      : b.Op("DequantizeLinear", {tensor.value, q.scale, q.zero_point}, {{"axis", q.axis}});
  }
  if (value.is_int()) return b.Int(value.integer());
  if (value.is_double()) return b.Scalar<float>(static_cast<float>(value.number()));
  if (value.is_bool()) return b.Scalar<bool>(value.boolean());
  if (value.is_number_value())
    return value.number_value().kind == Kind::kFloat ? b.Cast(value.number_value().value, DataType::kFloat) : value.number_value().value;
  return Unsupported(fmt::format("a tensor is needed where the model has {}", value.ToString()));
}

std::vector<V> Call::tensors(std::string_view name) {
  const IValue& value = arg(name);
  std::vector<V> list;
  if (!value.is_list()) {
    if (!value.is_none()) list.push_back(ToTensor(value));
    return list;
  }
  for (const IValue& item : value.list()) list.push_back(item.is_none() ? nullptr : ToTensor(item));
  return list;
}

TensorValue Call::complex_tensor(std::string_view name) {
  const IValue& value = arg(name);
  if (value.is_tensor() && value.tensor().is_complex) return value.tensor();
  V real = ToFloat(ToTensor(value));
  V zero = b.Expand(b.NumberLike(0, real), b.ShapeOf(real));
  return {b.Concat({b.Unsqueeze(real, {-1}), b.Unsqueeze(zero, {-1})}, -1), true, {}, {}};
}

V Call::ToFloat(V value) {
  const DataType type = b.dtype(value);
  return IsInteger(type) || type == DataType::kBool ? b.Cast(value, DataType::kFloat) : value;
}

int64_t Call::Int(std::string_view name, std::optional<int64_t> fallback) {
  const IValue& value = arg(name);
  if (const std::optional<int64_t> known = AsInt(value)) return *known;
  if (value.is_none() && fallback) return *fallback;
  if (value.is_number_value()) {
    const std::optional<std::vector<int64_t>> known = b.constant_ints(value.number_value().value);
    if (known && known->size() == 1) return (*known)[0];
    Unsupported(fmt::format("'{}' depends on the input's size or data; only a fixed number can be translated", name));
  } else {
    Unsupported(fmt::format("'{}' is {}, not a number", name, value.ToString()));
  }
  return fallback.value_or(0);
}

double Call::Double(std::string_view name, std::optional<double> fallback) {
  const IValue& value = arg(name);
  if (value.is_double()) return value.number();
  if (value.is_none() && fallback) return *fallback;
  return static_cast<double>(Int(name));
}

bool Call::Bool(std::string_view name, std::optional<bool> fallback) {
  const IValue& value = arg(name);
  if (value.is_bool()) return value.boolean();
  if (value.is_none() && fallback) return *fallback;
  return Int(name) != 0;
}

std::string Call::String(std::string_view name, std::optional<std::string> fallback) {
  const IValue& value = arg(name);
  if (value.is_string()) return value.string();
  if (!(value.is_none() && fallback)) Unsupported(fmt::format("'{}' is {}, not a string", name, value.ToString()));
  return fallback.value_or("");
}

DataType Call::Dtype(std::string_view name, DataType fallback) {
  const IValue& value = arg(name);
  if (value.is_dtype()) {
    if (value.dtype() == DataType::kUndefined) Unsupported(fmt::format("'{}' is a type that ONNX does not have", name));
    return value.dtype();
  }
  if (value.is_int()) return DataTypeOfScalarType(value.integer());
  return fallback;
}

std::vector<int64_t> Call::Ints(std::string_view name, std::vector<int64_t> fallback) {
  const IValue& value = arg(name);
  if (value.is_none()) return fallback;
  if (!value.is_list()) return {Int(name)};
  std::vector<int64_t> ints;
  for (const IValue& item : value.list()) {
    std::optional<int64_t> known = AsInt(item);
    if (!known && (item.is_number_value() || item.is_tensor()))
      if (const auto constant = b.constant_ints(item.is_tensor() ? item.tensor().value : item.number_value().value);
          constant && constant->size() == 1)
        known = (*constant)[0];
    if (!known) Unsupported(fmt::format("'{}' depends on the input's size or data; only fixed numbers can be translated", name));
    ints.push_back(known.value_or(0));
  }
  return ints;
}

int64_t Call::Axis(std::string_view name, int64_t rank, std::optional<int64_t> fallback) {
  const int64_t axis = Int(name, fallback);
  const int64_t count = std::max<int64_t>(rank, 1);  // a scalar has axis 0 as well
  if (axis < -count || axis >= count) {
    b.Fail(Corrupt(fmt::format("axis {} of a tensor of rank {}", axis, rank)));
    return 0;
  }
  return axis < 0 ? axis + count : axis;
}

std::vector<int64_t> Call::Axes(std::string_view name, int64_t rank) {
  std::vector<int64_t> axes = Ints(name);
  if (rank == 0) return {};
  if (axes.empty())
    for (int64_t i = 0; i < rank; ++i) axes.push_back(i);
  for (int64_t& axis : axes) {
    if (axis < -rank || axis >= rank) b.Fail(Corrupt(fmt::format("axis {} of a tensor of rank {}", axis, rank)));
    if (axis < 0) axis += rank;
  }
  return axes;
}

bool Call::IsStatic(std::string_view name) const {
  const IValue& value = arg(name);
  const auto is_static = [this](const IValue& item) {
    if (!item.is_number_value() && !item.is_tensor()) return true;
    return b.constant_ints(item.is_tensor() ? item.tensor().value : item.number_value().value).has_value();
  };
  return value.is_list() ? std::all_of(value.list().begin(), value.list().end(), is_static) : is_static(value);
}

V Call::ToNumber(const IValue& value) {
  if (value.is_number_value()) return value.number_value().value;
  if (value.is_double()) return b.Scalar<double>(value.number());
  V tensor = ToTensor(value);
  // A tensor of one element in the place of a number.
  return b.known_rank(tensor) == size_t{0} ? tensor : b.Reshape(tensor, std::vector<int64_t>{});
}

V Call::ToIntVector(const IValue& list) {
  if (list.is_tensor()) return b.Cast(b.Reshape(list.tensor().value, {-1}), DataType::kInt64);
  if (!list.is_list()) return b.Stack1D({b.Cast(ToNumber(list), DataType::kInt64)});
  std::vector<V> scalars;
  for (const IValue& item : list.list()) scalars.push_back(b.Cast(ToNumber(item), DataType::kInt64));
  return b.Stack1D(scalars);
}

namespace {

// An integer in a narrower type, as PyTorch converts it: -1 is 255 among bytes.
int64_t Wrapped(int64_t value, DataType dtype) {
  switch (dtype) {
    case DataType::kUint8:
      return static_cast<uint8_t>(value);
    case DataType::kInt8:
      return static_cast<int8_t>(value);
    case DataType::kUint16:
      return static_cast<uint16_t>(value);
    case DataType::kInt16:
      return static_cast<int16_t>(value);
    case DataType::kUint32:
      return static_cast<uint32_t>(value);
    case DataType::kInt32:
      return static_cast<int32_t>(value);
    default:
      return value;
  }
}

}  // namespace

V Call::NumberAs(const IValue& value, DataType dtype) {
  if (value.is_double()) return b.Number(value.number(), dtype);
  if (value.is_int()) return b.Number(Wrapped(value.integer(), dtype), dtype);
  if (value.is_bool()) return b.Number(int64_t{value.boolean()}, dtype);
  return b.Cast(ToNumber(value), dtype);
}

// ---- Type promotion: https://docs.pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc

namespace {

bool IsFloat(DataType type) { return IsFloatingPoint(type); }

// Order within integers: by width, where unsigned and signed of one width give the next signed.
DataType PromoteIntegers(DataType a, DataType b) {
  using enum DataType;
  const auto is_signed = [](DataType t) { return t == kInt8 || t == kInt16 || t == kInt32 || t == kInt64; };
  const int wa = BitsPerElement(a), wb = BitsPerElement(b);
  if (is_signed(a) == is_signed(b)) return wa >= wb ? a : b;
  const int signed_bits = is_signed(a) ? wa : wb, unsigned_bits = is_signed(a) ? wb : wa;
  const int bits = signed_bits > unsigned_bits ? signed_bits : unsigned_bits * 2;
  return bits <= 16 ? kInt16 : bits <= 32 ? kInt32 : kInt64;
}

int Category(DataType type) { return type == DataType::kBool ? 1 : IsInteger(type) ? 2 : IsFloat(type) ? 3 : 4; }

// How a group of operands and one of lower priority (tensors, scalar tensors, Python numbers) combine.
DataType Combine(DataType higher, DataType lower) {
  if (higher == DataType::kUndefined) return lower;
  if (lower == DataType::kUndefined || Category(lower) <= Category(higher)) return higher;
  return PromoteTypes(higher, lower);
}

}  // namespace

DataType PromoteTypes(DataType a, DataType b) {
  using enum DataType;
  if (a == b || b == kUndefined) return a;
  if (a == kUndefined) return b;
  if (Category(a) != Category(b)) return Category(a) > Category(b) ? a : b;
  if (Category(a) == 2) return PromoteIntegers(a, b);
  if (Category(a) == 4) return kComplex128;
  if (a == kDouble || b == kDouble) return kDouble;
  return kFloat;  // float with anything narrower, and float16 with bfloat16
}

DataType Call::PromotedType(std::span<const IValue> operands) {
  DataType tensors = DataType::kUndefined, scalars = DataType::kUndefined, numbers = DataType::kUndefined;
  for (const IValue& operand : operands) {
    if (operand.is_tensor() && operand.tensor().is_number) {
      numbers = PromoteTypes(numbers, DataType::kFloat);
    } else if (operand.is_tensor()) {
      V value = operand.tensor().quantization ? ToTensor(operand) : operand.tensor().value;
      DataType& group = b.known_rank(value) == size_t{operand.tensor().is_complex ? 1u : 0u} ? scalars : tensors;
      group = PromoteTypes(group, b.dtype(value));
    } else if (operand.is_number_value()) {
      const Kind kind = operand.number_value().kind;
      numbers = PromoteTypes(numbers, kind == Kind::kFloat ? DataType::kFloat : kind == Kind::kBool ? DataType::kBool : DataType::kInt64);
    } else if (operand.is_int()) {
      numbers = PromoteTypes(numbers, DataType::kInt64);
    } else if (operand.is_double()) {
      numbers = PromoteTypes(numbers, DataType::kFloat);
    } else if (operand.is_bool()) {
      numbers = PromoteTypes(numbers, DataType::kBool);
    }
  }
  return Combine(tensors, Combine(scalars, numbers));
}

std::vector<V> Call::Promoted(std::span<const IValue> operands, bool to_float) {
  DataType type = PromotedType(operands);
  if (to_float && !IsFloatingPoint(type)) type = DataType::kFloat;
  std::vector<V> values;
  for (const IValue& operand : operands) values.push_back(operand.is_tensor() ? b.Cast(ToTensor(operand), type) : NumberAs(operand, type));
  return values;
}

std::vector<V> Call::Promoted(std::initializer_list<std::string_view> names, bool to_float) {
  std::vector<IValue> operands;
  for (const std::string_view name : names) operands.push_back(arg(name));
  return Promoted(operands, to_float);
}

}  // namespace sardonyx::pytorch
