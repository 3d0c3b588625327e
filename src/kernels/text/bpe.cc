#include "kernels/text/bpe.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <array>
#include <queue>
#include <tuple>

#include "base/status_macros.h"
#include "kernels/text/utf8.h"

namespace sardonyx::kernels {
namespace {

// Words of GPT-2: contractions, letters, digits and other signs with the blank before them, and white space. Its expression
// also looks ahead, which WordAt() does.
constexpr const char* kWords = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\x0b\x{85}\p{Z}\p{L}\p{N}]+|[\s\x0b\x{85}\p{Z}]+)";

// GPT-2 writes each byte as a printable character: itself where it is one in Latin-1, else one from U+0100 on.
const std::array<std::string, 256>& PrintableBytes() {
  static const auto* const kTable = [] {
    auto* table = new std::array<std::string, 256>();  // lives as long as the program
    char32_t next = 0x100;
    for (size_t byte = 0; byte < 256; ++byte) {
      const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
      AppendUtf8(printable ? static_cast<char32_t>(byte) : next++, (*table)[byte]);
    }
    return table;
  }();
  return *kTable;
}

re2::StringPiece Piece(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

struct BpeTokenizer::Impl {
  BpeOptions options;
  std::unordered_map<std::string, int64_t> vocabulary;
  // Numbers of pieces, so that pairs are found by two of them.
  std::unordered_map<std::string, int32_t> piece_of;
  std::vector<std::string> pieces;
  std::unordered_map<uint64_t, std::pair<int32_t, int32_t>> merges;  // left << 32 | right -> rank, merged piece
  std::unique_ptr<RE2> words;
  int64_t unknown = 0;

  int32_t Number(const std::string& piece) {
    const auto [at, fresh] = piece_of.emplace(piece, static_cast<int32_t>(pieces.size()));
    if (fresh) pieces.push_back(piece);
    return at->second;
  }

  void EncodeWord(std::string_view word, std::vector<int64_t>& ids) const;
  void EncodePlain(std::string_view text, std::vector<int64_t>& ids) const;
  size_t WordAt(std::string_view text, size_t at) const;
};

// Merges neighbours, the best pair first and of equals the leftmost, until no pair is left that merges.
void BpeTokenizer::Impl::EncodeWord(std::string_view word, std::vector<int64_t>& ids) const {
  struct Part {
    int32_t piece;
    int32_t before, after;
    std::string text;  // of a byte that no merge and no numbered piece knows
  };
  const auto count = static_cast<int32_t>(word.size());
  std::vector<Part> parts(word.size());
  for (int32_t i = 0; i < count; ++i) {
    std::string text = PrintableBytes()[static_cast<uint8_t>(word[static_cast<size_t>(i)])];
    if (options.word_ends && i + 1 == count) text += "</w>";
    const auto found = piece_of.find(text);
    parts[static_cast<size_t>(i)] = {found == piece_of.end() ? -1 : found->second, i - 1, i + 1 < count ? i + 1 : -1, std::move(text)};
  }
  // (rank, place, left piece, right piece): stale when the pieces at the place have changed since.
  using Candidate = std::tuple<int32_t, int32_t, int32_t, int32_t>;
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto consider = [&](int32_t left) {
    if (left < 0) return;
    const int32_t right = parts[static_cast<size_t>(left)].after;
    if (right < 0) return;
    const int32_t a = parts[static_cast<size_t>(left)].piece, b = parts[static_cast<size_t>(right)].piece;
    if (a < 0 || b < 0) return;
    const auto merge = merges.find(static_cast<uint64_t>(a) << 32 | static_cast<uint32_t>(b));
    if (merge != merges.end()) queue.emplace(merge->second.first, left, a, b);
  };
  for (int32_t i = 0; i < count; ++i) consider(i);
  while (!queue.empty()) {
    const auto [rank, place, a, b] = queue.top();
    queue.pop();
    Part& left = parts[static_cast<size_t>(place)];
    if (left.piece != a || left.after < 0 || parts[static_cast<size_t>(left.after)].piece != b) continue;
    Part& right = parts[static_cast<size_t>(left.after)];
    left.piece = merges.at(static_cast<uint64_t>(a) << 32 | static_cast<uint32_t>(b)).second;
    right.piece = -2;  // gone
    left.after = right.after;
    if (left.after >= 0) parts[static_cast<size_t>(left.after)].before = place;
    consider(left.before);
    consider(place);
  }
  for (int32_t i = 0; i >= 0 && i < count; i = parts[static_cast<size_t>(i)].after) {
    const Part& part = parts[static_cast<size_t>(i)];
    const auto id = vocabulary.find(part.piece >= 0 ? pieces[static_cast<size_t>(part.piece)] : part.text);
    ids.push_back(id == vocabulary.end() ? unknown : id->second);
  }
}

// Length of the word at text[at], which is not the end.
size_t BpeTokenizer::Impl::WordAt(std::string_view text, size_t at) const {
  re2::StringPiece match;
  if (!words->Match(Piece(text), at, text.size(), RE2::ANCHOR_START, &match, 1) || match.empty()) return 1;  // a malformed byte
  size_t length = match.size();
  if (at + length == text.size() || !IsUnicodeSpace(DecodeUtf8(text, at + length - 1).value)) {
    // Not white space at its end, or nothing behind it. (The last byte of a wider blank is no code point of its own.)
    size_t last = length;
    while (last > 1 && (static_cast<uint8_t>(text[at + last - 1]) & 0xC0) == 0x80) --last;
    if (at + length == text.size() || !IsUnicodeSpace(DecodeUtf8(text, at + last - 1).value)) return length;
  }
  // White space before something: its last character begins the next word.
  size_t last = length - 1;
  while (last > 0 && (static_cast<uint8_t>(text[at + last]) & 0xC0) == 0x80) --last;
  return last > 0 ? last : length;
}

void BpeTokenizer::Impl::EncodePlain(std::string_view text, std::vector<int64_t>& ids) const {
  for (size_t at = 0; at < text.size();) {
    const size_t length = WordAt(text, at);
    std::string_view word = text.substr(at, length);
    at += length;
    if (options.word_ends) {
      while (!word.empty() && IsUnicodeSpace(DecodeUtf8(word, 0).value)) word.remove_prefix(DecodeUtf8(word, 0).length);
      if (word.empty()) continue;
    }
    EncodeWord(word, ids);
  }
}

StatusOr<BpeTokenizer> BpeTokenizer::Create(std::unordered_map<std::string, int64_t> vocabulary, std::string_view merges,
                                            const BpeOptions& options) {
  auto impl = std::make_shared<Impl>();
  impl->options = options;
  impl->vocabulary = std::move(vocabulary);
  const auto unknown = impl->vocabulary.find(options.unknown);
  if (unknown == impl->vocabulary.end()) return Invalid(fmt::format("the vocabulary lacks the token {}", options.unknown));
  impl->unknown = unknown->second;
  impl->words = std::make_unique<RE2>(kWords);
  if (!impl->words->ok()) return Internal("the expression of words is malformed");
  for (const std::string& byte : PrintableBytes()) {
    impl->Number(byte);
    if (options.word_ends) impl->Number(byte + "</w>");
  }
  for (int32_t rank = 0; !merges.empty();) {
    std::string_view line = merges.substr(0, merges.find('\n'));
    merges.remove_prefix(std::min(line.size() + 1, merges.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    const size_t blank = line.find(' ');
    if (line.empty() || line.substr(0, 8) == "#version" || blank == std::string_view::npos) continue;
    const std::string left(line.substr(0, blank)), right(line.substr(blank + 1));
    const auto a = static_cast<uint64_t>(impl->Number(left)), b = static_cast<uint64_t>(impl->Number(right));
    impl->merges.emplace(a << 32 | b, std::pair(rank++, impl->Number(left + right)));
  }
  BpeTokenizer tokenizer;
  tokenizer.impl_ = std::move(impl);
  return tokenizer;
}

std::vector<int64_t> BpeTokenizer::Encode(std::string_view text) const {
  std::string lowered;
  if (impl_->options.lower_case) text = lowered = CaseMapper("en_US").ToLower(text);
  std::vector<int64_t> ids;
  size_t from = 0;
  for (size_t at = 0; at < text.size();) {
    const std::string* special = nullptr;
    for (const std::string& one : impl_->options.specials)
      if (!one.empty() && text.substr(at, one.size()) == one && Find(one) >= 0) special = &one;
    if (special == nullptr) {
      ++at;
      continue;
    }
    impl_->EncodePlain(text.substr(from, at - from), ids);
    ids.push_back(Find(*special));
    at += special->size();
    from = at;
  }
  impl_->EncodePlain(text.substr(from), ids);
  return ids;
}

int64_t BpeTokenizer::Find(const std::string& token) const {
  const auto found = impl_->vocabulary.find(token);
  return found == impl_->vocabulary.end() ? -1 : found->second;
}

}  // namespace sardonyx::kernels
