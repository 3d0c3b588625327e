// Parts of MatrixKernels(), one list a file.
#pragma once

#include <initializer_list>
#include <memory>
#include <vector>

#include "kernels/gemm/aligned_buffer.h"
#include "kernels/gemm/gemm_f32.h"
#include "providers/cpu/registry.h"

namespace sardonyx::cpu {

std::span<const KernelEntry> MatMulKernels();           // MatMul, Gemm and their fused forms
std::span<const KernelEntry> LinearKernels();           // Linear, what graph preparation makes of products by weights
std::span<const KernelEntry> QuantizedMatMulKernels();  // MatMulInteger, QLinearMatMul, MatMulNBits, ...
std::span<const KernelEntry> AlgebraKernels();          // Einsum, Det
std::span<const KernelEntry> AttentionKernels();        // Attention, RotaryEmbedding, LinearAttention, ...
std::span<const KernelEntry> ExpertKernels();           // MoE, QMoE

// One list of all rows of `parts`.
inline std::vector<KernelEntry> JoinLists(std::initializer_list<std::span<const KernelEntry>> parts) {
  std::vector<KernelEntry> rows;
  for (std::span<const KernelEntry> part : parts) rows.insert(rows.end(), part.begin(), part.end());
  return rows;
}

// A constant right operand, packed at load: empty when the input is not a constant float matrix.
struct PackedOperand {
  std::shared_ptr<const float> data;
  std::shared_ptr<const Float16> half;  // instead, of a constant in float16
  Dims dims;  // as the model has them
  bool present() const { return data != nullptr || half != nullptr; }
};
// Packs input `i` as B (or its transpose) and releases the original. kResource when there is no memory.
StatusOr<PackedOperand> PackConstantOperand(const NodeInfo& node, size_t i, bool transpose);

}  // namespace sardonyx::cpu
