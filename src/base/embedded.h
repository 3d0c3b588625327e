// EmbeddedFile: a text file of the source tree that is compiled into the program (cmake/embed.cmake).
#pragma once

#include <span>
#include <string_view>

namespace sardonyx {

struct EmbeddedFile {
  std::string_view name;  // without folder and suffix
  std::string_view text;
};

}  // namespace sardonyx
