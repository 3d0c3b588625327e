#include "kernels/pool/roi.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sardonyx::kernels {
namespace {

// A bin's first and one past its last row (or column), clipped to the image.
struct Span {
  int64_t begin, end;
};
Span Bin(int64_t index, double size, int64_t start, int64_t limit) {
  const auto clip = [&](double position) {
    return static_cast<int64_t>(std::clamp(position + static_cast<double>(start), 0.0, static_cast<double>(limit)));
  };
  return {clip(std::floor(static_cast<double>(index) * size)), clip(std::ceil(static_cast<double>(index + 1) * size))};
}

// A coordinate that takes part in arithmetic with image sizes: NaN and what is far outside are brought near.
double Bounded(double coordinate) { return std::isnan(coordinate) ? 0 : std::clamp(coordinate, -1e9, 1e9); }

}  // namespace

template <class T>
void MaxRoiPool(const RoiShape& s, float spatial_scale, const T* x, const T* rois, T* y, ThreadPool& pool) {
  pool.ParallelFor(s.rois * s.channels, static_cast<double>(s.height * s.width), [&](int64_t first, int64_t last) {
    for (int64_t task = first; task < last; ++task) {
      const T* roi = rois + task / s.channels * 5;
      const auto corner = [&](int i) { return static_cast<int64_t>(std::round(Bounded(static_cast<double>(roi[i]) * spatial_scale))); };
      const int64_t x1 = corner(1), y1 = corner(2), x2 = corner(3), y2 = corner(4);
      const double bin_height = static_cast<double>(std::max<int64_t>(y2 - y1 + 1, 1)) / static_cast<double>(s.pooled_height);
      const double bin_width = static_cast<double>(std::max<int64_t>(x2 - x1 + 1, 1)) / static_cast<double>(s.pooled_width);
      const T* plane = x + (static_cast<int64_t>(roi[0]) * s.channels + task % s.channels) * s.height * s.width;
      T* out = y + task * s.pooled_height * s.pooled_width;
      for (int64_t ph = 0; ph < s.pooled_height; ++ph)
        for (int64_t pw = 0; pw < s.pooled_width; ++pw) {
          const Span h = Bin(ph, bin_height, y1, s.height), w = Bin(pw, bin_width, x1, s.width);
          const bool empty = h.end <= h.begin || w.end <= w.begin;
          T best = empty ? T{0} : std::numeric_limits<T>::lowest();
          for (int64_t i = h.begin; i < h.end; ++i)
            for (int64_t j = w.begin; j < w.end; ++j) {
              const T value = plane[i * s.width + j];
              if (value > best || value != value) best = value;  // NaN stays, as in MaxPool
            }
          *out++ = best;
        }
    }
  });
}

