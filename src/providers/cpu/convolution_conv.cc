// Conv, FusedConv, ConvTranspose.
#include <fmt/format.h>

#include "kernels/conv/conv.h"
#include "kernels/conv/conv_transpose.h"
#include "kernels/gemm/aligned_buffer.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/convolution.h"
#include "providers/cpu/convolution_gather.h"
#include "providers/cpu/widened.h"
#include "providers/cpu/workspace.h"

namespace sardonyx::cpu {
namespace {

using kernels::Activation;
using kernels::AlignedBuffer;
using kernels::ConvShape;
using kernels::WindowAttributes;

struct ConvState {
  WindowAttributes attributes;
  std::vector<int64_t> kernel_shape;
  int64_t groups = 1;
  Activation activation;
  Dims weight_dims;             // of packed weights
  AlignedBuffer<float> packed;  // constant weights, packed at load
};

// Weights are packed when they are known and the products read them packed (a depthwise convolution does not).
Status PackWeights(const NodeInfo& node, ConvState& state) {
  const Tensor* w = node.constant(1);
  if (!w || w->dtype() != DataType::kFloat || w->rank() < 3 || state.groups < 1 || w->dims()[0] % state.groups != 0) return Status();
  const Dims& dims = w->dims();
  if (dims[1] == 1 && state.groups > 1) return Status();
  state.packed = AlignedBuffer<float>(dims.num_elements());
  if (!state.packed) return Resource(fmt::format("no memory to pack weights of {}", dims.ToString()));
  state.weight_dims = dims;
  kernels::PackConvWeightsF32(w->data<float>().data(), state.groups, dims[0] / state.groups, dims.Product(1, dims.rank()),
                              state.packed.data(), node.thread_pool());
  node.ReleaseConstant(1);
  return Status();
}

Status RunConvF32(KernelContext& context, const ConvState& state) {
  const TensorView& x = context.input(0);
  const Dims& w_dims = state.packed ? state.weight_dims : context.input(1).dims;
  kernels::ConvF32Arguments a;
  ASSIGN_OR_RETURN(a.shape, kernels::PlanConv(x.dims, w_dims, state.groups, state.kernel_shape, state.attributes));
  const ConvShape& s = a.shape;
  if (context.has_input(2)) {
    RETURN_IF_ERROR(kernels::CheckConvBias(s, context.input(2).dims));
    a.bias = context.input(2).ptr<float>();
  }
  if (context.has_input(3)) {  // Z of FusedConv
    if (!(context.input(3).dims == s.output))
      return Invalid(fmt::format("Z {} must have the dims of Y {}", context.input(3).dims.ToString(), s.output.ToString()));
    a.residual = context.input(3).ptr<float>();
  }
  const bool pack_now = !state.packed && !s.is_depthwise();
  WorkspacePlan plan;
  const size_t scratch = plan.Add(kernels::ConvF32Workspace(s, context.thread_pool().threads()));
  const size_t weights = plan.AddArray<float>(pack_now ? w_dims.num_elements() : 0);
  ASSIGN_OR_RETURN(char* workspace, plan.Allocate(context));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, s.output));
  if (pack_now) {
    float* packed = reinterpret_cast<float*>(workspace + weights);
    kernels::PackConvWeightsF32(context.input(1).ptr<float>(), s.groups, s.outputs, s.depth(), packed, context.thread_pool());
    a.packed_w = packed;
  } else {
    a.packed_w = state.packed.data();
    if (!state.packed) a.w = context.input(1).ptr<float>();
  }
  a.x = x.ptr<float>();
  a.y = y.mutable_ptr<float>();
  a.activation = state.activation;
  kernels::ConvF32(a, workspace + scratch, context.thread_pool());
  return Status();
}

// Z, if there is one, and the activation of FusedConv, which RunConvF32 leaves to the products.
void FinishDouble(const Activation& activation, const double* residual, std::span<double> y) {
  if (residual == nullptr && activation.kind == kernels::ActivationKind::kNone) return;
  for (size_t i = 0; i < y.size(); ++i) y[i] = kernels::Activate(activation, y[i] + (residual != nullptr ? residual[i] : 0));
}

