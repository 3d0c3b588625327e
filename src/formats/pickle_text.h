// The texts of pickle's protocol 0: Python literals of one line.
#pragma once

#include <string>
#include <string_view>

#include "sardonyx/status.h"

namespace sardonyx::formats {

// A decimal integer of any sign as little-endian two's complement, without redundant bytes. At most 1000 digits.
StatusOr<std::string> DecimalToTwosComplement(std::string_view digits);
// 'text' or "text" with Python's escapes of byte strings.
StatusOr<std::string> DecodeQuoted(std::string_view line);
// Latin-1 with \uXXXX and \UXXXXXXXX, to UTF-8.
StatusOr<std::string> DecodeRawUnicode(std::string_view line);

}  // namespace sardonyx::formats
