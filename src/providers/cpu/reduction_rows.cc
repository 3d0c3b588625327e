// Normalizations of rows: LayerNormalization, RMSNormalization, InstanceNormalization, GroupNormalization, and ONNX Runtime's
// SimplifiedLayerNormalization, SkipLayerNormalization and SkipSimplifiedLayerNormalization.
#include "kernels/elementwise/binary.h"
#include "kernels/reduce/float_lines.h"
#include "kernels/reduce/normalize.h"
#include "providers/cpu/reduction.h"
#include "providers/cpu/scalar_input.h"
#include "providers/cpu/table_workspace.h"

namespace sardonyx::cpu {
namespace {

using kernels::BinaryOp;
using kernels::NormalizationType;
using kernels::RowNormalization;

// y = op(y, operand), the operand broadcast to y.
void CombineInPlace(KernelContext& context, BinaryOp op, TensorView& y, const TensorView& operand) {
  const kernels::RowKernel kernel = kernels::FindBinary(op, y.dtype);
  const Dims* shapes[] = {&y.dims, &operand.dims};
  const kernels::BroadcastLoop loop(y.dims, shapes);
  const kernels::Operand operands[] = {{y.data, y.dtype}, {operand.data, operand.dtype}};
  context.ParallelFor(y.num_elements(), kernel.cost,
                      [&](int64_t begin, int64_t end) { RunRows(kernel, loop, operands, y.dtype, y.data, nullptr, begin, end); });
}

// True when the table has one entry for each element of the normalized axes.
bool CoversRow(const TensorView* table, const Dims& dims, size_t axis) {
  if (table == nullptr) return true;
  if (table->rank() > dims.rank()) return false;
  const size_t lead = dims.rank() - table->rank();
  for (size_t d = 0; d < dims.rank(); ++d)
    if ((d < lead ? 1 : table->dims[d - lead]) != (d < axis ? 1 : dims[d])) return false;
  return true;
}

Status CheckTable(std::string_view op, const TensorView* table, const TensorView& x) {
  if (table == nullptr) return Status();
  RETURN_IF_ERROR(CheckReal(op, table->dtype));
  const auto broadcast = kernels::BroadcastShape(x.dims, table->dims);
  if (broadcast.ok() && *broadcast == x.dims) return Status();
  return Usage(fmt::format("{}: scale or bias {} does not broadcast to {}", op, table->TypeString(), x.TypeString()));
}

// The mean and the inverse deviation are outputs for training only; where they are not wanted nothing is computed for them.
struct Statistics {
  TensorView mean, inverse;
};
StatusOr<TensorView> StatisticsOutput(KernelContext& context, size_t output, const Dims& x, size_t axis, DataType dtype) {
  if (!context.has_output(output)) return TensorView();
  Dims dims = x;
  for (size_t d = axis; d < x.rank(); ++d) dims[d] = 1;
  return context.Output(output, dtype, dims);
}

struct LayerNormalization {
  std::string name;
  int64_t axis;
  double epsilon;
  bool center;
  size_t mean_output, inverse_output;  // 0: none
  DataType statistics_type;

  Status Run(KernelContext& context, const TensorView& x, const TensorView* scale, const TensorView* bias, DataType y_dtype) const {
    RETURN_IF_ERROR(CheckReal(name, x.dtype));
    RETURN_IF_ERROR(CheckTable(name, scale, x));
    RETURN_IF_ERROR(CheckTable(name, bias, x));
    ASSIGN_OR_RETURN(const size_t first, NormalAxis(name, axis, x.rank()));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, y_dtype, x.dims));
    Statistics statistics;
    if (mean_output > 0) {
      ASSIGN_OR_RETURN(statistics.mean, StatisticsOutput(context, mean_output, x.dims, first, statistics_type));
    }
    if (inverse_output > 0) {
      ASSIGN_OR_RETURN(statistics.inverse, StatisticsOutput(context, inverse_output, x.dims, first, statistics_type));
    }

