#include "kernels/text/utf8.h"

#include <locale.h>
#include <wctype.h>

namespace sardonyx::kernels {

CodePoint DecodeUtf8(std::string_view text, size_t at) {
  const CodePoint malformed{0xFFFD, 1, false};
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[at + i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || at + length > text.size()) return malformed;
  char32_t value = lead & (0x7F >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return malformed;
    value = value << 6 | (byte(i) & 0x3F);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kLeast[length] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return malformed;
  return {value, length, true};
}

void AppendUtf8(char32_t value, std::string& text) {
  const auto tail = [&](int shift) { text.push_back(static_cast<char>(0x80 | (value >> shift & 0x3F))); };
  if (value < 0x80) {
    text.push_back(static_cast<char>(value));
  } else if (value < 0x800) {
    text.push_back(static_cast<char>(0xC0 | value >> 6));
    tail(0);
  } else if (value < 0x10000) {
    text.push_back(static_cast<char>(0xE0 | value >> 12));
    tail(6), tail(0);
  } else {
    text.push_back(static_cast<char>(0xF0 | value >> 18));
    tail(12), tail(6), tail(0);
  }
}

size_t CountCodePoints(std::string_view text) {
  size_t count = 0;
  for (size_t at = 0; at < text.size(); at += DecodeUtf8(text, at).length) ++count;
  return count;
}

bool IsValidUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = DecodeUtf8(text, at);
    if (!point.valid) return false;
    at += point.length;
  }
  return true;
}

bool IsUnicodeSpace(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) ||
         c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

CaseMapper::CaseMapper(const std::string& locale) {
  locale_t handle = nullptr;
  if (!locale.empty()) handle = newlocale(LC_CTYPE_MASK, (locale.substr(0, locale.find('.')) + ".UTF-8").c_str(), nullptr);
  if (handle == nullptr) handle = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (handle != nullptr) locale_ = std::shared_ptr<void>(handle, [](void* p) { freelocale(static_cast<locale_t>(p)); });
}

namespace {

// Without any UTF-8 locale only ASCII is mapped.
template <class Map>
std::string MapCase(std::string_view text, void* locale, const Map& map) {
  std::string mapped;
  mapped.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = DecodeUtf8(text, at);
    if (point.valid && (locale != nullptr || point.value < 0x80)) {
      AppendUtf8(static_cast<char32_t>(map(static_cast<wint_t>(point.value))), mapped);
    } else {
      mapped.append(text.substr(at, point.length));
    }
    at += point.length;
  }
  return mapped;
}

}  // namespace

std::string CaseMapper::ToUpper(std::string_view text) const {
  void* locale = locale_.get();
  return MapCase(text, locale,
                 [locale](wint_t c) { return locale != nullptr ? towupper_l(c, static_cast<locale_t>(locale)) : towupper(c); });
}
std::string CaseMapper::ToLower(std::string_view text) const {
  void* locale = locale_.get();
  return MapCase(text, locale,
                 [locale](wint_t c) { return locale != nullptr ? towlower_l(c, static_cast<locale_t>(locale)) : towlower(c); });
}

}  // namespace sardonyx::kernels
