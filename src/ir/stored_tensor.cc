#include "ir/stored_tensor.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <fmt/format.h>

#include "base/file.h"
#include "base/packed_bits.h"
#include "base/status_macros.h"
#include "formats/wire.h"

namespace sardonyx::ir {
namespace {

// Field numbers of TensorProto's typed data.
enum TypedField { kFloatData = 4, kInt32Data = 5, kInt64Data = 7, kDoubleData = 10, kUint64Data = 11 };

// The typed field that holds elements of `dtype` (onnx.proto, TensorProto); 0 if none does.
int TypedFieldOf(DataType dtype) {
  switch (dtype) {
    case DataType::kFloat:
    case DataType::kComplex64:
      return kFloatData;
    case DataType::kDouble:
    case DataType::kComplex128:
      return kDoubleData;
    case DataType::kInt64:
      return kInt64Data;
    case DataType::kUint32:
    case DataType::kUint64:
      return kUint64Data;
    case DataType::kString:
    case DataType::kUndefined:
      return 0;
    default:
      return kInt32Data;
  }
}

// Varints, one an element (one a byte for packed sub-byte types), into the elements' own width.
Status DecodeVarints(std::string_view payload, size_t width, size_t count, uint8_t* out) {
  const char* at = payload.data();
  const char* end = at + payload.size();
  for (size_t i = 0; i < count; ++i) {
    uint64_t value;
    if (at == end) return Corrupt(fmt::format("{} elements of data, {} needed", i, count));
    if (!formats::ReadVarint(&at, end, &value)) return Corrupt("truncated integer in the data");
    std::memcpy(out + i * width, &value, width);  // little-endian: the low bytes
  }
  if (at != end) return Corrupt(fmt::format("more than the {} elements of data that the dims say", count));
  return {};
}

// float6: one element an int32, unlike other sub-byte types, in its low 6 bits; the others are zero.
StatusOr<Tensor> DecodeCodes(std::string_view payload, DataType dtype, const Dims& dims) {
  const auto count = static_cast<size_t>(dims.num_elements());
  if (count > payload.size())
    return Corrupt(fmt::format("{}{} needs more data than the {} bytes there", DataTypeName(dtype), dims.ToString(), payload.size()));
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(dtype, dims));
  std::vector<uint32_t> codes(count);
  RETURN_IF_ERROR(DecodeVarints(payload, sizeof(uint32_t), count, reinterpret_cast<uint8_t*>(codes.data())));
  auto* packed = static_cast<uint8_t*>(tensor.mutable_raw_data());
  for (size_t i = 0; i < count; ++i) {
    if (codes[i] > 63) return Corrupt(fmt::format("element {} of {} is {}, more than 6 bits", i, DataTypeName(dtype), codes[i]));
    SetPackedBits(packed, i, 6, static_cast<uint8_t>(codes[i]));
  }
  return tensor;
}

std::string_view Entry(const StringPairs& entries, std::string_view key) {
  for (const auto& [k, v] : entries)
    if (k == key) return v;
  return {};
}

StatusOr<uint64_t> ParseSize(std::string_view text, std::string_view what) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    return Corrupt(fmt::format("external data {} '{}' is not a number", what, text));
  return value;
}

StatusOr<Tensor> MapExternal(const StoredTensor::External& external, DataType dtype, const Dims& dims, size_t needed) {
  const std::string_view location = Entry(external.entries, "location");
  Bytes file;
  if (external.files) {
    const auto found = external.files->find(location);
    if (found == external.files->end()) return Corrupt(fmt::format("external data file '{}' is not in the archive", location));
    file = found->second;
  } else {
    ASSIGN_OR_RETURN(const auto path, ResolveInside(external.folder, location));
    ASSIGN_OR_RETURN(file, MapFile(path));
  }
  uint64_t offset = 0, length = 0;
  const std::string_view offset_text = Entry(external.entries, "offset"), length_text = Entry(external.entries, "length");
  if (!offset_text.empty()) {
    ASSIGN_OR_RETURN(offset, ParseSize(offset_text, "offset"));
  }
  if (offset > file.size())
    return Corrupt(fmt::format("external data at byte {} of {}, which has {} bytes", offset, location, file.size()));
  length = length_text.empty() ? std::min<uint64_t>(needed, file.size() - offset) : 0;
  if (!length_text.empty()) {
    ASSIGN_OR_RETURN(length, ParseSize(length_text, "length"));
  }
  if (length > file.size() - offset)
    return Corrupt(
        fmt::format("external data of {} bytes at byte {} reaches beyond the end of {} ({} bytes)", length, offset, location, file.size()));
  return Tensor::View(dtype, dims, file.data() + offset, length, file.owner());
}

