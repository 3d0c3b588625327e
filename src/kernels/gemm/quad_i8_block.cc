// ComputeQuadBlock: register tiles of int32 sums.
//
// On AVX-512 a tile is 6 rows x 4 vectors of 16 columns (8 x 3, 12 x 2 and 12 x 1 in narrower panels): 24 registers of sums, 4 of
// weights, one of a row's four bytes, broadcast. Each step along the depth loads 4 vectors of weights and 6 times four bytes for 24
// dot products, so loads stay hidden. The weights of a panel stream from the second-level cache once for each tile of rows; the rows
// of a block stay in the first. Machines with AMX multiply tiles (quad_i8_tiles-inl.h). Other targets have 16 registers and take 4 rows x 2 vectors.
//
// Where bytes are multiplied as pairs of int16 (AVX2 and SSE4), a step has 16 products, which two of four ports can do, and nothing
// else should wait for these: four rows are split into pairs once for all columns of a panel, and only weights are split in the loop.
#include <algorithm>
#include <cstring>

#include "kernels/gemm/quad_i8.h"
#include "kernels/gemm/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm/quad_i8_block.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

#include "kernels/gemm/quad_dot-inl.h"
#include "kernels/gemm/quad_i8_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

struct Tile {
  const int8_t* weights;  // the panel's, from the tile's first column on
  int64_t width;          // of the panel
  int64_t taps, quads;
  const uint8_t* const* rows;
  int64_t row_stride;
  int64_t num_rows;  // at most the tile's; the pointers of those beyond are not read
  int64_t column;    // of the matrix
  int64_t columns;   // of the matrix
  QuadEpilogue epilogue;
};

// Stores the lanes below `count` of a vector of the lanes' number of elements.
template <class D, class V, class T>
HWY_INLINE void StoreFirst(D d, V v, T* to, int64_t count) {
  if (count >= static_cast<int64_t>(hn::Lanes(d))) return hn::StoreU(v, d, to);
  HWY_ALIGN T lanes[16];
  hn::Store(v, d, lanes);
  for (int64_t i = 0; i < count; ++i) to[i] = lanes[i];
}

// One vector of sums of one row to its end.
HWY_INLINE void Finish(const QuadEpilogue& e, V32 sum, int64_t row, int64_t column, int64_t columns) {
  const D32 d;
  const hn::Rebind<float, D32> df;
  const int64_t left = columns - column;
  if (e.offsets) sum = hn::Add(sum, hn::LoadU(d, e.offsets + column));
  if (e.kind == QuadEpilogue::Kind::kSums) return StoreFirst(d, sum, static_cast<int32_t*>(e.out) + row * e.stride + column, left);
  auto value = hn::Mul(hn::ConvertTo(df, sum), hn::LoadU(df, e.scales + column));
  if (e.kind == QuadEpilogue::Kind::kFloat) {
    if (e.biases) value = hn::Add(value, hn::LoadU(df, e.biases + column));
    return StoreFirst(df, value, static_cast<float*>(e.out) + row * e.stride + column, left);
  }
  // Clamped as floats, so that the conversion cannot overflow.
  const int32_t lowest = (e.is_signed ? -128 : 0) - e.zero_point, highest = (e.is_signed ? 127 : 255) - e.zero_point;
  value = hn::Min(hn::Max(value, hn::Set(df, static_cast<float>(lowest))), hn::Set(df, static_cast<float>(highest)));
  const V32 rounded = hn::Add(hn::NearestInt(value), hn::Set(d, e.zero_point));
  if (e.is_signed) {
    const hn::Rebind<int8_t, D32> d8;
    StoreFirst(d8, hn::DemoteTo(d8, rounded), static_cast<int8_t*>(e.out) + row * e.stride + column, left);
  } else {
    const hn::Rebind<uint8_t, D32> d8;
    StoreFirst(d8, hn::DemoteTo(d8, rounded), static_cast<uint8_t*>(e.out) + row * e.stride + column, left);
  }
}

