#include "kernels/text/sentencepiece.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <queue>
#include <tuple>
#include <unordered_map>

#include "kernels/text/utf8.h"

namespace sardonyx::kernels {
namespace {

using PieceType = SentencePieceModel::PieceType;
constexpr std::string_view kSpace = "\xe2\x96\x81";  // U+2581, which stands for a blank

uint32_t ReadWord(std::string_view bytes, size_t at) {
  uint32_t word;
  std::memcpy(&word, bytes.data() + at, 4);  // little-endian, as we are
  return word;
}

// The rules of normalization. A trie in one array of words: from the word at a node, the one of byte c lies at an offset that
// the node's word tells, exclusive-or c; it says which byte it is for, so that what is not there is found out.
class Charsmap {
 public:
  bool Load(std::string_view blob) {
    if (blob.empty()) return true;
    if (blob.size() < 4) return false;
    const size_t size = ReadWord(blob, 0);
    if (size > blob.size() - 4 || size % 4 != 0 || size == 0) return false;
    trie_ = blob.substr(4, size);
    replacements_ = blob.substr(4 + size);
    return true;
  }

  // The longest rule that text begins with: its length (0: none) and what takes its place.
  std::pair<size_t, std::string_view> Find(std::string_view text) const {
    std::pair<size_t, std::string_view> best{0, {}};
    if (trie_.empty()) return best;
    const size_t words = trie_.size() / 4;
    size_t at = Offset(ReadWord(trie_, 0));
    for (size_t i = 0; i < text.size(); ++i) {
      const auto byte = static_cast<uint8_t>(text[i]);
      at ^= byte;
      if (at >= words) break;
      const uint32_t word = ReadWord(trie_, at * 4);
      if ((word & 0x800000FFu) != byte) break;
      at ^= Offset(word);
      if ((word >> 8 & 1) == 0) continue;
      if (at >= words) break;
      const size_t from = ReadWord(trie_, at * 4) & 0x7FFFFFFFu;
      if (from >= replacements_.size()) break;
      const std::string_view rest = replacements_.substr(from);
      best = {i + 1, rest.substr(0, rest.find('\0'))};
    }
    return best;
  }

 private:
  static size_t Offset(uint32_t word) { return static_cast<size_t>(word >> 10) << ((word & (1u << 9)) >> 6); }
  std::string_view trie_, replacements_;
};

}  // namespace

struct SentencePieceTokenizer::Impl {
  SentencePieceModel model;
  Charsmap charsmap;
  std::unordered_map<std::string_view, int32_t> ids;           // views of model.pieces
  std::unordered_map<std::string_view, int32_t> user_defined;  // stand as they are
  size_t longest = 0, longest_user_defined = 0;                // bytes
  int32_t unknown = -1;
  int32_t bytes[256];
  float lowest = std::numeric_limits<float>::max(), highest = std::numeric_limits<float>::lowest();

  // Length of the user-defined piece that text begins with, or 0.
  size_t UserDefinedAt(std::string_view text) const {
    for (size_t length = std::min(longest_user_defined, text.size()); length > 0; --length)
      if (user_defined.contains(text.substr(0, length))) return length;
    return 0;
  }

