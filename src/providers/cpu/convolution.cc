#include "providers/cpu/convolution.h"

#include <fmt/format.h>

#include "base/status_macros.h"
#include "providers/cpu/matrix.h"

namespace sardonyx::cpu {

std::span<const KernelEntry> ConvolutionKernels() {
  static const std::vector<KernelEntry> rows = JoinLists(
      {BlockedConvKernels(), ExpandedConvKernels(), ConvKernels(), QuantizedConvKernels(), PoolKernels(), ResizeKernels()});
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

StatusOr<ConvTransposeNode> ReadConvTranspose(const NodeInfo& node) {
  ConvTransposeNode read;
  ASSIGN_OR_RETURN(read.attributes.window, ReadWindowAttributes(node));
  read.attributes.output_padding = node.GetInts("output_padding");
  read.attributes.output_shape = node.GetInts("output_shape");
  read.kernel_shape = node.GetInts("kernel_shape");
  read.groups = node.GetInt("group", 1);
  return read;
}

StatusOr<kernels::Activation> ReadConvActivation(const NodeInfo& node, std::string_view prefix) {
  const std::string name = node.GetString(fmt::format("{}activation", prefix));
  std::optional<kernels::Activation> activation = kernels::ParseActivation(name);
  if (!activation) return Unsupported(fmt::format("{} with activation '{}'", node.node().op_type, name));
  const std::vector<float> parameters = node.GetFloats(fmt::format("{}activation_params", prefix));
  if (!parameters.empty()) activation->alpha = parameters[0];
  if (parameters.size() > 1) activation->beta = parameters[1];
  return *activation;
}

}  // namespace sardonyx::cpu
