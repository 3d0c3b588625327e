#include "ir/dim.h"

#include <algorithm>
#include <compare>
#include <numeric>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace sardonyx::ir {
namespace {

// What an expression may grow to: the sum over its terms of the symbols and operations in them. Real models stay far
// below; a hostile one gets unknown dims instead of a polynomial that explodes.
constexpr int kMaxWeight = 128;
constexpr int kMaxDivisionSteps = 16;
constexpr int kMaxNestedExtrema = 6;

int64_t FloorDivide(int64_t a, int64_t b) {
  const int64_t quotient = a / b;
  return quotient * b != a && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}
// For b > 0, in [0, b).
int64_t FloorModulo(int64_t a, int64_t b) {
  const int64_t remainder = a % b;
  return remainder < 0 ? remainder + b : remainder;
}
// The quotient of INT64_MIN and -1 does not fit; dims that large are noise, so both operands are bounded instead.
bool Divisible(int64_t a, int64_t b) { return b != 0 && a != INT64_MIN && b != INT64_MIN; }

}  // namespace

// A sum of terms; each is a coefficient times a product of atoms (symbols or irreducible operations).
struct Dim::Expression {
  struct Atom {
    enum class Kind : uint8_t { kSymbol, kFloorDiv, kCeilDiv, kMod, kMax, kMin };
    Kind kind = Kind::kSymbol;
    std::string name;  // of a symbol
    Dim a, b;          // operands of the others
    int weight = 1;
  };
  using Factors = std::vector<std::shared_ptr<const Atom>>;
  struct Term {
    Factors factors;  // sorted; a power repeats its atom; empty: the constant term
    int64_t coefficient = 0;
  };
  using Polynomial = std::vector<Term>;

  Polynomial terms;  // by falling degree, then by factors; no zero coefficient; not a lone constant
  int weight = 0;

  static std::strong_ordering Compare(const Dim& a, const Dim& b);
  static std::strong_ordering Compare(const Atom& a, const Atom& b);
  static std::strong_ordering Compare(const Factors& a, const Factors& b);
  static Polynomial ToPolynomial(const Dim& dim);
  static Dim FromPolynomial(Polynomial terms);
  static Dim FromAtom(Atom atom);
  static Dim Operation(Atom::Kind kind, const Dim& a, const Dim& b);
  static int Weight(const Dim& dim) { return dim.is_symbolic() ? dim.expression_->weight : 1; }
  static bool NonNegative(const Atom& atom);
  static bool NonNegative(const Dim& dim);

  static std::optional<Dim> DivideExactly(const Dim& a, const Dim& b);
  static Dim FloorDivByConstant(const Dim& a, int64_t divisor);
  static std::optional<Dim> FlattenNestedDivision(const Polynomial& a, int64_t divisor);
  static Dim ReduceModulo(const Dim& a, int64_t modulus);
  static const Atom* AtomPlusConstant(const Dim& dim, Atom::Kind kind, int64_t& constant);
  static const Atom* SingleAtom(const Dim& dim, Atom::Kind kind);
  static bool AtLeast(const Dim& a, const Dim& b, int depth = 0);
  static Dim Extremum(Atom::Kind kind, const Dim& a, const Dim& b);
  static Dim Apply(Atom::Kind kind, const Dim& a, const Dim& b);

  static std::string ToString(const Atom& atom);
  static std::string ToString(const Polynomial& terms);
};

using Atom = Dim::Expression::Atom;

std::strong_ordering Dim::Expression::Compare(const Dim& a, const Dim& b) {
  if (auto order = a.kind_ <=> b.kind_; order != 0) return order;
  if (!a.is_symbolic()) return a.value_ <=> b.value_;
  if (a.expression_ == b.expression_) return std::strong_ordering::equal;
  const Polynomial& left = a.expression_->terms;
  const Polynomial& right = b.expression_->terms;
  for (size_t i = 0; i < left.size() && i < right.size(); ++i) {
    if (auto order = Compare(left[i].factors, right[i].factors); order != 0) return order;
    if (auto order = left[i].coefficient <=> right[i].coefficient; order != 0) return order;
  }
  return left.size() <=> right.size();
}

