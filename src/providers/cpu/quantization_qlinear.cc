// ONNX Runtime's operators on 8-bit tensors, each with scale and zero point as inputs: QLinearAdd, QLinearMul, QLinearSigmoid,
// QLinearLeakyRelu, QLinearSoftmax, QLinearConcat, QLinearWhere, QLinearReduceMean, QLinearGlobalAveragePool, QLinearAveragePool.
#include "kernels/quantize/qlinear.h"

#include <cstring>

#include "kernels/elementwise/math.h"
#include "kernels/elementwise/select.h"
#include "kernels/pool/pool.h"
#include "kernels/reduce/along_axis.h"
#include "kernels/reduce/reduce.h"
#include "providers/cpu/convolution.h"
#include "providers/cpu/quantization.h"
#include "providers/cpu/scalar_input.h"

namespace sardonyx::cpu {
namespace {

using kernels::Affine;
using kernels::ByteTable;
using kernels::QLinearBinaryOp;

// Parameters of a tensor of `dtype` from inputs `i` (scale) and i + 1 (zero point, 0 when omitted).
StatusOr<Affine> ReadAffine(const KernelContext& context, std::string_view op, DataType dtype, size_t i) {
  if (dtype != DataType::kUint8 && dtype != DataType::kInt8)
    return Unsupported(fmt::format("{} is not defined for {}", op, DataTypeName(dtype)));
  ASSIGN_OR_RETURN(const double scale, ScalarInput<double>(context, i, fmt::format("{}: scale (input {})", op, i)));
  ASSIGN_OR_RETURN(const double zero_point,
                   ScalarInputOr<double>(context, i + 1, fmt::format("{}: zero point (input {})", op, i + 1), 0.0));
  return Affine{dtype, static_cast<float>(scale), static_cast<float>(zero_point)};
}

StatusOr<std::unique_ptr<Kernel>> MakeBinary(QLinearBinaryOp op, const NodeInfo& node) {
  return MakeKernel([op, name = node.node().op_type](KernelContext& context) -> Status {
    const TensorView& a = context.input(0);
    const TensorView& b = context.input(3);
    if (a.dtype != b.dtype) return Usage(fmt::format("{}: inputs are {} and {}", name, a.TypeString(), b.TypeString()));
    ASSIGN_OR_RETURN(const Affine a_affine, ReadAffine(context, name, a.dtype, 1));
    ASSIGN_OR_RETURN(const Affine b_affine, ReadAffine(context, name, b.dtype, 4));
    ASSIGN_OR_RETURN(const Affine c_affine, ReadAffine(context, name, a.dtype, 6));
    ASSIGN_OR_RETURN(const Dims dims, kernels::BroadcastShape(a.dims, b.dims));
    ASSIGN_OR_RETURN(TensorView c, context.Output(0, a.dtype, dims));
    const Dims* shapes[] = {&a.dims, &b.dims};
    const kernels::BroadcastLoop loop(dims, shapes);
    context.ParallelFor(loop.num_elements(), 2, [&](int64_t begin, int64_t end) {
      kernels::QLinearBinary(op, loop, a_affine, a.data, b_affine, b.data, c_affine, c.data, begin, end);
    });
    return Status();
  });
}

// y = f(x) by a table of all codes.
template <class F>
Status RunTable(KernelContext& context, std::string_view name, F f) {
  const TensorView& x = context.input(0);
  ASSIGN_OR_RETURN(const Affine from, ReadAffine(context, name, x.dtype, 1));
  ASSIGN_OR_RETURN(const Affine to, ReadAffine(context, name, x.dtype, 3));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, x.dims));
  const ByteTable table = kernels::MakeByteTable(from, to, f);
  context.ParallelFor(x.num_elements(), 0.7, [&](int64_t begin, int64_t end) {
    table.Apply(x.ptr<uint8_t>() + begin, y.mutable_ptr<uint8_t>() + begin, end - begin);
  });
  return Status();
}

StatusOr<std::unique_ptr<Kernel>> MakeSigmoid(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) { return RunTable(context, "QLinearSigmoid", kernels::math::Sigmoid<float>); });
}

StatusOr<std::unique_ptr<Kernel>> MakeLeakyRelu(const NodeInfo& node) {
  return MakeKernel([alpha = node.GetFloat("alpha", 0.01f)](KernelContext& context) {
    return RunTable(context, "QLinearLeakyRelu", [alpha](float x) { return x < 0 ? alpha * x : x; });
  });
}

