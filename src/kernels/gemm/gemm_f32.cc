// The partition of a product into tasks; the arithmetic is in gemm_f32_block.cc, packing in gemm_f32_pack.cc.
#include "kernels/gemm/gemm_f32.h"

#include <algorithm>

#include "base/ceil_div.h"
#include "kernels/elementwise/half_rows.h"

namespace sardonyx::kernels {
namespace {

// A task reads or packs rows of A a block at a time: 144 rows of a depth of 512 are 288 KiB, which stay in the second-level cache while
// panels of B (64 KiB of that depth) stream past them. Each block of depth passes over C once more.
constexpr int64_t kMaxRowBlock = 12 * kPanelRows;
constexpr int64_t kMaxDepth = 512;
// With fewer rows than this, packing a B that is used once costs more than it saves.
constexpr int64_t kMinRowsToPack = 8;
// Panels of a task, at least, where it packs its own rows: packing should be small beside computing.
constexpr int64_t kMinPanels = 6;
constexpr int64_t kMinPanelsOfShared = 2;
// With so many rows a thread, the columns come from memory faster than they are used.
constexpr int64_t kMinRowsOfThread = 8 * kPanelRows;
// Tasks a thread: cores are of unlike speed when others use them too.
constexpr int64_t kTasksPerThread = 4;

bool IsPacked(const GemmF32Arguments& g) { return g.packed_b != nullptr || g.packed_b_half != nullptr; }
bool PacksColumns(const GemmF32Arguments& g) { return !IsPacked(g) && (g.m >= kMinRowsToPack || g.b.column_stride != 1); }

// Rows are read where they lie, except those a whole number of pages apart, which would share few sets of the cache, and very short ones,
// which cost more to find than to copy.
constexpr int64_t kMinDepthInPlace = 16;

bool ReadsRowsInPlace(const GemmF32Arguments& g) {
  return (IsPacked(g) || PacksColumns(g)) && g.a.column_stride == 1 && g.k >= kMinDepthInPlace && g.a.row_stride % 1024 != 0 &&
         ReadsRowsInPlaceF32();
}

bool IsSkinny(const GemmF32Arguments& g) { return IsPacked(g) && g.a.column_stride == 1 && g.m <= SkinnyRowsF32(); }

// Depth of a block: k in equal parts.
int64_t DepthBlock(int64_t k) {
  const int64_t blocks = std::max<int64_t>(1, CeilDiv(k, kMaxDepth));
  return CeilDiv(CeilDiv(k, blocks), 4) * 4;
}

// Tasks are blocks of rows by groups of column panels.
struct Tasks {
  int64_t rows, row_blocks;      // rows of a block, a multiple of kPanelRows
  int64_t panels, panel_groups;  // panels of a group
  // Threads have rows of their own where there are enough, which they may have computed themselves; then all columns are read by each of
  // them. Otherwise row blocks are innermost: consecutive tasks share columns of B.
  bool by_rows;
};

Tasks Split(const GemmF32Arguments& g, int threads, int64_t min_panels) {
  Tasks tasks;
  tasks.row_blocks = CeilDiv(g.m, kMaxRowBlock);
  tasks.by_rows = threads > 1 && g.m >= threads * kMinRowsOfThread;
  if (tasks.by_rows) tasks.row_blocks = CeilDiv(tasks.row_blocks, threads) * threads;
  const int64_t panels = CeilDiv(g.n, kPanelColumns);
  const int64_t wanted = threads > 1 ? threads * kTasksPerThread : 1;
  const int64_t most_groups = std::max<int64_t>(panels / min_panels, std::min<int64_t>(threads, panels));
  int64_t groups = std::clamp<int64_t>(CeilDiv(wanted, tasks.row_blocks), 1, most_groups);
  // Whole rounds of all threads.
  if (threads > 1 && groups > 1) groups = std::min(CeilDiv(groups, threads) * threads, std::max<int64_t>(most_groups / threads, 1) * threads);
  // Columns could not be split enough: smaller row blocks.
  if (tasks.row_blocks * groups < wanted) tasks.row_blocks = std::min(CeilDiv(wanted, groups), CeilDiv(g.m, 2 * kPanelRows));
  tasks.rows = CeilDiv(CeilDiv(g.m, kPanelRows), tasks.row_blocks) * kPanelRows;
  tasks.row_blocks = CeilDiv(g.m, tasks.rows);
  tasks.panels = CeilDiv(panels, groups);
  if (IsSkinny(g) && tasks.panels > 4) tasks.panels = CeilDiv(tasks.panels, 4) * 4;  // several are computed at a time
  tasks.panel_groups = CeilDiv(panels, tasks.panels);
  return tasks;
}

// Where several tasks read the same rows these are packed before, once, for all of them.
bool PacksRows(const GemmF32Arguments& g, const Tasks& tasks) {
  return tasks.panel_groups > 1 && g.m > 1 && !IsSkinny(g) && !ReadsRowsInPlace(g);
}

// The most rows that are: of more, each task has its own (Split).
int64_t RowsToPack(const GemmF32Arguments& g, int threads) {
  return threads == 1 || g.m == 1 || IsSkinny(g) || ReadsRowsInPlace(g) ? 0 : std::min(g.m, threads * kTasksPerThread * kMaxRowBlock);
}

// Blocks of tasks.rows rows, of which each holds its depth blocks as PackRowBlockF32 gives them.
void PackRowBlocks(const GemmF32Arguments& g, const Tasks& tasks, float* out, ThreadPool& pool) {
  const int64_t depth_block = DepthBlock(g.k);
  pool.ParallelFor(CeilDiv(g.m, kPanelRows), static_cast<double>(kPanelRows * g.k) / 8, [&](int64_t first, int64_t last) {
    for (int64_t panel = first; panel < last; ++panel) {
      const int64_t row = panel * kPanelRows, in_block = row % tasks.rows, block = row - in_block;
      const int64_t rows = std::min(tasks.rows, g.m - block), count = std::min(kPanelRows, g.m - row);
      for (int64_t begin = 0; begin < g.k; begin += depth_block) {
        const int64_t depth = std::min(depth_block, g.k - begin);
        PackRowBlockF32(g.a, row, count, begin, depth, out + block * g.k + begin * rows + in_block * depth);
      }
    }
  });
}

// What a task computes.
struct Part {
  int64_t row, rows, column, columns;
};

void ComputeSkinny(const GemmF32Arguments& g, const Part& p) {
  const EpilogueF32 epilogue = EpilogueAt(g.epilogue, p.row, p.column);
  GemmSkinnyF32 block{.rows = p.rows, .columns = p.columns, .depth = g.k};
  block.a = g.a.data + p.row * g.a.row_stride;
  block.a_stride = g.a.row_stride;
  if (g.packed_b_half)
    block.b_half = g.packed_b_half + p.column * g.k;
  else
    block.b = g.packed_b + p.column * g.k;
  block.c = g.c + p.row * g.c_stride + p.column;
  block.c_stride = g.c_stride;
  block.epilogue = epilogue.trivial() ? nullptr : &epilogue;
  ComputeGemmSkinnyF32(block);
}

// Panels of B as they lie in memory, `b` at the block's first element. The last, partial one would be read beyond its end,
// so it is packed.
void ComputeUnpacked(const MatrixF32& b, int64_t begin, int64_t column, const EpilogueF32& epilogue, GemmBlockF32 block) {
  const int64_t columns = block.columns, whole = columns / kPanelColumns * kPanelColumns;
  block.b = b.data + begin * b.row_stride + column;
  block.b_panel_stride = kPanelColumns;
  block.b_row_stride = b.row_stride;
  block.columns = whole;
  if (whole > 0) ComputeGemmBlockF32(block);
  if (whole == columns) return;
  alignas(kAlignment) float edge[kPanelColumns * kMaxDepth];
  const MatrixF32 rest{b.data + column + whole, b.row_stride, 1};
  PackColumnPanelsF32(rest, columns - whole, 0, 1, begin, block.depth, edge, 0);
  const EpilogueF32 edge_epilogue = EpilogueAt(epilogue, 0, whole);
  block.columns = columns - whole;
  block.b = edge;
  block.b_row_stride = kPanelColumns;
  block.c += whole;
  if (block.epilogue) block.epilogue = &edge_epilogue;
  ComputeGemmBlockF32(block);
}

// Panels of float16 become float one after the other, each for all rows.
void ComputeHalves(const GemmF32Arguments& g, const Part& p, int64_t begin, const EpilogueF32& epilogue, const GemmBlockF32& block) {
  alignas(kAlignment) float panel[kPanelColumns * kMaxDepth];
  GemmBlockF32 one = block;
  one.b = panel;
  for (int64_t column = 0; column < p.columns; column += kPanelColumns) {
    const Float16* halves = g.packed_b_half + (p.column + column) * g.k + begin * kPanelColumns;
    HalvesToFloats(halves, block.depth * kPanelColumns, panel);
    one.next = halves + g.k * kPanelColumns;
    const EpilogueF32 here = EpilogueAt(epilogue, 0, column);
    one.columns = std::min(kPanelColumns, p.columns - column);
    one.c = block.c + column;
    one.epilogue = block.epilogue ? &here : nullptr;
    ComputeGemmBlockF32(one);
  }
}

// `packed_rows`: all of A as PackRowBlocks gives it, or null.
void ComputePart(const GemmF32Arguments& g, const Part& p, const float* packed_rows) {
  alignas(kAlignment) float row_panels[kMaxRowBlock * kMaxDepth];
  const EpilogueF32 epilogue = EpilogueAt(g.epilogue, p.row, p.column);
  const int64_t depth_block = DepthBlock(g.k);
  int64_t begin = 0;
  do {
    GemmBlockF32 block{.rows = p.rows, .columns = p.columns, .depth = std::min(depth_block, g.k - begin)};
    block.c = g.c + p.row * g.c_stride + p.column;
    block.c_stride = g.c_stride;
    block.accumulate = begin > 0;
    block.epilogue = begin + block.depth >= g.k && !epilogue.trivial() ? &epilogue : nullptr;
    if (packed_rows) {
      block.a = packed_rows + p.row * g.k + begin * p.rows;
    } else if (p.rows == 1 && g.a.column_stride == 1) {
      block.a = g.a.data + p.row * g.a.row_stride + begin;
    } else if (ReadsRowsInPlace(g)) {
      block.a = g.a.data + p.row * g.a.row_stride + begin;
      block.a_row_stride = g.a.row_stride;
    } else {
      PackRowBlockF32(g.a, p.row, p.rows, begin, block.depth, row_panels);
      block.a = row_panels;
    }
    if (g.packed_b_half) {
      ComputeHalves(g, p, begin, epilogue, block);
    } else if (g.packed_b) {
      block.b = g.packed_b + p.column * g.k + begin * kPanelColumns;
      block.b_panel_stride = kPanelColumns * g.k;
      ComputeGemmBlockF32(block);
    } else {
      ComputeUnpacked(g.b, begin, p.column, epilogue, block);
    }
    begin += block.depth;
  } while (begin < g.k);
}

// Nanoseconds of a task, roughly: arithmetic, or B's way from memory.
double Cost(const GemmF32Arguments& g, const Tasks& tasks) {
  const auto rows = static_cast<double>(std::min(tasks.rows, g.m)), columns = static_cast<double>(tasks.panels * kPanelColumns);
  const auto depth = static_cast<double>(std::max<int64_t>(g.k, 1));
  return columns * depth * std::max(rows / 50, 0.25);
}

}  // namespace

EpilogueF32 EpilogueAt(const EpilogueF32& epilogue, int64_t row, int64_t column) {
  EpilogueF32 shifted = epilogue;
  if (shifted.row_bias) shifted.row_bias += row;
  if (shifted.column_bias) shifted.column_bias += column;
  if (shifted.residual) shifted.residual += row * shifted.residual_stride + column;
  return shifted;
}

size_t GemmF32Workspace(const GemmF32Arguments& arguments, int threads) {
  const int64_t columns = PacksColumns(arguments) ? PackedColumnsSize(arguments.k, arguments.n) : 0;
  return static_cast<size_t>(columns + RowsToPack(arguments, threads) * arguments.k) * sizeof(float);
}

void GemmF32(const GemmF32Arguments& arguments, void* workspace, ThreadPool& pool) {
  if (arguments.m <= 0 || arguments.n <= 0) return;
  GemmF32Arguments g = arguments;
  if (PacksColumns(g)) {
    PackColumnsF32(g.b, g.k, g.n, static_cast<float*>(workspace), pool);
    g.packed_b = static_cast<const float*>(workspace);
  }
  const Tasks tasks = Split(g, pool.threads(), workspace ? kMinPanelsOfShared : kMinPanels);
  const bool skinny = IsSkinny(g);
  float* rows = nullptr;
  if (workspace && PacksRows(g, tasks)) {
    rows = static_cast<float*>(workspace) + (PacksColumns(arguments) ? PackedColumnsSize(g.k, g.n) : 0);
    PackRowBlocks(g, tasks, rows, pool);
  }
  pool.ParallelFor(tasks.row_blocks * tasks.panel_groups, Cost(g, tasks), [&](int64_t first, int64_t last) {
    for (int64_t task = first; task < last; ++task) {
      const int64_t row = (tasks.by_rows ? task / tasks.panel_groups : task % tasks.row_blocks) * tasks.rows;
      const int64_t column = (tasks.by_rows ? task % tasks.panel_groups : task / tasks.row_blocks) * tasks.panels * kPanelColumns;
      const Part part{row, std::min(tasks.rows, g.m - row), column, std::min(tasks.panels * kPanelColumns, g.n - column)};
      if (skinny)
        ComputeSkinny(g, part);
      else
        ComputePart(g, part, rows);
    }
  });
}

}  // namespace sardonyx::kernels