std::strong_ordering Dim::Expression::Compare(const Atom& a, const Atom& b) {
  if (&a == &b) return std::strong_ordering::equal;
  if (auto order = a.kind <=> b.kind; order != 0) return order;
  if (a.kind == Atom::Kind::kSymbol) return a.name.compare(b.name) <=> 0;
  if (auto order = Compare(a.a, b.a); order != 0) return order;
  return Compare(a.b, b.b);
}

// Graded lexicographic, highest degree first, so that long division by leading terms works.
std::strong_ordering Dim::Expression::Compare(const Factors& a, const Factors& b) {
  if (auto order = b.size() <=> a.size(); order != 0) return order;
  for (size_t i = 0; i < a.size(); ++i)
    if (auto order = Compare(*a[i], *b[i]); order != 0) return order;
  return std::strong_ordering::equal;
}

Dim::Expression::Polynomial Dim::Expression::ToPolynomial(const Dim& dim) {
  if (dim.is_symbolic()) return dim.expression_->terms;
  if (dim.value_ == 0) return {};
  return {Term{{}, dim.value_}};
}

Dim Dim::Expression::FromPolynomial(Polynomial terms) {
  std::stable_sort(terms.begin(), terms.end(), [](const Term& a, const Term& b) { return Compare(a.factors, b.factors) < 0; });
  Polynomial merged;
  for (Term& term : terms) {
    if (!merged.empty() && Compare(merged.back().factors, term.factors) == 0) {
      if (__builtin_add_overflow(merged.back().coefficient, term.coefficient, &merged.back().coefficient)) return Unknown();
    } else {
      merged.push_back(std::move(term));
    }
  }
  std::erase_if(merged, [](const Term& term) { return term.coefficient == 0; });
  if (merged.empty()) return Dim(0);
  if (merged.size() == 1 && merged[0].factors.empty()) return Dim(merged[0].coefficient);
  int weight = 0;
  for (const Term& term : merged) {
    weight += 1;
    for (const auto& atom : term.factors) weight += atom->weight;
    if (weight > kMaxWeight) return Unknown();
  }
  Dim result;
  result.kind_ = Kind::kExpression;
  result.expression_ = std::make_shared<const Expression>(Expression{std::move(merged), weight});
  return result;
}

Dim Dim::Expression::FromAtom(Atom atom) {
  return FromPolynomial({Term{{std::make_shared<const Atom>(std::move(atom))}, 1}});
}

Dim Dim::Expression::Operation(Atom::Kind kind, const Dim& a, const Dim& b) {
  return FromAtom(Atom{kind, "", a, b, 1 + Weight(a) + Weight(b)});
}

// A symbol stands for a size, which is never negative.
bool Dim::Expression::NonNegative(const Atom& atom) {
  switch (atom.kind) {
    case Atom::Kind::kSymbol: return true;
    case Atom::Kind::kFloorDiv:
    case Atom::Kind::kCeilDiv: return NonNegative(atom.a) && NonNegative(atom.b);
    case Atom::Kind::kMod: return NonNegative(atom.b);
    case Atom::Kind::kMax: return NonNegative(atom.a) || NonNegative(atom.b);
    case Atom::Kind::kMin: return NonNegative(atom.a) && NonNegative(atom.b);
  }
  return false;
}

bool Dim::Expression::NonNegative(const Dim& dim) {
  if (!dim.is_symbolic()) return dim.is_constant() && dim.value_ >= 0;
  for (const Term& term : dim.expression_->terms) {
    if (term.coefficient < 0) return false;
    for (const auto& atom : term.factors)
      if (!NonNegative(*atom)) return false;
  }
  return true;
}

Dim Dim::Symbol(std::string name) { return Expression::FromAtom(Atom{Atom::Kind::kSymbol, std::move(name), {}, {}, 1}); }

