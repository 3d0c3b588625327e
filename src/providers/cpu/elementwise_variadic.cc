// Max, Min, Sum, Mean, Where and Clip.
#include "kernels/elementwise/binary.h"
#include "kernels/elementwise/convert.h"
#include "kernels/elementwise/select.h"
#include "providers/cpu/elementwise.h"

namespace sardonyx::cpu {
namespace {

using kernels::BinaryOp;
using kernels::BroadcastLoop;
using kernels::Operand;

// out = op(out, operand) or, to begin with, op(first, operand), for one range of the output.
struct FoldStep {
  BroadcastLoop loop;
  std::array<Operand, 2> operands;
};

FoldStep MakeStep(const Dims& dims, const Dims& left_dims, Operand left, const Dims& right_dims, Operand right) {
  const Dims* shapes[] = {&left_dims, &right_dims};
  return {BroadcastLoop(dims, shapes), {left, right}};
}

Status RunVariadic(KernelContext& context, std::string_view name, BinaryOp op, bool mean) {
  const size_t count = context.num_inputs();
  const DataType dtype = context.input(0).dtype;
  const kernels::RowKernel kernel = kernels::FindBinary(op, dtype);
  if (!kernel) return NoKernelFor(name, dtype);
  Dims dims = context.input(0).dims;
  for (size_t i = 1; i < count; ++i) {
    if (context.input(i).dtype != dtype) return Usage(fmt::format("{}: inputs are not of one type", name));
    ASSIGN_OR_RETURN(dims, kernels::BroadcastShape(dims, context.input(i).dims));
  }
  ASSIGN_OR_RETURN(TensorView out, context.Output(0, dtype, dims));

  const Operand result = {out.data, dtype}, first = {context.input(0).data, dtype};
  std::vector<FoldStep> steps;
  for (size_t i = 1; i < count; ++i) {
    const TensorView& input = context.input(i);
    steps.push_back(MakeStep(dims, i == 1 ? context.input(0).dims : dims, i == 1 ? first : result, input.dims, {input.data, dtype}));
  }
  const float divisor = static_cast<float>(count);
  const FoldStep divide = MakeStep(dims, dims, count > 1 ? result : first, Dims(), {&divisor, DataType::kFloat});
  const kernels::RowKernel divider = kernels::FindBinary(BinaryOp::kDiv, dtype);
  context.ParallelFor(out.num_elements(), kernel.cost * static_cast<double>(count), [&](int64_t begin, int64_t end) {
    if (count == 1 && !mean) kernels::ConvertElements(dtype, first.data, dtype, out.data, begin, end - begin);
    for (const FoldStep& step : steps) RunRows(kernel, step.loop, step.operands, dtype, out.data, nullptr, begin, end);
    if (mean) RunRows(divider, divide.loop, divide.operands, dtype, out.data, nullptr, begin, end);
  });
  return Status();
}

template <BinaryOp op, bool mean = false>
StatusOr<std::unique_ptr<Kernel>> MakeVariadic(const NodeInfo& node) {
  return MakeKernel([name = node.node().op_type](KernelContext& context) { return RunVariadic(context, name, op, mean); });
}

StatusOr<std::unique_ptr<Kernel>> MakeWhere(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    const TensorView& condition = context.input(0);
    const TensorView& x = context.input(1);
    const TensorView& y = context.input(2);
    if (condition.dtype != DataType::kBool || x.dtype != y.dtype)
      return Usage(fmt::format("Where: inputs are {}, {} and {}", condition.TypeString(), x.TypeString(), y.TypeString()));
    if (x.dtype != DataType::kString && BitsPerElement(x.dtype) < 8) return NoKernelFor("Where", x.dtype);
    ASSIGN_OR_RETURN(Dims dims, kernels::BroadcastShape(x.dims, y.dims));
    ASSIGN_OR_RETURN(dims, kernels::BroadcastShape(dims, condition.dims));
    ASSIGN_OR_RETURN(TensorView out, context.Output(0, x.dtype, dims));
    const Dims* shapes[] = {&condition.dims, &x.dims, &y.dims};
    const BroadcastLoop loop(dims, shapes);
    context.ParallelFor(loop.num_elements(), 0.6, [&](int64_t begin, int64_t end) {
      kernels::Select(loop, condition.data, x.data, y.data, x.dtype, out.data, begin, end);
    });
    return Status();
  });
}

// A bound of Clip: null, an input's element, or an attribute converted to the tensor's type (opset 1 to 10).
struct Bound {
  alignas(8) std::array<unsigned char, 8> stored;
  const void* data = nullptr;

  void Set(float value, DataType dtype) {
    kernels::ConvertElements(DataType::kFloat, &value, dtype, stored.data(), 0, 1);
    data = stored.data();
  }
  Status Take(const KernelContext& context, size_t i) {
    if (!context.has_input(i)) return Status();
    const TensorView& bound = context.input(i);
    if (bound.num_elements() != 1 || bound.dtype != context.input(0).dtype)
      return Usage(fmt::format("Clip: the bound {} is no scalar of type {}", bound.TypeString(), DataTypeName(context.input(0).dtype)));
    data = bound.data;
    return Status();
  }
};

StatusOr<std::unique_ptr<Kernel>> MakeClip(const NodeInfo& node) {
  const bool by_attributes = node.opset_version() < 11;
  std::optional<float> low, high;
  // Opset 6 gives the bounds defaults, the range of finite floats; opset 1 has none.
  const auto bounded = [&](const char* name) { return by_attributes && (node.schema().since_version == 6 || node.HasAttribute(name)); };
  constexpr float kLargest = std::numeric_limits<float>::max();
  if (bounded("min")) low = node.GetFloat("min", -kLargest);
  if (bounded("max")) high = node.GetFloat("max", kLargest);
  return MakeKernel(
      [by_attributes, low, high](KernelContext& context) -> Status {
        const TensorView& x = context.input(0);
        if (!IsFloatingPoint(x.dtype) && !IsInteger(x.dtype)) return NoKernelFor("Clip", x.dtype);
        Bound lowest, highest;
        if (by_attributes) {
          if (low) lowest.Set(*low, x.dtype);
          if (high) highest.Set(*high, x.dtype);
        } else {
          RETURN_IF_ERROR(lowest.Take(context, 1));
          RETURN_IF_ERROR(highest.Take(context, 2));
        }
        ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, x.dims));
        context.ParallelFor(x.num_elements(), 0.5, [&](int64_t begin, int64_t end) {
          kernels::Clip(x.dtype, x.data, lowest.data, highest.data, y.data, begin, end);
        });
        return Status();
      },
      {.in_place = {{0, 0}}});
}

}  // namespace

std::span<const KernelEntry> VariadicKernels() {
  static constexpr KernelEntry kEntries[] = {
      {"", "Max", "reference", AcceptsAll, MakeVariadic<BinaryOp::kMax>},
      {"", "Min", "reference", AcceptsAll, MakeVariadic<BinaryOp::kMin>},
      {"", "Sum", "reference", AcceptsAll, MakeVariadic<BinaryOp::kAdd>},
      {"", "Mean", "reference", AcceptsAll, MakeVariadic<BinaryOp::kAdd, true>},
      {"", "Where", "reference", AcceptsAll, MakeWhere},
      {"", "Clip", "reference", AcceptsAll, MakeClip},
  };
  return kEntries;
}

}  // namespace sardonyx::cpu
