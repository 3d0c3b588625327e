// Storage types for the floats that C++20 lacks. Each holds the bits, converts to float exactly, and is made from a float
// by round-to-nearest-even. The float8, float6 and float4 kinds follow the ONNX page "Float stored in 8 bits" and OCP MX 1.0.
#pragma once

#include <cstdint>

namespace sardonyx {

struct Float16 {  // IEEE 754 binary16
  uint16_t bits = 0;
  Float16() = default;
  explicit Float16(float value);
  static Float16 FromBits(uint16_t bits) {
    Float16 r;
    r.bits = bits;
    return r;
  }
  explicit operator float() const;
};

struct BFloat16 {  // the upper half of binary32
  uint16_t bits = 0;
  BFloat16() = default;
  explicit BFloat16(float value);
  static BFloat16 FromBits(uint16_t bits) {
    BFloat16 r;
    r.bits = bits;
    return r;
  }
  explicit operator float() const;
};

// What a cast to a narrow float does with a value beyond its largest finite one: saturate to that, or become NaN/Inf as
// the format has it (attribute `saturate` of Cast and QuantizeLinear).
enum class Overflow { kSaturate, kNonFinite };

#define SARDONYX_NARROW_FLOAT(Name)                                      \
  struct Name {                                                          \
    uint8_t bits = 0;                                                    \
    Name() = default;                                                    \
    explicit Name(float value, Overflow overflow = Overflow::kSaturate); \
    static Name FromBits(uint8_t bits) {                                 \
      Name r;                                                            \
      r.bits = bits;                                                     \
      return r;                                                          \
    }                                                                    \
    explicit operator float() const;                                     \
  }
SARDONYX_NARROW_FLOAT(Float8E4M3FN);    // 1-4-3, bias 7, NaN 0x7f/0xff, no infinity
SARDONYX_NARROW_FLOAT(Float8E4M3FNUZ);  // 1-4-3, bias 8, NaN 0x80, no infinity, no negative zero
SARDONYX_NARROW_FLOAT(Float8E5M2);      // 1-5-2, bias 15, infinities and NaNs as IEEE
SARDONYX_NARROW_FLOAT(Float8E5M2FNUZ);  // 1-5-2, bias 16, NaN 0x80, no infinity, no negative zero
SARDONYX_NARROW_FLOAT(Float8E8M0);      // exponent only, bias 127, NaN 0xff; rounds up by default (see cast kernels)
SARDONYX_NARROW_FLOAT(Float6E2M3);      // 1-2-3, bias 1, only finite values; in the low 6 bits
SARDONYX_NARROW_FLOAT(Float6E3M2);      // 1-3-2, bias 3, only finite values; in the low 6 bits
SARDONYX_NARROW_FLOAT(Float4E2M1);      // 1-2-1, bias 1, only finite values; in the low nibble
#undef SARDONYX_NARROW_FLOAT

// Which power of two a value between two of them becomes (attribute `round_mode` of Cast, opset 24).
enum class Float8E8M0Rounding { kUp, kDown, kNearest };  // kNearest: ties go up
// The cast to float8e8m0. Infinity saturates to 2^127; 0 and what lies below 2^-127 to 2^-127; with kNonFinite all of these
// are NaN. Of a negative value, which the specification leaves open, the magnitude is taken.
Float8E8M0 RoundToFloat8E8M0(float value, Float8E8M0Rounding rounding, Overflow overflow);

}  // namespace sardonyx

#include "sardonyx/internal/float_types_inl.h"
