// Softmax in float16 and bfloat16, over numbers that are held as floats.
#pragma once

#include <cstdint>

#include "sardonyx/data_type.h"

namespace sardonyx::kernels {

inline bool IsNarrowFloat(DataType dtype) { return dtype == DataType::kFloat16 || dtype == DataType::kBfloat16; }

// Rounds each number to the nearest of a narrow type; with any other type nothing changes.
void RoundTo(DataType dtype, float* x, int64_t count);

// In place, over `count` numbers `step` apart. The specification defines Softmax by operators of the type itself, so each of
// its steps is rounded to `dtype`: the difference from the largest, the exponential, the sum, the quotient. Within the sum, as
// in ONNX's reference, every addition of bfloat16 is rounded and those of float16 are not; but only by groups of eight, for in
// a long sum of bfloat16 most terms would vanish.
void NarrowSoftmax(DataType dtype, float* x, int64_t count, int64_t step);

}  // namespace sardonyx::kernels
