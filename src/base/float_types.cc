#include "sardonyx/float_types.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

namespace sardonyx {
namespace {

constexpr uint32_t kFloatInfinity = 0x7f800000u;

// A sign-magnitude binary format of at most 8 bits.
struct Format {
  int mantissa_bits;
  int bias;
  int sign_bit;        // the position of the sign
  int max_code;        // magnitude bits of the largest finite value
  int inf_code;        // what overflow gives when it does not saturate (magnitude bits)
  int nan_code;        // magnitude bits of NaN
  bool unsigned_zero;  // "UZ": the code of negative zero means NaN
  bool has_non_finite;
};
constexpr Format kE4M3FN = {3, 7, 7, 0x7e, 0x7f, 0x7f, false, true};
constexpr Format kE4M3FNUZ = {3, 8, 7, 0x7f, 0, 0, true, true};
constexpr Format kE5M2 = {2, 15, 7, 0x7b, 0x7c, 0x7e, false, true};
constexpr Format kE5M2FNUZ = {2, 16, 7, 0x7f, 0, 0, true, true};
constexpr Format kE2M3 = {3, 1, 5, 0x1f, 0x1f, 0, false, false};
constexpr Format kE3M2 = {2, 3, 5, 0x1f, 0x1f, 0, false, false};
constexpr Format kE2M1 = {1, 1, 3, 0x7, 0x7, 0, false, false};

uint8_t Signed(const Format& format, int code, int sign) { return static_cast<uint8_t>(code | (sign << format.sign_bit)); }

uint8_t EncodeNaN(const Format& format, int sign) {
  if (format.unsigned_zero) return 0x80;
  if (!format.has_non_finite) return Signed(format, 0, 1);  // float4 and float6 have none: ONNX's reference gives negative zero
  return Signed(format, format.nan_code, sign);
}

uint8_t EncodeOverflow(const Format& format, int sign, Overflow overflow) {
  if (overflow == Overflow::kSaturate || !format.has_non_finite) return Signed(format, format.max_code, sign);
  return format.unsigned_zero ? 0x80 : Signed(format, format.inf_code, sign);
}

uint8_t Encode(const Format& format, float value, Overflow overflow) {
  const uint32_t word = std::bit_cast<uint32_t>(value);
  const int sign = static_cast<int>(word >> 31);
  const uint32_t magnitude = word & 0x7fffffffu;
  if (magnitude > kFloatInfinity) return EncodeNaN(format, sign);
  if (magnitude == kFloatInfinity) return EncodeOverflow(format, sign, overflow);

  // code = exponent field and mantissa as one integer, so that a carry from rounding moves into the exponent by itself.
  const int min_exponent = 1 - format.bias;
  const int exponent = static_cast<int>(magnitude >> 23) - 127;
  const int shift = 23 - format.mantissa_bits + std::max(0, min_exponent - exponent);
  int code = 0;
  if (shift <= 24) {  // else less than half of the smallest subnormal
    const uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
    const uint32_t kept = mantissa >> shift;
    const uint32_t dropped = mantissa & ((1u << shift) - 1);
    const uint32_t half = 1u << (shift - 1);
    const bool round_up = dropped > half || (dropped == half && (kept & 1u));
    code = ((std::max(exponent, min_exponent) - min_exponent) << format.mantissa_bits) + static_cast<int>(kept) + round_up;
  }
  if (code > format.max_code) return EncodeOverflow(format, sign, overflow);
  if (code == 0 && format.unsigned_zero) return 0;
  return Signed(format, code, sign);
}

// 2^exponent for a normal float.
constexpr float PowerOfTwo(int exponent) { return std::bit_cast<float>(static_cast<uint32_t>(exponent + 127) << 23); }

constexpr float Decode(const Format& format, int bits) {
  const int code = bits & ((1 << format.sign_bit) - 1);
  const bool negative = (bits >> format.sign_bit) & 1;
  const uint32_t sign = negative ? 0x80000000u : 0u;
  if (format.unsigned_zero ? negative && code == 0 : code > format.max_code) {
    const bool infinite = code == format.inf_code && format.inf_code != format.nan_code;
    return std::bit_cast<float>(sign | (infinite ? kFloatInfinity : 0x7fc00000u));
  }
  const int field = code >> format.mantissa_bits;
  const int mantissa = code & ((1 << format.mantissa_bits) - 1);
  const int significand = field == 0 ? mantissa : mantissa | (1 << format.mantissa_bits);
  const int exponent = std::max(field, 1) - format.bias - format.mantissa_bits;
  const float value = static_cast<float>(significand) * PowerOfTwo(exponent);
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(value));
}

template <const Format& format>
float Lookup(uint8_t bits) {
  static constexpr auto kTable = [] {
    std::array<float, 256> table{};
    for (int i = 0; i < 256; ++i) table[i] = Decode(format, i & ((2 << format.sign_bit) - 1));
    return table;
  }();
  return kTable[bits];
}

}  // namespace

