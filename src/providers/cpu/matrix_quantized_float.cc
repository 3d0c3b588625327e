#include <fmt/format.h>

#include "kernels/gemm/gemm_nbits.h"
#include "kernels/gemm/matmul.h"
#include "kernels/gemm/matmul_i8.h"
#include "kernels/quantize/quantize.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/matrix.h"
#include "providers/cpu/matrix_quantized.h"
#include "providers/cpu/workspace.h"

namespace sardonyx::cpu {
namespace {

using kernels::AlignedBuffer;

// f.template operator()<T>() with the element type of an operand.
template <class F>
Status DispatchOperand(DataType dtype, F&& f) {
  return Dispatch<int8_t, uint8_t, Float8E4M3FN, Float8E4M3FNUZ, Float8E5M2, Float8E5M2FNUZ>(dtype, "QLinearMatMul", std::forward<F>(f));
}

Status CheckScale(const TensorView& x, const TensorView& scale, const TensorView& zero) {
  if (scale.dtype != DataType::kFloat || scale.num_elements() != 1 || zero.num_elements() != 1)
    return Unsupported("float8 products with scales that are not one float");
  return zero.dtype == x.dtype ? Status() : Invalid(fmt::format("a zero point {} for {}", zero.TypeString(), x.TypeString()));
}

// x less its zero point, times its scale.
Status Dequantize(const TensorView& x, const TensorView& scale, const TensorView& zero, float* out) {
  RETURN_IF_ERROR(CheckScale(x, scale, zero));
  return DispatchOperand(x.dtype, [&]<class T>() -> Status {
    const float factor = scale.ptr<float>()[0], origin = static_cast<float>(zero.ptr<T>()[0]);
    for (int64_t i = 0; i < x.num_elements(); ++i) out[i] = (static_cast<float>(x.ptr<T>()[i]) - origin) * factor;
    return Status();
  });
}

// The reverse.
template <class T>
T Quantized(float x, float scale, float origin, DataType dtype) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(kernels::Saturated(x / scale, origin, kernels::RangeOf(dtype)));
  else
    return T(x / scale + origin);
}

}  // namespace

Status RunQLinearMatMulFloat8(KernelContext& context) {
  const TensorView &a = context.input(0), &b = context.input(3), &y_scale = context.input(6), &y_zero = context.input(7);
  kernels::MatMulF32Arguments m;
  ASSIGN_OR_RETURN(m.shape, kernels::PlanMatMul(a.dims, b.dims));
  if (y_scale.dtype != DataType::kFloat || y_scale.num_elements() != 1 || y_zero.num_elements() != 1)
    return Unsupported("QLinearMatMul whose y_scale is not one float");
  WorkspacePlan plan;
  const size_t a_floats = plan.AddArray<float>(a.num_elements()), b_floats = plan.AddArray<float>(b.num_elements());
  const size_t product = plan.AddArray<float>(m.shape.output.num_elements());
  const size_t scratch = plan.Add(kernels::MatMulF32Workspace(m, context.thread_pool().threads()));
  ASSIGN_OR_RETURN(char* workspace, plan.Allocate(context));
  RETURN_IF_ERROR(Dequantize(a, context.input(1), context.input(2), reinterpret_cast<float*>(workspace + a_floats)));
  RETURN_IF_ERROR(Dequantize(b, context.input(4), context.input(5), reinterpret_cast<float*>(workspace + b_floats)));
  m.a = reinterpret_cast<const float*>(workspace + a_floats);
  m.b = reinterpret_cast<const float*>(workspace + b_floats);
  m.y = reinterpret_cast<float*>(workspace + product);
  kernels::MatMulF32(m, workspace + scratch, context.thread_pool());
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, y_zero.dtype, m.shape.output));
  const float scale = y_scale.ptr<float>()[0];
  return DispatchOperand(y_zero.dtype, [&]<class T>() -> Status {
    const float origin = static_cast<float>(y_zero.ptr<T>()[0]);
    for (int64_t i = 0; i < y.num_elements(); ++i) y.mutable_ptr<T>()[i] = Quantized<T>(m.y[i], scale, origin, y_zero.dtype);
    return Status();
  });
}

