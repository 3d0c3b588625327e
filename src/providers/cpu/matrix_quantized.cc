// Products of quantized matrices.
#include <fmt/format.h>

#include "kernels/gemm/matmul_i8.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/matrix.h"
#include "providers/cpu/matrix_quantized.h"
#include "providers/cpu/widened.h"
#include "providers/cpu/workspace.h"

namespace sardonyx::cpu {
namespace {

using kernels::AlignedBuffer;
using kernels::MatMulI8Arguments;
using kernels::MatMulShape;

bool IsByte(DataType dtype) { return dtype == DataType::kInt8 || dtype == DataType::kUint8; }

// Which inputs an operator's parts are; -1 where it has none.
struct Inputs {
  int a = 0, a_zero = -1, b = 1, b_zero = -1;
  int a_scale = -1, b_scale = -1;
};

// B packed at load, when it and its zero points are constant.
struct PackedBytes {
  AlignedBuffer<int16_t> data;
  Dims dims;
  bool present() const { return static_cast<bool>(data); }
};

StatusOr<PackedBytes> PackConstant(const NodeInfo& node, const Inputs& inputs, bool transpose) {
  PackedBytes packed;
  const auto constant = [&](int i) {
    return i >= 0 && node.has_input(static_cast<size_t>(i)) ? node.constant(static_cast<size_t>(i)) : nullptr;
  };
  const Tensor* b = constant(inputs.b);
  const Tensor* zero = constant(inputs.b_zero);
  const bool has_zero =
      inputs.b_zero >= 0 && static_cast<size_t>(inputs.b_zero) < node.num_inputs() && node.has_input(static_cast<size_t>(inputs.b_zero));
  if (!b || b->rank() != 2 || !IsByte(b->dtype()) || (has_zero && (!zero || zero->dtype() != b->dtype()))) return packed;
  const int64_t rows = b->dims()[0], columns = b->dims()[1];
  const int64_t k = transpose ? columns : rows, n = transpose ? rows : columns;
  if (zero && zero->num_elements() != 1 && zero->num_elements() != n) return packed;  // Run reports it
  packed.dims = b->dims();
  packed.data = AlignedBuffer<int16_t>(kernels::PackedColumnsSizeI8(k, n));
  if (!packed.data) return Resource(fmt::format("no memory to pack a matrix of {}", packed.dims.ToString()));
  kernels::MatrixI8 matrix{b->raw_data(), b->dtype() == DataType::kInt8, columns, 1};
  if (transpose) std::swap(matrix.row_stride, matrix.column_stride);
  if (zero) matrix.zero_points = zero->raw_data(), matrix.zero_point_stride = zero->num_elements() > 1;
  kernels::PackColumnsI8(matrix, k, n, packed.data.data(), node.thread_pool());
  node.ReleaseConstant(static_cast<size_t>(inputs.b));
  return packed;
}

const TensorView* Optional(const KernelContext& context, int i) {
  return i >= 0 && static_cast<size_t>(i) < context.num_inputs() && context.has_input(static_cast<size_t>(i))
             ? &context.input(static_cast<size_t>(i))
             : nullptr;
}

// Fills all but y; `a` may differ from the operator's input (DynamicQuantizeMatMul).
StatusOr<MatMulI8Arguments> Prepare(const KernelContext& context, const Inputs& inputs, const TensorView& a, const TensorView* a_zero,
                                    const PackedBytes& packed, bool transpose_a, bool transpose_b) {
  MatMulI8Arguments m;
  const Dims& b_dims = packed.present() ? packed.dims : context.input(static_cast<size_t>(inputs.b)).dims;
  ASSIGN_OR_RETURN(m.shape, kernels::PlanMatMul(a.dims, b_dims, transpose_a, transpose_b));
  if (!IsByte(a.dtype)) return Unsupported(fmt::format("products of {}", DataTypeName(a.dtype)));
  m.a = a.data;
  m.a_signed = a.dtype == DataType::kInt8;
  m.transpose_a = transpose_a && a.rank() > 1;
  m.transpose_b = transpose_b && b_dims.rank() > 1;
  if (a_zero) {
    if (a_zero->dtype != a.dtype) return Invalid("A and its zero point differ in element type");
    m.a_zero = {a_zero->data, a_zero->num_elements()};
    const int64_t matrices = a.rank() > 2 ? a.dims.Product(0, a.rank() - 2) : 1;
    RETURN_IF_ERROR(kernels::CheckZeroPoints("the zero point of A", m.a_zero.count, m.shape.m, matrices));
  }
  m.packed_b = packed.data.data();
  if (!packed.present()) {
    const TensorView& b = context.input(static_cast<size_t>(inputs.b));
    if (!IsByte(b.dtype)) return Unsupported(fmt::format("products of {}", DataTypeName(b.dtype)));
    m.b = b.data;
    m.b_signed = b.dtype == DataType::kInt8;
    if (const TensorView* zero = Optional(context, inputs.b_zero)) {
      if (zero->dtype != b.dtype) return Invalid("B and its zero point differ in element type");
      m.b_zero = {zero->data, zero->num_elements()};
      const int64_t matrices = b.rank() > 2 ? b.dims.Product(0, b.rank() - 2) : 1;
      RETURN_IF_ERROR(kernels::CheckZeroPoints("the zero point of B", m.b_zero.count, m.shape.n, matrices));
    }
  }
  return m;
}

// Scales of A (1 or m) and B (1 or n) over the rows of a product.
struct Scales {
  const float* a = nullptr;
  const float* b = nullptr;
  int64_t a_stride = 0, b_stride = 0;
};
StatusOr<Scales> ReadScales(const TensorView& a, const TensorView& b, const MatMulShape& shape) {
  if (a.dtype != DataType::kFloat || b.dtype != DataType::kFloat) return Unsupported("scales that are not float");
  if (a.num_elements() != 1 && a.num_elements() != shape.m)
    return Invalid(fmt::format("the scale of A {} must have 1 or {} elements", a.dims.ToString(), shape.m));
  if (b.num_elements() != 1 && b.num_elements() != shape.n)
    return Invalid(fmt::format("the scale of B {} must have 1 or {} elements", b.dims.ToString(), shape.n));
  return Scales{a.ptr<float>(), b.ptr<float>(), a.num_elements() > 1, b.num_elements() > 1};
}

// y[i,j] = sums[i,j] * a_scale * b_scale + bias[j]
Status ScaleToFloat(const MatMulShape& shape, const int32_t* sums, const Scales& scales, float factor, const TensorView* bias, float* y,
                    ThreadPool& pool) {
  if (bias && (bias->dtype != DataType::kFloat || bias->num_elements() != shape.n))
    return Invalid(fmt::format("bias {} must be [{}]", bias->dims.ToString(), shape.n));
  const float* offsets = bias ? bias->ptr<float>() : nullptr;
  const int64_t rows = shape.n == 0 ? 0 : shape.output.num_elements() / shape.n;
  pool.ParallelFor(rows, static_cast<double>(shape.n), [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      const float row_scale = factor * scales.a[row % shape.m * scales.a_stride];
      for (int64_t j = 0; j < shape.n; ++j)
        y[row * shape.n + j] =
            static_cast<float>(sums[row * shape.n + j]) * (row_scale * scales.b[j * scales.b_stride]) + (offsets ? offsets[j] : 0.0f);
    }
  });
  return Status();
}

template <class T>
void QuantizeSums(const MatMulShape& shape, const int32_t* sums, const Scales& scales, float factor, int32_t zero_point, T* y,
                  ThreadPool& pool) {
  const int64_t rows = shape.n == 0 ? 0 : shape.output.num_elements() / shape.n;
  pool.ParallelFor(rows, static_cast<double>(shape.n) * 2, [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row)
      kernels::Requantize<T>(sums + row * shape.n, shape.n, factor * scales.a[row % shape.m * scales.a_stride], scales.b, scales.b_stride,
                             zero_point, y + row * shape.n);
  });
}

