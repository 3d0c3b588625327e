// QuantizeLinear, DequantizeLinear (both also of com.microsoft) and DynamicQuantizeLinear.
#include "kernels/quantize/quantize.h"
#include "providers/cpu/generator.h"
#include "providers/cpu/quantization.h"
#include "providers/cpu/scalar_input.h"
#include "providers/cpu/table_workspace.h"

namespace sardonyx::cpu {
namespace {

using kernels::kChunk;
using kernels::QuantizationLayout;
using Kind = QuantizationLayout::Kind;

struct LinearAttributes {
  std::string name;
  int64_t axis = 1;
  int64_t block_size = 0;
  DataType output_dtype = DataType::kUndefined;
  DataType precision = DataType::kUndefined;
  kernels::ConvertOptions options;
};

StatusOr<LinearAttributes> ReadAttributes(const NodeInfo& node) {
  LinearAttributes attributes;
  attributes.name = node.node().op_type;
  attributes.axis = node.GetInt("axis", 1);
  attributes.block_size = node.GetInt("block_size", 0);
  ASSIGN_OR_RETURN(attributes.output_dtype, DtypeAttribute(node, "output_dtype", DataType::kUndefined));
  ASSIGN_OR_RETURN(attributes.precision, DtypeAttribute(node, "precision", DataType::kUndefined));
  attributes.options.overflow = node.GetInt("saturate", 1) != 0 ? Overflow::kSaturate : Overflow::kNonFinite;
  if (attributes.block_size < 0) return Invalid(fmt::format("{}: block_size is {}", attributes.name, attributes.block_size));
  return attributes;
}

// How the scale's shape meets the tensor's.
StatusOr<QuantizationLayout> LayoutOf(const LinearAttributes& attributes, const Dims& x, const Dims& scale) {
  if (scale.num_elements() == 1 && (scale.rank() <= 1 || attributes.block_size == 0)) return QuantizationLayout{};
  ASSIGN_OR_RETURN(const size_t axis, NormalAxis(attributes.name, attributes.axis, x.rank()));
  QuantizationLayout layout{.length = x[axis], .inner = x.Product(axis + 1, x.rank())};
  Dims expected{x[axis]};
  if (attributes.block_size == 0) {
    layout.kind = Kind::kPerAxis;
  } else {
    layout.kind = Kind::kBlocked;
    layout.block = attributes.block_size;
    expected = x;
    expected[axis] = layout.blocks();
  }
  if (!(scale == expected))
    return Usage(fmt::format("{}: the scale has shape {}, not {}, for {} along axis {}", attributes.name, scale.ToString(),
                             expected.ToString(), x.ToString(), attributes.axis));
  return layout;
}

Status CheckZeroPoint(const LinearAttributes& attributes, const TensorView& scale, const TensorView* zero_point) {
  if (!IsFloatingPoint(scale.dtype) && !IsInteger(scale.dtype))
    return Usage(fmt::format("{}: the scale is {}", attributes.name, scale.TypeString()));
  if (zero_point == nullptr || zero_point->num_elements() == scale.num_elements()) return Status();
  return Usage(fmt::format("{}: the zero point is {} for a scale {}", attributes.name, zero_point->TypeString(), scale.TypeString()));
}

bool IsQuantized(DataType dtype) {
  const int bits = BitsPerElement(dtype);
  return (IsInteger(dtype) && bits <= 16) || (IsFloatingPoint(dtype) && bits <= 8 && dtype != DataType::kFloat8E8M0);
}

// Runs work(begin, end) over whole chunks, so that threads share no byte of packed elements.
template <class Work>
void ForChunks(KernelContext& context, int64_t count, Work&& work) {
  context.ParallelFor((count + kChunk - 1) / kChunk, 1.5 * kChunk,
                      [&](int64_t first, int64_t last) { work(first * kChunk, std::min(count, last * kChunk)); });
}

Status RunQuantize(KernelContext& context, const LinearAttributes& attributes) {
  const TensorView& x = context.input(0);
  const TensorView& scale = context.input(1);
  const TensorView* const zero_point = OptionalInput(context, 2);
  if (!IsFloatingPoint(x.dtype) && !IsInteger(x.dtype))
    return Unsupported(fmt::format("{} is not defined for {}", attributes.name, DataTypeName(x.dtype)));
  RETURN_IF_ERROR(CheckZeroPoint(attributes, scale, zero_point));
  DataType y_dtype = attributes.output_dtype != DataType::kUndefined ? attributes.output_dtype : DataType::kUint8;
  if (zero_point != nullptr) {
    if (attributes.output_dtype != DataType::kUndefined && attributes.output_dtype != zero_point->dtype)
      return Usage(fmt::format("{}: output_dtype {} differs from the zero point's {}", attributes.name, DataTypeName(y_dtype),
                               DataTypeName(zero_point->dtype)));
    y_dtype = zero_point->dtype;
  }
  if (!IsQuantized(y_dtype)) return Unsupported(fmt::format("{} does not give {}", attributes.name, DataTypeName(y_dtype)));
  ASSIGN_OR_RETURN(const QuantizationLayout layout, LayoutOf(attributes, x.dims, scale.dims));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, y_dtype, x.dims));
  ASSIGN_OR_RETURN(TableWorkspace workspace, TableWorkspace::Create(context, DataType::kFloat, {&scale, zero_point}));
  const kernels::QuantizationTables tables{static_cast<const float*>(workspace.Take(&scale)),
                                           static_cast<const float*>(workspace.Take(zero_point))};
  const DataType precision = attributes.precision != DataType::kUndefined ? attributes.precision : scale.dtype;
  ForChunks(context, x.num_elements(), [&](int64_t begin, int64_t end) {
    kernels::Quantize(layout, tables, precision, attributes.options, x.dtype, x.data, y.dtype, y.data, begin, end);
  });
  return Status();
}

