// Dims and Tensor: concrete data, shared by reference, possibly a view into a mapped file.
#pragma once

#include <array>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sardonyx/data_type.h"
#include "sardonyx/float_types.h"
#include "sardonyx/status.h"

namespace sardonyx {

// Concrete dimension sizes, outermost first. Up to 8 of them live inside the object, so copying the shape of a real
// tensor never allocates; a higher rank is stored on the heap.
class Dims {
 public:
  Dims() = default;
  Dims(std::initializer_list<int64_t> dims) : Dims(std::span<const int64_t>(dims.begin(), dims.size())) {}
  explicit Dims(std::span<const int64_t> dims) { Assign(dims); }
  explicit Dims(const std::vector<int64_t>& dims) : Dims(std::span<const int64_t>(dims)) {}
  Dims(size_t rank, int64_t fill);

  void Assign(std::span<const int64_t> dims);
  size_t size() const { return size_; }
  size_t rank() const { return size_; }
  bool empty() const { return size_ == 0; }
  int64_t* data() { return size_ <= kInline ? inline_.data() : heap_.data(); }
  const int64_t* data() const { return size_ <= kInline ? inline_.data() : heap_.data(); }
  int64_t& operator[](size_t i) { return data()[i]; }
  int64_t operator[](size_t i) const { return data()[i]; }
  int64_t* begin() { return data(); }
  int64_t* end() { return data() + size_; }
  const int64_t* begin() const { return data(); }
  const int64_t* end() const { return data() + size_; }
  int64_t back() const { return data()[size_ - 1]; }
  void push_back(int64_t dim);
  operator std::span<const int64_t>() const { return {data(), size_}; }
  bool operator==(const Dims& other) const;

  // Product of all dims; 1 for a scalar. Precondition: it fits (Tensor's factories check).
  int64_t num_elements() const;
  // Product of dims [begin, end).
  int64_t Product(size_t begin, size_t end) const;
  std::string ToString() const;  // "[1,3,224,224]"

 private:
  static constexpr size_t kInline = 8;
  size_t size_ = 0;
  std::array<int64_t, kInline> inline_{};
  std::vector<int64_t> heap_;
};

// Number of elements of `dims`; an error if a dim is negative or if elements or bytes of `type` overflow 2^62.
StatusOr<int64_t> CheckedNumElements(DataType type, std::span<const int64_t> dims);

// C++ type -> DataType.
template <class T>
struct DataTypeOf;
#define SARDONYX_DATA_TYPE_OF(T, name)                \
  template <>                                         \
  struct DataTypeOf<T> {                              \
    static constexpr DataType value = DataType::name; \
  }
SARDONYX_DATA_TYPE_OF(float, kFloat);
SARDONYX_DATA_TYPE_OF(double, kDouble);
SARDONYX_DATA_TYPE_OF(int8_t, kInt8);
SARDONYX_DATA_TYPE_OF(int16_t, kInt16);
SARDONYX_DATA_TYPE_OF(int32_t, kInt32);
SARDONYX_DATA_TYPE_OF(int64_t, kInt64);
SARDONYX_DATA_TYPE_OF(uint8_t, kUint8);
SARDONYX_DATA_TYPE_OF(uint16_t, kUint16);
SARDONYX_DATA_TYPE_OF(uint32_t, kUint32);
SARDONYX_DATA_TYPE_OF(uint64_t, kUint64);
SARDONYX_DATA_TYPE_OF(bool, kBool);
SARDONYX_DATA_TYPE_OF(std::string, kString);
SARDONYX_DATA_TYPE_OF(std::complex<float>, kComplex64);
SARDONYX_DATA_TYPE_OF(std::complex<double>, kComplex128);
SARDONYX_DATA_TYPE_OF(Float16, kFloat16);
SARDONYX_DATA_TYPE_OF(BFloat16, kBfloat16);
SARDONYX_DATA_TYPE_OF(Float8E4M3FN, kFloat8E4M3FN);
SARDONYX_DATA_TYPE_OF(Float8E4M3FNUZ, kFloat8E4M3FNUZ);
SARDONYX_DATA_TYPE_OF(Float8E5M2, kFloat8E5M2);
SARDONYX_DATA_TYPE_OF(Float8E5M2FNUZ, kFloat8E5M2FNUZ);
SARDONYX_DATA_TYPE_OF(Float8E8M0, kFloat8E8M0);
#undef SARDONYX_DATA_TYPE_OF

// A dense, row-major, contiguous tensor. Copies share the data. Elements of less than a byte are packed as ONNX packs
// them; strings are std::string. Data may be unaligned when it is a view into a file (see is_aligned()).
class Tensor {
 public:
  Tensor() = default;  // dtype undefined, no data

  // Fresh memory, 64-byte aligned, zeroed (strings empty). kResource when it cannot be had; kUsage for bad dims.
  static StatusOr<Tensor> Allocate(DataType type, Dims dims);
  // A view of memory that `owner` keeps alive. `bytes` must equal the packed size of dims. Not for strings.
  static StatusOr<Tensor> View(DataType type, Dims dims, const void* data, size_t bytes, std::shared_ptr<const void> owner);
  // The same without checks: `data` points to (and keeps alive) the packed elements, or the std::strings, of dims.
  static Tensor FromShared(DataType type, const Dims& dims, std::shared_ptr<const void> data);
  static Tensor FromStrings(Dims dims, std::vector<std::string> values);
  // Copies `values`; their number must equal the product of dims.
  template <class T>
  static Tensor From(Dims dims, std::span<const T> values);
  template <class T>
  static Tensor From(Dims dims, std::initializer_list<T> values) {
    return From<T>(dims, std::span<const T>(values.begin(), values.size()));
  }
  template <class T>
  static Tensor From(Dims dims, const std::vector<T>& values) {
    return From<T>(dims, std::span<const T>(values));
  }
  template <class T>
  static Tensor Scalar(T value) {
    return From<T>({}, std::span<const T>(&value, 1));
  }

  DataType dtype() const { return dtype_; }
  const Dims& dims() const { return dims_; }
  size_t rank() const { return dims_.rank(); }
  int64_t num_elements() const { return dims_.num_elements(); }
  // Packed bytes of the elements; for strings the sum of their lengths.
  size_t byte_size() const;
  bool defined() const { return dtype_ != DataType::kUndefined; }
  // True when data() is aligned for its element type.
  bool is_aligned() const;

  const void* raw_data() const { return data_.get(); }
  // Only for the sole user of freshly allocated memory: views of files are read-only.
  void* mutable_raw_data() { return const_cast<void*>(data_.get()); }
  // Precondition: T is the element type (see DataTypeOf) and is_aligned().
  template <class T>
  std::span<const T> data() const {
    return {static_cast<const T*>(data_.get()), static_cast<size_t>(num_elements())};
  }
  template <class T>
  std::span<T> mutable_data() {
    return {static_cast<T*>(const_cast<void*>(data_.get())), static_cast<size_t>(num_elements())};
  }
  // What keeps the data alive.
  const std::shared_ptr<const void>& owner() const { return data_; }

  // The same data under other dims. kUsage when the numbers of elements differ.
  StatusOr<Tensor> Reshaped(Dims dims) const;
  // This tensor if aligned, else an aligned copy.
  Tensor Aligned() const;
  // "float[1,3,224,224]"
  std::string TypeString() const;

 private:
  DataType dtype_ = DataType::kUndefined;
  Dims dims_;
  std::shared_ptr<const void> data_;
};

}  // namespace sardonyx

#include "sardonyx/internal/tensor_inl.h"
