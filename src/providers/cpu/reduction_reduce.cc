// The ten Reduce operators, and MeanVarianceNormalization, which is two of them.
#include "kernels/reduce/reduce.h"

#include <cmath>

#include "kernels/elementwise/binary.h"
#include "kernels/elementwise/convert.h"
#include "kernels/elementwise/rows.h"
#include "providers/cpu/reduction.h"
#include "providers/cpu/scalar_input.h"

namespace sardonyx::cpu {
namespace {

using enum kernels::ReduceOp;
using kernels::ReduceOp;
using kernels::ReduceShape;

struct ReduceBinding {
  ReduceOp op;
  std::string name;
  bool axes_by_input;
  std::vector<int64_t> axes;  // of the attribute
  bool keepdims;
  bool noop_with_empty_axes;

  StatusOr<std::vector<bool>> ReducedAxes(const KernelContext& context, const Dims& dims) const {
    std::span<const int64_t> wanted = axes;
    if (axes_by_input) {
      wanted = {};
      if (context.has_input(1)) {
        const TensorView& input = context.input(1);
        if (input.dtype != DataType::kInt64) return Usage(fmt::format("{}: axes are {}, not int64", name, input.TypeString()));
        wanted = input.as<int64_t>();
      }
    }
    std::vector<bool> reduced(dims.rank(), wanted.empty() && !noop_with_empty_axes);
    for (const int64_t axis : wanted) {
      ASSIGN_OR_RETURN(const size_t d, NormalAxis(name, axis, dims.rank()));
      reduced[d] = true;
    }
    return reduced;
  }

  Status operator()(KernelContext& context) const {
    const TensorView& x = context.input(0);
    const bool ordered = op == kMax || op == kMin;
    if (!IsInteger(x.dtype) && !IsFloatingPoint(x.dtype) && !(x.dtype == DataType::kBool && ordered))
      return Unsupported(fmt::format("{} is not defined for {}", name, DataTypeName(x.dtype)));
    ASSIGN_OR_RETURN(const std::vector<bool> reduced, ReducedAxes(context, x.dims));
    Dims dims;
    for (size_t d = 0; d < x.rank(); ++d) {
      if (!reduced[d])
        dims.push_back(x.dims[d]);
      else if (keepdims)
        dims.push_back(1);
    }
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, dims));
    const ReduceShape shape(x.dims, reduced);
    const double each = op == kLogSumExp ? 10 : 0.6;
    context.ParallelFor(shape.units(), each * static_cast<double>(shape.elements_per_unit()),
                        [&](int64_t begin, int64_t end) { kernels::Reduce(op, x.dtype, x.data, shape, y.dtype, y.data, begin, end); });
    return Status();
  }
};

StatusOr<std::unique_ptr<Kernel>> MakeReduce(ReduceOp op, const NodeInfo& node) {
  const int64_t axes_input_since = op == kSum ? 13 : 18;
  return MakeKernel(ReduceBinding{op, node.node().op_type, node.opset_version() >= axes_input_since, node.GetInts("axes"),
                                  node.GetInt("keepdims", 1) != 0, node.GetInt("noop_with_empty_axes", 0) != 0});
}

// (x - mean) / (deviation + 1e-9) over the given axes.
Status NormalizeMeanVariance(KernelContext& context, const std::vector<int64_t>& axes) {
  const TensorView& x = context.input(0);
  RETURN_IF_ERROR(CheckReal("MeanVarianceNormalization", x.dtype));
  std::vector<bool> reduced(x.rank(), false);
  for (const int64_t axis : axes) {
    ASSIGN_OR_RETURN(const size_t d, NormalAxis("MeanVarianceNormalization", axis, x.rank()));
    reduced[d] = true;
  }
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, x.dims));
  Dims kept = x.dims;
  for (size_t d = 0; d < x.rank(); ++d) kept[d] = reduced[d] ? 1 : kept[d];
  const int64_t outputs = kept.num_elements();
  ASSIGN_OR_RETURN(void* const scratch, context.Workspace(2 * static_cast<size_t>(outputs) * sizeof(double)));
  auto* const means = static_cast<double*>(scratch);
  double* const deviations = means + outputs;
  const ReduceShape shape(x.dims, reduced);
  context.ParallelFor(shape.units(), static_cast<double>(shape.elements_per_unit()), [&](int64_t begin, int64_t end) {
    kernels::Reduce(kMean, x.dtype, x.data, shape, DataType::kDouble, means, begin, end);
    kernels::Reduce(kSumSquare, x.dtype, x.data, shape, DataType::kDouble, deviations, begin, end);
  });
  for (int64_t i = 0; i < outputs; ++i) {
    const double variance = deviations[i] / static_cast<double>(shape.count()) - means[i] * means[i];
    deviations[i] = std::sqrt(std::max(variance, 0.0)) + 1e-9;
  }
  const kernels::RowKernel subtract = kernels::FindBinary(kernels::BinaryOp::kSub, DataType::kDouble);
  const kernels::RowKernel divide = kernels::FindBinary(kernels::BinaryOp::kDiv, DataType::kDouble);
  const Dims* shapes[] = {&x.dims, &kept};
  const kernels::BroadcastLoop loop(x.dims, shapes);
  const kernels::Operand centred[] = {{x.data, x.dtype}, {means, DataType::kDouble}},
                         scaled[] = {{y.data, y.dtype}, {deviations, DataType::kDouble}};
  context.ParallelFor(x.num_elements(), 2, [&](int64_t begin, int64_t end) {
    RunRows(subtract, loop, centred, y.dtype, y.data, nullptr, begin, end);
    RunRows(divide, loop, scaled, y.dtype, y.data, nullptr, begin, end);
  });
  return Status();
}

StatusOr<std::unique_ptr<Kernel>> MakeMeanVariance(const NodeInfo& node) {
  return MakeKernel([axes = node.GetInts("axes", {0, 2, 3})](KernelContext& context) { return NormalizeMeanVariance(context, axes); });
}

template <ReduceOp op>
constexpr KernelEntry Row(std::string_view name) {
  return {"", name, "reference", AcceptsAll, [](const NodeInfo& node) { return MakeReduce(op, node); }};
}

}  // namespace

std::span<const KernelEntry> ReduceKernels() {
  static constexpr KernelEntry kEntries[] = {
      Row<kSum>("ReduceSum"),
      Row<kMean>("ReduceMean"),
      Row<kMax>("ReduceMax"),
      Row<kMin>("ReduceMin"),
      Row<kProd>("ReduceProd"),
      Row<kL1>("ReduceL1"),
      Row<kL2>("ReduceL2"),
      Row<kLogSum>("ReduceLogSum"),
      Row<kLogSumExp>("ReduceLogSumExp"),
      Row<kSumSquare>("ReduceSumSquare"),
      {"", "MeanVarianceNormalization", "reference", AcceptsAll, MakeMeanVariance},
  };
  return kEntries;
}

}  // namespace sardonyx::cpu
