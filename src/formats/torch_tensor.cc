#include "formats/torch_tensor.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/status_macros.h"

namespace sardonyx::formats {
namespace {

struct DtypeRow {
  int64_t scalar_type;  // c10::ScalarType
  std::string_view name, storage;
  DataType type;
};

constexpr DtypeRow kDtypes[] = {
    {0, "uint8", "ByteStorage", DataType::kUint8},
    {1, "int8", "CharStorage", DataType::kInt8},
    {2, "int16", "ShortStorage", DataType::kInt16},
    {3, "int32", "IntStorage", DataType::kInt32},
    {4, "int64", "LongStorage", DataType::kInt64},
    {5, "float16", "HalfStorage", DataType::kFloat16},
    {6, "float32", "FloatStorage", DataType::kFloat},
    {7, "float64", "DoubleStorage", DataType::kDouble},
    {9, "complex64", "ComplexFloatStorage", DataType::kComplex64},
    {10, "complex128", "ComplexDoubleStorage", DataType::kComplex128},
    {11, "bool", "BoolStorage", DataType::kBool},
    {12, "qint8", "QInt8Storage", DataType::kInt8},
    {13, "quint8", "QUInt8Storage", DataType::kUint8},
    {14, "qint32", "QInt32Storage", DataType::kInt32},
    {15, "bfloat16", "BFloat16Storage", DataType::kBfloat16},
    {23, "float8_e5m2", "Float8_e5m2Storage", DataType::kFloat8E5M2},
    {24, "float8_e4m3fn", "Float8_e4m3fnStorage", DataType::kFloat8E4M3FN},
    {25, "float8_e5m2fnuz", "Float8_e5m2fnuzStorage", DataType::kFloat8E5M2FNUZ},
    {26, "float8_e4m3fnuz", "Float8_e4m3fnuzStorage", DataType::kFloat8E4M3FNUZ},
    {27, "uint16", "UInt16Storage", DataType::kUint16},
    {28, "uint32", "UInt32Storage", DataType::kUint32},
    {29, "uint64", "UInt64Storage", DataType::kUint64},
    {44, "float8_e8m0fnu", "Float8_e8m0fnuStorage", DataType::kFloat8E8M0},
};

// The other names of dtypes, as attributes of the module torch.
constexpr std::pair<std::string_view, std::string_view> kAliases[] = {
    {"float", "float32"}, {"double", "float64"}, {"half", "float16"},     {"short", "int16"},
    {"int", "int32"},     {"long", "int64"},     {"cfloat", "complex64"}, {"cdouble", "complex128"},
};

// What a tensor may take when it is written out, over what its storage holds: stride 0 and sparse layouts say much in a few
// bytes.
constexpr int64_t kFreeBytes = int64_t{256} << 20;
constexpr int64_t kMaxExpansion = 1000;

Status CheckExpansion(DataType type, int64_t elements, size_t stored) {
  const auto bytes = static_cast<int64_t>(PackedBytes(type, static_cast<size_t>(elements)));
  if (bytes <= kFreeBytes || bytes / kMaxExpansion <= static_cast<int64_t>(stored)) return {};
  return Resource(fmt::format("a storage of {} bytes stands for a tensor of {} bytes", stored, bytes));
}

// Copies elements of `width` bytes that lie in `strides` (in elements) to row-major order.
void CopyStrided(const uint8_t* from, std::span<const int64_t> sizes, std::span<const int64_t> strides, size_t width, uint8_t* to) {
  const size_t rank = sizes.size();
  std::vector<int64_t> index(rank, 0);
  const int64_t inner = rank == 0 ? 1 : sizes[rank - 1], step = rank == 0 ? 0 : strides[rank - 1];
  const uint8_t* row = from;
  for (;;) {
    if (step == 1) {
      std::memcpy(to, row, static_cast<size_t>(inner) * width);
    } else {
      for (int64_t i = 0; i < inner; ++i) std::memcpy(to + static_cast<size_t>(i) * width, row + i * step * static_cast<int64_t>(width), width);
    }
    to += static_cast<size_t>(inner) * width;
    size_t axis = rank == 0 ? 0 : rank - 1;
    for (;; --axis) {
      if (axis == 0) return;
      row += strides[axis - 1] * static_cast<int64_t>(width);
      if (++index[axis - 1] < sizes[axis - 1]) break;
      row -= strides[axis - 1] * sizes[axis - 1] * static_cast<int64_t>(width);
      index[axis - 1] = 0;
    }
  }
}

// Sparse layouts: where the entries go, as flat positions in a row-major tensor of the sparse dims.
StatusOr<std::vector<int64_t>> EntryPositions(const TorchTensor& tensor, const TorchSparse& sparse) {
  ASSIGN_OR_RETURN(const Tensor indices_as_stored, sparse.indices->Dense());
  const Tensor indices = indices_as_stored.Aligned();
  if (indices.dtype() != DataType::kInt64) return Unsupported("sparse tensors with indices that are not int64");
  const std::span<const int64_t> at = indices.data<int64_t>();
  std::vector<int64_t> positions;
  if (sparse.layout == TorchSparse::Layout::kCoo) {
    if (indices.rank() != 2 || indices.dims()[0] > static_cast<int64_t>(tensor.sizes.size())) return Corrupt("a sparse tensor's indices do not fit");
    const int64_t rank = indices.dims()[0], entries = indices.dims()[1];
    for (int64_t entry = 0; entry < entries; ++entry) {
      int64_t position = 0;
      for (int64_t axis = 0; axis < rank; ++axis) {
        const int64_t i = at[static_cast<size_t>(axis * entries + entry)], size = tensor.sizes[static_cast<size_t>(axis)];
        if (i < 0 || i >= size) return Corrupt("a sparse tensor's index is out of range");
        position = position * size + i;
      }
      positions.push_back(position);
    }
    return positions;
  }
  const bool rows = sparse.layout == TorchSparse::Layout::kCsr;
  if (!rows && sparse.layout != TorchSparse::Layout::kCsc) return Unsupported("sparse tensors in blocks (BSR, BSC)");
  ASSIGN_OR_RETURN(const Tensor plain_as_stored, sparse.plain_indices->Dense());
  const Tensor plain = plain_as_stored.Aligned();
  if (tensor.sizes.size() != 2 || plain.dtype() != DataType::kInt64) return Unsupported("compressed sparse tensors other than matrices with int64 indices");
  const int64_t lines = tensor.sizes[rows ? 0 : 1], across = tensor.sizes[rows ? 1 : 0];
  if (indices.num_elements() != lines + 1) return Corrupt("a sparse tensor's indices do not fit");
  for (int64_t line = 0; line < lines; ++line) {
    const int64_t from = at[static_cast<size_t>(line)], to = at[static_cast<size_t>(line) + 1];
    if (from != static_cast<int64_t>(positions.size()) || to < from || to > plain.num_elements()) return Corrupt("a sparse tensor's indices do not fit");
    for (int64_t entry = from; entry < to; ++entry) {
      const int64_t i = plain.data<int64_t>()[static_cast<size_t>(entry)];
      if (i < 0 || i >= across) return Corrupt("a sparse tensor's index is out of range");
      positions.push_back(rows ? line * across + i : i * lines + line);
    }
  }
  return positions;
}

template <class T>
void AddEntries(const Tensor& values, std::span<const int64_t> positions, size_t width, Tensor* out) {
  const T* from = static_cast<const T*>(values.raw_data());
  T* to = static_cast<T*>(out->mutable_raw_data());
  for (size_t entry = 0; entry < positions.size(); ++entry) {
    for (size_t i = 0; i < width; ++i) {
      T& sum = to[static_cast<size_t>(positions[entry]) * width + i];
      sum = static_cast<T>(sum + from[entry * width + i]);
    }
  }
}

StatusOr<Tensor> DenseOfSparse(const TorchTensor& tensor) {
  const TorchSparse& sparse = *tensor.sparse;
  ASSIGN_OR_RETURN(const int64_t elements, CheckedNumElements(tensor.dtype, tensor.sizes));
  ASSIGN_OR_RETURN(const Tensor stored, sparse.values->Dense());
  const Tensor values = stored.Aligned();
  RETURN_IF_ERROR(CheckExpansion(tensor.dtype, elements, values.byte_size()));
  ASSIGN_OR_RETURN(const std::vector<int64_t> positions, EntryPositions(tensor, sparse));
  const size_t sparse_dims = sparse.layout == TorchSparse::Layout::kCoo ? static_cast<size_t>(sparse.indices->sizes.at(0)) : 2;
  int64_t width = 1;
  for (size_t axis = sparse_dims; axis < tensor.sizes.size(); ++axis) width *= tensor.sizes[axis];
  if (values.dtype() != tensor.dtype || values.num_elements() != static_cast<int64_t>(positions.size()) * width)
    return Corrupt("a sparse tensor's values do not fit its indices");
  ASSIGN_OR_RETURN(Tensor out, Tensor::Allocate(tensor.dtype, Dims(tensor.sizes)));
  const auto w = static_cast<size_t>(width);
  // Entries that occur twice add up.
  switch (tensor.dtype) {
    case DataType::kFloat:
      AddEntries<float>(values, positions, w, &out);
      break;
    case DataType::kDouble:
      AddEntries<double>(values, positions, w, &out);
      break;
    case DataType::kInt64:
      AddEntries<int64_t>(values, positions, w, &out);
      break;
    case DataType::kInt32:
      AddEntries<int32_t>(values, positions, w, &out);
      break;
    case DataType::kUint8:
    case DataType::kInt8:
      AddEntries<uint8_t>(values, positions, w, &out);
      break;
    default:
      return Unsupported(fmt::format("sparse tensors of {}", DataTypeName(tensor.dtype)));
  }
  return out;
}

}  // namespace

bool TorchTensor::is_contiguous() const {
  int64_t expected = 1;
  for (size_t i = sizes.size(); i-- > 0;) {
    if (sizes[i] != 1 && strides[i] != expected) return false;
    expected *= sizes[i];
  }
  return true;
}

StatusOr<Tensor> TorchTensor::Dense() const {
  if (sparse) return DenseOfSparse(*this);
  if (!storage || sizes.size() != strides.size()) return Corrupt("a tensor without storage");
  ASSIGN_OR_RETURN(const int64_t elements, CheckedNumElements(dtype, sizes));
  if (elements == 0) return Tensor::Allocate(dtype, Dims(sizes));
  const size_t width = PackedBytes(dtype, 1);
  const auto stored = static_cast<int64_t>(storage->bytes.size() / width);
  // The last element's position; every step is checked, as any of them could overflow.
  bool inside = offset >= 0 && offset < stored;
  int64_t last = offset;
  for (size_t i = 0; i < sizes.size() && inside; ++i) {
    const int64_t steps = sizes[i] - 1;
    inside = strides[i] >= 0 && (steps == 0 || strides[i] == 0 || strides[i] <= (stored - 1 - last) / steps);
    if (inside) last += steps * strides[i];
  }
  if (!inside)
    return Corrupt(fmt::format("a tensor of sizes [{}], strides [{}] and offset {} reaches beyond its storage of {} elements",
                               fmt::join(sizes, ","), fmt::join(strides, ","), offset, stored));
  const uint8_t* data = storage->bytes.data() + static_cast<size_t>(offset) * width;
  if (is_contiguous()) return Tensor::View(dtype, Dims(sizes), data, PackedBytes(dtype, static_cast<size_t>(elements)), storage->bytes.owner());
  RETURN_IF_ERROR(CheckExpansion(dtype, elements, storage->bytes.size()));
  ASSIGN_OR_RETURN(Tensor copy, Tensor::Allocate(dtype, Dims(sizes)));
  CopyStrided(data, sizes, strides, width, static_cast<uint8_t*>(copy.mutable_raw_data()));
  return copy;
}

std::optional<DataType> TorchDataType(std::string_view dtype_name) {
  for (const auto& [alias, name] : kAliases) {
    if (alias == dtype_name) dtype_name = name;
  }
  for (const DtypeRow& row : kDtypes) {
    if (row.name == dtype_name) return row.type;
  }
  return std::nullopt;
}

std::optional<DataType> TorchStorageType(std::string_view class_name) {
  for (const DtypeRow& row : kDtypes) {
    if (row.storage == class_name) return row.type;
  }
  return std::nullopt;
}

std::optional<DataType> TorchScalarType(int64_t scalar_type) {
  for (const DtypeRow& row : kDtypes) {
    if (row.scalar_type == scalar_type) return row.type;
  }
  return std::nullopt;
}

int64_t ToTorchScalarType(DataType type) {
  for (const DtypeRow& row : kDtypes) {
    if (row.type == type) return row.scalar_type;
  }
  return -1;
}

}  // namespace sardonyx::formats
