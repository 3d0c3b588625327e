#include "kernels/gemm/quad_i8.h"

#include <algorithm>
#include <cstring>

#include "base/ceil_div.h"

namespace sardonyx::kernels {
namespace {

// Quads of `count` columns from column `first` on, `step` bytes from quad to quad; zeros up to kQuadVector columns.
void PackVector(const QuadSource& source, int64_t taps, int64_t depth, int64_t first, int64_t count, int8_t* to, int64_t step, int32_t* sums) {
  int32_t sum[kQuadVector] = {};
  for (int64_t t = 0; t < taps; ++t)
    for (int64_t d = 0; d < depth; d += 4, to += step) {
      const int64_t present = std::min<int64_t>(4, depth - d);
      uint32_t quads[kQuadVector] = {};
      for (int64_t n = 0; n < count; ++n) {
        const int8_t* from = source.data + t * source.tap_stride + d * source.depth_stride + (first + n) * source.column_stride;
        for (int64_t i = 0; i < present; ++i) {
          const int8_t value = from[i * source.depth_stride];
          sum[n] += value;
          quads[n] |= uint32_t{static_cast<uint8_t>(value)} << (8 * i);  // the first in the lowest byte: little-endian machines
        }
      }
      std::memcpy(to, quads, sizeof(quads));
    }
  std::copy_n(sum, count, sums);
}

}  // namespace

int64_t QuadWeights::panel_width(int64_t panel) const {
  return std::min(kQuadPanel, CeilDiv(columns - panel * kQuadPanel, kQuadVector) * kQuadVector);
}

QuadWeights PackQuads(const QuadSource& source, int64_t taps, int64_t depth, int64_t columns, ThreadPool& pool) {
  QuadWeights w;
  w.taps = taps;
  w.depth = depth;
  w.columns = columns;
  const int64_t padded = CeilDiv(columns, kQuadVector) * kQuadVector, quads = w.quads();
  // Products of whole tiles read up to 15 quads of a panel past the end.
  w.data = AlignedBuffer<int8_t>(padded * taps * quads * 4 + 16 * 4 * kQuadPanel);
  if (!w.data) return w;
  w.column_sums.assign(static_cast<size_t>(w.panels() * kQuadPanel), 0);
  pool.ParallelFor(w.panels(), static_cast<double>(taps * quads * kQuadPanel) * 2, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      const int64_t width = w.panel_width(p), first = p * kQuadPanel;
      int8_t* to = w.data.data() + first * taps * quads * 4;
      // A vector of columns at a time, so that each line of memory is written once.
      for (int64_t n = 0; n < width; n += kQuadVector)
        PackVector(source, taps, depth, first + n, std::clamp<int64_t>(columns - first - n, 0, kQuadVector), to + n * 4, width * 4,
                   w.column_sums.data() + first + n);
    }
  });
  return w;
}

void ComputeQuadGemm(const QuadGemm& g, ThreadPool& pool) {
  const QuadWeights& w = *g.weights;
  if (g.m <= 0 || w.columns <= 0) return;
  const int64_t read = w.quads() * 4, row_blocks = CeilDiv(g.m, kQuadRowBlock), panels = w.panels();
  // The last rows, when reading them by fours would pass the end.
  const int64_t bytes = (g.m - 1) * g.stride + w.depth;
  int64_t unsafe = 0;
  while (unsafe < g.m && (g.m - 1 - unsafe) * g.stride + read > bytes) ++unsafe;
  AlignedBuffer<uint8_t> copies(unsafe * read);
  for (int64_t i = 0; i < unsafe; ++i) {
    std::memset(copies.data() + i * read, 0, static_cast<size_t>(read));
    std::memcpy(copies.data() + i * read, g.x + (g.m - 1 - i) * g.stride, static_cast<size_t>(w.depth));
  }
  const double cost = static_cast<double>(std::min(g.m, kQuadRowBlock)) * std::min(kQuadPanel, w.columns) * static_cast<double>(read) / 200;
  pool.ParallelFor(row_blocks * panels, cost, [&](int64_t begin, int64_t end) {
    const uint8_t* rows[kQuadRowBlock];
    int64_t filled = -1;
    for (int64_t task = begin; task < end; ++task) {
      const int64_t block = task / panels, first = block * kQuadRowBlock, count = std::min(kQuadRowBlock, g.m - first);
      if (block != filled)
        for (int64_t r = 0; r < count; ++r) {
          const int64_t from_end = g.m - 1 - first - r;
          rows[r] = from_end < unsafe ? copies.data() + from_end * read : g.x + (first + r) * g.stride;
        }
      filled = block;
      QuadBlock b{&w, task % panels, rows, kQuadRowBlock, count, g.epilogue};
      const int64_t element = g.epilogue.kind == QuadEpilogue::Kind::kQuantize ? 1 : 4;
      b.epilogue.out = static_cast<char*>(g.epilogue.out) + first * g.epilogue.stride * element;
      ComputeQuadBlock(b);
    }
  });
}

}  // namespace sardonyx::kernels
