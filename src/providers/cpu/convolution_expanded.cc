// PointwiseDepthwiseConv: a pointwise convolution and the depthwise one behind it, in blocks of 16 channels.
#include <algorithm>

#include <fmt/format.h>

#include "kernels/conv/blocked_conv.h"
#include "kernels/conv/blocked_depthwise.h"
#include "kernels/conv/blocked_expanded.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/convolution.h"
#include "providers/cpu/prepared.h"

namespace sardonyx::cpu {
namespace {

struct State {
  kernels::WindowAttributes attributes;
  std::vector<int64_t> kernel_shape;
  int64_t channels = 0, wide = 0;  // of X, and of Y
  kernels::Activation expand_activation, activation;
  Dims depthwise_dims;
  std::shared_ptr<const float> expand_weights, weights, expand_bias, bias;  // packed; no bias is null
};

std::string Declines(const NodeInfo& node) {
  for (size_t i : {1, 2, 3, 4})
    if (node.has_input(i) && (!node.constant(i) || node.constant(i)->dtype() != DataType::kFloat)) return "weights are not constant floats";
  const Tensor &w = *node.constant(1), &v = *node.constant(3);
  if (node.input_dtype(0) != DataType::kFloat) return fmt::format("dtype {}", DataTypeName(node.input_dtype(0)));
  if (w.rank() != 4 || v.rank() != 4 || w.num_elements() == 0 || v.num_elements() == 0) return "invalid";
  if (w.dims()[2] != 1 || w.dims()[3] != 1 || v.dims()[1] != 1 || v.dims()[0] != w.dims()[0] || node.GetInt("group", 1) != w.dims()[0])
    return "not a pointwise convolution and a depthwise one";
  if (v.dims()[2] > kernels::kMaxDepthwiseRows) return "many kernel rows";
  for (size_t i : {2, 4})
    if (node.has_input(i) && !(node.constant(i)->dims() == Dims{w.dims()[0]})) return "invalid";
  return "";
}

// A copy in whole blocks; none of an input that is not there.
std::shared_ptr<const float> PackBias(const NodeInfo& node, size_t input, int64_t channels) {
  if (!node.has_input(input)) return nullptr;
  const int64_t padded = kernels::ChannelBlocks(channels) * kernels::kChannelBlock;
  return PreparedFloats(node, padded, [&](float* to) {
    std::fill(std::copy_n(node.constant(input)->data<float>().data(), channels, to), to + padded, 0.0f);
  });
}

Status PackWeights(const NodeInfo& node, State& state) {
  const Tensor &w = *node.constant(1), &v = *node.constant(3);
  const int64_t taps = v.dims()[2] * v.dims()[3];
  state.expand_weights = PreparedFloats(node, kernels::PackedBlockedWeightsSize(1, state.wide, state.channels, 1), [&](float* to) {
    kernels::PackBlockedWeights(w.data<float>().data(), 1, state.wide, state.channels, 1, to, node.thread_pool());
  });
  state.weights = PreparedFloats(node, kernels::PackedDepthwiseWeightsSize(state.wide, taps), [&](float* to) {
    kernels::PackDepthwiseWeights(v.data<float>().data(), state.wide, taps, to);
  });
  state.expand_bias = PackBias(node, 2, state.wide);
  state.bias = PackBias(node, 4, state.wide);
  if (!state.expand_weights || !state.weights || (node.has_input(2) && !state.expand_bias) || (node.has_input(4) && !state.bias))
    return Resource(fmt::format("no memory to pack weights of {}", w.dims().ToString()));
  for (size_t i : {1, 2, 3, 4}) node.ReleaseConstant(i);
  return Status();
}

Status Run(KernelContext& context, const State& state) {
  const TensorView& x = context.input(0);
  if (x.dtype != DataType::kFloat || x.rank() != 4 || x.dims[1] != state.channels)
    return Invalid(fmt::format("X {} must be float with {} channels and two spatial axes", x.TypeString(), state.channels));
  Dims between = x.dims;
  between[1] = state.wide;
  kernels::ExpandedDepthwiseArguments a;
  ASSIGN_OR_RETURN(a.shape, kernels::PlanConv(between, state.depthwise_dims, state.wide, state.kernel_shape, state.attributes));
  ASSIGN_OR_RETURN(void* workspace, context.Workspace(kernels::ExpandedDepthwiseWorkspace(a.shape, context.thread_pool().threads())));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, a.shape.output));
  a.channels = state.channels;
  a.x = x.ptr<float>();
  a.expand_weights = state.expand_weights.get();
  a.expand_bias = state.expand_bias.get();
  a.expand_activation = state.expand_activation;
  a.weights = state.weights.get();
  a.bias = state.bias.get();
  a.activation = state.activation;
  a.y = y.mutable_ptr<float>();
  kernels::ExpandedDepthwise(a, workspace, context.thread_pool());
  return Status();
}

StatusOr<std::unique_ptr<Kernel>> Create(const NodeInfo& node) {
  State state;
  ASSIGN_OR_RETURN(state.attributes, ReadWindowAttributes(node));
  ASSIGN_OR_RETURN(state.activation, ReadConvActivation(node));
  ASSIGN_OR_RETURN(state.expand_activation, ReadConvActivation(node, "pointwise_"));
  state.kernel_shape = node.GetInts("kernel_shape");
  state.wide = node.constant(1)->dims()[0];
  state.channels = node.constant(1)->dims()[1];
  state.depthwise_dims = node.constant(3)->dims();
  RETURN_IF_ERROR(PackWeights(node, state));
  return MakeKernel([state = std::move(state)](KernelContext& context) { return Run(context, state); },
                    {.input_layouts = {Layout::kNchw16c}, .output_layout = Layout::kNchw16c});
}

constexpr KernelEntry kRows[] = {
    {"sardonyx", "PointwiseDepthwiseConv", "nchw16c", Declines, Create},
};

}  // namespace

std::span<const KernelEntry> ExpandedConvKernels() { return kRows; }

}  // namespace sardonyx::cpu
