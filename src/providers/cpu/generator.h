// The family of generators, one list a file; GeneratorKernels() joins them.
#pragma once

#include <span>

#include "providers/cpu/bind.h"

namespace sardonyx::cpu {

std::span<const KernelEntry> ConstantKernels();  // generator_constant.cc: Constant, ConstantOfShape, EyeLike
std::span<const KernelEntry> SeriesKernels();    // generator_series.cc: Range, windows
std::span<const KernelEntry> RandomKernels();    // generator_random.cc
std::span<const KernelEntry> IndexKernels();     // generator_index.cc: Shape, Size, NonZero, OneHot

// The element type that attribute `name` numbers; `fallback` when the node does not set it.
StatusOr<DataType> DtypeAttribute(const NodeInfo& node, std::string_view name, DataType fallback);

}  // namespace sardonyx::cpu
