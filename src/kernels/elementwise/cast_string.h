// Numbers as text and back: the string side of Cast.
#pragma once

#include <cstdint>
#include <string>

#include "sardonyx/data_type.h"
#include "sardonyx/status.h"

namespace sardonyx::kernels {

// Writes elements [begin, begin + count) as the shortest decimal that reads back as the same element: "1.5", "1e-07", "-3",
// "nan", "inf", "True"; floats always with a point or an exponent ("2.0").
void FormatElements(DataType dtype, const void* in, std::string* out, int64_t begin, int64_t count);

// Reads plain or scientific decimals, INF and NaN in any case, "true" and "false". A fraction is truncated for integer types.
// kUsage, naming the text, when it is no number.
Status ParseElements(const std::string* in, DataType dtype, void* out, int64_t begin, int64_t count);

}  // namespace sardonyx::kernels
