// ConvInteger and QLinearConv.
#include <fmt/format.h>

#include "kernels/conv/conv.h"
#include "kernels/gemm/aligned_buffer.h"
#include "kernels/gemm/gemm_i8.h"
#include "kernels/gemm/matmul_i8.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/convolution.h"
#include "providers/cpu/workspace.h"

namespace sardonyx::cpu {
namespace {

using kernels::AlignedBuffer;
using kernels::ConvI8Arguments;
using kernels::ConvShape;

struct State {
  kernels::WindowAttributes attributes;
  std::vector<int64_t> kernel_shape;
  int64_t groups = 1;
  int w_input = 1, w_zero_input = 3, x_zero_input = 2;
  AlignedBuffer<int16_t> packed;
  Dims weight_dims;
};

bool IsByte(DataType dtype) { return dtype == DataType::kInt8 || dtype == DataType::kUint8; }

// zeros: none, one, or one an output channel; each group's [outputs, depth] becomes rows of a product.
void PackWeights(const State& state, const Dims& dims, bool is_signed, const void* w, const void* zeros, int64_t num_zeros, int16_t* out,
                 ThreadPool& pool) {
  const int64_t outputs = dims[0] / state.groups, depth = dims.Product(1, dims.rank());
  for (int64_t group = 0; group < state.groups; ++group) {
    kernels::MatrixI8 rows{static_cast<const char*>(w) + group * outputs * depth, is_signed, depth, 1};
    if (num_zeros > 0) {
      rows.zero_points = static_cast<const char*>(zeros) + (num_zeros > 1 ? group * outputs : 0);
      rows.zero_point_stride = num_zeros > 1;
    }
    kernels::PackRowsI8(rows, outputs, depth, out + group * kernels::PackedRowsSizeI8(outputs, depth), pool);
  }
}

int64_t PackedSize(const State& state, const Dims& dims) {
  return state.groups * kernels::PackedRowsSizeI8(dims[0] / state.groups, dims.Product(1, dims.rank()));
}

Status PackConstantWeights(const NodeInfo& node, State& state) {
  const auto has = [&](int i) { return static_cast<size_t>(i) < node.num_inputs() && node.has_input(static_cast<size_t>(i)); };
  const Tensor* w = has(state.w_input) ? node.constant(static_cast<size_t>(state.w_input)) : nullptr;
  const Tensor* zero = has(state.w_zero_input) ? node.constant(static_cast<size_t>(state.w_zero_input)) : nullptr;
  if (!w || !IsByte(w->dtype()) || w->rank() < 3 || state.groups < 1 || w->dims()[0] % state.groups != 0) return Status();
  if (has(state.w_zero_input) && (!zero || zero->dtype() != w->dtype())) return Status();
  if (zero && zero->num_elements() != 1 && zero->num_elements() != w->dims()[0]) return Status();  // Run reports it
  state.weight_dims = w->dims();
  state.packed = AlignedBuffer<int16_t>(PackedSize(state, w->dims()));
  if (!state.packed) return Resource(fmt::format("no memory to pack weights of {}", w->dims().ToString()));
  PackWeights(state, w->dims(), w->dtype() == DataType::kInt8, w->raw_data(), zero ? zero->raw_data() : nullptr,
              zero ? zero->num_elements() : 0, state.packed.data(), node.thread_pool());
  node.ReleaseConstant(static_cast<size_t>(state.w_input));
  return Status();
}

StatusOr<State> ReadState(const NodeInfo& node, int w, int w_zero, int x_zero) {
  State state;
  ASSIGN_OR_RETURN(state.attributes, ReadWindowAttributes(node));
  state.kernel_shape = node.GetInts("kernel_shape");
  state.groups = node.GetInt("group", 1);
  state.w_input = w;
  state.w_zero_input = w_zero;
  state.x_zero_input = x_zero;
  RETURN_IF_ERROR(PackConstantWeights(node, state));
  return state;
}

const TensorView* Optional(const KernelContext& context, int i) {
  return static_cast<size_t>(i) < context.num_inputs() && context.has_input(static_cast<size_t>(i)) ? &context.input(static_cast<size_t>(i))
                                                                                                    : nullptr;
}

StatusOr<ConvShape> Plan(const KernelContext& context, const State& state) {
  const Dims& w_dims = state.packed ? state.weight_dims : context.input(static_cast<size_t>(state.w_input)).dims;
  return kernels::PlanConv(context.input(0).dims, w_dims, state.groups, state.kernel_shape, state.attributes);
}

// Packs weights that were not known at load, reads x's zero point, and computes into `sink`.
Status Compute(KernelContext& context, const State& state, const ConvShape& shape, const ConvI8Arguments::Sink& sink) {
  const TensorView& x = context.input(0);
  if (!IsByte(x.dtype)) return Unsupported(fmt::format("an integer convolution of {}", DataTypeName(x.dtype)));
  ConvI8Arguments a{.shape = shape, .x = x.data, .x_signed = x.dtype == DataType::kInt8};
  if (const TensorView* zero = Optional(context, state.x_zero_input)) {
    if (zero->dtype != x.dtype || zero->num_elements() != 1)
      return Invalid(fmt::format("the zero point of x {} must be one {}", zero->TypeString(), DataTypeName(x.dtype)));
    a.x_zero_point = a.x_signed ? zero->ptr<int8_t>()[0] : zero->ptr<uint8_t>()[0];
  }
  WorkspacePlan plan;
  const size_t scratch = plan.Add(kernels::ConvI8Workspace(shape, context.thread_pool().threads()));
  size_t weights = 0;
  if (!state.packed) weights = plan.AddArray<int16_t>(PackedSize(state, context.input(static_cast<size_t>(state.w_input)).dims));
  ASSIGN_OR_RETURN(char* workspace, plan.Allocate(context));
  a.packed_w = state.packed.data();
  if (!state.packed) {
    const TensorView& w = context.input(static_cast<size_t>(state.w_input));
    const TensorView* zero = Optional(context, state.w_zero_input);
    if (!IsByte(w.dtype)) return Unsupported(fmt::format("an integer convolution with weights of {}", DataTypeName(w.dtype)));
    if (zero && (zero->dtype != w.dtype || (zero->num_elements() != 1 && zero->num_elements() != w.dims[0])))
      return Invalid(
          fmt::format("the zero point of w {} must have 1 or {} elements of {}", zero->TypeString(), w.dims[0], DataTypeName(w.dtype)));
    int16_t* packed = reinterpret_cast<int16_t*>(workspace + weights);
    PackWeights(state, w.dims, w.dtype == DataType::kInt8, w.data, zero ? zero->data : nullptr, zero ? zero->num_elements() : 0, packed,
                context.thread_pool());
    a.packed_w = packed;
  }
  a.sink = &sink;
  kernels::ConvI8(a, workspace + scratch, context.thread_pool());
  return Status();
}

struct CopySink final : ConvI8Arguments::Sink {
  int32_t* y = nullptr;
  int64_t rows_of_image = 0, positions = 0;
  void Store(int64_t image, int64_t row, int64_t rows, int64_t first, int64_t columns, const int32_t* sums, int64_t stride) const override {
    for (int64_t r = 0; r < rows; ++r) std::copy_n(sums + r * stride, columns, y + (image * rows_of_image + row + r) * positions + first);
  }
};

StatusOr<std::unique_ptr<Kernel>> CreateConvInteger(const NodeInfo& node) {
  ASSIGN_OR_RETURN(State state, ReadState(node, 1, 3, 2));
  return MakeKernel([state = std::move(state)](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const ConvShape shape, Plan(context, state));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kInt32, shape.output));
    CopySink sink;
    sink.y = y.mutable_ptr<int32_t>();
    sink.rows_of_image = shape.groups * shape.outputs;
    sink.positions = shape.window.output_size();
    return Compute(context, state, shape, sink);
  });
}

