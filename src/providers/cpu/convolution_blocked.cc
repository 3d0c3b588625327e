// Conv, FusedConv and ConvTranspose of floats in blocks of 16 channels. Rows stand before those that compute on row-major tensors.
#include <algorithm>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

#include "kernels/conv/blocked_conv.h"
#include "kernels/conv/blocked_conv_transpose.h"
#include "kernels/conv/blocked_depthwise.h"
#include "kernels/conv/winograd.h"
#include "kernels/gemm/aligned_buffer.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/convolution.h"
#include "providers/cpu/prepared.h"
#include "providers/cpu/workspace.h"

namespace sardonyx::cpu {
namespace {

using kernels::ConvShape;
using kernels::Winograd;

struct State {
  kernels::WindowAttributes attributes;
  std::vector<int64_t> kernel_shape;
  int64_t groups = 1;
  kernels::Activation activation;
  Dims weight_dims;
  std::shared_ptr<const float> weights;  // packed
  bool depthwise = false;
  bool plain_x = false;
  Winograd winograd = Winograd::kNone;
};

bool IsDepthwise(const Dims& w, int64_t groups) { return groups > 1 && w[1] == 1 && w[0] == groups; }

// What convolutions and their transposes need: float weights that are known, of a shape that can be right.
std::string DeclinesWeights(const NodeInfo& node) {
  if (node.input_dtype(0) != DataType::kFloat) return fmt::format("dtype {}", DataTypeName(node.input_dtype(0)));
  const Tensor* w = node.constant(1);
  if (!w || w->dtype() != DataType::kFloat) return "weights are not constant floats";
  const int64_t groups = node.GetInt("group", 1);
  if (w->rank() < 3 || groups < 1 || w->dims()[0] % groups != 0 || w->num_elements() == 0) return "invalid";
  if (w->rank() > 2 + kernels::kWindowAxes) return fmt::format("{} spatial axes", w->rank() - 2);
  return "";
}

// What both forms of Conv need.
std::string DeclinesBlocked(const NodeInfo& node) {
  if (std::string reason = DeclinesWeights(node); !reason.empty()) return reason;
  const Tensor* w = node.constant(1);
  const int64_t groups = node.GetInt("group", 1);
  if (IsDepthwise(w->dims(), groups)) {
    if (w->dims().Product(2, w->rank()) / w->dims()[w->rank() - 1] > kernels::kMaxDepthwiseRows) return "many kernel rows";
  } else if (!kernels::FitsBlocks(groups, w->dims()[1], w->dims()[0] / groups)) {
    return fmt::format("{} groups of {} and {} channels", groups, w->dims()[1], w->dims()[0] / groups);
  }
  return "";
}

// SARDONYX_WINOGRAD=0: results as close as possible to plain sums.
bool AllowsWinograd() {
  const char* value = std::getenv("SARDONYX_WINOGRAD");
  return value == nullptr || std::string_view(value) != "0";
}

// By the shape of X as far as it is known: one image, and sizes in the middle of a network, where it is not.
Winograd FindWinograd(const NodeInfo& node, const State& state) {
  const ir::Type& type = node.input_type(0);
  if (state.depthwise || state.plain_x || !AllowsWinograd()) return Winograd::kNone;
  Dims x(state.weight_dims.rank(), 32);
  x[0] = 1;
  if (type.is_tensor() && type.shape && type.shape->rank() == x.rank())
    for (size_t i = 0; i < x.rank(); ++i)
      if ((*type.shape)[i].is_constant()) x[i] = (*type.shape)[i].value();
  x[1] = state.weight_dims[1] * state.groups;
  const StatusOr<ConvShape> shape = kernels::PlanConv(x, state.weight_dims, state.groups, state.kernel_shape, state.attributes);
  return shape.ok() ? kernels::ChooseWinograd(*shape) : Winograd::kNone;  // what is wrong is said when the node runs
}

Status PackWeights(const NodeInfo& node, State& state) {
  const Tensor& w = *node.constant(1);
  const int64_t outputs = w.dims()[0], channels = w.dims()[1], taps = w.dims().Product(2, w.rank());
  const float* data = w.data<float>().data();
  const int64_t size = state.depthwise                         ? kernels::PackedDepthwiseWeightsSize(outputs, taps)
                       : state.winograd != Winograd::kNone ? kernels::WinogradWeightsSize(state.winograd, outputs, channels)
                                                           : kernels::PackedBlockedWeightsSize(state.groups, outputs / state.groups, channels, taps);
  state.weights = PreparedFloats(node, size, [&](float* to) {
    if (state.depthwise)
      kernels::PackDepthwiseWeights(data, outputs, taps, to);
    else if (state.winograd != Winograd::kNone)
      kernels::TransformWinogradWeights(state.winograd, data, outputs, channels, to, node.thread_pool());
    else
      kernels::PackBlockedWeights(data, state.groups, outputs / state.groups, channels, taps, to, node.thread_pool());
  });
  if (!state.weights) return Resource(fmt::format("no memory to pack weights of {}", w.dims().ToString()));
  node.ReleaseConstant(1);
  return Status();
}

// The bias in whole blocks: the input itself, or a copy of it at `copy`. Null without one.
int64_t BiasCopy(const KernelContext& context, int64_t outputs) {
  return context.has_input(2) && outputs % kernels::kChannelBlock != 0 ? kernels::ChannelBlocks(outputs) * kernels::kChannelBlock : 0;
}
const float* WholeBias(const KernelContext& context, int64_t outputs, float* copy) {
  if (!context.has_input(2)) return nullptr;
  const float* bias = context.input(2).ptr<float>();
  const int64_t padded = BiasCopy(context, outputs);
  if (padded == 0) return bias;
  std::fill(std::copy_n(bias, outputs, copy), copy + padded, 0.0f);
  return copy;
}

// What the kernels of convolution are all given, apart from weights and input.
struct Operands {
  const float* bias = nullptr;
  const float* residual = nullptr;
  float* y = nullptr;
  char* workspace = nullptr;
};

// Checks and finds the operands; `scratch` is what the kernel itself needs as workspace.
StatusOr<Operands> Prepare(KernelContext& context, const ConvShape& s, size_t scratch) {
  Operands operands;
  const int64_t outputs = s.groups * s.outputs;
  if (context.has_input(2)) RETURN_IF_ERROR(kernels::CheckConvBias(s, context.input(2).dims));
  if (context.has_input(3)) {  // Z of FusedConv
    const TensorView& z = context.input(3);
    if (z.dtype != DataType::kFloat || !(z.dims == s.output))
      return Invalid(fmt::format("Z {} must have the type and dims of Y {}", z.TypeString(), s.output.ToString()));
    operands.residual = z.ptr<float>();
  }
  WorkspacePlan plan;
  const size_t at = plan.Add(scratch), bias = plan.AddArray<float>(BiasCopy(context, outputs));
  ASSIGN_OR_RETURN(char* memory, plan.Allocate(context));
  operands.workspace = memory + at;
  operands.bias = WholeBias(context, outputs, reinterpret_cast<float*>(memory + bias));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, s.output));
  operands.y = y.mutable_ptr<float>();
  return operands;
}

