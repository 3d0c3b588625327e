#include "formats/npy_header.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::formats {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kMaxHeader = size_t{1} << 20;
constexpr size_t kMaxRank = 64;  // NumPy 2's own bound
constexpr size_t kMaxWidth = size_t{1} << 28;

// A cursor over the header's text, for the few tokens of Python that a header has.
class Literal {
 public:
  explicit Literal(std::string_view text) : text_(text) {}

  void SkipBlanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  bool Take(char c) {
    SkipBlanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool TakeWord(std::string_view word) {
    SkipBlanks();
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  bool AtEnd() {
    SkipBlanks();
    return at_ == text_.size();
  }
  bool Peek(char c) {
    SkipBlanks();
    return at_ < text_.size() && text_[at_] == c;
  }
  StatusOr<std::string_view> String() {
    SkipBlanks();
    if (!Peek('\'') && !Peek('"')) return Bad("a quoted string");
    const size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string_view::npos) return Bad("a closing quote");
    const std::string_view value = text_.substr(at_ + 1, end - at_ - 1);
    if (value.find('\\') != std::string_view::npos) return Bad("a string without escapes");
    at_ = end + 1;
    return value;
  }
  StatusOr<int64_t> Int() {
    SkipBlanks();
    int64_t value = 0;
    const char* end = text_.data() + text_.size();
    const auto [next, error] = std::from_chars(text_.data() + at_, end, value);
    if (error != std::errc() || value < 0) return Bad("a size");
    at_ = static_cast<size_t>(next - text_.data());
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // a long of Python 2
    return value;
  }
  Status Bad(std::string_view wanted) const {
    return Corrupt(fmt::format("npy: header: {} was expected at its character {}", wanted, at_));
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

Status ParseShape(Literal* literal, Dims* dims) {
  if (!literal->Take('(')) return literal->Bad("'('");
  *dims = Dims();
  while (!literal->Take(')')) {
    ASSIGN_OR_RETURN(const int64_t dim, literal->Int());
    if (dims->size() == kMaxRank) return Unsupported(fmt::format("npy: more than {} dimensions", kMaxRank));
    dims->push_back(dim);
    if (!literal->Take(',') && !literal->Peek(')')) return literal->Bad("',' or ')'");
  }
  return {};
}

bool ValidWidth(char kind, size_t width) {
  switch (kind) {
    case 'b': return width == 1;
    case 'i':
    case 'u': return width == 1 || width == 2 || width == 4 || width == 8;
    case 'f': return width == 2 || width == 4 || width == 8;
    case 'c': return width == 8 || width == 16;
    case 'V': return width == 1 || width == 2;
    case 'U':
    case 'S': return true;
    default: return false;
  }
}

Status ParseDescr(std::string_view descr, NpyHeader* header) {
  std::string_view rest = descr;
  if (!rest.empty() && std::string_view("<>|=").find(rest[0]) != std::string_view::npos) {
    header->big_endian = rest[0] == '>';
    rest.remove_prefix(1);
  }
  if (rest == "O") return Unsupported("npy: an array of Python objects (a pickle), which is never read; save it as numbers or text");
  if (rest == "?") rest = "b1";
  if (!rest.empty()) {
    header->kind = rest[0] == 'a' ? 'S' : rest[0];
    rest.remove_prefix(1);
  }
  const auto [next, error] = std::from_chars(rest.data(), rest.data() + rest.size(), header->width);
  const bool is_number = error == std::errc() && next == rest.data() + rest.size();
  if (!is_number || header->width > kMaxWidth || !ValidWidth(header->kind, header->width))
    return Unsupported(fmt::format("npy: element type '{}'; a tensor can hold b1, i1-i8, u1-u8, f2-f8, c8, c16, U and S", descr));
  return {};
}

Status ParseDict(std::string_view text, NpyHeader* header) {
  Literal literal(text);
  bool has_descr = false, has_order = false, has_shape = false;
  if (!literal.Take('{')) return literal.Bad("'{'");
  while (!literal.Take('}')) {
    ASSIGN_OR_RETURN(const std::string_view key, literal.String());
    if (!literal.Take(':')) return literal.Bad("':'");
    bool* seen = key == "descr" ? &has_descr : key == "fortran_order" ? &has_order : key == "shape" ? &has_shape : nullptr;
    if (seen == nullptr || *seen) return literal.Bad("each of 'descr', 'fortran_order' and 'shape' once");
    *seen = true;
    if (seen == &has_descr) {
      if (literal.Peek('[') || literal.Peek('(')) return Unsupported("npy: a structured array; save its fields as arrays of their own");
      ASSIGN_OR_RETURN(const std::string_view descr, literal.String());
      RETURN_IF_ERROR(ParseDescr(descr, header));
    } else if (seen == &has_order) {
      header->fortran_order = literal.TakeWord("True");
      if (!header->fortran_order && !literal.TakeWord("False")) return literal.Bad("True or False");
    } else {
      RETURN_IF_ERROR(ParseShape(&literal, &header->dims));
    }
    if (!literal.Take(',') && !literal.Peek('}')) return literal.Bad("',' or '}'");
  }
  if (!has_descr || !has_order || !has_shape) return literal.Bad("each of 'descr', 'fortran_order' and 'shape'");
  return literal.AtEnd() ? Status() : literal.Bad("the end");
}

}  // namespace

StatusOr<NpyHeader> ParseNpyHeader(std::span<const uint8_t> bytes) {
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  const std::string_view all(text, bytes.size());
  if (all.substr(0, kMagic.size()) != kMagic) return Corrupt("npy: does not begin as a .npy file");
  if (all.size() < 10) return Corrupt("npy: the file ends within its header");
  const int major = bytes[6];
  if (major < 1 || major > 3 || bytes[7] != 0) return Unsupported(fmt::format("npy: format version {}.{}", major, bytes[7]));
  const size_t begin = major == 1 ? 10 : 12;  // the size is a uint16 in version 1, a uint32 since
  if (all.size() < begin) return Corrupt("npy: the file ends within its header");
  size_t size = bytes[8] | size_t{bytes[9]} << 8;
  if (major > 1) size |= size_t{bytes[10]} << 16 | size_t{bytes[11]} << 24;
  if (size > kMaxHeader) return Corrupt(fmt::format("npy: a header of {} bytes", size));
  if (size > all.size() - begin) return Corrupt("npy: the file ends within its header");
  NpyHeader header;
  RETURN_IF_ERROR(ParseDict(all.substr(begin, size), &header));
  header.data_offset = begin + size;
  return header;
}

std::string MakeNpyHeader(const std::string& descr, const Dims& dims) {
  // A tuple of one has a comma after it.
  std::string dict = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", descr,
                                 fmt::join(dims.begin(), dims.end(), ", "), dims.size() == 1 ? "," : "");
  const bool small = dict.size() + 10 + 64 < 65536;
  const size_t begin = small ? 10 : 12;
  dict.append((64 - (begin + dict.size() + 1) % 64) % 64, ' ').push_back('\n');
  std::string header(kMagic);
  header.push_back(small ? 1 : 2);
  header.push_back(0);
  for (size_t i = 0; i < begin - 8; ++i) header.push_back(static_cast<char>(dict.size() >> (8 * i)));
  return header + dict;
}

}  // namespace sardonyx::formats
