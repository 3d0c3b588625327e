// Softmax, LogSoftmax, Hardmax and LpNormalize.
#include <cmath>

#include "kernels/elementwise/loop.h"
#include "kernels/elementwise/math.h"
#include "kernels/reduce/along_axis.h"
#include "kernels/reduce/float_lines.h"
#include "kernels/reduce/line_block.h"
#include "kernels/reduce/narrow_softmax.h"

namespace sardonyx::kernels {
namespace {

// Sum with eight running values in a fixed order: fast, and closer to the truth than one.
template <class T>
T Sum(const T* x, int64_t n, int64_t step) {
  T lanes[8] = {};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int k = 0; k < 8; ++k) lanes[k] += x[(i + k) * step];
  for (; i < n; ++i) lanes[i % 8] += x[i * step];
  for (int width = 4; width > 0; width /= 2)
    for (int k = 0; k < width; ++k) lanes[k] += lanes[k + width];
  return lanes[0];
}

template <class T>
int64_t ArgMax(const T* x, int64_t n, int64_t step) {
  int64_t best = 0;
  for (int64_t i = 1; i < n; ++i) {
    const T v = x[i * step], b = x[best * step];
    if (v > b || (v != v && b == b)) best = i;
  }
  return best;
}

// One line, x to y; they may be the same. Elements lie `step` apart in both.
template <class T>
void SoftmaxLine(SoftmaxKind kind, const T* x, T* y, int64_t n, int64_t step) {
  if constexpr (std::is_same_v<T, float>)
    if (kind == SoftmaxKind::kSoftmax && step == 1) return SoftmaxLinesF32(x, y, n, 1);
  const int64_t top = ArgMax(x, n, step);
  const T peak = x[top * step];
  if (kind == SoftmaxKind::kHardmax) {
    for (int64_t i = 0; i < n; ++i) y[i * step] = i == top ? T(1) : T(0);
    return;
  }
  if (kind == SoftmaxKind::kSoftmax) {
    SARDONYX_INDEPENDENT_LOOP
    for (int64_t i = 0; i < n; ++i) y[i * step] = math::Exp(x[i * step] - peak);
    const T scale = T(1) / Sum(y, n, step);
    SARDONYX_INDEPENDENT_LOOP
    for (int64_t i = 0; i < n; ++i) y[i * step] *= scale;
    return;
  }
  T lanes[8] = {};
  for (int64_t i = 0; i < n; ++i) lanes[i % 8] += math::Exp(x[i * step] - peak);
  const T log_sum = math::Log(Sum(lanes, 8, 1));
  SARDONYX_INDEPENDENT_LOOP
  for (int64_t i = 0; i < n; ++i) y[i * step] = (x[i * step] - peak) - log_sum;
}

template <class T>
void SoftmaxOf(SoftmaxKind kind, DataType dtype, const void* x, const AxisView& view, void* y, int64_t begin, int64_t end) {
  if (view.length == 0) return;
  if (view.inner == 1 && dtype == (std::is_same_v<T, float> ? DataType::kFloat : DataType::kDouble)) {
    if constexpr (std::is_same_v<T, float>)
      if (kind == SoftmaxKind::kSoftmax)
        return SoftmaxLinesF32(static_cast<const T*>(x) + begin * view.length, static_cast<T*>(y) + begin * view.length, view.length,
                               end - begin);
    for (int64_t line = begin; line < end; ++line)
      SoftmaxLine(kind, static_cast<const T*>(x) + line * view.length, static_cast<T*>(y) + line * view.length, view.length, 1);
    return;
  }
  ForEachBlock<T>(dtype, x, view, begin, end, [&](T* block, int64_t line, int64_t width) {
    for (int64_t c = 0; c < width; ++c) {
      if constexpr (std::is_same_v<T, float>) {
        if (kind == SoftmaxKind::kSoftmax && IsNarrowFloat(dtype)) {
          NarrowSoftmax(dtype, block + c, view.length, width);
          continue;
        }
      }
      SoftmaxLine(kind, block + c, block + c, view.length, width);
    }
    StoreBlock(block, line, width, view, dtype, y);
  });
}

template <class T>
void LpOf(int p, DataType dtype, const void* x, const AxisView& view, void* y, int64_t begin, int64_t end) {
  ForEachBlock<T>(dtype, x, view, begin, end, [&](T* block, int64_t line, int64_t width) {
    for (int64_t c = 0; c < width; ++c) {
      double norm = 0;
      for (int64_t r = 0; r < view.length; ++r) {
        const double v = static_cast<double>(block[r * width + c]);
        norm += p == 1 ? std::fabs(v) : v * v;
      }
      if (p == 2) norm = std::sqrt(norm);
      for (int64_t r = 0; r < view.length; ++r)
        block[r * width + c] = norm == 0 ? T(0) : static_cast<T>(static_cast<double>(block[r * width + c]) / norm);
    }
    StoreBlock(block, line, width, view, dtype, y);
  });
}

}  // namespace

void Softmax(SoftmaxKind kind, DataType dtype, const void* x, const AxisView& view, void* y, int64_t begin, int64_t end) {
  if (dtype == DataType::kDouble) return SoftmaxOf<double>(kind, dtype, x, view, y, begin, end);
  SoftmaxOf<float>(kind, dtype, x, view, y, begin, end);
}

void LpNormalize(int p, DataType dtype, const void* x, const AxisView& view, void* y, int64_t begin, int64_t end) {
  if (dtype == DataType::kDouble) return LpOf<double>(p, dtype, x, view, y, begin, end);
  LpOf<float>(p, dtype, x, view, y, begin, end);
}

}  // namespace sardonyx::kernels
