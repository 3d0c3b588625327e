// Single-precision matrix product: blocked, on packed operands, with SIMD tiles, a fused epilogue and thread slices.
//
//   C[m,n] = epilogue(A[m,k] * B[k,n])
//
// Every element is summed in one fixed order (k ascending, in blocks of kDepthBlock), so results have the same bits
// whatever the number of threads and the partition of the work.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "kernels/gemm/activation.h"
#include "kernels/gemm/aligned_buffer.h"

namespace sardonyx::kernels {

// The packed layouts. A: for each block of kDepthBlock along k, for each panel of kPanelRows rows (the last may have
// fewer), depth x rows. B: the same blocks, panels of kPanelColumns columns (the last filled with zeros), depth x columns.
inline constexpr int64_t kPanelRows = 12;
inline constexpr int64_t kPanelColumns = 32;
inline constexpr int64_t kDepthBlock = 256;

// A matrix in memory that is only read: element (i, j) is data[i * row_stride + j * column_stride]. A transposed matrix
// is the same memory with the strides exchanged.
struct MatrixF32 {
  const float* data = nullptr;
  int64_t row_stride = 0;
  int64_t column_stride = 1;
  MatrixF32 Transposed() const { return {data, column_stride, row_stride}; }
};

// What is done to a finished element before it is stored: activation(scale * x + bias_scale * (row_bias[i] +
// column_bias[j] + residual[i,j])). Null pointers add nothing.
struct EpilogueF32 {
  float scale = 1;
  float bias_scale = 1;
  const float* row_bias = nullptr;     // [m]
  const float* column_bias = nullptr;  // [n]
  const float* residual = nullptr;     // [m,n]
  int64_t residual_stride = 0;         // between rows; 0 repeats one row
  Activation activation = {};

  bool trivial() const { return scale == 1 && !row_bias && !column_bias && !residual && activation.kind == ActivationKind::kNone; }
};

// Floats that B[k,n] takes when packed (A[m,k] takes m * k).
int64_t PackedColumnsSize(int64_t k, int64_t n);
// Packs rows / columns; `out` is 64-byte aligned. The work is split over `pool`.
void PackRowsF32(const MatrixF32& a, int64_t m, int64_t k, float* out, ThreadPool& pool);
void PackColumnsF32(const MatrixF32& b, int64_t k, int64_t n, float* out, ThreadPool& pool);

struct GemmF32Arguments {
  int64_t m = 0, n = 0, k = 0;
  MatrixF32 a = {};
  MatrixF32 b = {};
  const float* packed_a = nullptr;  // instead of a
  const float* packed_b = nullptr;  // instead of b
  float* c = nullptr;
  int64_t c_stride = 0;  // between rows
  EpilogueF32 epilogue = {};
};
// Bytes of 64-byte aligned scratch that GemmF32 needs for these arguments (to pack B); may be 0.
size_t GemmF32Workspace(const GemmF32Arguments& arguments);
void GemmF32(const GemmF32Arguments& arguments, void* workspace, ThreadPool& pool);

// The step that all of the above, and convolution, are made of: a block of C from packed panels of one depth block.
struct GemmBlockF32 {
  int64_t rows = 0, columns = 0, depth = 0;
  const float* a = nullptr;    // row panels of this depth
  const float* b = nullptr;    // column panels of this depth, kPanelColumns apart when not packed
  int64_t b_panel_stride = 0;  // floats from one panel to the next: kPanelColumns * depth when packed
  int64_t b_row_stride = kPanelColumns;
  float* c = nullptr;
  int64_t c_stride = 0;
  bool accumulate = false;                // add to C (a later depth block), else overwrite
  const EpilogueF32* epilogue = nullptr;  // given with the last depth block; its pointers are those of this block
};
void ComputeGemmBlockF32(const GemmBlockF32& block);

// The epilogue of the whole as seen by the block whose first element is (row, column).
EpilogueF32 EpilogueAt(const EpilogueF32& epilogue, int64_t row, int64_t column);

}  // namespace sardonyx::kernels
