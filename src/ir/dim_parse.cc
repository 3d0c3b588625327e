// Dim::Parse: the expressions that exporters write into dim_param.
#include <cctype>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "ir/dim.h"

namespace sardonyx::ir {
namespace {

constexpr size_t kMaxText = 512;
constexpr int kMaxDepth = 32;

// Exporters write floor(seq/2 - 1/2): inside floor and ceil a value is a fraction.
struct Fraction {
  Dim numerator;
  Dim denominator = Dim(1);
};

Fraction Add(const Fraction& a, const Fraction& b, int64_t sign) {
  return {a.numerator * b.denominator + Dim(sign) * b.numerator * a.denominator, a.denominator * b.denominator};
}
Dim Floor(const Fraction& f) { return Dim::FloorDiv(f.numerator, f.denominator); }
Dim Ceil(const Fraction& f) { return Dim::CeilDiv(f.numerator, f.denominator); }

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::optional<Dim> Parse() {
    std::optional<Fraction> result = Sum();
    SkipSpace();
    if (!result || position_ != text_.size()) return std::nullopt;
    const Dim dim = Floor(*result);
    if (dim.is_unknown()) return std::nullopt;
    return dim;
  }

 private:
  void SkipSpace() {
    while (position_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[position_]))) ++position_;
  }
  bool Take(std::string_view token) {
    SkipSpace();
    if (text_.substr(position_, token.size()) != token) return false;
    position_ += token.size();
    return true;
  }

  std::optional<Fraction> Sum() {
    if (++depth_ > kMaxDepth) return std::nullopt;
    std::optional<Fraction> left = Product();
    while (left) {
      const int64_t sign = Take("+") ? 1 : Take("-") ? -1 : 0;
      if (sign == 0) break;
      std::optional<Fraction> right = Product();
      if (!right) return std::nullopt;
      left = Add(*left, *right, sign);
    }
    --depth_;
    return left;
  }

  std::optional<Fraction> Product() {
    std::optional<Fraction> left = Unary();
    while (left) {
      const char op = Take("//") ? 'f' : Take("*") ? '*' : Take("/") ? '/' : Take("%") ? '%' : 0;
      if (op == 0) break;
      std::optional<Fraction> right = Unary();
      if (!right) return std::nullopt;
      switch (op) {
        case '*':
          left = Fraction{left->numerator * right->numerator, left->denominator * right->denominator};
          break;
        case '%':
          left = Fraction{Dim::Mod(Floor(*left), Floor(*right))};
          break;
        default:
          left = Fraction{left->numerator * right->denominator, left->denominator * right->numerator};
          if (op == 'f') left = Fraction{Floor(*left)};
      }
    }
    return left;
  }

  std::optional<Fraction> Unary() {
    if (Take("-")) {
      if (++depth_ > kMaxDepth) return std::nullopt;
      std::optional<Fraction> operand = Unary();
      --depth_;
      if (operand) operand->numerator = operand->numerator * Dim(-1);
      return operand;
    }
    std::optional<Fraction> base = Primary();
    if (!base || !(Take("**") || Take("^"))) return base;
    const std::optional<int64_t> exponent = Number();
    if (!exponent || *exponent > 8) return std::nullopt;
    Fraction power{Dim(1)};
    for (int64_t i = 0; i < *exponent; ++i) power = {power.numerator * base->numerator, power.denominator * base->denominator};
    return power;
  }

  std::optional<int64_t> Number() {
    SkipSpace();
    int64_t value = 0;
    const char* const end = text_.data() + text_.size();
    const auto [next, error] = std::from_chars(text_.data() + position_, end, value);
    if (error != std::errc() || text_[position_] == '-') return std::nullopt;
    position_ = static_cast<size_t>(next - text_.data());
    return value;
  }

  std::optional<Fraction> Primary() {
    if (Take("(")) {
      std::optional<Fraction> inner = Sum();
      return inner && Take(")") ? inner : std::nullopt;
    }
    SkipSpace();
    if (position_ == text_.size()) return std::nullopt;
    const unsigned char first = static_cast<unsigned char>(text_[position_]);
    if (std::isdigit(first)) {
      const std::optional<int64_t> number = Number();
      // "2d" and "3.5" are names somebody chose, not products.
      if (!number || (position_ < text_.size() && IsNameCharacter(text_[position_]))) return std::nullopt;
      return Fraction{Dim(*number)};
    }
    if (!IsNameCharacter(text_[position_]) || first == '.') return std::nullopt;
    const size_t start = position_;
    while (position_ < text_.size() && IsNameCharacter(text_[position_])) ++position_;
    const std::string_view name = text_.substr(start, position_ - start);
    if (Take("(")) return Call(name);
    return Fraction{Dim::Symbol(std::string(name))};
  }

  static bool IsNameCharacter(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.'; }

  // The opening parenthesis is taken.
  std::optional<Fraction> Call(std::string_view name) {
    std::optional<Fraction> a = Sum();
    if (!a) return std::nullopt;
    if (name == "floor" || name == "ceil" || name == "ceiling") {
      if (!Take(")")) return std::nullopt;
      return Fraction{name == "floor" ? Floor(*a) : Ceil(*a)};
    }
    if (!Take(",")) return std::nullopt;
    std::optional<Fraction> b = Sum();
    if (!b) return std::nullopt;
    Dim (*const function)(const Dim&, const Dim&) = name == "max" || name == "Max"             ? &Dim::Max
                                                    : name == "min" || name == "Min"           ? &Dim::Min
                                                    : name == "mod" || name == "Mod"           ? &Dim::Mod
                                                    : name == "floordiv" || name == "FloorDiv" ? &Dim::FloorDiv
                                                                                               : nullptr;
    if (function == nullptr) return std::nullopt;
    Dim result = function(Floor(*a), Floor(*b));
    while ((function == &Dim::Max || function == &Dim::Min) && Take(",")) {
      std::optional<Fraction> next = Sum();
      if (!next) return std::nullopt;
      result = function(result, Floor(*next));
    }
    if (!Take(")")) return std::nullopt;
    return Fraction{result};
  }

  std::string_view text_;
  size_t position_ = 0;
  int depth_ = 0;
};

}  // namespace

Dim Dim::Parse(std::string_view text) {
  if (text.empty() || text == "?") return Unknown();
  if (text.size() <= kMaxText)
    if (std::optional<Dim> dim = Parser(text).Parse()) return *dim;
  return Symbol(std::string(text));
}

}  // namespace sardonyx::ir
