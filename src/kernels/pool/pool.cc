#include "kernels/pool/pool.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/pool/pool_count.h"
#include "kernels/pool/pool_rows.h"

namespace sardonyx::kernels {
namespace {

// The kernel positions along depth that may lie inside.
WindowRange Depths(const Window& window, int64_t od) {
  return window.leading.empty() ? InsideWindow(window.depth(), window.depth().Start(od)) : WindowRange{0, window.depth().kernel};
}

// Calls visit(element, offset in the plane) for each element inside the window at (od, oh, ow).
template <class T, class Visit>
void ForEachInWindow(const Window& window, const T* plane, int64_t od, int64_t oh, int64_t ow, Visit&& visit) {
  const WindowAxis &ha = window.height(), &wa = window.width();
  const int64_t h0 = ha.Start(oh), w0 = wa.Start(ow);
  const WindowRange d = Depths(window, od), h = InsideWindow(ha, h0), w = InsideWindow(wa, w0);
  for (int64_t kd = d.begin; kd < d.end; ++kd) {
    const int64_t depth = window.DepthAt(od, kd);
    if (depth < 0) continue;
    for (int64_t kh = h.begin; kh < h.end; ++kh) {
      const int64_t row = (depth * ha.input + h0 + kh * ha.dilation) * wa.input;
      for (int64_t kw = w.begin; kw < w.end; ++kw) {
        const int64_t offset = row + w0 + kw * wa.dilation;
        visit(plane[offset], offset);
      }
    }
  }
}

// Calls compute(plane of x, index of the output, od, oh, ow) for every output.
template <class T, class Compute>
void ForEachOutput(const Window& window, int64_t planes, const T* x, ThreadPool& pool, Compute&& compute) {
  const int64_t outputs = window.output_size();
  const double cost = static_cast<double>(outputs) * (5 + static_cast<double>(window.kernel_size()));
  pool.ParallelFor(planes, cost, [&](int64_t first, int64_t last) {
    for (int64_t p = first; p < last; ++p) {
      int64_t index = p * outputs;
      const T* plane = x + p * window.input_size();
      for (int64_t od = 0; od < window.depth().output; ++od)
        for (int64_t oh = 0; oh < window.height().output; ++oh)
          for (int64_t ow = 0; ow < window.width().output; ++ow, ++index) compute(plane, p, index, od, oh, ow);
    }
  });
}

template <class T>
bool IsNan(T value) {
  if constexpr (std::is_floating_point_v<T>) return std::isnan(value);
  return false;
}

int64_t ColumnMajor(const Window& window, int64_t offset) {
  int64_t result = 0;
  for (size_t i = window.rank; i-- > 0;) {
    result = result * window.spatial(i).input + offset % window.spatial(i).input;
    offset /= window.spatial(i).input;
  }
  return result;
}

// Folds every element that the windows of an output row see into `out`, kernel position by kernel position.
template <class Fold>
void FoldOutputRow(const Window& window, const float* plane, int64_t od, int64_t oh, float* out, Fold&& fold) {
  const WindowAxis &ha = window.height(), &wa = window.width();
  const int64_t h0 = ha.Start(oh);
  const WindowRange d = Depths(window, od), h = InsideWindow(ha, h0);
  // Kernel positions that any output of the row sees inside: a window may be far wider than its input.
  const int64_t before = wa.pad_begin - (wa.output - 1) * wa.stride;
  const int64_t first = before <= 0 ? 0 : (before + wa.dilation - 1) / wa.dilation;
  const int64_t last = std::min(wa.kernel, (wa.input - 1 + wa.pad_begin) / wa.dilation + 1);
  for (int64_t kd = d.begin; kd < d.end; ++kd) {
    const int64_t depth = window.DepthAt(od, kd);
    if (depth < 0) continue;
    for (int64_t kh = h.begin; kh < h.end; ++kh) {
      const float* row = plane + (depth * ha.input + h0 + kh * ha.dilation) * wa.input;
      for (int64_t kw = first; kw < last; ++kw) {
        // Outputs [low, high) see this kernel position inside the row.
        const int64_t w = kw * wa.dilation - wa.pad_begin;
        const int64_t low = w >= 0 ? 0 : std::min(wa.output, (-w + wa.stride - 1) / wa.stride);
        const int64_t high = w >= wa.input ? low : std::clamp((wa.input - 1 - w) / wa.stride + 1, low, wa.output);
        if (high > low) fold(out + low, row + w + low * wa.stride, wa.stride, high - low);
      }
    }
  }
}

// Calls compute(plane of x, row of y, od, oh) for every row of outputs.
template <class Compute>
void ForEachOutputRow(const Window& window, int64_t planes, const float* x, float* y, ThreadPool& pool, Compute&& compute) {
  const double cost = static_cast<double>(window.output_size()) * (1 + static_cast<double>(window.kernel_size()) / 4);
  pool.ParallelFor(planes, cost, [&](int64_t first, int64_t last) {
    for (int64_t p = first; p < last; ++p) {
      float* row = y + p * window.output_size();
      for (int64_t od = 0; od < window.depth().output; ++od)
        for (int64_t oh = 0; oh < window.height().output; ++oh, row += window.width().output)
          compute(x + p * window.input_size(), row, od, oh);
    }
  });
}

}  // namespace

template <class T>
void MaxPool(const Window& window, int64_t planes, const T* x, T* y, int64_t* indices, bool column_major, ThreadPool& pool) {
  if constexpr (std::is_same_v<T, float>) {
    if (!indices) {
      ForEachOutputRow(window, planes, x, y, pool, [&](const float* plane, float* row, int64_t od, int64_t oh) {
        std::fill_n(row, window.width().output, std::numeric_limits<float>::lowest());
        FoldOutputRow(window, plane, od, oh, row, MaxIntoRow);
      });
      return;
    }
  }
  if (!indices) {
    ForEachOutput(window, planes, x, pool, [&](const T* plane, int64_t, int64_t index, int64_t od, int64_t oh, int64_t ow) {
      T best = std::numeric_limits<T>::lowest();
      ForEachInWindow(window, plane, od, oh, ow, [&](T value, int64_t) {
        if (value > best || IsNan(value)) best = value;
      });
      y[index] = best;
    });
    return;
  }
  ForEachOutput(window, planes, x, pool, [&](const T* plane, int64_t p, int64_t index, int64_t od, int64_t oh, int64_t ow) {
    T best = std::numeric_limits<T>::lowest();
    int64_t position = -1;
    ForEachInWindow(window, plane, od, oh, ow, [&](T value, int64_t offset) {
      if (position < 0 || value > best || (IsNan(value) && !IsNan(best))) best = value, position = offset;
    });
    y[index] = best;
    if (position >= 0) position = p * window.input_size() + (column_major ? ColumnMajor(window, position) : position);
    indices[index] = position;
  });
}

template <class T>
void AveragePool(const Window& window, int64_t planes, bool count_include_pad, const T* x, T* y, ThreadPool& pool) {
  if constexpr (std::is_same_v<T, float>) {
    ForEachOutputRow(window, planes, x, y, pool, [&](const float* plane, float* row, int64_t od, int64_t oh) {
      std::fill_n(row, window.width().output, 0.0f);
      FoldOutputRow(window, plane, od, oh, row, AddIntoRow);
      const int64_t rows = CountDepth(window, od, count_include_pad) * CountAlong(window.height(), oh, count_include_pad);
      for (int64_t ow = 0; ow < window.width().output; ++ow) {
        const int64_t count = rows * CountAlong(window.width(), ow, count_include_pad);
        row[ow] = count > 0 ? row[ow] / static_cast<float>(count) : 0.0f;
      }
    });
    return;
  }
  ForEachOutput(window, planes, x, pool, [&](const T* plane, int64_t, int64_t index, int64_t od, int64_t oh, int64_t ow) {
    double sum = 0;
    ForEachInWindow(window, plane, od, oh, ow, [&](T value, int64_t) { sum += value; });
    const int64_t count = CountDepth(window, od, count_include_pad) * CountAlong(window.height(), oh, count_include_pad) *
                          CountAlong(window.width(), ow, count_include_pad);
    y[index] = count > 0 ? static_cast<T>(sum / static_cast<double>(count)) : T{0};
  });
}

template <class T>
void LpPool(const Window& window, int64_t planes, double p, const T* x, T* y, ThreadPool& pool) {
  ForEachOutput(window, planes, x, pool, [&](const T* plane, int64_t, int64_t index, int64_t od, int64_t oh, int64_t ow) {
    double sum = 0;
    ForEachInWindow(window, plane, od, oh, ow, [&](T value, int64_t) { sum += std::pow(std::abs(static_cast<double>(value)), p); });
    y[index] = static_cast<T>(std::pow(sum, 1 / p));
  });
}

template <class T>
void GlobalPool(GlobalPoolKind kind, double p, int64_t planes, int64_t size, const T* x, T* y, ThreadPool& pool) {
  pool.ParallelFor(planes, static_cast<double>(size), [&](int64_t first, int64_t last) {
    for (int64_t plane = first; plane < last; ++plane) {
      const T* data = x + plane * size;
      if (kind == GlobalPoolKind::kMax) {
        T best = std::numeric_limits<T>::lowest();
        for (int64_t i = 0; i < size; ++i)
          if (data[i] > best || IsNan(data[i])) best = data[i];
        y[plane] = best;
      } else if (kind == GlobalPoolKind::kAverage) {
        double sum[4] = {};  // four chains, so that additions overlap
        int64_t i = 0;
        for (; i + 4 <= size; i += 4)
          for (int64_t j = 0; j < 4; ++j) sum[j] += data[i + j];
        for (; i < size; ++i) sum[0] += data[i];
        y[plane] = static_cast<T>((sum[0] + sum[1] + sum[2] + sum[3]) / static_cast<double>(size));
      } else {
        double sum = 0;
        for (int64_t i = 0; i < size; ++i) sum += std::pow(std::abs(static_cast<double>(data[i])), p);
        y[plane] = static_cast<T>(std::pow(sum, 1 / p));
      }
    }
  });
}

template <class T>
bool MaxUnpool(const T* x, const int64_t* indices, int64_t count, const Dims& inferred, const Dims& output, T* y) {
  std::fill_n(y, output.num_elements(), T{0});
  const int64_t limit = inferred.num_elements();
  for (int64_t i = 0; i < count; ++i) {
    int64_t index = indices[i];
    if (index < 0 || index >= limit) return false;
    // The index counts in the inferred dims; the same coordinates in the output's.
    int64_t offset = 0, stride = 1;
    bool inside = true;
    for (size_t axis = inferred.rank(); axis-- > 0;) {
      const int64_t coordinate = index % inferred[axis];
      index /= inferred[axis];
      inside = inside && coordinate < output[axis];
      offset += coordinate * stride;
      stride *= output[axis];
    }
    if (inside) y[offset] = x[i];
  }
  return true;
}

template void MaxPool<float>(const Window&, int64_t, const float*, float*, int64_t*, bool, ThreadPool&);
template void MaxPool<double>(const Window&, int64_t, const double*, double*, int64_t*, bool, ThreadPool&);
template void MaxPool<int8_t>(const Window&, int64_t, const int8_t*, int8_t*, int64_t*, bool, ThreadPool&);
template void MaxPool<uint8_t>(const Window&, int64_t, const uint8_t*, uint8_t*, int64_t*, bool, ThreadPool&);
#define SARDONYX_POOLS(T)                                                                           \
  template void AveragePool<T>(const Window&, int64_t, bool, const T*, T*, ThreadPool&);            \
  template void LpPool<T>(const Window&, int64_t, double, const T*, T*, ThreadPool&);               \
  template void GlobalPool<T>(GlobalPoolKind, double, int64_t, int64_t, const T*, T*, ThreadPool&); \
  template bool MaxUnpool<T>(const T*, const int64_t*, int64_t, const Dims&, const Dims&, T*)
SARDONYX_POOLS(float);
SARDONYX_POOLS(double);
#undef SARDONYX_POOLS

}  // namespace sardonyx::kernels
