// MessageWriter: appends the fields of a protobuf message to a string.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "formats/wire.h"

namespace sardonyx::ir {

class MessageWriter {
 public:
  explicit MessageWriter(std::string* out) : out_(out) {}

  void Tag(int field, formats::WireType type) { Varint((static_cast<uint64_t>(field) << 3) | static_cast<uint64_t>(type)); }
  void Varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_->push_back(static_cast<char>(value | 0x80));
    out_->push_back(static_cast<char>(value));
  }
  void Int(int field, int64_t value) {
    Tag(field, formats::WireType::kVarint);
    Varint(static_cast<uint64_t>(value));
  }
  void Float(int field, float value) {
    Tag(field, formats::WireType::kFixed32);
    Raw({reinterpret_cast<const char*>(&value), sizeof(value)});
  }
  // A string, bytes, or a message that has been written to a string of its own.
  void String(int field, std::string_view value) {
    Tag(field, formats::WireType::kLength);
    Varint(value.size());
    Raw(value);
  }
  void Raw(std::string_view bytes) { out_->append(bytes); }

 private:
  std::string* out_;
};

}  // namespace sardonyx::ir
