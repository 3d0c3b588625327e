// Operators that are one strided copy: Transpose, Slice, Expand, Tile, space <-> depth.
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
  if (repeats.size() != dims.rank()) return Invalid(fmt::format("{} repeats for an input of shape {}", repeats.size(), dims.ToString()));
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
      if constexpr (std::is_same_v<T, Float16>)
        value = static_cast<float>(*tensor.ptr<T>());
      else
        value = static_cast<double>(*tensor.ptr<T>());
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
    if (d[1] % (block * block) != 0)
      return Invalid(fmt::format("channels of {} are not a multiple of blocksize {} squared", d.ToString(), block));
    const int64_t channels = d[1] / (block * block);
    const Dims out{d[0], channels, d[2] * block, d[3] * block};
    return order == DepthOrder::kDcr ? WritePermuted(context, out, {d[0], block, block, channels, d[2], d[3]}, {0, 3, 4, 1, 5, 2})
                                     : WritePermuted(context, out, {d[0], channels, block, block, d[2], d[3]}, {0, 1, 4, 2, 5, 3});
  });
}

}  // namespace sardonyx::cpu