std::optional<std::string_view> Dim::symbol() const {
  if (!is_symbolic() || expression_->terms.size() != 1) return std::nullopt;
  const Expression::Term& term = expression_->terms[0];
  if (term.coefficient != 1 || term.factors.size() != 1 || term.factors[0]->kind != Atom::Kind::kSymbol) return std::nullopt;
  return term.factors[0]->name;
}

bool Dim::operator==(const Dim& other) const { return !is_unknown() && Expression::Compare(*this, other) == 0; }

bool Dim::IsCapped(const Dim& other) const {
  const Atom* min = Expression::SingleAtom(*this, Atom::Kind::kMin);
  if (min == nullptr) return false;
  return (min->a == other && min->b.is_constant() && min->b.value() > 0) || (min->b == other && min->a.is_constant() && min->a.value() > 0);
}

Dim operator+(const Dim& a, const Dim& b) {
  if (a.is_unknown() || b.is_unknown()) return Dim::Unknown();
  if (a.is_constant() && b.is_constant()) {
    int64_t sum = 0;
    return __builtin_add_overflow(a.value_, b.value_, &sum) ? Dim::Unknown() : Dim(sum);
  }
  auto terms = Dim::Expression::ToPolynomial(a);
  for (const auto& term : Dim::Expression::ToPolynomial(b)) terms.push_back(term);
  return Dim::Expression::FromPolynomial(std::move(terms));
}

Dim operator-(const Dim& a, const Dim& b) { return a + b * Dim(-1); }

Dim operator*(const Dim& a, const Dim& b) {
  if (a.is_constant(0) || b.is_constant(0)) return Dim(0);
  if (a.is_unknown() || b.is_unknown()) return Dim::Unknown();
  if (a.is_constant() && b.is_constant()) {
    int64_t product = 0;
    return __builtin_mul_overflow(a.value_, b.value_, &product) ? Dim::Unknown() : Dim(product);
  }
  const auto left = Dim::Expression::ToPolynomial(a);
  const auto right = Dim::Expression::ToPolynomial(b);
  if (left.size() * right.size() > static_cast<size_t>(kMaxWeight)) return Dim::Unknown();
  Dim::Expression::Polynomial product;
  for (const auto& x : left) {
    for (const auto& y : right) {
      Dim::Expression::Term term;
      if (__builtin_mul_overflow(x.coefficient, y.coefficient, &term.coefficient)) return Dim::Unknown();
      std::merge(x.factors.begin(), x.factors.end(), y.factors.begin(), y.factors.end(), std::back_inserter(term.factors),
                 [](const auto& p, const auto& q) { return Dim::Expression::Compare(*p, *q) < 0; });
      product.push_back(std::move(term));
    }
  }
  return Dim::Expression::FromPolynomial(std::move(product));
}

// Polynomial long division; nullopt unless the remainder is zero.
std::optional<Dim> Dim::Expression::DivideExactly(const Dim& a, const Dim& b) {
  const Polynomial divisor = ToPolynomial(b);
  const Term& lead = divisor.front();
  Dim rest = a, quotient(0);
  for (int step = 0; step < kMaxDivisionSteps && !rest.is_constant(0); ++step) {
    if (rest.is_unknown()) return std::nullopt;
    const Polynomial dividend = ToPolynomial(rest);
    const Term& top = dividend.front();
    if (!Divisible(top.coefficient, lead.coefficient) || top.coefficient % lead.coefficient != 0) return std::nullopt;
    const auto less = [](const auto& p, const auto& q) { return Compare(*p, *q) < 0; };
    if (!std::includes(top.factors.begin(), top.factors.end(), lead.factors.begin(), lead.factors.end(), less)) return std::nullopt;
    Term term;
    term.coefficient = top.coefficient / lead.coefficient;
    std::set_difference(top.factors.begin(), top.factors.end(), lead.factors.begin(), lead.factors.end(), std::back_inserter(term.factors),
                        less);
    const Dim part = FromPolynomial({term});
    quotient = quotient + part;
    rest = rest - part * b;
  }
  if (!rest.is_constant(0) || quotient.is_unknown()) return std::nullopt;
  return quotient;
}

