// Pad, CenterCropPad, Compress, ReverseSequence, Trilu, Unique.
#include <algorithm>

#include "kernels/movement/pad.h"
#include "kernels/movement/select.h"
#include "kernels/movement/shape_math.h"
#include "providers/cpu/movement.h"
#include "providers/cpu/movement_elements.h"

namespace sardonyx::cpu {
namespace {

using kernels::AllAxes;

StatusOr<kernels::PadMode> ReadPadMode(const NodeInfo& node) {
  const std::string name = node.GetString("mode", "constant");
  const std::optional<kernels::PadMode> mode = kernels::ParsePadMode(name);
  if (!mode) return Invalid(fmt::format("mode '{}' is not one of constant, reflect, edge, wrap", name));
  return *mode;
}

// Zero, an empty string: what borders are made of unless the node says otherwise.
struct ZeroElement {
  alignas(16) char bytes[16] = {};
  std::string string;
  const void* get(kernels::Element element) const {
    return element == kernels::Element::kString ? static_cast<const void*>(&string) : bytes;
  }
};

// begins and ends have an entry for every axis.
Status RunPad(KernelContext& context, kernels::PadMode mode, const Dims& begins, const Dims& ends, const void* value) {
  const TensorView& input = context.input(0);
  ASSIGN_OR_RETURN(const Dims out, kernels::PaddedDims(input.dims, begins, ends, mode));
  ASSIGN_OR_RETURN(const ElementReader reader, ElementReader::Open(input));
  ASSIGN_OR_RETURN(ElementWriter writer, ElementWriter::Open(context, 0, input.dtype, out));
  Pad(reader.element(), mode, reader.data(), input.dims, begins, ends, value, writer.data(), out, &context.thread_pool());
  return writer.Finish();
}

// Splits pads [b0, b1, ..., e0, e1, ...] of `axes` into an entry per axis of a tensor of `rank`.
Status SpreadPads(const Dims& pads, const Dims& axes, size_t rank, Dims* begins, Dims* ends) {
  if (pads.size() != 2 * axes.size()) return Invalid(fmt::format("{} pads for {} axes", pads.size(), axes.size()));
  *begins = *ends = Dims(rank, 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    (*begins)[axes[i]] = pads[i];
    (*ends)[axes[i]] = pads[axes.size() + i];
  }
  return {};
}

}  // namespace

KernelOr CreatePad1(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const kernels::PadMode mode, ReadPadMode(node));
  const Dims pads(node.GetInts(node.opset_version() < 2 ? "paddings" : "pads"));
  return MakeKernel([mode, pads, value = node.GetFloat("value")](KernelContext& context) -> Status {
    const TensorView& input = context.input(0);
    Dims begins, ends;
    RETURN_IF_ERROR(SpreadPads(pads, AllAxes(input.rank()), input.rank(), &begins, &ends));
    return Dispatch<float, double, Float16>(input.dtype, "Pad", [&]<class T>() {
      const T element(value);
      return RunPad(context, mode, begins, ends, &element);
    });
  });
}

KernelOr CreatePad11(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const kernels::PadMode mode, ReadPadMode(node));
  return MakeKernel([mode](KernelContext& context) -> Status {
    const TensorView& input = context.input(0);
    TensorView pads_view = context.input(1);
    pads_view.dims = {pads_view.num_elements()};  // com.microsoft's Pad also takes [1, 2 * rank]
    ASSIGN_OR_RETURN(const Dims pads, ReadIntegers(pads_view, "pads"));
    Dims axes = AllAxes(input.rank()), begins, ends;
    if (context.num_inputs() > 3 && context.has_input(3)) {
      ASSIGN_OR_RETURN(const Dims given, ReadIntegers(context.input(3), "axes"));
      ASSIGN_OR_RETURN(axes, kernels::ResolveAxes(given, input.rank()));
    }
    RETURN_IF_ERROR(SpreadPads(pads, axes, input.rank(), &begins, &ends));
    if (context.num_inputs() < 3 || !context.has_input(2)) {
      const ZeroElement zero;
      return RunPad(context, mode, begins, ends, zero.get(kernels::ElementOf(input.dtype)));
    }
    const TensorView& value = context.input(2);
    if (value.dtype != input.dtype || value.num_elements() != 1)
      return Invalid(fmt::format("constant_value must be one {}, not {}", DataTypeName(input.dtype), value.TypeString()));
    ASSIGN_OR_RETURN(const ElementReader reader, ElementReader::Open(value));
    return RunPad(context, mode, begins, ends, reader.data());
  });
}

