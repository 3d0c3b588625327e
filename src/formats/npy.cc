#include "formats/npy.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <optional>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "formats/npy_header.h"
#include "formats/sub_byte.h"
#include "formats/unicode.h"

namespace sardonyx::formats {
namespace {

static_assert(std::endian::native == std::endian::little, "data is handed on as it lies in the file");

DataType TypeOf(const NpyHeader& header) {
  const auto by_width = [&](DataType one, DataType two, DataType four, DataType eight) {
    return header.width == 1 ? one : header.width == 2 ? two : header.width == 4 ? four : eight;
  };
  switch (header.kind) {
    case 'b': return DataType::kBool;
    case 'i': return by_width(DataType::kInt8, DataType::kInt16, DataType::kInt32, DataType::kInt64);
    case 'u': return by_width(DataType::kUint8, DataType::kUint16, DataType::kUint32, DataType::kUint64);
    case 'f': return by_width(DataType::kUndefined, DataType::kFloat16, DataType::kFloat, DataType::kDouble);
    case 'c': return header.width == 8 ? DataType::kComplex64 : DataType::kComplex128;
    case 'U':
    case 'S': return DataType::kString;
    default: return DataType::kUndefined;
  }
}

// Copies elements of `item` bytes from Fortran order (first index fastest) to C order.
void CopyFromFortranOrder(const uint8_t* from, const Dims& dims, size_t item, uint8_t* to) {
  const size_t rank = dims.size(), inner = static_cast<size_t>(dims.back());
  std::vector<size_t> strides(rank), index(rank, 0);
  size_t stride = item;
  for (size_t i = 0; i < rank; ++i) {
    strides[i] = stride;
    stride *= static_cast<size_t>(dims[i]);
  }
  const size_t rows = stride / item / inner;
  for (size_t row = 0, offset = 0; row < rows; ++row) {
    for (size_t i = 0; i < inner; ++i, to += item) std::memcpy(to, from + offset + i * strides[rank - 1], item);
    for (size_t d = rank - 1; d-- > 0;) {
      offset += strides[d];
      if (++index[d] < static_cast<size_t>(dims[d])) break;
      offset -= strides[d] * index[d];
      index[d] = 0;
    }
  }
}

void SwapBytes(uint8_t* data, size_t size, size_t unit) {
  for (uint8_t* at = data; at < data + size; at += unit) std::reverse(at, at + unit);
}

// The elements in C order and little-endian: a view of the file, or a converted copy.
StatusOr<Bytes> NativeData(const NpyHeader& header, const Bytes& data) {
  const size_t item = header.item_bytes();
  const size_t unit = header.kind == 'c' ? item / 2 : header.kind == 'U' ? 4 : item;
  const bool swap = header.big_endian && unit > 1 && header.kind != 'S' && header.kind != 'V';
  const bool reorder = header.fortran_order && header.dims.size() > 1;
  if (data.empty() || (!swap && !reorder)) return data;
  std::vector<uint8_t> copy(data.size());
  if (reorder) {
    CopyFromFortranOrder(data.data(), header.dims, item, copy.data());
  } else {
    std::memcpy(copy.data(), data.data(), data.size());
  }
  if (swap) SwapBytes(copy.data(), copy.size(), unit);
  return Bytes::Own(std::move(copy));
}

StatusOr<Tensor> ReadStrings(const NpyHeader& header, const Bytes& data, size_t count) {
  // Elements of no width take no bytes of the file, so the file does not bound their number.
  if (header.width == 0 && count > (size_t{1} << 20)) return Resource(fmt::format("npy: {} empty strings", count));
  const size_t item = header.item_bytes();
  std::vector<std::string> values(count);
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* at = data.data() + i * item;
    size_t width = header.width;
    if (header.kind == 'S') {
      while (width > 0 && at[width - 1] == 0) --width;
      values[i].assign(reinterpret_cast<const char*>(at), width);
    } else if (!Ucs4ToUtf8(at, width, &values[i])) {
      return Corrupt(fmt::format("npy: element {} holds a number that is no Unicode character", i));
    }
  }
  return Tensor::FromStrings(header.dims, std::move(values));
}

StatusOr<Tensor> ReadBools(const NpyHeader& header, const Bytes& data) {
  if (std::all_of(data.data(), data.data() + data.size(), [](uint8_t b) { return b <= 1; }))
    return Tensor::View(DataType::kBool, header.dims, data.data(), data.size(), data.owner());
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(DataType::kBool, header.dims));
  std::transform(data.data(), data.data() + data.size(), static_cast<uint8_t*>(tensor.mutable_raw_data()),
                 [](uint8_t b) { return static_cast<uint8_t>(b != 0); });
  return tensor;
}

// What the caller's expectation makes of bytes that have no element type of their own.
StatusOr<DataType> TypeOfOpaque(const NpyHeader& header, DataType expected) {
  const int bits = BitsPerElement(expected);
  const bool foreign = expected == DataType::kBfloat16 || (bits == 8 && IsFloatingPoint(expected)) || (bits > 0 && bits < 8);
  if (foreign && header.width == static_cast<size_t>(bits + 7) / 8) return expected;
  return Unsupported(fmt::format("npy: 'V{0}', bytes of unknown meaning, where {1} is expected", header.width,
                                 expected == DataType::kUndefined ? "no type in particular" : DataTypeName(expected)));
}

