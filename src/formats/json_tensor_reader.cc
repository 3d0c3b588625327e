#include <cmath>
#include <complex>
#include <limits>
#include <new>
#include <type_traits>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "formats/json.h"
#include "formats/sub_byte.h"

namespace sardonyx::formats {
namespace {

bool IsComplex(DataType type) { return type == DataType::kComplex64 || type == DataType::kComplex128; }

// How elements are read. Each function returns false if the element is of the wrong kind or does not fit.

template <class T>
bool ToInteger(const Json& json, T* out, int64_t low = std::numeric_limits<T>::min(), uint64_t high = std::numeric_limits<T>::max()) {
  if (json.is_number_unsigned()) {
    const auto value = json.get<uint64_t>();
    *out = static_cast<T>(value);
    return value <= high;
  }
  if (!json.is_number_integer()) return false;
  const auto value = json.get<int64_t>();
  *out = static_cast<T>(value);
  return value >= low && (value < 0 || static_cast<uint64_t>(value) <= high);
}

bool ToDouble(const Json& json, double* out) {
  if (json.is_number()) {
    *out = json.get<double>();
    return true;
  }
  if (!json.is_string()) return false;
  const auto& word = json.get_ref<const std::string&>();
  *out = word == "NaN" ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
  if (word == "-Infinity") *out = -*out;
  return word == "NaN" || word == "Infinity" || word == "-Infinity";
}

// Whether `stored` can stand for `wanted`: rounding is expected, becoming or ceasing to be finite is not.
bool Represents(float stored, double wanted) {
  if (std::isnan(wanted)) return std::isnan(stored);
  if (std::isinf(wanted)) return stored == wanted;
  return std::isfinite(stored);
}

template <class T>
bool ToFloat(const Json& json, T* out) {
  double value = 0;
  if (!ToDouble(json, &value)) return false;
  const auto narrow = static_cast<float>(value);
  if constexpr (std::is_same_v<T, double>) {
    *out = value;
    return true;
  } else if constexpr (std::is_same_v<T, Float8E8M0>) {
    *out = T(narrow, Overflow::kNonFinite);
    return (std::isnan(value) || value > 0) && Represents(static_cast<float>(*out), value);
  } else if constexpr (std::is_same_v<T, Float4E2M1> || std::is_same_v<T, Float6E2M3> || std::is_same_v<T, Float6E3M2>) {
    *out = T(narrow);
    const T largest(std::numeric_limits<float>::infinity());  // saturated
    return std::abs(value) <= static_cast<double>(static_cast<float>(largest));
  } else if constexpr (std::is_constructible_v<T, float, Overflow>) {
    *out = T(narrow, Overflow::kNonFinite);
    return Represents(static_cast<float>(*out), value);
  } else {
    *out = T(narrow);
    return Represents(static_cast<float>(*out), value);
  }
}

template <class T>
bool ToComplex(const Json& json, std::complex<T>* out) {
  T real = 0, imaginary = 0;
  if (!json.is_array() || json.size() != 2 || !ToFloat(json[0], &real) || !ToFloat(json[1], &imaginary)) return false;
  *out = {real, imaginary};
  return true;
}

bool ToBool(const Json& json, bool* out) {
  if (json.is_boolean()) *out = json.get<bool>();
  return json.is_boolean();
}

bool ToSubByte(const Json& json, DataType type, uint8_t* out) {
  const auto to_float = [&]<class T>(T value) {
    const bool fits = ToFloat(json, &value);
    *out = value.bits;
    return fits;
  };
  if (type == DataType::kFloat4E2M1) return to_float(Float4E2M1());
  if (type == DataType::kFloat6E2M3) return to_float(Float6E2M3());
  if (type == DataType::kFloat6E3M2) return to_float(Float6E3M2());
  const bool is_signed = type == DataType::kInt4 || type == DataType::kInt2;
  const int bits = BitsPerElement(type);
  const int64_t low = is_signed ? -(1 << (bits - 1)) : 0;
  return ToInteger(json, out, low, static_cast<uint64_t>(low + (1 << bits) - 1));
}

// Elements of `type` as they are collected: at their place in `data`, or as strings. Sub-byte ones take a byte each.
bool StoreElement(const Json& json, DataType type, size_t i, void* data) {
  switch (type) {
    case DataType::kFloat: return ToFloat(json, static_cast<float*>(data) + i);
    case DataType::kDouble: return ToFloat(json, static_cast<double*>(data) + i);
    case DataType::kFloat16: return ToFloat(json, static_cast<Float16*>(data) + i);
    case DataType::kBfloat16: return ToFloat(json, static_cast<BFloat16*>(data) + i);
    case DataType::kFloat8E4M3FN: return ToFloat(json, static_cast<Float8E4M3FN*>(data) + i);
    case DataType::kFloat8E4M3FNUZ: return ToFloat(json, static_cast<Float8E4M3FNUZ*>(data) + i);
    case DataType::kFloat8E5M2: return ToFloat(json, static_cast<Float8E5M2*>(data) + i);
    case DataType::kFloat8E5M2FNUZ: return ToFloat(json, static_cast<Float8E5M2FNUZ*>(data) + i);
    case DataType::kFloat8E8M0: return ToFloat(json, static_cast<Float8E8M0*>(data) + i);
    case DataType::kInt8: return ToInteger(json, static_cast<int8_t*>(data) + i);
    case DataType::kInt16: return ToInteger(json, static_cast<int16_t*>(data) + i);
    case DataType::kInt32: return ToInteger(json, static_cast<int32_t*>(data) + i);
    case DataType::kInt64: return ToInteger(json, static_cast<int64_t*>(data) + i);
    case DataType::kUint8: return ToInteger(json, static_cast<uint8_t*>(data) + i);
    case DataType::kUint16: return ToInteger(json, static_cast<uint16_t*>(data) + i);
    case DataType::kUint32: return ToInteger(json, static_cast<uint32_t*>(data) + i);
    case DataType::kUint64: return ToInteger(json, static_cast<uint64_t*>(data) + i);
    case DataType::kBool: return ToBool(json, static_cast<bool*>(data) + i);
    case DataType::kComplex64: return ToComplex(json, static_cast<std::complex<float>*>(data) + i);
    case DataType::kComplex128: return ToComplex(json, static_cast<std::complex<double>*>(data) + i);
    case DataType::kString:
      if (json.is_string()) static_cast<std::string*>(data)[i] = json.get_ref<const std::string&>();
      return json.is_string();
    default: return ToSubByte(json, type, static_cast<uint8_t*>(data) + i);
  }
}

// The dims that nested lists have if every list is as long as the first one of its level.
StatusOr<Dims> NestedDims(const Json& json, DataType type) {
  constexpr size_t kMaxRank = 64;
  std::vector<int64_t> dims;
  const Json* at = &json;
  while (at->is_array()) {
    if (dims.size() > kMaxRank) return Usage(fmt::format("json: lists nested deeper than {} dimensions", kMaxRank));
    dims.push_back(static_cast<int64_t>(at->size()));
    if (at->empty()) return Dims(dims);
    at = &at->front();
  }
  if (IsComplex(type)) {
    if (dims.empty() || dims.back() != 2) return Usage("json: complex elements are lists [real, imaginary]");
    dims.pop_back();
  }
  return Dims(dims);
}

class Filler {
 public:
  Filler(DataType type, const Dims& dims, void* data) : type_(type), dims_(dims), data_(data) {}

