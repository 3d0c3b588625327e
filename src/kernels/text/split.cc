#include "kernels/text/split.h"

#include <re2/re2.h>

#include <array>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "kernels/text/utf8.h"

namespace sardonyx::kernels {
namespace {

std::vector<std::string_view> SplitAtSpaces(std::string_view text, int64_t max_split) {
  std::vector<std::string_view> pieces;
  size_t at = 0;
  const auto skip = [&](bool spaces) {
    while (at < text.size()) {
      const CodePoint point = DecodeUtf8(text, at);
      if (IsUnicodeSpace(point.value) != spaces) break;
      at += point.length;
    }
  };
  for (skip(true); at < text.size(); skip(true)) {
    const size_t begin = at;
    if (max_split >= 0 && static_cast<int64_t>(pieces.size()) >= max_split)
      at = text.size();
    else
      skip(false);
    pieces.push_back(text.substr(begin, at - begin));
  }
  return pieces;
}

StatusOr<std::unique_ptr<RE2>> CompilePattern(const std::string& pattern) {
  RE2::Options options;
  options.set_log_errors(false);
  auto expression = std::make_unique<RE2>(pattern, options);
  if (!expression->ok()) return Invalid(fmt::format("'{}' is not a regular expression of RE2: {}", pattern, expression->error()));
  return expression;
}

re2::StringPiece Piece(std::string_view text) { return re2::StringPiece(text.data(), text.size()); }

// Calls f(begin, end) for every match, leftmost first; an empty match moves on by one code point.
template <class F>
void ForMatches(const RE2& expression, std::string_view text, const F& f) {
  size_t from = 0;
  re2::StringPiece match;
  while (from <= text.size() && expression.Match(Piece(text), from, text.size(), RE2::UNANCHORED, &match, 1)) {
    const auto begin = static_cast<size_t>(match.data() - text.data());
    f(begin, begin + match.size());
    from = begin + match.size();
    if (match.empty()) from += from < text.size() ? DecodeUtf8(text, from).length : 1;
  }
}

}  // namespace

std::vector<std::string_view> SplitText(std::string_view text, std::string_view delimiter, int64_t max_split) {
  if (delimiter.empty()) return SplitAtSpaces(text, max_split);
  std::vector<std::string_view> pieces;
  for (;;) {
    const size_t cut = max_split >= 0 && static_cast<int64_t>(pieces.size()) >= max_split ? std::string_view::npos : text.find(delimiter);
    pieces.push_back(text.substr(0, cut));
    if (cut == std::string_view::npos) return pieces;
    text.remove_prefix(cut + delimiter.size());
  }
}

struct FullMatcher::Impl {
  std::unique_ptr<RE2> expression;
};

StatusOr<FullMatcher> FullMatcher::Compile(const std::string& pattern) {
  FullMatcher matcher;
  ASSIGN_OR_RETURN(std::unique_ptr<RE2> expression, CompilePattern(pattern));
  matcher.impl_ = std::make_shared<const Impl>(Impl{std::move(expression)});
  return matcher;
}

bool FullMatcher::Matches(std::string_view text) const { return RE2::FullMatch(Piece(text), *impl_->expression); }

struct RegexEditor::Impl {
  std::unique_ptr<RE2> expression;
};

StatusOr<RegexEditor> RegexEditor::Compile(const std::string& pattern) {
  RegexEditor editor;
  ASSIGN_OR_RETURN(std::unique_ptr<RE2> expression, CompilePattern(pattern));
  editor.impl_ = std::make_shared<const Impl>(Impl{std::move(expression)});
  return editor;
}

void RegexEditor::ForEach(std::string_view text, const std::function<void(size_t, size_t)>& f) const {
  ForMatches(*impl_->expression, text, f);
}

StatusOr<std::string> RegexEditor::Replace(const std::string& text, const std::string& rewrite, bool all) const {
  std::string error, out = text;
  if (!impl_->expression->CheckRewriteString(Piece(rewrite), &error))
    return Invalid(fmt::format("the replacement '{}': {}", rewrite, error));
  if (all)
    RE2::GlobalReplace(&out, *impl_->expression, Piece(rewrite));
  else
    RE2::Replace(&out, *impl_->expression, Piece(rewrite));
  return out;
}

namespace {

// The bytes that make a token, when the expression is a plain class of ASCII letters, digits and _, one or more of them, as in
// [a-zA-Z0-9_]+. Such tokens are found without RE2.
using ByteClass = std::array<bool, 256>;
std::optional<ByteClass> PlainClass(std::string_view expression) {
  if (!expression.starts_with("[") || !expression.ends_with("]+")) return std::nullopt;
  const std::string_view inside = expression.substr(1, expression.size() - 3);
  const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; };
  ByteClass bytes{};
  for (size_t i = 0; i < inside.size(); ++i) {
    if (!is_plain(inside[i])) return std::nullopt;
    const bool range = i + 2 < inside.size() && inside[i + 1] == '-';
    const char last = range ? inside[i + 2] : inside[i];
    if (!is_plain(last) || last < inside[i]) return std::nullopt;
    for (int c = inside[i]; c <= last; ++c) bytes[static_cast<size_t>(c)] = true;
    if (range) i += 2;
  }
  return inside.empty() ? std::nullopt : std::optional(bytes);
}

}  // namespace