Status Run(KernelContext& context, const State& state) {
  const TensorView& x = context.input(0);
  if (x.dtype != DataType::kFloat) return Unsupported(fmt::format("X was expected to be float, but is {}", x.TypeString()));
  ASSIGN_OR_RETURN(const ConvShape s, kernels::PlanConv(x.dims, state.weight_dims, state.groups, state.kernel_shape, state.attributes));
  if (state.depthwise) {
    ASSIGN_OR_RETURN(const Operands operands, Prepare(context, s, 0));
    kernels::BlockedDepthwise({.shape = s,
                               .x = x.ptr<float>(),
                               .weights = state.weights.get(),
                               .bias = operands.bias,
                               .residual = operands.residual,
                               .activation = state.activation,
                               .y = operands.y},
                              context.thread_pool());
    return Status();
  }
  const int threads = context.thread_pool().threads();
  if (state.winograd != Winograd::kNone) {
    ASSIGN_OR_RETURN(const Operands operands, Prepare(context, s, kernels::WinogradWorkspace(state.winograd, s, threads)));
    kernels::WinogradConv({.form = state.winograd,
                           .shape = s,
                           .x = x.ptr<float>(),
                           .weights = state.weights.get(),
                           .bias = operands.bias,
                           .residual = operands.residual,
                           .activation = state.activation,
                           .y = operands.y},
                          operands.workspace, context.thread_pool());
    return Status();
  }
  ASSIGN_OR_RETURN(const Operands operands, Prepare(context, s, kernels::BlockedConvWorkspace(s, state.plain_x, threads)));
  kernels::BlockedConv({.shape = s,
                        .x = x.ptr<float>(),
                        .plain_x = state.plain_x,
                        .weights = state.weights.get(),
                        .bias = operands.bias,
                        .residual = operands.residual,
                        .activation = state.activation,
                        .y = operands.y},
                       operands.workspace, context.thread_pool());
  return Status();
}

