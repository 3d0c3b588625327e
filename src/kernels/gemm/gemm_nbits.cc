// With few rows, codes become floats in registers: a block's sum of a * code is scaled once, and the zero point is taken off as
// zero * sum of a. With many rows a panel's depth block becomes floats in cache, and the float product does the rest.
#include "kernels/gemm/gemm_nbits.h"

#include <algorithm>
#include <cstring>

#include "kernels/gemm/aligned_buffer.h"
#include "kernels/gemm/gemm_f32.h"
#include "kernels/gemm/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm/gemm_nbits.cc"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(D()));
constexpr int kVectors = 32 / kLanes;
constexpr int kHalf = kVectors / 2;  // vectors of 16 columns

// One step of depth: 32 codes as floats.
template <int kBits>
HWY_INLINE void LoadCodes(const uint8_t* codes, V (&out)[kVectors]) {
  const D d;
  const hn::RebindToSigned<D> di;
  const hn::Rebind<uint8_t, D> d8;
  if constexpr (kBits == 4) {
    const auto mask = hn::Set(di, 15);
#pragma GCC unroll 8
    for (int v = 0; v < kHalf; ++v) {
      const auto pair = hn::PromoteTo(di, hn::LoadU(d8, codes + v * kLanes));
      out[v] = hn::ConvertTo(d, hn::And(pair, mask));
      out[kHalf + v] = hn::ConvertTo(d, hn::ShiftRight<4>(pair));
    }
  } else {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) out[v] = hn::ConvertTo(d, hn::PromoteTo(di, hn::LoadU(d8, codes + v * kLanes)));
  }
}

// kRows rows of A with one panel.
template <int kBits, int kRows>
void PanelOfRows(const PackedNBits& w, const uint8_t* panel, const float* a, const float* bias, float* out) {
  const D d;
  V total[kRows][kVectors];
  for (int v = 0; v < kVectors; ++v)
    for (int r = 0; r < kRows; ++r) total[r][v] = hn::Load(d, bias + v * kLanes);
  const int64_t blocks = w.blocks();
  for (int64_t block = 0; block < blocks; ++block, panel += w.block_bytes()) {
    const auto* scales = reinterpret_cast<const float*>(panel);
    const float* zeros = scales + 32;
    const uint8_t* codes = panel + 256;
    const int64_t begin = block * w.block_size, count = std::min(w.block_size, w.k - begin);
    V sum[kRows][kVectors], of_row[kRows];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      of_row[r] = hn::Zero(d);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::Zero(d);
    }
    for (int64_t i = 0; i < count; ++i, codes += kBits * 4) {
      if (i % 4 == 0) __builtin_prefetch(codes + 1024, 0, 3);
      V values[kVectors];
      LoadCodes<kBits>(codes, values);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const V x = hn::Set(d, a[r * w.k + begin + i]);
        of_row[r] = hn::Add(of_row[r], x);
#pragma GCC unroll 8
        for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::MulAdd(x, values[v], sum[r][v]);
      }
    }
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kVectors; ++v) {
        const V centred = hn::NegMulAdd(hn::Load(d, zeros + v * kLanes), of_row[r], sum[r][v]);
        total[r][v] = hn::MulAdd(centred, hn::Load(d, scales + v * kLanes), total[r][v]);
      }
    }
  }
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kVectors; ++v) hn::Store(total[r][v], d, out + r * 32 + v * kLanes);
}

// out [rows][32]
void FewRows(const PackedNBits& w, const uint8_t* panel, int64_t rows, const float* a, const float* bias, float* out) {
  while (rows > 0) {
    const int64_t count = rows >= 2 ? 2 : 1;
    if (w.bits == 4)
      (count == 2 ? PanelOfRows<4, 2> : PanelOfRows<4, 1>)(w, panel, a, bias, out);
    else
      (count == 2 ? PanelOfRows<8, 2> : PanelOfRows<8, 1>)(w, panel, a, bias, out);
    rows -= count;
    a += count * w.k;
    out += count * 32;
  }
}

