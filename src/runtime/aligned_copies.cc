#include "runtime/aligned_copies.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/memory.h"

namespace sardonyx::runtime {
namespace {

// Smaller ones come from the heap, which keeps its memory anyway; of larger ones there are few, and keeping them would cost more.
constexpr size_t kSmallest = size_t{1} << 20, kLargest = size_t{32} << 20;
// A constant that stays must not hold much more than it needs.
constexpr size_t kWaste = 8;

}  // namespace

AlignedCopies::Spare::~Spare() { std::free(memory); }

Tensor AlignedCopies::Align(const Tensor& tensor) {
  const size_t bytes = tensor.byte_size();
  if (tensor.is_aligned() || bytes < kSmallest || bytes > kLargest) return tensor.Aligned();
  void* memory = nullptr;
  size_t capacity = bytes;
  if (spare_->memory && spare_->bytes >= bytes && spare_->bytes / kWaste <= bytes) {
    memory = std::exchange(spare_->memory, nullptr);
    capacity = spare_->bytes;
  } else {
    memory = AllocateAligned(bytes);
  }
  if (!memory) return tensor.Aligned();
  CopyAndForget(memory, tensor.raw_data(), bytes);
  std::shared_ptr<const void> held(memory, [weak = std::weak_ptr<Spare>(spare_), capacity](const void* p) {
    void* freed = const_cast<void*>(p);
    // The larger of two is kept.
    if (const std::shared_ptr<Spare> spare = weak.lock(); spare && (!spare->memory || spare->bytes < capacity)) {
      std::swap(spare->memory, freed);
      spare->bytes = capacity;
    }
    std::free(freed);
  });
  return Tensor::FromShared(tensor.dtype(), tensor.dims(), std::move(held));
}

}  // namespace sardonyx::runtime
