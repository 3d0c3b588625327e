#include "kernels/text/wordpiece.h"

#include <re2/re2.h>

#include <algorithm>

#include "kernels/text/utf8.h"

namespace sardonyx::kernels {
namespace {

bool IsChinese(char32_t c) {
  constexpr std::pair<char32_t, char32_t> kRanges[] = {{0x4E00, 0x9FFF},   {0x3400, 0x4DBF},   {0x20000, 0x2A6DF}, {0x2A700, 0x2B73F},
                                                       {0x2B740, 0x2B81F}, {0x2B820, 0x2CEAF}, {0xF900, 0xFAFF},   {0x2F800, 0x2FA1F}};
  for (const auto& [low, high] : kRanges)
    if (c >= low && c <= high) return true;
  return false;
}

// ASCII's signs all count, also those that Unicode calls symbols.
bool IsPunctuation(char32_t c, std::string_view bytes) {
  if (c < 128) return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126);
  static const RE2* const kExpression = new RE2(R"(\p{P})");  // lives as long as the program
  return RE2::FullMatch({bytes.data(), bytes.size()}, *kExpression);
}

}  // namespace

std::vector<std::string> BasicTokenize(std::string_view text, const BasicTokenizerOptions& options) {
  std::string lowered;
  if (options.lower_case) text = lowered = CaseMapper("en_US").ToLower(text);
  std::vector<std::string> words;
  std::string word;
  const auto finish = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeUtf8(text, at);
    const std::string_view bytes = text.substr(at, c.length);
    at += c.length;
    if (c.valid && IsUnicodeSpace(c.value)) {
      finish();
    } else if (!c.valid || c.value == 0 || c.value == 0xFFFD || c.value < 32 || (c.value >= 127 && c.value < 160)) {
      continue;
    } else if (IsPunctuation(c.value, bytes) || (options.split_chinese && IsChinese(c.value))) {
      finish();
      words.emplace_back(bytes);
    } else {
      word += bytes;
    }
  }
  finish();
  return words;
}

WordPieces::WordPieces(std::unordered_map<std::string, int64_t> vocabulary, std::string suffix_indicator, size_t max_characters)
    : vocabulary_(std::move(vocabulary)), suffix_indicator_(std::move(suffix_indicator)), max_characters_(max_characters) {
  for (const auto& [token, id] : vocabulary_) longest_ = std::max(longest_, token.size());
}

void WordPieces::Split(std::string_view word, std::vector<Piece>& pieces) const {
  if (CountCodePoints(word) > max_characters_) {
    pieces.push_back({std::string(word), -1});
    return;
  }
  for (size_t from = 0; from < word.size();) {
    size_t end = std::min(word.size(), from + longest_);
    std::string piece;
    int64_t id = -1;
    for (; end > from; --end) {
      if (end < word.size() && (static_cast<uint8_t>(word[end]) & 0xC0) == 0x80) continue;  // inside a character
      piece = from > 0 ? suffix_indicator_ : std::string();
      piece += word.substr(from, end - from);
      id = Find(piece);
      if (id >= 0) break;
    }
    if (id < 0) {
      pieces.push_back({std::string(word.substr(from)), -1});
      return;
    }
    pieces.push_back({std::move(piece), id});
    from = end;
  }
}

int64_t WordPieces::Find(const std::string& token) const {
  const auto found = vocabulary_.find(token);
  return found == vocabulary_.end() ? -1 : found->second;
}

}  // namespace sardonyx::kernels
