// ONNX element types. Numbers are those of TensorProto.DataType in onnx.proto (IR version 14).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sardonyx {

enum class DataType : uint8_t {
  kUndefined = 0,
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kComplex64 = 14,
  kComplex128 = 15,
  kBfloat16 = 16,
  kFloat8E4M3FN = 17,
  kFloat8E4M3FNUZ = 18,
  kFloat8E5M2 = 19,
  kFloat8E5M2FNUZ = 20,
  kUint4 = 21,
  kInt4 = 22,
  kFloat4E2M1 = 23,
  kFloat8E8M0 = 24,
  kUint2 = 25,
  kInt2 = 26,
  kFloat6E2M3 = 27,
  kFloat6E3M2 = 28,
};
inline constexpr int kNumDataTypes = 29;

// ONNX's own word: "float", "int64", "float8e4m3fn", ... "undefined" for anything out of range.
std::string_view DataTypeName(DataType type);
std::optional<DataType> ParseDataType(std::string_view name);

// Bits of one element in a packed tensor; 0 for string and undefined. int4/uint4/float4e2m1 are 4 (two to a byte, low
// nibble first), int2/uint2 are 2 (four to a byte, low bits first), float6e2m3/float6e3m2 are 6 (a stream of bits, low bits
// first: four to three bytes).
int BitsPerElement(DataType type);
// Bytes that `count` elements take when packed: ceil(count * bits / 8). 0 for strings.
size_t PackedBytes(DataType type, size_t count);

bool IsFloatingPoint(DataType type);  // Every float, from float4e2m1 to double; not complex.
bool IsInteger(DataType type);        // Signed or unsigned, any width; not bool.

}  // namespace sardonyx
