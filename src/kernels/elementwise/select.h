// Where and Clip: operators of three broadcast operands.
#pragma once

#include "kernels/elementwise/rows.h"
#include "sardonyx/data_type.h"

namespace sardonyx::kernels {

// output = condition ? x : y, for elements [begin, end) of the output. `loop` is over condition (bool), x and y, in this
// order; x, y and the output have element type `dtype`, of any kind that is addressable by bytes.
void Select(const BroadcastLoop& loop, const void* condition, const void* x, const void* y, DataType dtype, void* out, int64_t begin,
            int64_t end);

// min(max(x, low), high), so `high` wins where they cross; NaN stays. Null bounds are absent. All of one element type.
void Clip(DataType dtype, const void* x, const void* low, const void* high, void* out, int64_t begin, int64_t end);

}  // namespace sardonyx::kernels
