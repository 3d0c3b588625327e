#include "sardonyx/tensor.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include <fmt/format.h>

#include "base/memory.h"
#include "base/status_macros.h"
#include "sardonyx/value.h"

namespace sardonyx {

Dims::Dims(size_t rank, int64_t fill) {
  size_ = rank;
  if (rank > kInline) heap_.resize(rank);
  std::fill(begin(), end(), fill);
}

void Dims::Assign(std::span<const int64_t> dims) {
  if (dims.size() > kInline) {
    heap_.assign(dims.begin(), dims.end());
  } else {
    std::copy(dims.begin(), dims.end(), inline_.begin());
  }
  size_ = dims.size();
}

void Dims::push_back(int64_t dim) {
  if (size_ == kInline) heap_.assign(inline_.begin(), inline_.end());
  if (size_ >= kInline)
    heap_.push_back(dim);
  else
    inline_[size_] = dim;
  ++size_;
}

bool Dims::operator==(const Dims& other) const { return std::equal(begin(), end(), other.begin(), other.end()); }

int64_t Dims::num_elements() const { return Product(0, size_); }

int64_t Dims::Product(size_t first, size_t last) const {
  int64_t product = 1;
  for (size_t i = first; i < last; ++i) product *= data()[i];
  return product;
}

std::string Dims::ToString() const { return fmt::format("[{}]", fmt::join(begin(), end(), ",")); }

StatusOr<int64_t> CheckedNumElements(DataType type, std::span<const int64_t> dims) {
  constexpr int64_t kMax = int64_t{1} << 62;
  int64_t count = 1;
  bool zero = false;
  for (int64_t dim : dims) {
    if (dim < 0) return Usage(fmt::format("negative dimension in {}", Dims(dims).ToString()));
    if (dim == 0)
      zero = true;
    else if (count > kMax / dim)
      return Resource(fmt::format("dimensions {} overflow", Dims(dims).ToString()));
    else
      count *= dim;
  }
  const int64_t bytes_each = std::max(1, BitsPerElement(type) / 8);
  if (count > kMax / bytes_each) return Resource(fmt::format("dimensions {} overflow", Dims(dims).ToString()));
  return zero ? 0 : count;
}

namespace {

// 64-byte aligned. Large pieces are pages of their own, which come as zeros and go back to the system at once; others are not initialized.
std::shared_ptr<const void> AllocateMemory(size_t bytes, bool* zeros) {
  constexpr size_t kLarge = size_t{4} << 20;
  *zeros = bytes >= kLarge;
  if (bytes >= kLarge) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    madvise(memory, bytes, MADV_HUGEPAGE);
    return {memory, [bytes](const void* p) { munmap(const_cast<void*>(p), bytes); }};
  }
  void* memory = std::aligned_alloc(64, bytes);
  if (memory == nullptr) return nullptr;
  return {memory, [](const void* p) { std::free(const_cast<void*>(p)); }};
}

std::shared_ptr<const void> AllocateZeros(size_t bytes) {
  bool zeros = false;
  std::shared_ptr<const void> memory = AllocateMemory(bytes, &zeros);
  if (memory && !zeros) std::memset(const_cast<void*>(memory.get()), 0, bytes);
  return memory;
}

size_t PaddedBytes(size_t bytes) { return std::max<size_t>(64, (bytes + 63) / 64 * 64); }

}  // namespace

StatusOr<Tensor> Tensor::Allocate(DataType type, Dims dims) {
  ASSIGN_OR_RETURN(const int64_t count, CheckedNumElements(type, dims));
  if (type == DataType::kUndefined) return Usage("a tensor needs an element type");
  if (type == DataType::kString) {
    if (count > (int64_t{1} << 40)) return Resource(fmt::format("no memory for {} strings", count));
    return FromStrings(std::move(dims), std::vector<std::string>(static_cast<size_t>(count)));
  }
  Tensor tensor;
  tensor.dtype_ = type;
  const size_t bytes = PaddedBytes(PackedBytes(type, static_cast<size_t>(count)));
  tensor.data_ = AllocateZeros(bytes);
  if (tensor.data_ == nullptr) return Resource(fmt::format("no memory for {}{}, {} bytes", DataTypeName(type), dims.ToString(), bytes));
  tensor.dims_ = std::move(dims);
  return tensor;
}