#if HWY_TARGET <= HWY_AVX3
// A row of a panel to bytes: packing saturates, so only what is too high is clamped before (the conversion to int32 gives the lowest
// one for what is too low), and leaves the fours of columns in the order [lane of 128 bits][vector], which a permutation mends.
template <int kVectors>
HWY_INLINE void QuantizeRow(const QuadEpilogue& e, const V32 (&sum)[kVectors], int64_t row, int64_t column, int64_t columns) {
  const D32 d;
  const hn::Rebind<float, D32> df;
  const int32_t zero = e.zero_point + (e.is_signed ? 128 : 0);
  const auto highest = hn::Set(df, static_cast<float>(255 - zero));
  __m512i rounded[4];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const V32 moved = hn::Add(sum[v], hn::LoadU(d, e.offsets + column + 16 * v));
    const auto value = hn::Min(hn::Mul(hn::ConvertTo(df, moved), hn::LoadU(df, e.scales + column + 16 * v)), highest);
    rounded[v] = _mm512_cvtps_epi32(value.raw);
  }
#pragma GCC unroll 4
  for (int v = kVectors; v < 4; ++v) rounded[v] = rounded[0];
  const __m512i shift = _mm512_set1_epi16(static_cast<int16_t>(zero));
  const __m512i low = _mm512_adds_epi16(_mm512_packs_epi32(rounded[0], rounded[1]), shift);
  const __m512i high = kVectors <= 2 ? low : _mm512_adds_epi16(_mm512_packs_epi32(rounded[2], rounded[3]), shift);
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  __m512i bytes = _mm512_permutexvar_epi32(order, _mm512_packus_epi16(low, high));
  if (e.is_signed) bytes = _mm512_xor_si512(bytes, _mm512_set1_epi8(static_cast<char>(0x80)));
  uint8_t* to = static_cast<uint8_t*>(e.out) + row * e.stride + column;
  const int64_t left = std::min<int64_t>(16 * kVectors, columns - column);
  if (left == 64)
    _mm512_storeu_si512(to, bytes);
  else if (left == 32)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_castsi512_si256(bytes));
  else if (left == 16)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_castsi512_si128(bytes));
  else
    _mm512_mask_storeu_epi8(to, (uint64_t{1} << left) - 1, bytes);
}
#endif

template <int kVectors>
HWY_INLINE void FinishRow(const QuadEpilogue& e, const V32 (&sum)[kVectors], int64_t row, int64_t column, int64_t columns) {
#if HWY_TARGET <= HWY_AVX3
  if (e.kind == QuadEpilogue::Kind::kQuantize && e.offsets) return QuantizeRow<kVectors>(e, sum, row, column, columns);
#endif
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(D32()));
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v)
    if (column + lanes * v < columns) Finish(e, sum[v], row, column + lanes * v, columns);
}

template <int kRows, int kVectors, class Dot>
HWY_NOINLINE void ComputeTile(const Tile& t) {
  const D32 d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  V32 sum[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::Zero(d);
  const int8_t* w = t.weights;
  const int64_t last = t.num_rows - 1;
  for (int64_t tap = 0; tap < t.taps; ++tap) {
    const uint8_t* x[kRows];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) x[r] = t.rows[tap * t.row_stride + std::min<int64_t>(r, last)];
    for (int64_t q = 0; q < t.quads; ++q, w += 4 * t.width) {
      typename Dot::Weights four[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) four[v] = Dot::Load(w + 4 * lanes * v);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const auto bytes = BroadcastQuad<Dot>(d, x[r] + 4 * q);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) sum[r][v] = Dot::Add(sum[r][v], bytes, four[v]);
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    if (r > last) break;
    FinishRow<kVectors>(t.epilogue, sum[r], r, t.column, t.columns);
  }
}

