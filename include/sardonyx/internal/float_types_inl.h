// Conversions of float16 and bfloat16: inline and free of branches on the common path, so that loops over them vectorize.
// Included by float_types.h only.
#pragma once

#include <bit>

namespace sardonyx {

inline Float16::Float16(float value) {
  const uint32_t word = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (word >> 16) & 0x8000u;
  const uint32_t magnitude = word & 0x7fffffffu;
  // Normal results: rebias the exponent and add just under half of the last kept bit, plus that bit (ties to even). A carry
  // out of the mantissa rightly ends in the exponent, at worst as infinity.
  const uint32_t normal = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  // Below 2^-14: adding 0.5 shifts the value so that the float unit itself rounds at 2^-24.
  const uint32_t subnormal = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  const uint32_t special = magnitude > 0x7f800000u ? (0x7e00u | ((magnitude >> 13) & 0x3ffu)) : 0x7c00u;
  const uint32_t finite = magnitude < 0x38800000u ? subnormal : normal;
  bits = static_cast<uint16_t>(sign | (magnitude >= 0x47800000u ? special : finite));
}

inline Float16::operator float() const {
  const uint32_t sign = (bits & 0x8000u) << 16;
  uint32_t magnitude = (bits & 0x7fffu) << 13;
  const uint32_t exponent = magnitude & 0x0f800000u;
  magnitude += 112u << 23;  // rebias
  // Subnormal: give it an exponent of its own and take the implicit one off again. Infinity, NaN: the exponent of float's.
  const uint32_t renormalized =
      std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude + (1u << 23)) - std::bit_cast<float>(113u << 23));
  const uint32_t special = magnitude + (112u << 23);
  const uint32_t result = exponent == 0 ? renormalized : exponent == 0x0f800000u ? special : magnitude;
  return std::bit_cast<float>(sign | result);
}

inline BFloat16::BFloat16(float value) {
  const uint32_t word = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = (word + 0x7fffu + ((word >> 16) & 1u)) >> 16;
  const uint32_t nan = (word >> 16) | 0x40u;  // quiet, lest the kept bits be those of an infinity
  bits = static_cast<uint16_t>((word & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
}

inline BFloat16::operator float() const { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

}  // namespace sardonyx
