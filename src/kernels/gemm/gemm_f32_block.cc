// ComputeGemmBlockF32: tiles of up to 12 rows by 2 vectors whose sums stay in registers over one depth block.
// ComputeGemmSkinnyF32: up to 5 rows by as many vectors as keep enough sums going.
//
// A tile's registers: 24 hold sums (12 rows x 2 vectors), 2 the row of B, 1 the broadcast element of A; on targets with 16
// registers, 12 hold sums (6 x 2). Two multiply-add units of latency 4 need 8 sums to be busy; more sums spare loads.
#include <algorithm>
#include <cstring>

#include "kernels/gemm/gemm_f32.h"
#include "kernels/gemm/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm/gemm_f32_block.cc"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"
#include "kernels/elementwise/half-inl.h"
#include "kernels/gemm/activation-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {

// At most 16 lanes: a panel of columns is two such vectors.
using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(D()));
constexpr int kPanelVectors = static_cast<int>(kPanelColumns) / kLanes;
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr int kTileRows = 12;
constexpr int kMaxSums = 24;
constexpr bool kReadsMatrices = true;  // there are registers for the pointers, and packing is a larger part of the whole
#else
constexpr int kTileRows = 6;
constexpr int kMaxSums = 12;
constexpr bool kReadsMatrices = false;
#endif
// Several steps of depth share one turn of the loop and its fetching.
constexpr int kUnroll = 4;
// What comes next is fetched from several places at once: each is a stream that the machine's own prefetcher goes on with, and a core
// has more requests on their way for it than for one. The more tiles there are to spread the fetching over, the fewer places.
constexpr int kMostStreams = 4;
constexpr int Streams(int64_t tiles) { return tiles <= 3 ? 4 : tiles <= 7 ? 2 : 1; }

struct Tile {
  int64_t depth;
  const float* a;
  int64_t a_stride;  // rows of the panel that the tile is a part of; in a matrix: from row to row
  const float* b;
  int64_t b_stride;
  float* c;
  int64_t c_stride;
  bool accumulate;
  bool in_matrix;  // A as it lies, row after row
  // Memory that is needed soon, in `streams` parts `prefetch_stream` floats apart: of each, `prefetch_step` floats come into the cache
  // with each turn.
  const float* prefetch;
  int64_t prefetch_step, prefetch_stream;
  int streams;
};

// A line of 16 floats of each stream.
HWY_INLINE void FetchLines(const float* at, int64_t stream, int streams) {
  __builtin_prefetch(at, 0, 3);
  if (streams == 1) return;
  __builtin_prefetch(at + stream, 0, 3);
  if (streams == 2) return;
  __builtin_prefetch(at + 2 * stream, 0, 3);
  __builtin_prefetch(at + 3 * stream, 0, 3);
}

// One step of depth; a(r) is row r's element.
template <int kRows, int kVectors, class A>
HWY_INLINE void Accumulate(const A& a, const float* HWY_RESTRICT b, V (&sum)[kRows][kVectors]) {
  const D d;
  V columns[kVectors];
#pragma GCC unroll 2
  for (int v = 0; v < kVectors; ++v) columns[v] = hn::LoadU(d, b + v * kLanes);
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    const V row = hn::Set(d, a(r));
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::MulAdd(row, columns[v], sum[r][v]);
  }
}

// Where a tile's rows lie: in a panel of so many rows as the tile says; in a whole panel; or in a matrix. In the last two B's columns are
// in whole panels, too, so that their strides cost no instructions.
enum class Rows { kPanel, kPackedPanel, kMatrix };

// Elements of some rows at one depth after the other.
template <Rows kWhere, int kRows>
class RowReader {
 public:
  HWY_INLINE RowReader(const float* a, int64_t stride) : stride_(4 * (kWhere == Rows::kPackedPanel ? kPanelRows : stride)) {
    // Three rows from a pointer are what addresses can reach, and so few pointers stay in registers.
#pragma GCC unroll 16
    for (int i = 0; i < kPointers; ++i) at_[i] = reinterpret_cast<const char*>(a + 3 * i * stride);
  }
  HWY_INLINE float operator()(int row, int step) const {
    const char* at = kWhere == Rows::kMatrix ? at_[row / 3] + row % 3 * stride_ + 4 * step : at_[0] + step * stride_ + 4 * row;
    return *reinterpret_cast<const float*>(at);
  }
  HWY_INLINE void Advance(int steps) {
#pragma GCC unroll 16
    for (int i = 0; i < kPointers; ++i) at_[i] += kWhere == Rows::kMatrix ? 4 * steps : steps * stride_;
  }

