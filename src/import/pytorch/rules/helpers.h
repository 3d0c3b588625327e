// What rules of several families share.
#pragma once

#include <string_view>
#include <vector>

#include "import/pytorch/translation.h"

namespace sardonyx::pytorch::rules {

// ---- Elementwise (helpers.cc)
V Truncate(ops::GraphBuilder& b, V x);          // towards zero
V FloorDivide(ops::GraphBuilder& b, V x, V y);  // of one type, integers or floats
V Remainder(ops::GraphBuilder& b, V x, V y);    // with the divisor's sign, as Python
V SignBit(ops::GraphBuilder& b, V x);           // true for -0 as well
// What computes with numbers, of a type that ONNX's operators have: bytes and booleans become int32; and the result back in that type.
bool IsNarrow(DataType type);
V Widened(ops::GraphBuilder& b, V x);
V Times(ops::GraphBuilder& b, V x, V y);  // booleans: both
V ArcTangent2(ops::GraphBuilder& b, V y, V x);
V IsNonFinite(ops::GraphBuilder& b, V x);
V Not(ops::GraphBuilder& b, V x);
V IsNan(ops::GraphBuilder& b, V x);   // false for integers
V ToBool(ops::GraphBuilder& b, V x);  // x != 0
// c[0] + c[1] x + c[2] x^2 ...
V Polynomial(ops::GraphBuilder& b, V x, const std::vector<double>& coefficients);

// ---- Sizes
V FullLike(ops::GraphBuilder& b, V like, V scalar);  // a tensor of like's shape
V Full(ops::GraphBuilder& b, V shape, V scalar);     // int64[n] shape
V Arange(ops::GraphBuilder& b, V count);             // int64: 0, 1, ... count-1
int64_t NormalAxis(int64_t axis, int64_t rank);
std::vector<int64_t> AllAxes(int64_t rank);
// The permutation that brings two axes, neither negative, to the end in this order.
std::vector<int64_t> AxesLast(int64_t rank, int64_t a, int64_t b);
// Product of the sizes of these axes (all, if empty), as a scalar int64.
V CountOf(ops::GraphBuilder& b, V x, const std::vector<int64_t>& axes);

// ---- Reductions (reduce.cc)
V VectorNorm(Call& c, V x, double p, const std::vector<int64_t>& axes, bool keepdim);
V Variance(Call& c, V x, const std::vector<int64_t>& axes, double correction, bool keepdim, V* mean = nullptr);
V Maximum(ops::GraphBuilder& b, V x, const std::vector<int64_t>& axes, bool keepdim);  // any type
V Minimum(ops::GraphBuilder& b, V x, const std::vector<int64_t>& axes, bool keepdim);
V AnyOf(ops::GraphBuilder& b, V flags, const std::vector<int64_t>& axes, bool keepdim);
V AllOf(ops::GraphBuilder& b, V flags, const std::vector<int64_t>& axes, bool keepdim);

// ---- Matrices (matrix.cc)
V MatMul(ops::GraphBuilder& b, V x, V y);  // of one type; integers through a type that MatMul has
V Linear(Call& c, V x, V weight, V bias);  // weight [out, in]
V Einsum(Call& c, std::string equation, const std::vector<V>& operands);

// ---- Linear algebra: matrices are the last two axes, batches before them broadcast (linalg.cc, factor.cc, spectral.cc)
V IdentityMatrix(ops::GraphBuilder& b, V like, V size);  // [size, size], of like's type
V MatrixTransposed(ops::GraphBuilder& b, V x);
V Solve(Call& c, V a, V rhs);  // X of A X = RHS
struct Orthogonal {
  V q, r;  // [.., m, m] and [.., m, n]
};
Orthogonal Qr(Call& c, V a);
V SingularValues(Call& c, V a);  // the largest first

// ---- Calls of other rules
IValue AsArgument(V value);
V Apply(Call& c, std::string_view target, std::vector<IValue> arguments);  // its first output

// ---- Complex numbers: pairs on the last axis (fft.cc)
V RealPart(ops::GraphBuilder& b, const TensorValue& x);
V ImaginaryPart(ops::GraphBuilder& b, const TensorValue& x);
TensorValue MakeComplex(ops::GraphBuilder& b, V real, V imaginary);
TensorValue ComplexMul(Call& c, const TensorValue& x, const TensorValue& y);
V Conjugate(ops::GraphBuilder& b, V pairs);
// The transform along one axis of [.., 1] or [.., 2]; inverse ones are divided by the length.
V Transform(Call& c, V x, int64_t axis, bool inverse, bool onesided);

// ---- Indexing (index.cc)
// x along `axis` at int64 indices that broadcast with the rest, as torch.gather.
V GatherAlong(Call& c, V x, int64_t axis, V indices);

// ---- Losses
V ReduceLoss(Call& c, V loss, int64_t reduction);

}  // namespace sardonyx::pytorch::rules
