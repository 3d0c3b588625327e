// The family of reductions, one list a file; ReductionKernels() joins them.
#pragma once

#include <span>

#include "providers/cpu/bind.h"

namespace sardonyx::cpu {

std::span<const KernelEntry> ReduceKernels();            // reduction_reduce.cc: Reduce*, MeanVarianceNormalization
std::span<const KernelEntry> AxisKernels();              // reduction_axis.cc: Arg*, Cum*, TopK, Softmax and its like, LpNormalization
std::span<const KernelEntry> RowNormalizationKernels();  // reduction_rows.cc: Layer-, RMS-, Instance-, GroupNormalization and ORT's
std::span<const KernelEntry> ChannelKernels();           // reduction_channels.cc: BatchNormalization, LRN
std::span<const KernelEntry> LossKernels();              // reduction_loss.cc

// float16, bfloat16, float or double: what normalizations and losses are defined for.
inline Status CheckReal(std::string_view op, DataType dtype) {
  if (IsFloatingPoint(dtype) && BitsPerElement(dtype) >= 16) return Status();
  return Unsupported(fmt::format("{} is not defined for {}", op, DataTypeName(dtype)));
}

}  // namespace sardonyx::cpu