StatusOr<Tensor> DecodeTyped(const StoredTensor::Typed& typed, DataType dtype, const Dims& dims, size_t bytes) {
  if (TypedFieldOf(dtype) != typed.field)
    return Corrupt(fmt::format("{} data stands in a field of another type (field {})", DataTypeName(dtype), typed.field));
  if (typed.field == kFloatData || typed.field == kDoubleData)
    return Tensor::View(dtype, dims, typed.payload.data(), typed.payload.size(), typed.payload.owner());
  if (BitsPerElement(dtype) == 6) return DecodeCodes(typed.payload.view(), dtype, dims);
  // Every element takes at least a byte on the wire: refuse before allocating for a hostile shape.
  const size_t width = std::max<size_t>(1, static_cast<size_t>(BitsPerElement(dtype)) / 8);
  if (bytes / width > typed.payload.size())
    return Corrupt(fmt::format("{}{} needs more data than the {} bytes there", DataTypeName(dtype), dims.ToString(), typed.payload.size()));
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(dtype, dims));
  RETURN_IF_ERROR(DecodeVarints(typed.payload.view(), width, bytes / width, static_cast<uint8_t*>(tensor.mutable_raw_data())));
  return tensor;
}

// A file may hold any byte for a bool; in memory only 0 and 1 are bools. Every byte but 0 is true.
StatusOr<Tensor> WithValidBools(Tensor tensor) {
  const auto* from = static_cast<const uint8_t*>(tensor.raw_data());
  const size_t count = tensor.byte_size();
  if (std::all_of(from, from + count, [](uint8_t byte) { return byte <= 1; })) return tensor;
  ASSIGN_OR_RETURN(Tensor valid, Tensor::Allocate(DataType::kBool, tensor.dims()));
  auto* to = static_cast<uint8_t*>(valid.mutable_raw_data());
  for (size_t i = 0; i < count; ++i) to[i] = from[i] != 0;
  return valid;
}

}  // namespace

StoredTensor StoredTensor::Of(std::string name, Tensor tensor) {
  StoredTensor stored;
  stored.name = std::move(name);
  stored.dtype = tensor.dtype();
  stored.dims.assign(tensor.dims().begin(), tensor.dims().end());
  stored.storage = Memory{std::move(tensor)};
  return stored;
}

StatusOr<Tensor> StoredTensor::ToTensor() const {
  const auto read = [&]() -> StatusOr<Tensor> {
    if (dtype == DataType::kUndefined) {
      if (raw_dtype == 0) return Corrupt("no element type");
      return Unsupported(fmt::format("element type {} is not known to this version", raw_dtype));
    }
    if (has_segment) return Unsupported("tensors stored in segments");
    const Dims shape(dims);
    ASSIGN_OR_RETURN(const int64_t count, CheckedNumElements(dtype, shape));
    const size_t bytes = PackedBytes(dtype, static_cast<size_t>(count));
    if (const auto* memory = std::get_if<Memory>(&storage)) return memory->tensor;
    if (const auto* strings = std::get_if<Strings>(&storage)) {
      if (dtype != DataType::kString) return Corrupt(fmt::format("{} data stands in string_data", DataTypeName(dtype)));
      if (strings->values.size() != static_cast<size_t>(count))
        return Corrupt(fmt::format("string{} needs {} strings, not {}", shape.ToString(), count, strings->values.size()));
      return Tensor::FromStrings(shape, strings->values);
    }
    if (std::holds_alternative<None>(storage)) {
      if (count != 0) return Corrupt(fmt::format("{}{} has no data", DataTypeName(dtype), shape.ToString()));
      return Tensor::Allocate(dtype, shape);
    }
    if (dtype == DataType::kString) return Corrupt("string data must stand in string_data");
    if (const auto* raw = std::get_if<Raw>(&storage))
      return Tensor::View(dtype, shape, raw->data.data(), raw->data.size(), raw->data.owner());
    if (const auto* typed = std::get_if<Typed>(&storage)) return DecodeTyped(*typed, dtype, shape, bytes);
    return MapExternal(std::get<External>(storage), dtype, shape, bytes);
  };
  StatusOr<Tensor> tensor = read();
  if (tensor.ok() && dtype == DataType::kBool) tensor = WithValidBools(*std::move(tensor));
  return std::move(tensor).WithContext(fmt::format("tensor '{}'", name));
}

uint64_t StoredTensor::byte_size() const {
  const StatusOr<int64_t> count = CheckedNumElements(dtype, dims);
  if (!count.ok()) return 0;
  if (const auto* strings = std::get_if<Strings>(&storage)) {
    uint64_t total = 0;
    for (const std::string& s : strings->values) total += s.size();
    return total;
  }
  return PackedBytes(dtype, static_cast<size_t>(*count));
}

StatusOr<SparseTensor> StoredSparseTensor::ToSparseTensor() const {
  SparseTensor sparse;
  ASSIGN_OR_RETURN(sparse.values, values.ToTensor());
  ASSIGN_OR_RETURN(sparse.indices, indices.ToTensor());
  sparse.dims = Dims(dims);
  RETURN_IF_ERROR(
      CheckedNumElements(sparse.values.dtype(), sparse.dims).status().WithContext(fmt::format("sparse tensor '{}'", values.name)));
  return sparse;
}

}  // namespace sardonyx::ir
