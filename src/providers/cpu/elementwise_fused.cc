// ONNX Runtime's BiasGelu and FastGelu: an activation of a sum.
#include "kernels/elementwise/binary.h"
#include "kernels/elementwise/unary.h"
#include "providers/cpu/elementwise.h"

namespace sardonyx::cpu {
namespace {

constexpr int64_t kTile = 4096;  // elements that stay in the first-level cache

// y = activation(x + bias), the bias (input 1, may be omitted) broadcast to x.
StatusOr<std::unique_ptr<Kernel>> MakeBiasActivation(kernels::UnaryOp activation, const NodeInfo& node) {
  return MakeKernel(
      [activation, name = node.node().op_type](KernelContext& context) -> Status {
        const TensorView& x = context.input(0);
        const kernels::RowKernel act = kernels::FindUnary(activation, x.dtype);
        if (!context.has_input(1)) {
          const ElementwiseInput input[] = {{&x, x.dims}};
          return RunElementwise(context, name, act, input, x.dtype);
        }
        const TensorView& bias = context.input(1);
        if (!act || bias.dtype != x.dtype) return Usage(fmt::format("{}: inputs are {} and {}", name, x.TypeString(), bias.TypeString()));
        ASSIGN_OR_RETURN(const Dims dims, kernels::BroadcastShape(x.dims, bias.dims));
        if (!(dims == x.dims)) return Usage(fmt::format("{}: bias {} does not broadcast to {}", name, bias.TypeString(), x.TypeString()));
        ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, dims));
        const kernels::RowKernel add = kernels::FindBinary(kernels::BinaryOp::kAdd, x.dtype);
        const Dims* shapes[] = {&x.dims, &bias.dims};
        const kernels::BroadcastLoop sum_loop(dims, shapes), act_loop(dims, {shapes, 1});
        const kernels::Operand sum[] = {{x.data, x.dtype}, {bias.data, bias.dtype}}, result[] = {{y.data, y.dtype}};
        context.ParallelFor(x.num_elements(), act.cost + add.cost, [&](int64_t begin, int64_t end) {
          for (int64_t at = begin; at < end; at += kTile) {  // tile by tile in cache
            const int64_t stop = std::min(end, at + kTile);
            RunRows(add, sum_loop, sum, y.dtype, y.data, nullptr, at, stop);
            RunRows(act, act_loop, result, y.dtype, y.data, nullptr, at, stop);
          }
        });
        return Status();
      },
      {.in_place = {{0, 0}}});
}

}  // namespace

std::span<const KernelEntry> FusedKernels() {
  static constexpr KernelEntry kEntries[] = {
      {"com.microsoft", "BiasGelu", "reference", AcceptsAll,
       [](const NodeInfo& node) { return MakeBiasActivation(kernels::UnaryOp::kGelu, node); }},
      {"com.microsoft", "FastGelu", "reference", AcceptsAll,
       [](const NodeInfo& node) { return MakeBiasActivation(kernels::UnaryOp::kGeluTanh, node); }},
  };
  return kEntries;
}

}  // namespace sardonyx::cpu