Status RunConvDouble(KernelContext& context, const ConvState& state) {
  const TensorView &x = context.input(0), &w = context.input(1);
  ASSIGN_OR_RETURN(const ConvShape s, kernels::PlanConv(x.dims, w.dims, state.groups, state.kernel_shape, state.attributes));
  if (context.has_input(2)) RETURN_IF_ERROR(kernels::CheckConvBias(s, context.input(2).dims));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kDouble, s.output));
  kernels::ConvGeneric<double>(s, x.ptr<double>(), w.ptr<double>(), context.has_input(2) ? context.input(2).ptr<double>() : nullptr,
                               y.mutable_ptr<double>(), context.thread_pool());
  const bool has_residual = context.has_input(3);
  if (has_residual && !(context.input(3).dims == s.output))
    return Invalid(fmt::format("Z {} must have the dims of Y {}", context.input(3).dims.ToString(), s.output.ToString()));
  FinishDouble(state.activation, has_residual ? context.input(3).ptr<double>() : nullptr, y.as_mutable<double>());
  return Status();
}

// Conv and FusedConv.
StatusOr<std::unique_ptr<Kernel>> CreateConv(const NodeInfo& node) {
  ConvState state;
  ASSIGN_OR_RETURN(state.attributes, ReadWindowAttributes(node));
  state.kernel_shape = node.GetInts("kernel_shape");
  state.groups = node.GetInt("group", 1);
  ASSIGN_OR_RETURN(state.activation, ReadConvActivation(node));
  RETURN_IF_ERROR(PackWeights(node, state));
  return MakeKernel([state = std::move(state)](KernelContext& context) -> Status {
    switch (context.input(0).dtype) {
      case DataType::kFloat:
        return RunConvF32(context, state);
      case DataType::kDouble:
        return RunConvDouble(context, state);
      default:
        return Unsupported(fmt::format("Conv is not implemented for {}", DataTypeName(context.input(0).dtype)));
    }
  });
}

// ---- ConvTranspose

template <class T>
Status RunConvTranspose(KernelContext& context, const ConvTransposeNode& state) {
  const TensorView &x = context.input(0), &w = context.input(1);
  ASSIGN_OR_RETURN(const kernels::ConvTransposeShape s,
                   kernels::PlanConvTranspose(x.dims, w.dims, state.groups, state.kernel_shape, state.attributes));
  const T* bias = nullptr;
  if (context.has_input(2)) {
    const TensorView& b = context.input(2);
    if (b.rank() != 1 || b.dims[0] != s.groups * s.outputs)
      return Invalid(fmt::format("bias {} must be [{}]", b.dims.ToString(), s.groups * s.outputs));
    bias = b.ptr<T>();
  }
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataTypeOf<T>::value, s.output));
  ASSIGN_OR_RETURN(void* workspace, context.Workspace(kernels::ConvTransposeWorkspace<T>(s)));
  kernels::ConvTranspose<T>(s, x.ptr<T>(), w.ptr<T>(), bias, y.mutable_ptr<T>(), workspace, context.thread_pool());
  return Status();
}

StatusOr<std::unique_ptr<Kernel>> CreateConvTranspose(const NodeInfo& node) {
  ASSIGN_OR_RETURN(ConvTransposeNode state, ReadConvTranspose(node));
  return MakeKernel([state = std::move(state)](KernelContext& context) {
    return Dispatch<float, double>(context.input(0).dtype, "ConvTranspose", [&]<class T>() { return RunConvTranspose<T>(context, state); });
  });
}

constexpr KernelEntry kRows[] = {
    {"", "Conv", "im2col", AcceptsAll, Widened<CreateConv>},
    {"com.microsoft", "FusedConv", "im2col", AcceptsAll, Widened<CreateConv>},
    {"", "ConvTranspose", "col2im", AcceptsAll, Widened<CreateConvTranspose>},
    {"", "DeformConv", "gather", AcceptsAll, Widened<CreateDeformConv>},
    {"", "Col2Im", "col2im", AcceptsAll, Widened<CreateCol2Im>},
    {"", "CausalConvWithState", "direct", AcceptsAll, Widened<CreateCausalConvWithState>},
};

}  // namespace

std::span<const KernelEntry> ConvKernels() { return kRows; }

}  // namespace sardonyx::cpu