  std::string Normalize(std::string_view text) const;
  void EncodeUnigram(std::string_view text, std::vector<std::pair<std::string_view, int32_t>>& pieces) const;
  void EncodeBpe(std::string_view text, std::vector<std::pair<std::string_view, int32_t>>& pieces) const;
  int32_t Find(std::string_view piece) const {
    const auto found = ids.find(piece);
    return found == ids.end() ? unknown : found->second;
  }
};

// Rules applied to the longest match, blanks at both ends dropped and runs of them made one, as far as the model asks for it.
std::string SentencePieceTokenizer::Impl::Normalize(std::string_view text) const {
  std::string out;
  const auto next = [&](std::string_view at) -> std::pair<size_t, std::string_view> {
    if (const size_t length = UserDefinedAt(at)) return {length, at.substr(0, length)};
    const auto rule = charsmap.Find(at);
    if (rule.first > 0) return rule;
    const CodePoint c = DecodeUtf8(at, 0);
    return {c.length, c.valid ? at.substr(0, c.length) : std::string_view("\xef\xbf\xbd")};
  };
  if (model.remove_extra_whitespaces) {
    while (!text.empty()) {
      const auto [length, replacement] = next(text);
      if (replacement != " ") break;
      text.remove_prefix(length);
    }
  }
  if (text.empty()) return out;
  const std::string_view blank = model.escape_whitespaces ? kSpace : std::string_view(" ");
  if (model.add_dummy_prefix) out += blank;
  bool after_blank = model.remove_extra_whitespaces;
  while (!text.empty()) {
    auto [length, replacement] = next(text);
    while (after_blank && !replacement.empty() && replacement.front() == ' ') replacement.remove_prefix(1);
    for (const char c : replacement) {
      if (c == ' ')
        out += blank;
      else
        out += c;
    }
    if (!replacement.empty()) after_blank = model.remove_extra_whitespaces && replacement.back() == ' ';
    text.remove_prefix(length);
  }
  if (model.remove_extra_whitespaces)
    while (std::string_view(out).ends_with(blank)) out.resize(out.size() - blank.size());
  return out;
}

// The cut whose pieces have the highest sum of scores. A character that no piece covers alone counts as unknown, at a score
// below all others.
void SentencePieceTokenizer::Impl::EncodeUnigram(std::string_view text, std::vector<std::pair<std::string_view, int32_t>>& pieces) const {
  struct Best {
    float score = -std::numeric_limits<float>::infinity();
    size_t from = 0;
    int32_t id = -1;
  };
  const float unknown_score = lowest - 10;
  std::vector<Best> best(text.size() + 1);
  best[0].score = 0;
  for (size_t at = 0; at < text.size(); at += DecodeUtf8(text, at).length) {
    const size_t character = DecodeUtf8(text, at).length;
    bool alone = false;
    const auto reach = [&](size_t length, int32_t id, float score) {
      Best& end = best[at + length];
      const float sum = best[at].score + score;
      if (end.id < 0 || sum > end.score) end = {sum, at, id};
    };
    for (size_t length = character; length <= std::min(longest, text.size() - at);) {
      const auto found = ids.find(text.substr(at, length));
      if (found != ids.end()) {
        const SentencePieceModel::Piece& piece = model.pieces[static_cast<size_t>(found->second)];
        const float score = piece.type == PieceType::kUserDefined ? static_cast<float>(length) * highest - 0.1f : piece.score;
        reach(length, found->second, score);
        alone = alone || length == character;
      }
      if (at + length >= text.size()) break;
      length += DecodeUtf8(text, at + length).length;
    }
    if (!alone) reach(character, unknown, unknown_score);
  }
  const size_t first = pieces.size();
  for (size_t end = text.size(); end > 0; end = best[end].from)
    pieces.emplace_back(text.substr(best[end].from, end - best[end].from), best[end].id);
  std::reverse(pieces.begin() + static_cast<std::ptrdiff_t>(first), pieces.end());
}

// Neighbours are joined while the piece that they make is in the vocabulary, the one of the highest score first.
void SentencePieceTokenizer::Impl::EncodeBpe(std::string_view text, std::vector<std::pair<std::string_view, int32_t>>& pieces) const {
  struct Symbol {
    std::string_view text;
    int32_t before, after;
    bool fixed;
  };
  std::vector<Symbol> symbols;
  for (size_t at = 0; at < text.size();) {
    const size_t user = UserDefinedAt(text.substr(at)), length = user > 0 ? user : DecodeUtf8(text, at).length;
    const auto number = static_cast<int32_t>(symbols.size());
    symbols.push_back({text.substr(at, length), number - 1, number + 1, user > 0});
    at += length;
  }
  if (symbols.empty()) return;
  symbols.back().after = -1;
  // (score, minus the place, right place, bytes): stale when the bytes at the places are others by now.
  using Candidate = std::tuple<float, int32_t, int32_t, size_t>;
  std::priority_queue<Candidate> queue;
  const auto consider = [&](int32_t left) {
    if (left < 0) return;
    const Symbol& a = symbols[static_cast<size_t>(left)];
    if (a.after < 0) return;
    const Symbol& b = symbols[static_cast<size_t>(a.after)];
    if (a.fixed || b.fixed) return;
    const auto found = ids.find({a.text.data(), a.text.size() + b.text.size()});
    if (found != ids.end())
      queue.emplace(model.pieces[static_cast<size_t>(found->second)].score, -left, a.after, a.text.size() + b.text.size());
  };
  for (size_t i = 0; model.kind == SentencePieceModel::Kind::kBpe && i < symbols.size(); ++i) consider(static_cast<int32_t>(i));
  while (!queue.empty()) {
    const auto [score, minus_left, right, size] = queue.top();
    queue.pop();
    Symbol& a = symbols[static_cast<size_t>(-minus_left)];
    if (a.text.empty() || a.after != right || a.text.size() + symbols[static_cast<size_t>(right)].text.size() != size) continue;
    Symbol& b = symbols[static_cast<size_t>(right)];
    a.text = {a.text.data(), size};
    a.after = b.after;
    b.text = {};
    if (a.after >= 0) symbols[static_cast<size_t>(a.after)].before = -minus_left;
    consider(a.before);
    consider(-minus_left);
  }
  for (int32_t i = 0; i >= 0; i = symbols[static_cast<size_t>(i)].after) {
    const std::string_view piece = symbols[static_cast<size_t>(i)].text;
    pieces.emplace_back(piece, Find(piece));
  }
}

StatusOr<SentencePieceTokenizer> SentencePieceTokenizer::Create(SentencePieceModel model) {
  auto impl = std::make_shared<Impl>();
  impl->model = std::move(model);
  if (impl->model.kind == SentencePieceModel::Kind::kWord) return Unsupported("a SentencePiece model of words");
  if (!impl->charsmap.Load(impl->model.charsmap)) return Invalid("the SentencePiece model's table of normalization is malformed");
  std::fill(std::begin(impl->bytes), std::end(impl->bytes), -1);
  for (size_t i = 0; i < impl->model.pieces.size(); ++i) {
    const SentencePieceModel::Piece& piece = impl->model.pieces[i];
    const auto id = static_cast<int32_t>(i);
    switch (piece.type) {
      case PieceType::kUnknown:
        impl->unknown = id;
        continue;
      case PieceType::kByte: {
        unsigned byte = 0;
        if (std::sscanf(piece.text.c_str(), "<0x%02X>", &byte) == 1 && byte < 256) impl->bytes[byte] = id;
        continue;
      }
      case PieceType::kControl:
      case PieceType::kUnused:
        continue;
      case PieceType::kUserDefined:
        impl->user_defined.emplace(piece.text, id);
        impl->longest_user_defined = std::max(impl->longest_user_defined, piece.text.size());
        break;
      case PieceType::kNormal:
        impl->lowest = std::min(impl->lowest, piece.score);
        impl->highest = std::max(impl->highest, piece.score);
        break;
    }
    impl->ids.emplace(piece.text, id);
    impl->longest = std::max(impl->longest, piece.text.size());
  }
  constexpr size_t kLongest = 512;  // bytes of a piece: bounds the work of a hostile model
  impl->longest = std::min(impl->longest, kLongest);
  impl->longest_user_defined = std::min(impl->longest_user_defined, kLongest);
  if (impl->unknown < 0) return Invalid("the SentencePiece model has no unknown piece");
  SentencePieceTokenizer tokenizer;
  tokenizer.impl_ = std::move(impl);
  return tokenizer;
}

std::vector<int32_t> SentencePieceTokenizer::Encode(std::string_view text) const {
  const std::string normal = impl_->Normalize(text);
  std::vector<std::pair<std::string_view, int32_t>> pieces;
  if (impl_->model.kind == SentencePieceModel::Kind::kUnigram)
    impl_->EncodeUnigram(normal, pieces);
  else
    impl_->EncodeBpe(normal, pieces);
  std::vector<int32_t> ids;
  bool after_unknown = false;
  for (const auto& [piece, id] : pieces) {
    const bool unknown = id == impl_->unknown;
    if (unknown && impl_->model.byte_fallback) {
      for (const char c : piece) {
        const int32_t byte = impl_->bytes[static_cast<uint8_t>(c)];
        ids.push_back(byte < 0 ? impl_->unknown : byte);
      }
    } else if (!unknown || !after_unknown) {  // neighbours that are unknown are one
      ids.push_back(id);
    }
    after_unknown = unknown;
  }
  return ids;
}

const SentencePieceModel& SentencePieceTokenizer::model() const { return impl_->model; }

}  // namespace sardonyx::kernels