// floor((floor(x/m) + k) / n) == floor((x + k*m) / (m*n)) for m, n > 0, so stacked strided convolutions stay one division.
std::optional<Dim> Dim::Expression::FlattenNestedDivision(const Polynomial& a, int64_t divisor) {
  if (a.size() > 2 || a[0].coefficient != 1 || a[0].factors.size() != 1) return std::nullopt;
  if (a.size() == 2 && !a[1].factors.empty()) return std::nullopt;
  const Atom& atom = *a[0].factors[0];
  if (atom.kind != Atom::Kind::kFloorDiv || !atom.b.is_constant() || atom.b.value() <= 0) return std::nullopt;
  const Dim constant(a.size() == 2 ? a[1].coefficient : 0);
  const Dim whole = atom.b * Dim(divisor);
  const Dim shifted = atom.a + constant * atom.b;
  if (!whole.is_constant() || shifted.is_unknown()) return std::nullopt;
  return FloorDiv(shifted, whole);
}

Dim Dim::Expression::FloorDivByConstant(const Dim& a, int64_t divisor) {
  if (divisor == INT64_MIN) return Unknown();
  if (divisor < 0) return FloorDiv(a * Dim(-1), Dim(-divisor));
  Polynomial whole, rest;
  int64_t common = divisor;  // gcd of the divisor and of the coefficients that stay inside
  for (const Term& term : a.expression_->terms) {
    const int64_t quotient = FloorDivide(term.coefficient, divisor), remainder = FloorModulo(term.coefficient, divisor);
    if (quotient != 0) whole.push_back({term.factors, quotient});
    if (remainder == 0) continue;
    rest.push_back({term.factors, remainder});
    if (!term.factors.empty()) common = std::gcd(common, remainder);
  }
  const Dim outside = FromPolynomial(std::move(whole));
  if (rest.empty() || rest[0].factors.empty()) return outside;  // what is left is a constant below the divisor
  if (common > 1) {
    for (Term& term : rest) term.coefficient /= common;  // rounds the constant down, as floor does
    return outside + FloorDiv(FromPolynomial(std::move(rest)), Dim(divisor / common));
  }
  if (std::optional<Dim> flat = FlattenNestedDivision(rest, divisor)) return outside + *flat;
  return outside + Operation(Atom::Kind::kFloorDiv, FromPolynomial(std::move(rest)), Dim(divisor));
}

Dim Dim::FloorDiv(const Dim& a, const Dim& b) {
  if (b.is_constant(0) || a.is_unknown() || b.is_unknown()) return Unknown();
  if (a.is_constant() && b.is_constant()) return Divisible(a.value_, b.value_) ? Dim(FloorDivide(a.value_, b.value_)) : Unknown();
  if (b.is_constant(1) || a.is_constant(0)) return a;
  if (std::optional<Dim> exact = Expression::DivideExactly(a, b)) return *exact;
  if (b.is_constant()) return Expression::FloorDivByConstant(a, b.value_);
  return Expression::Operation(Atom::Kind::kFloorDiv, a, b);
}

Dim Dim::CeilDiv(const Dim& a, const Dim& b) {
  if (b.is_constant()) return b.value_ > 0 ? FloorDiv(a + b - 1, b) : FloorDiv(a * Dim(-1), b) * Dim(-1);
  if (a.is_unknown() || b.is_unknown()) return Unknown();
  if (a.is_constant(0)) return a;
  if (std::optional<Dim> exact = Expression::DivideExactly(a, b)) return *exact;
  return Expression::Operation(Atom::Kind::kCeilDiv, a, b);
}

Dim Dim::Expression::ReduceModulo(const Dim& a, int64_t modulus) {
  if (modulus == INT64_MIN) return Unknown();
  if (modulus < 0) return Mod(a * Dim(-1), Dim(-modulus)) * Dim(-1);
  Polynomial rest = a.expression_->terms;
  for (Term& term : rest) term.coefficient = FloorModulo(term.coefficient, modulus);
  const Dim reduced = FromPolynomial(std::move(rest));
  if (!reduced.is_symbolic()) return reduced.is_constant() ? Mod(reduced, Dim(modulus)) : Unknown();
  return Operation(Atom::Kind::kMod, reduced, Dim(modulus));
}

