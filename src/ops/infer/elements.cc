#include "ops/infer/elements.h"

#include <algorithm>
#include <cstdlib>

namespace sardonyx::ops::infer {

bool ProvablyNonNegative(const Dim& dim) { return !dim.is_unknown() && Dim::Max(dim, 0) == dim; }
bool ProvablyGreater(const Dim& a, const Dim& b) { return ProvablyNonNegative(a - b - 1); }

std::optional<Elements> KnownElements(const InferenceContext& context, size_t i) {
  if (!context.has_input(i)) return std::nullopt;
  std::optional<Elements> elements = context.input_elements(i);
  if (!elements) return std::nullopt;
  const bool any = elements->empty() || std::any_of(elements->begin(), elements->end(), [](const Dim& d) { return !d.is_unknown(); });
  return any ? elements : std::nullopt;
}

void MapElements(InferenceContext& context, Dim (*f)(const Dim&)) {
  std::optional<Elements> elements = KnownElements(context, 0);
  if (!elements) return;
  for (Dim& element : *elements) element = f(element);
  context.set_output_elements(0, *std::move(elements));
}

void MapElements(InferenceContext& context, Dim (*f)(const Dim&, const Dim&)) {
  const std::optional<Elements> a = KnownElements(context, 0), b = KnownElements(context, 1);
  if (!a || !b || (a->size() != b->size() && a->size() != 1 && b->size() != 1)) return;
  const size_t size = a->size() == 1 ? b->size() : a->size();
  Elements result(size);
  for (size_t i = 0; i < size; ++i) result[i] = f((*a)[a->size() == 1 ? 0 : i], (*b)[b->size() == 1 ? 0 : i]);
  context.set_output_elements(0, std::move(result));
}

void CopyElements(InferenceContext& context) {
  if (std::optional<Elements> elements = KnownElements(context, 0)) context.set_output_elements(0, *std::move(elements));
}

namespace element {

Dim Add(const Dim& a, const Dim& b) { return a + b; }
Dim Sub(const Dim& a, const Dim& b) { return a - b; }
Dim Mul(const Dim& a, const Dim& b) { return a * b; }

Dim DivInteger(const Dim& a, const Dim& b) {
  if (ProvablyNonNegative(a) && ProvablyNonNegative(b)) return Dim::FloorDiv(a, b);
  if (a.is_constant() && b.is_constant() && b.value() != 0 && a.value() != INT64_MIN) return Dim(a.value() / b.value());
  return DivExact(a, b);
}

Dim DivExact(const Dim& a, const Dim& b) {
  const Dim quotient = Dim::FloorDiv(a, b);
  return quotient * b == a ? quotient : Dim::Unknown();
}

Dim ModSignOfDivisor(const Dim& a, const Dim& b) { return Dim::Mod(a, b); }

Dim ModSignOfDividend(const Dim& a, const Dim& b) {
  if (ProvablyNonNegative(a) && ProvablyNonNegative(b)) return Dim::Mod(a, b);
  if (a.is_constant() && b.is_constant() && b.value() != 0 && b.value() != -1) return Dim(a.value() % b.value());
  return {};
}

Dim Equal(const Dim& a, const Dim& b) {
  if (a == b) return Dim(1);
  if (ProvablyGreater(a, b) || ProvablyGreater(b, a)) return Dim(0);
  return {};
}

Dim Greater(const Dim& a, const Dim& b) {
  if (ProvablyGreater(a, b)) return Dim(1);
  if (ProvablyNonNegative(b - a)) return Dim(0);
  return {};
}

Dim Less(const Dim& a, const Dim& b) { return Greater(b, a); }
Dim GreaterOrEqual(const Dim& a, const Dim& b) { return Not(Greater(b, a)); }
Dim LessOrEqual(const Dim& a, const Dim& b) { return Not(Greater(a, b)); }

Dim And(const Dim& a, const Dim& b) {
  if (a.is_constant(0) || b.is_constant(0)) return Dim(0);
  if (a.is_constant(1) && b.is_constant(1)) return Dim(1);
  return {};
}

Dim Or(const Dim& a, const Dim& b) { return Not(And(Not(a), Not(b))); }
Dim Not(const Dim& a) { return a.is_constant() ? Dim(a.value() == 0 ? 1 : 0) : Dim(); }
Dim Neg(const Dim& a) { return a * Dim(-1); }

Dim Abs(const Dim& a) {
  if (ProvablyNonNegative(a)) return a;
  return ProvablyNonNegative(Neg(a)) ? Neg(a) : Dim::Unknown();
}

Dim Sign(const Dim& a) {
  if (a.is_constant()) return Dim((a.value() > 0) - (a.value() < 0));
  return ProvablyGreater(a, Dim(0)) ? Dim(1) : Dim::Unknown();
}

Dim Same(const Dim& a) { return a; }
Dim ToBool(const Dim& a) { return Not(Equal(a, Dim(0))); }

}  // namespace element

}  // namespace sardonyx::ops::infer
