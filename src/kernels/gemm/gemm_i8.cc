#include "kernels/gemm/gemm_i8.h"

#include <algorithm>
#include <cstring>

#include "base/ceil_div.h"
#include "kernels/gemm/aligned_buffer.h"
#include "kernels/gemm/gemm_f32.h"

namespace sardonyx::kernels {
namespace {

constexpr int64_t kRowBlock = 4 * kPanelRows;
constexpr int64_t kColumnChunk = 512;

int64_t Even(int64_t k) { return (k + 1) / 2 * 2; }

// A panel of `lines` rows of A (or columns of B): out[depth / 2][width][2]. `line_stride` runs across lines.
template <class T>
void PackPanel(const T* source, int64_t line_stride, int64_t depth_stride, const T* zero_points, int64_t zero_point_stride, int64_t lines,
               int64_t width, int64_t depth, int16_t* out) {
  if (lines < width || depth % 2 != 0) std::fill_n(out, Even(depth) * width, int16_t{0});
  for (int64_t line = 0; line < lines; ++line) {
    const int zero = zero_points ? zero_points[line * zero_point_stride] : 0;
    const T* from = source + line * line_stride;
    int16_t* to = out + line * 2;
    for (int64_t k = 0; k < depth; ++k) to[k / 2 * width * 2 + k % 2] = static_cast<int16_t>(from[k * depth_stride] - zero);
  }
}

template <class F>
void WithType(const MatrixI8& matrix, F&& f) {
  if (matrix.is_signed)
    f(static_cast<const int8_t*>(matrix.data), static_cast<const int8_t*>(matrix.zero_points));
  else
    f(static_cast<const uint8_t*>(matrix.data), static_cast<const uint8_t*>(matrix.zero_points));
}

void PackRowPanel(const MatrixI8& a, int64_t row, int64_t rows, int64_t begin, int64_t depth, int16_t* out) {
  WithType(a, [&](auto* data, auto* zeros) {
    PackPanel(data + row * a.row_stride + begin * a.column_stride, a.row_stride, a.column_stride,
              zeros ? zeros + row * a.zero_point_stride : nullptr, a.zero_point_stride, rows, rows, depth, out);
  });
}

void PackColumnPanel(const MatrixI8& b, int64_t column, int64_t columns, int64_t begin, int64_t depth, int16_t* out) {
  WithType(b, [&](auto* data, auto* zeros) {
    PackPanel(data + begin * b.row_stride + column * b.column_stride, b.column_stride, b.row_stride,
              zeros ? zeros + column * b.zero_point_stride : nullptr, b.zero_point_stride, columns, kPanelColumns, depth, out);
  });
}

void ComputeTask(const GemmI8Arguments& g, int64_t row, int64_t rows, int64_t column, int64_t columns) {
  alignas(kAlignment) int16_t row_panels[kRowBlock * kDepthBlock];
  const int64_t padded_n = CeilDiv(g.n, kPanelColumns) * kPanelColumns;
  int64_t begin = 0;
  do {
    const int64_t depth = std::min(kDepthBlock, g.k - begin);
    GemmBlockI8 block{.rows = rows, .columns = columns, .depth = depth};
    block.c = g.c + row * g.c_stride + column;
    block.c_stride = g.c_stride;
    block.accumulate = begin > 0;
    if (g.packed_a) {
      block.a = g.packed_a + begin * g.m + row * Even(depth);
    } else {
      for (int64_t r = 0; r < rows; r += kPanelRows)
        PackRowPanel(g.a, row + r, std::min(kPanelRows, rows - r), begin, depth, row_panels + r * Even(depth));
      block.a = row_panels;
    }
    block.b = g.packed_b + begin * padded_n + column * Even(depth);
    ComputeGemmBlockI8(block);
    begin += depth;
  } while (begin < g.k);
}

}  // namespace

int64_t PackedRowsSizeI8(int64_t m, int64_t k) { return m * Even(k); }
int64_t PackedColumnsSizeI8(int64_t k, int64_t n) { return Even(k) * CeilDiv(n, kPanelColumns) * kPanelColumns; }

void PackRowsI8(const MatrixI8& a, int64_t m, int64_t k, int16_t* out, ThreadPool& pool) {
  pool.ParallelFor(CeilDiv(m, kPanelRows), static_cast<double>(kPanelRows * k), [&](int64_t first, int64_t last) {
    for (int64_t begin = 0; begin < k; begin += kDepthBlock) {
      const int64_t depth = std::min(kDepthBlock, k - begin);
      for (int64_t p = first; p < last; ++p)
        PackRowPanel(a, p * kPanelRows, std::min(kPanelRows, m - p * kPanelRows), begin, depth,
                     out + begin * m + p * kPanelRows * Even(depth));
    }
  });
}

void PackColumnsI8(const MatrixI8& b, int64_t k, int64_t n, int16_t* out, ThreadPool& pool) {
  const int64_t panels = CeilDiv(n, kPanelColumns);
  pool.ParallelFor(panels, static_cast<double>(kPanelColumns * k), [&](int64_t first, int64_t last) {
    for (int64_t begin = 0; begin < k; begin += kDepthBlock) {
      const int64_t depth = std::min(kDepthBlock, k - begin);
      int16_t* block = out + begin * panels * kPanelColumns;
      for (int64_t p = first; p < last; ++p)
        PackColumnPanel(b, p * kPanelColumns, std::min(kPanelColumns, n - p * kPanelColumns), begin, depth,
                        block + p * kPanelColumns * Even(depth));
    }
  });
}

size_t GemmI8Workspace(const GemmI8Arguments& g) {
  return g.packed_b ? 0 : static_cast<size_t>(PackedColumnsSizeI8(g.k, g.n)) * sizeof(int16_t);
}

void GemmI8(const GemmI8Arguments& arguments, void* workspace, ThreadPool& pool) {
  if (arguments.m <= 0 || arguments.n <= 0) return;
  GemmI8Arguments g = arguments;
  if (!g.packed_b) {
    PackColumnsI8(g.b, g.k, g.n, static_cast<int16_t*>(workspace), pool);
    g.packed_b = static_cast<const int16_t*>(workspace);
  }
  const int64_t row_blocks = CeilDiv(g.m, kRowBlock), column_chunks = CeilDiv(g.n, kColumnChunk);
  const double cost = static_cast<double>(std::min(kRowBlock, g.m)) * std::min(kColumnChunk, g.n) * std::max<int64_t>(1, g.k) / 40;
  pool.ParallelFor(row_blocks * column_chunks, cost, [&](int64_t first, int64_t last) {
    for (int64_t task = first; task < last; ++task) {
      const int64_t row = task % row_blocks * kRowBlock, column = task / row_blocks * kColumnChunk;
      ComputeTask(g, row, std::min(kRowBlock, g.m - row), column, std::min(kColumnChunk, g.n - column));
    }
  });
}

}  // namespace sardonyx::kernels
