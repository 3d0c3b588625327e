#include "providers/cpu/convolution.h"

#include "base/status_macros.h"
#include "providers/cpu/matrix.h"

namespace sardonyx::cpu {

std::span<const KernelEntry> ConvolutionKernels() {
  static const std::vector<KernelEntry> rows = JoinLists({ConvKernels(), QuantizedConvKernels(), PoolKernels(), ResizeKernels()});
  return rows;
}

StatusOr<kernels::WindowAttributes> ReadWindowAttributes(const NodeInfo& node) {
  kernels::WindowAttributes attributes;
  ASSIGN_OR_RETURN(attributes.auto_pad, kernels::ParseAutoPad(node.GetString("auto_pad")));
  attributes.strides = node.GetInts("strides");
  attributes.dilations = node.GetInts("dilations");
  attributes.pads = node.GetInts("pads");
  attributes.ceil_mode = node.GetInt("ceil_mode") != 0;
  return attributes;
}

}  // namespace sardonyx::cpu
