#include "formats/wire.h"

#include <fmt/format.h>

namespace sardonyx::formats {
namespace {
constexpr int kMaxGroupDepth = 64;
}

bool ReadVarint(const char** at, const char* end, uint64_t* value) {
  uint64_t result = 0;
  const char* p = *at;
  for (int shift = 0; shift < 70; shift += 7) {
    if (p == end) return false;
    const auto byte = static_cast<uint8_t>(*p++);
    if (shift < 64) result |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      *at = p;
      *value = result;
      return true;
    }
  }
  return false;
}

bool WireReader::Fail(const char* what) {
  status_ = Corrupt(fmt::format("{} at byte {}", what, at_ - begin_));
  return false;
}

bool WireReader::ReadVarint(uint64_t* value) { return formats::ReadVarint(&at_, end_, value); }

bool WireReader::Next() {
  if (at_ == end_ || !status_.ok()) return false;
  field_begin_ = at_;
  uint64_t tag;
  if (!ReadVarint(&tag)) return Fail("truncated field tag");
  if ((tag >> 3) == 0 || (tag >> 3) > 536870911) return Fail("invalid field number");
  field_ = static_cast<int>(tag >> 3);
  type_ = static_cast<WireType>(tag & 7);
  const auto left = [&] { return static_cast<uint64_t>(end_ - at_); };
  switch (type_) {
    case WireType::kVarint:
      return ReadVarint(&value_) || Fail("truncated integer");
    case WireType::kFixed64:
      if (left() < 8) return Fail("truncated 64-bit value");
      std::memcpy(&value_, at_, 8);
      at_ += 8;
      return true;
    case WireType::kFixed32: {
      if (left() < 4) return Fail("truncated 32-bit value");
      uint32_t bits;
      std::memcpy(&bits, at_, 4);
      value_ = bits;
      at_ += 4;
      return true;
    }
    case WireType::kLength:
      if (!ReadVarint(&value_)) return Fail("truncated length");
      if (value_ > left()) return Fail("field reaches beyond the end of its message");
      bytes_ = {at_, static_cast<size_t>(value_)};
      at_ += value_;
      return true;
    case WireType::kStartGroup:
      return SkipGroup(field_, 0);
    default:
      return Fail("invalid wire type");
  }
}

// Groups are obsolete and ONNX has none; an unknown one is stepped over as a whole.
bool WireReader::SkipGroup(int number, int depth) {
  if (depth > kMaxGroupDepth) return Fail("groups nested too deep");
  for (;;) {
    uint64_t tag, length;
    if (!ReadVarint(&tag)) return Fail("truncated group");
    const int field = static_cast<int>(tag >> 3);
    switch (static_cast<WireType>(tag & 7)) {
      case WireType::kVarint:
        if (!ReadVarint(&length)) return Fail("truncated group");
        break;
      case WireType::kFixed64:
      case WireType::kFixed32:
        length = (tag & 7) == 1 ? 8 : 4;
        if (static_cast<uint64_t>(end_ - at_) < length) return Fail("truncated group");
        at_ += length;
        break;
      case WireType::kLength:
        if (!ReadVarint(&length) || length > static_cast<uint64_t>(end_ - at_)) return Fail("truncated group");
        at_ += length;
        break;
      case WireType::kStartGroup:
        if (!SkipGroup(field, depth + 1)) return false;
        break;
      case WireType::kEndGroup:
        return field == number || Fail("unmatched end of group");
      default:
        return Fail("invalid wire type");
    }
  }
}

}  // namespace sardonyx::formats
