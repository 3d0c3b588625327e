// MemoryPlan: where in one arena each intermediate tensor lives, so that a run allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sardonyx::runtime {

struct MemoryPlan {
  static constexpr int64_t kNotPlanned = -1;
  // Per slot: offset in the arena (64-byte aligned) and the bytes reserved there.
  std::vector<int64_t> offset;
  std::vector<int64_t> bytes;
  int64_t arena_bytes = 0;
  int64_t workspace_bytes = 0;
  // The shapes of the inputs that it holds for (see Program); empty for a plan that holds for all.
  std::vector<int64_t> signature;
};

// One buffer to place: it lives from step `first` to step `last`, both included.
struct Lifetime {
  int slot;
  int64_t bytes;
  int first;
  int last;
};

// Greedy by size: the largest buffer first, each at the lowest offset where no buffer alive at the same time lies.
// (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020, section 5.2.)
int64_t PlaceBuffers(std::vector<Lifetime> buffers, std::vector<int64_t>* offset);

}  // namespace sardonyx::runtime
