#include "formats/unicode.h"

#include <cstring>

namespace sardonyx::formats {
namespace {

bool IsCharacter(uint32_t code) { return code < 0xd800 || (code > 0xdfff && code <= 0x10ffff); }

// Decodes the character at `at` and moves past it; nothing if it is malformed (Unicode 15, table 3-7).
std::optional<uint32_t> Next(std::string_view text, size_t* at) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
  const uint8_t first = byte(*at);
  if (first < 0x80) {
    ++*at;
    return first;
  }
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return std::nullopt;
  uint32_t code = first & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) {
    const uint8_t next = byte(*at + i);
    if ((next & 0xc0) != 0x80) return std::nullopt;
    code = code << 6 | (next & 0x3f);
  }
  const uint32_t smallest = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000;
  if (code < smallest || !IsCharacter(code)) return std::nullopt;
  *at += length;
  return code;
}

void AppendUtf8(uint32_t code, std::string* out) {
  const auto tail = [&](int shift) { out->push_back(static_cast<char>(0x80 | ((code >> shift) & 0x3f))); };
  if (code < 0x80) {
    out->push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out->push_back(static_cast<char>(0xc0 | code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    out->push_back(static_cast<char>(0xe0 | code >> 12));
    tail(6), tail(0);
  } else {
    out->push_back(static_cast<char>(0xf0 | code >> 18));
    tail(12), tail(6), tail(0);
  }
}

}  // namespace

std::optional<size_t> Utf8Length(std::string_view text) {
  size_t count = 0;
  for (size_t at = 0; at < text.size(); ++count)
    if (!Next(text, &at)) return std::nullopt;
  return count;
}

void Utf8ToUcs4(std::string_view text, char* out) {
  for (size_t at = 0; at < text.size(); out += 4) {
    const uint32_t code = Next(text, &at).value_or(0);
    std::memcpy(out, &code, 4);
  }
}

bool Ucs4ToUtf8(const uint8_t* data, size_t count, std::string* out) {
  const auto code_at = [data](size_t i) {
    uint32_t code;
    std::memcpy(&code, data + 4 * i, 4);
    return code;
  };
  while (count > 0 && code_at(count - 1) == 0) --count;
  for (size_t i = 0; i < count; ++i) {
    const uint32_t code = code_at(i);
    if (!IsCharacter(code)) return false;
    AppendUtf8(code, out);
  }
  return true;
}

}  // namespace sardonyx::formats
