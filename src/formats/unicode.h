// UTF-8 and UCS-4 (little-endian), strictly: no surrogates, nothing beyond U+10FFFF, no overlong forms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sardonyx::formats {

// Number of characters; nothing if `text` is not valid UTF-8.
std::optional<size_t> Utf8Length(std::string_view text);

// Writes 4 bytes a character. Precondition: `text` is valid.
void Utf8ToUcs4(std::string_view text, char* out);

// Appends `count` characters that lie at `data` (any alignment), NULs at the end left out. False if one is no character.
bool Ucs4ToUtf8(const uint8_t* data, size_t count, std::string* out);

}  // namespace sardonyx::formats
