// Dim: one dimension of a shape: unknown, a constant, or an integer expression over named symbols.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sardonyx::ir {

// A value type. Expressions are kept in a normal form (a polynomial with integer coefficients over symbols and the
// irreducible terms floor(a/b), ceil(a/b), mod(a,b), max(a,b), min(a,b)), so that equality of the form proves equality
// of value: batch*2 == batch+batch. Sizes of expressions are bounded; what grows beyond the bound becomes unknown.
// Arithmetic with an unknown gives unknown, except unknown * 0.
class Dim {
 public:
  Dim() = default;                      // unknown
  Dim(int64_t value) : kind_(Kind::kConstant), value_(value) {}  // NOLINT: implicit by design
  static Dim Unknown() { return Dim(); }
  // A symbol whose name is taken verbatim, as dim_param stands in a file.
  static Dim Symbol(std::string name);
  // Reads "batch", "2*batch + 1", "floor(seq/2)", "(a+b)//4", "max(a, 1)"; text that is not an expression becomes a symbol.
  static Dim Parse(std::string_view text);

  bool is_unknown() const { return kind_ == Kind::kUnknown; }
  bool is_constant() const { return kind_ == Kind::kConstant; }
  bool is_symbolic() const { return kind_ == Kind::kExpression; }
  bool is_constant(int64_t value) const { return is_constant() && value_ == value; }
  // Precondition: is_constant().
  int64_t value() const { return value_; }
  // The symbol's name when this is a single symbol (verbatim), else nullopt.
  std::optional<std::string_view> symbol() const;

  // Provably equal. Unknown equals nothing, not even itself.
  bool operator==(const Dim& other) const;
  // True when this is min(other, c) for a positive constant c: what a slice of at most c leaves of `other`. Where the two
  // broadcast against each other the result is `other`.
  bool IsCapped(const Dim& other) const;
  // "?", "3", "batch", "2*batch+1".
  std::string ToString() const;
  // The value when every symbol has one.
  using SymbolValue = std::function<std::optional<int64_t>(std::string_view)>;
  std::optional<int64_t> Evaluate(const SymbolValue& symbol_value) const;
  // The expression with symbols replaced; a symbol for which `replacement` has nothing stays.
  Dim Substitute(const std::function<std::optional<Dim>(std::string_view)>& replacement) const;

  friend Dim operator+(const Dim& a, const Dim& b);
  friend Dim operator-(const Dim& a, const Dim& b);
  friend Dim operator*(const Dim& a, const Dim& b);
  // Division towards minus infinity / plus infinity. By zero: unknown.
  static Dim FloorDiv(const Dim& a, const Dim& b);
  static Dim CeilDiv(const Dim& a, const Dim& b);
  static Dim Mod(const Dim& a, const Dim& b);  // sign of b, as Python
  static Dim Max(const Dim& a, const Dim& b);
  static Dim Min(const Dim& a, const Dim& b);

  struct Expression;  // dim.cc

 private:
  enum class Kind : uint8_t { kUnknown, kConstant, kExpression };
  Kind kind_ = Kind::kUnknown;
  int64_t value_ = 0;
  std::shared_ptr<const Expression> expression_;
};

}  // namespace sardonyx::ir