Status RunDequantize(KernelContext& context, const LinearAttributes& attributes) {
  const TensorView& x = context.input(0);
  const TensorView& scale = context.input(1);
  const TensorView* const zero_point = OptionalInput(context, 2);
  if (!IsQuantized(x.dtype) && x.dtype != DataType::kInt32)
    return Unsupported(fmt::format("{} is not defined for {}", attributes.name, DataTypeName(x.dtype)));
  RETURN_IF_ERROR(CheckZeroPoint(attributes, scale, zero_point));
  if (zero_point != nullptr && zero_point->dtype != x.dtype)
    return Usage(fmt::format("{}: the zero point is {}, the tensor {}", attributes.name, zero_point->TypeString(), x.TypeString()));
  DataType y_dtype = attributes.output_dtype != DataType::kUndefined ? attributes.output_dtype : scale.dtype;
  if (y_dtype == DataType::kFloat8E8M0) y_dtype = DataType::kFloat;
  if (!IsFloatingPoint(y_dtype) || BitsPerElement(y_dtype) < 16)
    return Unsupported(fmt::format("{} does not give {}", attributes.name, DataTypeName(y_dtype)));
  ASSIGN_OR_RETURN(const QuantizationLayout layout, LayoutOf(attributes, x.dims, scale.dims));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, y_dtype, x.dims));
  ASSIGN_OR_RETURN(TableWorkspace workspace, TableWorkspace::Create(context, DataType::kFloat, {&scale, zero_point}));
  const kernels::QuantizationTables tables{static_cast<const float*>(workspace.Take(&scale)),
                                           static_cast<const float*>(workspace.Take(zero_point))};
  ForChunks(context, x.num_elements(),
            [&](int64_t begin, int64_t end) { kernels::Dequantize(layout, tables, x.dtype, x.data, y.dtype, y.data, begin, end); });
  return Status();
}

template <Status (*run)(KernelContext&, const LinearAttributes&)>
StatusOr<std::unique_ptr<Kernel>> MakeLinear(const NodeInfo& node) {
  ASSIGN_OR_RETURN(LinearAttributes attributes, ReadAttributes(node));
  return MakeKernel([attributes = std::move(attributes)](KernelContext& context) { return run(context, attributes); });
}

StatusOr<std::unique_ptr<Kernel>> MakeDynamicQuantize(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    if (x.dtype != DataType::kFloat) return Unsupported(fmt::format("DynamicQuantizeLinear is not defined for {}", DataTypeName(x.dtype)));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kUint8, x.dims));
    ASSIGN_OR_RETURN(TensorView scale, context.Output(1, DataType::kFloat, {}));
    ASSIGN_OR_RETURN(TensorView zero_point, context.Output(2, DataType::kUint8, {}));
    const kernels::DynamicParameters chosen = kernels::ChooseUint8Parameters(x.ptr<float>(), x.num_elements());
    *scale.mutable_ptr<float>() = chosen.scale;
    *zero_point.mutable_ptr<uint8_t>() = chosen.zero_point;
    const float shift = chosen.zero_point;
    ForChunks(context, x.num_elements(), [&](int64_t begin, int64_t end) {
      kernels::Quantize({}, {&chosen.scale, &shift}, DataType::kFloat, {}, x.dtype, x.data, y.dtype, y.data, begin, end);
    });
    return Status();
  });
}

}  // namespace

std::span<const KernelEntry> LinearQuantizationKernels() {
  static constexpr KernelEntry kEntries[] = {
      {"", "QuantizeLinear", "reference", AcceptsAll, MakeLinear<RunQuantize>},
      {"", "DequantizeLinear", "reference", AcceptsAll, MakeLinear<RunDequantize>},
      {"", "DynamicQuantizeLinear", "reference", AcceptsAll, MakeDynamicQuantize},
      {"com.microsoft", "QuantizeLinear", "reference", AcceptsAll, MakeLinear<RunQuantize>},
      {"com.microsoft", "DequantizeLinear", "reference", AcceptsAll, MakeLinear<RunDequantize>},
  };
  return kEntries;
}

}  // namespace sardonyx::cpu