// Runs f(x as float, y as float) on the whole tensor and quantizes what it wrote to y. Behind y's floats lie `spare` more.
template <class F>
Status RunInFloat(KernelContext& context, const TensorView& x, const Affine& from, TensorView& y, const Affine& to, F f, int64_t spare = 0) {
  const int64_t in = x.num_elements(), out = y.num_elements();
  ASSIGN_OR_RETURN(void* const scratch, context.Workspace(static_cast<size_t>(in + out + spare) * sizeof(float)));
  auto* const values = static_cast<float*>(scratch);
  float* const results = values + in;
  context.ParallelFor(in, 1, [&](int64_t begin, int64_t end) { kernels::DequantizeRun(from, x.data, begin, end - begin, values + begin); });
  RETURN_IF_ERROR(f(values, results));
  context.ParallelFor(out, 1.5, [&](int64_t begin, int64_t end) { kernels::QuantizeRun(to, results + begin, end - begin, y.data, begin); });
  return Status();
}

StatusOr<std::unique_ptr<Kernel>> MakeSoftmax(const NodeInfo& node) {
  const bool flattens = node.GetInt("opset", 13) < 13;
  const int64_t axis = node.GetInt("axis", flattens ? 1 : -1);
  return MakeKernel([flattens, axis](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    ASSIGN_OR_RETURN(const Affine from, ReadAffine(context, "QLinearSoftmax", x.dtype, 1));
    ASSIGN_OR_RETURN(const Affine to, ReadAffine(context, "QLinearSoftmax", x.dtype, 3));
    ASSIGN_OR_RETURN(const size_t d, NormalAxis("QLinearSoftmax", axis, x.rank()));
    const kernels::AxisView view = flattens ? kernels::AxisView::Flattened(x.dims, d) : kernels::AxisView(x.dims, d);
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, x.dims));
    return RunInFloat(context, x, from, y, to, [&](const float* in, float* out) {
      context.ParallelFor(view.lines(), 5 * static_cast<double>(view.length), [&](int64_t begin, int64_t end) {
        kernels::Softmax(kernels::SoftmaxKind::kSoftmax, DataType::kFloat, in, view, out, begin, end);
      });
      return Status();
    });
  });
}

// Inputs: Y's scale and zero point, then tensor, scale, zero point of each part.
StatusOr<std::unique_ptr<Kernel>> MakeConcat(const NodeInfo& node) {
  const int64_t axis = node.GetInt("axis", 0);
  return MakeKernel([axis](KernelContext& context) -> Status {
    const size_t parts = context.num_inputs() / 3;
    if (parts == 0 || context.num_inputs() % 3 != 2) return Usage("QLinearConcat: each part needs a tensor, a scale and a zero point");
    const TensorView& first = context.input(2);
    ASSIGN_OR_RETURN(const size_t d, NormalAxis("QLinearConcat", axis, first.rank()));
    const DataType dtype = context.has_input(1) ? context.input(1).dtype : first.dtype;
    ASSIGN_OR_RETURN(const Affine to, ReadAffine(context, "QLinearConcat", dtype, 0));
    Dims dims = first.dims;
    for (size_t p = 1; p < parts; ++p) {
      const Dims& part = context.input(2 + 3 * p).dims;
      Dims same = part;
      if (part.rank() == dims.rank()) same[d] = dims[d];
      if (!(same == dims))
        return Usage(fmt::format("QLinearConcat: {} and {} cannot be joined along axis {}", first.TypeString(), part.ToString(), axis));
      dims[d] += part[d];
    }
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, dtype, dims));
    const int64_t outer = dims.Product(0, d), row = dims.Product(d, dims.rank());
    for (size_t p = 0, offset = 0; p < parts; ++p) {
      const TensorView& x = context.input(2 + 3 * p);
      ASSIGN_OR_RETURN(const Affine from, ReadAffine(context, "QLinearConcat", x.dtype, 3 + 3 * p));
      const ByteTable table = kernels::MakeByteTable(from, to, [](float v) { return v; });
      const int64_t part_row = x.dims.Product(d, dims.rank());
      for (int64_t o = 0; o < outer; ++o)
        table.Apply(x.ptr<uint8_t>() + o * part_row, y.mutable_ptr<uint8_t>() + o * row + static_cast<int64_t>(offset), part_row);
      offset += static_cast<size_t>(part_row);
    }
    return Status();
  });
}

