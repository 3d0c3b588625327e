// Taking one field off the wire. A known field with another wire type than its own is kept as unknown, as protobuf does.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "formats/wire.h"
#include "ir/extras.h"

namespace sardonyx::ir {

using formats::WireReader;
using formats::WireType;

inline void KeepUnknown(const WireReader& field, Extras* extras) { extras->unknown.append(field.raw()); }

// Each returns false, having kept the field as unknown, if its wire type is not the expected one.
inline bool IsMessage(const WireReader& field, Extras* extras) {
  if (field.type() == WireType::kLength) return true;
  KeepUnknown(field, extras);
  return false;
}

inline bool TakeString(const WireReader& field, Extras* extras, std::string* out) {
  if (!IsMessage(field, extras)) return false;
  if (field.bytes().empty()) extras->Set(field.field());
  *out = field.bytes();
  return true;
}

template <class Int>
bool TakeInt(const WireReader& field, Extras* extras, Int* out) {
  if (field.type() != WireType::kVarint) {
    KeepUnknown(field, extras);
    return false;
  }
  *out = static_cast<Int>(field.varint());
  if (*out == Int{}) extras->Set(field.field());
  return true;
}

inline bool TakeFloat(const WireReader& field, Extras* extras, float* out) {
  if (field.type() != WireType::kFixed32) {
    KeepUnknown(field, extras);
    return false;
  }
  const auto bits = static_cast<uint32_t>(field.fixed());
  std::memcpy(out, &bits, 4);
  return true;
}

// Repeated int64: one element, or a packed run.
inline Status TakeInts(const WireReader& field, Extras* extras, std::vector<int64_t>* out, bool* packed) {
  if (field.type() == WireType::kVarint) {
    out->push_back(static_cast<int64_t>(field.varint()));
  } else if (field.type() == WireType::kLength) {
    *packed = true;
    const char* at = field.bytes().data();
    const char* end = at + field.bytes().size();
    while (at != end) {
      uint64_t value;
      if (!formats::ReadVarint(&at, end, &value)) return Corrupt("truncated integer in a packed field");
      out->push_back(static_cast<int64_t>(value));
    }
  } else {
    KeepUnknown(field, extras);
  }
  return {};
}

inline Status TakeFloats(const WireReader& field, Extras* extras, std::vector<float>* out, bool* packed) {
  if (field.type() == WireType::kFixed32) {
    float value;
    TakeFloat(field, extras, &value);
    out->push_back(value);
  } else if (field.type() == WireType::kLength) {
    *packed = true;
    if (field.bytes().size() % 4 != 0) return Corrupt("packed floats whose size is not a multiple of 4");
    const size_t old = out->size();
    out->resize(old + field.bytes().size() / 4);
    if (!field.bytes().empty()) std::memcpy(out->data() + old, field.bytes().data(), field.bytes().size());
  } else {
    KeepUnknown(field, extras);
  }
  return {};
}

}  // namespace sardonyx::ir