StatusOr<Tensor> ReadElements(const NpyHeader& header, const Bytes& data, size_t count, DataType expected) {
  DataType type = TypeOf(header);
  if (type == DataType::kString) return ReadStrings(header, data, count);
  if (type == DataType::kBool) return ReadBools(header, data);
  if (type == DataType::kUndefined) {
    ASSIGN_OR_RETURN(type, TypeOfOpaque(header, expected));
    if (BitsPerElement(type) < 8) return PackSubByte(type, header.dims, data.span(), SubByteInput::kLowBits);
  } else if (IsInteger(expected) && BitsPerElement(expected) < 8 && (type == DataType::kInt8 || type == DataType::kUint8)) {
    return PackSubByte(expected, header.dims, data.span(), type == DataType::kInt8 ? SubByteInput::kSigned : SubByteInput::kUnsigned);
  }
  ASSIGN_OR_RETURN(const Tensor tensor, Tensor::View(type, header.dims, data.data(), data.size(), data.owner()));
  return tensor.Aligned();
}

StatusOr<NpyImage> EncodeStrings(const Tensor& tensor) {
  constexpr uint64_t kMaxBytes = uint64_t{1} << 34;
  const auto values = tensor.data<std::string>();
  size_t characters = 1, bytes = 1;
  bool is_utf8 = true;
  for (const std::string& value : values) {
    const std::optional<size_t> length = Utf8Length(value);
    is_utf8 = is_utf8 && length.has_value();
    characters = std::max(characters, length.value_or(0));
    bytes = std::max(bytes, value.size());
  }
  const uint64_t item = is_utf8 ? characters * 4 : bytes;
  if (values.size() > kMaxBytes / item)
    return Resource(fmt::format("npy: {} strings padded to {} bytes each are too much to write", values.size(), item));
  std::string data(values.size() * item, '\0');
  char* at = data.data();
  for (const std::string& value : values) {
    if (is_utf8) {
      Utf8ToUcs4(value, at);
    } else {
      value.copy(at, value.size());
    }
    at += item;
  }
  const std::string descr = is_utf8 ? fmt::format("<U{}", characters) : fmt::format("|S{}", bytes);
  return NpyImage{MakeNpyHeader(descr, tensor.dims()), Bytes::Own(std::move(data))};
}

std::string DescrOf(DataType type) {
  const int bits = BitsPerElement(type);
  const int bytes = std::max(1, bits / 8);
  const char order = bytes == 1 ? '|' : '<';
  if (type == DataType::kBool) return "|b1";
  if (type == DataType::kComplex64 || type == DataType::kComplex128) return fmt::format("<c{}", bytes);
  if (type == DataType::kBfloat16) return "<V2";
  if (IsFloatingPoint(type)) return bits <= 8 ? "|V1" : fmt::format("<f{}", bytes);
  const std::string_view name = DataTypeName(type);
  return fmt::format("{}{}{}", order, name[0] == 'u' ? 'u' : 'i', bytes);
}

}  // namespace

bool IsNpy(std::span<const uint8_t> bytes) { return bytes.size() >= 6 && std::memcmp(bytes.data(), "\x93NUMPY", 6) == 0; }

StatusOr<Tensor> ReadNpy(const Bytes& bytes, DataType expected) {
  ASSIGN_OR_RETURN(const NpyHeader header, ParseNpyHeader(bytes.span()));
  const StatusOr<int64_t> elements = CheckedNumElements(DataType::kUint8, header.dims);
  if (!elements.ok()) return Corrupt("npy: " + elements.status().message());
  const auto count = static_cast<uint64_t>(*elements);
  const size_t item = header.item_bytes(), available = bytes.size() - header.data_offset;
  if (item > 0 && count > available / item)
    return Corrupt(fmt::format("npy: {} elements of {} bytes, but only {} bytes follow the header", count, item, available));
  if (count * item != available)
    return Corrupt(fmt::format("npy: {} bytes follow the array's {} elements", available - count * item, count));
  try {
    ASSIGN_OR_RETURN(const Bytes data, NativeData(header, bytes.Slice(header.data_offset, count * item)));
    return ReadElements(header, data, count, expected);
  } catch (const std::bad_alloc&) {
    return Resource(fmt::format("npy: no memory for {} elements", count));
  }
}

StatusOr<NpyImage> EncodeNpy(const Tensor& tensor) {
  if (!tensor.defined()) return Usage("npy: a tensor without a type");
  try {
    if (tensor.dtype() == DataType::kString) return EncodeStrings(tensor);
    NpyImage image{MakeNpyHeader(DescrOf(tensor.dtype()), tensor.dims()), Bytes(tensor.raw_data(), tensor.byte_size(), tensor.owner())};
    if (BitsPerElement(tensor.dtype()) < 8) image.data = Bytes::Own(UnpackSubByte(tensor));
    return image;
  } catch (const std::bad_alloc&) {
    return Resource("npy: no memory to write " + tensor.TypeString());
  }
}

Status WriteNpy(const Tensor& tensor, const ByteSink& sink) {
  ASSIGN_OR_RETURN(const NpyImage image, EncodeNpy(tensor));
  RETURN_IF_ERROR(sink(image.header.data(), image.header.size()));
  return sink(image.data.data(), image.data.size());
}

}  // namespace sardonyx::formats
