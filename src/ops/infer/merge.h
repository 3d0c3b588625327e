// What two statements about one value amount to.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "ops/inference.h"

namespace sardonyx::ops::infer {

// True for names that inference made up (InferenceContext::NewSymbol).
using IsFreshSymbol = std::function<bool(std::string_view)>;

struct Merged {
  ir::Type type;
  bool contradiction = false;
};

// The inferred type refined by the declared one. A constant dim beats any other; an expression over declared symbols
// beats a declared name, since it says how the size comes about; a declared name or size beats a made-up symbol. Where
// they contradict (kind, element type, rank, or two different sizes), the inferred one stays and `contradiction` is set.
Merged MergeDeclared(const ir::Type& inferred, const ir::Type& declared, const IsFreshSymbol& is_fresh);

// What holds whichever of two values it is (the branches of If, the state of a loop before and after a step). Dims that
// are not provably equal become unknown; different ranks give an unknown rank; different kinds or element types give
// an unknown type.
ir::Type Join(const ir::Type& a, const ir::Type& b);
ValueFacts Join(const ValueFacts& a, const ValueFacts& b);

// Equal in everything that inference looks at; unknown dims are equal here.
bool SameType(const ir::Type& a, const ir::Type& b);

}  // namespace sardonyx::ops::infer
