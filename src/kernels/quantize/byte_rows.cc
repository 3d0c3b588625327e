#include "kernels/quantize/byte_rows.h"

#include <algorithm>

#include "kernels/gemm/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/quantize/byte_rows.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using D32 = hn::CappedTag<int32_t, 16>;
using DF = hn::Rebind<float, D32>;
using DU8 = hn::Rebind<uint8_t, D32>;
using VF = hn::Vec<DF>;

HWY_INLINE int64_t Lanes() { return static_cast<int64_t>(hn::Lanes(D32())); }

// Runs step(position) over whole vectors; a rest goes through copies of `kInputs` inputs and the output.
template <class T, class Step>
HWY_INLINE void ForVectors(const T* a, const T* b, int64_t count, uint8_t* out, const Step& step) {
  const int64_t lanes = Lanes();
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) step(a + i, b + i, out + i);
  if (i == count) return;
  HWY_ALIGN T a_rest[16] = {}, b_rest[16] = {};
  HWY_ALIGN uint8_t out_rest[16];
  std::copy(a + i, a + count, a_rest);
  std::copy(b + i, b + count, b_rest);
  step(a_rest, b_rest, out_rest);
  std::copy_n(out_rest, count - i, out + i);
}

// Codes that are int8 are uint8 of 128 more, with the top bit flipped.
HWY_INLINE void StoreCodes(VF value, int32_t zero, uint8_t flip, uint8_t* out) {
  const DF df;
  const D32 d;
  const DU8 d8;
  // Max first: of NaN it gives the bound.
  value = hn::Min(hn::Max(value, hn::Set(df, static_cast<float>(-zero))), hn::Set(df, static_cast<float>(255 - zero)));
  const auto codes = hn::Add(hn::NearestInt(value), hn::Set(d, zero));
  hn::StoreU(hn::Xor(hn::DemoteTo(d8, codes), hn::Set(d8, flip)), d8, out);
}

#if HWY_TARGET <= HWY_AVX3
// StoreCodes of 64 at once: packing saturates, so only what is too high is clamped before, and leaves the fours of codes in the order
// [lane of 128 bits][vector], which a permutation mends.
HWY_INLINE void Store64Codes(const VF (&value)[4], int32_t zero, uint8_t flip, uint8_t* out) {
  const __m512 highest = _mm512_set1_ps(static_cast<float>(255 - zero));
  __m512i rounded[4];
  // Of NaN, and of what is too low, the conversion gives the lowest integer.
  for (int v = 0; v < 4; ++v) rounded[v] = _mm512_cvtps_epi32(_mm512_min_ps(highest, value[v].raw));
  const __m512i shift = _mm512_set1_epi16(static_cast<int16_t>(zero));
  const __m512i low = _mm512_adds_epi16(_mm512_packs_epi32(rounded[0], rounded[1]), shift);
  const __m512i high = _mm512_adds_epi16(_mm512_packs_epi32(rounded[2], rounded[3]), shift);
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m512i codes = _mm512_permutexvar_epi32(order, _mm512_packus_epi16(low, high));
  _mm512_storeu_si512(out, _mm512_xor_si512(codes, _mm512_set1_epi8(static_cast<char>(flip))));
}
#endif

void Add(const ByteSum& sum, const uint8_t* a, const uint8_t* b, int64_t count, uint8_t* out) {
  const DF df;
  const D32 d;
  const DU8 d8;
  const uint8_t flip = sum.is_signed ? 0x80 : 0;
  const int32_t shift = sum.is_signed ? 128 : 0;
  const VF a_scale = hn::Set(df, sum.a_scale), b_scale = hn::Set(df, sum.b_scale);
  const VF offset = hn::Set(df, sum.offset - static_cast<float>(shift) * (sum.a_scale + sum.b_scale));
  const auto flips = hn::Set(d8, flip);
  const auto add = [&](const uint8_t* x, const uint8_t* y) HWY_ATTR {
    const VF fx = hn::ConvertTo(df, hn::PromoteTo(d, hn::Xor(hn::LoadU(d8, x), flips)));
    const VF fy = hn::ConvertTo(df, hn::PromoteTo(d, hn::Xor(hn::LoadU(d8, y), flips)));
    return hn::MulAdd(fx, a_scale, hn::MulAdd(fy, b_scale, offset));
  };
#if HWY_TARGET <= HWY_AVX3
  for (; count >= 64; count -= 64, a += 64, b += 64, out += 64) {
    const VF values[4] = {add(a, b), add(a + 16, b + 16), add(a + 32, b + 32), add(a + 48, b + 48)};
    Store64Codes(values, sum.zero_point + shift, flip, out);
  }
#endif
  ForVectors(a, b, count, out, [&](const uint8_t* x, const uint8_t* y, uint8_t* to) HWY_ATTR {
    StoreCodes(add(x, y), sum.zero_point + shift, flip, to);
  });
}

