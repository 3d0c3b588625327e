#include <cmath>
#include <complex>
#include <new>
#include <type_traits>

#include "formats/json.h"
#include "formats/sub_byte.h"

namespace sardonyx::formats {
namespace {

Json FromDouble(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return value;
}

template <class T>
Json FromElement(const T& value) {
  if constexpr (std::is_same_v<T, std::complex<float>> || std::is_same_v<T, std::complex<double>>) {
    return Json::array({FromDouble(value.real()), FromDouble(value.imag())});
  } else if constexpr (std::is_same_v<T, double>) {
    return FromDouble(value);
  } else if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, float>) {
    return value;
  } else if constexpr (std::is_same_v<T, std::string>) {
    return value;
  } else {
    return FromDouble(static_cast<float>(value));
  }
}

Json SubByteElement(DataType type, uint8_t byte) {
  if (type == DataType::kFloat4E2M1) return FromElement(Float4E2M1::FromBits(byte));
  if (type == DataType::kFloat6E2M3) return FromElement(Float6E2M3::FromBits(byte));
  if (type == DataType::kFloat6E3M2) return FromElement(Float6E3M2::FromBits(byte));
  return type == DataType::kInt4 || type == DataType::kInt2 ? Json(static_cast<int8_t>(byte)) : Json(byte);
}

template <class T>
Json FlatList(const Tensor& tensor) {
  Json list = Json::array();
  for (const T& value : tensor.data<T>()) list.push_back(FromElement(value));
  return list;
}

Json FlatData(const Tensor& tensor) {
  switch (tensor.dtype()) {
    case DataType::kFloat: return FlatList<float>(tensor);
    case DataType::kDouble: return FlatList<double>(tensor);
    case DataType::kFloat16: return FlatList<Float16>(tensor);
    case DataType::kBfloat16: return FlatList<BFloat16>(tensor);
    case DataType::kFloat8E4M3FN: return FlatList<Float8E4M3FN>(tensor);
    case DataType::kFloat8E4M3FNUZ: return FlatList<Float8E4M3FNUZ>(tensor);
    case DataType::kFloat8E5M2: return FlatList<Float8E5M2>(tensor);
    case DataType::kFloat8E5M2FNUZ: return FlatList<Float8E5M2FNUZ>(tensor);
    case DataType::kFloat8E8M0: return FlatList<Float8E8M0>(tensor);
    case DataType::kInt8: return FlatList<int8_t>(tensor);
    case DataType::kInt16: return FlatList<int16_t>(tensor);
    case DataType::kInt32: return FlatList<int32_t>(tensor);
    case DataType::kInt64: return FlatList<int64_t>(tensor);
    case DataType::kUint8: return FlatList<uint8_t>(tensor);
    case DataType::kUint16: return FlatList<uint16_t>(tensor);
    case DataType::kUint32: return FlatList<uint32_t>(tensor);
    case DataType::kUint64: return FlatList<uint64_t>(tensor);
    case DataType::kBool: return FlatList<bool>(tensor);
    case DataType::kComplex64: return FlatList<std::complex<float>>(tensor);
    case DataType::kComplex128: return FlatList<std::complex<double>>(tensor);
    case DataType::kString: return FlatList<std::string>(tensor);
    default: break;
  }
  Json list = Json::array();
  for (const uint8_t byte : UnpackSubByte(tensor)) list.push_back(SubByteElement(tensor.dtype(), byte));
  return list;
}

Json Nest(Json* flat, const Dims& dims, size_t level, size_t* next) {
  if (level == dims.size()) return std::move((*flat)[(*next)++]);
  Json list = Json::array();
  for (int64_t i = 0; i < dims[level]; ++i) list.push_back(Nest(flat, dims, level + 1, next));
  return list;
}

}  // namespace

StatusOr<Json> TensorToJson(const Tensor& tensor) {
  if (!tensor.defined()) return Usage("json: a tensor without a type");
  try {
    Json json;
    json["dtype"] = DataTypeName(tensor.dtype());
    json["shape"] = std::vector<int64_t>(tensor.dims().begin(), tensor.dims().end());
    json["data"] = FlatData(tensor.Aligned());
    return json;
  } catch (const std::bad_alloc&) {
    return Resource("json: no memory for " + tensor.TypeString());
  }
}

StatusOr<Json> TensorToNestedJson(const Tensor& tensor) {
  if (!tensor.defined()) return Usage("json: a tensor without a type");
  // Leading dimensions before one of size 0 would be written out as that many empty lists.
  if (tensor.num_elements() == 0 && tensor.rank() > 1) return TensorToJson(tensor);
  try {
    Json flat = FlatData(tensor.Aligned());
    size_t next = 0;
    return Nest(&flat, tensor.dims(), 0, &next);
  } catch (const std::bad_alloc&) {
    return Resource("json: no memory for " + tensor.TypeString());
  }
}

}  // namespace sardonyx::formats
