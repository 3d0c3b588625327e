// MatMul, Gemm, and the fused forms of com.microsoft.
#include <fmt/format.h>

#include "kernels/gemm/matmul.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/matrix.h"
#include "providers/cpu/widened.h"
#include "providers/cpu/workspace.h"

namespace sardonyx::cpu {
namespace {

using kernels::Activation;
using kernels::MatMulF32Arguments;
using kernels::MatMulShape;

struct MatMulOptions {
  bool transpose_a = false, transpose_b = false;
  float alpha = 1;
};

Status RunMatMulF32(KernelContext& context, const MatMulOptions& options, const PackedOperand& packed) {
  const TensorView& a = context.input(0);
  const Dims& b_dims = packed.present() ? packed.dims : context.input(1).dims;
  MatMulF32Arguments m;
  ASSIGN_OR_RETURN(m.shape, kernels::PlanMatMul(a.dims, b_dims, options.transpose_a, options.transpose_b));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, m.shape.output));
  m.a = a.ptr<float>();
  m.transpose_a = options.transpose_a && a.rank() > 1;
  m.transpose_b = options.transpose_b && b_dims.rank() > 1;
  if (packed.present())
    m.packed_b = packed.data.get();
  else
    m.b = context.input(1).ptr<float>();
  m.y = y.mutable_ptr<float>();
  m.epilogue.scale = options.alpha;
  ASSIGN_OR_RETURN(void* workspace, context.Workspace(kernels::MatMulF32Workspace(m, context.thread_pool().threads())));
  kernels::MatMulF32(m, workspace, context.thread_pool());
  return Status();
}

template <class T>
Status RunMatMulGeneric(KernelContext& context, const MatMulOptions& options) {
  const TensorView &a = context.input(0), &b = context.input(1);
  ASSIGN_OR_RETURN(const MatMulShape shape, kernels::PlanMatMul(a.dims, b.dims, options.transpose_a, options.transpose_b));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataTypeOf<T>::value, shape.output));
  kernels::MatMulGeneric<T>(shape, a.ptr<T>(), b.ptr<T>(), options.transpose_a && a.rank() > 1, options.transpose_b && b.rank() > 1,
                            y.mutable_ptr<T>(), context.thread_pool());
  if (options.alpha != 1)
    for (T& value : y.as_mutable<T>()) value = static_cast<T>(value * options.alpha);
  return Status();
}

Status CheckSameTypes(const KernelContext& context, size_t first, size_t second) {
  if (context.input(first).dtype == context.input(second).dtype) return Status();
  return Invalid(fmt::format("inputs {} and {} differ in element type: {} and {}", first, second, context.input(first).TypeString(),
                             context.input(second).TypeString()));
}

StatusOr<std::unique_ptr<Kernel>> MakeMatMul(const NodeInfo& node, MatMulOptions options) {
  ASSIGN_OR_RETURN(PackedOperand packed, PackConstantOperand(node, 1, options.transpose_b));
  return MakeKernel([options, packed = std::move(packed)](KernelContext& context) -> Status {
    if (context.input(0).dtype == DataType::kFloat) {
      if (!packed.present()) RETURN_IF_ERROR(CheckSameTypes(context, 0, 1));
      return RunMatMulF32(context, options, packed);
    }
    RETURN_IF_ERROR(CheckSameTypes(context, 0, 1));
    return Dispatch<double, int32_t, int64_t, uint32_t, uint64_t>(context.input(0).dtype, "MatMul",
                                                                  [&]<class T>() { return RunMatMulGeneric<T>(context, options); });
  });
}

StatusOr<std::unique_ptr<Kernel>> CreateMatMul(const NodeInfo& node) { return MakeMatMul(node, {}); }

StatusOr<std::unique_ptr<Kernel>> CreateFusedMatMul(const NodeInfo& node) {
  if (node.GetInt("transBatchA") != 0 || node.GetInt("transBatchB") != 0) return Unsupported("FusedMatMul with transBatchA or transBatchB");
  return MakeMatMul(node, {node.GetInt("transA") != 0, node.GetInt("transB") != 0, node.GetFloat("alpha", 1)});
}

