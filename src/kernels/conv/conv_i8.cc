// ConvI8: as conv_f32.cc, with int16 panels and int32 sums that a sink takes.
#include <algorithm>

#include "base/ceil_div.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/im2col.h"
#include "kernels/gemm/gemm_i8.h"

namespace sardonyx::kernels {
namespace {

constexpr int64_t kRowsOfTask = 240;  // sums of a task stay in the second-level cache

struct Buffers {
  int16_t* columns;
  int32_t* sums;
};
constexpr size_t kColumnBytes = static_cast<size_t>(kMaxBlockColumns * kDepthBlock) * sizeof(int16_t);
constexpr size_t kSumBytes = static_cast<size_t>(kMaxBlockColumns * kRowsOfTask) * sizeof(int32_t);

struct Tasks {
  int64_t row_blocks, column_blocks, count;
};
Tasks Split(const ConvShape& s) {
  Tasks tasks{CeilDiv(s.outputs, kRowsOfTask), CeilDiv(s.window.output_size(), kMaxBlockColumns), 0};
  tasks.count = s.batch * s.groups * tasks.row_blocks * tasks.column_blocks;
  return tasks;
}

template <class T>
void ComputeTask(const ConvI8Arguments& a, const Tasks& tasks, int64_t task, const Buffers& buffers) {
  const ConvShape& s = a.shape;
  const int64_t row = task % tasks.row_blocks * kRowsOfTask;
  task /= tasks.row_blocks;
  const int64_t first = task % tasks.column_blocks * kMaxBlockColumns;
  task /= tasks.column_blocks;
  const int64_t group = task % s.groups, image = task / s.groups;
  const int64_t rows = std::min(kRowsOfTask, s.outputs - row), columns = std::min(kMaxBlockColumns, s.window.output_size() - first);
  const T* x = static_cast<const T*>(a.x) + task * s.channels * s.window.input_size();
  const int16_t* w = a.packed_w + group * PackedRowsSizeI8(s.outputs, s.depth());
  ColumnSegment segments[kMaxBlockColumns];
  const int64_t num_segments = SplitColumns(s.window, first, columns, segments);
  for (int64_t begin = 0; begin < s.depth(); begin += kDepthBlock) {
    const int64_t depth = std::min(kDepthBlock, s.depth() - begin), even = (depth + 1) / 2 * 2;
    if (columns % kPanelColumns != 0 || even != depth)
      std::fill_n(buffers.columns, CeilDiv(columns, kPanelColumns) * kPanelColumns * even, int16_t{0});
    PackWindows(x, s.window, begin, depth, segments, num_segments, IntegerPanelWriter{buffers.columns, even, a.x_zero_point});
    GemmBlockI8 block{.rows = rows, .columns = columns, .depth = depth};
    block.a = w + begin * s.outputs + row * even;
    block.b = buffers.columns;
    block.c = buffers.sums;
    block.c_stride = kMaxBlockColumns;
    block.accumulate = begin > 0;
    ComputeGemmBlockI8(block);
  }
  a.sink->Store(image, group * s.outputs + row, rows, first, columns, buffers.sums, kMaxBlockColumns);
}

}  // namespace

size_t ConvI8Workspace(const ConvShape& shape, int threads) {
  if (shape.output.num_elements() == 0) return 0;
  return (kColumnBytes + kSumBytes) * static_cast<size_t>(std::min<int64_t>(threads, Split(shape).count));
}

void ConvI8(const ConvI8Arguments& a, void* workspace, ThreadPool& pool) {
  if (a.shape.output.num_elements() == 0) return;
  const Tasks tasks = Split(a.shape);
  const int64_t workers = std::min<int64_t>(pool.threads(), tasks.count);
  const double cost = static_cast<double>(a.shape.output.num_elements()) * a.shape.depth() / 25 / static_cast<double>(workers);
  pool.ParallelFor(workers, cost, [&](int64_t first, int64_t last) {
    for (int64_t worker = first; worker < last; ++worker) {
      char* slice = static_cast<char*>(workspace) + (kColumnBytes + kSumBytes) * static_cast<size_t>(worker);
      const Buffers buffers{reinterpret_cast<int16_t*>(slice), reinterpret_cast<int32_t*>(slice + kColumnBytes)};
      for (int64_t task = worker; task < tasks.count; task += workers)
        a.x_signed ? ComputeTask<int8_t>(a, tasks, task, buffers) : ComputeTask<uint8_t>(a, tasks, task, buffers);
    }
  });
}

}  // namespace sardonyx::kernels
