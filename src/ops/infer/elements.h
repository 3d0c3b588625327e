// Propagation of the elements of small tensors: what shapes are computed with.
#pragma once

#include <optional>
#include <vector>

#include "ops/infer/common.h"

namespace sardonyx::ops::infer {

using Elements = std::vector<Dim>;

// True when it holds for every size of the symbols (sizes are never negative); false when that cannot be shown.
bool ProvablyGreater(const Dim& a, const Dim& b);
bool ProvablyNonNegative(const Dim& dim);

// Elements of input i if at least one of them is known.
std::optional<Elements> KnownElements(const InferenceContext& context, size_t i);
// Output 0 has f of each element of input 0.
void MapElements(InferenceContext& context, Dim (*f)(const Dim&));
// Output 0 has f of the broadcast elements of inputs 0 and 1.
void MapElements(InferenceContext& context, Dim (*f)(const Dim&, const Dim&));
// Output 0 has the elements of input 0: for operators that only change the rank (0 or 1) or the type.
void CopyElements(InferenceContext& context);

// The arithmetic of the operators on integers. 1 and 0 stand for true and false.
namespace element {
Dim Add(const Dim& a, const Dim& b);
Dim Sub(const Dim& a, const Dim& b);
Dim Mul(const Dim& a, const Dim& b);
Dim DivInteger(const Dim& a, const Dim& b);  // towards zero
Dim DivExact(const Dim& a, const Dim& b);    // of floats: known only where nothing remains
Dim ModSignOfDivisor(const Dim& a, const Dim& b);
Dim ModSignOfDividend(const Dim& a, const Dim& b);
Dim Equal(const Dim& a, const Dim& b);
Dim Greater(const Dim& a, const Dim& b);
Dim Less(const Dim& a, const Dim& b);
Dim GreaterOrEqual(const Dim& a, const Dim& b);
Dim LessOrEqual(const Dim& a, const Dim& b);
Dim And(const Dim& a, const Dim& b);
Dim Or(const Dim& a, const Dim& b);
Dim Not(const Dim& a);
Dim Neg(const Dim& a);
Dim Abs(const Dim& a);
Dim Sign(const Dim& a);
Dim Same(const Dim& a);
Dim ToBool(const Dim& a);
}  // namespace element

}  // namespace sardonyx::ops::infer
