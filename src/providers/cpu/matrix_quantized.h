// Quantized products that are computed in float: parts of matrix_quantized.cc.
#pragma once

#include "providers/cpu/registry.h"

namespace sardonyx::cpu {

// QLinearMatMul whose operands are of a float8 type.
Status RunQLinearMatMulFloat8(KernelContext& context);
StatusOr<std::unique_ptr<Kernel>> CreateMatMulNBits(const NodeInfo& node);
StatusOr<std::unique_ptr<Kernel>> CreateMatMulBnb4(const NodeInfo& node);
StatusOr<std::unique_ptr<Kernel>> CreateMatMulFpQ4(const NodeInfo& node);  // matrix_fp_q4.cc

}  // namespace sardonyx::cpu