StatusOr<std::unique_ptr<Kernel>> CreateMatMulInteger(const NodeInfo& node) {
  const Inputs inputs{.a = 0, .a_zero = 2, .b = 1, .b_zero = 3};
  ASSIGN_OR_RETURN(PackedBytes packed, PackConstant(node, inputs, false));
  return MakeKernel([inputs, packed = std::move(packed)](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(MatMulI8Arguments m,
                     Prepare(context, inputs, context.input(0), Optional(context, inputs.a_zero), packed, false, false));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kInt32, m.shape.output));
    ASSIGN_OR_RETURN(void* workspace, context.Workspace(kernels::MatMulI8Workspace(m)));
    m.y = y.mutable_ptr<int32_t>();
    kernels::MatMulI8(m, workspace, context.thread_pool());
    return Status();
  });
}

// Sums in the workspace, which the caller then scales.
StatusOr<const int32_t*> ComputeSums(KernelContext& context, MatMulI8Arguments& m) {
  WorkspacePlan plan;
  const size_t scratch = plan.Add(kernels::MatMulI8Workspace(m)), sums = plan.AddArray<int32_t>(m.shape.output.num_elements());
  ASSIGN_OR_RETURN(char* workspace, plan.Allocate(context));
  m.y = reinterpret_cast<int32_t*>(workspace + sums);
  kernels::MatMulI8(m, workspace + scratch, context.thread_pool());
  return static_cast<const int32_t*>(m.y);
}

