// UTF-8, code point by code point. Malformed bytes are never an error here: they stay the bytes they are.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace sardonyx::kernels {

struct CodePoint {
  char32_t value;  // U+FFFD when not valid
  size_t length;   // bytes it takes; 1 when not valid
  bool valid;
};
// The code point that begins at text[at]. Overlong forms, surrogates and values above U+10FFFF are not valid.
// Precondition: at < text.size().
CodePoint DecodeUtf8(std::string_view text, size_t at);
void AppendUtf8(char32_t value, std::string& text);
// Number of code points, each malformed byte counting as one.
size_t CountCodePoints(std::string_view text);
bool IsValidUtf8(std::string_view text);
// White space as Unicode and Python's str.split() have it.
bool IsUnicodeSpace(char32_t value);

// Upper and lower case by the simple (one to one) mappings of a locale.
class CaseMapper {
 public:
  // `locale` such as "en_US" or "tr_TR"; one that the system lacks maps as Unicode's own tables do.
  explicit CaseMapper(const std::string& locale);
  std::string ToUpper(std::string_view text) const;
  std::string ToLower(std::string_view text) const;

 private:
  std::shared_ptr<void> locale_;
};

}  // namespace sardonyx::kernels