KernelOr CreateCenterCropPad(const NodeInfo& node) {
  const bool has_axes = node.HasAttribute("axes");
  return MakeKernel([has_axes, given = Dims(node.GetInts("axes"))](KernelContext& context) -> Status {
    const Dims& dims = context.input(0).dims;
    ASSIGN_OR_RETURN(const Dims axes, has_axes ? kernels::ResolveAxes(given, dims.rank()) : StatusOr<Dims>(AllAxes(dims.rank())));
    ASSIGN_OR_RETURN(const Dims shape, ReadIntegers(context.input(1), "shape"));
    if (shape.size() != axes.size()) return Invalid(fmt::format("shape {} for {} axes", shape.ToString(), axes.size()));
    Dims begins(dims.rank(), 0), ends(dims.rank(), 0);
    for (size_t i = 0; i < axes.size(); ++i) {
      const int64_t dim = dims[axes[i]];
      if (shape[i] < 0) return Invalid(fmt::format("negative dimension in shape {}", shape.ToString()));
      // An odd row goes to the end when padding, and from the end when cropping: both halves round towards zero.
      begins[axes[i]] = (shape[i] - dim) / 2;
      ends[axes[i]] = shape[i] - dim - begins[axes[i]];
    }
    const ZeroElement zero;
    return RunPad(context, kernels::PadMode::kConstant, begins, ends, zero.get(kernels::ElementOf(context.input(0).dtype)));
  });
}

KernelOr CreateCompress(const NodeInfo& node) {
  const bool flat = !node.HasAttribute("axis");
  return MakeKernel([flat, given_axis = node.GetInt("axis")](KernelContext& context) -> Status {
    const TensorView &input = context.input(0), &condition = context.input(1);
    if (condition.dtype != DataType::kBool || condition.rank() != 1)
      return Invalid(fmt::format("condition must be a list of bool, not {}", condition.TypeString()));
    const Dims dims = flat ? Dims{input.num_elements()} : input.dims;
    size_t axis = 0;
    if (!flat) {
      ASSIGN_OR_RETURN(axis, kernels::ResolveAxis(given_axis, input.rank()));
    }
    ASSIGN_OR_RETURN(const std::vector<int64_t> kept, kernels::CompressedIndices(condition.as<bool>(), dims[axis]));
    Dims out = dims;
    out[axis] = static_cast<int64_t>(kept.size());
    ASSIGN_OR_RETURN(const ElementReader reader, ElementReader::Open(input));
    ASSIGN_OR_RETURN(ElementWriter writer, ElementWriter::Open(context, 0, input.dtype, out));
    GatherAxis(reader.element(), reader.data(), dims.Product(0, axis), dims[axis], dims.Product(axis + 1, dims.rank()),
               std::span<const int64_t>(kept), writer.data(), &context.thread_pool());
    return writer.Finish();
  });
}

KernelOr CreateReverseSequence(const NodeInfo& node) {
  const int64_t batch_axis = node.GetInt("batch_axis", 1), time_axis = node.GetInt("time_axis", 0);
  if (batch_axis == time_axis || batch_axis < 0 || batch_axis > 1 || time_axis < 0 || time_axis > 1)
    return Invalid(fmt::format("batch_axis {} and time_axis {} must be 0 and 1 or 1 and 0", batch_axis, time_axis));
  return MakeKernel([batch_first = batch_axis == 0](KernelContext& context) -> Status {
    const TensorView& input = context.input(0);
    ASSIGN_OR_RETURN(const Dims lengths, ReadIntegers(context.input(1), "sequence_lens"));
    ASSIGN_OR_RETURN(const ElementReader reader, ElementReader::Open(input));
    ASSIGN_OR_RETURN(ElementWriter writer, ElementWriter::Open(context, 0, input.dtype, input.dims));
    RETURN_IF_ERROR(
        ReverseSequence(reader.element(), reader.data(), input.dims, batch_first, lengths, writer.data(), &context.thread_pool()));
    return writer.Finish();
  });
}

