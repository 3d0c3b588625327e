// Packing and the partition of the work; the arithmetic is in gemm_f32_block.cc.
#include "kernels/gemm/gemm_f32.h"

#include <algorithm>
#include <cstring>

namespace sardonyx::kernels {
namespace {

// Rows of A that a task packs at a time: enough to use a panel of B several times while it lies in the first-level cache.
constexpr int64_t kRowBlock = 4 * kPanelRows;
// With fewer rows than this, packing B costs more than it saves.
constexpr int64_t kMinRowsToPack = 8;
// Columns of a task are at least this many, so that packing A is small beside computing.
constexpr int64_t kMinColumnChunk = 8 * kPanelColumns;

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// One row panel: out[depth][rows].
void PackRowPanel(const MatrixF32& a, int64_t row, int64_t rows, int64_t begin, int64_t depth, float* out) {
  if (depth == 0) return;  // there may be no data at all
  const float* source = a.data + row * a.row_stride + begin * a.column_stride;
  if (a.row_stride == 1) {
    for (int64_t k = 0; k < depth; ++k) std::copy_n(source + k * a.column_stride, rows, out + k * rows);
    return;
  }
  for (int64_t r = 0; r < rows; ++r) {
    const float* line = source + r * a.row_stride;
    for (int64_t k = 0; k < depth; ++k) out[k * rows + r] = line[k * a.column_stride];
  }
}

void PackRowBlock(const MatrixF32& a, int64_t row, int64_t rows, int64_t begin, int64_t depth, float* out) {
  for (int64_t r = 0; r < rows; r += kPanelRows) PackRowPanel(a, row + r, std::min(kPanelRows, rows - r), begin, depth, out + r * depth);
}

// One column panel: out[depth][kPanelColumns], columns beyond `columns` zero.
void PackColumnPanel(const MatrixF32& b, int64_t column, int64_t columns, int64_t begin, int64_t depth, float* out) {
  if (depth == 0) return;
  const float* source = b.data + begin * b.row_stride + column * b.column_stride;
  if (b.column_stride == 1 && columns == kPanelColumns) {
    for (int64_t k = 0; k < depth; ++k) std::memcpy(out + k * kPanelColumns, source + k * b.row_stride, kPanelColumns * sizeof(float));
    return;
  }
  if (columns < kPanelColumns) std::fill_n(out, depth * kPanelColumns, 0.0f);
  if (b.column_stride == 1) {
    for (int64_t k = 0; k < depth; ++k) std::copy_n(source + k * b.row_stride, columns, out + k * kPanelColumns);
    return;
  }
  // Transposing: a few rows of depth at a time keep both sides in cache.
  constexpr int64_t kStep = 16;
  for (int64_t k0 = 0; k0 < depth; k0 += kStep) {
    const int64_t k1 = std::min(depth, k0 + kStep);
    for (int64_t j = 0; j < columns; ++j) {
      const float* line = source + j * b.column_stride;
      for (int64_t k = k0; k < k1; ++k) out[k * kPanelColumns + j] = line[k * b.row_stride];
    }
  }
}

struct Chunks {
  int64_t row_blocks, column_chunks, chunk_columns;
};

// Few row blocks: split columns as well, for threads to share.
Chunks Split(int64_t m, int64_t n, int threads) {
  Chunks chunks;
  chunks.row_blocks = std::max<int64_t>(1, CeilDiv(m, kRowBlock));
  const int64_t wanted = CeilDiv(int64_t{4} * threads, chunks.row_blocks);
  int64_t columns = CeilDiv(CeilDiv(n, std::max<int64_t>(1, threads > 1 ? wanted : 1)), kPanelColumns) * kPanelColumns;
  // A block of B of 1024 columns and one depth block is 1 MiB: it should stay in the second-level cache.
  columns = std::clamp<int64_t>(columns, kMinColumnChunk, 1024);
  chunks.chunk_columns = columns;
  chunks.column_chunks = std::max<int64_t>(1, CeilDiv(n, columns));
  return chunks;
}

}  // namespace

int64_t PackedColumnsSize(int64_t k, int64_t n) { return k * CeilDiv(n, kPanelColumns) * kPanelColumns; }

void PackRowsF32(const MatrixF32& a, int64_t m, int64_t k, float* out, ThreadPool& pool) {
  const int64_t panels = CeilDiv(m, kPanelRows);
  pool.ParallelFor(panels, static_cast<double>(kPanelRows * k), [&](int64_t first, int64_t last) {
    for (int64_t begin = 0; begin < k; begin += kDepthBlock) {
      const int64_t depth = std::min(kDepthBlock, k - begin);
      for (int64_t p = first; p < last; ++p)
        PackRowPanel(a, p * kPanelRows, std::min(kPanelRows, m - p * kPanelRows), begin, depth, out + begin * m + p * kPanelRows * depth);
    }
  });
}

void PackColumnsF32(const MatrixF32& b, int64_t k, int64_t n, float* out, ThreadPool& pool) {
  const int64_t panels = CeilDiv(n, kPanelColumns);
  pool.ParallelFor(panels, static_cast<double>(kPanelColumns * k) / 4, [&](int64_t first, int64_t last) {
    for (int64_t begin = 0; begin < k; begin += kDepthBlock) {
      const int64_t depth = std::min(kDepthBlock, k - begin);
      float* block = out + begin * panels * kPanelColumns;
      for (int64_t p = first; p < last; ++p)
        PackColumnPanel(b, p * kPanelColumns, std::min(kPanelColumns, n - p * kPanelColumns), begin, depth,
                        block + p * kPanelColumns * depth);
    }
  });
}

EpilogueF32 EpilogueAt(const EpilogueF32& epilogue, int64_t row, int64_t column) {
  EpilogueF32 shifted = epilogue;
  if (shifted.row_bias) shifted.row_bias += row;
  if (shifted.column_bias) shifted.column_bias += column;
  if (shifted.residual) shifted.residual += row * shifted.residual_stride + column;
  return shifted;
}

namespace {

bool PacksColumns(const GemmF32Arguments& g) { return g.packed_b == nullptr && (g.m >= kMinRowsToPack || g.b.column_stride != 1); }

// Rows [row, row + rows) and columns [column, column + columns) of C, all of k.
void ComputeTask(const GemmF32Arguments& g, int64_t row, int64_t rows, int64_t column, int64_t columns) {
  alignas(kAlignment) float row_panels[kRowBlock * kDepthBlock];
  alignas(kAlignment) float edge_panel[kPanelColumns * kDepthBlock];
  const EpilogueF32 epilogue = EpilogueAt(g.epilogue, row, column);
  const int64_t padded_n = CeilDiv(g.n, kPanelColumns) * kPanelColumns;
  int64_t begin = 0;
  do {
    const int64_t depth = std::min(kDepthBlock, g.k - begin);
    GemmBlockF32 block{.rows = rows, .columns = columns, .depth = depth, .c = g.c + row * g.c_stride + column, .c_stride = g.c_stride};
    block.accumulate = begin > 0;
    block.epilogue = begin + depth >= g.k && !epilogue.trivial() ? &epilogue : nullptr;
    if (g.packed_a) {
      block.a = g.packed_a + begin * g.m + row * depth;
    } else if (rows == 1 && g.a.column_stride == 1) {
      block.a = g.a.data + row * g.a.row_stride + begin;
    } else {
      PackRowBlock(g.a, row, rows, begin, depth, row_panels);
      block.a = row_panels;
    }
    if (g.packed_b) {
      block.b = g.packed_b + begin * padded_n + column * depth;
      block.b_panel_stride = kPanelColumns * depth;
      ComputeGemmBlockF32(block);
    } else {
      // B as it lies in memory; the last, partial panel would be read beyond its end, so it is packed.
      const int64_t whole = columns / kPanelColumns * kPanelColumns;
      block.columns = whole;
      block.b = g.b.data + begin * g.b.row_stride + column;
      block.b_panel_stride = kPanelColumns;
      block.b_row_stride = g.b.row_stride;
      if (whole > 0) ComputeGemmBlockF32(block);
      if (whole < columns) {
        PackColumnPanel(g.b, column + whole, columns - whole, begin, depth, edge_panel);
        const EpilogueF32 edge_epilogue = EpilogueAt(epilogue, 0, whole);
        block.columns = columns - whole;
        block.b = edge_panel;
        block.b_row_stride = kPanelColumns;
        block.c += whole;
        if (block.epilogue) block.epilogue = &edge_epilogue;
        ComputeGemmBlockF32(block);
      }
    }
    begin += depth;
  } while (begin < g.k);
}

}  // namespace

size_t GemmF32Workspace(const GemmF32Arguments& arguments) {
  return PacksColumns(arguments) ? static_cast<size_t>(PackedColumnsSize(arguments.k, arguments.n)) * sizeof(float) : 0;
}

void GemmF32(const GemmF32Arguments& arguments, void* workspace, ThreadPool& pool) {
  if (arguments.m <= 0 || arguments.n <= 0) return;
  GemmF32Arguments g = arguments;
  if (PacksColumns(g)) {
    PackColumnsF32(g.b, g.k, g.n, static_cast<float*>(workspace), pool);
    g.packed_b = static_cast<const float*>(workspace);
  }
  const Chunks chunks = Split(g.m, g.n, pool.threads());
  // Column chunks outermost: consecutive tasks share a chunk of B.
  const double cost = static_cast<double>(std::min(kRowBlock, g.m)) * std::min(chunks.chunk_columns, g.n) * std::max<int64_t>(g.k, 1) / 30;
  pool.ParallelFor(chunks.row_blocks * chunks.column_chunks, cost, [&](int64_t first, int64_t last) {
    for (int64_t task = first; task < last; ++task) {
      const int64_t row = task % chunks.row_blocks * kRowBlock;
      const int64_t column = task / chunks.row_blocks * chunks.chunk_columns;
      ComputeTask(g, row, std::min(kRowBlock, g.m - row), column, std::min(chunks.chunk_columns, g.n - column));
    }
  });
}

}  // namespace sardonyx::kernels