namespace {

struct NBitsState {
  int64_t n = 0, k = 0, bits = 4, block_size = 32;
  AlignedBuffer<float> packed;   // weights as floats, when all of their parts are constant but blocks are shuffled (g_idx)
  AlignedBuffer<uint8_t> codes;  // else weights that stay in their few bits
  kernels::PackedNBits layout;   // of `codes`
};

// Checks the sizes of the parts; pointers are set as the dtypes allow.
StatusOr<kernels::BlockwiseWeights> ReadWeights(const NBitsState& state, const TensorView& b, const TensorView& scales,
                                                const TensorView* zeros, const TensorView* groups) {
  kernels::BlockwiseWeights w{.n = state.n, .k = state.k, .bits = state.bits, .block_size = state.block_size};
  if (b.dtype != DataType::kUint8 || b.num_elements() != w.n * w.blocks() * w.block_bytes())
    return Invalid(fmt::format("B {} must hold {} x {} x {} bytes", b.TypeString(), w.n, w.blocks(), w.block_bytes()));
  if (scales.dtype != DataType::kFloat || scales.num_elements() != w.n * w.blocks())
    return Invalid(fmt::format("scales {} must be {} x {} floats", scales.TypeString(), w.n, w.blocks()));
  w.data = b.ptr<uint8_t>();
  w.scales = scales.ptr<float>();
  if (groups) {
    if (groups->dtype != DataType::kInt32 || groups->num_elements() < w.k)
      return Invalid(fmt::format("g_idx {} must be [{}]", groups->TypeString(), w.k));
    for (int32_t block : groups->as<int32_t>().first(static_cast<size_t>(w.k)))
      if (block < 0 || block >= w.blocks()) return Invalid(fmt::format("g_idx holds {} of {} blocks", block, w.blocks()));
    w.block_of = groups->ptr<int32_t>();
  }
  if (!zeros) return w;
  const bool packed = zeros->dtype == DataType::kUint8;
  if ((!packed && zeros->dtype != DataType::kFloat) || zeros->num_elements() != w.n * (packed ? w.zero_point_bytes() : w.blocks()))
    return Invalid(fmt::format("zero_points {} do not fit {} x {} blocks", zeros->TypeString(), w.n, w.blocks()));
  if (packed)
    w.zero_points = zeros->ptr<uint8_t>();
  else
    w.float_zero_points = zeros->ptr<float>();
  return w;
}

TensorView ViewOf(const Tensor& tensor) { return {tensor.dtype(), tensor.dims(), const_cast<void*>(tensor.raw_data())}; }

Status PackNBits(const NodeInfo& node, NBitsState& state) {
  const Tensor *b = node.constant(1), *scales = node.constant(2);
  const bool has_zeros = node.has_input(3), has_groups = node.has_input(4);
  const Tensor* zeros = has_zeros ? node.constant(3) : nullptr;
  const Tensor* groups = has_groups ? node.constant(4) : nullptr;
  if (!b || !scales || (has_zeros && !zeros) || (has_groups && !groups)) return Status();
  TensorView zeros_view, groups_view;
  if (zeros) zeros_view = ViewOf(*zeros);
  if (groups) groups_view = ViewOf(*groups);
  ASSIGN_OR_RETURN(const kernels::BlockwiseWeights weights,
                   ReadWeights(state, ViewOf(*b), ViewOf(*scales), zeros ? &zeros_view : nullptr, groups ? &groups_view : nullptr));
  if (!weights.block_of) {
    state.layout = kernels::PlanNBits(weights);
    state.codes = AlignedBuffer<uint8_t>(state.layout.bytes());
    if (!state.codes) return Resource(fmt::format("no memory for weights of {} x {}", state.n, state.k));
    kernels::PackNBits(weights, state.layout, state.codes.data(), node.thread_pool());
    state.layout.data = state.codes.data();
    for (size_t i : {1, 2, 3})
      if (node.has_input(i)) node.ReleaseConstant(i);
    return Status();
  }
  AlignedBuffer<float> rows(state.n * state.k);
  state.packed = AlignedBuffer<float>(kernels::PackedColumnsSize(state.k, state.n));
  if (!rows || !state.packed) return Resource(fmt::format("no memory for weights of {} x {}", state.n, state.k));
  kernels::DequantizeBlockwise(weights, rows.data(), node.thread_pool());
  kernels::PackColumnsF32({rows.data(), 1, state.k}, state.k, state.n, state.packed.data(), node.thread_pool());
  node.ReleaseConstant(1);
  return Status();
}

Status RunNBits(KernelContext& context, const NBitsState& state) {
  const TensorView& a = context.input(0);
  if (a.dtype != DataType::kFloat) return Unsupported(fmt::format("MatMulNBits for {}", DataTypeName(a.dtype)));
  kernels::MatMulF32Arguments m;
  ASSIGN_OR_RETURN(m.shape, kernels::PlanMatMul(a.dims, Dims{state.n, state.k}, false, true));
  m.transpose_b = true;
  m.packed_b = state.packed.data();
  m.a = a.ptr<float>();
  if (context.num_inputs() > 5 && context.has_input(5)) {
    if (context.input(5).num_elements() != state.n) return Invalid(fmt::format("bias must be [{}]", state.n));
    m.epilogue.column_bias = context.input(5).ptr<float>();
  }
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, m.shape.output));
  m.y = y.mutable_ptr<float>();
  if (state.codes) {
    kernels::GemmNBits(m.shape.m * m.shape.num_batches(), m.a, state.layout, m.epilogue.column_bias, m.y, context.thread_pool());
    return Status();
  }
  WorkspacePlan plan;
  const size_t rows = plan.AddArray<float>(state.packed ? 0 : state.n * state.k);
  const size_t scratch = plan.Add(kernels::MatMulF32Workspace(m, context.thread_pool().threads()));
  ASSIGN_OR_RETURN(char* workspace, plan.Allocate(context));
  if (!state.packed) {
    const auto optional = [&](size_t i) { return context.num_inputs() > i && context.has_input(i) ? &context.input(i) : nullptr; };
    ASSIGN_OR_RETURN(const kernels::BlockwiseWeights weights,
                     ReadWeights(state, context.input(1), context.input(2), optional(3), optional(4)));
    kernels::DequantizeBlockwise(weights, reinterpret_cast<float*>(workspace + rows), context.thread_pool());
    m.b = reinterpret_cast<const float*>(workspace + rows);
  }
  kernels::MatMulF32(m, workspace + scratch, context.thread_pool());
  return Status();
}

}  // namespace