    const bool fused = CoversRow(scale, x.dims, first) && CoversRow(bias, x.dims, first);
    const DataType type = NormalizationType(x.dtype);
    const int64_t rows = x.dims.Product(0, first), length = x.dims.Product(first, x.rank());
    const bool wants = statistics.mean.data != nullptr || statistics.inverse.data != nullptr;
    ASSIGN_OR_RETURN(TableWorkspace tables,
                     TableWorkspace::Create(context, type, {fused ? scale : nullptr, fused ? bias : nullptr}, wants ? 2 * rows : 0));
    RowNormalization how{.length = length, .epsilon = epsilon, .center = center, .run = 1, .period = length};
    how.scale = fused ? tables.Take(scale) : nullptr;
    how.bias = fused ? tables.Take(bias) : nullptr;
    void* const means = wants ? tables.TakeExtra(rows) : nullptr;
    void* const inverses = wants ? tables.TakeExtra(rows) : nullptr;
    context.ParallelFor(rows, 0.5 * static_cast<double>(length), [&](int64_t begin, int64_t end) {
      kernels::NormalizeRows(how, x.dtype, x.data, y.dtype, y.data, means, inverses, begin, end);
    });
    if (statistics.mean.data != nullptr) kernels::ConvertElements(type, means, statistics_type, statistics.mean.data, 0, rows);
    if (statistics.inverse.data != nullptr) kernels::ConvertElements(type, inverses, statistics_type, statistics.inverse.data, 0, rows);
    if (!fused && scale != nullptr) CombineInPlace(context, BinaryOp::kMul, y, *scale);
    if (!fused && bias != nullptr) CombineInPlace(context, BinaryOp::kAdd, y, *bias);
    return Status();
  }
};

LayerNormalization ReadLayer(const NodeInfo& node, bool center, size_t mean_output, size_t inverse_output) {
  const int64_t stash = node.GetInt("stash_type", 1);
  return {node.node().op_type,
          node.GetInt("axis", -1),
          node.GetFloat("epsilon", 1e-5f),
          center,
          mean_output,
          inverse_output,
          stash == static_cast<int64_t>(DataType::kBfloat16) ? DataType::kBfloat16
          : stash == static_cast<int64_t>(DataType::kDouble) ? DataType::kDouble
                                                             : DataType::kFloat};
}

StatusOr<std::unique_ptr<Kernel>> MakeLayerNormalization(const NodeInfo& node) {
  return MakeKernel(
      [layer = ReadLayer(node, true, 1, 2)](KernelContext& context) {
        return layer.Run(context, context.input(0), OptionalInput(context, 1), OptionalInput(context, 2), context.input(0).dtype);
      },
      {.in_place = {{0, 0}}});
}

// The output has the scale's type.
StatusOr<std::unique_ptr<Kernel>> MakeRms(const NodeInfo& node) {
  const size_t inverse_output = node.node().op_type == "SimplifiedLayerNormalization" ? 1 : 0;
  return MakeKernel([layer = ReadLayer(node, false, 0, inverse_output)](KernelContext& context) {
    return layer.Run(context, context.input(0), OptionalInput(context, 1), nullptr, context.input(1).dtype);
  });
}

// Normalizes input + skip (+ bias); the sum is an output too. `simplified`: no beta.
StatusOr<std::unique_ptr<Kernel>> MakeSkip(bool simplified, const NodeInfo& node) {
  LayerNormalization layer = ReadLayer(node, !simplified, 1, 2);
  layer.axis = -1;
  layer.epsilon = node.GetFloat("epsilon", 1e-12f);
  return MakeKernel([layer, simplified](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    const TensorView& skip = context.input(1);
    const TensorView* const bias = OptionalInput(context, simplified ? 3 : 4);
    RETURN_IF_ERROR(CheckReal(layer.name, x.dtype));
    RETURN_IF_ERROR(CheckTable(layer.name, &skip, x));
    RETURN_IF_ERROR(CheckTable(layer.name, bias, x));
    ASSIGN_OR_RETURN(TensorView sum, context.Output(3, x.dtype, x.dims));
    const int64_t length = x.rank() > 0 ? x.dims.back() : 1;
    if (x.dtype == DataType::kFloat && skip.dtype == DataType::kFloat && skip.dims == x.dims &&
        (bias == nullptr || (bias->dtype == DataType::kFloat && bias->dims == Dims{length}))) {
      context.ParallelFor(length > 0 ? x.num_elements() / length : 0, 0.3 * static_cast<double>(length), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row)
          kernels::AddLinesF32(x.ptr<float>() + row * length, skip.ptr<float>() + row * length, bias ? bias->ptr<float>() : nullptr, length,
                               sum.mutable_ptr<float>() + row * length);
      });
      return layer.Run(context, sum, OptionalInput(context, 2), simplified ? nullptr : OptionalInput(context, 3), x.dtype);
    }
    kernels::ConvertElements(x.dtype, x.data, x.dtype, sum.data, 0, x.num_elements());
    CombineInPlace(context, BinaryOp::kAdd, sum, skip);
    if (bias != nullptr) CombineInPlace(context, BinaryOp::kAdd, sum, *bias);
    return layer.Run(context, sum, OptionalInput(context, 2), simplified ? nullptr : OptionalInput(context, 3), x.dtype);
  });
}

