#include "ir/json_reader.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "ir/descriptor.h"

namespace sardonyx::ir {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

void AppendUtf8(uint32_t code, std::string* out) {
  if (code < 0x80) {
    out->push_back(static_cast<char>(code));
    return;
  }
  const int trail = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  const uint32_t lead = trail == 1 ? 0xc0 : trail == 2 ? 0xe0 : 0xf0;
  out->push_back(static_cast<char>(lead | (code >> (6 * trail))));
  for (int shift = 6 * (trail - 1); shift >= 0; shift -= 6) out->push_back(static_cast<char>(0x80 | ((code >> shift) & 0x3f)));
}

}  // namespace

void JsonReader::SkipSpace() {
  while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) ++at_;
}

JsonReader::Type JsonReader::Peek() {
  SkipSpace();
  if (at_ >= text_.size()) return Type::kEnd;
  switch (text_[at_]) {
    case '{':
      return Type::kObject;
    case '[':
      return Type::kArray;
    case '"':
      return Type::kString;
    case 't':
      return Type::kTrue;
    case 'f':
      return Type::kFalse;
    case 'n':
      return Type::kNull;
    default:
      return IsDigit(text_[at_]) || text_[at_] == '-' ? Type::kNumber : Type::kInvalid;
  }
}

Status JsonReader::BeginObject(std::string_view what) {
  if (Peek() != Type::kObject) return Expected(fmt::format("'{{' of {}", what));
  ++at_;
  first_ = true;
  return {};
}

Status JsonReader::BeginArray(std::string_view what) {
  if (Peek() != Type::kArray) return Expected(fmt::format("'[' of {}", what));
  ++at_;
  first_ = true;
  return {};
}

Status JsonReader::NextElement(bool* more) {
  SkipSpace();
  const char next = at_ < text_.size() ? text_[at_] : '\0';
  *more = next != ']';
  if (!*more)
    ++at_;
  else if (!first_ && next != ',')
    return Expected("',' or ']'");
  else if (!first_)
    ++at_;
  first_ = false;
  return {};
}

Status JsonReader::NextKey(bool* more, std::string* key) {
  SkipSpace();
  const char next = at_ < text_.size() ? text_[at_] : '\0';
  *more = next != '}';
  if (!*more)
    ++at_;
  else if (!first_ && next != ',')
    return Expected("',' or '}'");
  else if (!first_)
    ++at_;
  first_ = false;
  if (!*more) return {};
  RETURN_IF_ERROR(String("a key", key));
  SkipSpace();
  if (at_ >= text_.size() || text_[at_] != ':') return Expected("':'");
  ++at_;
  return {};
}

Status JsonReader::String(std::string_view what, std::string* value) {
  if (Peek() != Type::kString) return Expected(fmt::format("a string for {}", what));
  value_at_ = at_++;
  value->clear();
  while (true) {
    const size_t run = std::min(text_.find_first_of("\"\\", at_), text_.size());
    const std::string_view plain = text_.substr(at_, run - at_);
    if (std::any_of(plain.begin(), plain.end(), [](unsigned char c) { return c < 0x20; }))
      return ErrorAtValue("a control character in a string");
    value->append(plain);
    at_ = run;
    if (at_ >= text_.size()) return ErrorAtValue("expected '\"' at the end of a string");
    if (text_[at_++] == '"') return {};
    RETURN_IF_ERROR(Escape(value));
  }
}

// After the backslash.
Status JsonReader::Escape(std::string* value) {
  constexpr std::string_view kFrom = "\"\\/bfnrt";
  constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
  const char c = at_ < text_.size() ? text_[at_++] : '\0';
  if (const size_t index = kFrom.find(c); c != '\0' && index != std::string_view::npos) {
    value->push_back(kTo[index]);
    return {};
  }
  if (c != 'u') return ErrorAtValue("an unknown escape in a string");
  ASSIGN_OR_RETURN(uint32_t code, HexDigits());
  if (code >= 0xd800 && code < 0xdc00 && text_.substr(at_, 2) == "\\u") {
    at_ += 2;
    ASSIGN_OR_RETURN(const uint32_t low, HexDigits());
    if (low < 0xdc00 || low > 0xdfff) return ErrorAtValue("half a surrogate pair in a string");
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  } else if (code >= 0xd800 && code <= 0xdfff) {
    return ErrorAtValue("half a surrogate pair in a string");
  }
  AppendUtf8(code, value);
  return {};
}

