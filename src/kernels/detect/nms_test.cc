#include "kernels/detect/nms.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace sardonyx::kernels {
namespace {

using Rows = std::vector<std::array<int64_t, 3>>;

TEST(NonMaxSuppression, KeepsTheBestOfOverlappingBoxes) {
  const float boxes[] = {0, 0, 1, 1, 0, 0.1f, 1, 1.1f, 0, -0.1f, 1, 0.9f, 0, 10, 1, 11, 0, 10.1f, 1, 11.1f, 0, 100, 1, 101};
  const float scores[] = {0.9f, 0.75f, 0.6f, 0.95f, 0.5f, 0.3f};
  NmsArguments a{.batch = 1, .classes = 1, .boxes = 6, .box = boxes, .score = scores, .max_per_class = 3, .iou_threshold = 0.5f};
  ThreadPool pool(2);
  EXPECT_EQ(NonMaxSuppression(a, pool), (Rows{{0, 0, 3}, {0, 0, 0}, {0, 0, 5}}));
  a.has_score_threshold = true;
  a.score_threshold = 0.4f;
  EXPECT_EQ(NonMaxSuppression(a, pool), (Rows{{0, 0, 3}, {0, 0, 0}}));
  a.max_per_class = 0;
  EXPECT_TRUE(NonMaxSuppression(a, pool).empty());
}

TEST(NonMaxSuppression, OrdersScoresThatAreNotNumbersLast) {
  const float boxes[] = {0, 0, 1, 1, 5, 5, 6, 6}, scores[] = {NAN, 0.1f};
  const NmsArguments a{.batch = 1, .classes = 1, .boxes = 2, .box = boxes, .score = scores, .max_per_class = 5};
  ThreadPool pool(1);
  EXPECT_EQ(NonMaxSuppression(a, pool), (Rows{{0, 0, 1}, {0, 0, 0}}));
}

}  // namespace
}  // namespace sardonyx::kernels