template <class T>
struct RequantizeSink final : ConvI8Arguments::Sink {
  T* y = nullptr;
  int64_t rows_of_image = 0, positions = 0;
  float scale = 1;  // x_scale / y_scale
  const float* w_scales = nullptr;
  int64_t w_scale_stride = 0;
  int32_t zero_point = 0;
  const int32_t* bias = nullptr;
  void Store(int64_t image, int64_t row, int64_t rows, int64_t first, int64_t columns, const int32_t* sums, int64_t stride) const override {
    int32_t biased[256];
    for (int64_t r = 0; r < rows; ++r) {
      T* out = y + (image * rows_of_image + row + r) * positions + first;
      const float* w_scale = w_scales + (row + r) * w_scale_stride;
      for (int64_t j = 0; j < columns; j += 256) {
        const int64_t count = std::min<int64_t>(256, columns - j);
        for (int64_t i = 0; i < count; ++i)
          biased[i] = kernels::WrappingMulAdd<int32_t>(1, bias ? bias[row + r] : 0, sums[r * stride + j + i]);
        kernels::Requantize<T>(biased, count, scale, w_scale, 0, zero_point, out + j);
      }
    }
  }
};

template <class T>
Status RunQLinearConv(KernelContext& context, const State& state, const ConvShape& shape) {
  const TensorView &x_scale = context.input(1), &w_scale = context.input(4), &y_scale = context.input(6), &y_zero = context.input(7);
  const int64_t outputs = shape.groups * shape.outputs;
  for (const TensorView* scale : {&x_scale, &y_scale})
    if (scale->dtype != DataType::kFloat || scale->num_elements() != 1)
      return Invalid(fmt::format("a scale {} must be one float", scale->TypeString()));
  if (w_scale.dtype != DataType::kFloat || (w_scale.num_elements() != 1 && w_scale.num_elements() != outputs))
    return Invalid(fmt::format("w_scale {} must have 1 or {} elements", w_scale.TypeString(), outputs));
  if (y_zero.num_elements() != 1) return Invalid("y_zero_point must be a scalar");
  RequantizeSink<T> sink;
  if (const TensorView* bias = Optional(context, 8)) {
    RETURN_IF_ERROR(kernels::CheckConvBias(shape, bias->dims));
    sink.bias = bias->ptr<int32_t>();
  }
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, y_zero.dtype, shape.output));
  sink.y = y.mutable_ptr<T>();
  sink.rows_of_image = outputs;
  sink.positions = shape.window.output_size();
  sink.scale = x_scale.ptr<float>()[0] / y_scale.ptr<float>()[0];
  sink.w_scales = w_scale.ptr<float>();
  sink.w_scale_stride = w_scale.num_elements() > 1;
  sink.zero_point = y_zero.ptr<T>()[0];
  return Compute(context, state, shape, sink);
}

StatusOr<std::unique_ptr<Kernel>> CreateQLinearConv(const NodeInfo& node) {
  if (node.GetInt("channels_last") != 0) return Unsupported("QLinearConv with channels_last and weights of unknown rank");
  ASSIGN_OR_RETURN(State state, ReadState(node, 3, 5, 2));
  return MakeKernel([state = std::move(state)](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const ConvShape shape, Plan(context, state));
    return Dispatch<int8_t, uint8_t>(context.input(7).dtype, "QLinearConv",
                                     [&]<class T>() { return RunQLinearConv<T>(context, state, shape); });
  });
}

constexpr KernelEntry kRows[] = {
    {"", "ConvInteger", "int16 pairs", AcceptsAll, CreateConvInteger},
    {"", "QLinearConv", "int16 pairs", AcceptsAll, CreateQLinearConv},
    {"com.microsoft", "QLinearConv", "int16 pairs", AcceptsAll, CreateQLinearConv},
};

}  // namespace

std::span<const KernelEntry> QuantizedConvKernels() { return kRows; }

}  // namespace sardonyx::cpu
