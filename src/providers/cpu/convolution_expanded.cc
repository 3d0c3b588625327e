// PointwiseDepthwiseConv: a pointwise convolution and the depthwise one behind it, in blocks of 16 channels.
#include <algorithm>

#include <fmt/format.h>

#include "kernels/conv/blocked_conv.h"
#include "kernels/conv/blocked_depthwise.h"
#include "kernels/conv/blocked_expanded.h"
#include "kernels/gemm/aligned_buffer.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/convolution.h"

namespace sardonyx::cpu {
namespace {

using kernels::AlignedBuffer;

struct State {
  kernels::WindowAttributes attributes;
  std::vector<int64_t> kernel_shape;
  int64_t channels = 0, wide = 0;  // of X, and of Y
  kernels::Activation expand_activation, activation;
  Dims depthwise_dims;
  AlignedBuffer<float> expand_weights, weights, expand_bias, bias;
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
Status CopyBias(const NodeInfo& node, size_t input, AlignedBuffer<float>& bias) {
  if (!node.has_input(input)) return Status();
  const Tensor& constant = *node.constant(input);
  const int64_t padded = kernels::ChannelBlocks(constant.num_elements()) * kernels::kChannelBlock;
  bias = AlignedBuffer<float>(padded);
  if (!bias) return Resource("no memory for a bias in blocks");
  std::fill(std::copy_n(constant.data<float>().data(), constant.num_elements(), bias.data()), bias.data() + padded, 0.0f);
  node.ReleaseConstant(input);
  return Status();
}

Status PackWeights(const NodeInfo& node, State& state) {
  const Tensor &w = *node.constant(1), &v = *node.constant(3);
  const int64_t taps = v.dims()[2] * v.dims()[3];
  state.expand_weights = AlignedBuffer<float>(kernels::PackedBlockedWeightsSize(1, state.wide, state.channels, 1));
  state.weights = AlignedBuffer<float>(kernels::PackedDepthwiseWeightsSize(state.wide, taps));
  if (!state.expand_weights || !state.weights) return Resource(fmt::format("no memory to pack weights of {}", w.dims().ToString()));
  kernels::PackBlockedWeights(w.data<float>().data(), 1, state.wide, state.channels, 1, state.expand_weights.data(), node.thread_pool());
  kernels::PackDepthwiseWeights(v.data<float>().data(), state.wide, taps, state.weights.data());
  node.ReleaseConstant(1);
  node.ReleaseConstant(3);
  RETURN_IF_ERROR(CopyBias(node, 2, state.expand_bias));
  return CopyBias(node, 4, state.bias);
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
  a.expand_weights = state.expand_weights.data();
  a.expand_bias = state.expand_bias ? state.expand_bias.data() : nullptr;
  a.expand_activation = state.expand_activation;
  a.weights = state.weights.data();
  a.bias = state.bias ? state.bias.data() : nullptr;
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