// All rows of the block over one tile's columns.
template <int kMaxRows, int kVectors, class Dot>
void ComputeColumns(Tile tile) {
  const int64_t rows = tile.num_rows;
  const int64_t element = tile.epilogue.kind == QuadEpilogue::Kind::kQuantize ? 1 : 4;
  for (int64_t r = 0; r < rows;) {
    const int64_t left = rows - r;
    tile.num_rows = std::min<int64_t>(left, kMaxRows);
    if (left == 1)
      ComputeTile<1, kVectors, Dot>(tile);
    else if (left <= 4)
      ComputeTile<4, kVectors, Dot>(tile);
    else
      ComputeTile<kMaxRows, kVectors, Dot>(tile);
    tile.rows += kMaxRows;
    tile.epilogue.out = static_cast<char*>(tile.epilogue.out) + kMaxRows * tile.epilogue.stride * element;
    r += kMaxRows;
  }
}

#undef SARDONYX_QUAD_PAIRS
#if HWY_ARCH_X86 && (HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_SSE4)
#define SARDONYX_QUAD_PAIRS 1

constexpr int kPairRows = 4;
// Quads of depth whose rows are split at a time: 8 KiB of them.
constexpr int64_t kPairChunk = 256;

// Splits `count` quads of four rows: out[quad][row] has bytes 0 and 2 as int16 in its lower half, 1 and 3 in its upper.
void SplitRows(const uint8_t* const (&rows)[kPairRows], int64_t count, uint64_t* out) {
  const hn::Repartition<uint64_t, D32> d64;
  const hn::Rebind<uint32_t, decltype(d64)> d32;
  const auto even = hn::Set(d64, 0x0000000000ff00ffu), odd = hn::Set(d64, 0x00ff00ff00000000u);
  const auto split = [&](const uint8_t* x) HWY_ATTR {
    const auto quads = hn::PromoteTo(d64, hn::LoadU(d32, reinterpret_cast<const uint32_t*>(x)));
    return hn::Or(hn::And(quads, even), hn::And(hn::ShiftLeft<24>(quads), odd));
  };
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d64));
  int64_t q = 0;
  for (; q + lanes <= count; q += lanes)
    hn::StoreInterleaved4(split(rows[0] + 4 * q), split(rows[1] + 4 * q), split(rows[2] + 4 * q), split(rows[3] + 4 * q), d64,
                          out + kPairRows * q);
  for (; q < count; ++q)
    for (int r = 0; r < kPairRows; ++r) {
      uint32_t quad;
      std::memcpy(&quad, rows[r] + 4 * q, sizeof(quad));
      out[kPairRows * q + r] = (quad & 0x00ff00ffu) | uint64_t{(quad >> 8) & 0x00ff00ffu} << 32;
    }
}

struct PairTile {
  const int8_t* weights;
  int64_t width;         // of the panel
  const uint64_t* rows;  // as SplitRows gives them
  int64_t quads;
  int32_t* sums;  // [kPairRows][kQuadPanel], from the tile's first column on
  bool accumulate;
};