namespace {

// The four neighbours of a sample and their weights; all zero when it lies outside of the image.
struct Sample {
  int64_t low_row = 0, high_row = 0, low_column = 0, high_column = 0;
  double row_fraction = 0, column_fraction = 0;
  bool inside = false;
};

Sample Locate(double row, double column, int64_t height, int64_t width) {
  Sample sample;
  if (!(row >= -1 && row <= static_cast<double>(height) && column >= -1 && column <= static_cast<double>(width))) return sample;
  sample.inside = true;
  const auto locate = [](double position, int64_t size, int64_t& low, int64_t& high, double& fraction) {
    position = std::max(position, 0.0);
    low = static_cast<int64_t>(position);
    if (low >= size - 1) {
      low = high = size - 1;
      fraction = 0;
    } else {
      high = low + 1;
      fraction = position - static_cast<double>(low);
    }
  };
  locate(row, height, sample.low_row, sample.high_row, sample.row_fraction);
  locate(column, width, sample.low_column, sample.high_column, sample.column_fraction);
  return sample;
}

// One roi in the plane's coordinates.
struct Region {
  double top, left, bin_height, bin_width;
  int64_t grid_height, grid_width;
};

template <class T>
Region MakeRegion(const RoiShape& s, const RoiAlignOptions& options, const T* roi) {
  const double offset = options.half_pixel ? 0.5 : 0.0;
  const auto corner = [&](int i) { return static_cast<double>(roi[i]) * options.spatial_scale - offset; };
  Region region{corner(1), corner(0), 0, 0, 0, 0};
  double width = corner(2) - region.left, height = corner(3) - region.top;
  if (!options.half_pixel) {  // malformed regions count as 1 x 1
    width = std::max(width, 1.0);
    height = std::max(height, 1.0);
  }
  region.bin_height = height / static_cast<double>(s.pooled_height);
  region.bin_width = width / static_cast<double>(s.pooled_width);
  // More samples than pixels of the image add nothing: this bounds the time that a hostile roi can take.
  const auto grid = [&](double bin, int64_t size) {
    if (options.sampling_ratio > 0) return options.sampling_ratio;
    return static_cast<int64_t>(std::clamp(std::ceil(Bounded(bin)), 0.0, 4.0 * static_cast<double>(size) + 4));
  };
  region.grid_height = grid(region.bin_height, s.height);
  region.grid_width = grid(region.bin_width, s.width);
  return region;
}

template <class T>
T AlignBin(const RoiShape& s, const RoiAlignOptions& options, const Region& r, const T* plane, int64_t ph, int64_t pw) {
  double result = 0;
  bool any = false;
  for (int64_t iy = 0; iy < r.grid_height; ++iy) {
    const double row = r.top + static_cast<double>(ph) * r.bin_height +
                       (static_cast<double>(iy) + 0.5) * r.bin_height / static_cast<double>(r.grid_height);
    for (int64_t ix = 0; ix < r.grid_width; ++ix) {
      const double column = r.left + static_cast<double>(pw) * r.bin_width +
                            (static_cast<double>(ix) + 0.5) * r.bin_width / static_cast<double>(r.grid_width);
      const Sample p = Locate(row, column, s.height, s.width);
      double w1 = 0, w2 = 0, w3 = 0, w4 = 0;
      if (p.inside) {
        w1 = (1 - p.row_fraction) * (1 - p.column_fraction) * plane[p.low_row * s.width + p.low_column];
        w2 = (1 - p.row_fraction) * p.column_fraction * plane[p.low_row * s.width + p.high_column];
        w3 = p.row_fraction * (1 - p.column_fraction) * plane[p.high_row * s.width + p.low_column];
        w4 = p.row_fraction * p.column_fraction * plane[p.high_row * s.width + p.high_column];
      }
      if (!options.maximum) {
        result += w1 + w2 + w3 + w4;
      } else {  // the specification's maximum is over the weighted neighbours, not over the interpolated samples
        const double best = std::max(std::max(w1, w2), std::max(w3, w4));
        result = any ? std::max(result, best) : best;
        any = true;
      }
    }
  }
  if (!options.maximum) result /= static_cast<double>(std::max<int64_t>(r.grid_height * r.grid_width, 1));
  return static_cast<T>(result);
}

}  // namespace

template <class T>
double RoiAlignSamples(const RoiShape& s, const RoiAlignOptions& options, const T* roi) {
  const Region region = MakeRegion(s, options, roi);
  return static_cast<double>(region.grid_height) * static_cast<double>(region.grid_width);
}

template <class T>
void RoiAlign(const RoiShape& s, const RoiAlignOptions& options, const T* image, const T* roi, T* y, int64_t begin, int64_t end) {
  const Region region = MakeRegion(s, options, roi);
  const int64_t bins = s.pooled_height * s.pooled_width;
  for (int64_t i = begin; i < end; ++i) {
    const int64_t bin = i % bins;
    y[i] = AlignBin(s, options, region, image + i / bins * s.height * s.width, bin / s.pooled_width, bin % s.pooled_width);
  }
}

#define SARDONYX_ROI(T)                                                                     \
  template void MaxRoiPool<T>(const RoiShape&, float, const T*, const T*, T*, ThreadPool&); \
  template double RoiAlignSamples<T>(const RoiShape&, const RoiAlignOptions&, const T*);    \
  template void RoiAlign<T>(const RoiShape&, const RoiAlignOptions&, const T*, const T*, T*, int64_t, int64_t)
SARDONYX_ROI(float);
SARDONYX_ROI(double);
#undef SARDONYX_ROI

}  // namespace sardonyx::kernels