// Rows [begin, begin + depth) of a panel as floats [depth][32].
template <int kBits>
void ExpandOf(const PackedNBits& w, const uint8_t* panel, int64_t begin, int64_t depth, float* out) {
  const D d;
  for (int64_t i = begin; i < begin + depth; ++i, out += 32) {
    const uint8_t* block = panel + i / w.block_size * w.block_bytes();
    const auto* scales = reinterpret_cast<const float*>(block);
    V values[kVectors];
    LoadCodes<kBits>(block + 256 + i % w.block_size * (kBits * 4), values);
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v)
      hn::Store(hn::Mul(hn::Sub(values[v], hn::Load(d, scales + 32 + v * kLanes)), hn::Load(d, scales + v * kLanes)), d, out + v * kLanes);
  }
}
void Expand(const PackedNBits& w, const uint8_t* panel, int64_t begin, int64_t depth, float* out) {
  w.bits == 4 ? ExpandOf<4>(w, panel, begin, depth, out) : ExpandOf<8>(w, panel, begin, depth, out);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx::kernels {
namespace {

HWY_EXPORT(FewRows);
HWY_EXPORT(Expand);

// With more rows, turning codes into floats once for all of them is cheaper.
constexpr int64_t kFewRows = 4;
constexpr int64_t kRowBlock = 8 * kPanelRows;

void CopyBias(const PackedNBits& w, const float* bias, int64_t column, float (&out)[kPanelColumns]) {
  std::fill_n(out, kPanelColumns, 0.0f);
  if (bias) std::copy_n(bias + column, std::min(kPanelColumns, w.n - column), out);
}

void ComputeFew(int64_t m, const float* a, const PackedNBits& w, const float* bias, float* c, ThreadPool& pool) {
  const int64_t panels = (w.n + kPanelColumns - 1) / kPanelColumns;
  pool.ParallelFor(panels, static_cast<double>(w.panel_bytes()) / 10 * static_cast<double>(m), [&](int64_t first, int64_t last) {
    for (int64_t p = first; p < last; ++p) {
      const int64_t column = p * kPanelColumns, columns = std::min(kPanelColumns, w.n - column);
      alignas(kAlignment) float start[kPanelColumns], out[kFewRows * kPanelColumns];
      CopyBias(w, bias, column, start);
      HWY_DYNAMIC_DISPATCH(FewRows)(w, w.data + p * w.panel_bytes(), m, a, start, out);
      for (int64_t r = 0; r < m; ++r) std::copy_n(out + r * kPanelColumns, columns, c + r * w.n + column);
    }
  });
}

void ComputeMany(int64_t m, const float* a, const PackedNBits& w, const float* bias, float* c, ThreadPool& pool) {
  const int64_t panels = (w.n + kPanelColumns - 1) / kPanelColumns;
  const double cost = static_cast<double>(w.k) * kPanelColumns * (static_cast<double>(m) / 50 + 0.5);
  pool.ParallelFor(panels, cost, [&](int64_t first, int64_t last) {
    alignas(kAlignment) float rows[kRowBlock * kDepthBlock];
    alignas(kAlignment) float panel[kDepthBlock * kPanelColumns];
    for (int64_t row = 0; row < m; row += kRowBlock)
      for (int64_t begin = 0; begin < w.k; begin += kDepthBlock) {
        GemmBlockF32 block{.rows = std::min(kRowBlock, m - row), .depth = std::min(kDepthBlock, w.k - begin)};
        PackRowBlockF32({a, w.k, 1}, row, block.rows, begin, block.depth, rows);
        block.a = rows;
        block.b = panel;
        block.c_stride = w.n;
        block.accumulate = begin > 0;
        for (int64_t p = first; p < last; ++p) {
          const int64_t column = p * kPanelColumns;
          HWY_DYNAMIC_DISPATCH(Expand)(w, w.data + p * w.panel_bytes(), begin, block.depth, panel);
          EpilogueF32 epilogue;
          epilogue.column_bias = bias ? bias + column : nullptr;
          block.columns = std::min(kPanelColumns, w.n - column);
          block.c = c + row * w.n + column;
          block.epilogue = bias && begin + block.depth >= w.k ? &epilogue : nullptr;
          ComputeGemmBlockF32(block);
        }
      }
  });
}

}  // namespace

PackedNBits PlanNBits(const BlockwiseWeights& w) {
  return {.n = w.n, .k = w.k, .bits = w.bits <= 4 ? int64_t{4} : int64_t{8}, .block_size = w.block_size};
}

void PackNBits(const BlockwiseWeights& w, const PackedNBits& packed, uint8_t* out, ThreadPool& pool) {
  const int64_t blocks = w.blocks(), per_byte = 8 / w.bits;
  const int mask = (1 << w.bits) - 1;
  const auto unpack = [&](const uint8_t* data, int64_t i) { return (data[i / per_byte] >> (i % per_byte * w.bits)) & mask; };
  const auto zero_of = [&](int64_t row, int64_t block) {
    if (w.float_zero_points) return w.float_zero_points[row * blocks + block];
    if (w.zero_points) return static_cast<float>(unpack(w.zero_points + row * w.zero_point_bytes(), block));
    return static_cast<float>(1 << (w.bits - 1));
  };
  pool.ParallelFor((w.n + 31) / 32, static_cast<double>(w.k) * 64, [&](int64_t first, int64_t last) {
    for (int64_t p = first; p < last; ++p) {
      uint8_t* panel = out + p * packed.panel_bytes();
      std::memset(panel, 0, static_cast<size_t>(packed.panel_bytes()));
      for (int64_t j = 0; j < std::min<int64_t>(32, w.n - p * 32); ++j)
        for (int64_t block = 0; block < blocks; ++block) {
          const int64_t row = p * 32 + j, count = std::min(w.block_size, w.k - block * w.block_size);
          uint8_t* to = panel + block * packed.block_bytes();
          reinterpret_cast<float*>(to)[j] = w.scales[row * blocks + block];
          reinterpret_cast<float*>(to)[32 + j] = zero_of(row, block);
          uint8_t* codes = to + 256;
          const uint8_t* data = w.data + (row * blocks + block) * w.block_bytes();
          for (int64_t i = 0; i < count; ++i) {
            const int code = unpack(data, i);
            if (packed.bits == 8)
              codes[i * 32 + j] = static_cast<uint8_t>(code);
            else
              codes[i * 16 + j % 16] = static_cast<uint8_t>(codes[i * 16 + j % 16] | (j < 16 ? code : code << 4));
          }
        }
    }
  });
}

void GemmNBits(int64_t m, const float* a, const PackedNBits& w, const float* bias, float* c, ThreadPool& pool) {
  if (m <= 0 || w.n <= 0) return;
  (m <= kFewRows ? ComputeFew : ComputeMany)(m, a, w, bias, c, pool);
}

}  // namespace sardonyx::kernels
#endif  // HWY_ONCE
