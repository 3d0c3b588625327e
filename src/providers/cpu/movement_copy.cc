// Operators that are one or several strided copies: Transpose, Concat, Split, Slice, Expand, Tile, space <-> depth.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/movement/shape_math.h"
#include "kernels/movement/strided_copy.h"
#include "providers/cpu/movement.h"
#include "providers/cpu/movement_elements.h"

namespace sardonyx::cpu {
namespace {

using kernels::AllAxes;
using kernels::ResolveAxis;
using kernels::RowMajorStrides;

// Output 0, of shape `out`, is input 0 seen as `view` through `strides` (in elements) from element `offset` on. `view`
// has the elements of `out` in their order, perhaps with other dims.
Status WriteView(KernelContext& context, const Dims& out, const Dims& view, const Dims& strides, int64_t offset = 0) {
  const TensorView& input = context.input(0);
  ASSIGN_OR_RETURN(const ElementReader reader, ElementReader::Open(input));
  ASSIGN_OR_RETURN(ElementWriter writer, ElementWriter::Open(context, 0, input.dtype, out));
  if (writer.count() == 0) return {};
  CopyStrided(reader.element(), view, ElementAt(reader.element(), reader.data(), offset), strides, writer.data(), RowMajorStrides(view),
              &context.thread_pool());
  return writer.Finish();
}

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
    if (!fits)
      return Invalid(fmt::format("inputs {} and {} differ off axis {}", first.ToString(), input.dims.ToString(), *axis));
    if (__builtin_add_overflow(out[*axis], input.dims[*axis], &out[*axis])) return Resource("the concatenated axis overflows");
  }
  return out;
}

}  // namespace

KernelOr CreateTranspose(const NodeInfo& node) {
  return MakeKernel([perm = node.GetInts("perm"), reverse = !node.HasAttribute("perm")](KernelContext& context) -> Status {
    const Dims& dims = context.input(0).dims;
    Dims order(dims.rank(), 0);
    for (size_t i = 0; i < dims.rank(); ++i) order[i] = static_cast<int64_t>(dims.rank() - 1 - i);
    if (!reverse) {
      if (perm.size() != dims.rank())
        return Invalid(fmt::format("perm has {} entries for an input of shape {}", perm.size(), dims.ToString()));
      ASSIGN_OR_RETURN(order, kernels::ResolveAxes(perm, dims.rank()));
    }
    const Dims strides = RowMajorStrides(dims);
    Dims out, out_strides;
    for (int64_t axis : order) {
      out.push_back(dims[axis]);
      out_strides.push_back(strides[axis]);
    }
    return WriteView(context, out, out, out_strides);
  });
}

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
    for (size_t i = 0; fits && i < parts.size(); left -= parts[i], ++i) fits = parts[i] >= 0 && parts[i] <= left;
    if (!fits || left != 0)
      return Invalid(fmt::format("split {} does not make {} outputs of axis {} of {}", parts.ToString(), outputs, axis, input.dims.ToString()));
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

namespace {

Status RunSlice(KernelContext& context, const Dims& starts, const Dims& ends, const Dims& given_axes, const Dims& steps) {
  const TensorView& input = context.input(0);
  ASSIGN_OR_RETURN(const Dims axes, kernels::ResolveAxes(given_axes, input.rank()));
  if (starts.size() != axes.size() || ends.size() != axes.size() || steps.size() != axes.size())
    return Invalid(fmt::format("starts {}, ends {}, axes {} and steps {} have different lengths", starts.ToString(), ends.ToString(),
                               axes.ToString(), steps.ToString()));
  Dims out = input.dims, strides = RowMajorStrides(input.dims);
  int64_t offset = 0;
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<size_t>(axes[i]);
    ASSIGN_OR_RETURN(const kernels::SliceRange range, kernels::ResolveSlice(out[axis], starts[i], ends[i], steps[i]));
    out[axis] = range.count;
    offset += range.start * strides[axis];
    strides[axis] *= range.step;
  }
  return WriteView(context, out, out, strides, offset);
}

}  // namespace

KernelOr CreateSlice1(const NodeInfo& node) {
  const Dims starts(node.GetInts("starts")), ends(node.GetInts("ends"));
  const Dims axes = node.HasAttribute("axes") ? Dims(node.GetInts("axes")) : AllAxes(starts.size());
  return MakeKernel([=](KernelContext& context) { return RunSlice(context, starts, ends, axes, Dims(axes.size(), 1)); });
}

KernelOr CreateSlice10(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const Dims starts, ReadIntegers(context.input(1), "starts"));
    ASSIGN_OR_RETURN(const Dims ends, ReadIntegers(context.input(2), "ends"));
    Dims axes = AllAxes(starts.size());
    if (context.num_inputs() > 3 && context.has_input(3)) {
      ASSIGN_OR_RETURN(axes, ReadIntegers(context.input(3), "axes"));
    }
    Dims steps(axes.size(), 1);
    if (context.num_inputs() > 4 && context.has_input(4)) {
      ASSIGN_OR_RETURN(steps, ReadIntegers(context.input(4), "steps"));
    }
    return RunSlice(context, starts, ends, axes, steps);
  });
}

KernelOr CreateExpand(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    const Dims& dims = context.input(0).dims;
    ASSIGN_OR_RETURN(const Dims shape, ReadIntegers(context.input(1), "shape"));
    ASSIGN_OR_RETURN(const Dims out, kernels::BroadcastDims(dims, shape));
    return WriteView(context, out, out, kernels::BroadcastStrides(dims, out));
  });
}

