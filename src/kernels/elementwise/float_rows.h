// Row functions of float32 in vectors of the machine's width (rows.h says what a row function is). The templates of rows.h
// compute every other type; of these operators, the ones that models spend time in, float has its own.
#pragma once

#include "kernels/elementwise/binary.h"
#include "kernels/elementwise/unary.h"

namespace sardonyx::kernels {

// Null when the operator has none. An element's result does not depend on its place in the row.
RowFunction FindFloatUnary(UnaryOp op);
RowFunction FindFloatBinary(BinaryOp op);

}  // namespace sardonyx::kernels