// ---- Gemm: Y[m,n] = activation(alpha * op(A) * op(B) + beta * C), C broadcast to [m,n].

struct GemmOptions {
  bool transpose_a = false, transpose_b = false;
  float alpha = 1, beta = 1;
  Activation activation;
};

// How C [m,n], [n], [1,n], [m,1], [1] or [] lies under Y: strides of its rows and columns.
struct BiasStrides {
  int64_t row = 0, column = 0;
};
StatusOr<BiasStrides> BroadcastBias(const Dims& c, int64_t m, int64_t n) {
  const int64_t columns = c.rank() >= 1 ? c.back() : 1, rows = c.rank() >= 2 ? c[c.rank() - 2] : 1;
  if (c.rank() > 2 || (columns != 1 && columns != n) || (rows != 1 && rows != m))
    return Invalid(fmt::format("C {} cannot be broadcast to [{},{}]", c.ToString(), m, n));
  return BiasStrides{rows == 1 ? 0 : columns, columns == 1 ? 0 : 1};
}

StatusOr<MatMulShape> PlanGemm(const Dims& a, const Dims& b, const GemmOptions& options) {
  if (a.rank() != 2 || b.rank() != 2) return Invalid(fmt::format("A {} and B {} must be matrices", a.ToString(), b.ToString()));
  return kernels::PlanMatMul(a, b, options.transpose_a, options.transpose_b);
}

Status RunGemmF32(KernelContext& context, const GemmOptions& options, const PackedOperand& packed) {
  const TensorView& a = context.input(0);
  const Dims& b_dims = packed.present() ? packed.dims : context.input(1).dims;
  ASSIGN_OR_RETURN(const MatMulShape shape, PlanGemm(a.dims, b_dims, options));
  const int64_t m = shape.m, n = shape.n, k = shape.k;
  kernels::GemmF32Arguments g{.m = m, .n = n, .k = k};
  g.a = {a.ptr<float>(), k, 1};
  if (options.transpose_a) g.a = {a.ptr<float>(), 1, m};
  if (packed.present())
    g.packed_b = packed.data.get();
  else
    g.b = options.transpose_b ? kernels::MatrixF32{context.input(1).ptr<float>(), 1, k}
                              : kernels::MatrixF32{context.input(1).ptr<float>(), n, 1};
  g.epilogue.scale = options.alpha;
  g.epilogue.bias_scale = options.beta;
  g.epilogue.activation = options.activation;

  WorkspacePlan plan;
  const size_t scratch = plan.Add(kernels::GemmF32Workspace(g, context.thread_pool().threads())), row = plan.AddArray<float>(n);
  ASSIGN_OR_RETURN(char* workspace, plan.Allocate(context));
  if (context.has_input(2)) {
    const TensorView& c = context.input(2);
    ASSIGN_OR_RETURN(const BiasStrides strides, BroadcastBias(c.dims, m, n));
    if (strides.column == 1) {
      g.epilogue.residual = c.ptr<float>();
      g.epilogue.residual_stride = strides.row;
    } else if (strides.row == 1) {
      g.epilogue.row_bias = c.ptr<float>();
    } else {
      float* repeated = reinterpret_cast<float*>(workspace + row);
      std::fill_n(repeated, n, c.ptr<float>()[0]);
      g.epilogue.column_bias = repeated;
    }
  }
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, shape.output));
  g.c = y.mutable_ptr<float>();
  g.c_stride = n;
  kernels::GemmF32(g, workspace + scratch, context.thread_pool());
  return Status();
}

