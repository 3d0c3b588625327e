// Adds columns back into an image: the transpose of gathering windows. Col2Im, and the second half of ConvTranspose.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "base/thread_pool.h"
#include "kernels/conv/window.h"

namespace sardonyx::kernels {

// columns: [kernel_size, output_size] of one channel; plane: [input_size], to which they are added.
template <class T>
void AddColumns(const Window& window, const T* columns, T* plane) {
  const WindowAxis &da = window.depth(), &ha = window.height(), &wa = window.width();
  for (int64_t k = 0; k < window.kernel_size(); ++k) {
    const int64_t kw = k % wa.kernel, kh = k / wa.kernel % ha.kernel, kd = k / wa.kernel / ha.kernel;
    const int64_t w0 = kw * wa.dilation - wa.pad_begin;
    // Columns [low, high) of a row fall inside the plane.
    const int64_t low = w0 >= 0 ? 0 : std::min(wa.output, (-w0 + wa.stride - 1) / wa.stride);
    const int64_t high = w0 >= wa.input ? low : std::clamp((wa.input - 1 - w0) / wa.stride + 1, low, wa.output);
    for (int64_t od = 0; od < da.output; ++od)
      for (int64_t oh = 0; oh < ha.output; ++oh, columns += wa.output) {
        const int64_t d = window.DepthAt(od, kd), h = ha.Start(oh) + kh * ha.dilation;
        if (d < 0 || h < 0 || h >= ha.input) continue;
        T* row = plane + (d * ha.input + h) * wa.input + w0;
        for (int64_t ow = low; ow < high; ++ow) {
          if constexpr (std::is_same_v<T, bool>)  // a sum is true if one of its terms is
            row[ow * wa.stride] = row[ow * wa.stride] || columns[ow];
          else
            row[ow * wa.stride] = static_cast<T>(row[ow * wa.stride] + columns[ow]);
        }
      }
  }
}

// columns: [planes, kernel_size, output_size]; y: [planes, input_size] of sums.
template <class T>
void Col2Im(const Window& window, int64_t planes, const T* columns, T* y, ThreadPool& pool) {
  const int64_t column_size = window.kernel_size() * window.output_size();
  pool.ParallelFor(planes, static_cast<double>(column_size + window.input_size()), [&](int64_t first, int64_t last) {
    for (int64_t p = first; p < last; ++p) {
      T* plane = y + p * window.input_size();
      std::fill_n(plane, window.input_size(), T{});
      AddColumns(window, columns + p * column_size, plane);
    }
  });
}

}  // namespace sardonyx::kernels
