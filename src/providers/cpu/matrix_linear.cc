// Linear: Y = activation(X W + bias + residual), a product by one matrix of weights with all that stands behind it.
#include <fmt/format.h>

#include "kernels/gemm/matmul.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/matrix.h"
#include "providers/cpu/widened.h"

namespace sardonyx::cpu {
namespace {

using kernels::Activation;

struct LinearState {
  bool transpose_w = false;
  Activation activation;
  PackedOperand packed;
};

// X [..., K], W [K, N], bias [N], residual as Y [..., N]. The rows of X are one matrix.
Status RunLinear(KernelContext& context, const LinearState& state) {
  const TensorView& x = context.input(0);
  if (x.dtype != DataType::kFloat) return Unsupported(fmt::format("Linear is not implemented for {}", DataTypeName(x.dtype)));
  const Dims& w_dims = state.packed.present() ? state.packed.dims : context.input(1).dims;
  if (w_dims.rank() != 2 || x.rank() < 1)
    return Invalid(fmt::format("W {} must be a matrix, and X {} no scalar", w_dims.ToString(), x.dims.ToString()));
  const int64_t k = w_dims[state.transpose_w ? 1 : 0], n = w_dims[state.transpose_w ? 0 : 1];
  if (x.dims.back() != k) return Invalid(fmt::format("X {} and W {} do not fit", x.dims.ToString(), w_dims.ToString()));
  Dims y_dims = x.dims;
  y_dims[y_dims.rank() - 1] = n;
  kernels::GemmF32Arguments g{.m = x.dims.Product(0, x.rank() - 1), .n = n, .k = k};
  g.a = {x.ptr<float>(), k, 1};
  if (state.packed.present()) {
    g.packed_b = state.packed.data.get();
    g.packed_b_half = state.packed.half.get();
  } else {
    const float* w = context.input(1).ptr<float>();
    g.b = state.transpose_w ? kernels::MatrixF32{w, 1, k} : kernels::MatrixF32{w, n, 1};
  }
  if (context.has_input(2)) {
    if (!(context.input(2).dims == Dims{n})) return Invalid(fmt::format("bias {} must be [{}]", context.input(2).dims.ToString(), n));
    g.epilogue.column_bias = context.input(2).ptr<float>();
  }
  if (context.has_input(3)) {
    if (!(context.input(3).dims == y_dims))
      return Invalid(fmt::format("residual {} must be {}", context.input(3).dims.ToString(), y_dims.ToString()));
    g.epilogue.residual = context.input(3).ptr<float>();
    g.epilogue.residual_stride = n;
  }
  g.epilogue.activation = state.activation;
  ASSIGN_OR_RETURN(void* workspace, context.Workspace(kernels::GemmF32Workspace(g, context.thread_pool().threads())));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, y_dims));
  g.c = y.mutable_ptr<float>();
  g.c_stride = n;
  kernels::GemmF32(g, workspace, context.thread_pool());
  return Status();
}

StatusOr<std::unique_ptr<Kernel>> CreateLinear(const NodeInfo& node) {
  LinearState state;
  state.transpose_w = node.GetInt("transW") != 0;
  const std::string name = node.GetString("activation");
  const std::optional<Activation> activation = kernels::ParseActivation(name);
  if (!activation) return Unsupported(fmt::format("Linear with activation '{}'", name));
  state.activation = *activation;
  const std::vector<float> parameters = node.GetFloats("activation_params");
  if (!parameters.empty()) state.activation.alpha = parameters[0];
  if (parameters.size() > 1) state.activation.beta = parameters[1];
  ASSIGN_OR_RETURN(state.packed, PackConstantOperand(node, 1, state.transpose_w));
  return MakeKernel([state = std::move(state)](KernelContext& context) { return RunLinear(context, state); });
}

// Weights of float16 beside rows of float stay as they are.
StatusOr<std::unique_ptr<Kernel>> CreateAnyLinear(const NodeInfo& node) {
  const bool half_weights = node.input_dtype(0) == DataType::kFloat && node.input_dtype(1) == DataType::kFloat16 && node.constant(1);
  return half_weights ? CreateLinear(node) : CreateWidened(node, CreateLinear);
}

constexpr KernelEntry kRows[] = {
    {"sardonyx", "Linear", "gemm", AcceptsAll, CreateAnyLinear},
};

}  // namespace

std::span<const KernelEntry> LinearKernels() { return kRows; }

}  // namespace sardonyx::cpu
