#include "base/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "base/file.h"

namespace sardonyx {

void* AllocateAligned(size_t bytes) {
  const size_t alignment = bytes >= kHugePage ? kHugePage : kMemoryAlignment;
  void* memory = std::aligned_alloc(alignment, std::max(alignment, (bytes + alignment - 1) / alignment * alignment));
  // Whole pages only: the rest of the last one would be taken for nothing. A wish: it does not matter if refused.
  if (memory && bytes >= kHugePage) madvise(memory, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
  return memory;
}

void CopyAndForget(void* to, const void* from, size_t bytes) {
  constexpr size_t kPiece = size_t{4} << 20;
  for (size_t done = 0; done < bytes; done += kPiece) {
    const size_t size = std::min(kPiece, bytes - done);
    std::memcpy(static_cast<char*>(to) + done, static_cast<const char*>(from) + done, size);
    // From a little before, for the page that the last piece ended in.
    const size_t before = std::min<size_t>(done, size_t{64} << 10);
    ForgetPages(static_cast<const char*>(from) + done - before, size + before);
  }
}

}  // namespace sardonyx
