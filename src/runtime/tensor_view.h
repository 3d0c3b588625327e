// TensorView: what kernels are given: dtype, dims, and a pointer into memory that somebody else owns.
#pragma once

#include <span>

#include "sardonyx/tensor.h"

namespace sardonyx::runtime {

// Dense, row-major and aligned for its element type. Sub-byte elements are packed; strings are std::string objects.
struct TensorView {
  DataType dtype = DataType::kUndefined;
  Dims dims;
  void* data = nullptr;

  int64_t num_elements() const { return dims.num_elements(); }
  size_t rank() const { return dims.rank(); }
  size_t byte_size() const { return PackedBytes(dtype, static_cast<size_t>(num_elements())); }
  template <class T>
  std::span<const T> as() const {
    return {static_cast<const T*>(data), static_cast<size_t>(num_elements())};
  }
  template <class T>
  std::span<T> as_mutable() {
    return {static_cast<T*>(data), static_cast<size_t>(num_elements())};
  }
  template <class T>
  const T* ptr() const {
    return static_cast<const T*>(data);
  }
  template <class T>
  T* mutable_ptr() {
    return static_cast<T*>(data);
  }
  std::string TypeString() const { return std::string(DataTypeName(dtype)) + dims.ToString(); }
};

}  // namespace sardonyx::runtime
