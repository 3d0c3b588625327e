// The family of quantization, one list a file; QuantizationKernels() joins them.
#pragma once

#include <span>

#include "providers/cpu/bind.h"

namespace sardonyx::cpu {

std::span<const KernelEntry> LinearQuantizationKernels();  // quantization_linear.cc: Quantize-, Dequantize-, DynamicQuantizeLinear
std::span<const KernelEntry> QLinearKernels();             // quantization_qlinear.cc: ONNX Runtime's QLinear operators

}  // namespace sardonyx::cpu
