#include "import/pytorch/torchscript/lexer.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::pytorch {
namespace {

constexpr std::string_view kSymbols[] = {"**", "//", "->", "==", "!=", "<=", ">=", "+=", "-=", "*=", "/=", "<<",
                                         ">>", "(",  ")",  "[",  "]",  "{",  "}",  ",",  ":",  ".",  "=",  "<",
                                         ">",  "+",  "-",  "*",  "/",  "%",  "@",  "&",  "|",  "^",  "~",  ";"};
constexpr size_t kMaxTokens = size_t{1} << 24;

bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNamePart(char c) { return IsNameStart(c) || IsDigit(c); }

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  StatusOr<std::vector<Token>> Run() {
    while (at_ < source_.size()) {
      RETURN_IF_ERROR(at_line_start_ ? LineStart() : Next());
      if (tokens_.size() > kMaxTokens) return Resource("more than 16 million tokens");
    }
    if (!tokens_.empty() && tokens_.back().kind != TokenKind::kNewline) Add(TokenKind::kNewline);
    for (; indents_.size() > 1; indents_.pop_back()) Add(TokenKind::kDedent);
    Add(TokenKind::kEnd);
    return std::move(tokens_);
  }

 private:
  Status Error(std::string_view what) const { return Corrupt(fmt::format("line {}: {}", line_, what)); }
  char Peek(size_t ahead = 0) const { return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0'; }
  Token& Add(TokenKind kind) {
    Token& token = tokens_.emplace_back();
    token.kind = kind;
    token.line = line_;
    return token;
  }

  // Indentation counts only where a line has something and no bracket is open.
  Status LineStart() {
    size_t width = 0;
    while (Peek() == ' ' || Peek() == '\t') width += source_[at_++] == '\t' ? 8 : 1;
    if (Peek() == '#') SkipComment();
    if (Peek() == '\r') ++at_;
    if (Peek() == '\n' || at_ >= source_.size()) {
      if (at_ < source_.size()) ++at_, ++line_;
      return {};
    }
    at_line_start_ = false;
    if (width > indents_.back()) {
      indents_.push_back(width);
      Add(TokenKind::kIndent);
      return {};
    }
    for (; width < indents_.back(); indents_.pop_back()) Add(TokenKind::kDedent);
    return width == indents_.back() ? Status() : Error("its indentation fits no block");
  }

  void SkipComment() {
    while (at_ < source_.size() && source_[at_] != '\n') ++at_;
  }

  Status Next() {
    const char c = Peek();
    if (c == ' ' || c == '\t' || c == '\r') return ++at_, Status();
    if (c == '#') return SkipComment(), Status();
    if (c == '\\' && (Peek(1) == '\n' || Peek(1) == '\r')) {
      at_ += Peek(1) == '\r' ? 3 : 2;
      ++line_;
      return {};
    }
    if (c == '\n') {
      ++at_;
      if (depth_ == 0) Add(TokenKind::kNewline), at_line_start_ = true;
      ++line_;
      return {};
    }
    if (IsNameStart(c)) {
      const size_t start = at_;
      while (IsNamePart(Peek())) ++at_;
      Add(TokenKind::kName).text = source_.substr(start, at_ - start);
      return {};
    }
    if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) return Number();
    if (c == '"' || c == '\'') return String();
    for (const std::string_view symbol : kSymbols) {
      if (!source_.substr(at_).starts_with(symbol)) continue;
      at_ += symbol.size();
      if (symbol == "(" || symbol == "[" || symbol == "{") ++depth_;
      if (symbol == ")" || symbol == "]" || symbol == "}") depth_ = std::max(0, depth_ - 1);
      Add(TokenKind::kSymbol).text = symbol;
      return {};
    }
    return Error(fmt::format("character 0x{:02x} has no meaning", static_cast<unsigned char>(c)));
  }

  Status Number() {
    const size_t start = at_;
    bool is_float = false;
    while (IsDigit(Peek()) || Peek() == '_') ++at_;
    if (Peek() == '.') is_float = true, ++at_;
    while (IsDigit(Peek())) ++at_;
    if (Peek() == 'e' || Peek() == 'E') {
      is_float = true;
      ++at_;
      if (Peek() == '+' || Peek() == '-') ++at_;
      while (IsDigit(Peek())) ++at_;
    }
    const std::string_view text = source_.substr(start, at_ - start);
    const char *first = text.data(), *last = text.data() + text.size();
    const bool imaginary = Peek() == 'j';
    if (imaginary) ++at_;
    Token& token = Add(imaginary ? TokenKind::kComplex : is_float ? TokenKind::kFloat : TokenKind::kInt);
    if (token.kind == TokenKind::kInt) {
      uint64_t value = 0;  // the least int64 is written with a minus before a number that does not fit
      const auto [end, error] = std::from_chars(first, last, value);
      if (error != std::errc() || end != last || value > uint64_t{1} << 63) return Error("an integer is out of range");
      token.integer = static_cast<int64_t>(value);
      return {};
    }
    const auto [end, error] = std::from_chars(first, last, token.number);
    if (error == std::errc::result_out_of_range) return token.number = text.find("e-") != text.npos ? 0.0 : HUGE_VAL, Status();
    return error != std::errc() || end != last ? Error("a number is damaged") : Status();
  }

  Status String() {
    const char quote = source_[at_++];
    std::string text;
    for (;;) {
      if (at_ >= source_.size() || source_[at_] == '\n') return Error("a string does not end");
      const char c = source_[at_++];
      if (c == quote) break;
      if (c == '\\') {
        RETURN_IF_ERROR(Escape(&text));
      } else {
        text.push_back(c);
      }
    }
    // Neighbours are one string, as in C.
    if (!tokens_.empty() && tokens_.back().kind == TokenKind::kString) {
      tokens_.back().text += text;
    } else {
      Add(TokenKind::kString).text = std::move(text);
    }
    return {};
  }

  Status Escape(std::string* text) {
    constexpr std::string_view kFrom = "abfnrtv\\'\"", kTo = "\a\b\f\n\r\t\v\\'\"";
    if (at_ >= source_.size()) return Error("a string does not end");
    const char c = source_[at_++];
    if (const size_t known = kFrom.find(c); known != kFrom.npos) return text->push_back(kTo[known]), Status();
    if (c == '\n') return ++line_, Status();
    const int base = c == 'x' ? 16 : 8;
    const size_t start = c == 'x' ? at_ : at_ - 1;
    unsigned value = 0;
    const auto [end, error] =
        std::from_chars(source_.data() + start, source_.data() + std::min(source_.size(), start + (base == 16 ? 2 : 3)), value, base);
    if (error != std::errc()) return Error("a string has an escape that is none");
    at_ = static_cast<size_t>(end - source_.data());
    text->push_back(static_cast<char>(value));
    return {};
  }

  std::string_view source_;
  size_t at_ = 0;
  int line_ = 1, depth_ = 0;
  bool at_line_start_ = true;
  std::vector<size_t> indents_ = {0};
  std::vector<Token> tokens_;
};

}  // namespace

StatusOr<std::vector<Token>> Tokenize(std::string_view source) { return Lexer(source).Run(); }

}  // namespace sardonyx::pytorch