StatusOr<std::unique_ptr<Kernel>> CreateQLinearMatMul(const NodeInfo& node) {
  const Inputs inputs{.a = 0, .a_zero = 2, .b = 3, .b_zero = 5, .a_scale = 1, .b_scale = 4};
  // A, B and y may each be of float8; only where A and y are known not to be is B packed.
  PackedBytes packed;
  if (IsByte(node.input_dtype(0)) && IsByte(node.input_dtype(7))) {
    ASSIGN_OR_RETURN(packed, PackConstant(node, inputs, false));
  }
  return MakeKernel([inputs, packed = std::move(packed)](KernelContext& context) -> Status {
    const auto is_byte = [&](size_t i) { return IsByte(context.input(i).dtype); };
    if (!packed.present() && !(is_byte(0) && is_byte(3) && is_byte(7))) return RunQLinearMatMulFloat8(context);
    ASSIGN_OR_RETURN(MatMulI8Arguments m, Prepare(context, inputs, context.input(0), &context.input(2), packed, false, false));
    ASSIGN_OR_RETURN(const Scales scales, ReadScales(context.input(1), context.input(4), m.shape));
    const TensorView &y_scale = context.input(6), &y_zero = context.input(7);
    if (y_scale.num_elements() != 1 || y_zero.num_elements() != 1) return Unsupported("QLinearMatMul whose y_scale is not a scalar");
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, y_zero.dtype, m.shape.output));
    ASSIGN_OR_RETURN(const int32_t* sums, ComputeSums(context, m));
    return Dispatch<int8_t, uint8_t>(y_zero.dtype, "QLinearMatMul", [&]<class T>() -> Status {
      QuantizeSums<T>(m.shape, sums, scales, 1 / y_scale.ptr<float>()[0], y_zero.ptr<T>()[0], y.mutable_ptr<T>(), context.thread_pool());
      return Status();
    });
  });
}

StatusOr<std::unique_ptr<Kernel>> CreateMatMulIntegerToFloat(const NodeInfo& node) {
  const Inputs inputs{.a = 0, .a_zero = 4, .b = 1, .b_zero = 5, .a_scale = 2, .b_scale = 3};
  ASSIGN_OR_RETURN(PackedBytes packed, PackConstant(node, inputs, false));
  return MakeKernel([inputs, packed = std::move(packed)](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(MatMulI8Arguments m,
                     Prepare(context, inputs, context.input(0), Optional(context, inputs.a_zero), packed, false, false));
    ASSIGN_OR_RETURN(const Scales scales, ReadScales(context.input(2), context.input(3), m.shape));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, m.shape.output));
    ASSIGN_OR_RETURN(const int32_t* sums, ComputeSums(context, m));
    return ScaleToFloat(m.shape, sums, scales, 1, Optional(context, 6), y.mutable_ptr<float>(), context.thread_pool());
  });
}

StatusOr<std::unique_ptr<Kernel>> CreateDynamicQuantizeMatMul(const NodeInfo& node) {
  const Inputs inputs{.a = 0, .a_zero = -1, .b = 1, .b_zero = 3, .a_scale = -1, .b_scale = 2};
  ASSIGN_OR_RETURN(PackedBytes packed, PackConstant(node, inputs, false));
  return MakeKernel([inputs, packed = std::move(packed)](KernelContext& context) -> Status {
    const TensorView& a = context.input(0);
    if (a.dtype != DataType::kFloat) return Unsupported(fmt::format("DynamicQuantizeMatMul for {}", DataTypeName(a.dtype)));
    TensorView quantized{DataType::kUint8, a.dims, nullptr};
    uint8_t zero = 0;
    TensorView zero_view{DataType::kUint8, Dims(), &zero};
    ASSIGN_OR_RETURN(MatMulI8Arguments m, Prepare(context, inputs, quantized, &zero_view, packed, false, false));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, m.shape.output));
    WorkspacePlan plan;
    const size_t bytes = plan.AddArray<uint8_t>(a.num_elements()), scratch = plan.Add(kernels::MatMulI8Workspace(m));
    const size_t sums = plan.AddArray<int32_t>(m.shape.output.num_elements());
    ASSIGN_OR_RETURN(char* workspace, plan.Allocate(context));
    const kernels::DynamicScale scale =
        kernels::QuantizeDynamically(a.ptr<float>(), a.num_elements(), reinterpret_cast<uint8_t*>(workspace + bytes));
    zero = scale.zero_point;
    m.a = workspace + bytes;
    m.y = reinterpret_cast<int32_t*>(workspace + sums);
    kernels::MatMulI8(m, workspace + scratch, context.thread_pool());
    float a_scale = scale.scale;
    const TensorView a_scale_view{DataType::kFloat, Dims(), &a_scale};
    ASSIGN_OR_RETURN(const Scales scales, ReadScales(a_scale_view, context.input(2), m.shape));
    return ScaleToFloat(m.shape, m.y, scales, 1, Optional(context, 4), y.mutable_ptr<float>(), context.thread_pool());
  });
}

