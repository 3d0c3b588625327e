#include "runtime/memory_plan.h"

#include <gtest/gtest.h>

#include <random>

namespace sardonyx::runtime {
namespace {

bool Overlap(int64_t a, int64_t a_bytes, int64_t b, int64_t b_bytes) { return a < b + b_bytes && b < a + a_bytes; }

TEST(PlaceBuffers, BuffersThatLiveTogetherNeverOverlap) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<Lifetime> buffers;
    for (int slot = 0; slot < 60; ++slot) {
      const int first = static_cast<int>(random() % 100);
      buffers.push_back({slot, 1 + static_cast<int64_t>(random() % 5000), first, first + static_cast<int>(random() % 20)});
    }
    std::vector<int64_t> offset(60, MemoryPlan::kNotPlanned);
    const int64_t total = PlaceBuffers(buffers, &offset);
    for (const Lifetime& a : buffers) {
      EXPECT_EQ(offset[a.slot] % 64, 0);
      EXPECT_LE(offset[a.slot] + a.bytes, total);
      for (const Lifetime& b : buffers) {
        if (a.slot == b.slot || a.last < b.first || b.last < a.first) continue;
        EXPECT_FALSE(Overlap(offset[a.slot], a.bytes, offset[b.slot], b.bytes)) << a.slot << " and " << b.slot;
      }
    }
  }
}

TEST(PlaceBuffers, AChainNeedsTwoBuffersOnly) {
  std::vector<Lifetime> chain;
  for (int i = 0; i < 10; ++i) chain.push_back({i, 1000, i, i + 1});
  std::vector<int64_t> offset(10, MemoryPlan::kNotPlanned);
  EXPECT_EQ(PlaceBuffers(chain, &offset), 2 * 1024);
}

TEST(PlaceBuffers, NothingNeedsNothing) {
  std::vector<int64_t> offset;
  EXPECT_EQ(PlaceBuffers({}, &offset), 0);
}

}  // namespace
}  // namespace sardonyx::runtime
