// GridSample: Y[n, c, position] = X[n, c] at the place that grid[n, position] names; and AffineGrid, which makes such grids.
#pragma once

#include <array>
#include <cstdint>

#include "base/thread_pool.h"

namespace sardonyx::kernels {

inline constexpr size_t kMaxGridAxes = 5;

enum class GridMode : uint8_t { kNearest, kLinear, kCubic };
enum class GridPadding : uint8_t { kZeros, kBorder, kReflection };

struct GridShape {
  int64_t batch = 1, channels = 1;
  size_t rank = 2;                                        // spatial axes, at most kMaxGridAxes
  std::array<int64_t, kMaxGridAxes> size{1, 1, 1, 1, 1};  // of X, outermost first; `rank` of them
  int64_t positions = 0;                                  // of an image of Y
  int64_t plane() const { return size[0] * size[1] * size[2] * size[3] * size[4]; }
};

struct GridOptions {
  GridMode mode = GridMode::kLinear;
  GridPadding padding = GridPadding::kZeros;
  bool align_corners = false;
};

// grid: [batch, positions, rank], innermost axis of X first, in [-1, 1]. T: every numeric type (integers are rounded
// towards zero and saturated), bool (true where the sum is not 0), complex; std::string for kNearest. G: float, double. Precondition: X has
// elements if Y has.
template <class T, class G>
void GridSample(const GridShape& shape, const GridOptions& options, const T* x, const G* grid, T* y, ThreadPool& pool);

// theta: [batch, rank, rank + 1]; grid: [batch, size..., rank], rank 2 or 3.
template <class T>
void AffineGrid(int64_t batch, size_t rank, const int64_t* size, bool align_corners, const T* theta, T* grid, ThreadPool& pool);

}  // namespace sardonyx::kernels