StatusOr<Tensor> Tensor::View(DataType type, Dims dims, const void* data, size_t bytes, std::shared_ptr<const void> owner) {
  ASSIGN_OR_RETURN(const int64_t count, CheckedNumElements(type, dims));
  if (type == DataType::kUndefined || type == DataType::kString) return Usage(fmt::format("no view of {} data", DataTypeName(type)));
  const size_t needed = PackedBytes(type, static_cast<size_t>(count));
  if (needed != bytes)
    return Corrupt(fmt::format("{}{} needs {} bytes of data, not {}", DataTypeName(type), dims.ToString(), needed, bytes));
  Tensor tensor;
  tensor.dtype_ = type;
  tensor.dims_ = std::move(dims);
  tensor.data_ = std::shared_ptr<const void>(std::move(owner), data);
  return tensor;
}

Tensor Tensor::FromShared(DataType type, const Dims& dims, std::shared_ptr<const void> data) {
  Tensor tensor;
  tensor.dtype_ = type;
  tensor.dims_ = dims;
  tensor.data_ = std::move(data);
  return tensor;
}

Tensor Tensor::FromStrings(Dims dims, std::vector<std::string> values) {
  if (static_cast<size_t>(dims.num_elements()) != values.size()) std::abort();  // a programmer's error
  auto holder = std::make_shared<const std::vector<std::string>>(std::move(values));
  Tensor tensor;
  tensor.dtype_ = DataType::kString;
  tensor.dims_ = std::move(dims);
  tensor.data_ = std::shared_ptr<const void>(holder, holder->data());
  return tensor;
}

size_t Tensor::byte_size() const {
  if (dtype_ != DataType::kString) return PackedBytes(dtype_, static_cast<size_t>(num_elements()));
  size_t total = 0;
  for (const std::string& s : data<std::string>()) total += s.size();
  return total;
}

bool Tensor::is_aligned() const {
  if (dtype_ == DataType::kString) return true;
  const size_t bits = static_cast<size_t>(BitsPerElement(dtype_));
  const size_t alignment = bits <= 8 ? 1 : std::min<size_t>(8, (dtype_ == DataType::kComplex64 ? 32 : bits) / 8);
  return reinterpret_cast<uintptr_t>(raw_data()) % alignment == 0;
}

StatusOr<Tensor> Tensor::Reshaped(Dims dims) const {
  ASSIGN_OR_RETURN(const int64_t count, CheckedNumElements(dtype_, dims));
  if (count != num_elements()) return Usage(fmt::format("cannot see {} as {}", TypeString(), dims.ToString()));
  Tensor result = *this;
  result.dims_ = std::move(dims);
  return result;
}

Tensor Tensor::Aligned() const {
  if (is_aligned()) return *this;
  bool zeros = false;
  std::shared_ptr<const void> copy = AllocateMemory(PaddedBytes(byte_size()), &zeros);
  if (!copy) return *this;
  CopyAndForget(const_cast<void*>(copy.get()), raw_data(), byte_size());
  return FromShared(dtype_, dims_, std::move(copy));
}

std::string Tensor::TypeString() const { return fmt::format("{}{}", DataTypeName(dtype_), dims_.ToString()); }

Value Value::Map(Tensor keys, Value values) {
  Value map;
  map.data_ = std::make_shared<const MapData>(MapData{std::move(keys), std::move(values)});
  return map;
}

std::string Value::TypeString() const {
  switch (kind()) {
    case Kind::kNone:
      return "none";
    case Kind::kTensor:
      return tensor().TypeString();
    case Kind::kSparseTensor:
      return fmt::format("sparse {}{}", DataTypeName(sparse_tensor().values.dtype()), sparse_tensor().dims.ToString());
    case Kind::kSequence:
      return fmt::format("sequence of {}", sequence().size());
    case Kind::kMap:
      return fmt::format("map of {}", map().keys.num_elements());
  }
  return "unknown";
}

}  // namespace sardonyx
