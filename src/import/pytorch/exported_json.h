// The JSON of exported programs: checked access, and what its parts mean.
#pragma once

#include <string>
#include <string_view>

#include "formats/json.h"
#include "import/pytorch/torch_graph.h"

namespace sardonyx::pytorch {

using formats::Json;

// The member of an object. kCorrupt, naming the key, when there is none.
StatusOr<const Json*> Member(const Json& json, const char* key);
// The same, which must be a list, or an object.
StatusOr<const Json*> ListMember(const Json& json, const char* key);
StatusOr<const Json*> ObjectMember(const Json& json, const char* key);
const Json* MemberOrNull(const Json& json, const char* key);
StatusOr<std::string> StringOf(const Json& json);
StatusOr<int64_t> IntOf(const Json& json);
StatusOr<double> DoubleOf(const Json& json);  // "Infinity", "-Infinity" and "NaN" are strings
// The only key and value of a union's object.
struct Union {
  std::string_view kind;
  const Json* value = nullptr;
};
StatusOr<Union> UnionOf(const Json& json);

// torch._export.serde's numbers for element types; kUndefined for those that ONNX does not have.
DataType DataTypeOfExport(int64_t number);
// A size: {"as_int": 3} or {"as_expr": {"expr_str": ...}}.
StatusOr<ir::Dim> DimOf(const Json& json);
// TensorMeta as a type.
StatusOr<ir::Type> TypeOfMeta(const Json& meta);
// TensorMeta as a view of a storage: its sizes must be numbers.
StatusOr<formats::TorchTensor> TensorOfMeta(const Json& meta, std::shared_ptr<const formats::TorchStorage> storage);

}  // namespace sardonyx::pytorch