Dim Dim::Mod(const Dim& a, const Dim& b) {
  if (b.is_constant(0) || a.is_unknown() || b.is_unknown()) return Unknown();
  if (a.is_constant() && b.is_constant()) {
    if (!Divisible(a.value_, b.value_)) return Unknown();
    const int64_t remainder = a.value_ % b.value_;
    return Dim(remainder != 0 && (remainder < 0) != (b.value_ < 0) ? remainder + b.value_ : remainder);
  }
  if (a.is_constant(0) || Expression::DivideExactly(a, b)) return Dim(0);
  if (b.is_constant()) return Expression::ReduceModulo(a, b.value_);
  return Expression::Operation(Atom::Kind::kMod, a, b);
}

// The atom when `dim` is `atom + constant` with an atom of that kind, and the constant.
const Atom* Dim::Expression::AtomPlusConstant(const Dim& dim, Atom::Kind kind, int64_t& constant) {
  constant = 0;
  if (!dim.is_symbolic()) return nullptr;
  const Polynomial& terms = dim.expression_->terms;
  if (terms.size() > 2 || terms[0].coefficient != 1 || terms[0].factors.size() != 1 || terms[0].factors[0]->kind != kind) return nullptr;
  if (terms.size() == 2) {
    if (!terms[1].factors.empty()) return nullptr;
    constant = terms[1].coefficient;
  }
  return terms[0].factors[0].get();
}

const Atom* Dim::Expression::SingleAtom(const Dim& dim, Atom::Kind kind) {
  int64_t constant = 0;
  const Atom* atom = AtomPlusConstant(dim, kind, constant);
  return constant == 0 ? atom : nullptr;
}

// a >= b for every size of the symbols; false when that cannot be shown (or only through many nested maxima).
bool Dim::Expression::AtLeast(const Dim& a, const Dim& b, int depth) {
  if (NonNegative(a - b)) return true;
  if (++depth > kMaxNestedExtrema) return false;
  if (const Atom* max = SingleAtom(b, Atom::Kind::kMax)) return AtLeast(a, max->a, depth) && AtLeast(a, max->b, depth);
  if (const Atom* min = SingleAtom(a, Atom::Kind::kMin)) return AtLeast(min->a, b, depth) && AtLeast(min->b, b, depth);
  if (const Atom* max = SingleAtom(a, Atom::Kind::kMax)) return AtLeast(max->a, b, depth) || AtLeast(max->b, b, depth);
  if (const Atom* min = SingleAtom(b, Atom::Kind::kMin)) return AtLeast(a, min->a, depth) || AtLeast(a, min->b, depth);
  return false;
}

// Max or Min of two known dims: one of them where the sign of their difference is certain.
Dim Dim::Expression::Extremum(Atom::Kind kind, const Dim& a, const Dim& b) {
  const bool max = kind == Atom::Kind::kMax;
  if (a.is_unknown() || b.is_unknown()) return Unknown();  // a sum on the way here may have overflowed
  if (a.is_constant() && b.is_constant()) return Dim(max ? std::max(a.value(), b.value()) : std::min(a.value(), b.value()));
  if (AtLeast(a, b)) return max ? a : b;
  if (AtLeast(b, a)) return max ? b : a;
  for (const auto& [outer, limit] : {std::pair{&a, &b}, std::pair{&b, &a}}) {
    int64_t offset = 0;
    const Atom* inner = AtomPlusConstant(*outer, kind, offset);
    // max(max(x, k) + c, d) is max(x + c, max(k + c, d)), for numbers k, c, d.
    if (inner != nullptr && limit->is_constant() && inner->b.is_constant())
      return Extremum(kind, inner->a + Dim(offset), Extremum(kind, inner->b + Dim(offset), *limit));
  }
  // Symbols before constants: "max(seq, 1)".
  return Compare(a, b) >= 0 ? Operation(kind, a, b) : Operation(kind, b, a);
}

