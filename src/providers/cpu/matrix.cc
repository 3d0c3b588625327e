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
  const bool half = constant && constant->dtype() == DataType::kFloat16;
  if (!constant || (constant->dtype() != DataType::kFloat && !half) || constant->rank() != 2) return packed;
  packed.dims = constant->dims();
  const int64_t rows = packed.dims[0], columns = packed.dims[1];
  const int64_t k = transpose ? columns : rows, n = transpose ? rows : columns, size = kernels::PackedColumnsSize(k, n);
  const int64_t row_stride = transpose ? 1 : columns, column_stride = transpose ? columns : 1;
  if (half) {
    const kernels::MatrixF16 matrix{static_cast<const Float16*>(constant->raw_data()), row_stride, column_stride};
    packed.half = PreparedArray<Float16>(node, size, [&](Float16* to) { kernels::PackColumnsF16(matrix, k, n, to, node.thread_pool()); });
  } else {
    const kernels::MatrixF32 matrix{static_cast<const float*>(constant->raw_data()), row_stride, column_stride};
    packed.data = PreparedFloats(node, size, [&](float* to) { kernels::PackColumnsF32(matrix, k, n, to, node.thread_pool()); });
  }
  if (!packed.present()) return Resource(fmt::format("no memory to pack a matrix of {}", packed.dims.ToString()));
  node.ReleaseConstant(i);
  return packed;
}

}  // namespace sardonyx::cpu