HWY_NOINLINE void ComputePairTile(const PairTile& t) {
  using Dot = PairDot<D32>;
  const D32 d;
  constexpr int64_t lanes = hn::MaxLanes(d);
  V32 sum[kPairRows][2];
#pragma GCC unroll 4
  for (int r = 0; r < kPairRows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) sum[r][v] = t.accumulate ? hn::Load(d, t.sums + r * kQuadPanel + v * lanes) : hn::Zero(d);
  const int8_t* w = t.weights;
  const int32_t* x = reinterpret_cast<const int32_t*>(t.rows);
  const int64_t step = 4 * t.width;
  for (int64_t q = 0; q < t.quads; ++q, w += step, x += 2 * kPairRows) {
    const Dot::Weights left = Dot::Load(w), right = Dot::Load(w + 4 * lanes);
#pragma GCC unroll 4
    for (int r = 0; r < kPairRows; ++r) {
      const Dot::Rows pairs = {hn::BitCast(Dot::D16(), hn::Set(d, x[2 * r])), hn::BitCast(Dot::D16(), hn::Set(d, x[2 * r + 1]))};
      sum[r][0] = Dot::Add(sum[r][0], pairs, left);
      sum[r][1] = Dot::Add(sum[r][1], pairs, right);
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < kPairRows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) hn::Store(sum[r][v], d, t.sums + r * kQuadPanel + v * lanes);
}

#if HWY_TARGET == HWY_AVX2
// Sums of one row to bytes, as QuantizeRow above has it: 32 columns at a time, or 16.
void QuantizeSums(const QuadEpilogue& e, const int32_t* sums, int64_t row, int64_t column, int64_t columns) {
  const int32_t zero = e.zero_point + (e.is_signed ? 128 : 0);
  const __m256 highest = _mm256_set1_ps(static_cast<float>(255 - zero));
  const __m256i shift = _mm256_set1_epi16(static_cast<int16_t>(zero)), order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  const __m256i sign = _mm256_set1_epi8(e.is_signed ? static_cast<char>(0x80) : 0);
  const auto round = [&](int64_t j) HWY_ATTR {
    const __m256i sum = _mm256_add_epi32(_mm256_load_si256(reinterpret_cast<const __m256i*>(sums + j)),
                                         _mm256_loadu_si256(reinterpret_cast<const __m256i*>(e.offsets + column + j)));
    const __m256 value = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_loadu_ps(e.scales + column + j));
    return _mm256_cvtps_epi32(_mm256_min_ps(value, highest));
  };
  uint8_t* to = static_cast<uint8_t*>(e.out) + row * e.stride + column;
  for (int64_t j = 0; j < columns; j += 32) {
    const __m256i low = _mm256_adds_epi16(_mm256_packs_epi32(round(j), round(j + 8)), shift);
    // Arrays end with the panel, which may have 16 columns less.
    const __m256i high = columns - j > 16 ? _mm256_adds_epi16(_mm256_packs_epi32(round(j + 16), round(j + 24)), shift) : low;
    const __m256i bytes = _mm256_xor_si256(_mm256_permutevar8x32_epi32(_mm256_packus_epi16(low, high), order), sign);
    if (columns - j >= 32) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + j), bytes);
    } else {
      alignas(32) uint8_t rest[32];
      _mm256_store_si256(reinterpret_cast<__m256i*>(rest), bytes);
      std::copy_n(rest, columns - j, to + j);
    }
  }
}
#endif

void FinishSums(const QuadEpilogue& e, const int32_t* sums, int64_t row, int64_t column, int64_t columns, int64_t all_columns) {
#if HWY_TARGET == HWY_AVX2
  if (e.kind == QuadEpilogue::Kind::kQuantize && e.offsets) return QuantizeSums(e, sums, row, column, columns);
#endif
  const D32 d;
  for (int64_t j = 0; j < columns; j += hn::MaxLanes(d)) Finish(e, hn::Load(d, sums + j), row, column + j, all_columns);
}

