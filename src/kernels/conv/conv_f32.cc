// ConvF32 as products: weights, packed once, times columns that are gathered block by block.
#include <algorithm>

#include "base/ceil_div.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/depthwise.h"
#include "kernels/conv/im2col.h"

namespace sardonyx::kernels {
namespace {

constexpr size_t kColumnBytes = static_cast<size_t>(kMaxBlockColumns * kDepthBlock) * sizeof(float);

// How the work is cut: by image, group, block of columns, and, when these are few, block of rows.
struct Tasks {
  int64_t columns;  // of a block
  int64_t column_blocks;
  int64_t rows;  // of a block: a multiple of kPanelRows, or all
  int64_t row_blocks;
  int64_t count;
};

Tasks Split(const ConvShape& shape, int threads) {
  const int64_t positions = shape.window.output_size();
  Tasks tasks;
  tasks.columns = std::min(kMaxBlockColumns, CeilDiv(positions, kPanelColumns) * kPanelColumns);
  tasks.column_blocks = CeilDiv(positions, std::max<int64_t>(1, tasks.columns));
  const int64_t without_rows = shape.batch * shape.groups * tasks.column_blocks;
  // Every row block gathers the same columns again, so rows are cut only to keep all threads busy.
  const int64_t wanted = threads > 1 && without_rows < 2 * threads ? CeilDiv(2 * threads, std::max<int64_t>(1, without_rows)) : 1;
  tasks.rows = std::max(kPanelRows, CeilDiv(CeilDiv(shape.outputs, wanted), kPanelRows) * kPanelRows);
  tasks.row_blocks = CeilDiv(shape.outputs, tasks.rows);
  tasks.count = without_rows * tasks.row_blocks;
  return tasks;
}

// A window that visits every position in order is one long row: columns are then copied a whole panel at a time.
Window Flattened(const Window& window) {
  Window flat;
  flat.rank = 1;
  flat.axes[2].input = flat.axes[2].output = window.output_size();
  return flat;
}

void ComputeTask(const ConvF32Arguments& a, const Window& window, const Tasks& tasks, int64_t task, float* columns_buffer) {
  const ConvShape& s = a.shape;
  const int64_t row = task % tasks.row_blocks * tasks.rows;
  task /= tasks.row_blocks;
  const int64_t first = task % tasks.column_blocks * tasks.columns;
  task /= tasks.column_blocks;  // image * groups + group
  const int64_t group = task % s.groups;
  const int64_t rows = std::min(tasks.rows, s.outputs - row), columns = std::min(tasks.columns, window.output_size() - first);
  const int64_t positions = window.output_size(), depth_all = s.depth();
  const float* x = a.x + task * s.channels * window.input_size();
  const float* w = a.packed_w + group * s.outputs * depth_all;
  const int64_t y_offset = (task * s.outputs + row) * positions + first;

  EpilogueF32 epilogue{.activation = a.activation};
  if (a.bias) epilogue.row_bias = a.bias + group * s.outputs + row;
  if (a.residual) epilogue.residual = a.residual + y_offset, epilogue.residual_stride = positions;
  ColumnSegment segments[kMaxBlockColumns];
  const int64_t num_segments = SplitColumns(window, first, columns, segments);
  for (int64_t begin = 0; begin < depth_all; begin += kDepthBlock) {
    const int64_t depth = std::min(kDepthBlock, depth_all - begin);
    if (columns % kPanelColumns != 0)  // what a partial panel does not fill must still be a number
      std::fill_n(columns_buffer + columns / kPanelColumns * kPanelColumns * depth, kPanelColumns * depth, 0.0f);
    PackWindows(x, window, begin, depth, segments, num_segments, FloatPanelWriter{columns_buffer, depth});
    GemmBlockF32 block{.rows = rows, .columns = columns, .depth = depth};
    block.a = w + begin * s.outputs + row * depth;
    block.b = columns_buffer;
    block.b_panel_stride = kPanelColumns * depth;
    block.c = a.y + y_offset;
    block.c_stride = positions;
    block.accumulate = begin > 0;
    block.epilogue = begin + depth >= depth_all && !epilogue.trivial() ? &epilogue : nullptr;
    ComputeGemmBlockF32(block);
  }
}

}  // namespace

void PackConvWeightsF32(const float* w, int64_t groups, int64_t outputs, int64_t depth, float* out, ThreadPool& pool) {
  for (int64_t group = 0; group < groups; ++group) {
    const int64_t offset = group * outputs * depth;
    PackRowsF32({w + offset, depth, 1}, outputs, depth, out + offset, pool);
  }
}

size_t ConvF32Workspace(const ConvShape& shape, int threads) {
  if (shape.output.num_elements() == 0) return 0;
  if (shape.is_depthwise()) return DepthwiseConvF32Workspace(shape, threads);
  return kColumnBytes * static_cast<size_t>(std::min<int64_t>(threads, Split(shape, threads).count));
}

void ConvF32(const ConvF32Arguments& a, void* workspace, ThreadPool& pool) {
  const ConvShape& s = a.shape;
  if (s.output.num_elements() == 0) return;
  if (s.is_depthwise()) return DepthwiseConvF32(a, workspace, pool);
  const Window window = s.window.is_pointwise() ? Flattened(s.window) : s.window;
  const Tasks tasks = Split(s, pool.threads());
  const int64_t workers = std::min<int64_t>(pool.threads(), tasks.count);
  const double cost =
      static_cast<double>(tasks.rows) * tasks.columns * s.depth() / 25 * static_cast<double>(tasks.count) / static_cast<double>(workers);
  pool.ParallelFor(workers, cost, [&](int64_t first, int64_t last) {
    for (int64_t worker = first; worker < last; ++worker) {
      float* columns = reinterpret_cast<float*>(static_cast<char*>(workspace) + kColumnBytes * static_cast<size_t>(worker));
      for (int64_t task = worker; task < tasks.count; task += workers) ComputeTask(a, window, tasks, task, columns);
    }
  });
}

}  // namespace sardonyx::kernels
