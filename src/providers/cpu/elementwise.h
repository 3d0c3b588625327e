// What the bindings of element-wise operators share. Internal to the elementwise_*.cc files and their neighbours.
#pragma once

#include <array>
#include <initializer_list>
#include <span>
#include <string>

#include "kernels/elementwise/rows.h"
#include "providers/cpu/bind.h"

namespace sardonyx::cpu {

// The family's rows, one list a file; ElementwiseKernels() joins them.
std::span<const KernelEntry> UnaryKernels();     // elementwise_unary.cc
std::span<const KernelEntry> BinaryKernels();    // elementwise_binary.cc
std::span<const KernelEntry> VariadicKernels();  // elementwise_variadic.cc: Max, Min, Sum, Mean, Where, Clip
std::span<const KernelEntry> CastKernels();      // elementwise_cast.cc: Cast, CastLike, BitCast, Identity
std::span<const KernelEntry> DropoutKernels();   // elementwise_dropout.cc
std::span<const KernelEntry> FusedKernels();     // elementwise_fused.cc: BiasGelu, FastGelu
std::span<const KernelEntry> ChainKernels();     // elementwise_chain.cc: Elementwise

using Parameters = std::array<float, 2>;

// An operand of RunElementwise: a tensor under the dims by which it broadcasts.
struct ElementwiseInput {
  const TensorView* tensor;
  Dims dims;
};

// Computes output 0 of `out_dtype`, whose shape is the broadcast of the inputs' dims. kUnsupported when `kernel` is null.
Status RunElementwise(KernelContext& context, std::string_view op, const kernels::RowKernel& kernel,
                      std::span<const ElementwiseInput> inputs, DataType out_dtype, const Parameters& parameters = {});

inline Status NoKernelFor(std::string_view op, DataType dtype) {
  return Unsupported(fmt::format("{} is not defined for {}", op, DataTypeName(dtype)));
}

}  // namespace sardonyx::cpu
