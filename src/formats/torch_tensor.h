// Tensors as PyTorch stores them: a view, by sizes, strides and an offset, of a storage that other tensors may share.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "sardonyx/tensor.h"

namespace sardonyx::formats {

// Flat memory. Tensors that share weights share the object.
struct TorchStorage {
  Bytes bytes;  // little endian
};

// real = scale * (q - zero_point); one of each, or one for every index of `axis`.
struct TorchQuantization {
  std::vector<double> scales;
  std::vector<int64_t> zero_points;
  std::optional<int64_t> axis;  // none: the whole tensor has one scale
};

struct TorchTensor;

// Sparse layouts. COO: indices [sparse dims, entries] and values. Compressed: `indices` are the compressed ones (crow, ccol)
// and `plain_indices` the others.
struct TorchSparse {
  enum class Layout { kCoo, kCsr, kCsc, kBsr, kBsc };
  Layout layout = Layout::kCoo;
  std::shared_ptr<const TorchTensor> indices, plain_indices, values;
};

struct TorchTensor {
  DataType dtype = DataType::kUndefined;
  std::vector<int64_t> sizes, strides;  // strides and offset in elements
  int64_t offset = 0;
  std::shared_ptr<const TorchStorage> storage;
  bool requires_grad = false;
  bool is_parameter = false;
  std::optional<TorchQuantization> quantization;  // the elements are then the quantized ones, as int8, uint8 or int32
  std::shared_ptr<const TorchSparse> sparse;      // set for sparse layouts, which have no storage of their own

  // Whether the elements lie in row-major order without gaps.
  bool is_contiguous() const;
  // Row-major elements: a view of the storage where they lie so, else a copy. Sparse tensors are filled with zeros (COO and
  // CSR/CSC; others are kUnsupported). kCorrupt if the view reaches beyond its storage, kResource if a small storage stands
  // for an enormous tensor (stride 0).
  StatusOr<Tensor> Dense() const;
};

// "float32", "bfloat16", "float8_e4m3fn", "complex64", "quint8"...; nothing for names that have no ONNX type.
std::optional<DataType> TorchDataType(std::string_view dtype_name);
// "FloatStorage", "HalfStorage", "QUInt8Storage"...; nothing for unknown ones and for UntypedStorage.
std::optional<DataType> TorchStorageType(std::string_view class_name);
// PyTorch's numbering of dtypes (c10::ScalarType), as TorchScript writes them: 6 is float32. Nothing where ONNX has no type.
std::optional<DataType> TorchScalarType(int64_t scalar_type);
// The inverse; -1 if PyTorch has no such type.
int64_t ToTorchScalarType(DataType type);

}  // namespace sardonyx::formats
