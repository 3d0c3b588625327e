#include "validate/ranking.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "validate/compare.h"

namespace sardonyx::validate {
namespace {

constexpr int64_t kMaxRows = 4096;

std::vector<int64_t> Best(const std::vector<double>& scores, size_t k) {
  std::vector<int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  std::partial_sort(order.begin(), order.begin() + static_cast<int64_t>(k), order.end(), [&](int64_t a, int64_t b) {
    const double x = scores[static_cast<size_t>(a)], y = scores[static_cast<size_t>(b)];
    return x != y ? x > y : a < b;
  });
  order.resize(k);
  return order;
}

}  // namespace

Ranking CompareRanking(const Tensor& got, const Tensor& expected) {
  Ranking ranking;
  if (got.rank() < 2 || !(got.dims() == expected.dims()) || !IsFloatingPoint(got.dtype()) || got.dims().back() < 2) return ranking;
  const int64_t classes = got.dims().back();
  ranking.rows = std::min(got.num_elements() / classes, kMaxRows);
  const size_t k = static_cast<size_t>(std::min<int64_t>(5, classes));
  ranking.k = static_cast<int>(k);
  const Tensor a = got.Aligned(), b = expected.Aligned();
  double same_first = 0, shared = 0;
  std::vector<double> x(static_cast<size_t>(classes)), y(static_cast<size_t>(classes));
  for (int64_t row = 0; row < ranking.rows; ++row) {
    for (int64_t i = 0; i < classes; ++i) {
      // NaN has no place in an order: it counts as the least.
      const auto score = [&](const Tensor& t) {
        const double v = ElementAsDouble(t, row * classes + i);
        return v == v ? v : -std::numeric_limits<double>::infinity();
      };
      x[static_cast<size_t>(i)] = score(a);
      y[static_cast<size_t>(i)] = score(b);
    }
    const std::vector<int64_t> p = Best(x, k), q = Best(y, k);
    same_first += p[0] == q[0];
    for (const int64_t index : p) shared += std::find(q.begin(), q.end(), index) != q.end();
  }
  if (ranking.rows > 0) {
    ranking.top1 = same_first / static_cast<double>(ranking.rows);
    ranking.topk = shared / static_cast<double>(ranking.rows) / static_cast<double>(k);
  }
  return ranking;
}

}  // namespace sardonyx::validate
