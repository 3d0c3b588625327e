// Reshape, Flatten, Squeeze, Unsqueeze: the input's memory under other dims.
#include "kernels/movement/shape_math.h"
#include "providers/cpu/movement.h"
#include "providers/cpu/movement_elements.h"

namespace sardonyx::cpu {
namespace {

// A kernel that only computes dims: `dims_of(context) -> StatusOr<Dims>`.
template <class F>
KernelOr MakeView(F dims_of) {
  return MakeKernel(
      [dims_of = std::move(dims_of)](KernelContext& context) -> Status {
        ASSIGN_OR_RETURN(const Dims dims, dims_of(context));
        RETURN_IF_ERROR(CheckedNumElements(context.input(0).dtype, dims).status());
        return context.OutputAlias(0, 0, dims);
      },
      {.alias_input = 0});
}

}  // namespace

KernelOr CreateReshape1(const NodeInfo& node) {
  return MakeView([shape = node.GetInts("shape")](KernelContext& context) {
    return kernels::ReshapedDims(context.input(0).dims, shape, /*allow_zero=*/false);
  });
}

KernelOr CreateReshape5(const NodeInfo& node) {
  return MakeView([allow_zero = node.GetInt("allowzero") != 0](KernelContext& context) -> StatusOr<Dims> {
    ASSIGN_OR_RETURN(const Dims shape, ReadIntegers(context.input(1), "shape"));
    return kernels::ReshapedDims(context.input(0).dims, shape, allow_zero);
  });
}

KernelOr CreateFlatten(const NodeInfo& node) {
  return MakeView([axis = node.GetInt("axis", 1)](KernelContext& context) -> StatusOr<Dims> {
    const Dims& dims = context.input(0).dims;
    const auto rank = static_cast<int64_t>(dims.rank());
    // Unlike elsewhere, rank itself is allowed: everything goes to the first dim.
    if (axis < -rank || axis > rank) return Invalid(fmt::format("axis {} is not in [{}, {}]", axis, -rank, rank));
    const auto split = static_cast<size_t>(axis < 0 ? axis + rank : axis);
    return Dims{dims.Product(0, split), dims.Product(split, dims.rank())};
  });
}

// Squeeze and Unsqueeze took their axes from an attribute up to version 12 and take them from an input since.
KernelOr CreateSqueeze(const NodeInfo& node) {
  return MakeView([given = Dims(node.GetInts("axes"))](KernelContext& context) -> StatusOr<Dims> {
    Dims axes = given;
    if (context.num_inputs() > 1 && context.has_input(1)) {
      ASSIGN_OR_RETURN(axes, ReadIntegers(context.input(1), "axes"));
    }
    return kernels::SqueezedDims(context.input(0).dims, axes);
  });
}

KernelOr CreateUnsqueeze(const NodeInfo& node) {
  return MakeView([given = Dims(node.GetInts("axes"))](KernelContext& context) -> StatusOr<Dims> {
    Dims axes = given;
    if (context.num_inputs() > 1 && context.has_input(1)) {
      ASSIGN_OR_RETURN(axes, ReadIntegers(context.input(1), "axes"));
    }
    return kernels::UnsqueezedDims(context.input(0).dims, axes);
  });
}

KernelOr CreateExpandDims(const NodeInfo& node) {
  return MakeView([](KernelContext& context) -> StatusOr<Dims> {
    ASSIGN_OR_RETURN(const int64_t axis, ReadInteger(context.input(1), "axis"));
    return kernels::UnsqueezedDims(context.input(0).dims, std::span(&axis, 1));
  });
}

}  // namespace sardonyx::cpu