 private:
  static constexpr int kPointers = kWhere == Rows::kMatrix ? (kRows + 2) / 3 : 1;
  int64_t stride_;  // bytes
  const char* at_[kPointers];
};

template <int kRows, int kVectors, Rows kWhere>
HWY_NOINLINE void ComputeTile(const Tile& t) {
  const D d;
  V sum[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    __builtin_prefetch(t.c + r * t.c_stride, 1, 3);
    __builtin_prefetch(t.c + r * t.c_stride + 16, 1, 3);
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::Zero(d);
  }
  RowReader<kWhere, kRows> a(t.a, t.a_stride);
  const float* b = t.b;
  const float* next = t.prefetch;
  const int64_t b_stride = kWhere == Rows::kPanel ? t.b_stride : kPanelColumns;
  const int64_t next_step = t.prefetch_step, next_stream = t.prefetch_stream;
  const int streams = t.streams;
  const bool two_lines = next_step > 16;  // a row of a panel has no more
  int64_t k = t.depth;
  for (; k >= kUnroll; k -= kUnroll) {
    FetchLines(next, next_stream, streams);
    if (two_lines) FetchLines(next + 16, next_stream, streams);
#pragma GCC unroll 4
    for (int i = 0; i < kUnroll; ++i) Accumulate([&](int r) HWY_ATTR { return a(r, i); }, b + i * b_stride, sum);
    a.Advance(kUnroll);
    b += kUnroll * b_stride;
    next += next_step;
  }
  for (; k > 0; --k) {
    Accumulate([&](int r) HWY_ATTR { return a(r, 0); }, b, sum);
    a.Advance(1);
    b += b_stride;
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      float* c = t.c + r * t.c_stride + v * kLanes;
      hn::StoreU(t.accumulate ? hn::Add(hn::LoadU(d, c), sum[r][v]) : sum[r][v], d, c);
    }
  }
}

using TileFunction = void (*)(const Tile&);
struct TileFunctions {
  TileFunction of_rows[kTileRows];  // index: rows - 1
};
template <int kVectors, Rows kWhere, int... kRow>
constexpr TileFunctions MakeTileFunctions(std::integer_sequence<int, kRow...>) {
  return {{&ComputeTile<kRow + 1, kVectors, kWhere>...}};
}
template <int kVectors>
const TileFunctions& TileFunctionsFor(Rows where) {
  using Numbers = std::make_integer_sequence<int, kTileRows>;
  static constexpr TileFunctions kPanel = MakeTileFunctions<kVectors, Rows::kPanel>(Numbers());
  static constexpr TileFunctions kPackedPanel = MakeTileFunctions<kVectors, Rows::kPackedPanel>(Numbers());
  if (where == Rows::kPackedPanel) return kPackedPanel;
  if constexpr (kReadsMatrices) {
    static constexpr TileFunctions kMatrix = MakeTileFunctions<kVectors, Rows::kMatrix>(Numbers());
    if (where == Rows::kMatrix) return kMatrix;
  }
  return kPanel;
}

void ComputeRows(Tile tile, int64_t rows, int64_t vectors) {
  Rows where = tile.in_matrix ? Rows::kMatrix : Rows::kPanel;
  if (where == Rows::kPanel && tile.a_stride == kPanelRows && tile.b_stride == kPanelColumns) where = Rows::kPackedPanel;
  const TileFunctions& functions = vectors == 1 ? TileFunctionsFor<1>(where) : TileFunctionsFor<2>(where);
  // Rows in equal parts: a tile of two or three has too few sums to hide their latency.
  const int64_t tiles = (rows + kTileRows - 1) / kTileRows, most = (rows + tiles - 1) / tiles;
  for (int64_t r = 0; r < rows; r += most) {
    functions.of_rows[std::min(most, rows - r) - 1](tile);
    if (tile.a) tile.a += tile.in_matrix ? most * tile.a_stride : most;  // null when the depth is 0
    tile.c += most * tile.c_stride;
    tile.prefetch += tile.depth / kUnroll * tile.prefetch_step;
  }
}

