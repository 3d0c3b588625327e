// ComputeGemmBlockI8: register tiles of int32 sums of int16 pairs.
#include <algorithm>
#include <cstring>

#include "kernels/gemm/gemm_f32.h"
#include "kernels/gemm/gemm_i8.h"
#include "kernels/gemm/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm/gemm_i8_block.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// Lanes of int32; a vector of twice as many int16 holds as many pairs.
using D32 = hn::CappedTag<int32_t, 16>;
using V32 = hn::Vec<D32>;
#if HWY_TARGET != HWY_SCALAR
using D16 = hn::Repartition<int16_t, D32>;
#endif
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr int kTileRows = 12;
#else
constexpr int kTileRows = 6;
#endif

// sum + a.even * b.even + a.odd * b.odd, for pairs of int16 in the lanes of int32.
HWY_INLINE V32 MulAddPairs(D32 d, V32 a, V32 b, V32 sum) {
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128 || !HWY_ARCH_X86
  // Pairs by shifts: only x86 has one instruction for it, and elsewhere the widening product puts half of them in a second sum.
  const V32 even = hn::Mul(hn::ShiftRight<16>(hn::ShiftLeft<16>(a)), hn::ShiftRight<16>(hn::ShiftLeft<16>(b)));
  return hn::Add(hn::Add(sum, even), hn::Mul(hn::ShiftRight<16>(a), hn::ShiftRight<16>(b)));
#else
  const D16 d16;
  V32 unused = hn::Zero(d);
  return hn::ReorderWidenMulAccumulate(d, hn::BitCast(d16, a), hn::BitCast(d16, b), sum, unused);
#endif
}

struct Tile {
  int64_t pairs;
  const int16_t* a;
  int64_t a_stride;  // rows of the panel
  const int16_t* b;
  int32_t* c;
  int64_t c_stride;
  bool accumulate;
};

template <int kRows>
HWY_NOINLINE void ComputeTile(const Tile& t) {
  const D32 d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  V32 sum[kRows][2];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) sum[r][0] = sum[r][1] = hn::Zero(d);
  const int16_t* a = t.a;
  const int16_t* b = t.b;
  for (int64_t k = t.pairs; k > 0; --k) {
    const V32 b0 = hn::LoadU(d, reinterpret_cast<const int32_t*>(b));
    const V32 b1 = hn::LoadU(d, reinterpret_cast<const int32_t*>(b) + lanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      int32_t pair;
      std::memcpy(&pair, a + 2 * r, sizeof(pair));
      const V32 row = hn::Set(d, pair);
      sum[r][0] = MulAddPairs(d, row, b0, sum[r][0]);
      sum[r][1] = MulAddPairs(d, row, b1, sum[r][1]);
    }
    a += 2 * t.a_stride;
    b += 2 * kPanelColumns;
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    int32_t* c = t.c + r * t.c_stride;
    hn::StoreU(t.accumulate ? hn::Add(hn::LoadU(d, c), sum[r][0]) : sum[r][0], d, c);
    hn::StoreU(t.accumulate ? hn::Add(hn::LoadU(d, c + lanes), sum[r][1]) : sum[r][1], d, c + lanes);
  }
}

using TileFunction = void (*)(const Tile&);
struct TileFunctions {
  TileFunction of_rows[kTileRows];
};
template <int... kRow>
constexpr TileFunctions MakeTileFunctions(std::integer_sequence<int, kRow...>) {
  return {{&ComputeTile<kRow + 1>...}};
}

void ComputeRows(Tile tile, int64_t rows) {
  static constexpr TileFunctions kFunctions = MakeTileFunctions(std::make_integer_sequence<int, kTileRows>());
  for (int64_t r = 0; r < rows; r += kTileRows) {
    kFunctions.of_rows[std::min<int64_t>(kTileRows, rows - r) - 1](tile);
    tile.a += 2 * kTileRows;
    tile.c += kTileRows * tile.c_stride;
  }
}

// Two vectors of columns, or fewer columns through a copy.
void ComputePanelPart(const Tile& tile, int64_t rows, int64_t columns, int64_t width) {
  if (columns == width) return ComputeRows(tile, rows);
  HWY_ALIGN int32_t copy[kPanelRows * 32] = {};
  Tile local = tile;
  local.c = copy;
  local.c_stride = width;
  if (tile.accumulate)
    for (int64_t r = 0; r < rows; ++r)
      std::memcpy(copy + r * width, tile.c + r * tile.c_stride, static_cast<size_t>(columns) * sizeof(int32_t));
  ComputeRows(local, rows);
  for (int64_t r = 0; r < rows; ++r)
    std::memcpy(tile.c + r * tile.c_stride, copy + r * width, static_cast<size_t>(columns) * sizeof(int32_t));
}

void ComputeBlock(const GemmBlockI8& block) {
  const D32 d;
  const int64_t width = 2 * static_cast<int64_t>(hn::Lanes(d));
  const int64_t pairs = (block.depth + 1) / 2;
  for (int64_t column = 0; column < block.columns; column += kPanelColumns) {
    const int64_t columns = std::min(kPanelColumns, block.columns - column);
    const int16_t* b = block.b + column * 2 * pairs;
    for (int64_t row = 0; row < block.rows; row += kPanelRows) {
      const int64_t rows = std::min(kPanelRows, block.rows - row);
      for (int64_t j = 0; j < columns; j += width) {
        const Tile tile{pairs,          block.a + row * 2 * pairs, rows, b + 2 * j, block.c + row * block.c_stride + column + j,
                        block.c_stride, block.accumulate};
        ComputePanelPart(tile, rows, std::min(width, columns - j), width);
      }
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

void ComputeGemmBlockI8(const GemmBlockI8& block) { HWY_DYNAMIC_DISPATCH(ComputeBlock)(block); }

}  // namespace sardonyx::kernels
#endif
