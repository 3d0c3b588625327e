#include "kernels/elementwise/broadcast.h"

#include <vector>

#include <gtest/gtest.h>

namespace sardonyx::kernels {
namespace {

TEST(Broadcast, Shapes) {
  EXPECT_EQ(*BroadcastShape({2, 1, 3}, {4, 1}), Dims({2, 4, 3}));
  EXPECT_EQ(*BroadcastShape({}, {5}), Dims({5}));
  EXPECT_EQ(*BroadcastShape({0, 3}, {1, 1}), Dims({0, 3}));
  EXPECT_EQ(BroadcastShape({2, 3}, {3, 2}).status().code(), StatusCode::kUsage);
  EXPECT_FALSE(BroadcastShape({0}, {2}).ok());
}

TEST(Broadcast, AlignsAtAnAxis) {
  EXPECT_EQ(*AlignAtAxis({3}, 1, 4), Dims({1, 3, 1, 1}));
  EXPECT_EQ(*AlignAtAxis({3, 4}, -1, 4), Dims({1, 1, 3, 4}));
  EXPECT_EQ(*AlignAtAxis({}, 0, 2), Dims({1, 1}));
  EXPECT_FALSE(AlignAtAxis({3, 4}, 3, 4).ok());
}

// Every output element must see the operand elements that index arithmetic gives, however the range is cut.
void CheckLoop(const Dims& a, const Dims& b) {
  const Dims out = *BroadcastShape(a, b);
  const Dims* operands[] = {&a, &b};
  const BroadcastLoop loop(out, operands);
  const auto element = [&](const Dims& dims, int64_t flat) {
    int64_t at = 0, stride = 1;
    for (size_t d = 0; d < out.rank(); ++d) {
      const int64_t size = out[out.rank() - 1 - d], index = flat % size;
      flat /= size;
      if (d >= dims.rank()) continue;
      const int64_t own = dims[dims.rank() - 1 - d];
      if (own != 1) at += index * stride;
      stride *= own;
    }
    return at;
  };
  const int64_t n = out.num_elements();
  for (int64_t cut = 0; cut <= n; cut += 5) {
    int64_t seen = 0;
    for (auto [begin, end] : {std::pair(int64_t{0}, cut), std::pair(cut, n)}) {
      loop.ForRange(begin, end, [&](int64_t position, const auto& offsets, int64_t length) {
        for (int64_t i = 0; i < length; ++i, ++seen) {
          ASSERT_EQ(position + i, seen);
          ASSERT_EQ(offsets[0] + (loop.is_scalar(0) ? 0 : i), element(a, seen));
          ASSERT_EQ(offsets[1] + (loop.is_scalar(1) ? 0 : i), element(b, seen));
        }
      });
    }
    ASSERT_EQ(seen, n);
  }
}

TEST(Broadcast, LoopMatchesIndexArithmetic) {
  CheckLoop({2, 3, 4}, {2, 3, 4});
  CheckLoop({2, 3, 4}, {4});
  CheckLoop({2, 3, 4}, {3, 1});
  CheckLoop({2, 1, 4}, {3, 1});
  CheckLoop({1, 5, 1, 3}, {2, 1, 4, 1});
  CheckLoop({}, {7});
  CheckLoop({}, {});
  CheckLoop({1, 1}, {1});
  CheckLoop({2, 0, 3}, {1});
  CheckLoop({2, 1, 2, 1, 2, 1, 2, 1, 2, 1}, {2, 1, 2, 1, 2, 1, 2, 1, 1});  // rank beyond Dims' inline storage
}

}  // namespace
}  // namespace sardonyx::kernels