template <class T>
Status RunGemmGeneric(KernelContext& context, const GemmOptions& options) {
  const TensorView &a = context.input(0), &b = context.input(1);
  ASSIGN_OR_RETURN(const MatMulShape shape, PlanGemm(a.dims, b.dims, options));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataTypeOf<T>::value, shape.output));
  kernels::MatMulGeneric<T>(shape, a.ptr<T>(), b.ptr<T>(), options.transpose_a, options.transpose_b, y.mutable_ptr<T>(),
                            context.thread_pool());
  // Factors of 1 must not send 64-bit integers through floating point.
  if (options.alpha != 1)
    for (T& value : y.as_mutable<T>()) value = static_cast<T>(static_cast<double>(options.alpha) * static_cast<double>(value));
  if (context.has_input(2)) {
    const TensorView& c = context.input(2);
    ASSIGN_OR_RETURN(const BiasStrides strides, BroadcastBias(c.dims, shape.m, shape.n));
    T* out = y.mutable_ptr<T>();
    for (int64_t i = 0; i < shape.m; ++i)
      for (int64_t j = 0; j < shape.n; ++j, ++out) {
        const T bias = c.ptr<T>()[i * strides.row + j * strides.column];
        *out = kernels::WrappingMulAdd<T>(
            T{1}, options.beta == 1 ? bias : static_cast<T>(static_cast<double>(options.beta) * static_cast<double>(bias)), *out);
      }
  }
  using kernels::ActivationKind;
  for (T& value : y.as_mutable<T>()) {
    if (options.activation.kind == ActivationKind::kNone) break;
    // Relu must not send 64-bit integers through floating point either.
    value = options.activation.kind == ActivationKind::kRelu
                ? std::max(value, T{0})
                : static_cast<T>(kernels::Activate(options.activation, static_cast<double>(value)));
  }
  return Status();
}

StatusOr<std::unique_ptr<Kernel>> MakeGemm(const NodeInfo& node, Activation activation) {
  const GemmOptions options{node.GetInt("transA") != 0, node.GetInt("transB") != 0, node.GetFloat("alpha", 1), node.GetFloat("beta", 1),
                            activation};
  ASSIGN_OR_RETURN(PackedOperand packed, PackConstantOperand(node, 1, options.transpose_b));
  return MakeKernel([options, packed = std::move(packed)](KernelContext& context) -> Status {
    const DataType dtype = context.input(0).dtype;
    if (!packed.present()) RETURN_IF_ERROR(CheckSameTypes(context, 0, 1));
    if (context.has_input(2)) RETURN_IF_ERROR(CheckSameTypes(context, 0, 2));
    if (dtype == DataType::kFloat) return RunGemmF32(context, options, packed);
    return Dispatch<double, int32_t, int64_t, uint32_t, uint64_t>(dtype, "Gemm",
                                                                  [&]<class T>() { return RunGemmGeneric<T>(context, options); });
  });
}

StatusOr<std::unique_ptr<Kernel>> CreateGemm(const NodeInfo& node) { return MakeGemm(node, {}); }

StatusOr<std::unique_ptr<Kernel>> CreateFusedGemm(const NodeInfo& node) {
  const std::string name = node.GetString("activation");
  std::optional<Activation> activation = kernels::ParseActivation(name);
  if (!activation) return Unsupported(fmt::format("FusedGemm with activation '{}'", name));
  activation->alpha = node.GetFloat("activation_alpha", activation->alpha);
  activation->beta = node.GetFloat("activation_beta", activation->beta);
  return MakeGemm(node, *activation);
}

constexpr KernelEntry kRows[] = {
    {"", "MatMul", "gemm", AcceptsAll, Widened<CreateMatMul>},
    {"", "Gemm", "gemm", AcceptsAll, Widened<CreateGemm>},
    {"com.microsoft", "FusedMatMul", "gemm", AcceptsAll, Widened<CreateFusedMatMul>},
    {"com.microsoft", "FusedGemm", "gemm", AcceptsAll, Widened<CreateFusedGemm>},
};

}  // namespace

std::span<const KernelEntry> MatMulKernels() { return kRows; }

}  // namespace sardonyx::cpu