struct TextTokenizer::Impl {
  bool characters = false;
  size_t min_characters = 0;
  std::vector<std::unique_ptr<RE2>> separators;
  std::unique_ptr<RE2> token;
  std::optional<ByteClass> token_bytes;  // instead of `token`
};

StatusOr<TextTokenizer> TextTokenizer::Create(const std::vector<std::string>& separators, const std::string& token_expression,
                                              int64_t min_characters) {
  if (separators.empty() == token_expression.empty()) return Invalid("exactly one of separators and tokenexp must be given");
  if (min_characters < 1) return Invalid(fmt::format("mincharnum {} is not positive", min_characters));
  auto impl = std::make_shared<Impl>();
  impl->min_characters = static_cast<size_t>(min_characters);
  impl->characters = separators.size() == 1 && separators[0].empty();
  if (impl->characters && min_characters > 1) return Invalid("tokens of one character cannot have mincharnum above 1");
  for (const std::string& separator : separators) {
    if (impl->characters) break;
    if (separator.empty()) return Invalid("an empty separator must be the only one");
    ASSIGN_OR_RETURN(std::unique_ptr<RE2> expression, CompilePattern(separator));
    impl->separators.push_back(std::move(expression));
  }
  impl->token_bytes = PlainClass(token_expression);
  if (!token_expression.empty() && !impl->token_bytes) {
    ASSIGN_OR_RETURN(impl->token, CompilePattern(token_expression));
  }
  TextTokenizer tokenizer;
  tokenizer.impl_ = std::move(impl);
  return tokenizer;
}

std::vector<std::string_view> TextTokenizer::Tokenize(std::string_view text) const {
  std::vector<std::string_view> tokens;
  const auto keep = [&](std::vector<std::string_view>& list, std::string_view token) {
    if (!token.empty() && CountCodePoints(token) >= impl_->min_characters) list.push_back(token);
  };
  if (impl_->characters) {
    for (size_t at = 0; at < text.size(); at += tokens.back().size()) tokens.push_back(text.substr(at, DecodeUtf8(text, at).length));
    return tokens;
  }
  if (impl_->token_bytes) {
    const auto belongs = [&](size_t i) { return (*impl_->token_bytes)[static_cast<uint8_t>(text[i])]; };
    for (size_t at = 0; at < text.size();) {
      size_t end = at;
      while (end < text.size() && belongs(end)) ++end;
      if (end - at >= impl_->min_characters) tokens.push_back(text.substr(at, end - at));
      at = end + 1;
    }
    return tokens;
  }
  if (impl_->token) {
    ForMatches(*impl_->token, text, [&](size_t begin, size_t end) { keep(tokens, text.substr(begin, end - begin)); });
    return tokens;
  }
  tokens.push_back(text);
  for (const std::unique_ptr<RE2>& separator : impl_->separators) {
    std::vector<std::string_view> next;
    for (std::string_view whole : tokens) {
      size_t from = 0;
      ForMatches(*separator, whole, [&](size_t begin, size_t end) {
        keep(next, whole.substr(from, begin - from));
        from = end;
      });
      keep(next, whole.substr(from));
    }
    tokens = std::move(next);
  }
  return tokens;
}

uint32_t MurmurHash3(std::string_view bytes, uint32_t seed) {
  const auto rotate = [](uint32_t x, int by) { return x << by | x >> (32 - by); };
  const auto scramble = [&](uint32_t k) { return rotate(k * 0xcc9e2d51u, 15) * 0x1b873593u; };
  uint32_t hash = seed;
  const size_t whole = bytes.size() / 4 * 4;
  for (size_t i = 0; i < whole; i += 4) {
    uint32_t word;
    std::memcpy(&word, bytes.data() + i, 4);
    hash = rotate(hash ^ scramble(word), 13) * 5 + 0xe6546b64u;
  }
  uint32_t tail = 0;
  for (size_t i = bytes.size(); i-- > whole;) tail = tail << 8 | static_cast<uint8_t>(bytes[i]);
  if (bytes.size() > whole) hash ^= scramble(tail);
  hash ^= static_cast<uint32_t>(bytes.size());
  hash = (hash ^ hash >> 16) * 0x85ebca6bu;
  hash = (hash ^ hash >> 13) * 0xc2b2ae35u;
  return hash ^ hash >> 16;
}

uint64_t BucketHash(std::string_view bytes) {
  constexpr uint64_t kSeed = 0xDECAFCAFFEu;
  constexpr uint64_t kMultiplier = 0xc6a4a7935bd1e995u;
  uint64_t hash = kSeed ^ bytes.size() * kMultiplier;
  const size_t whole = bytes.size() / 8 * 8;
  for (size_t i = 0; i < whole; i += 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + i, 8);
    word *= kMultiplier;
    word = (word ^ word >> 47) * kMultiplier;
    hash = (hash ^ word) * kMultiplier;
  }
  uint64_t tail = 0;
  for (size_t i = bytes.size(); i-- > whole;) tail = tail << 8 | static_cast<uint8_t>(bytes[i]);
  hash = (hash ^ tail) * kMultiplier;
  hash = (hash ^ hash >> 47) * kMultiplier;
  return hash ^ hash >> 47;
}

}  // namespace sardonyx::kernels