void Max(const uint8_t* const* rows, int64_t num_rows, int64_t count, uint8_t* out) {
  const hn::ScalableTag<uint8_t> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    auto most = hn::LoadU(d, rows[0] + i);
    for (int64_t r = 1; r < num_rows; ++r) most = hn::Max(most, hn::LoadU(d, rows[r] + i));
    hn::StoreU(most, d, out + i);
  }
  for (; i < count; ++i) {
    uint8_t most = rows[0][i];
    for (int64_t r = 1; r < num_rows; ++r) most = std::max(most, rows[r][i]);
    out[i] = most;
  }
}

void Sum(const uint8_t* x, int64_t rows, int64_t count, int32_t* sums) {
  const D32 d;
  const DU8 d8;
  const int64_t lanes = Lanes();
  for (int64_t r = 0; r < rows; ++r, x += count) {
    int64_t i = 0;
    for (; i + lanes <= count; i += lanes) hn::StoreU(hn::Add(hn::LoadU(d, sums + i), hn::PromoteTo(d, hn::LoadU(d8, x + i))), d, sums + i);
    for (; i < count; ++i) sums[i] += x[i];
  }
}

FloatRange Range(const float* x, int64_t count) {
  const DF d;
  const int64_t lanes = Lanes();
  VF low = hn::Zero(d), high = hn::Zero(d), low2 = low, high2 = high;
  int64_t i = 0;
  const auto take = [&](VF v, VF& least, VF& most) {
    // Comparisons with NaN are false.
    least = hn::IfThenElse(hn::Lt(v, least), v, least);
    most = hn::IfThenElse(hn::Gt(v, most), v, most);
  };
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    take(hn::LoadU(d, x + i), low, high);
    take(hn::LoadU(d, x + i + lanes), low2, high2);
  }
  take(low2, low, high);
  take(high2, low, high);
  HWY_ALIGN float lows[16], highs[16];
  hn::Store(low, d, lows);
  hn::Store(high, d, highs);
  FloatRange range{*std::min_element(lows, lows + lanes), *std::max_element(highs, highs + lanes)};
  for (; i < count; ++i) {
    range.low = x[i] < range.low ? x[i] : range.low;
    range.high = x[i] > range.high ? x[i] : range.high;
  }
  return range;
}

void Quantize(const float* x, int64_t count, float scale, int32_t zero_point, bool is_signed, uint8_t* out) {
  const DF df;
  const VF divisor = hn::Set(df, scale);
  const uint8_t flip = is_signed ? 0x80 : 0;
  const int32_t zero = zero_point + (is_signed ? 128 : 0);
  ForVectors(x, x, count, out, [&](const float* from, const float*, uint8_t* to) {
    const VF value = hn::Div(hn::LoadU(df, from), divisor);
    StoreCodes(hn::IfThenElse(hn::Eq(value, value), value, hn::Set(df, -1000.0f)), zero, flip, to);
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx::kernels {

HWY_EXPORT(Add);
HWY_EXPORT(Max);
HWY_EXPORT(Sum);
HWY_EXPORT(Range);
HWY_EXPORT(Quantize);

void AddBytes(const ByteSum& sum, const uint8_t* a, const uint8_t* b, int64_t count, uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(Add)(sum, a, b, count, out);
}
void MaxOfRows(const uint8_t* const* rows, int64_t num_rows, int64_t count, uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(Max)(rows, num_rows, count, out);
}
void SumRows(const uint8_t* x, int64_t rows, int64_t count, int32_t* sums) { HWY_DYNAMIC_DISPATCH(Sum)(x, rows, count, sums); }
FloatRange RangeOfFloats(const float* x, int64_t count) { return HWY_DYNAMIC_DISPATCH(Range)(x, count); }
void QuantizeToBytes(const float* x, int64_t count, float scale, int32_t zero_point, bool is_signed, uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(Quantize)(x, count, scale, zero_point, is_signed, out);
}

}  // namespace sardonyx::kernels
#endif
