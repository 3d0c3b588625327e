// Resize by tables, one an axis (resize_axis.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/thread_pool.h"
#include "kernels/resize/resize_axis.h"

namespace sardonyx::kernels {

// Nearest: elements are moved, of any type T that copies. `extrapolation` fills where an axis is extrapolated.
template <class T>
void ResizeNearest(std::span<const ResizeAxis> axes, const T* x, const T& extrapolation, T* y, ThreadPool& pool);

// Linear and cubic: one pass an axis, from the last. T: float, double. Elements of the largest intermediate; the
// workspace holds two of them.
int64_t ResizeIntermediateSize(std::span<const ResizeAxis> axes);
template <class T>
void ResizeInterpolated(std::span<const ResizeAxis> axes, double extrapolation, const T* x, T* y, void* workspace, ThreadPool& pool);

}  // namespace sardonyx::kernels