// [N, C, spatial] with one scale and bias a channel; rows of `groups` to a batch entry. per_group: tables [groups], as in the
// first GroupNormalization.
Status NormalizeGroups(KernelContext& context, std::string_view name, int64_t groups, bool per_group, double epsilon) {
  const TensorView& x = context.input(0);
  RETURN_IF_ERROR(CheckReal(name, x.dtype));
  if (x.rank() < 2) return Usage(fmt::format("{}: the input is {}, without channels", name, x.TypeString()));
  const int64_t channels = x.dims[1], spatial = x.dims.Product(2, x.rank());
  if (groups == 0) groups = channels;  // InstanceNormalization
  if (channels > 0 && (groups <= 0 || channels % groups != 0))
    return Usage(fmt::format("{}: {} channels do not fall into {} groups", name, channels, groups));
  const int64_t entries = per_group ? groups : channels;
  for (size_t i : {1, 2}) {
    RETURN_IF_ERROR(CheckReal(name, context.input(i).dtype));
    if (context.input(i).num_elements() != entries)
      return Usage(fmt::format("{}: scale or bias is {}, not {} elements", name, context.input(i).TypeString(), entries));
  }
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, x.dims));
  if (x.num_elements() == 0) return Status();
  const int64_t length = channels / groups * spatial;
  ASSIGN_OR_RETURN(TableWorkspace tables,
                   TableWorkspace::Create(context, NormalizationType(x.dtype), {&context.input(1), &context.input(2)}));
  const RowNormalization how{.length = length,
                             .epsilon = epsilon,
                             .scale = tables.Take(&context.input(1)),
                             .bias = tables.Take(&context.input(2)),
                             .run = per_group ? length : spatial,
                             .period = entries};
  context.ParallelFor(x.dims[0] * groups, 2 * static_cast<double>(length), [&](int64_t begin, int64_t end) {
    kernels::NormalizeRows(how, x.dtype, x.data, y.dtype, y.data, nullptr, nullptr, begin, end);
  });
  return Status();
}

StatusOr<std::unique_ptr<Kernel>> MakeInstanceNormalization(const NodeInfo& node) {
  return MakeKernel([epsilon = node.GetFloat("epsilon", 1e-5f)](
                        KernelContext& context) { return NormalizeGroups(context, "InstanceNormalization", 0, false, epsilon); },
                    {.in_place = {{0, 0}}});
}

StatusOr<std::unique_ptr<Kernel>> MakeGroupNormalization(const NodeInfo& node) {
  const int64_t groups = node.GetInt("num_groups", 0);
  if (groups <= 0) return Invalid(fmt::format("GroupNormalization: num_groups is {}", groups));
  return MakeKernel([groups, per_group = node.opset_version() < 21, epsilon = node.GetFloat("epsilon", 1e-5f)](
                        KernelContext& context) { return NormalizeGroups(context, "GroupNormalization", groups, per_group, epsilon); },
                    {.in_place = {{0, 0}}});
}

}  // namespace

std::span<const KernelEntry> RowNormalizationKernels() {
  static constexpr KernelEntry kEntries[] = {
      {"", "LayerNormalization", "reference", AcceptsAll, MakeLayerNormalization},
      {"", "RMSNormalization", "reference", AcceptsAll, MakeRms},
      {"", "SimplifiedLayerNormalization", "reference", AcceptsAll, MakeRms},
      {"com.microsoft", "SimplifiedLayerNormalization", "reference", AcceptsAll, MakeRms},
      {"com.microsoft", "SkipLayerNormalization", "reference", AcceptsAll, [](const NodeInfo& node) { return MakeSkip(false, node); }},
      {"com.microsoft", "SkipSimplifiedLayerNormalization", "reference", AcceptsAll,
       [](const NodeInfo& node) { return MakeSkip(true, node); }},
      {"", "InstanceNormalization", "reference", AcceptsAll, MakeInstanceNormalization},
      {"", "GroupNormalization", "reference", AcceptsAll, MakeGroupNormalization},
  };
  return kEntries;
}

}  // namespace sardonyx::cpu
