// Owned memory, aligned for the widest vectors, not initialized. Large buffers ask the system for huge pages: weights that
// stream through the processor miss the address cache at every small one.
#pragma once

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace sardonyx::kernels {

inline constexpr size_t kAlignment = 64;
constexpr size_t RoundUpToAlignment(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

inline constexpr size_t kHugePage = size_t{2} << 20;
// Free with std::free; null when the memory cannot be had.
inline void* AllocateAligned(size_t bytes) {
  const bool huge = bytes >= kHugePage;
  void* memory = std::aligned_alloc(huge ? kHugePage : kAlignment, huge ? (bytes + kHugePage - 1) / kHugePage * kHugePage : RoundUpToAlignment(bytes));
#if defined(__linux__)
  if (memory && huge) madvise(memory, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);  // a wish: it does not matter if refused
#endif
  return memory;
}

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
