// Elements as movement kernels see them: so many bytes that are copied and never looked into, or strings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "sardonyx/data_type.h"

namespace sardonyx::kernels {

// The classes of elements that can be moved. Types of less than a byte are moved as kBytes1 after UnpackSubByte.
enum class Element : uint8_t { kBytes1, kBytes2, kBytes4, kBytes8, kBytes16, kString };

// Raw storage of an element. They may alias any type, so that moving floats as words is well defined; Raw8 is aligned to
// 4 because complex64 is.
struct [[gnu::may_alias]] Raw1 {
  uint8_t bits;
};
struct [[gnu::may_alias]] Raw2 {
  uint16_t bits;
};
struct [[gnu::may_alias]] Raw4 {
  uint32_t bits;
};
struct [[gnu::may_alias]] Raw8 {
  uint32_t bits[2];
};
struct [[gnu::may_alias]] Raw16 {
  uint64_t bits[2];
};

// kBytes1 for types of less than a byte; kBytes1 for undefined, of which there are no elements.
Element ElementOf(DataType type);
// sizeof the storage, in bytes.
size_t ElementSize(Element element);
inline bool IsSubByte(DataType type) { return BitsPerElement(type) > 0 && BitsPerElement(type) < 8; }

// Calls f.template operator()<T>() with T the storage of `element`.
template <class F>
auto DispatchElement(Element element, F&& f) {
  switch (element) {
    case Element::kBytes2:
      return f.template operator()<Raw2>();
    case Element::kBytes4:
      return f.template operator()<Raw4>();
    case Element::kBytes8:
      return f.template operator()<Raw8>();
    case Element::kBytes16:
      return f.template operator()<Raw16>();
    case Element::kString:
      return f.template operator()<std::string>();
    default:
      return f.template operator()<Raw1>();
  }
}

// Elements of 2, 4 or 6 bits, packed low bits first, to one a byte (the value in the low bits, the others zero) and back.
// `bytes` has `count` bytes; `packed` has ceil(count * bits / 8), of which packing zeroes the unused bits.
void UnpackSubByte(int bits, const uint8_t* packed, int64_t count, uint8_t* bytes);
void PackSubByte(int bits, const uint8_t* bytes, int64_t count, uint8_t* packed);

}  // namespace sardonyx::kernels
