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

std::string& WireRope::Tail() {
  if (pieces_.empty() || !pieces_.back().referenced.empty()) pieces_.emplace_back();
  return pieces_.back().copied;
}

void WireRope::Varint(uint64_t value) {
  std::string& tail = Tail();
  const size_t before = tail.size();
  while (value >= 0x80) {
    tail.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  tail.push_back(static_cast<char>(value));
  size_ += tail.size() - before;
}

void WireRope::Payload(int field, const Bytes& value) {
  constexpr size_t kCopyBelow = 1024;
  Tag(field, WireType::kLength);
  Varint(value.size());
  if (value.size() < kCopyBelow) return Raw(value.view());
  Tail();
  pieces_.back().referenced = value;
  size_ += value.size();
}

void WireRope::Message(int field, WireRope message) {
  Tag(field, WireType::kLength);
  Varint(message.size_);
  for (Piece& piece : message.pieces_) {
    Raw(piece.copied);
    if (!piece.referenced.empty()) {
      Tail();
      pieces_.back().referenced = std::move(piece.referenced);
      size_ += pieces_.back().referenced.size();
    }
  }
}

Status WireRope::WriteTo(const std::function<Status(const void*, size_t)>& sink) const {
  for (const Piece& piece : pieces_) {
    if (!piece.copied.empty())
      if (Status status = sink(piece.copied.data(), piece.copied.size()); !status.ok()) return status;
    if (!piece.referenced.empty())
      if (Status status = sink(piece.referenced.data(), piece.referenced.size()); !status.ok()) return status;
  }
  return {};
}

std::string WireRope::Flatten() const {
  std::string all;
  all.reserve(size_);
  for (const Piece& piece : pieces_) all.append(piece.copied).append(piece.referenced.view());
  return all;
}

}  // namespace sardonyx::formats
