// Non-maximum suppression.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/thread_pool.h"

namespace sardonyx::kernels {

struct NmsArguments {
  int64_t batch = 0, classes = 0, boxes = 0;
  const float* box = nullptr;    // [batch, boxes, 4]: two opposite corners (y, x), or (x, y) of the center, width, height
  const float* score = nullptr;  // [batch, classes, boxes]
  bool center_format = false;
  int64_t max_per_class = 0;
  float iou_threshold = 0;
  bool has_score_threshold = false;
  float score_threshold = 0;
};

// Selected (batch, class, box), by batch, class, and falling score; equal scores by box.
std::vector<std::array<int64_t, 3>> NonMaxSuppression(const NmsArguments& arguments, ThreadPool& pool);

}  // namespace sardonyx::kernels
