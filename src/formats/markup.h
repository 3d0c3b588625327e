// Text in XML and HTML.
#pragma once

#include <string>
#include <string_view>

namespace sardonyx::formats {

// Text for XML and HTML: markup escaped; what is not UTF-8 or no XML character replaced.
std::string Escaped(std::string_view text);

}  // namespace sardonyx::formats
