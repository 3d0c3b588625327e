#include "ir/text_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::ir {
namespace {

// The syntax is ASCII whatever the locale.
bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsHexDigit(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool StartsIdentifier(char c) { return IsLetter(c) || c == '_'; }
bool ContinuesIdentifier(char c) { return StartsIdentifier(c) || IsDigit(c); }

bool IsFloatWord(std::string_view word) {
  std::string lower(word);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return lower == "nan" || lower == "inf" || lower == "infinity";
}

// The text at `position` for a message: up to the end of its line, cut at 24 characters.
std::string Snippet(std::string_view text, size_t position) {
  if (position >= text.size()) return "the end of the text";
  std::string_view rest = text.substr(position, 25);
  rest = rest.substr(0, rest.find('\n'));
  std::string shown;
  for (char c : rest.substr(0, 24)) shown += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return fmt::format("'{}{}'", shown, rest.size() > 24 ? "..." : "");
}

}  // namespace

void TextReader::SkipSpace() {
  while (at_ < text_.size()) {
    if (IsSpace(text_[at_])) {
      ++at_;
    } else if (text_[at_] == '#') {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else {
      return;
    }
  }
}

bool TextReader::AtEnd() {
  SkipSpace();
  return at_ >= text_.size();
}

char TextReader::Peek() { return AtEnd() ? '\0' : text_[at_]; }

bool TextReader::Accept(char c) {
  if (AtEnd() || text_[at_] != c) return false;
  ++at_;
  return true;
}

Status TextReader::Expect(char c, std::string_view where) {
  if (Accept(c)) return {};
  return Expected(fmt::format("'{}' {}", c, where));
}

Status TextReader::ExpectArrow() {
  SkipSpace();
  if (text_.substr(at_, 2) != "=>") return Expected("'=>' between inputs and outputs");
  at_ += 2;
  return {};
}

std::string_view TextReader::PeekIdentifier() {
  SkipSpace();
  size_t end = at_;
  if (end < text_.size() && StartsIdentifier(text_[end]))
    while (end < text_.size() && ContinuesIdentifier(text_[end])) ++end;
  return text_.substr(at_, end - at_);
}

bool TextReader::NextIsIdentifier() { return StartsIdentifier(Peek()); }

std::string_view TextReader::AcceptIdentifier() {
  const std::string_view identifier = PeekIdentifier();
  at_ += identifier.size();
  return identifier;
}

StatusOr<std::string> TextReader::Identifier(std::string_view what) {
  const std::string_view identifier = AcceptIdentifier();
  if (identifier.empty()) return Expected(what);
  return std::string(identifier);
}

StatusOr<std::string> TextReader::OptionalName(bool* found) {
  *found = true;
  if (Peek() == '"') return String("a name");
  const std::string_view identifier = AcceptIdentifier();
  *found = !identifier.empty();
  return std::string(identifier);
}

StatusOr<std::string> TextReader::Name(std::string_view what) {
  bool found = false;
  ASSIGN_OR_RETURN(std::string name, OptionalName(&found));
  if (!found) return Expected(what);
  return name;
}

Status TextReader::ReadString(TextLiteral* literal) {
  literal->kind = TextLiteral::Kind::kString;
  // A backslash makes the next character stand for itself, whatever it is: the syntax has no \n or \x escapes, and a
  // string may run over several lines.
  for (size_t i = at_ + 1; i < text_.size(); ++i) {
    if (text_[i] == '"') {
      at_ = i + 1;
      return {};
    }
    if (text_[i] == '\\' && ++i == text_.size()) break;
    literal->text += text_[i];
  }
  return ErrorAt(at_, fmt::format("expected '\"' at the end of the string that begins with {}", Snippet(text_, at_)));
}

Status TextReader::ReadNumber(TextLiteral* literal, std::string_view what) {
  if (text_[at_] == '-' || text_[at_] == '+') {
    if (text_[at_] == '-') literal->text = "-";
    ++at_;
    SkipSpace();
  }
  if (NextIsFloatWord()) {
    literal->kind = TextLiteral::Kind::kFloat;
    literal->text += AcceptIdentifier();
    return {};
  }
  const size_t begin = at_;
  const auto here = [&](size_t ahead = 0) { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; };
  const bool hex = here() == '0' && (here(1) == 'x' || here(1) == 'X');
  if (hex) at_ += 2;
  const auto digits = [&] {
    const size_t first = at_;
    while (hex ? IsHexDigit(here()) : IsDigit(here())) ++at_;
    return at_ - first;
  };
  size_t count = digits();
  bool is_float = false;
  if (here() == '.') {
    is_float = true;
    ++at_;
    count += digits();
  }
  if (count == 0) {
    at_ = literal->position;
    return Expected(what);
  }
  if (const char e = here(); hex ? (e == 'p' || e == 'P') : (e == 'e' || e == 'E')) {
    is_float = true;
    ++at_;
    if (here() == '-' || here() == '+') ++at_;
    const size_t first = at_;
    while (IsDigit(here())) ++at_;
    if (at_ == first) return Expected("digits of the exponent");
  }
  if (ContinuesIdentifier(here())) return ErrorAt(begin, fmt::format("expected a number, found {}", Snippet(text_, begin)));
  literal->kind = is_float ? TextLiteral::Kind::kFloat : TextLiteral::Kind::kInteger;
  literal->text += text_.substr(begin, at_ - begin);
  return {};
}

StatusOr<TextLiteral> TextReader::Literal(std::string_view what) {
  TextLiteral literal;
  const char next = Peek();
  literal.position = at_;
  if (next == '"') {
    RETURN_IF_ERROR(ReadString(&literal));
  } else if (next == '\0') {
    return Expected(what);
  } else {
    RETURN_IF_ERROR(ReadNumber(&literal, what));
  }
  return literal;
}

StatusOr<std::string> TextReader::String(std::string_view what) {
  if (Peek() != '"') return Expected(what);
  TextLiteral literal;
  RETURN_IF_ERROR(ReadString(&literal));
  return std::move(literal.text);
}

StatusOr<int64_t> TextReader::Int64(std::string_view what) {
  SkipSpace();
  const size_t begin = at_;
  ASSIGN_OR_RETURN(const TextLiteral literal, Literal(what));
  const StatusOr<int64_t> value = LiteralToInt64(literal);
  if (!value.ok()) return ErrorAt(begin, fmt::format("expected {}: {}", what, value.status().message()));
  return value;
}

bool TextReader::NextIsFloatWord() { return IsFloatWord(PeekIdentifier()); }

Status TextReader::Expected(std::string_view what) {
  SkipSpace();
  return ErrorAt(at_, fmt::format("expected {}, found {}", what, Snippet(text_, at_)));
}

Status TextReader::ErrorAt(size_t position, std::string_view message) const {
  const std::string_view before = text_.substr(0, position);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t newline = before.rfind('\n');
  const size_t column = newline == std::string_view::npos ? before.size() + 1 : before.size() - newline;
  return Corrupt(fmt::format("{}:{}: {}", line, column, message));
}

namespace {

struct NumberText {
  std::string_view digits;
  bool negative = false;
  bool hex = false;
};

NumberText Split(const TextLiteral& literal) {
  NumberText number{literal.text};
  if (!number.digits.empty() && number.digits[0] == '-') {
    number.negative = true;
    number.digits.remove_prefix(1);
  }
  if (number.digits.size() > 1 && number.digits[0] == '0' && (number.digits[1] | 0x20) == 'x') {
    number.hex = true;
    number.digits.remove_prefix(2);
  }
  return number;
}

// Whether the magnitude of a literal that from_chars calls out of range is tiny rather than huge: the power of its first
// nonzero digit is negative.
bool IsTiny(const NumberText& number) {
  const size_t exponent_at = number.digits.find_first_of(number.hex ? "pP" : "eE");
  const std::string_view mantissa = number.digits.substr(0, exponent_at);
  int64_t exponent = 0;
  if (exponent_at != std::string_view::npos) {
    std::string_view text = number.digits.substr(exponent_at + 1);
    if (text[0] == '+') text.remove_prefix(1);
    if (std::from_chars(text.data(), text.data() + text.size(), exponent).ec != std::errc())
      exponent = text[0] == '-' ? -int64_t{1} << 40 : int64_t{1} << 40;
  }
  const int64_t point = static_cast<int64_t>(std::min(mantissa.find('.'), mantissa.size()));
  const auto first = static_cast<int64_t>(mantissa.find_first_not_of("0."));
  return (point - first) * (number.hex ? 4 : 1) + exponent < 0;
}

template <class T>
StatusOr<T> ToFloating(const TextLiteral& literal, std::string_view type) {
  if (literal.kind == TextLiteral::Kind::kString) return Corrupt("a number, not a string");
  const NumberText number = Split(literal);
  if (IsFloatWord(number.digits)) {
    const T value = (number.digits[0] | 0x20) == 'n' ? std::numeric_limits<T>::quiet_NaN() : std::numeric_limits<T>::infinity();
    return number.negative ? -value : value;
  }
  T value = 0;
  const char* end = number.digits.data() + number.digits.size();
  const auto result = std::from_chars(number.digits.data(), end, value, number.hex ? std::chars_format::hex : std::chars_format::general);
  if (result.ec == std::errc::result_out_of_range) {
    if (!IsTiny(number)) return Corrupt(fmt::format("{} is too large for {}", literal.text, type));
    value = 0;
  } else if (result.ec != std::errc() || result.ptr != end) {
    return Corrupt(fmt::format("{} is not a number", literal.text));
  }
  return number.negative ? -value : value;
}

}  // namespace

StatusOr<uint64_t> LiteralToUint64(const TextLiteral& literal) {
  if (literal.kind != TextLiteral::Kind::kInteger) return Corrupt(fmt::format("'{}' is not an integer", literal.text));
  const NumberText number = Split(literal);
  uint64_t value = 0;
  const char* end = number.digits.data() + number.digits.size();
  if (std::from_chars(number.digits.data(), end, value, number.hex ? 16 : 10).ec != std::errc() || (number.negative && value != 0))
    return Corrupt(fmt::format("{} does not fit uint64", literal.text));
  return value;
}

StatusOr<int64_t> LiteralToInt64(const TextLiteral& literal) {
  if (literal.kind != TextLiteral::Kind::kInteger) return Corrupt(fmt::format("'{}' is not an integer", literal.text));
  const NumberText number = Split(literal);
  uint64_t magnitude = 0;
  const char* end = number.digits.data() + number.digits.size();
  const uint64_t limit = (uint64_t{1} << 63) - (number.negative ? 0 : 1);
  if (std::from_chars(number.digits.data(), end, magnitude, number.hex ? 16 : 10).ec != std::errc() || magnitude > limit)
    return Corrupt(fmt::format("{} does not fit int64", literal.text));
  return static_cast<int64_t>(number.negative ? ~magnitude + 1 : magnitude);
}

StatusOr<float> LiteralToFloat(const TextLiteral& literal) { return ToFloating<float>(literal, "float"); }
StatusOr<double> LiteralToDouble(const TextLiteral& literal) { return ToFloating<double>(literal, "double"); }

}  // namespace sardonyx::ir
