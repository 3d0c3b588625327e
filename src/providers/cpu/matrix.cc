#include "providers/cpu/matrix.h"

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::cpu {

std::span<const KernelEntry> MatrixKernels() {
  static const std::vector<KernelEntry> rows = JoinLists(
      {MatMulKernels(), LinearKernels(), QuantizedMatMulKernels(), AlgebraKernels(), AttentionKernels(), ExpertKernels()});
  return rows;
}

StatusOr<PackedOperand> PackConstantOperand(const NodeInfo& node, size_t i, bool transpose) {
  PackedOperand packed;
  const Tensor* constant = node.has_input(i) ? node.constant(i) : nullptr;
  if (!constant || constant->dtype() != DataType::kFloat || constant->rank() != 2) return packed;
  packed.dims = constant->dims();
  const float* data = constant->data<float>().data();
  const int64_t rows = packed.dims[0], columns = packed.dims[1];
  const int64_t k = transpose ? columns : rows, n = transpose ? rows : columns;
  packed.data = kernels::AlignedBuffer<float>(kernels::PackedColumnsSize(k, n));
  if (!packed.data) return Resource(fmt::format("no memory to pack a matrix of {}", packed.dims.ToString()));
  const kernels::MatrixF32 matrix = transpose ? kernels::MatrixF32{data, 1, columns} : kernels::MatrixF32{data, columns, 1};
  kernels::PackColumnsF32(matrix, k, n, packed.data.data(), node.thread_pool());
  node.ReleaseConstant(i);
  return packed;
}

}  // namespace sardonyx::cpu
