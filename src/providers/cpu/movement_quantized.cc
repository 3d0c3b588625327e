// com.microsoft GatherBlockQuantized.
#include "kernels/movement/gather_quantized.h"
#include "kernels/movement/shape_math.h"
#include "providers/cpu/movement.h"
#include "providers/cpu/movement_elements.h"

namespace sardonyx::cpu {
namespace {

struct GatherQuantizedOptions {
  int64_t gather_axis, quantize_axis, block, bits;
};

// A float16, bfloat16 or float tensor as floats.
StatusOr<std::vector<float>> ReadScales(const TensorView& view) {
  std::vector<float> scales;
  RETURN_IF_ERROR((Dispatch<float, Float16, BFloat16>(view.dtype, "GatherBlockQuantized", [&]<class T>() -> Status {
    for (const T& value : view.as<T>()) scales.push_back(static_cast<float>(value));
    return {};
  })));
  return scales;
}

// Zero points as floats, one per scale. In uint8 each row of them begins a new byte.
StatusOr<std::vector<float>> ReadZeros(const TensorView& view, const TensorView& data, const Dims& scale_dims, int bits) {
  Dims expected = scale_dims;
  const int64_t columns = scale_dims.back();
  const bool packed = data.dtype == DataType::kUint8;
  const int64_t per_byte = packed ? 8 / bits : 1;
  expected[expected.rank() - 1] = (columns + per_byte - 1) / per_byte;
  if (view.dtype != data.dtype || view.dims != expected)
    return Invalid(fmt::format("zero_points are {} instead of {}{}", view.TypeString(), DataTypeName(data.dtype), expected.ToString()));
  std::vector<float> zeros(static_cast<size_t>(scale_dims.num_elements()));
  const int64_t stride = packed ? expected.back() * per_byte : columns;
  for (int64_t row = 0; columns > 0 && row < scale_dims.num_elements() / columns; ++row)
    kernels::ReadQuantized(view.dtype, bits, view.data, row * stride, columns, zeros.data() + row * columns);
  return zeros;
}

Status RunGatherQuantized(KernelContext& context, const GatherQuantizedOptions& options) {
  const TensorView &data = context.input(0), &scales = context.input(2);
  Dims dims = data.dims;
  if (dims.empty() || BitsPerElement(data.dtype) > 8 || data.dtype == DataType::kString)
    return Invalid(fmt::format("data cannot be {}", data.TypeString()));
  const int bits = data.dtype == DataType::kUint8 ? static_cast<int>(options.bits) : BitsPerElement(data.dtype);
  if (data.dtype == DataType::kUint8) dims[dims.rank() - 1] *= 8 / bits;
  ASSIGN_OR_RETURN(const size_t gather_axis, kernels::ResolveAxis(options.gather_axis, dims.rank()));
  ASSIGN_OR_RETURN(const size_t quantize_axis, kernels::ResolveAxis(options.quantize_axis, dims.rank()));
  Dims scale_dims = dims;
  scale_dims[quantize_axis] = (dims[quantize_axis] + options.block - 1) / options.block;
  if (scales.dims != scale_dims)
    return Invalid(fmt::format("scales of shape {} instead of {}", scales.dims.ToString(), scale_dims.ToString()));
  ASSIGN_OR_RETURN(const kernels::Indices indices, ReadIndices(context.input(1)));
  RETURN_IF_ERROR(CheckIndices(indices, dims[gather_axis]));
  ASSIGN_OR_RETURN(const std::vector<float> scale_values, ReadScales(scales));
  std::vector<float> zeros;
  const bool has_zeros = context.num_inputs() > 3 && context.has_input(3);
  if (has_zeros) {
    ASSIGN_OR_RETURN(zeros, ReadZeros(context.input(3), data, scale_dims, bits));
  }
  Dims out;
  for (size_t i = 0; i < gather_axis; ++i) out.push_back(dims[i]);
  for (int64_t dim : context.input(1).dims) out.push_back(dim);
  for (size_t i = gather_axis + 1; i < dims.rank(); ++i) out.push_back(dims[i]);
  ASSIGN_OR_RETURN(const int64_t count, CheckedNumElements(DataType::kFloat, out));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, scales.dtype, out));
  const kernels::QuantizedTable table{.type = data.dtype,
                                      .bits = bits,
                                      .data = data.data,
                                      .outer = dims.Product(0, gather_axis),
                                      .size = dims[gather_axis],
                                      .inner = dims.Product(gather_axis + 1, dims.rank()),
                                      .length = dims[quantize_axis],
                                      .after = dims.Product(quantize_axis + 1, dims.rank()),
                                      .block = options.block,
                                      .scales = scale_values.data(),
                                      .zeros = has_zeros ? zeros.data() : nullptr,
                                      // Bytes are unsigned and centred; the types of 4 bits have a sign where they need one.
                                      .default_zero = data.dtype == DataType::kUint8 ? static_cast<float>(1 << (bits - 1)) : 0.f};
  if (y.dtype == DataType::kFloat) {
    GatherQuantized(table, indices, y.mutable_ptr<float>(), &context.thread_pool());
    return {};
  }
  ASSIGN_OR_RETURN(void* scratch, context.Workspace(static_cast<size_t>(count) * sizeof(float)));
  auto* floats = static_cast<float*>(scratch);
  GatherQuantized(table, indices, floats, &context.thread_pool());
  return Dispatch<Float16, BFloat16>(y.dtype, "GatherBlockQuantized", [&]<class T>() -> Status {
    for (int64_t i = 0; i < count; ++i) y.mutable_ptr<T>()[i] = T(floats[i]);
    return {};
  });
}

}  // namespace

KernelOr CreateGatherBlockQuantized(const NodeInfo& node) {
  const GatherQuantizedOptions options{node.GetInt("gather_axis", 0), node.GetInt("quantize_axis", 1), node.GetInt("block_size", 128),
                                       node.GetInt("bits", 4)};
  if (options.block < 1 || options.block > (1 << 30)) return Invalid(fmt::format("block_size is {}", options.block));
  if (options.bits != 2 && options.bits != 4 && options.bits != 8) return Invalid(fmt::format("bits is {}, not 2, 4 or 8", options.bits));
  return MakeKernel([options](KernelContext& context) { return RunGatherQuantized(context, options); });
}

}  // namespace sardonyx::cpu
