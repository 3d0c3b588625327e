#include "ops/infer/merge.h"

#include <utility>

namespace sardonyx::ops::infer {
namespace {

using ir::Dim;
using ir::Shape;
using ir::Type;

bool IsFresh(const Dim& dim, const IsFreshSymbol& is_fresh) {
  const std::optional<std::string_view> symbol = dim.symbol();
  return symbol && is_fresh(*symbol);
}

Dim MergeDim(const Dim& inferred, const Dim& declared, const IsFreshSymbol& is_fresh, bool& contradiction) {
  if (inferred.is_unknown()) return declared;
  if (declared.is_unknown()) return inferred;
  if (inferred.is_constant() && declared.is_constant() && inferred.value() != declared.value()) contradiction = true;
  return IsFresh(inferred, is_fresh) ? declared : inferred;
}

std::optional<Shape> MergeShape(const std::optional<Shape>& inferred, const std::optional<Shape>& declared, const IsFreshSymbol& is_fresh,
                                bool& contradiction) {
  if (!inferred) return declared;
  if (!declared) return inferred;
  if (inferred->rank() != declared->rank()) {
    contradiction = true;
    return inferred;
  }
  Shape merged = *inferred;
  for (size_t i = 0; i < merged.rank(); ++i) merged[i] = MergeDim((*inferred)[i], (*declared)[i], is_fresh, contradiction);
  return merged;
}

bool SameDim(const Dim& a, const Dim& b) { return (a.is_unknown() && b.is_unknown()) || a == b; }

}  // namespace

Merged MergeDeclared(const Type& inferred, const Type& declared, const IsFreshSymbol& is_fresh) {
  if (!inferred.known()) return {declared};
  if (!declared.known()) return {inferred};
  Merged merged{inferred};
  // Initializers listed under sparse_initializer are dense for every operator that reads them.
  if (inferred.kind != declared.kind) return {inferred, true};
  if (inferred.dtype == DataType::kUndefined) {
    merged.type.dtype = declared.dtype;
    merged.type.raw_dtype = declared.raw_dtype;
  } else if (declared.dtype != DataType::kUndefined && declared.dtype != inferred.dtype) {
    merged.contradiction = true;
  }
  merged.type.shape = MergeShape(inferred.shape, declared.shape, is_fresh, merged.contradiction);
  if (inferred.element == nullptr) {
    merged.type.element = declared.element;
  } else if (declared.element != nullptr) {
    Merged element = MergeDeclared(*inferred.element, *declared.element, is_fresh);
    merged.contradiction |= element.contradiction;
    merged.type.element = std::make_shared<const Type>(std::move(element.type));
  }
  return merged;
}

Type Join(const Type& a, const Type& b) {
  if (a.kind != b.kind || !a.known()) return {};
  if (a.dtype != b.dtype || a.raw_dtype != b.raw_dtype) return {};
  Type joined = a;
  if (!a.shape || !b.shape || a.shape->rank() != b.shape->rank()) {
    joined.shape.reset();
  } else {
    for (size_t i = 0; i < a.shape->rank(); ++i)
      if (!((*a.shape)[i] == (*b.shape)[i])) (*joined.shape)[i] = Dim::Unknown();
  }
  if (a.element && b.element) {
    joined.element = std::make_shared<const Type>(Join(*a.element, *b.element));
  } else {
    joined.element = nullptr;
  }
  return joined;
}

namespace {

// A sequence without elements fits any other of its kind.
bool IsEmptySequence(const ValueFacts& facts) {
  return facts.type.kind == Type::Kind::kSequence && facts.elements && facts.elements->empty();
}

bool SameElementType(const Type& a, const Type& b) { return a.kind == b.kind && a.Spelling() == b.Spelling(); }

}  // namespace

ValueFacts Join(const ValueFacts& a, const ValueFacts& b) {
  ValueFacts joined;
  if (SameElementType(a.type, b.type) && IsEmptySequence(a) != IsEmptySequence(b)) {
    joined.type = IsEmptySequence(a) ? b.type : a.type;
    return joined;
  }
  joined.type = Join(a.type, b.type);
  if (a.elements && b.elements && a.elements->size() == b.elements->size()) {
    joined.elements = a.elements;
    for (size_t i = 0; i < a.elements->size(); ++i)
      if (!((*a.elements)[i] == (*b.elements)[i])) (*joined.elements)[i] = Dim::Unknown();
  }
  return joined;
}

bool SameType(const Type& a, const Type& b) {
  if (a.kind != b.kind || a.dtype != b.dtype || a.raw_dtype != b.raw_dtype) return false;
  if (a.shape.has_value() != b.shape.has_value() || (a.element == nullptr) != (b.element == nullptr)) return false;
  if (a.shape) {
    if (a.shape->rank() != b.shape->rank()) return false;
    for (size_t i = 0; i < a.shape->rank(); ++i)
      if (!SameDim((*a.shape)[i], (*b.shape)[i])) return false;
  }
  return a.element == nullptr || SameType(*a.element, *b.element);
}

}  // namespace sardonyx::ops::infer