// Fewer floats than a panel has; `from` holds whole vectors. A call, or what compilers make of one for any length, would cost as much as a small product.
HWY_INLINE void CopyFirst(const float* from, int64_t count, float* to) {
  const D d;
  int64_t j = 0;
  for (; j + kLanes <= count; j += kLanes) hn::StoreU(hn::LoadU(d, from + j), d, to + j);
  if (j < count) vector_math::StoreTail(d, hn::LoadU(d, from + j), to + j, count - j);
}

// `rows` of one row panel by `columns` (at most two vectors) of one column panel.
void ComputePanelPart(const Tile& tile, int64_t rows, int64_t columns) {
  if (columns == kLanes || columns == 2 * kLanes) return ComputeRows(tile, rows, columns / kLanes);
  // Whole vectors go through a copy, so that nothing beside C's own columns is touched.
  const int64_t vectors = (columns + kLanes - 1) / kLanes;
  HWY_ALIGN float copy[kPanelRows * kPanelColumns];
  Tile local = tile;
  local.c = copy;
  local.c_stride = vectors * kLanes;
  if (tile.accumulate)
    for (int64_t r = 0; r < rows; ++r) {
      std::memcpy(copy + r * local.c_stride, tile.c + r * tile.c_stride, static_cast<size_t>(columns) * sizeof(float));
      std::fill_n(copy + r * local.c_stride + columns, local.c_stride - columns, 0.0f);
    }
  ComputeRows(local, rows, vectors);
  for (int64_t r = 0; r < rows; ++r) CopyFirst(copy + r * local.c_stride, columns, tile.c + r * tile.c_stride);
}

// One row of a finished tile. What is left of a last vector is computed like the rest.
void FinishRow(const EpilogueF32& e, int64_t row, int64_t column, int64_t columns, float* c) {
  const D d;
  const V scale = hn::Set(d, e.scale), bias_scale = hn::Set(d, e.bias_scale);
  const V row_bias = hn::Set(d, e.row_bias ? e.bias_scale * e.row_bias[row] : 0.0f);
  const float* column_bias = e.column_bias ? e.column_bias + column : nullptr;
  const float* residual = e.residual ? e.residual + row * e.residual_stride + column : nullptr;
  const auto finish = [&](V x, V b, V r) HWY_ATTR {
    x = hn::MulAdd(x, scale, row_bias);
    if (column_bias) x = hn::MulAdd(b, bias_scale, x);
    if (residual) x = hn::MulAdd(r, bias_scale, x);
    return ActivateVector(d, e.activation, x);
  };
  const V zero = hn::Zero(d);
  int64_t j = 0;
  for (; j + kLanes <= columns; j += kLanes)
    hn::StoreU(finish(hn::LoadU(d, c + j), column_bias ? hn::LoadU(d, column_bias + j) : zero, residual ? hn::LoadU(d, residual + j) : zero), d,
               c + j);
  if (j == columns) return;
  const auto load = [&](const float* from) HWY_ATTR { return from ? vector_math::LoadTail(d, from + j, columns - j, 0.0f) : zero; };
  vector_math::StoreTail(d, finish(load(c), load(column_bias), load(residual)), c + j, columns - j);
}

// Rows that FinishPanelRows takes: of four vectors, whose activations are computed together.
constexpr int kFinishVectors = kPanelVectors < 4 ? kPanelVectors : 4;
constexpr int kFinishRows = 4 / kFinishVectors;

// FinishRow of kFinishRows rows of a whole panel.
void FinishPanelRows(const EpilogueF32& e, int64_t row, int64_t column, float* c, int64_t c_stride) {
  using vector_math::Unroll;
  const D d;
  const V scale = hn::Set(d, e.scale), bias_scale = hn::Set(d, e.bias_scale);
  constexpr int n = kFinishRows * kFinishVectors;
  for (int64_t first = 0; first < kPanelColumns; first += kFinishVectors * kLanes) {
    V x[n];
    Unroll<n>([&](auto i) SARDONYX_INLINE_LAMBDA {
      constexpr int r = i / kFinishVectors;
      const int64_t j = first + i % kFinishVectors * kLanes;
      const V row_bias = hn::Set(d, e.row_bias ? e.bias_scale * e.row_bias[row + r] : 0.0f);
      x[i] = hn::MulAdd(hn::LoadU(d, c + r * c_stride + j), scale, row_bias);
      if (e.column_bias) x[i] = hn::MulAdd(hn::LoadU(d, e.column_bias + column + j), bias_scale, x[i]);
      if (e.residual) x[i] = hn::MulAdd(hn::LoadU(d, e.residual + (row + r) * e.residual_stride + column + j), bias_scale, x[i]);
    });
    ActivateVectors(d, e.activation, x);
    Unroll<n>([&](auto i) SARDONYX_INLINE_LAMBDA {
      hn::StoreU(x[i], d, c + i / kFinishVectors * c_stride + first + i % kFinishVectors * kLanes);
    });
  }
}

