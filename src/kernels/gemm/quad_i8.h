// Products of uint8 rows with int8 weights that are known at load, by dot products of four along the depth (VNNI's vpdpbusd and
// what other machines have for it): for matrices, and for convolutions over channels-last images, whose rows are found by pointers.
//
//   sums[r, n] = sum over taps t and depth d of rows[t][r][d] * w[t, d, n]
//
// Sums are int32 and wrap, as the specification allows them to. What becomes of them (an epilogue) happens in registers.
#pragma once

#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/gemm/aligned_buffer.h"

namespace sardonyx::kernels {

// Columns of a full panel of weights.
inline constexpr int64_t kQuadPanel = 64;
// Columns are packed in whole vectors of this many.
inline constexpr int64_t kQuadVector = 16;

// Where weight (t, d, n) stands before packing: data[t * tap_stride + d * depth_stride + n * column_stride].
struct QuadSource {
  const int8_t* data = nullptr;
  int64_t tap_stride = 0, depth_stride = 0, column_stride = 0;
};

// Panels [panel][tap][depth / 4][width][4], zero where there is nothing; all panels are kQuadPanel wide but the last, which has as
// many columns as are left, in whole vectors.
struct QuadWeights {
  int64_t taps = 1, depth = 0, columns = 0;
  AlignedBuffer<int8_t> data;
  std::vector<int32_t> column_sums;  // of all taps and depths

  int64_t bytes() const { return (columns + kQuadVector - 1) / kQuadVector * kQuadVector * taps * quads() * 4; }
  int64_t quads() const { return (depth + 3) / 4; }
  int64_t panels() const { return (columns + kQuadPanel - 1) / kQuadPanel; }
  int64_t panel_width(int64_t panel) const;
  const int8_t* panel(int64_t panel) const { return data.data() + panel * kQuadPanel * taps * quads() * 4; }
};
// data is empty when there is no memory for it.
QuadWeights PackQuads(const QuadSource& source, int64_t taps, int64_t depth, int64_t columns, ThreadPool& pool);

// What becomes of the sums. Arrays hold one entry a column, readable up to the end of the last panel.
struct QuadEpilogue {
  enum class Kind : uint8_t {
    kSums,      // int32: sum + offset
    kFloat,     // float: (sum + offset) * scale + bias
    kQuantize,  // uint8 (or int8): saturate(round_half_even((sum + offset) * scale) + zero_point)
  };
  Kind kind = Kind::kSums;
  const int32_t* offsets = nullptr;  // what zero points and integer biases add to each sum
  const float* scales = nullptr;
  const float* biases = nullptr;  // kFloat only; null: none
  int32_t zero_point = 0;
  bool is_signed = false;  // of what kQuantize gives
  void* out = nullptr;     // element (r, n) is out[r * stride + n]
  int64_t stride = 0;
};

// rows[t * row_stride + r]: where tap t of row r begins; 4 * quads() bytes are read there, those past the depth without effect.
struct QuadBlock {
  const QuadWeights* weights = nullptr;
  int64_t panel = 0;
  const uint8_t* const* rows = nullptr;
  int64_t row_stride = 0;
  int64_t num_rows = 0;
  QuadEpilogue epilogue = {};
};
void ComputeQuadBlock(const QuadBlock& block);

// Rows are distributed in blocks of this many: whole register tiles on every target.
inline constexpr int64_t kQuadRowBlock = 96;

// Y[m, n] of a matrix of m rows, `stride` bytes apart. The depth may be any; rows are copied where reading past them could leave
// `x`, which holds (m - 1) * stride + depth bytes.
struct QuadGemm {
  const QuadWeights* weights = nullptr;
  const uint8_t* x = nullptr;
  int64_t m = 0, stride = 0;
  QuadEpilogue epilogue = {};
};
void ComputeQuadGemm(const QuadGemm& gemm, ThreadPool& pool);

}  // namespace sardonyx::kernels
