// Packing of float matrices into panels: copies, or transposes by small squares.
#include <algorithm>
#include <cstring>

#include "base/ceil_div.h"
#include "kernels/gemm/gemm_f32.h"
#include "kernels/movement/transpose_lines.h"

namespace sardonyx::kernels {
namespace {

// out[k * width + i] = element (i, k) of `count` lines; a line's elements lie `step` apart, lines `stride`.
void PackPanel(const float* source, int64_t stride, int64_t step, int64_t count, int64_t depth, float* out, int64_t width) {
  if (stride == 1 && count == kPanelColumns && width == kPanelColumns) {  // a size known here needs no call
    for (int64_t k = 0; k < depth; ++k) std::memcpy(out + k * kPanelColumns, source + k * step, kPanelColumns * sizeof(float));
    return;
  }
  if (count < width)
    for (int64_t k = 0; k < depth; ++k) std::fill(out + k * width + count, out + (k + 1) * width, 0.0f);
  if (stride == 1) {
    for (int64_t k = 0; k < depth; ++k) std::copy_n(source + k * step, count, out + k * width);
  } else if (step == 1) {
    TransposeLines32(source, stride, count, depth, out, width);
  } else {
    for (int64_t k = 0; k < depth; ++k)
      for (int64_t i = 0; i < count; ++i) out[k * width + i] = source[i * stride + k * step];
  }
}

}  // namespace

int64_t PackedColumnsSize(int64_t k, int64_t n) { return k * CeilDiv(n, kPanelColumns) * kPanelColumns; }

void PackColumnPanelsF32(const MatrixF32& b, int64_t n, int64_t first, int64_t last, int64_t begin, int64_t depth, float* out,
                         int64_t panel_stride) {
  if (depth == 0) return;  // there may be no data at all
  for (int64_t p = first; p < last; ++p, out += panel_stride) {
    const int64_t column = p * kPanelColumns;
    PackPanel(b.data + begin * b.row_stride + column * b.column_stride, b.column_stride, b.row_stride, std::min(kPanelColumns, n - column),
              depth, out, kPanelColumns);
  }
}

void PackColumnsF32(const MatrixF32& b, int64_t k, int64_t n, float* out, ThreadPool& pool) {
  const int64_t panel = k * kPanelColumns;
  pool.ParallelFor(CeilDiv(n, kPanelColumns), static_cast<double>(panel) / 8, [&](int64_t first, int64_t last) {
    PackColumnPanelsF32(b, n, first, last, 0, k, out + first * panel, panel);
  });
}

void PackColumnsF16(const MatrixF16& b, int64_t k, int64_t n, Float16* out, ThreadPool& pool) {
  constexpr int64_t kDepth = 32;  // rows of a panel at a time: lines of a transposed B are used while they are in the cache
  const int64_t panel = k * kPanelColumns;
  pool.ParallelFor(CeilDiv(n, kPanelColumns), static_cast<double>(panel), [&](int64_t first, int64_t last) {
    for (int64_t p = first; p < last; ++p) {
      const int64_t column = p * kPanelColumns, count = std::min(kPanelColumns, n - column);
      const Float16* from = b.data + column * b.column_stride;
      Float16* to = out + p * panel;
      if (count < kPanelColumns) std::fill_n(to, panel, Float16());
      for (int64_t begin = 0; begin < k; begin += kDepth)
        for (int64_t i = 0; i < count; ++i)
          for (int64_t j = begin; j < std::min(k, begin + kDepth); ++j)
            to[j * kPanelColumns + i] = from[j * b.row_stride + i * b.column_stride];
    }
  });
}

void PackRowBlockF32(const MatrixF32& a, int64_t row, int64_t rows, int64_t begin, int64_t depth, float* out) {
  if (depth == 0) return;
  for (int64_t r = 0; r < rows; r += kPanelRows) {
    const int64_t count = std::min(kPanelRows, rows - r);
    PackPanel(a.data + (row + r) * a.row_stride + begin * a.column_stride, a.row_stride, a.column_stride, count, depth, out + r * depth, count);
  }
}

void PackRowsF32(const MatrixF32& a, int64_t m, int64_t k, float* out, ThreadPool& pool) {
  pool.ParallelFor(CeilDiv(m, kPanelRows), static_cast<double>(kPanelRows * k), [&](int64_t first, int64_t last) {
    for (int64_t begin = 0; begin < k; begin += kDepthBlock) {
      const int64_t depth = std::min(kDepthBlock, k - begin), row = first * kPanelRows;
      PackRowBlockF32(a, row, std::min(m, last * kPanelRows) - row, begin, depth, out + begin * m + row * depth);
    }
  });
}

}  // namespace sardonyx::kernels
