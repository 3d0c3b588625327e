// TextReader: characters of the textual syntax to identifiers, literals and punctuation.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sardonyx/status.h"

namespace sardonyx::ir {

// A literal as it stands; numbers are converted when the type they are meant for is known.
struct TextLiteral {
  enum class Kind { kInteger, kFloat, kString };
  Kind kind = Kind::kInteger;
  std::string text;     // the digits (sign first, "0x" kept), or the string without quotes and escapes
  size_t position = 0;  // where it begins, for messages
};

// A cursor that skips white space and # comments. Methods named Accept take what they look for if it is next; those that
// return a Status take it or say what was expected and what stands there.
class TextReader {
 public:
  explicit TextReader(std::string_view text) : text_(text) {}

  bool AtEnd();
  // The next character after white space; 0 at the end.
  char Peek();
  bool Accept(char c);
  Status Expect(char c, std::string_view where);
  // "=>", without space between.
  Status ExpectArrow();

  bool NextIsIdentifier();
  // The next identifier, not taken; empty if there is none.
  std::string_view PeekIdentifier();
  std::string_view AcceptIdentifier();
  StatusOr<std::string> Identifier(std::string_view what);
  // An identifier, or any name in double quotes. Sets *found instead of failing when there is neither.
  StatusOr<std::string> OptionalName(bool* found);
  StatusOr<std::string> Name(std::string_view what);

  StatusOr<TextLiteral> Literal(std::string_view what);
  StatusOr<std::string> String(std::string_view what);
  StatusOr<int64_t> Int64(std::string_view what);
  // True for nan, inf and infinity in any case.
  bool NextIsFloatWord();

  size_t position() const { return at_; }
  // "LINE:COLUMN: expected WHAT, found 'TEXT'", at the next character or at `position`.
  Status Expected(std::string_view what);
  Status ErrorAt(size_t position, std::string_view message) const;

 private:
  void SkipSpace();
  Status ReadString(TextLiteral* literal);
  Status ReadNumber(TextLiteral* literal, std::string_view what);

  std::string_view text_;
  size_t at_ = 0;
};

// Conversions of number literals; an error message (without position) when the value does not fit.
StatusOr<int64_t> LiteralToInt64(const TextLiteral& literal);
StatusOr<uint64_t> LiteralToUint64(const TextLiteral& literal);
// Values too small for the type become zero; too large ones are errors.
StatusOr<float> LiteralToFloat(const TextLiteral& literal);
StatusOr<double> LiteralToDouble(const TextLiteral& literal);

}  // namespace sardonyx::ir
