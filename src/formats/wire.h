// The protobuf wire format: reading without copying, writing canonically.
// Facts: https://protobuf.dev/programming-guides/encoding/
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "sardonyx/status.h"

namespace sardonyx::formats {

enum class WireType : uint8_t { kVarint = 0, kFixed64 = 1, kLength = 2, kStartGroup = 3, kEndGroup = 4, kFixed32 = 5 };

// Walks the fields of one message:
//   while (reader.Next()) switch (reader.field()) { case 1: x = reader.varint(); ... }
//   RETURN_IF_ERROR(reader.status());
class WireReader {
 public:
  explicit WireReader(std::string_view message) : begin_(message.data()), at_(message.data()), end_(at_ + message.size()) {}

  // Moves to the next field; false at the end or at an error, which status() tells apart.
  bool Next();
  const Status& status() const { return status_; }

  int field() const { return field_; }
  WireType type() const { return type_; }
  // The field's value: each is valid only for its wire type.
  uint64_t varint() const { return value_; }         // kVarint
  uint64_t fixed() const { return value_; }          // kFixed32, kFixed64: the bits
  std::string_view bytes() const { return bytes_; }  // kLength
  // The whole field as it stands, tag included: what unknown fields are kept as.
  std::string_view raw() const { return {field_begin_, static_cast<size_t>(at_ - field_begin_)}; }
  size_t offset() const { return static_cast<size_t>(field_begin_ - begin_); }

 private:
  bool Fail(const char* what);
  bool ReadVarint(uint64_t* value);
  bool SkipGroup(int number, int depth);

  const char* begin_;
  const char* at_;
  const char* end_;
  const char* field_begin_ = nullptr;
  int field_ = 0;
  WireType type_ = WireType::kVarint;
  uint64_t value_ = 0;
  std::string_view bytes_;
  Status status_;
};

// Reads one varint at `*at`; false if it is truncated or longer than 10 bytes.
bool ReadVarint(const char** at, const char* end, uint64_t* value);

// A message under construction: small fields are copied together, large payloads are referenced, so that writing a model
// never copies its weights.
class WireRope {
 public:
  void Tag(int field, WireType type) { Varint((static_cast<uint64_t>(field) << 3) | static_cast<uint64_t>(type)); }
  void Varint(uint64_t value);
  void Int(int field, int64_t value) {
    Tag(field, WireType::kVarint);
    Varint(static_cast<uint64_t>(value));
  }
  void Float(int field, float value) {
    Tag(field, WireType::kFixed32);
    Raw({reinterpret_cast<const char*>(&value), 4});
  }
  void String(int field, std::string_view value) {
    Tag(field, WireType::kLength);
    Varint(value.size());
    Raw(value);
  }
  // Kept by reference when large.
  void Payload(int field, const Bytes& value);
  void Message(int field, WireRope message);
  void Raw(std::string_view bytes) {
    Tail().append(bytes);
    size_ += bytes.size();
  }

  uint64_t size() const { return size_; }
  // Calls sink(data, size) for each piece in order.
  Status WriteTo(const std::function<Status(const void*, size_t)>& sink) const;
  std::string Flatten() const;

 private:
  struct Piece {
    std::string copied;
    Bytes referenced;  // comes after `copied`
  };
  std::string& Tail();
  std::vector<Piece> pieces_;
  uint64_t size_ = 0;
};

}  // namespace sardonyx::formats
