#include "import/pytorch/symbolic_size.h"

#include <cctype>
#include <charconv>
#include <string>
#include <vector>

namespace sardonyx::pytorch {
namespace {

using ir::Dim;

constexpr int kMaxDepth = 64;
constexpr size_t kMaxText = 1 << 16;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Dim Parse() {
    const Dim dim = Expression(0);
    return failed_ || at_ != text_.size() ? Dim() : dim;
  }

 private:
  void Skip() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool Take(char c) {
    Skip();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  Dim Fail() {
    failed_ = true;
    return {};
  }
  std::string_view Word() {
    Skip();
    const size_t begin = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_' || text_[at_] == '.')) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  Dim Number() {
    Skip();
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc()) return Fail();
    at_ = static_cast<size_t>(end - text_.data());
    return Dim(value);
  }

  Dim Symbol() {
    if (!Take('\'')) return Fail();
    const size_t end = text_.find('\'', at_);
    if (end == std::string_view::npos) return Fail();
    const std::string name(text_.substr(at_, end - at_));
    at_ = end + 1;
    while (Take(',')) {  // assumptions: positive=True
      Word();
      if (!Take('=')) return Fail();
      Word();
    }
    return Take(')') ? Dim::Symbol(name) : Fail();
  }

  Dim Expression(int depth) {
    if (depth > kMaxDepth || failed_) return Fail();
    Skip();
    if (at_ < text_.size() && (text_[at_] == '-' || std::isdigit(static_cast<unsigned char>(text_[at_])))) return Number();
    const std::string_view word = Word();
    const std::string_view name = word.substr(word.rfind('.') + 1);
    if (name.empty() || !Take('(')) return Fail();
    if (name == "Symbol") return Symbol();
    std::vector<Dim> arguments;
    if (!Take(')')) {
      do {
        if (arguments.size() > 64) return Fail();
        arguments.push_back(Expression(depth + 1));
      } while (!failed_ && Take(','));
      if (!Take(')')) return Fail();
    }
    return failed_ ? Dim() : Apply(name, arguments);
  }

  Dim Apply(std::string_view name, const std::vector<Dim>& a) {
    if (a.empty()) return Fail();
    if (name == "Integer" || name == "TruncToInt" || name == "Identity") return a[0];
    Dim result = a[0];
    if (name == "Pow" && a.size() == 2 && a[1].is_constant()) {
      if (a[1].value() < 0 || a[1].value() > 8) return Fail();
      result = Dim(1);
      for (int64_t i = 0; i < a[1].value(); ++i) result = result * a[0];
      return result;
    }
    for (size_t i = 1; i < a.size(); ++i) {
      if (name == "Add")
        result = result + a[i];
      else if (name == "Mul")
        result = result * a[i];
      else if (name == "Max")
        result = Dim::Max(result, a[i]);
      else if (name == "Min")
        result = Dim::Min(result, a[i]);
      else if (name == "FloorDiv" || name == "CleanDiv")
        result = Dim::FloorDiv(result, a[i]);
      else if (name == "CeilDiv" || name == "CeilToInt")
        result = Dim::CeilDiv(result, a[i]);
      else if (name == "Mod" || name == "PythonMod")
        result = Dim::Mod(result, a[i]);
      else
        return Fail();
    }
    return a.size() > 1 ? result : Fail();
  }

  std::string_view text_;
  size_t at_ = 0;
  bool failed_ = false;
};

}  // namespace

ir::Dim ParseSymbolicSize(std::string_view text) {
  if (text.size() > kMaxText) return {};
  if (text.find('(') == std::string_view::npos) return Dim::Parse(text);
  return Parser(text).Parse();
}

}  // namespace sardonyx::pytorch
