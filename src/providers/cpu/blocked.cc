#include "providers/cpu/blocked.h"

#include "base/status_macros.h"
#include "providers/cpu/kernel_list.h"
#include "providers/cpu/matrix.h"
#include "runtime/provider.h"

namespace sardonyx::cpu {

std::span<const KernelEntry> BlockedKernels() {
  static const std::vector<KernelEntry> rows = JoinLists({BlockedElementwiseKernels(), BlockedPoolKernels(), BlockedChannelKernels()});
  return rows;
}

std::optional<BlockedType> KnownChannels(const NodeInfo& node, size_t i) {
  if (node.input_dtype(i) != DataType::kFloat) return std::nullopt;
  const ir::Type& type = node.input_type(i);
  if (!type.is_tensor() || !type.shape || type.shape->rank() < 2 || !(*type.shape)[1].is_constant()) return std::nullopt;
  return BlockedType{type.shape->rank(), (*type.shape)[1].value()};
}

Dims PhysicalDims(const Dims& dims) {
  Dims physical = dims;
  physical[1] = kernels::ChannelBlocks(dims[1]);
  physical.push_back(kernels::kChannelBlock);
  return physical;
}

TensorView PhysicalView(const TensorView& view) { return {view.dtype, PhysicalDims(view.dims), view.data}; }

StatusOr<std::unique_ptr<Kernel>> CreatePlainKernel(const NodeInfo& node) {
  std::vector<const KernelEntry*> rows = FindKernels(node.node().domain, node.node().op_type, node.opset_version());
  std::erase_if(rows, [](const KernelEntry* row) { return row->name == "nchw16c"; });
  ASSIGN_OR_RETURN(runtime::KernelChoice choice, runtime::ChooseKernel(rows, node));
  if (!choice.kernel) return Unsupported("no kernel for row-major tensors");
  return std::move(choice.kernel);
}

}  // namespace sardonyx::cpu
