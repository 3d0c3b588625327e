#include "providers/cpu/matrix.h"

#include <fmt/format.h>

#include "base/status_macros.h"
#include "providers/cpu/prepared.h"

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
  const kernels::MatrixF32 matrix = transpose ? kernels::MatrixF32{data, 1, columns} : kernels::MatrixF32{data, columns, 1};
  packed.data = PreparedFloats(node, kernels::PackedColumnsSize(k, n),
                               [&](float* to) { kernels::PackColumnsF32(matrix, k, n, to, node.thread_pool()); });
  if (!packed.data) return Resource(fmt::format("no memory to pack a matrix of {}", packed.dims.ToString()));
  node.ReleaseConstant(i);
  return packed;
}

}  // namespace sardonyx::cpu