void ComputePairPanel(const QuadBlock& b) {
  constexpr int64_t lanes = hn::MaxLanes(D32());
  const QuadWeights& w = *b.weights;
  const int64_t width = w.panel_width(b.panel), first = b.panel * kQuadPanel, quads = w.quads();
  const int64_t columns = std::min(width, w.columns - first);
  HWY_ALIGN uint64_t split[kPairChunk * kPairRows];
  HWY_ALIGN int32_t sums[kPairRows * kQuadPanel];
  const int64_t steps = w.taps * quads;  // of depth, tap after tap
  if (steps == 0) std::fill_n(sums, kPairRows * kQuadPanel, 0);
  for (int64_t row = 0; row < b.num_rows; row += kPairRows) {
    const int64_t rows = std::min<int64_t>(kPairRows, b.num_rows - row);
    for (int64_t begin = 0; begin < steps; begin += kPairChunk) {
      const int64_t end = std::min(begin + kPairChunk, steps);
      for (int64_t step = begin; step < end;) {
        const int64_t tap = step / quads, q = step % quads, run = std::min(quads - q, end - step);
        const uint8_t* x[kPairRows];
        for (int r = 0; r < kPairRows; ++r) x[r] = b.rows[tap * b.row_stride + row + std::min<int64_t>(r, rows - 1)] + 4 * q;
        SplitRows(x, run, split + kPairRows * (step - begin));
        step += run;
      }
      const int8_t* weights = w.panel(b.panel) + begin * 4 * width;
      for (int64_t j = 0; j < columns; j += 2 * lanes)
        ComputePairTile({weights + 4 * j, width, split, end - begin, sums + j, begin > 0});
    }
    for (int64_t r = 0; r < rows; ++r) FinishSums(b.epilogue, sums + r * kQuadPanel, row + r, first, columns, w.columns);
  }
}
#else
#define SARDONYX_QUAD_PAIRS 0
#endif

template <class Dot>
void ComputePanel(const QuadBlock& b) {
  const QuadWeights& w = *b.weights;
  const int64_t width = w.panel_width(b.panel), column = b.panel * kQuadPanel;
  Tile tile{w.panel(b.panel), width, w.taps, w.quads(), b.rows, b.row_stride, b.num_rows, column, w.columns, b.epilogue};
#if HWY_TARGET <= HWY_AVX3
  switch (width / kQuadVector) {
    case 1:
      return ComputeColumns<12, 1, Dot>(tile);
    case 2:
      return ComputeColumns<12, 2, Dot>(tile);
    case 3:
      return ComputeColumns<8, 3, Dot>(tile);
    default:
      return ComputeColumns<6, 4, Dot>(tile);
  }
#else
  const int64_t step = 2 * static_cast<int64_t>(hn::Lanes(D32()));
  for (int64_t j = 0; j < width && tile.column < w.columns; j += step) {
    ComputeColumns<4, 2, Dot>(tile);
    tile.weights += 4 * step;
    tile.column += step;
  }
#endif
}

#if SARDONYX_QUAD_TILES
constexpr int64_t kMinTileRows = 4;  // with fewer, weights are read as fast without tiles

template <int kVectors>
void ComputeTileBlockOf(const QuadBlock& b) {
  const D32 d;
  ComputeTilePanel(b, [&](const int32_t* sums, int64_t row) HWY_ATTR {
    V32 of[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) of[v] = hn::Load(d, sums + kTileColumns * v);
    FinishRow<kVectors>(b.epilogue, of, row, b.panel * kQuadPanel, b.weights->columns);
  });
}

void ComputeTileBlock(const QuadBlock& b) {
  switch (b.weights->panel_width(b.panel) / kQuadVector) {
    case 1:
      return ComputeTileBlockOf<1>(b);
    case 2:
      return ComputeTileBlockOf<2>(b);
    case 3:
      return ComputeTileBlockOf<3>(b);
    default:
      return ComputeTileBlockOf<4>(b);
  }
}
#endif

void ComputeBlock(const QuadBlock& block) {
#if SARDONYX_QUAD_TILES
  if (block.num_rows >= kMinTileRows && HasAmxInt8()) return ComputeTileBlock(block);
#endif
#if SARDONYX_HAS_VPDPBUSD
  if (MachineHasVpdpbusd()) return ComputePanel<FusedDot<D32>>(block);
#endif
#if SARDONYX_QUAD_PAIRS
  ComputePairPanel(block);
#else
  ComputePanel<PairDot<D32>>(block);
#endif
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx::kernels {

HWY_EXPORT(ComputeBlock);

void ComputeQuadBlock(const QuadBlock& block) { HWY_DYNAMIC_DISPATCH(ComputeBlock)(block); }

}  // namespace sardonyx::kernels
#endif
