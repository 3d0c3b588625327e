#include "runtime/memory_plan.h"

#include <algorithm>

namespace sardonyx::runtime {

int64_t PlaceBuffers(std::vector<Lifetime> buffers, std::vector<int64_t>* offset) {
  constexpr int64_t kAlignment = 64;
  std::stable_sort(buffers.begin(), buffers.end(), [](const Lifetime& a, const Lifetime& b) { return a.bytes > b.bytes; });
  int64_t total = 0;
  // Placed buffers in order of their offset.
  std::vector<const Lifetime*> placed;
  for (const Lifetime& buffer : buffers) {
    const int64_t size = (buffer.bytes + kAlignment - 1) / kAlignment * kAlignment;
    int64_t at = 0;
    for (const Lifetime* other : placed) {
      if (other->last < buffer.first || buffer.last < other->first) continue;
      const int64_t start = (*offset)[other->slot];
      if (start - at >= size) break;
      at = std::max(at, start + (other->bytes + kAlignment - 1) / kAlignment * kAlignment);
    }
    (*offset)[buffer.slot] = at;
    total = std::max(total, at + size);
    const auto place = std::upper_bound(placed.begin(), placed.end(), at,
                                        [&](int64_t value, const Lifetime* other) { return value < (*offset)[other->slot]; });
    placed.insert(place, &buffer);
  }
  return total;
}

}  // namespace sardonyx::runtime
