// QLinearConv of uint8 images whose weights and quantization are known at load.
#include "kernels/conv/conv_u8.h"
#include "providers/cpu/bytes.h"
#include "providers/cpu/convolution.h"

namespace sardonyx::cpu {
namespace {

// Inputs: x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias.
constexpr size_t kX = 0, kXScale = 1, kXZero = 2, kW = 3, kWScale = 4, kWZero = 5, kYScale = 6, kYZero = 7, kBias = 8;

std::string Declines(const NodeInfo& node) {
  if (node.input_dtype(kX) != DataType::kUint8) return "x is not uint8";
  if (node.GetInt("channels_last") != 0) return "channels_last";
  SignedWeights weights;
  if (!weights.Read(node, kW, kWZero)) return "the weights are not known, or have zero points";
  const Dims& w = weights.dims();
  const int64_t groups = node.GetInt("group", 1);
  if (w.rank() < 3 || groups < 1 || w[0] % groups != 0 || w[0] == 0 || w[1] == 0) return "the weights' shape";
  if (groups > 1 && w[0] / groups < 8 && (w[1] != 1 || w[0] != groups || groups % 16 != 0 || w.Product(2, w.rank()) > 64))
    return "few outputs a group";
  ByteParameters x, y;
  const Tensor* y_zero = ConstantInput(node, kYZero);
  if (!y_zero || !ReadByteParameters(node, kXScale, kXZero, DataType::kUint8, &x) ||
      !ReadByteParameters(node, kYScale, kYZero, y_zero->dtype(), &y) || ChannelScales(node, kWScale, w[0], 1).empty())
    return "the quantization is not known";
  const Tensor* bias = ConstantInput(node, kBias);
  if (HasInput(node, kBias) && (!bias || bias->dtype() != DataType::kInt32 || bias->num_elements() != w[0])) return "the bias is not known";
  return "";
}

struct State {
  kernels::WindowAttributes attributes;
  std::vector<int64_t> kernel_shape;
  int64_t groups = 1;
  Dims weight_dims;
  kernels::ConvU8Weights weights;
  std::vector<int32_t> offsets;
  std::vector<float> scales;
  uint8_t x_zero = 0;
  int32_t y_zero = 0;
  DataType y_dtype = DataType::kUint8;
};

Status Run(KernelContext& context, const State& state) {
  const TensorView& x = context.input(kX);
  if (x.dtype != DataType::kUint8) return Invalid(fmt::format("x is {}, not uint8", x.TypeString()));
  kernels::ConvU8Arguments a;
  ASSIGN_OR_RETURN(a.shape, kernels::PlanConv(x.dims, state.weight_dims, state.groups, state.kernel_shape, state.attributes));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, state.y_dtype, a.shape.output));
  a.x = x.ptr<uint8_t>();
  a.x_zero_point = state.x_zero;
  a.weights = &state.weights;
  a.epilogue.kind = kernels::QuadEpilogue::Kind::kQuantize;
  a.epilogue.offsets = state.offsets.data();
  a.epilogue.scales = state.scales.data();
  a.epilogue.zero_point = state.y_zero;
  a.epilogue.is_signed = state.y_dtype == DataType::kInt8;
  a.y = y.data;
  ASSIGN_OR_RETURN(void* workspace, context.Workspace(kernels::ConvU8Workspace(a, context.thread_pool().threads())));
  kernels::ConvU8(a, workspace, context.thread_pool());
  return {};
}

StatusOr<std::unique_ptr<Kernel>> Create(const NodeInfo& node) {
  State state;
  ASSIGN_OR_RETURN(state.attributes, ReadWindowAttributes(node));
  state.kernel_shape = node.GetInts("kernel_shape");
  state.groups = node.GetInt("group", 1);
  SignedWeights weights;
  if (!weights.Read(node, kW, kWZero)) return Internal("weights that were there before");
  state.weight_dims = weights.dims();
  const int64_t outputs = state.weight_dims[0];
  state.weights = kernels::ConvU8Weights(weights.data(), state.groups, outputs / state.groups, state.weight_dims[1],
                                         state.weight_dims.Product(2, state.weight_dims.rank()), node.thread_pool());
  if (!state.weights.ok()) return Resource(fmt::format("no memory to pack weights of {}", state.weight_dims.ToString()));
  ByteParameters x, y;
  state.y_dtype = ConstantInput(node, kYZero)->dtype();
  ReadByteParameters(node, kXScale, kXZero, DataType::kUint8, &x);
  ReadByteParameters(node, kYScale, kYZero, state.y_dtype, &y);
  state.x_zero = static_cast<uint8_t>(x.zero_point);
  state.y_zero = y.zero_point;
  state.scales = ChannelScales(node, kWScale, outputs, x.scale / y.scale);
  const Tensor* bias = ConstantInput(node, kBias);
  state.offsets.resize(static_cast<size_t>(outputs + kernels::kQuadPanel));
  for (int64_t c = 0; c < outputs; ++c) {
    const uint32_t given = bias ? static_cast<uint32_t>(bias->data<int32_t>()[c]) : 0;  // sums wrap
    state.offsets[c] = static_cast<int32_t>(given - static_cast<uint32_t>(x.zero_point) * static_cast<uint32_t>(state.weights.sums()[c]));
  }
  node.ReleaseConstant(kW);
  return MakeLayoutKernel({kX}, runtime::Layout::kChannelsLast, [state = std::move(state)](KernelContext& context) { return Run(context, state); });
}

constexpr KernelEntry kRows[] = {
    {"", "QLinearConv", "uint8 channels last", Declines, Create},
    {"com.microsoft", "QLinearConv", "uint8 channels last", Declines, Create},
};

}  // namespace

std::span<const KernelEntry> ByteConvKernels() { return kRows; }

}  // namespace sardonyx::cpu