// The rows of a finished part of a panel.
void FinishRows(const EpilogueF32& e, int64_t row, int64_t rows, int64_t column, int64_t columns, float* c, int64_t c_stride) {
  int64_t r = 0;
  if (columns == kPanelColumns)
    for (; r + kFinishRows <= rows; r += kFinishRows) FinishPanelRows(e, row + r, column, c + r * c_stride, c_stride);
  for (; r < rows; ++r) FinishRow(e, row + r, column, columns, c + r * c_stride);
}

void ComputeBlock(const GemmBlockF32& block) {
  const int64_t row_panels = (block.rows + kPanelRows - 1) / kPanelRows;
  const bool in_matrix = block.a_row_stride != 0;
  // In a matrix panels may as well be of equal heights.
  const int64_t height = in_matrix ? std::max<int64_t>(1, (block.rows + row_panels - 1) / std::max<int64_t>(1, row_panels)) : kPanelRows;
  for (int64_t column = 0; column < block.columns; column += kPanelColumns) {
    const int64_t columns = std::min(kPanelColumns, block.columns - column);
    // Of depth 0 there is no B; the tile's pointer is then not read, but it must be one.
    static constexpr float kNothing[kPanelColumns] = {};
    const float* b = block.depth == 0 ? kNothing : block.b + column / kPanelColumns * block.b_panel_stride;
    // While one panel is used by all rows the next comes in, a part with each tile.
    constexpr int64_t kTilesDown = kPanelRows / kTileRows, kTiles = kTilesDown * (kPanelColumns / (2 * kLanes));  // of whole panels
    static_assert(kUnroll % kMostStreams == 0);
    const bool last = column + kPanelColumns >= block.columns;
    const int streams = Streams(row_panels * kTiles);
    // Behind the last one comes what the caller knows of.
    const int64_t next_row = !last ? block.b_row_stride : block.next ? 64 / static_cast<int64_t>(sizeof(float)) : 0;
    const int64_t step = kUnroll / streams * next_row / (row_panels * kTiles);
    const float* next = !last ? b + block.b_panel_stride : block.next ? static_cast<const float*>(block.next) : b;
    for (int64_t row = 0; row < block.rows; row += height) {
      const int64_t rows = std::min(height, block.rows - row);
      for (int64_t j = 0; j < columns; j += 2 * kLanes) {
        const Tile tile{block.depth,
                        in_matrix ? block.a + row * block.a_row_stride : block.a_depth_stride ? block.a + row : block.a + row * block.depth,
                        in_matrix ? block.a_row_stride : block.a_depth_stride ? block.a_depth_stride : rows,
                        b + j,
                        block.b_row_stride,
                        block.c + row * block.c_stride + column + j,
                        block.c_stride,
                        block.accumulate,
                        in_matrix,
                        next,
                        step,
                        block.depth / streams * next_row,
                        streams};
        ComputePanelPart(tile, rows, std::min<int64_t>(2 * kLanes, columns - j));
        next += block.depth / kUnroll * step * kTilesDown;
      }
      if (block.epilogue) FinishRows(*block.epilogue, row, rows, column, columns, block.c + row * block.c_stride + column, block.c_stride);
    }
  }
}

// ---- Skinny

// Rows whose sums over one panel fit the registers.
constexpr int kSkinnyRows = std::max(1, std::min(5, kMaxSums / kPanelVectors));
// Panels at a time: 8 sums are enough to hide latency.
constexpr int SkinnyPanels(int rows) { return std::max(1, 8 / (rows * kPanelVectors)); }

HWY_INLINE V LoadColumns(const float* b) { return hn::LoadU(D(), b); }
HWY_INLINE V LoadColumns(const Float16* b) { return LoadHalves(b); }

template <class B>
struct Skinny {
  int64_t depth;
  const float* a;
  int64_t a_stride;
  const B* b;  // panels one after the other
  float* c;
  int64_t c_stride;
};

