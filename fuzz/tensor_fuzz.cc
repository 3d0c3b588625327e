// TensorProto, SequenceProto, MapProto, OptionalProto and SparseTensorProto; the first byte chooses which.
#include "ir/load.h"
#include "ir/save.h"

using sardonyx::Bytes;
using sardonyx::DataType;
namespace ir = sardonyx::ir;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const Bytes bytes = Bytes::Own(std::string(reinterpret_cast<const char*>(data + 1), size - 1));
  const ir::Type tensor = ir::Type::Tensor(DataType::kFloat);
  ir::Type type;
  switch (data[0] % 6) {
    case 0:
      type = tensor;
      break;
    case 1:
      type = ir::Type::Sequence(tensor);
      break;
    case 2:
      type = ir::Type::Map(DataType::kString, tensor);
      break;
    case 3:
      type = ir::Type::Optional(ir::Type::Sequence(tensor));
      break;
    case 4:
      type = ir::Type::Sequence(ir::Type::Map(DataType::kInt64, tensor));
      break;
    default:
      type = ir::Type::SparseTensor(DataType::kFloat, std::nullopt);
  }
  const auto value = ir::ParseValue(bytes, type);
  if (value.ok()) (void)ir::SerializeValue(*value);
  return 0;
}
