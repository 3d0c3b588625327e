#include "kernels/resize/grid_sample.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <string>
#include <type_traits>

namespace sardonyx::kernels {
namespace {

// What one axis contributes to a sample: offsets (-1: nothing) and weights of up to four elements.
struct AxisTaps {
  int count = 1;
  int64_t index[4];
  double weight[4];
};

// Mirrors x at the borders until it is between them.
double Reflect(double x, double low, double high) {
  const double range = high - low;
  if (range <= 0) return low;
  if (x < low || x > high) {
    const double distance = std::abs(x < low ? low - x : x - high);
    const double folds = std::floor(distance / range), rest = distance - folds * range;
    const bool even = std::fmod(folds, 2) == 0;
    x = (x < low) == even ? low + rest : high - rest;
  }
  return x;
}

// The element that index `i` of an axis stands for, or -1 where padding is zero.
int64_t Resolve(const GridOptions& options, int64_t i, int64_t size, double low, double high) {
  if (i >= 0 && i < size) return i;
  switch (options.padding) {
    case GridPadding::kZeros:
      return -1;
    case GridPadding::kBorder:
      return std::clamp<int64_t>(i, 0, size - 1);
    case GridPadding::kReflection:
      return std::clamp<int64_t>(static_cast<int64_t>(Reflect(static_cast<double>(i), low, high)), 0, size - 1);
  }
  return -1;
}

void CubicWeights(double fraction, double* weight) {
  constexpr double a = -0.75;
  const auto near = [](double d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  const auto far = [](double d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  weight[0] = far(fraction + 1);
  weight[1] = near(fraction);
  weight[2] = near(1 - fraction);
  weight[3] = far(2 - fraction);
}

template <class G>
AxisTaps MakeTaps(const GridOptions& options, G normalized, int64_t size) {
  // In the precision of the grid, so that what lies halfway between elements is judged as its maker would.
  const G length = static_cast<G>(size);
  const G place = options.align_corners ? (normalized + 1) / 2 * (length - 1) : ((normalized + 1) * length - 1) / 2;
  const double low = options.align_corners ? 0 : -0.5,
               high = options.align_corners ? static_cast<double>(size) - 1 : static_cast<double>(size) - 0.5;
  double x = static_cast<double>(place);
  AxisTaps taps;
  // Far outside, or not a number: zero, or the border.
  const bool wild = !(std::abs(x) < 1e15);
  if (wild && options.padding == GridPadding::kZeros) {
    taps.index[0] = -1;
    taps.weight[0] = 0;
    return taps;
  }
  if (wild) x = x > 0 ? high : 0;
  if (options.mode == GridMode::kNearest) x = std::nearbyint(x);
  if (x < low || x > high) {
    if (options.padding == GridPadding::kBorder) x = std::clamp(x, 0.0, static_cast<double>(size) - 1);
    if (options.padding == GridPadding::kReflection) x = Reflect(x, low, high);
  }
  if (options.mode == GridMode::kNearest) {
    taps.index[0] = Resolve(options, static_cast<int64_t>(x), size, low, high);
    taps.weight[0] = 1;
    return taps;
  }
  const double floor = std::floor(x), fraction = x - floor;
  const bool cubic = options.mode == GridMode::kCubic;
  taps.count = cubic ? 4 : 2;
  for (int t = 0; t < taps.count; ++t) taps.index[t] = Resolve(options, static_cast<int64_t>(floor) + t - cubic, size, low, high);
  if (cubic) {
    CubicWeights(fraction, taps.weight);
  } else {
    taps.weight[0] = 1 - fraction;
    taps.weight[1] = fraction;
  }
  return taps;
}

// What weighted elements of T are summed in.
template <class T>
using SumOf = std::conditional_t<std::is_arithmetic_v<T>, double, std::complex<double>>;

template <class T>
T Convert(SumOf<T> value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value != 0;
  } else if constexpr (std::is_floating_point_v<T> || !std::is_arithmetic_v<T>) {
    return static_cast<T>(value);
  } else {
    if (std::isnan(value)) return T{0};
    if (value <= static_cast<double>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
    if (value >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
    return static_cast<T>(value);
  }
}

constexpr int kMostTaps = 1024;  // of cubic interpolation over kMaxGridAxes axes

// The offsets and weights of a sample in a plane: products over the axes.
struct Sample {
  int count = 0;
  int64_t offset[kMostTaps];
  double weight[kMostTaps];
};
void Combine(const GridShape& shape, const AxisTaps* taps, Sample& sample) {
  sample.count = 1;
  sample.offset[0] = 0;
  sample.weight[0] = 1;
  for (size_t axis = 0; axis < shape.rank; ++axis) {
    int64_t offset[kMostTaps];
    double weight[kMostTaps];
    int count = 0;
    for (int i = 0; i < sample.count; ++i)
      for (int t = 0; t < taps[axis].count; ++t) {
        if (taps[axis].index[t] < 0) continue;
        offset[count] = sample.offset[i] * shape.size[axis] + taps[axis].index[t];
        weight[count++] = sample.weight[i] * taps[axis].weight[t];
      }
    sample.count = count;
    std::copy_n(offset, count, sample.offset);
    std::copy_n(weight, count, sample.weight);
  }
}

}  // namespace

template <class T, class G>
void GridSample(const GridShape& s, const GridOptions& options, const T* x, const G* grid, T* y, ThreadPool& pool) {
  const double cost = 50 + static_cast<double>(s.channels) * (options.mode == GridMode::kCubic ? 30 : 8);
  pool.ParallelFor(s.batch * s.positions, cost, [&](int64_t first, int64_t last) {
    Sample sample;
    for (int64_t i = first; i < last; ++i) {
      const G* place = grid + i * static_cast<int64_t>(s.rank);
      AxisTaps taps[kMaxGridAxes];
      for (size_t axis = 0; axis < s.rank; ++axis) taps[axis] = MakeTaps(options, place[s.rank - 1 - axis], s.size[axis]);
      Combine(s, taps, sample);
      const int64_t image = i / s.positions, position = i % s.positions;
      const T* planes = x + image * s.channels * s.plane();
      T* out = y + image * s.channels * s.positions + position;
      for (int64_t c = 0; c < s.channels; ++c) {
        const T* plane = planes + c * s.plane();
        if (options.mode == GridMode::kNearest) {
          out[c * s.positions] = sample.count ? plane[sample.offset[0]] : T{};
          continue;
        }
        if constexpr (!std::is_same_v<T, std::string>) {
          SumOf<T> sum = 0;
          for (int t = 0; t < sample.count; ++t) sum += sample.weight[t] * static_cast<SumOf<T>>(plane[sample.offset[t]]);
          out[c * s.positions] = Convert<T>(sum);
        }
      }
    }
  });
}

template <class T>
void AffineGrid(int64_t batch, size_t rank, const int64_t* size, bool align_corners, const T* theta, T* grid, ThreadPool& pool) {
  int64_t positions = 1;
  for (size_t i = 0; i < rank; ++i) positions *= size[i];
  pool.ParallelFor(batch * positions, 20, [&](int64_t first, int64_t last) {
    for (int64_t p = first; p < last; ++p) {
      double place[kMaxGridAxes + 1];  // innermost axis first, then 1
      int64_t rest = p % positions;
      for (size_t i = 0; i < rank; ++i) {
        const int64_t length = size[rank - 1 - i];
        const double index = static_cast<double>(rest % length), n = static_cast<double>(length);
        rest /= length;
        if (align_corners)
          place[i] = length > 1 ? -1 + 2 * index / (n - 1) : 0;
        else
          place[i] = -1 + (2 * index + 1) / n;
      }
      place[rank] = 1;
      const T* matrix = theta + p / positions * static_cast<int64_t>(rank * (rank + 1));
      for (size_t row = 0; row < rank; ++row) {
        double sum = 0;
        for (size_t column = 0; column <= rank; ++column) sum += static_cast<double>(matrix[row * (rank + 1) + column]) * place[column];
        grid[p * static_cast<int64_t>(rank) + static_cast<int64_t>(row)] = static_cast<T>(sum);
      }
    }
  });
}

template void AffineGrid<float>(int64_t, size_t, const int64_t*, bool, const float*, float*, ThreadPool&);
template void AffineGrid<double>(int64_t, size_t, const int64_t*, bool, const double*, double*, ThreadPool&);
#define SARDONYX_GRID(T)                                                                                             \
  template void GridSample<T, float>(const GridShape&, const GridOptions&, const T*, const float*, T*, ThreadPool&); \
  template void GridSample<T, double>(const GridShape&, const GridOptions&, const T*, const double*, T*, ThreadPool&)
SARDONYX_GRID(float);
SARDONYX_GRID(double);
SARDONYX_GRID(int8_t);
SARDONYX_GRID(int16_t);
SARDONYX_GRID(int32_t);
SARDONYX_GRID(int64_t);
SARDONYX_GRID(uint8_t);
SARDONYX_GRID(uint16_t);
SARDONYX_GRID(uint32_t);
SARDONYX_GRID(uint64_t);
SARDONYX_GRID(bool);
SARDONYX_GRID(std::complex<float>);
SARDONYX_GRID(std::complex<double>);
SARDONYX_GRID(std::string);
#undef SARDONYX_GRID

}  // namespace sardonyx::kernels
