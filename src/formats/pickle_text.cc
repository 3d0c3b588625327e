#include "formats/pickle_text.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/status_macros.h"
#include "formats/unicode.h"

namespace sardonyx::formats {
namespace {

std::optional<uint32_t> Hex(std::string_view text, size_t at, size_t digits) {
  if (at > text.size() || digits > text.size() - at) return std::nullopt;
  uint32_t value = 0;
  const char* end = text.data() + at + digits;
  const auto [stop, error] = std::from_chars(text.data() + at, end, value, 16);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

// The escape that begins behind a backslash at text[*at]; moves *at behind it.
std::optional<char> Escape(std::string_view text, size_t* at) {
  const char c = text[(*at)++];
  switch (c) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case 'a':
      return '\a';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'v':
      return '\v';
    case '\\':
    case '\'':
    case '"':
      return c;
    case 'x': {
      const std::optional<uint32_t> value = Hex(text, *at, 2);
      if (!value) return std::nullopt;
      *at += 2;
      return static_cast<char>(*value);
    }
    default: {
      if (c < '0' || c > '7') return std::nullopt;
      unsigned value = static_cast<unsigned>(c - '0');
      for (int i = 0; i < 2 && *at < text.size() && text[*at] >= '0' && text[*at] <= '7'; ++i)
        value = value * 8 + static_cast<unsigned>(text[(*at)++] - '0');
      return static_cast<char>(value);
    }
  }
}

}  // namespace

StatusOr<std::string> DecimalToTwosComplement(std::string_view digits) {
  constexpr size_t kMostDigits = 1000;
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) return Corrupt("an integer is no number");
  if (digits.size() > kMostDigits) return Unsupported("an integer of more than 1000 digits");
  std::string bytes;
  for (const char digit : digits) {  // bytes = bytes * 10 + digit
    unsigned carry = static_cast<unsigned>(digit - '0');
    for (char& byte : bytes) {
      carry += static_cast<uint8_t>(byte) * 10u;
      byte = static_cast<char>(carry & 0xff);
      carry >>= 8;
    }
    if (carry != 0) bytes.push_back(static_cast<char>(carry));
  }
  bytes.push_back(0);  // room for the sign
  if (negative) {
    unsigned carry = 1;
    for (char& byte : bytes) {
      carry += static_cast<uint8_t>(~byte);
      byte = static_cast<char>(carry & 0xff);
      carry >>= 8;
    }
  }
  const auto redundant = [&] {
    const char last = bytes.back(), before = bytes[bytes.size() - 2];
    return (last == 0 && (before & 0x80) == 0) || (last == '\xff' && (before & 0x80) != 0);
  };
  while (bytes.size() > 1 && redundant()) bytes.pop_back();
  return bytes;
}

StatusOr<std::string> DecodeQuoted(std::string_view line) {
  const size_t start = line.find_first_not_of(" \t");
  if (start != std::string_view::npos) line.remove_prefix(start);
  while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
  if (line.size() < 2 || (line.front() != '\'' && line.front() != '"') || line.back() != line.front())
    return Corrupt("a string is not quoted");
  line = line.substr(1, line.size() - 2);
  std::string out;
  for (size_t at = 0; at < line.size();) {
    const char c = line[at++];
    if (c != '\\') {
      out.push_back(c);
      continue;
    }
    const std::optional<char> escaped = at < line.size() ? Escape(line, &at) : std::nullopt;
    if (!escaped) return Corrupt("a string has an escape that is none");
    out.push_back(*escaped);
  }
  return out;
}

StatusOr<std::string> DecodeRawUnicode(std::string_view line) {
  std::string out;
  for (size_t at = 0; at < line.size();) {
    uint32_t code = static_cast<uint8_t>(line[at++]);
    if (code == '\\' && at < line.size() && (line[at] == 'u' || line[at] == 'U')) {
      const size_t digits = line[at] == 'u' ? 4 : 8;
      const std::optional<uint32_t> value = Hex(line, at + 1, digits);
      if (!value) return Corrupt("a string has an escape that is none");
      code = *value;
      at += 1 + digits;
    }
    uint8_t raw[4];
    for (size_t i = 0; i < 4; ++i) raw[i] = static_cast<uint8_t>(code >> (8 * i));
    const size_t before = out.size();
    if (!Ucs4ToUtf8(raw, 1, &out)) return Corrupt("a string has a character that is none");
    if (code == 0 && out.size() == before) out.push_back('\0');  // NULs at the end are left out there
  }
  return out;
}

}  // namespace sardonyx::formats
