// Gathers the input positions that windows see into packed column panels, as the matrix products take them.
//
// Row k of the matrix of columns is one (channel, position in the kernel), column n one output position.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/conv/window.h"
#include "kernels/gemm/gemm_f32.h"

namespace sardonyx::kernels {

// A run of columns that lie in one row of the output and in one panel.
struct ColumnSegment {
  int64_t column;  // from the first of the block
  int64_t count;
  int64_t d, h, w;  // output position of its first column
};

// At most this many columns are gathered at a time.
inline constexpr int64_t kMaxBlockColumns = 256;

// Segments of columns [first, first + columns); `segments` has room for kMaxBlockColumns. Returns their number.
inline int64_t SplitColumns(const Window& window, int64_t first, int64_t columns, ColumnSegment* segments) {
  int64_t count = 0;
  const int64_t width = window.width().output, height = window.height().output;
  for (int64_t j = 0; j < columns;) {
    const int64_t n = first + j;
    const int64_t w = n % width, row = n / width;
    const int64_t length = std::min({columns - j, width - w, kPanelColumns - j % kPanelColumns});
    segments[count++] = {j, length, row / height, row % height, w};
    j += length;
  }
  return count;
}

// Packs rows [begin, begin + depth) of the columns that `segments` cover. `x` is one image's channels of one group.
// Writer::Put(out, k, column, source, stride, count) stores `count` elements, Writer::Fill(out, k, column, count) padding.
template <class T, class Writer>
void PackWindows(const T* x, const Window& window, int64_t begin, int64_t depth, const ColumnSegment* segments, int64_t num_segments,
                 const Writer& writer) {
  const WindowAxis &da = window.depth(), &ha = window.height(), &wa = window.width();
  for (int64_t k = 0; k < depth; ++k) {
    int64_t position = begin + k;
    const int64_t kw = position % wa.kernel;
    position /= wa.kernel;
    const int64_t kh = position % ha.kernel;
    position /= ha.kernel;
    const int64_t kd = position % da.kernel;
    const T* channel = x + position / da.kernel * window.input_size();
    for (int64_t s = 0; s < num_segments; ++s) {
      const ColumnSegment& segment = segments[s];
      const int64_t d = window.DepthAt(segment.d, kd), h = ha.Start(segment.h) + kh * ha.dilation;
      if (d < 0 || h < 0 || h >= ha.input) {
        writer.Fill(k, segment.column, segment.count);
        continue;
      }
      const T* row = channel + (d * ha.input + h) * wa.input;
      const int64_t w = wa.Start(segment.w) + kw * wa.dilation;
      // Columns [low, high) of the segment read inside the row.
      const int64_t low = w >= 0 ? 0 : std::min(segment.count, (-w + wa.stride - 1) / wa.stride);
      const int64_t high = w >= wa.input ? low : std::clamp((wa.input - 1 - w) / wa.stride + 1, low, segment.count);
      if (low > 0) writer.Fill(k, segment.column, low);
      if (high > low) writer.Put(k, segment.column + low, row + w + low * wa.stride, wa.stride, high - low);
      if (high < segment.count) writer.Fill(k, segment.column + high, segment.count - high);
    }
  }
}

// Stores into panels of floats: out[panel][depth][kPanelColumns].
struct FloatPanelWriter {
  float* out;
  int64_t depth;
  float* At(int64_t k, int64_t column) const { return out + (column / kPanelColumns * depth + k) * kPanelColumns + column % kPanelColumns; }
  void Put(int64_t k, int64_t column, const float* source, int64_t stride, int64_t count) const {
    float* to = At(k, column);
    if (stride == 1 && count == kPanelColumns) {
      std::memcpy(to, source, kPanelColumns * sizeof(float));  // a size known here needs no call
    } else if (stride == 1) {
      std::memcpy(to, source, static_cast<size_t>(count) * sizeof(float));
    } else {
      for (int64_t i = 0; i < count; ++i) to[i] = source[i * stride];
    }
  }
  void Fill(int64_t k, int64_t column, int64_t count) const { std::memset(At(k, column), 0, static_cast<size_t>(count) * sizeof(float)); }
};

// Stores into the panels of the 8-bit product: out[panel][depth / 2][kPanelColumns][2], zero point subtracted.
struct IntegerPanelWriter {
  int16_t* out;
  int64_t depth;  // rounded up to even
  int32_t zero_point;
  int16_t* At(int64_t k, int64_t column) const {
    return out + ((column / kPanelColumns * depth + k / 2 * 2) * kPanelColumns + column % kPanelColumns * 2 + k % 2);
  }
  template <class T>
  void Put(int64_t k, int64_t column, const T* source, int64_t stride, int64_t count) const {
    int16_t* to = At(k, column);
    for (int64_t i = 0; i < count; ++i) to[2 * i] = static_cast<int16_t>(source[i * stride] - zero_point);
  }
  void Fill(int64_t k, int64_t column, int64_t count) const {
    int16_t* to = At(k, column);
    for (int64_t i = 0; i < count; ++i) to[2 * i] = 0;
  }
};

}  // namespace sardonyx::kernels
