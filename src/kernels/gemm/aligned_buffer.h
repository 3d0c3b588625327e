// Owned memory, aligned for the widest vectors, in huge pages where it is large (base/memory.h), not initialized.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "base/memory.h"

namespace sardonyx::kernels {

inline constexpr size_t kAlignment = kMemoryAlignment;
constexpr size_t RoundUpToAlignment(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

// Empty (data() null) when the memory cannot be had: callers check.
template <class T>
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(int64_t count)
      : data_(static_cast<T*>(AllocateAligned(static_cast<size_t>(count) * sizeof(T) + 1))),
        size_(data_ ? count : 0) {}
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  int64_t size() const { return size_; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  struct Free {
    void operator()(T* p) const { std::free(p); }
  };
  std::unique_ptr<T, Free> data_;
  int64_t size_ = 0;
};

}  // namespace sardonyx::kernels