KernelOr CreateTrilu(const NodeInfo& node) {
  return MakeKernel(
      [upper = node.GetInt("upper", 1) != 0](KernelContext& context) -> Status {
        const TensorView& input = context.input(0);
        if (input.rank() < 2) return Invalid(fmt::format("the input must be at least a matrix, not {}", input.dims.ToString()));
        int64_t k = 0;
        if (context.num_inputs() > 1 && context.has_input(1)) {
          ASSIGN_OR_RETURN(k, ReadInteger(context.input(1), "k"));
        }
        ASSIGN_OR_RETURN(const ElementReader reader, ElementReader::Open(input));
        ASSIGN_OR_RETURN(ElementWriter writer, ElementWriter::Open(context, 0, input.dtype, input.dims));
        const size_t rank = input.rank();
        Trilu(reader.element(), reader.data(), input.dims.Product(0, rank - 2), input.dims[rank - 2], input.dims[rank - 1], upper, k,
              writer.data(), &context.thread_pool());
        return writer.Finish();
      },
      {.in_place = {{0, 0}}});
}

namespace {

// One of Unique's optional int64 outputs.
Status WriteIntegers(KernelContext& context, size_t output, const std::vector<int64_t>& values) {
  if (output >= context.num_outputs() || !context.has_output(output)) return {};
  ASSIGN_OR_RETURN(TensorView view, context.Output(output, DataType::kInt64, {static_cast<int64_t>(values.size())}));
  std::copy(values.begin(), values.end(), view.mutable_ptr<int64_t>());
  return {};
}

}  // namespace

KernelOr CreateUnique(const NodeInfo& node) {
  const bool flat = !node.HasAttribute("axis");
  return MakeKernel([flat, given_axis = node.GetInt("axis"), sorted = node.GetInt("sorted", 1) != 0](KernelContext& context) -> Status {
    const TensorView& input = context.input(0);
    const Dims dims = flat ? Dims{input.num_elements()} : input.dims;
    size_t axis = 0;
    if (!flat) {
      ASSIGN_OR_RETURN(axis, kernels::ResolveAxis(given_axis, input.rank()));
    }
    const int64_t outer = dims.Product(0, axis), slices = dims[axis], inner = dims.Product(axis + 1, dims.rank());
    ASSIGN_OR_RETURN(const kernels::UniqueSlices unique, kernels::FindUnique(input.dtype, input.data, outer, slices, inner, sorted));
    Dims out = dims;
    out[axis] = static_cast<int64_t>(unique.first.size());
    ASSIGN_OR_RETURN(const ElementReader reader, ElementReader::Open(input));
    ASSIGN_OR_RETURN(ElementWriter writer, ElementWriter::Open(context, 0, input.dtype, out));
    GatherAxis(reader.element(), reader.data(), outer, slices, inner, std::span<const int64_t>(unique.first), writer.data(),
               &context.thread_pool());
    RETURN_IF_ERROR(writer.Finish());
    RETURN_IF_ERROR(WriteIntegers(context, 1, unique.first));
    RETURN_IF_ERROR(WriteIntegers(context, 2, unique.inverse));
    return WriteIntegers(context, 3, unique.counts);
  });
}

// com.microsoft's older Unique of a list: in order of first occurrence; outputs are the values, where each input went, and counts.
KernelOr CreateMicrosoftUnique(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    const TensorView& input = context.input(0);
    if (input.rank() != 1) return Invalid(fmt::format("the input must have one dimension, not {}", input.dims.ToString()));
    ASSIGN_OR_RETURN(const kernels::UniqueSlices unique,
                     kernels::FindUnique(input.dtype, input.data, 1, input.dims[0], 1, /*sorted=*/false));
    ASSIGN_OR_RETURN(const ElementReader reader, ElementReader::Open(input));
    ASSIGN_OR_RETURN(ElementWriter writer, ElementWriter::Open(context, 0, input.dtype, {static_cast<int64_t>(unique.first.size())}));
    GatherAxis(reader.element(), reader.data(), 1, input.dims[0], 1, std::span<const int64_t>(unique.first), writer.data(),
               &context.thread_pool());
    RETURN_IF_ERROR(writer.Finish());
    RETURN_IF_ERROR(WriteIntegers(context, 1, unique.inverse));
    return WriteIntegers(context, 2, unique.counts);
  });
}

}  // namespace sardonyx::cpu
