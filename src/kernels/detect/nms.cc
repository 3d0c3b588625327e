#include "kernels/detect/nms.h"

#include <algorithm>

namespace sardonyx::kernels {
namespace {

struct Box {
  float left, top, right, bottom;
  float area() const { return (right - left) * (bottom - top); }
};

Box ReadBox(const NmsArguments& a, int64_t batch, int64_t index) {
  const float* b = a.box + (batch * a.boxes + index) * 4;
  if (a.center_format) return {b[0] - b[2] / 2, b[1] - b[3] / 2, b[0] + b[2] / 2, b[1] + b[3] / 2};
  return {std::min(b[1], b[3]), std::min(b[0], b[2]), std::max(b[1], b[3]), std::max(b[0], b[2])};
}

bool Suppresses(const Box& a, const Box& b, float threshold) {
  const float width = std::min(a.right, b.right) - std::max(a.left, b.left);
  const float height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  if (!(width > 0) || !(height > 0)) return false;
  const float intersection = width * height, all = a.area() + b.area() - intersection;
  if (intersection <= 0 || a.area() <= 0 || b.area() <= 0 || all <= 0) return false;
  return intersection / all > threshold;
}

// Boxes of one class that stay.
void SelectClass(const NmsArguments& a, int64_t batch, int64_t class_index, std::vector<int64_t>& selected) {
  const float* score = a.score + (batch * a.classes + class_index) * a.boxes;
  std::vector<int64_t> candidates;
  for (int64_t i = 0; i < a.boxes; ++i)
    if (!a.has_score_threshold || score[i] > a.score_threshold) candidates.push_back(i);
  // NaN counts as lower than everything, so that the order is a strict one.
  const auto higher = [&](int64_t x, int64_t y) {
    const bool x_nan = score[x] != score[x], y_nan = score[y] != score[y];
    if (x_nan || y_nan) return !x_nan && y_nan;
    return score[x] > score[y];
  };
  std::stable_sort(candidates.begin(), candidates.end(), higher);
  std::vector<Box> kept;
  for (int64_t i : candidates) {
    if (static_cast<int64_t>(selected.size()) >= a.max_per_class) break;
    const Box box = ReadBox(a, batch, i);
    if (std::any_of(kept.begin(), kept.end(), [&](const Box& other) { return Suppresses(box, other, a.iou_threshold); })) continue;
    kept.push_back(box);
    selected.push_back(i);
  }
}

}  // namespace

std::vector<std::array<int64_t, 3>> NonMaxSuppression(const NmsArguments& a, ThreadPool& pool) {
  std::vector<std::array<int64_t, 3>> result;
  if (a.max_per_class <= 0 || a.boxes == 0) return result;
  std::vector<std::vector<int64_t>> selected(static_cast<size_t>(a.batch * a.classes));
  pool.ParallelFor(a.batch * a.classes, static_cast<double>(a.boxes) * 10, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) SelectClass(a, i / a.classes, i % a.classes, selected[static_cast<size_t>(i)]);
  });
  for (int64_t i = 0; i < a.batch * a.classes; ++i)
    for (int64_t box : selected[static_cast<size_t>(i)]) result.push_back({i / a.classes, i % a.classes, box});
  return result;
}

}  // namespace sardonyx::kernels
