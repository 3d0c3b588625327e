#include "kernels/movement/element.h"

#include <algorithm>
#include <cstring>

#include "base/packed_bits.h"

namespace sardonyx::kernels {

Element ElementOf(DataType type) {
  if (type == DataType::kString) return Element::kString;
  switch (BitsPerElement(type)) {
    case 16:
      return Element::kBytes2;
    case 32:
      return Element::kBytes4;
    case 64:
      return Element::kBytes8;
    case 128:
      return Element::kBytes16;
    default:
      return Element::kBytes1;
  }
}

size_t ElementSize(Element element) {
  return DispatchElement(element, []<class T>() { return sizeof(T); });
}

void UnpackSubByte(int bits, const uint8_t* packed, int64_t count, uint8_t* bytes) {
  for (int64_t i = 0; i < count; ++i) bytes[i] = PackedBits(packed, static_cast<size_t>(i), bits);
}

void PackSubByte(int bits, const uint8_t* bytes, int64_t count, uint8_t* packed) {
  const uint64_t mask = (uint64_t{1} << bits) - 1;
  for (int64_t i = 0; i < count; i += 8, packed += bits) {  // 8 elements take `bits` bytes
    const int64_t n = std::min<int64_t>(8, count - i);
    uint64_t word = 0;
    for (int64_t k = 0; k < n; ++k) word |= (bytes[i + k] & mask) << (bits * k);
    std::memcpy(packed, &word, static_cast<size_t>((n * bits + 7) / 8));
  }
}

}  // namespace sardonyx::kernels
