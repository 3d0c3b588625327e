// Concat and Split.
#include <algorithm>

#include "kernels/movement/shape_math.h"
#include "kernels/movement/strided_copy.h"
#include "providers/cpu/movement.h"
#include "providers/cpu/movement_elements.h"

namespace sardonyx::cpu {
namespace {

using kernels::ResolveAxis;
using kernels::RowMajorStrides;

// Where the parts of Concat and Split meet: an operand of dims [outer, size, inner] with `size` along the axis.
struct AxisFold {
  int64_t outer, inner;
  AxisFold(const Dims& dims, size_t axis) : outer(dims.Product(0, axis)), inner(dims.Product(axis + 1, dims.rank())) {}
};

// Numpy's empty list: a rank of 1 and no element. Exporters concatenate it with tensors of any rank.
bool IsEmptyList(const Dims& dims) { return dims.rank() == 1 && dims[0] == 0; }

StatusOr<Dims> ConcatDims(std::span<const TensorView> inputs, int64_t given_axis, size_t* axis) {
  if (inputs.empty()) return Invalid("nothing to concatenate");
  Dims out = inputs[0].dims;
  for (const TensorView& input : inputs)
    if (IsEmptyList(out)) out = input.dims;
  ASSIGN_OR_RETURN(*axis, ResolveAxis(given_axis, out.rank()));
  const Dims first = out;
  out[*axis] = 0;
  for (const TensorView& input : inputs) {
    if (input.dtype != inputs[0].dtype)
      return Invalid(fmt::format("inputs of different types: {} and {}", inputs[0].TypeString(), input.TypeString()));
    if (IsEmptyList(input.dims)) continue;
    bool fits = input.rank() == first.rank();
    for (size_t d = 0; fits && d < first.rank(); ++d) fits = d == *axis || input.dims[d] == first[d];
    if (!fits) return Invalid(fmt::format("inputs {} and {} differ off axis {}", first.ToString(), input.dims.ToString(), *axis));
    if (__builtin_add_overflow(out[*axis], input.dims[*axis], &out[*axis])) return Resource("the concatenated axis overflows");
  }
  return out;
}

}  // namespace

Status ConcatTensors(KernelContext& context, std::span<const TensorView> inputs, int64_t given_axis) {
  size_t axis = 0;
  ASSIGN_OR_RETURN(const Dims out, ConcatDims(inputs, given_axis, &axis));
  ASSIGN_OR_RETURN(ElementWriter writer, ElementWriter::Open(context, 0, inputs[0].dtype, out));
  if (writer.count() == 0) return {};
  const AxisFold fold(out, axis);
  const Dims out_strides{out[axis] * fold.inner, 1};
  int64_t place = 0;
  for (const TensorView& input : inputs) {
    if (input.num_elements() == 0) continue;
    ASSIGN_OR_RETURN(const ElementReader reader, ElementReader::Open(input));
    const Dims block{fold.outer, input.dims[axis] * fold.inner};
    CopyStrided(reader.element(), block, reader.data(), RowMajorStrides(block), ElementAt(writer.element(), writer.data(), place),
                out_strides, &context.thread_pool());
    place += block[1];
  }
  return writer.Finish();
}

KernelOr CreateConcat(const NodeInfo& node) {
  // Version 1 alone has a default, 1; since version 4 the attribute is required.
  return MakeKernel([axis = node.GetInt("axis", 1)](KernelContext& context) -> Status {
    std::vector<TensorView> inputs;
    for (size_t i = 0; i < context.num_inputs(); ++i) inputs.push_back(context.input(i));
    return ConcatTensors(context, inputs, axis);
  });
}

KernelOr CreateSplit(const NodeInfo& node) {
  const bool has_count = node.HasAttribute("num_outputs");
  return MakeKernel([given_axis = node.GetInt("axis"), sizes = Dims(node.GetInts("split")), has_count,
                     count = node.GetInt("num_outputs")](KernelContext& context) -> Status {
    const TensorView& input = context.input(0);
    ASSIGN_OR_RETURN(const size_t axis, ResolveAxis(given_axis, input.rank()));
    const int64_t dim = input.dims[axis];
    const auto outputs = static_cast<int64_t>(context.num_outputs());
    Dims parts = sizes;
    if (context.num_inputs() > 1 && context.has_input(1)) {
      ASSIGN_OR_RETURN(parts, ReadIntegers(context.input(1), "split"));
    } else if (parts.empty()) {
      if (has_count && count != outputs) return Invalid(fmt::format("num_outputs is {}, but there are {} outputs", count, outputs));
      // Only with num_outputs may the last part be smaller.
      if (!has_count && dim % outputs != 0)
        return Invalid(fmt::format("axis {} of {} does not divide into {} equal parts", axis, input.dims.ToString(), outputs));
      const int64_t each = (dim + outputs - 1) / outputs;
      for (int64_t i = 0, left = dim; i < outputs; left -= parts.back(), ++i) parts.push_back(std::min(each, left));
    }
    int64_t left = dim;
    bool fits = static_cast<int64_t>(parts.size()) == outputs;
    for (size_t i = 0; fits && i < parts.size(); ++i) {
      fits = parts[i] >= 0 && parts[i] <= left;
      if (fits) left -= parts[i];
    }
    if (!fits || left != 0)
      return Invalid(
          fmt::format("split {} does not make {} outputs of axis {} of {}", parts.ToString(), outputs, axis, input.dims.ToString()));
    ASSIGN_OR_RETURN(const ElementReader reader, ElementReader::Open(input));
    const AxisFold fold(input.dims, axis);
    const Dims strides{dim * fold.inner, 1};
    int64_t place = 0;
    for (size_t i = 0; i < parts.size(); ++i) {
      const Dims block{fold.outer, parts[i] * fold.inner};
      if (context.has_output(i)) {
        Dims out = input.dims;
        out[axis] = parts[i];
        ASSIGN_OR_RETURN(ElementWriter writer, ElementWriter::Open(context, i, input.dtype, out));
        CopyStrided(reader.element(), block, ElementAt(reader.element(), reader.data(), place), strides, writer.data(),
                    RowMajorStrides(block), &context.thread_pool());
        RETURN_IF_ERROR(writer.Finish());
      }
      place += block[1];
    }
    return {};
  });
}

}  // namespace sardonyx::cpu
