#include "kernels/movement/element.h"

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
  const int per_byte = 8 / bits;
  const uint8_t mask = static_cast<uint8_t>((1 << bits) - 1);
  for (int64_t i = 0; i < count; ++i) bytes[i] = (packed[i / per_byte] >> (bits * (i % per_byte))) & mask;
}

void PackSubByte(int bits, const uint8_t* bytes, int64_t count, uint8_t* packed) {
  const int per_byte = 8 / bits;
  const uint8_t mask = static_cast<uint8_t>((1 << bits) - 1);
  for (int64_t i = 0; i < count; i += per_byte) {
    uint8_t byte = 0;
    for (int j = 0; j < per_byte && i + j < count; ++j) byte |= static_cast<uint8_t>((bytes[i + j] & mask) << (bits * j));
    packed[i / per_byte] = byte;
  }
}

}  // namespace sardonyx::kernels