StatusOr<uint32_t> JsonReader::HexDigits() {
  uint32_t code = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    if (IsDigit(c))
      code = code * 16 + static_cast<uint32_t>(c - '0');
    else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
      code = code * 16 + static_cast<uint32_t>((c | 0x20) - 'a' + 10);
    else
      return ErrorAtValue("four hexadecimal digits must follow \\u");
  }
  return code;
}

StatusOr<std::string_view> JsonReader::Number(std::string_view what) {
  if (Peek() != Type::kNumber) return Expected(fmt::format("a number for {}", what));
  value_at_ = at_;
  const auto here = [&] { return at_ < text_.size() ? text_[at_] : '\0'; };
  const auto digits = [&] {
    const size_t first = at_;
    while (IsDigit(here())) ++at_;
    return at_ > first;
  };
  if (here() == '-') ++at_;
  bool good = digits();
  if (here() == '.') {
    ++at_;
    good &= digits();
  }
  if (here() == 'e' || here() == 'E') {
    ++at_;
    if (here() == '+' || here() == '-') ++at_;
    good &= digits();
  }
  if (!good) return ErrorAtValue("expected a number");
  return text_.substr(value_at_, at_ - value_at_);
}

Status JsonReader::Word(std::string_view word) {
  SkipSpace();
  value_at_ = at_;
  if (text_.substr(at_, word.size()) != word) return Expected(word);
  at_ += word.size();
  return {};
}

Status JsonReader::Null() { return Word("null"); }

Status JsonReader::Skip(int depth) {
  if (depth > kMaxMessageDepth) return Expected("less nesting");
  bool more = true;
  std::string text;
  switch (Peek()) {
    case Type::kObject:
      RETURN_IF_ERROR(BeginObject("an object"));
      while (true) {
        RETURN_IF_ERROR(NextKey(&more, &text));
        if (!more) return {};
        RETURN_IF_ERROR(Skip(depth + 1));
      }
    case Type::kArray:
      RETURN_IF_ERROR(BeginArray("an array"));
      while (true) {
        RETURN_IF_ERROR(NextElement(&more));
        if (!more) return {};
        RETURN_IF_ERROR(Skip(depth + 1));
      }
    case Type::kString:
      return String("a value", &text);
    case Type::kNumber:
      return Number("a value").status();
    case Type::kTrue:
      return Word("true");
    case Type::kFalse:
      return Word("false");
    case Type::kNull:
      return Null();
    default:
      return Expected("a value");
  }
}

Status JsonReader::ExpectEnd() { return Peek() == Type::kEnd ? Status() : Expected("the end of the text"); }

Status JsonReader::Expected(std::string_view what) {
  SkipSpace();
  if (at_ >= text_.size()) return ErrorAt(at_, fmt::format("expected {}, found the end of the text", what));
  std::string shown;
  for (char c : text_.substr(at_, 20)) shown += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  return ErrorAt(at_, fmt::format("expected {}, found '{}'", what, shown));
}

Status JsonReader::ErrorAtValue(std::string_view message) const { return ErrorAt(value_at_, message); }

Status JsonReader::ErrorAt(size_t position, std::string_view message) const {
  const std::string_view before = text_.substr(0, position);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t newline = before.rfind('\n');
  return Corrupt(fmt::format("{}:{}: {}", line, newline == std::string_view::npos ? position + 1 : position - newline, message));
}

}  // namespace sardonyx::ir