// Both sides are brought to Z's parameters, then chosen from.
StatusOr<std::unique_ptr<Kernel>> MakeWhere(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    const TensorView& condition = context.input(0);
    const TensorView& x = context.input(1);
    const TensorView& y = context.input(4);
    if (condition.dtype != DataType::kBool || x.dtype != y.dtype)
      return Usage(fmt::format("QLinearWhere: inputs are {}, {} and {}", condition.TypeString(), x.TypeString(), y.TypeString()));
    ASSIGN_OR_RETURN(const Affine x_affine, ReadAffine(context, "QLinearWhere", x.dtype, 2));
    ASSIGN_OR_RETURN(const Affine y_affine, ReadAffine(context, "QLinearWhere", y.dtype, 5));
    ASSIGN_OR_RETURN(const Affine to, ReadAffine(context, "QLinearWhere", x.dtype, 7));
    ASSIGN_OR_RETURN(Dims dims, kernels::BroadcastShape(x.dims, y.dims));
    ASSIGN_OR_RETURN(dims, kernels::BroadcastShape(dims, condition.dims));
    ASSIGN_OR_RETURN(TensorView z, context.Output(0, x.dtype, dims));
    ASSIGN_OR_RETURN(void* const scratch, context.Workspace(static_cast<size_t>(x.num_elements() + y.num_elements())));
    auto* const left = static_cast<uint8_t*>(scratch);
    uint8_t* const right = left + x.num_elements();
    const auto same = [](float v) { return v; };
    kernels::MakeByteTable(x_affine, to, same).Apply(x.ptr<uint8_t>(), left, x.num_elements());
    kernels::MakeByteTable(y_affine, to, same).Apply(y.ptr<uint8_t>(), right, y.num_elements());
    const Dims* shapes[] = {&condition.dims, &x.dims, &y.dims};
    const kernels::BroadcastLoop loop(dims, shapes);
    context.ParallelFor(loop.num_elements(), 0.6, [&](int64_t begin, int64_t end) {
      kernels::Select(loop, condition.data, left, right, x.dtype, z.data, begin, end);
    });
    return Status();
  });
}

Status RunMean(KernelContext& context, std::string_view name, const std::vector<bool>& reduced, const Dims& dims) {
  const TensorView& x = context.input(0);
  ASSIGN_OR_RETURN(const Affine from, ReadAffine(context, name, x.dtype, 1));
  ASSIGN_OR_RETURN(const Affine to, ReadAffine(context, name, x.dtype, 3));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, dims));
  const kernels::ReduceShape shape(x.dims, reduced);
  return RunInFloat(context, x, from, y, to, [&](const float* in, float* out) {
    context.ParallelFor(shape.units(), static_cast<double>(shape.elements_per_unit()), [&](int64_t begin, int64_t end) {
      kernels::Reduce(kernels::ReduceOp::kMean, DataType::kFloat, in, shape, DataType::kFloat, out, begin, end);
    });
    return Status();
  });
}

StatusOr<std::unique_ptr<Kernel>> MakeReduceMean(const NodeInfo& node) {
  return MakeKernel([axes = node.GetInts("axes"), keepdims = node.GetInt("keepdims", 1) != 0](KernelContext& context) -> Status {
    const Dims& x = context.input(0).dims;
    std::vector<bool> reduced(x.rank(), axes.empty());
    for (const int64_t axis : axes) {
      ASSIGN_OR_RETURN(const size_t d, NormalAxis("QLinearReduceMean", axis, x.rank()));
      reduced[d] = true;
    }
    Dims dims;
    for (size_t d = 0; d < x.rank(); ++d) {
      if (!reduced[d])
        dims.push_back(x[d]);
      else if (keepdims)
        dims.push_back(1);
    }
    return RunMean(context, "QLinearReduceMean", reduced, dims);
  });
}

StatusOr<std::unique_ptr<Kernel>> MakeGlobalAveragePool(const NodeInfo& node) {
  const bool channels_last = node.GetInt("channels_last", 0) != 0;
  return MakeKernel([channels_last](KernelContext& context) -> Status {
    const Dims& x = context.input(0).dims;
    if (x.rank() < 3) return Usage(fmt::format("QLinearGlobalAveragePool: the input is {}", context.input(0).TypeString()));
    std::vector<bool> reduced(x.rank(), true);
    reduced[0] = reduced[channels_last ? x.rank() - 1 : 1] = false;
    Dims dims = x;
    for (size_t d = 0; d < x.rank(); ++d) dims[d] = reduced[d] ? 1 : x[d];
    return RunMean(context, "QLinearGlobalAveragePool", reduced, dims);
  });
}

