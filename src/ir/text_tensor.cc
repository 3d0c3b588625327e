#include "ir/text_tensor.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include <fmt/format.h>

#include "base/packed_bits.h"
#include "base/status_macros.h"

namespace sardonyx::ir {
namespace {

// Elements [0, count) of unaligned data, separated by commas.
template <class T>
void PrintNumbers(const void* data, size_t count, std::string* out) {
  for (size_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, static_cast<const char*>(data) + i * sizeof(T), sizeof(T));
    if (i > 0) out->append(", ");
    fmt::format_to(std::back_inserter(*out), "{}", value);
  }
}

void PrintPacked(const void* data, size_t count, int bits, bool is_signed, std::string* out) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  for (size_t i = 0; i < count; ++i) {
    int value = PackedBits(bytes, i, bits);
    if (is_signed && value >= 1 << (bits - 1)) value -= 1 << bits;
    fmt::format_to(std::back_inserter(*out), "{}{}", i > 0 ? ", " : "", value);
  }
}

void PrintBools(const void* data, size_t count, std::string* out) {
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) out->append(", ");
    out->push_back(static_cast<const char*>(data)[i] ? '1' : '0');
  }
}

void PrintStrings(std::span<const std::string> strings, std::string* out) {
  for (size_t i = 0; i < strings.size(); ++i) {
    out->append(i > 0 ? ", \"" : "\"");
    for (char c : strings[i]) {
      if (c == '"' || c == '\\') out->push_back('\\');
      out->push_back(c);
    }
    out->push_back('"');
  }
}

void PrintData(const Tensor& tensor, size_t count, std::string* out) {
  const void* data = tensor.raw_data();
  switch (tensor.dtype()) {
    case DataType::kFloat:
      return PrintNumbers<float>(data, count, out);
    case DataType::kComplex64:
      return PrintNumbers<float>(data, 2 * count, out);
    case DataType::kDouble:
      return PrintNumbers<double>(data, count, out);
    case DataType::kComplex128:
      return PrintNumbers<double>(data, 2 * count, out);
    case DataType::kInt8:
      return PrintNumbers<int8_t>(data, count, out);
    case DataType::kInt16:
      return PrintNumbers<int16_t>(data, count, out);
    case DataType::kInt32:
      return PrintNumbers<int32_t>(data, count, out);
    case DataType::kInt64:
      return PrintNumbers<int64_t>(data, count, out);
    case DataType::kUint32:
      return PrintNumbers<uint32_t>(data, count, out);
    case DataType::kUint64:
      return PrintNumbers<uint64_t>(data, count, out);
    case DataType::kUint16:
    case DataType::kFloat16:
    case DataType::kBfloat16:
      return PrintNumbers<uint16_t>(data, count, out);
    case DataType::kUint4:
    case DataType::kFloat4E2M1:
      return PrintPacked(data, count, 4, false, out);
    case DataType::kFloat6E2M3:
    case DataType::kFloat6E3M2:
      return PrintPacked(data, count, 6, false, out);
    case DataType::kInt4:
      return PrintPacked(data, count, 4, true, out);
    case DataType::kUint2:
      return PrintPacked(data, count, 2, false, out);
    case DataType::kInt2:
      return PrintPacked(data, count, 2, true, out);
    case DataType::kBool:
      return PrintBools(data, count, out);
    case DataType::kString:
      return PrintStrings(tensor.data<std::string>().first(count), out);
    default:
      return PrintNumbers<uint8_t>(data, count, out);  // uint8 and the float8 kinds
  }
}

}  // namespace

Status PrintElements(const StoredTensor& stored, int64_t max_elements, std::string* out) {
  StatusOr<Tensor> tensor = stored.ToTensor();
  if (!tensor.ok() || !tensor->defined()) {
    out->append("{...}");
    return tensor.ok() ? Invalid(fmt::format("tensor '{}' has no element type", stored.name)) : tensor.status();
  }
  const int64_t count = tensor->num_elements();
  out->push_back('{');
  PrintData(*tensor, static_cast<size_t>(std::min(count, max_elements)), out);
  if (count > max_elements) out->append(max_elements > 0 ? ", ..." : "...");
  out->push_back('}');
  return {};
}

}  // namespace sardonyx::ir