Dim Dim::Max(const Dim& a, const Dim& b) { return Expression::Extremum(Atom::Kind::kMax, a, b); }
Dim Dim::Min(const Dim& a, const Dim& b) { return Expression::Extremum(Atom::Kind::kMin, a, b); }

Dim Dim::Expression::Apply(Atom::Kind kind, const Dim& a, const Dim& b) {
  switch (kind) {
    case Atom::Kind::kFloorDiv: return FloorDiv(a, b);
    case Atom::Kind::kCeilDiv: return CeilDiv(a, b);
    case Atom::Kind::kMod: return Mod(a, b);
    case Atom::Kind::kMax: return Max(a, b);
    case Atom::Kind::kMin: return Min(a, b);
    case Atom::Kind::kSymbol: break;
  }
  return Unknown();
}

Dim Dim::Substitute(const std::function<std::optional<Dim>(std::string_view)>& replacement) const {
  if (!is_symbolic()) return *this;
  Dim sum(0);
  for (const Expression::Term& term : expression_->terms) {
    Dim product(term.coefficient);
    for (const auto& atom : term.factors) {
      Dim factor;
      if (atom->kind == Atom::Kind::kSymbol) {
        factor = replacement(atom->name).value_or(Symbol(atom->name));
      } else {
        factor = Expression::Apply(atom->kind, atom->a.Substitute(replacement), atom->b.Substitute(replacement));
      }
      product = product * factor;
    }
    sum = sum + product;
  }
  return sum;
}

std::optional<int64_t> Dim::Evaluate(const SymbolValue& symbol_value) const {
  const Dim result = Substitute([&](std::string_view name) -> std::optional<Dim> {
    if (std::optional<int64_t> value = symbol_value(name)) return Dim(*value);
    return std::nullopt;
  });
  if (!result.is_constant()) return std::nullopt;
  return result.value();
}

std::string Dim::Expression::ToString(const Atom& atom) {
  const auto operand = [](const Dim& dim) {
    if (!dim.is_symbolic()) return dim.ToString();
    const Polynomial& terms = dim.expression_->terms;
    const bool single = terms.size() == 1 && terms[0].coefficient == 1 && terms[0].factors.size() == 1;
    return single ? dim.ToString() : fmt::format("({})", dim.ToString());
  };
  switch (atom.kind) {
    case Atom::Kind::kSymbol: return atom.name;
    case Atom::Kind::kFloorDiv: return fmt::format("floor({}/{})", operand(atom.a), operand(atom.b));
    case Atom::Kind::kCeilDiv: return fmt::format("ceil({}/{})", operand(atom.a), operand(atom.b));
    case Atom::Kind::kMod: return fmt::format("mod({}, {})", atom.a.ToString(), atom.b.ToString());
    case Atom::Kind::kMax: return fmt::format("max({}, {})", atom.a.ToString(), atom.b.ToString());
    case Atom::Kind::kMin: return fmt::format("min({}, {})", atom.a.ToString(), atom.b.ToString());
  }
  return "?";
}

std::string Dim::Expression::ToString(const Polynomial& terms) {
  std::string text;
  for (const Term& term : terms) {
    if (!text.empty() && term.coefficient > 0) text += '+';
    std::string product;
    for (const auto& atom : term.factors) product += product.empty() ? ToString(*atom) : fmt::format("*{}", ToString(*atom));
    if (product.empty()) text += fmt::format("{}", term.coefficient);
    else if (term.coefficient == 1) text += product;
    else if (term.coefficient == -1) text += fmt::format("-{}", product);
    else text += fmt::format("{}*{}", term.coefficient, product);
  }
  return text;
}

std::string Dim::ToString() const {
  switch (kind_) {
    case Kind::kUnknown: return "?";
    case Kind::kConstant: return std::to_string(value_);
    case Kind::kExpression: return Expression::ToString(expression_->terms);
  }
  return "?";
}

}  // namespace sardonyx::ir