#define SARDONYX_NARROW_FLOAT(Name, format)                                             \
  Name::Name(float value, Overflow overflow) : bits(Encode(format, value, overflow)) {} \
  Name::operator float() const { return Lookup<format>(bits); }
SARDONYX_NARROW_FLOAT(Float8E4M3FN, kE4M3FN)
SARDONYX_NARROW_FLOAT(Float8E4M3FNUZ, kE4M3FNUZ)
SARDONYX_NARROW_FLOAT(Float8E5M2, kE5M2)
SARDONYX_NARROW_FLOAT(Float8E5M2FNUZ, kE5M2FNUZ)
SARDONYX_NARROW_FLOAT(Float6E2M3, kE2M3)
SARDONYX_NARROW_FLOAT(Float6E3M2, kE3M2)
SARDONYX_NARROW_FLOAT(Float4E2M1, kE2M1)
#undef SARDONYX_NARROW_FLOAT

Float8E8M0 RoundToFloat8E8M0(float value, Float8E8M0Rounding rounding, Overflow overflow) {
  constexpr uint8_t kNaN = 0xff, kMax = 0xfe;
  const uint32_t magnitude = std::bit_cast<uint32_t>(value) & 0x7fffffffu;
  if (magnitude > kFloatInfinity) return Float8E8M0::FromBits(kNaN);
  const bool saturate = overflow == Overflow::kSaturate;
  if (magnitude == kFloatInfinity) return Float8E8M0::FromBits(saturate ? kMax : kNaN);
  // 2^-127 is a subnormal float, so subnormals are compared by their bits: 0x400000 is 2^-127.
  if (magnitude < 0x400000u) return Float8E8M0::FromBits(saturate ? 0 : kNaN);
  uint32_t exponent = magnitude >> 23;
  const bool subnormal = exponent == 0;
  const uint32_t fraction = subnormal ? (magnitude - 0x400000u) << 1 : magnitude & 0x7fffffu;
  const bool up = rounding == Float8E8M0Rounding::kUp ? fraction > 0 : rounding == Float8E8M0Rounding::kNearest && fraction >= 0x400000u;
  exponent += up;
  if (exponent > kMax) return Float8E8M0::FromBits(saturate ? kMax : kNaN);
  return Float8E8M0::FromBits(static_cast<uint8_t>(exponent));
}

Float8E8M0::Float8E8M0(float value, Overflow overflow) : bits(RoundToFloat8E8M0(value, Float8E8M0Rounding::kUp, overflow).bits) {}

Float8E8M0::operator float() const {
  if (bits == 0xff) return std::numeric_limits<float>::quiet_NaN();
  return std::bit_cast<float>(bits == 0 ? 0x400000u : static_cast<uint32_t>(bits) << 23);
}

}  // namespace sardonyx