  Status Fill(const Json& json, size_t level = 0) {
    if (level == dims_.size()) {
      if (StoreElement(json, type_, next_, data_)) return ++next_, Status();
      return Usage(fmt::format("json: element {} is {}, not a value of type {}", next_, Shortened(json), DataTypeName(type_)));
    }
    if (!json.is_array() || json.size() != static_cast<size_t>(dims_[level]))
      return Usage(fmt::format("json: ragged lists: before element {}, {} is not a list of {} as its first sibling is", next_,
                               Shortened(json), dims_[level]));
    for (const Json& item : json) RETURN_IF_ERROR(Fill(item, level + 1));
    return {};
  }

 private:
  static std::string Shortened(const Json& json) {
    if (json.is_structured()) return fmt::format("{} of {}", json.is_array() ? "a list" : "an object", json.size());
    std::string text = DumpJson(json);
    if (text.size() > 40) text.replace(37, std::string::npos, "...");
    return text;
  }

  DataType type_;
  const Dims& dims_;
  void* data_;
  size_t next_ = 0;
};

StatusOr<Tensor> FromLists(const Json& lists, DataType type, const Dims& dims) {
  ASSIGN_OR_RETURN(const int64_t count, CheckedNumElements(type, dims));
  if (type == DataType::kString) {
    std::vector<std::string> values(static_cast<size_t>(count));
    RETURN_IF_ERROR(Filler(type, dims, values.data()).Fill(lists));
    return Tensor::FromStrings(dims, std::move(values));
  }
  if (BitsPerElement(type) < 8) {
    std::vector<uint8_t> values(static_cast<size_t>(count));
    RETURN_IF_ERROR(Filler(type, dims, values.data()).Fill(lists));
    return PackSubByte(type, dims, values, SubByteInput::kLowBits);
  }
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(type, dims));
  RETURN_IF_ERROR(Filler(type, dims, tensor.mutable_raw_data()).Fill(lists));
  return tensor;
}

StatusOr<Dims> ShapeFromJson(const Json& json) {
  Dims dims;
  if (!json.is_array() || json.size() > 64) return Usage("json: \"shape\" must be a list of sizes");
  for (const Json& item : json) {
    int64_t dim = 0;
    if (!ToInteger(item, &dim, 0)) return Usage("json: \"shape\" must be a list of sizes");
    dims.push_back(dim);
  }
  return dims;
}

StatusOr<Tensor> FromObject(const Json& json, DataType dtype) {
  for (const auto& [key, value] : json.items())
    if (key != "dtype" && key != "shape" && key != "data")
      return Usage(fmt::format("json: key \"{}\"; a tensor has \"dtype\", \"shape\" and \"data\"", key));
  if (json.contains("dtype")) {
    const Json& word = json["dtype"];
    const auto stated = word.is_string() ? ParseDataType(word.get_ref<const std::string&>()) : std::nullopt;
    if (!stated) return Usage(fmt::format("json: \"dtype\": {} is not an element type such as \"float\" or \"int64\"", DumpJson(word)));
    if (dtype != DataType::kUndefined && dtype != *stated)
      return Usage(fmt::format("json: a tensor of {} where {} is expected", DataTypeName(*stated), DataTypeName(dtype)));
    dtype = *stated;
  }
  if (!json.contains("data")) return Usage("json: a tensor needs \"data\"");
  const Json& data = json["data"];
  if (dtype == DataType::kUndefined) return Usage("json: a tensor needs \"dtype\"");
  ASSIGN_OR_RETURN(const Dims nested, NestedDims(data, dtype));
  if (!json.contains("shape")) return FromLists(data, dtype, nested);
  ASSIGN_OR_RETURN(const Dims shape, ShapeFromJson(json["shape"]));
  ASSIGN_OR_RETURN(const int64_t count, CheckedNumElements(dtype, shape));
  const bool flat = nested.size() == 1 && nested[0] == count;
  if (!flat && !(nested == shape))
    return Usage(fmt::format("json: data of shape {} does not fill \"shape\" {}", nested.ToString(), shape.ToString()));
  ASSIGN_OR_RETURN(const Tensor tensor, FromLists(data, dtype, nested));
  return tensor.Reshaped(shape);
}

}  // namespace

StatusOr<Tensor> TensorFromJson(const Json& json, DataType dtype) {
  try {
    if (json.is_object()) return FromObject(json, dtype);
    if (dtype == DataType::kUndefined) return Usage("json: lists do not say their element type; use {\"dtype\", \"shape\", \"data\"}");
    ASSIGN_OR_RETURN(const Dims dims, NestedDims(json, dtype));
    return FromLists(json, dtype, dims);
  } catch (const std::bad_alloc&) {
    return Resource("json: no memory for the tensor");
  }
}

}  // namespace sardonyx::formats
