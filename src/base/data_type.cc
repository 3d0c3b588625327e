#include "sardonyx/data_type.h"

#include <array>

namespace sardonyx {
namespace {

enum Class : uint8_t { kOther, kFloatClass, kIntegerClass };
struct Info {
  std::string_view name;
  int bits;
  Class type_class;
};

// Indexed by DataType.
constexpr std::array<Info, kNumDataTypes> kInfo = {{
    {"undefined", 0, kOther},
    {"float", 32, kFloatClass},
    {"uint8", 8, kIntegerClass},
    {"int8", 8, kIntegerClass},
    {"uint16", 16, kIntegerClass},
    {"int16", 16, kIntegerClass},
    {"int32", 32, kIntegerClass},
    {"int64", 64, kIntegerClass},
    {"string", 0, kOther},
    {"bool", 8, kOther},
    {"float16", 16, kFloatClass},
    {"double", 64, kFloatClass},
    {"uint32", 32, kIntegerClass},
    {"uint64", 64, kIntegerClass},
    {"complex64", 64, kOther},
    {"complex128", 128, kOther},
    {"bfloat16", 16, kFloatClass},
    {"float8e4m3fn", 8, kFloatClass},
    {"float8e4m3fnuz", 8, kFloatClass},
    {"float8e5m2", 8, kFloatClass},
    {"float8e5m2fnuz", 8, kFloatClass},
    {"uint4", 4, kIntegerClass},
    {"int4", 4, kIntegerClass},
    {"float4e2m1", 4, kFloatClass},
    {"float8e8m0", 8, kFloatClass},
    {"uint2", 2, kIntegerClass},
    {"int2", 2, kIntegerClass},
    {"float6e2m3", 6, kFloatClass},
    {"float6e3m2", 6, kFloatClass},
}};

const Info& InfoOf(DataType type) {
  const auto index = static_cast<size_t>(type);
  return kInfo[index < kInfo.size() ? index : 0];
}

}  // namespace

std::string_view DataTypeName(DataType type) { return InfoOf(type).name; }

std::optional<DataType> ParseDataType(std::string_view name) {
  for (size_t i = 1; i < kInfo.size(); ++i)
    if (kInfo[i].name == name) return static_cast<DataType>(i);
  if (name == "float32") return DataType::kFloat;
  if (name == "float64") return DataType::kDouble;
  return std::nullopt;
}

int BitsPerElement(DataType type) { return InfoOf(type).bits; }

size_t PackedBytes(DataType type, size_t count) {
  const size_t bits = static_cast<size_t>(BitsPerElement(type));
  return bits >= 8 ? count * (bits / 8) : count / 8 * bits + (count % 8 * bits + 7) / 8;
}

bool IsFloatingPoint(DataType type) { return InfoOf(type).type_class == kFloatClass; }
bool IsInteger(DataType type) { return InfoOf(type).type_class == kIntegerClass; }

}  // namespace sardonyx
