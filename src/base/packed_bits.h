// Elements of 2, 4 or 6 bits as ONNX packs them: a stream of bits, low bits first. An element of 6 bits may lie in two bytes;
// every 8 elements of any width fill whole bytes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sardonyx {

// The bits of element i.
inline uint8_t PackedBits(const uint8_t* packed, size_t i, int bits) {
  const size_t bit = i * static_cast<size_t>(bits), byte = bit / 8;
  const int shift = static_cast<int>(bit % 8);
  int word = packed[byte] >> shift;
  if (shift + bits > 8) word |= packed[byte + 1] << (8 - shift);
  return static_cast<uint8_t>(word & ((1 << bits) - 1));
}

// Makes element i, whose bits are zero, the low bits of `code`.
inline void SetPackedBits(uint8_t* packed, size_t i, int bits, uint8_t code) {
  const size_t bit = i * static_cast<size_t>(bits), byte = bit / 8;
  const int shift = static_cast<int>(bit % 8), word = (code & ((1 << bits) - 1)) << shift;
  packed[byte] |= static_cast<uint8_t>(word);
  if (shift + bits > 8) packed[byte + 1] |= static_cast<uint8_t>(word >> 8);
}

}  // namespace sardonyx