// ---- QGemm: y = alpha * (a_scale * b_scale) * (A * B + C), as floats or quantized again.

// C [n], [1,n] or [m,n] is added to the sums.
Status AddIntegerBias(const MatMulShape& shape, const TensorView& c, int32_t* sums) {
  const int64_t count = c.num_elements();
  if (c.dtype != DataType::kInt32 || (count != shape.n && count != shape.m * shape.n && count != 1))
    return Invalid(fmt::format("C {} cannot be added to [{},{}]", c.TypeString(), shape.m, shape.n));
  const bool whole = count == shape.m * shape.n;
  for (int64_t i = 0; i < shape.m * shape.n; ++i)
    sums[i] = kernels::WrappingMulAdd<int32_t>(1, c.ptr<int32_t>()[whole ? i : (count == 1 ? 0 : i % shape.n)], sums[i]);
  return Status();
}

StatusOr<std::unique_ptr<Kernel>> CreateQGemm(const NodeInfo& node) {
  const Inputs inputs{.a = 0, .a_zero = 2, .b = 3, .b_zero = 5, .a_scale = 1, .b_scale = 4};
  const bool transpose_a = node.GetInt("transA") != 0, transpose_b = node.GetInt("transB") != 0;
  const float alpha = node.GetFloat("alpha", 1);
  ASSIGN_OR_RETURN(PackedBytes packed, PackConstant(node, inputs, transpose_b));
  return MakeKernel([inputs, transpose_a, transpose_b, alpha, packed = std::move(packed)](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(MatMulI8Arguments m, Prepare(context, inputs, context.input(0), &context.input(2), packed, transpose_a, transpose_b));
    if (m.shape.output.rank() != 2) return Invalid("A and B of QGemm must be matrices");
    ASSIGN_OR_RETURN(const Scales scales, ReadScales(context.input(1), context.input(4), m.shape));
    const TensorView *y_scale = Optional(context, 7), *y_zero = Optional(context, 8);
    const DataType dtype = !y_scale ? DataType::kFloat : (y_zero ? y_zero->dtype : context.input(0).dtype);
    if (y_scale && (y_scale->num_elements() != 1 || (y_zero && y_zero->num_elements() != 1)))
      return Unsupported("QGemm whose y_scale is not a scalar");
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, dtype, m.shape.output));
    ASSIGN_OR_RETURN([[maybe_unused]] const int32_t* sums, ComputeSums(context, m));
    if (const TensorView* c = Optional(context, 6)) RETURN_IF_ERROR(AddIntegerBias(m.shape, *c, m.y));
    if (!y_scale) return ScaleToFloat(m.shape, m.y, scales, alpha, nullptr, y.mutable_ptr<float>(), context.thread_pool());
    return Dispatch<int8_t, uint8_t>(dtype, "QGemm", [&]<class T>() -> Status {
      QuantizeSums<T>(m.shape, m.y, scales, alpha / y_scale->ptr<float>()[0], y_zero ? y_zero->ptr<T>()[0] : 0, y.mutable_ptr<T>(),
                      context.thread_pool());
      return Status();
    });
  });
}

constexpr KernelEntry kRows[] = {
    {"", "MatMulInteger", "int16 pairs", AcceptsAll, CreateMatMulInteger},
    {"", "QLinearMatMul", "int16 pairs", AcceptsAll, Widened<CreateQLinearMatMul>},
    {"com.microsoft", "MatMulIntegerToFloat", "int16 pairs", AcceptsAll, Widened<CreateMatMulIntegerToFloat>},
    {"com.microsoft", "DynamicQuantizeMatMul", "int16 pairs", AcceptsAll, CreateDynamicQuantizeMatMul},
    {"com.microsoft", "QGemm", "int16 pairs", AcceptsAll, CreateQGemm},
    {"com.microsoft", "MatMulNBits", "dequantized", AcceptsAll, Widened<CreateMatMulNBits>},
    {"com.microsoft", "MatMulBnb4", "dequantized", AcceptsAll, Widened<CreateMatMulBnb4>},
    {"com.microsoft", "MatMulFpQ4", "dequantized", AcceptsAll, CreateMatMulFpQ4},
};

}  // namespace

std::span<const KernelEntry> QuantizedMatMulKernels() { return kRows; }

}  // namespace sardonyx::cpu
