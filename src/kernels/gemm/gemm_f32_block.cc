// ComputeGemmBlockF32: tiles of up to 12 rows by 2 vectors that stay in registers over one depth block.
#include <algorithm>
#include <cstring>

#include "kernels/gemm/gemm_f32.h"
#include "kernels/gemm/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm/gemm_f32_block.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// At most 16 lanes: a panel of columns is two such vectors.
using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
// Accumulators fill the registers: 12 x 2 of 32, or 6 x 2 of 16.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr int kTileRows = 12;
#else
constexpr int kTileRows = 6;
#endif

struct Tile {
  int64_t depth;
  const float* a;
  int64_t a_stride;  // rows of the panel that the tile is a part of
  const float* b;
  int64_t b_stride;
  float* c;
  int64_t c_stride;
  bool accumulate;
};

template <int kRows, int kVectors>
HWY_NOINLINE void ComputeTile(const Tile& t) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  V sum[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::Zero(d);
  }
  const float* a = t.a;
  const float* b = t.b;
  const int64_t a_stride = t.a_stride, b_stride = t.b_stride;
  for (int64_t k = t.depth; k > 0; --k) {
    V columns[kVectors];
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) columns[v] = hn::LoadU(d, b + v * lanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const V row = hn::Set(d, a[r]);
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::MulAdd(row, columns[v], sum[r][v]);
    }
    a += a_stride;
    b += b_stride;
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      float* c = t.c + r * t.c_stride + v * lanes;
      hn::StoreU(t.accumulate ? hn::Add(hn::LoadU(d, c), sum[r][v]) : sum[r][v], d, c);
    }
  }
}

using TileFunction = void (*)(const Tile&);
struct TileFunctions {
  TileFunction of_rows[kTileRows];  // index: rows - 1
};
template <int kVectors, int... kRow>
constexpr TileFunctions MakeTileFunctions(std::integer_sequence<int, kRow...>) {
  return {{&ComputeTile<kRow + 1, kVectors>...}};
}

void ComputeRows(Tile tile, int64_t rows, int64_t vectors) {
  static constexpr TileFunctions kOne = MakeTileFunctions<1>(std::make_integer_sequence<int, kTileRows>());
  static constexpr TileFunctions kTwo = MakeTileFunctions<2>(std::make_integer_sequence<int, kTileRows>());
  for (int64_t r = 0; r < rows; r += kTileRows) {
    const int64_t count = std::min<int64_t>(kTileRows, rows - r);
    (vectors == 1 ? kOne : kTwo).of_rows[count - 1](tile);
    if (tile.a) tile.a += kTileRows;  // null when the depth is 0
    tile.c += kTileRows * tile.c_stride;
  }
}

// `rows` of one row panel by `columns` (at most two vectors) of one column panel.
void ComputePanelPart(const Tile& tile, int64_t rows, int64_t columns, int64_t lanes) {
  if (columns == lanes || columns == 2 * lanes) return ComputeRows(tile, rows, columns / lanes);
  // Whole vectors go through a copy, so that nothing beside C's own columns is touched.
  const int64_t vectors = (columns + lanes - 1) / lanes;
  HWY_ALIGN float copy[kPanelRows * 32];
  Tile local = tile;
  local.c = copy;
  local.c_stride = vectors * lanes;
  if (tile.accumulate)
    for (int64_t r = 0; r < rows; ++r) {
      std::memcpy(copy + r * local.c_stride, tile.c + r * tile.c_stride, static_cast<size_t>(columns) * sizeof(float));
      std::fill_n(copy + r * local.c_stride + columns, local.c_stride - columns, 0.0f);
    }
  ComputeRows(local, rows, vectors);
  for (int64_t r = 0; r < rows; ++r)
    std::memcpy(tile.c + r * tile.c_stride, copy + r * local.c_stride, static_cast<size_t>(columns) * sizeof(float));
}

// One row of a finished tile.
void FinishRow(const EpilogueF32& e, int64_t row, int64_t column, int64_t columns, float* c) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const float row_bias = e.row_bias ? e.bias_scale * e.row_bias[row] : 0.0f;
  const float* column_bias = e.column_bias ? e.column_bias + column : nullptr;
  const float* residual = e.residual ? e.residual + row * e.residual_stride + column : nullptr;
  const V scale = hn::Set(d, e.scale), bias_scale = hn::Set(d, e.bias_scale), row_bias_vector = hn::Set(d, row_bias);
  const bool relu = e.activation.kind == ActivationKind::kRelu;
  int64_t j = 0;
  for (; j + lanes <= columns; j += lanes) {
    V x = hn::MulAdd(hn::LoadU(d, c + j), scale, row_bias_vector);
    if (column_bias) x = hn::MulAdd(hn::LoadU(d, column_bias + j), bias_scale, x);
    if (residual) x = hn::MulAdd(hn::LoadU(d, residual + j), bias_scale, x);
    if (relu) x = hn::IfThenZeroElse(hn::Lt(x, hn::Zero(d)), x);
    hn::StoreU(x, d, c + j);
  }
  const hn::CappedTag<float, 1> one;
  for (; j < columns; ++j) {
    auto x = hn::MulAdd(hn::LoadU(one, c + j), hn::Set(one, e.scale), hn::Set(one, row_bias));
    if (column_bias) x = hn::MulAdd(hn::LoadU(one, column_bias + j), hn::Set(one, e.bias_scale), x);
    if (residual) x = hn::MulAdd(hn::LoadU(one, residual + j), hn::Set(one, e.bias_scale), x);
    if (relu) x = hn::IfThenZeroElse(hn::Lt(x, hn::Zero(one)), x);
    hn::StoreU(x, one, c + j);
  }
  if (!relu) ActivateF32(e.activation, c, columns);
}

void ComputeBlock(const GemmBlockF32& block) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t column = 0; column < block.columns; column += kPanelColumns) {
    const int64_t columns = std::min(kPanelColumns, block.columns - column);
    // Of depth 0 there is no B; the tile's pointer is then not read, but it must be one.
    static constexpr float kNothing[kPanelColumns] = {};
    const float* b = block.depth == 0 ? kNothing : block.b + column / kPanelColumns * block.b_panel_stride;
    for (int64_t row = 0; row < block.rows; row += kPanelRows) {
      const int64_t rows = std::min(kPanelRows, block.rows - row);
      for (int64_t j = 0; j < columns; j += 2 * lanes) {
        const Tile tile{block.depth,
                        block.a + row * block.depth,
                        rows,
                        b + j,
                        block.b_row_stride,
                        block.c + row * block.c_stride + column + j,
                        block.c_stride,
                        block.accumulate};
        ComputePanelPart(tile, rows, std::min(2 * lanes, columns - j), lanes);
      }
      if (block.epilogue)
        for (int64_t r = 0; r < rows; ++r)
          FinishRow(*block.epilogue, row + r, column, columns, block.c + (row + r) * block.c_stride + column);
    }
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx::kernels {

HWY_EXPORT(ComputeBlock);

void ComputeGemmBlockF32(const GemmBlockF32& block) { HWY_DYNAMIC_DISPATCH(ComputeBlock)(block); }

}  // namespace sardonyx::kernels
#endif
