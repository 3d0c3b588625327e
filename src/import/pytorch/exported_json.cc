#include "import/pytorch/exported_json.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "import/pytorch/symbolic_size.h"

namespace sardonyx::pytorch {

const Json* MemberOrNull(const Json& json, const char* key) {
  if (!json.is_object()) return nullptr;
  const auto found = json.find(key);
  return found == json.end() || found->is_null() ? nullptr : &*found;
}

StatusOr<const Json*> Member(const Json& json, const char* key) {
  if (const Json* member = MemberOrNull(json, key)) return member;
  return Corrupt(fmt::format("'{}' is missing", key));
}

StatusOr<const Json*> ListMember(const Json& json, const char* key) {
  ASSIGN_OR_RETURN(const Json* member, Member(json, key));
  if (!member->is_array()) return Corrupt(fmt::format("'{}' is no list", key));
  return member;
}

StatusOr<const Json*> ObjectMember(const Json& json, const char* key) {
  ASSIGN_OR_RETURN(const Json* member, Member(json, key));
  if (!member->is_object()) return Corrupt(fmt::format("'{}' is no object", key));
  return member;
}

StatusOr<std::string> StringOf(const Json& json) {
  if (!json.is_string()) return Corrupt("a string is expected");
  return json.get<std::string>();
}

StatusOr<int64_t> IntOf(const Json& json) {
  if (!json.is_number_integer()) return Corrupt("an integer is expected");
  if (json.is_number_unsigned() && json.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
    return Corrupt("an integer is beyond 64 bits");
  return json.get<int64_t>();
}

StatusOr<double> DoubleOf(const Json& json) {
  if (json.is_number()) return json.get<double>();
  if (json.is_string()) {
    const auto text = json.get<std::string>();
    if (text == "Infinity") return std::numeric_limits<double>::infinity();
    if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
    if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  }
  return Corrupt("a number is expected");
}

StatusOr<Union> UnionOf(const Json& json) {
  if (!json.is_object()) return Corrupt("an object with one key is expected");
  // Some versions write every alternative, all but one null.
  Union found;
  for (auto it = json.begin(); it != json.end(); ++it) {
    if (it->is_null()) continue;
    if (found.value != nullptr) return Corrupt(fmt::format("a union has both '{}' and '{}'", found.kind, it.key()));
    found = {it.key(), &*it};
  }
  if (found.value == nullptr) return Corrupt("a union without a value");
  return found;
}

DataType DataTypeOfExport(int64_t number) {
  using enum DataType;
  switch (number) {
    case 1:
      return kUint8;
    case 2:
      return kInt8;
    case 3:
      return kInt16;
    case 4:
      return kInt32;
    case 5:
      return kInt64;
    case 6:
      return kFloat16;
    case 7:
      return kFloat;
    case 8:
      return kDouble;
    case 10:
      return kComplex64;
    case 11:
      return kComplex128;
    case 12:
      return kBool;
    case 13:
      return kBfloat16;
    case 28:
      return kUint16;
    case 29:
      return kFloat8E4M3FN;
    case 30:
      return kFloat8E5M2;
    case 31:
      return kFloat8E4M3FNUZ;
    case 32:
      return kFloat8E5M2FNUZ;
    default:
      return kUndefined;
  }
}

StatusOr<ir::Dim> DimOf(const Json& json) {
  if (json.is_number_integer()) {
    ASSIGN_OR_RETURN(const int64_t size, IntOf(json));
    return ir::Dim(size);
  }
  ASSIGN_OR_RETURN(const Union size, UnionOf(json));
  if (size.kind == "as_int") {
    ASSIGN_OR_RETURN(const int64_t value, IntOf(*size.value));
    return ir::Dim(value);
  }
  if (size.kind != "as_expr") return Corrupt(fmt::format("a size is '{}'", size.kind));
  ASSIGN_OR_RETURN(const Json* text, Member(*size.value, "expr_str"));
  ASSIGN_OR_RETURN(const std::string expression, StringOf(*text));
  return ParseSymbolicSize(expression);
}

StatusOr<ir::Type> TypeOfMeta(const Json& meta) {
  ASSIGN_OR_RETURN(const Json* dtype, Member(meta, "dtype"));
  ASSIGN_OR_RETURN(const int64_t number, IntOf(*dtype));
  ASSIGN_OR_RETURN(const Json* sizes, ListMember(meta, "sizes"));
  ir::Shape shape;
  for (const Json& size : *sizes) {
    ASSIGN_OR_RETURN(ir::Dim dim, DimOf(size));
    shape.Append(std::move(dim));
  }
  return ir::Type::Tensor(DataTypeOfExport(number), std::move(shape));
}

StatusOr<formats::TorchTensor> TensorOfMeta(const Json& meta, std::shared_ptr<const formats::TorchStorage> storage) {
  formats::TorchTensor tensor;
  tensor.storage = std::move(storage);
  ASSIGN_OR_RETURN(const ir::Type type, TypeOfMeta(meta));
  tensor.dtype = type.dtype;
  if (tensor.dtype == DataType::kUndefined) return Unsupported("an element type that ONNX does not have");
  for (const ir::Dim& dim : type.shape->dims()) {
    if (!dim.is_constant()) return Corrupt("a stored tensor has a symbolic size");
    tensor.sizes.push_back(dim.value());
  }
  if (const Json* layout = MemberOrNull(meta, "layout"); layout && layout->is_number_integer() && layout->get<int64_t>() != 7)
    return Unsupported("a sparse tensor");
  if (const Json* strides = MemberOrNull(meta, "strides"); strides && strides->is_array()) {
    for (const Json& stride : *strides) {
      ASSIGN_OR_RETURN(const ir::Dim dim, DimOf(stride));
      if (!dim.is_constant()) return Corrupt("a stored tensor has a symbolic stride");
      tensor.strides.push_back(dim.value());
    }
  } else {
    tensor.strides.assign(tensor.sizes.size(), 1);
    for (size_t i = tensor.sizes.size(); i-- > 1;)
      if (__builtin_mul_overflow(tensor.strides[i], std::max<int64_t>(1, tensor.sizes[i]), &tensor.strides[i - 1]))
        return Corrupt("a size beyond 64 bits");
  }
  if (const Json* offset = MemberOrNull(meta, "storage_offset")) {
    ASSIGN_OR_RETURN(const ir::Dim dim, DimOf(*offset));
    if (!dim.is_constant()) return Corrupt("a stored tensor has a symbolic offset");
    tensor.offset = dim.value();
  }
  return tensor;
}

}  // namespace sardonyx::pytorch
