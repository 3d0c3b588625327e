// ComputeQuadBlock on AMX: products of whole tiles, 16 rows by 16 columns by 64 of depth in one instruction (tdpbusd, eight times the
// products of vpdpbusd). Included once a target by quad_i8_block.cc, for AVX-512 targets.
//
// The panels of QuadWeights are what tdpbusd reads: 16 quads by 16 columns, rows one panel's width apart. Tiles 0 to 3 hold sums, 4 and
// 5 rows, 6 and 7 weights: two by two tiles of sums, so that each tile that is loaded serves two products. All tiles are whole: rows
// past the last repeat it and are not stored; depth past a tap's end meets zeros among the rows, whatever the weights there are.
#if defined(SARDONYX_QUAD_I8_TILES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SARDONYX_QUAD_I8_TILES_INL_H_
#undef SARDONYX_QUAD_I8_TILES_INL_H_
#else
#define SARDONYX_QUAD_I8_TILES_INL_H_
#endif

#include <algorithm>
#include <cstring>

#include "base/ceil_div.h"
#include "base/machine.h"
#include "hwy/highway.h"
#include "kernels/gemm/quad_i8.h"

#undef SARDONYX_QUAD_TILES
#if HWY_TARGET == HWY_AVX3 && defined(__x86_64__)
#define SARDONYX_QUAD_TILES 1

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {

// Tile numbers are part of the instructions.
#define SARDONYX_TILE_ZERO(tile) asm volatile("tilezero %%tmm" #tile ::)
#define SARDONYX_TILE_LOAD(tile, from, stride) \
  asm volatile("tileloadd (%0,%1,1), %%tmm" #tile ::"r"(from), "r"(static_cast<int64_t>(stride)) : "memory")
#define SARDONYX_TILE_STORE(tile, to, stride) \
  asm volatile("tilestored %%tmm" #tile ", (%0,%1,1)" ::"r"(to), "r"(static_cast<int64_t>(stride)) : "memory")
#define SARDONYX_TILE_DOT(sum, rows, weights) asm volatile("tdpbusd %%tmm" #weights ", %%tmm" #rows ", %%tmm" #sum ::)

constexpr int64_t kTileRows = 16, kTileBytes = 64, kTileColumns = 16;

// The tiles of a thread while it lives: all of 16 rows of 64 bytes.
class TileRegisters {
 public:
  TileRegisters() {
    struct alignas(64) {
      uint8_t palette = 1, start_row = 0, reserved[14] = {};
      uint16_t row_bytes[16] = {};
      uint8_t rows[16] = {};
    } config;
    std::fill_n(config.row_bytes, 8, static_cast<uint16_t>(kTileBytes));
    std::fill_n(config.rows, 8, static_cast<uint8_t>(kTileRows));
    asm volatile("ldtilecfg %0" ::"m"(config));
  }
  ~TileRegisters() { asm volatile("tilerelease" ::); }
  TileRegisters(const TileRegisters&) = delete;
  TileRegisters& operator=(const TileRegisters&) = delete;
};

// A tap's bytes of 16 rows: where they lie at one distance from each other they are loaded as they are, otherwise, and at the end of the
// depth, they are copied.
class TileOfRows {
 public:
  TileOfRows(const uint8_t* const* rows, int64_t count) : rows_(rows), last_(count - 1) {
    stride_ = count >= kTileRows ? rows[1] - rows[0] : 0;
    regular_ = count >= kTileRows;
    for (int64_t r = 2; regular_ && r < kTileRows; ++r) regular_ = rows[r] - rows[r - 1] == stride_;
  }

  // Where bytes [at, at + 64) of the rows are, of which the first `bytes` are to be read; `stride` is from row to row.
  HWY_INLINE const uint8_t* At(int64_t at, int64_t bytes, int64_t* stride) {
    if (regular_ && bytes >= kTileBytes) {
      *stride = stride_;
      return rows_[0] + at;
    }
    const __mmask64 mask = bytes >= kTileBytes ? ~__mmask64{0} : (__mmask64{1} << bytes) - 1;
    for (int64_t r = 0; r < kTileRows; ++r)
      _mm512_store_si512(copy_ + r * kTileBytes, _mm512_maskz_loadu_epi8(mask, rows_[std::min(r, last_)] + at));
    *stride = kTileBytes;
    return copy_;
  }

 private:
  const uint8_t* const* rows_;
  int64_t last_;
  int64_t stride_ = 0;
  bool regular_ = false;
  alignas(64) uint8_t copy_[kTileRows * kTileBytes];
};

struct QuadTiles {
  const int8_t* weights;  // of the panel, from the first column on
  int64_t width;          // of the panel
  int64_t taps, quads;
  const uint8_t* const* rows;
  int64_t row_stride, num_rows;
  int32_t* sums;  // [32][kQuadPanel], from the first column on
  // Weights that are needed soon: four streams `fetch_stream` bytes apart, of each `fetch_lines` lines with every step of 64 of depth.
  const int8_t* fetch;
  int64_t fetch_stream, fetch_lines;
};

// Sums of up to 32 rows and 32 columns (16 where kTwoRows, kTwoColumns are false).
template <bool kTwoRows, bool kTwoColumns>
HWY_NOINLINE void ComputeTiles(const QuadTiles& t) {
  SARDONYX_TILE_ZERO(0);
  if constexpr (kTwoColumns) SARDONYX_TILE_ZERO(1);
  if constexpr (kTwoRows) SARDONYX_TILE_ZERO(2);
  if constexpr (kTwoRows && kTwoColumns) SARDONYX_TILE_ZERO(3);
  const int64_t depth = 4 * t.quads, weight_stride = 4 * t.width, fetch_lines = t.fetch_lines, fetch_stream = t.fetch_stream;
  const int8_t* fetch = t.fetch;
  for (int64_t tap = 0; tap < t.taps; ++tap) {
    const uint8_t* const* rows = t.rows + tap * t.row_stride;
    TileOfRows upper(rows, t.num_rows), lower(kTwoRows ? rows + kTileRows : rows, kTwoRows ? t.num_rows - kTileRows : t.num_rows);
    const int8_t* weights = t.weights + tap * t.quads * weight_stride;
    for (int64_t at = 0; at < depth; at += kTileBytes, weights += kTileRows * weight_stride) {
      for (int64_t i = 0; i < fetch_lines; ++i, fetch += 64) {
        __builtin_prefetch(fetch, 0, 2);
        __builtin_prefetch(fetch + fetch_stream, 0, 2);
        __builtin_prefetch(fetch + 2 * fetch_stream, 0, 2);
        __builtin_prefetch(fetch + 3 * fetch_stream, 0, 2);
      }
      int64_t stride;
      const uint8_t* bytes = upper.At(at, depth - at, &stride);
      SARDONYX_TILE_LOAD(4, bytes, stride);
      SARDONYX_TILE_LOAD(6, weights, weight_stride);
      SARDONYX_TILE_DOT(0, 4, 6);
      if constexpr (kTwoColumns) {
        SARDONYX_TILE_LOAD(7, weights + 4 * kTileColumns, weight_stride);
        SARDONYX_TILE_DOT(1, 4, 7);
      }
      if constexpr (kTwoRows) {
        bytes = lower.At(at, depth - at, &stride);
        SARDONYX_TILE_LOAD(5, bytes, stride);
        SARDONYX_TILE_DOT(2, 5, 6);
        if constexpr (kTwoColumns) SARDONYX_TILE_DOT(3, 5, 7);
      }
    }
  }
  constexpr int64_t kStride = kQuadPanel * 4;
  int32_t* const lower_sums = t.sums + kTileRows * kQuadPanel;
  SARDONYX_TILE_STORE(0, t.sums, kStride);
  if constexpr (kTwoColumns) SARDONYX_TILE_STORE(1, t.sums + kTileColumns, kStride);
  if constexpr (kTwoRows) SARDONYX_TILE_STORE(2, lower_sums, kStride);
  if constexpr (kTwoRows && kTwoColumns) SARDONYX_TILE_STORE(3, lower_sums + kTileColumns, kStride);
}

// All of a block; finish(sums, row) takes the sums of a row of the panel to their end.
template <class Finish>
void ComputeTilePanel(const QuadBlock& b, const Finish& finish) {
  const QuadWeights& w = *b.weights;
  const int64_t width = w.panel_width(b.panel);
  alignas(64) int32_t sums[2 * kTileRows * kQuadPanel];
  const TileRegisters registers;
  QuadTiles tiles{nullptr, width, w.taps, w.quads(), nullptr, b.row_stride, 0, sums, nullptr, 0, 0};
  const int64_t steps = w.taps * CeilDiv(4 * w.quads(), kTileBytes);
  // While this panel is used the next, where the cache may not hold it still, comes in, a part with each call.
  if (b.panel + 1 < w.panels() && w.bytes() > SecondLevelCacheBytes() / 4) {
    const int64_t calls = CeilDiv(b.num_rows, 2 * kTileRows) * CeilDiv(width, 2 * kTileColumns);
    const int64_t lines = w.taps * w.quads() * 4 * w.panel_width(b.panel + 1) / 64;
    tiles.fetch = w.panel(b.panel + 1);
    tiles.fetch_stream = lines / 4 * 64;
    tiles.fetch_lines = CeilDiv(lines, 4 * calls * steps);
  }
  const int64_t fetched = steps * tiles.fetch_lines * 64;  // bytes of a stream with each call
  for (int64_t row = 0; row < b.num_rows; row += 2 * kTileRows) {
    tiles.rows = b.rows + row;
    tiles.num_rows = std::min(b.num_rows - row, 2 * kTileRows);
    for (int64_t column = 0; column < width; column += 2 * kTileColumns, tiles.fetch += fetched) {
      tiles.weights = w.panel(b.panel) + 4 * column;
      tiles.sums = sums + column;
      const bool two_columns = width - column > kTileColumns;
      if (tiles.num_rows > kTileRows)
        two_columns ? ComputeTiles<true, true>(tiles) : ComputeTiles<true, false>(tiles);
      else
        two_columns ? ComputeTiles<false, true>(tiles) : ComputeTiles<false, false>(tiles);
    }
    for (int64_t r = 0; r < tiles.num_rows; ++r) finish(sums + r * kQuadPanel, row + r);
  }
}

#undef SARDONYX_TILE_ZERO
#undef SARDONYX_TILE_LOAD
#undef SARDONYX_TILE_STORE
#undef SARDONYX_TILE_DOT

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();
#else
#define SARDONYX_QUAD_TILES 0
#endif

#endif  // SARDONYX_QUAD_I8_TILES_INL_H_