// [batch, rows, columns] -> [batch, columns, rows]: between channels last and channels first.
void SwapLastTwo(int64_t batch, int64_t rows, int64_t columns, const float* in, float* out) {
  for (int64_t b = 0; b < batch; ++b, in += rows * columns, out += rows * columns)
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c) out[c * rows + r] = in[r * columns + c];
}

struct AveragePool {
  kernels::WindowAttributes attributes;
  std::vector<int64_t> kernel_shape;
  bool count_include_pad, channels_last;

  Status Run(KernelContext& context) const {
    constexpr std::string_view kName = "QLinearAveragePool";
    const TensorView& x = context.input(0);
    if (x.rank() < 3) return Usage(fmt::format("{}: the input is {}", kName, x.TypeString()));
    ASSIGN_OR_RETURN(const Affine from, ReadAffine(context, kName, x.dtype, 1));
    ASSIGN_OR_RETURN(const Affine to, ReadAffine(context, kName, x.dtype, 3));
    const size_t spatial = x.rank() - 2;
    const std::span<const int64_t> sizes = std::span<const int64_t>(x.dims).subspan(channels_last ? 1 : 2, spatial);
    ASSIGN_OR_RETURN(const kernels::Window window, kernels::MakeWindow(attributes, sizes, kernel_shape));
    const int64_t batch = x.dims[0], channels = x.dims[channels_last ? x.rank() - 1 : 1];
    Dims dims = x.dims;
    const Dims pooled = window.output_dims();
    for (size_t d = 0; d < spatial; ++d) dims[d + (channels_last ? 1 : 2)] = pooled[d];
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, dims));
    const auto pool = [&](float* in, float* out) -> Status {
      const int64_t planes = batch * channels;
      if (!channels_last) {
        kernels::AveragePool<float>(window, planes, count_include_pad, in, out, context.thread_pool());
        return Status();
      }
      float* const first = out + y.num_elements();
      float* const result = first + x.num_elements();
      SwapLastTwo(batch, window.input_size(), channels, in, first);
      kernels::AveragePool<float>(window, planes, count_include_pad, first, result, context.thread_pool());
      SwapLastTwo(batch, channels, window.output_size(), result, out);
      return Status();
    };
    return RunInFloat(context, x, from, y, to, pool, channels_last ? x.num_elements() + y.num_elements() : 0);
  }
};

StatusOr<std::unique_ptr<Kernel>> MakeAveragePool(const NodeInfo& node) {
  ASSIGN_OR_RETURN(kernels::WindowAttributes attributes, ReadWindowAttributes(node));
  AveragePool pool{std::move(attributes), node.GetInts("kernel_shape"), node.GetInt("count_include_pad", 0) != 0,
                   node.GetInt("channels_last", 0) != 0};
  return MakeKernel([pool = std::move(pool)](KernelContext& context) { return pool.Run(context); });
}

template <StatusOr<std::unique_ptr<Kernel>> (*make)(const NodeInfo&)>
constexpr KernelEntry Row(std::string_view name) {
  return {"com.microsoft", name, "reference", AcceptsAll, make};
}

}  // namespace

std::span<const KernelEntry> QLinearKernels() {
  static constexpr KernelEntry kEntries[] = {
      {"com.microsoft", "QLinearAdd", "reference", AcceptsAll,
       [](const NodeInfo& node) { return MakeBinary(QLinearBinaryOp::kAdd, node); }},
      {"com.microsoft", "QLinearMul", "reference", AcceptsAll,
       [](const NodeInfo& node) { return MakeBinary(QLinearBinaryOp::kMul, node); }},
      Row<MakeSigmoid>("QLinearSigmoid"),
      Row<MakeLeakyRelu>("QLinearLeakyRelu"),
      Row<MakeSoftmax>("QLinearSoftmax"),
      Row<MakeConcat>("QLinearConcat"),
      Row<MakeWhere>("QLinearWhere"),
      Row<MakeReduceMean>("QLinearReduceMean"),
      Row<MakeGlobalAveragePool>("QLinearGlobalAveragePool"),
      Row<MakeAveragePool>("QLinearAveragePool"),
  };
  return kEntries;
}

}  // namespace sardonyx::cpu
