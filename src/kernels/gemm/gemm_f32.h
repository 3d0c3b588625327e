// Single-precision matrix product: blocked, on packed operands, with SIMD tiles, a fused epilogue and thread slices.
//
//   C[m,n] = epilogue(A[m,k] * B[k,n])
//
// Every element is summed in one fixed order (k ascending, in blocks whose depth follows from the shape alone), so results
// have the same bits whatever the number of threads and the partition of the work.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "kernels/gemm/activation.h"
#include "kernels/gemm/aligned_buffer.h"
#include "sardonyx/float_types.h"

namespace sardonyx::kernels {

// Widths of the packed panels. Rows: a tile of 12 rows by 2 vectors fills 24 of 32 registers with sums, and needs per step of
// depth 2 loads of B and 12 broadcasts of A for 24 multiply-adds: half of what the load ports give. Columns: two vectors of
// AVX-512, four of AVX2 (where a tile is 6 by 2 vectors).
inline constexpr int64_t kPanelRows = 12;
inline constexpr int64_t kPanelColumns = 32;
// Depth that callers of ComputeGemmBlockF32 work in.
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

// B packed: panels of kPanelColumns columns, one after the other, each [k][kPanelColumns] (the last filled with zeros). A
// thread that takes some columns of a product with few rows so reads one stretch of memory.
int64_t PackedColumnsSize(int64_t k, int64_t n);  // floats
// `out` is 64-byte aligned. The work is split over `pool`.
void PackColumnsF32(const MatrixF32& b, int64_t k, int64_t n, float* out, ThreadPool& pool);
// The same of a matrix of float16: half of the memory, and of its traffic.
struct MatrixF16 {
  const Float16* data = nullptr;
  int64_t row_stride = 0, column_stride = 1;
};
void PackColumnsF16(const MatrixF16& b, int64_t k, int64_t n, Float16* out, ThreadPool& pool);
// Panels [first, last) of the above, of rows [begin, begin + depth): each [depth][kPanelColumns], `panel_stride` floats apart.
void PackColumnPanelsF32(const MatrixF32& b, int64_t n, int64_t first, int64_t last, int64_t begin, int64_t depth, float* out,
                         int64_t panel_stride);

// A packed (m * k floats): for each block of kDepthBlock along k, panels of kPanelRows rows (the last may have fewer), each
// [depth][rows].
void PackRowsF32(const MatrixF32& a, int64_t m, int64_t k, float* out, ThreadPool& pool);
// One such block: rows [row, row + rows), columns [begin, begin + depth).
void PackRowBlockF32(const MatrixF32& a, int64_t row, int64_t rows, int64_t begin, int64_t depth, float* out);

struct GemmF32Arguments {
  int64_t m = 0, n = 0, k = 0;
  MatrixF32 a = {};
  MatrixF32 b = {};
  const float* packed_b = nullptr;         // instead of b
  const Float16* packed_b_half = nullptr;  // instead of b: PackColumnsF16
  float* c = nullptr;
  int64_t c_stride = 0;  // between rows
  EpilogueF32 epilogue = {};
};
// Bytes of 64-byte aligned scratch that GemmF32 needs for these arguments on a pool of so many threads (to pack B, and A where several
// threads read it); may be 0. Never less for more rows. A null workspace will do where B is packed: threads then pack their own rows.
size_t GemmF32Workspace(const GemmF32Arguments& arguments, int threads);
void GemmF32(const GemmF32Arguments& arguments, void* workspace, ThreadPool& pool);

// The step that all of the above, and convolution, are made of: a block of C from packed panels of one depth block.
struct GemmBlockF32 {
  int64_t rows = 0, columns = 0, depth = 0;
  const float* a = nullptr;    // row panels of this depth
  int64_t a_depth_stride = 0;  // not 0: A is one panel of all rows, of which element (i, k) is a[k * a_depth_stride + i]
  int64_t a_row_stride = 0;    // not 0: A as it lies, element (i, k) at a[i * a_row_stride + k]; B packed; where ReadsRowsInPlaceF32()
  const float* b = nullptr;    // column panels of this depth, kPanelColumns apart when not packed
  int64_t b_panel_stride = 0;  // floats from one panel to the next: kPanelColumns * depth when packed
  int64_t b_row_stride = kPanelColumns;
  float* c = nullptr;
  int64_t c_stride = 0;
  bool accumulate = false;                // add to C (a later depth block), else overwrite
  const void* next = nullptr;             // what is needed after this, 64 bytes for each step of depth: comes into the cache meanwhile
  const EpilogueF32* epilogue = nullptr;  // given with the last depth block; its pointers are those of this block
};
void ComputeGemmBlockF32(const GemmBlockF32& block);
bool ReadsRowsInPlaceF32();  // depends on the instruction set

// Few rows, whose product is as fast as B comes from memory: A as it lies, all of k at once, B in packed panels.
struct GemmSkinnyF32 {
  int64_t rows = 0, columns = 0, depth = 0;  // rows at most SkinnyRowsF32()
  const float* a = nullptr;                  // element (i, j) is a[i * a_stride + j]
  int64_t a_stride = 0;
  const float* b = nullptr;         // panels [depth][kPanelColumns]
  const Float16* b_half = nullptr;  // instead of b
  float* c = nullptr;
  int64_t c_stride = 0;
  const EpilogueF32* epilogue = nullptr;  // of this block, or null
};
int64_t SkinnyRowsF32();  // at least 1; depends on the instruction set
void ComputeGemmSkinnyF32(const GemmSkinnyF32& block);

// The epilogue of the whole as seen by the block whose first element is (row, column).
EpilogueF32 EpilogueAt(const EpilogueF32& epilogue, int64_t row, int64_t column);

}  // namespace sardonyx::kernels