StatusOr<std::unique_ptr<Kernel>> CreateBlockedConv(const NodeInfo& node) {
  State state;
  ASSIGN_OR_RETURN(state.attributes, ReadWindowAttributes(node));
  ASSIGN_OR_RETURN(state.activation, ReadConvActivation(node));
  state.kernel_shape = node.GetInts("kernel_shape");
  state.groups = node.GetInt("group", 1);
  state.weight_dims = node.constant(1)->dims();
  state.depthwise = IsDepthwise(state.weight_dims, state.groups);
  // A network's input has few channels: most of a block would be empty.
  state.plain_x = !state.depthwise && state.groups == 1 && state.weight_dims[1] < kernels::kChannelBlock &&
                  node.input_layout(0) == Layout::kPlain && (state.attributes.dilations.empty() || state.attributes.dilations.back() == 1);
  state.winograd = FindWinograd(node, state);
  RETURN_IF_ERROR(PackWeights(node, state));
  KernelTraits traits{.in_place = {{0, 3}}, .output_layout = Layout::kNchw16c};
  traits.input_layouts = {state.plain_x ? Layout::kPlain : Layout::kNchw16c, Layout::kPlain,
                          Layout::kPlain, Layout::kNchw16c};
  return MakeKernel([state = std::move(state)](KernelContext& context) { return Run(context, state); }, std::move(traits));
}

// ---- ConvTranspose

struct TransposeState : ConvTransposeNode {
  Dims weight_dims;
  std::shared_ptr<const float> weights;
};

std::string DeclinesBlockedTranspose(const NodeInfo& node) {
  if (std::string reason = DeclinesWeights(node); !reason.empty()) return reason;
  const Tensor* w = node.constant(1);
  const int64_t groups = node.GetInt("group", 1);
  double phases = 1;  // which are computed one by one
  for (int64_t stride : node.GetInts("strides")) phases *= static_cast<double>(stride);
  if (!(phases >= 1 && phases <= 64)) return "large strides";
  if (kernels::FitsBlocks(groups, w->dims()[0] / groups, w->dims()[1])) return "";
  return fmt::format("{} groups of {} and {} channels", groups, w->dims()[0] / groups, w->dims()[1]);
}

Status RunTranspose(KernelContext& context, const TransposeState& state) {
  const TensorView& x = context.input(0);
  if (x.dtype != DataType::kFloat) return Unsupported(fmt::format("X was expected to be float, but is {}", x.TypeString()));
  ASSIGN_OR_RETURN(const kernels::ConvTransposeShape s,
                   kernels::PlanConvTranspose(x.dims, state.weight_dims, state.groups, state.kernel_shape, state.attributes));
  const int64_t outputs = s.groups * s.outputs;
  if (context.has_input(2) && !(context.input(2).dims == Dims{outputs}))
    return Invalid(fmt::format("bias {} must be [{}]", context.input(2).dims.ToString(), outputs));
  WorkspacePlan plan;
  const size_t scratch = plan.Add(kernels::BlockedConvTransposeWorkspace(s, context.thread_pool().threads()));
  const size_t bias = plan.AddArray<float>(BiasCopy(context, outputs));
  ASSIGN_OR_RETURN(char* memory, plan.Allocate(context));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, s.output));
  kernels::BlockedConvTranspose({.shape = s,
                                 .x = x.ptr<float>(),
                                 .weights = state.weights.get(),
                                 .bias = WholeBias(context, outputs, reinterpret_cast<float*>(memory + bias)),
                                 .y = y.mutable_ptr<float>()},
                                memory + scratch, context.thread_pool());
  return Status();
}

StatusOr<std::unique_ptr<Kernel>> CreateBlockedTranspose(const NodeInfo& node) {
  TransposeState state;
  ASSIGN_OR_RETURN(static_cast<ConvTransposeNode&>(state), ReadConvTranspose(node));
  const Tensor& w = *node.constant(1);
  state.weight_dims = w.dims();
  const std::span<const int64_t> kernel = std::span<const int64_t>(w.dims()).subspan(2);
  ASSIGN_OR_RETURN(const kernels::Window window, kernels::MakeWindowAxes(state.attributes.window, kernel, kernel));
  const int64_t channels = w.dims()[0] / state.groups;
  state.weights = PreparedFloats(
      node, kernels::PackedBlockedWeightsSize(state.groups, w.dims()[1], channels, window.kernel_size()), [&](float* to) {
        kernels::PackBlockedTransposeWeights(window, w.data<float>().data(), state.groups, w.dims()[1], channels, to);
      });
  if (!state.weights) return Resource(fmt::format("no memory to pack weights of {}", w.dims().ToString()));
  node.ReleaseConstant(1);
  return MakeKernel([state = std::move(state)](KernelContext& context) { return RunTranspose(context, state); },
                    {.input_layouts = {Layout::kNchw16c}, .output_layout = Layout::kNchw16c});
}

constexpr KernelEntry kRows[] = {
    {"", "Conv", "nchw16c", DeclinesBlocked, CreateBlockedConv},
    {"com.microsoft", "FusedConv", "nchw16c", DeclinesBlocked, CreateBlockedConv},
    {"", "ConvTranspose", "nchw16c", DeclinesBlockedTranspose, CreateBlockedTranspose},
};

}  // namespace

std::span<const KernelEntry> BlockedConvKernels() { return kRows; }

}  // namespace sardonyx::cpu
