#include "runtime/aligned_copies.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace sardonyx::runtime {
namespace {

// A view that lies one byte off.
Tensor Unaligned(std::vector<char>& memory, int64_t count, char fill) {
  memory.assign(static_cast<size_t>(count) * 4 + 1, fill);
  return *Tensor::View(DataType::kFloat, {count}, memory.data() + 1, static_cast<size_t>(count) * 4, nullptr);
}

TEST(AlignedCopies, MemoryOfOneServesTheNext) {
  AlignedCopies copies;
  std::vector<char> a, b, c;
  const int64_t count = 1 << 20;
  Tensor first = copies.Align(Unaligned(a, count, 1));
  EXPECT_TRUE(first.is_aligned());
  EXPECT_EQ(std::memcmp(first.raw_data(), a.data() + 1, first.byte_size()), 0);
  const void* where = first.raw_data();
  // While the first is held another has memory of its own.
  const Tensor second = copies.Align(Unaligned(b, count, 2));
  EXPECT_NE(second.raw_data(), where);
  EXPECT_EQ(static_cast<const char*>(first.raw_data())[7], 1);
  first = Tensor();
  const Tensor third = copies.Align(Unaligned(c, count / 2, 3));
  EXPECT_EQ(third.raw_data(), where);
  EXPECT_EQ(std::memcmp(third.raw_data(), c.data() + 1, third.byte_size()), 0);
  EXPECT_EQ(static_cast<const char*>(second.raw_data())[7], 2);
}

TEST(AlignedCopies, CopiesMayOutliveIt) {
  std::vector<char> a, small;
  Tensor kept, little;
  {
    AlignedCopies copies;
    kept = copies.Align(Unaligned(a, 1 << 19, 5));
    little = copies.Align(Unaligned(small, 3, 6));
    const Tensor gone = copies.Align(Unaligned(a, 1 << 19, 5));
  }
  EXPECT_EQ(static_cast<const char*>(kept.raw_data())[kept.byte_size() - 1], 5);
  EXPECT_EQ(static_cast<const char*>(little.raw_data())[0], 6);
}

}  // namespace
}  // namespace sardonyx::runtime
