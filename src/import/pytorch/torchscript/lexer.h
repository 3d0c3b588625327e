// Tokens of TorchScript's source: Python's, with its indentation, without what TorchScript never writes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sardonyx/status.h"

namespace sardonyx::pytorch {

enum class TokenKind : uint8_t {
  kName,
  kInt,      // integer
  kFloat,    // number
  kComplex,  // number, the imaginary part
  kString,   // text, decoded
  kSymbol,   // text: "(", "->", "**", ...
  kNewline,
  kIndent,
  kDedent,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  int line = 0;
  std::string text;
  int64_t integer = 0;
  double number = 0;
};

// kCorrupt, with the line, for what is no token and for indentation that fits no outer block.
StatusOr<std::vector<Token>> Tokenize(std::string_view source);

}  // namespace sardonyx::pytorch
