// Pooling over regions of interest: MaxRoiPool and RoiAlign.
#pragma once

#include <cstdint>

#include "base/thread_pool.h"

namespace sardonyx::kernels {

struct RoiShape {
  int64_t batch = 0, channels = 0, height = 0, width = 0;  // of X
  int64_t rois = 0;
  int64_t pooled_height = 1, pooled_width = 1;
};

// rois: [rois, 5] of (image, x1, y1, x2, y2), inclusive after rounding. Precondition: images are in range.
template <class T>
void MaxRoiPool(const RoiShape& shape, float spatial_scale, const T* x, const T* rois, T* y, ThreadPool& pool);

struct RoiAlignOptions {
  bool maximum = false;        // mode "max", else "avg"
  bool half_pixel = true;      // coordinates are shifted by half a pixel
  int64_t sampling_ratio = 0;  // samples a bin along each axis; 0: as many as the bin has pixels
  float spatial_scale = 1;
};
// Samples that each element of the output is made of, for one roi (x1, y1, x2, y2): what it costs.
template <class T>
double RoiAlignSamples(const RoiShape& shape, const RoiAlignOptions& options, const T* roi);

// Elements [begin, end) of [channels, pooled_height, pooled_width] of one roi; `image` is [channels, height, width], y the
// roi's part of the output. A roi that is not finite gives NaN.
template <class T>
void RoiAlign(const RoiShape& shape, const RoiAlignOptions& options, const T* image, const T* roi, T* y, int64_t begin, int64_t end);

}  // namespace sardonyx::kernels
