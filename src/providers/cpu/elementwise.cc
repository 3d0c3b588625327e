#include "providers/cpu/elementwise.h"

#include <vector>

namespace sardonyx::cpu {

Status RunElementwise(KernelContext& context, std::string_view op, const kernels::RowKernel& kernel,
                      std::span<const ElementwiseInput> inputs, DataType out_dtype, const Parameters& parameters) {
  if (!kernel) return NoKernelFor(op, inputs[0].tensor->dtype);
  Dims dims = inputs[0].dims;
  for (const ElementwiseInput& input : inputs.subspan(1)) {
    ASSIGN_OR_RETURN(dims, kernels::BroadcastShape(dims, input.dims));
  }
  ASSIGN_OR_RETURN(TensorView out, context.Output(0, out_dtype, dims));

  constexpr size_t kMax = kernels::BroadcastLoop::kMaxOperands;
  std::array<kernels::Operand, kMax> operands;
  std::array<const Dims*, kMax> shapes;
  for (size_t i = 0; i < inputs.size(); ++i) {
    operands[i] = {inputs[i].tensor->data, inputs[i].tensor->dtype};
    shapes[i] = &inputs[i].dims;
  }
  const std::span<const kernels::Operand> used(operands.data(), inputs.size());
  const kernels::BroadcastLoop loop(dims, {shapes.data(), inputs.size()});
  context.ParallelFor(loop.num_elements(), kernel.cost,
                      [&](int64_t begin, int64_t end) { RunRows(kernel, loop, used, out_dtype, out.data, parameters.data(), begin, end); });
  return Status();
}

std::span<const KernelEntry> ElementwiseKernels() {
  static const std::vector<KernelEntry>* const kEntries = [] {
    auto* all = new std::vector<KernelEntry>();
    for (auto part : {UnaryKernels(), BinaryKernels(), VariadicKernels(), CastKernels(), DropoutKernels(), FusedKernels(), ChainKernels()})
      all->insert(all->end(), part.begin(), part.end());
    return all;
  }();
  return *kEntries;
}

}  // namespace sardonyx::cpu