namespace {

// Each axis becomes two: the repeats, which stand still in the input, and the dim itself.
Status RunTile(KernelContext& context, const Dims& repeats) {
  const Dims& dims = context.input(0).dims;
  if (repeats.size() != dims.rank())
    return Invalid(fmt::format("{} repeats for an input of shape {}", repeats.size(), dims.ToString()));
  const Dims strides = RowMajorStrides(dims);
  Dims out, view, view_strides;
  for (size_t i = 0; i < dims.rank(); ++i) {
    int64_t dim;
    if (repeats[i] < 0) return Invalid(fmt::format("negative repeats {}", repeats.ToString()));
    if (__builtin_mul_overflow(dims[i], repeats[i], &dim))
      return Resource(fmt::format("{} repeated by {} overflows", dims.ToString(), repeats.ToString()));
    out.push_back(dim);
    view.push_back(repeats[i]);
    view.push_back(dims[i]);
    view_strides.push_back(0);
    view_strides.push_back(strides[i]);
  }
  RETURN_IF_ERROR(CheckedNumElements(context.input(0).dtype, out).status());
  return WriteView(context, out, view, view_strides);
}

// The one number of a float tensor, as Tile of version 1 has it.
StatusOr<int64_t> ReadFloatInteger(const TensorView& tensor, std::string_view what) {
  double value = std::numeric_limits<double>::quiet_NaN();
  if (tensor.num_elements() == 1) {
    RETURN_IF_ERROR((Dispatch<float, double, Float16, int64_t, int32_t>(tensor.dtype, "Tile", [&]<class T>() -> Status {
      if constexpr (std::is_same_v<T, Float16>) value = static_cast<float>(*tensor.ptr<T>());
      else value = static_cast<double>(*tensor.ptr<T>());
      return {};
    })));
  }
  if (!(std::abs(value) < 1e15) || value != std::floor(value)) return Invalid(fmt::format("{} is not one whole number", what));
  return static_cast<int64_t>(value);
}

}  // namespace

KernelOr CreateTile1(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const int64_t tiles, ReadFloatInteger(context.input(1), "tiles"));
    ASSIGN_OR_RETURN(const int64_t given_axis, ReadFloatInteger(context.input(2), "axis"));
    ASSIGN_OR_RETURN(const size_t axis, ResolveAxis(given_axis, context.input(0).rank()));
    Dims repeats(context.input(0).rank(), 1);
    repeats[axis] = tiles;
    return RunTile(context, repeats);
  });
}

KernelOr CreateTile6(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const Dims repeats, ReadIntegers(context.input(1), "repeats"));
    return RunTile(context, repeats);
  });
}

namespace {

enum class DepthOrder { kDcr, kCrd };

StatusOr<DepthOrder> ReadDepthOrder(const NodeInfo& node) {
  const std::string mode = node.GetString("mode", "DCR");
  if (mode == "DCR") return DepthOrder::kDcr;
  if (mode == "CRD") return DepthOrder::kCrd;
  return Invalid(fmt::format("mode '{}' is neither DCR nor CRD", mode));
}

StatusOr<int64_t> ReadBlockSize(const NodeInfo& node) {
  const int64_t block = node.GetInt("blocksize");
  if (block < 1 || block > (1 << 20)) return Invalid(fmt::format("blocksize {} is not positive", block));
  return block;
}

Status CheckRank4(const Dims& dims) {
  return dims.rank() == 4 ? Status() : Invalid(fmt::format("the input must be [N,C,H,W], not {}", dims.ToString()));
}

// The axes of `grouped`, a dense tensor, in the order `perm`.
Status WritePermuted(KernelContext& context, const Dims& out, const Dims& grouped, std::initializer_list<int> perm) {
  const Dims strides = RowMajorStrides(grouped);
  Dims view, view_strides;
  for (int axis : perm) {
    view.push_back(grouped[axis]);
    view_strides.push_back(strides[axis]);
  }
  return WriteView(context, out, view, view_strides);
}

}  // namespace

KernelOr CreateSpaceToDepth(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const int64_t block, ReadBlockSize(node));
  ASSIGN_OR_RETURN(const DepthOrder order, ReadDepthOrder(node));
  return MakeKernel([block, order](KernelContext& context) -> Status {
    const Dims& d = context.input(0).dims;
    RETURN_IF_ERROR(CheckRank4(d));
    if (d[2] % block != 0 || d[3] % block != 0)
      return Invalid(fmt::format("height and width of {} are not multiples of blocksize {}", d.ToString(), block));
    const Dims grouped{d[0], d[1], d[2] / block, block, d[3] / block, block};
    const Dims out{d[0], d[1] * block * block, d[2] / block, d[3] / block};
    return order == DepthOrder::kDcr ? WritePermuted(context, out, grouped, {0, 3, 5, 1, 2, 4})
                                     : WritePermuted(context, out, grouped, {0, 1, 3, 5, 2, 4});
  });
}

KernelOr CreateDepthToSpace(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const int64_t block, ReadBlockSize(node));
  ASSIGN_OR_RETURN(const DepthOrder order, ReadDepthOrder(node));
  return MakeKernel([block, order](KernelContext& context) -> Status {
    const Dims& d = context.input(0).dims;
    RETURN_IF_ERROR(CheckRank4(d));
    if (d[1] % (block * block) != 0) return Invalid(fmt::format("channels of {} are not a multiple of blocksize {} squared", d.ToString(), block));
    const int64_t channels = d[1] / (block * block);
    const Dims out{d[0], channels, d[2] * block, d[3] * block};
    return order == DepthOrder::kDcr ? WritePermuted(context, out, {d[0], block, block, channels, d[2], d[3]}, {0, 3, 4, 1, 5, 2})
                                     : WritePermuted(context, out, {d[0], channels, block, block, d[2], d[3]}, {0, 1, 4, 2, 5, 3});
  });
}

}  // namespace sardonyx::cpu