template <int kRows, int kPanels, class B>
HWY_NOINLINE void ComputeSkinnyTile(const Skinny<B>& t) {
  const D d;
  constexpr int kVectors = kPanels * kPanelVectors;
  V sum[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::Zero(d);
  }
  const int64_t panel = t.depth * kPanelColumns, a_stride = t.a_stride;
  const B* b = t.b;
  // Far enough ahead for memory, near enough to be there still: 2 KiB of each panel.
  constexpr int64_t kLine = 64 / sizeof(B), kAhead = 32 * kLine;
  for (int64_t k = 0; k < t.depth; ++k, b += kPanelColumns) {
    V row[kRows];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) row[r] = hn::Set(d, t.a[r * a_stride + k]);
#pragma GCC unroll 16
    for (int p = 0; p < kPanels; ++p) {
#pragma GCC unroll 2
      for (int64_t line = 0; line < kPanelColumns; line += kLine) __builtin_prefetch(b + p * panel + kAhead + line, 0, 3);
#pragma GCC unroll 16
      for (int v = 0; v < kPanelVectors; ++v) {
        const V columns = LoadColumns(b + p * panel + v * kLanes);
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) sum[r][p * kPanelVectors + v] = hn::MulAdd(row[r], columns, sum[r][p * kPanelVectors + v]);
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) hn::StoreU(sum[r][v], d, t.c + r * t.c_stride + v * kLanes);
  }
}

template <int kRows, class B>
void ComputeSkinnyRowsOf(const GemmSkinnyF32& block, const B* b) {
  constexpr int kPanels = SkinnyPanels(kRows);
  Skinny<B> tile{block.depth, block.a, block.a_stride, b, block.c, block.c_stride};
  for (int64_t column = 0; column < block.columns;) {
    const int64_t left = block.columns - column;
    int64_t columns = std::min<int64_t>(left, kPanelColumns);
    if (left >= kPanels * kPanelColumns) {
      columns = kPanels * kPanelColumns;
      ComputeSkinnyTile<kRows, kPanels>(tile);
    } else if (columns == kPanelColumns) {
      ComputeSkinnyTile<kRows, 1>(tile);
    } else {
      HWY_ALIGN float copy[kRows * kPanelColumns];
      Skinny<B> local = tile;
      local.c = copy;
      local.c_stride = kPanelColumns;
      ComputeSkinnyTile<kRows, 1>(local);
      for (int r = 0; r < kRows; ++r) std::copy_n(copy + r * kPanelColumns, columns, tile.c + r * tile.c_stride);
    }
    if (block.epilogue)
      for (int r = 0; r < kRows; ++r) FinishRow(*block.epilogue, r, column, columns, tile.c + r * tile.c_stride);
    column += columns;
    tile.b += columns * block.depth;
    tile.c += columns;
  }
}

template <int kRows>
void ComputeSkinnyRows(const GemmSkinnyF32& block) {
  block.b_half ? ComputeSkinnyRowsOf<kRows>(block, block.b_half) : ComputeSkinnyRowsOf<kRows>(block, block.b);
}

template <int... kRow>
void ComputeSkinnyOf(const GemmSkinnyF32& block, std::integer_sequence<int, kRow...>) {
  static constexpr void (*kOfRows[])(const GemmSkinnyF32&) = {&ComputeSkinnyRows<kRow + 1>...};
  kOfRows[block.rows - 1](block);
}
void ComputeSkinny(const GemmSkinnyF32& block) { ComputeSkinnyOf(block, std::make_integer_sequence<int, kSkinnyRows>()); }
int64_t SkinnyRows() { return kSkinnyRows; }
bool ReadsMatrices() { return kReadsMatrices; }

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx::kernels {

HWY_EXPORT(ComputeBlock);
HWY_EXPORT(ComputeSkinny);
HWY_EXPORT(SkinnyRows);
HWY_EXPORT(ReadsMatrices);

void ComputeGemmBlockF32(const GemmBlockF32& block) { HWY_DYNAMIC_DISPATCH(ComputeBlock)(block); }
void ComputeGemmSkinnyF32(const GemmSkinnyF32& block) { HWY_DYNAMIC_DISPATCH(ComputeSkinny)(block); }
bool ReadsRowsInPlaceF32() { return HWY_DYNAMIC_DISPATCH(ReadsMatrices)(); }
int64_t SkinnyRowsF32() { return HWY_DYNAMIC_DISPATCH(SkinnyRows)(); }

}  // namespace sardonyx::kernels
#endif