StatusOr<std::unique_ptr<Kernel>> CreateMatMulNBits(const NodeInfo& node) {
  NBitsState state;
  state.n = node.GetInt("N");
  state.k = node.GetInt("K");
  state.bits = node.GetInt("bits", 4);
  state.block_size = node.GetInt("block_size", 32);
  if (state.n < 1 || state.k < 1 || state.n > int64_t{1} << 30 || state.k > int64_t{1} << 30)
    return Invalid(fmt::format("weights of {} x {}", state.n, state.k));
  if (state.block_size < 1 || state.block_size > int64_t{1} << 20) return Invalid(fmt::format("block_size {}", state.block_size));
  if (state.bits != 2 && state.bits != 4 && state.bits != 8) return Unsupported(fmt::format("MatMulNBits with {} bits", state.bits));
  if (node.GetInt("weight_prepacked") != 0) return Unsupported("MatMulNBits with weights packed for another device");
  RETURN_IF_ERROR(PackNBits(node, state));
  return MakeKernel([state = std::move(state)](KernelContext& context) { return RunNBits(context, state); });
}

namespace {

struct Float4State {
  kernels::Float4Kind kind = kernels::Float4Kind::kFp4;
  int64_t n = 0, k = 0, block_size = 64;
  bool transposed = true;       // B is [n, k]
  AlignedBuffer<float> packed;  // when B and absmax are constant
};

Status CheckFloat4(const Float4State& state, const TensorView& b, const TensorView& scales) {
  const int64_t count = state.n * state.k;
  if (b.dtype != DataType::kUint8 || b.num_elements() != (count + 1) / 2)
    return Invalid(fmt::format("B {} must hold {} bytes", b.TypeString(), (count + 1) / 2));
  if (scales.dtype != DataType::kFloat || scales.num_elements() != (count - 1) / state.block_size + 1)
    return Invalid(fmt::format("absmax {} must be [{}]", scales.TypeString(), (count - 1) / state.block_size + 1));
  return Status();
}

kernels::MatrixF32 Float4Matrix(const Float4State& state, const float* rows) {
  return state.transposed ? kernels::MatrixF32{rows, 1, state.k} : kernels::MatrixF32{rows, state.n, 1};
}

Status PackFloat4(const NodeInfo& node, Float4State& state) {
  const Tensor *b = node.constant(1), *scales = node.constant(2);
  if (!b || !scales) return Status();
  RETURN_IF_ERROR(CheckFloat4(state, ViewOf(*b), ViewOf(*scales)));
  AlignedBuffer<float> rows(state.n * state.k);
  state.packed = AlignedBuffer<float>(kernels::PackedColumnsSize(state.k, state.n));
  if (!rows || !state.packed) return Resource(fmt::format("no memory for weights of {} x {}", state.n, state.k));
  kernels::DequantizeFloat4(state.kind, b->data<uint8_t>().data(), scales->data<float>().data(), state.block_size, state.n * state.k,
                            rows.data(), node.thread_pool());
  kernels::PackColumnsF32(Float4Matrix(state, rows.data()), state.k, state.n, state.packed.data(), node.thread_pool());
  node.ReleaseConstant(1);
  return Status();
}

Status RunFloat4(KernelContext& context, const Float4State& state) {
  const TensorView& a = context.input(0);
  if (a.dtype != DataType::kFloat) return Unsupported(fmt::format("MatMulBnb4 for {}", DataTypeName(a.dtype)));
  kernels::MatMulF32Arguments m;
  const Dims weights = state.transposed ? Dims{state.n, state.k} : Dims{state.k, state.n};
  ASSIGN_OR_RETURN(m.shape, kernels::PlanMatMul(a.dims, weights, false, state.transposed));
  m.transpose_b = state.transposed;
  m.packed_b = state.packed.data();
  m.a = a.ptr<float>();
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, m.shape.output));
  m.y = y.mutable_ptr<float>();
  WorkspacePlan plan;
  const size_t rows = plan.AddArray<float>(state.packed ? 0 : state.n * state.k);
  const size_t scratch = plan.Add(kernels::MatMulF32Workspace(m, context.thread_pool().threads()));
  ASSIGN_OR_RETURN(char* workspace, plan.Allocate(context));
  if (!state.packed) {
    RETURN_IF_ERROR(CheckFloat4(state, context.input(1), context.input(2)));
    float* floats = reinterpret_cast<float*>(workspace + rows);
    kernels::DequantizeFloat4(state.kind, context.input(1).ptr<uint8_t>(), context.input(2).ptr<float>(), state.block_size,
                              state.n * state.k, floats, context.thread_pool());
    m.b = floats;
  }
  kernels::MatMulF32(m, workspace + scratch, context.thread_pool());
  return Status();
}

}  // namespace

StatusOr<std::unique_ptr<Kernel>> CreateMatMulBnb4(const NodeInfo& node) {
  Float4State state;
  state.n = node.GetInt("N");
  state.k = node.GetInt("K");
  state.block_size = node.GetInt("block_size");
  state.transposed = node.GetInt("transB", 1) != 0;
  const int64_t kind = node.GetInt("quant_type");
  if (state.n < 1 || state.k < 1 || state.n > int64_t{1} << 30 || state.k > int64_t{1} << 30)
    return Invalid(fmt::format("weights of {} x {}", state.n, state.k));
  if (state.block_size < 1 || kind < 0 || kind > 1) return Invalid(fmt::format("block_size {} or quant_type {}", state.block_size, kind));
  state.kind = kind == 0 ? kernels::Float4Kind::kFp4 : kernels::Float4Kind::kNf4;
  RETURN_IF_ERROR(PackFloat4(node, state));
  return MakeKernel([state = std::move(state)](KernelContext& context) { return RunFloat4(context, state); });
}

}  // namespace sardonyx::cpu
