// Shapes of matrix products, for every operator that is one.
#pragma once

#include "ops/infer/common.h"

namespace sardonyx::ops::infer {

// numpy.matmul: vectors are promoted, leading dims broadcast. kInvalid for scalars and for inner sizes that differ.
StatusOr<Shape> MatMulShape(InferenceContext& context, Shape a, Shape b);
// The last two dims swapped; vectors stay.
Shape TransposedMatrix(Shape shape);
// Output 0 is the matrix product of inputs a and b.
Status InferMatMulOf(InferenceContext& context, size_t a, size_t b, DataType dtype);
// Output 0 is [M, N] of the matrices a and b under attributes transA and transB.
Status InferGemmOf(InferenceContext& context, size_t a, size_t b, DataType dtype);

}  // namespace sardonyx::ops::infer
