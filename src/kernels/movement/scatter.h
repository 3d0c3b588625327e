// ScatterElements (and Scatter) and ScatterND: updates written into a copy of the data, or combined with it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "kernels/movement/element.h"
#include "kernels/movement/gather.h"
#include "sardonyx/status.h"

namespace sardonyx::kernels {

// What an update does with the element that it meets.
enum class ScatterReduction : uint8_t { kNone, kAdd, kMul, kMin, kMax };
std::optional<ScatterReduction> ParseScatterReduction(std::string_view name);  // "none", "add", "mul", "min", "max"

// Updates are applied one after another in their order, so that duplicate indices give the same result every time.
// `data` already holds the input. kUnsupported for a reduction that the type does not have (strings; order of complex).
// Preconditions: CheckElementsIndices; plan and CheckTuples.
Status ScatterElements(DataType type, ScatterReduction reduction, void* data, std::span<const int64_t> dims, size_t axis,
                       const Indices& indices, std::span<const int64_t> index_dims, const void* updates);
Status ScatterTuples(DataType type, ScatterReduction reduction, const TuplePlan& plan, void* data, const int64_t* indices,
                     const void* updates);

}  // namespace sardonyx::kernels
