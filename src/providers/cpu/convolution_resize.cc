// Resize of every version, and Upsample, which it replaced.
#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "kernels/resize/bits.h"
#include "kernels/resize/resize.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/blocked.h"
#include "providers/cpu/convolution.h"
#include "providers/cpu/convolution_grid.h"
#include "providers/cpu/matrix.h"
#include "providers/cpu/widened.h"
#include "providers/cpu/workspace.h"

namespace sardonyx::cpu {
namespace {

using kernels::ResizeAxis;
using kernels::ResizeMode;
using kernels::ResizeOptions;

enum class AspectPolicy { kStretch, kNotLarger, kNotSmaller };

struct ResizeState {
  ResizeOptions options;
  AspectPolicy policy = AspectPolicy::kStretch;
  std::vector<int64_t> axes;  // empty: all
  std::vector<float> scales;  // given as attributes (Upsample-1 and -7)
  bool shrinks_by_ceil = false;
  bool blocked = false;  // in blocks of channels, which are not resized
  int roi_input = -1, scales_input = -1, sizes_input = -1;
};

bool HasValues(const KernelContext& context, int input) {
  return input >= 0 && static_cast<size_t>(input) < context.num_inputs() && context.has_input(static_cast<size_t>(input)) &&
         context.input(static_cast<size_t>(input)).num_elements() > 0;
}

// The axes that scales, sizes and roi speak of, in their order.
StatusOr<std::vector<size_t>> ResolveAxes(const ResizeState& state, size_t rank) {
  std::vector<size_t> axes;
  if (state.axes.empty())
    for (size_t i = 0; i < rank; ++i) axes.push_back(i);
  for (int64_t axis : state.axes) {
    if (axis < 0) axis += static_cast<int64_t>(rank);
    if (axis < 0 || axis >= static_cast<int64_t>(rank)) return Invalid(fmt::format("axes name axis {} of a tensor of rank {}", axis, rank));
    if (std::find(axes.begin(), axes.end(), static_cast<size_t>(axis)) != axes.end())
      return Invalid(fmt::format("axes name axis {} twice", axis));
    axes.push_back(static_cast<size_t>(axis));
  }
  return axes;
}

Status CheckLength(std::string_view name, size_t length, size_t expected) {
  if (length == expected) return Status();
  return Invalid(fmt::format("{} has {} elements where {} are needed", name, length, expected));
}

Status ApplyScales(std::span<const float> scales, const std::vector<size_t>& selected, std::vector<ResizeAxis>& axes) {
  RETURN_IF_ERROR(CheckLength("scales", scales.size(), selected.size()));
  for (size_t i = 0; i < selected.size(); ++i) {
    ResizeAxis& axis = axes[selected[i]];
    axis.scale = scales[i];
    const double output = std::floor(axis.scale * static_cast<double>(axis.input));
    if (!(axis.scale > 0) || !(output < 4e18)) return Invalid(fmt::format("a scale of {}", scales[i]));
    axis.output = static_cast<int64_t>(output);
  }
  return Status();
}

Status ApplySizes(const ResizeState& state, std::span<const int64_t> sizes, const std::vector<size_t>& selected,
                  std::vector<ResizeAxis>& axes) {
  RETURN_IF_ERROR(CheckLength("sizes", sizes.size(), selected.size()));
  double common = state.policy == AspectPolicy::kNotLarger ? std::numeric_limits<double>::infinity() : 0;
  for (size_t i = 0; i < selected.size(); ++i) {
    ResizeAxis& axis = axes[selected[i]];
    if (sizes[i] < 0 || sizes[i] > int64_t{1} << 40) return Invalid(fmt::format("a size of {}", sizes[i]));
    if (axis.input == 0 && sizes[i] > 0) return Invalid(fmt::format("cannot resize an empty axis to {}", sizes[i]));
    axis.output = sizes[i];
    axis.scale = axis.input > 0 ? static_cast<double>(sizes[i]) / static_cast<double>(axis.input) : 1;
    common = state.policy == AspectPolicy::kNotLarger ? std::min(common, axis.scale) : std::max(common, axis.scale);
  }
  if (state.policy == AspectPolicy::kStretch) return Status();
  for (size_t i : selected) {
    axes[i].scale = common;
    axes[i].output = static_cast<int64_t>(common * static_cast<double>(axes[i].input) + 0.5);
  }
  return Status();
}

Status ApplyRoi(const TensorView& roi, const std::vector<size_t>& selected, std::vector<ResizeAxis>& axes) {
  RETURN_IF_ERROR(CheckLength("roi", static_cast<size_t>(roi.num_elements()), 2 * selected.size()));
  return Dispatch<float, double>(roi.dtype, "roi of Resize", [&]<class T>() {
    for (size_t i = 0; i < selected.size(); ++i) {
      axes[selected[i]].roi_begin = static_cast<double>(roi.ptr<T>()[i]);
      axes[selected[i]].roi_end = static_cast<double>(roi.ptr<T>()[selected.size() + i]);
    }
    return Status();
  });
}

StatusOr<std::vector<ResizeAxis>> PlanResize(const ResizeState& state, KernelContext& context) {
  const TensorView& x = context.input(0);
  std::vector<ResizeAxis> axes(x.rank());
  for (size_t i = 0; i < x.rank(); ++i) axes[i].input = axes[i].output = x.dims[i];
  ASSIGN_OR_RETURN(const std::vector<size_t> selected, ResolveAxes(state, x.rank()));
  if (!state.scales.empty()) {
    RETURN_IF_ERROR(ApplyScales(state.scales, selected, axes));
  } else if (HasValues(context, state.sizes_input)) {
    RETURN_IF_ERROR(ApplySizes(state, context.input(static_cast<size_t>(state.sizes_input)).as<int64_t>(), selected, axes));
  } else if (HasValues(context, state.scales_input)) {
    RETURN_IF_ERROR(ApplyScales(context.input(static_cast<size_t>(state.scales_input)).as<float>(), selected, axes));
  } else if (!selected.empty()) {
    return Invalid("neither scales nor sizes are given");
  }
  if (state.options.transform == kernels::CoordinateTransform::kTfCropAndResize) {
    if (!HasValues(context, state.roi_input)) return Invalid("tf_crop_and_resize needs the input roi");
    RETURN_IF_ERROR(ApplyRoi(context.input(static_cast<size_t>(state.roi_input)), selected, axes));
  }
  return axes;
}

// Tables come after the output: where there was memory for that, there is for them.
Status BuildTables(const ResizeState& state, size_t rank, std::vector<ResizeAxis>& axes) {
  ASSIGN_OR_RETURN(const std::vector<size_t> selected, ResolveAxes(state, rank));
  double elements = 1, largest = 0;
  for (const ResizeAxis& axis : axes) elements *= static_cast<double>(axis.input);
  for (size_t i = rank; i-- > 0;) {
    elements *= static_cast<double>(axes[i].output) / static_cast<double>(axes[i].input);
    largest = std::max(largest, elements);
  }
  if (largest > 1e12) return Resource(fmt::format("resizing axis by axis passes through {:.0f} elements", largest));
  for (size_t i = 0; i < axes.size(); ++i) {
    // An axis that is not named keeps its elements, whatever the transform.
    ResizeOptions options = state.options;
    if (std::find(selected.begin(), selected.end(), i) == selected.end()) options.transform = kernels::CoordinateTransform::kAsymmetric;
    if (state.shrinks_by_ceil && axes[i].scale < 1) options.nearest = kernels::NearestMode::kCeil;
    RETURN_IF_ERROR(kernels::BuildResizeTable(options, axes[i]));
  }
  return Status();
}

template <class T>
T FromDouble(double value) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(value);
  } else {
    value = std::trunc(value);
    if (!(value > static_cast<double>(std::numeric_limits<T>::min()))) return std::numeric_limits<T>::min();
    if (value >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
    return static_cast<T>(value);
  }
}

// Elements move by their bits; the value that extrapolation fills in is made in the element's own type first.
Status RunNearest(KernelContext& context, const ResizeState& state, std::span<const ResizeAxis> axes, TensorView& y) {
  const TensorView& x = context.input(0);
  const double extrapolation = state.options.extrapolation_value;
  const auto resize = [&]<class T>(T fill) {
    kernels::ResizeNearest<T>(axes, x.ptr<T>(), fill, y.mutable_ptr<T>(), context.thread_pool());
    return Status();
  };
  const auto resize_as = [&]<class T, class Bits>(T fill, Bits) { return resize(std::bit_cast<Bits>(fill)); };
  switch (x.dtype) {
    case DataType::kString:
      return resize(std::string());
    case DataType::kBool:
      return resize(static_cast<uint8_t>(extrapolation != 0));
    case DataType::kComplex64:
      return resize(uint64_t{0});
    case DataType::kComplex128:
      return resize(kernels::Word128());
    case DataType::kFloat:
      return resize_as(static_cast<float>(extrapolation), uint32_t());
    case DataType::kDouble:
      return resize_as(extrapolation, uint64_t());
    case DataType::kInt8:
      return resize_as(FromDouble<int8_t>(extrapolation), uint8_t());
    case DataType::kUint8:
      return resize(FromDouble<uint8_t>(extrapolation));
    case DataType::kInt16:
      return resize_as(FromDouble<int16_t>(extrapolation), uint16_t());
    case DataType::kUint16:
      return resize(FromDouble<uint16_t>(extrapolation));
    case DataType::kInt32:
      return resize_as(FromDouble<int32_t>(extrapolation), uint32_t());
    case DataType::kUint32:
      return resize(FromDouble<uint32_t>(extrapolation));
    case DataType::kInt64:
      return resize_as(FromDouble<int64_t>(extrapolation), uint64_t());
    case DataType::kUint64:
      return resize(FromDouble<uint64_t>(extrapolation));
    default:
      return Unsupported(fmt::format("Resize is not implemented for {}", DataTypeName(x.dtype)));
  }
}

// Interpolated values as integers: cut off, as Cast does and the peers do, but for what only rounding kept from the next
// one; bools are true where any part is. Filters that average (antialias) round.
template <class T, class Compute>
T ToInteger(Compute value, bool rounds) {
  constexpr double kSlack = std::is_same_v<Compute, float> ? 1.0 / 64 : 1e-6;
  const auto wide = static_cast<double>(value);
  if constexpr (std::is_same_v<T, bool>) return std::abs(wide) > 1e-6;
  return FromDouble<T>(rounds ? std::nearbyint(wide) : std::trunc(wide + std::copysign(kSlack, wide)));
}

// Integers are interpolated in double (8- and 16-bit ones in float, which holds them).
template <class T>
Status RunInterpolated(KernelContext& context, const ResizeState& state, std::span<const ResizeAxis> axes, const TensorView& x,
                       TensorView y) {
  using Compute = std::conditional_t<std::is_same_v<T, float> || sizeof(T) <= 2, float, double>;
  constexpr bool convert = !std::is_same_v<T, Compute>;
  WorkspacePlan plan;
  const size_t passes = plan.AddArray<Compute>(2 * kernels::ResizeIntermediateSize(axes));
  const size_t in = plan.AddArray<Compute>(convert ? x.num_elements() : 0), out = plan.AddArray<Compute>(convert ? y.num_elements() : 0);
  ASSIGN_OR_RETURN(char* workspace, plan.Allocate(context));
  const double extrapolation = state.options.extrapolation_value;
  if constexpr (convert) {
    Compute* wide = reinterpret_cast<Compute*>(workspace + in);
    Compute* result = reinterpret_cast<Compute*>(workspace + out);
    std::transform(x.ptr<T>(), x.ptr<T>() + x.num_elements(), wide, [](T v) { return static_cast<Compute>(v); });
    kernels::ResizeInterpolated<Compute>(axes, extrapolation, wide, result, workspace + passes, context.thread_pool());
    std::transform(result, result + y.num_elements(), y.mutable_ptr<T>(), [&](Compute v) { return ToInteger<T>(v, state.options.antialias); });
  } else {
    kernels::ResizeInterpolated<T>(axes, extrapolation, x.ptr<T>(), y.mutable_ptr<T>(), workspace + passes, context.thread_pool());
  }
  return Status();
}

// Real and imaginary parts as one more axis, which stays.
Status RunComplex(KernelContext& context, const ResizeState& state, std::vector<ResizeAxis> axes, const TensorView& y) {
  if (state.options.extrapolation_value != 0) return Unsupported("Resize of complex numbers with an extrapolation_value");
  ResizeAxis parts;
  parts.input = parts.output = 2;
  parts.identity = true;
  axes.push_back(parts);
  const auto run = [&]<class T>() {
    const auto real = [](const TensorView& view) {
      Dims dims = view.dims;
      dims.push_back(2);
      return TensorView{DataTypeOf<T>::value, dims, view.data};
    };
    return RunInterpolated<T>(context, state, axes, real(context.input(0)), real(y));
  };
  return y.dtype == DataType::kComplex64 ? run.template operator()<float>() : run.template operator()<double>();
}

Status RunResize(KernelContext& context, const ResizeState& state) {
  const TensorView& x = context.input(0);
  ASSIGN_OR_RETURN(std::vector<ResizeAxis> axes, PlanResize(state, context));
  Dims dims;
  for (const ResizeAxis& axis : axes) dims.push_back(axis.output);
  ASSIGN_OR_RETURN(const int64_t count, CheckedNumElements(DataType::kComplex128, dims));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, dims));
  if (count == 0) return Status();
  if (x.num_elements() == 0) return Invalid(fmt::format("X {} has nothing to resize", x.dims.ToString()));
  RETURN_IF_ERROR(BuildTables(state, x.rank(), axes));
  if (state.blocked) {
    if (axes.size() < 2 || !axes[1].identity || x.dtype != DataType::kFloat)
      return Unsupported(fmt::format("X {} was expected to be float and to keep its channels", x.TypeString()));
    axes[1].input = axes[1].output = kernels::ChannelBlocks(axes[1].input);
    ResizeAxis lanes;
    lanes.input = lanes.output = kernels::kChannelBlock;
    lanes.identity = true;
    axes.push_back(std::move(lanes));
    if (state.options.mode != ResizeMode::kNearest) return RunInterpolated<float>(context, state, axes, PhysicalView(x), PhysicalView(y));
  }
  if (state.options.mode == ResizeMode::kNearest) return RunNearest(context, state, axes, y);
  if (x.dtype == DataType::kString) return Unsupported("Resize between strings: only mode nearest has a meaning for them");
  if (x.dtype == DataType::kComplex64 || x.dtype == DataType::kComplex128) return RunComplex(context, state, std::move(axes), y);
  return Dispatch<float, double, bool, uint8_t, int8_t, uint16_t, int16_t, int32_t, uint32_t, int64_t, uint64_t>(
      x.dtype, "Resize by interpolation", [&]<class T>() { return RunInterpolated<T>(context, state, axes, x, y); });
}

// Whether a blocked input can stay so: channels are known, and as many come out. What only the caller reads is plain: better to
// reorder the input, which is the smaller one where a network enlarges its result.
bool KeepsBlocks(const NodeInfo& node, const ResizeState& state) {
  if (!IsBlocked(node, 0) || state.options.transform == kernels::CoordinateTransform::kTfCropAndResize) return false;
  const std::optional<BlockedType> x = KnownChannels(node, 0);
  const ir::Type& y = node.output_type(0);
  const ir::Value* output = node.node().output(0);
  if (output && output->is_graph_output() && output->uses().empty()) return false;
  return x && y.is_tensor() && y.shape && y.shape->rank() == x->rank && (*y.shape)[1].is_constant(x->channels);
}

StatusOr<std::unique_ptr<Kernel>> MakeResize(const NodeInfo& node, ResizeState state) {
  KernelTraits traits;
  state.blocked = KeepsBlocks(node, state);
  if (state.blocked) traits.input_layouts = {traits.output_layout = Layout::kNchw16c};
  return MakeKernel([state = std::move(state)](KernelContext& context) { return RunResize(context, state); }, std::move(traits));
}

// Resize-10 and Upsample: every element is repeated from where it begins.
void SetAsymmetric(ResizeOptions& options) {
  options.transform = kernels::CoordinateTransform::kAsymmetric;
  options.nearest = kernels::NearestMode::kFloor;
}

StatusOr<std::unique_ptr<Kernel>> CreateResize(const NodeInfo& node) {
  ResizeState state;
  ASSIGN_OR_RETURN(state.options.mode, kernels::ParseResizeMode(node.GetString("mode", "nearest")));
  if (node.schema().since_version < 11) {
    SetAsymmetric(state.options);
    state.shrinks_by_ceil = true;  // ONNX's example of that version, which ONNX Runtime follows: 1 2 3 4 by 0.6 is 1 3
    state.scales_input = 1;
    return MakeResize(node, std::move(state));
  }
  ASSIGN_OR_RETURN(state.options.transform,
                   kernels::ParseCoordinateTransform(node.GetString("coordinate_transformation_mode", "half_pixel")));
  ASSIGN_OR_RETURN(state.options.nearest, kernels::ParseNearestMode(node.GetString("nearest_mode", "round_prefer_floor")));
  state.options.antialias = node.GetInt("antialias") != 0;
  state.options.exclude_outside = node.GetInt("exclude_outside") != 0;
  state.options.cubic_coefficient = node.GetFloat("cubic_coeff_a", -0.75f);
  state.options.extrapolation_value = node.GetFloat("extrapolation_value", 0);
  const std::string policy = node.GetString("keep_aspect_ratio_policy", "stretch");
  if (policy != "stretch" && policy != "not_larger" && policy != "not_smaller")
    return Invalid(fmt::format("keep_aspect_ratio_policy '{}' is none of stretch, not_larger, not_smaller", policy));
  if (policy != "stretch") state.policy = policy == "not_larger" ? AspectPolicy::kNotLarger : AspectPolicy::kNotSmaller;
  if (state.options.antialias && state.options.mode == ResizeMode::kNearest) return Invalid("antialias needs mode linear or cubic");
  state.axes = node.GetInts("axes");
  state.roi_input = 1;
  state.scales_input = 2;
  state.sizes_input = 3;
  return MakeResize(node, std::move(state));
}

StatusOr<std::unique_ptr<Kernel>> CreateUpsample(const NodeInfo& node) {
  ResizeState state;
  ASSIGN_OR_RETURN(state.options.mode, kernels::ParseResizeMode(node.GetString("mode", "nearest")));
  SetAsymmetric(state.options);
  const int version = node.schema().since_version;
  if (version < 7)
    state.scales = {1, 1, node.GetFloat("height_scale", 1), node.GetFloat("width_scale", 1)};
  else if (version < 9)
    state.scales = node.GetFloats("scales");
  else
    state.scales_input = 1;
  return MakeResize(node, std::move(state));
}

constexpr KernelEntry kRows[] = {
    {"", "Resize", "tables", AcceptsAll, Widened<CreateResize>},
    {"", "Upsample", "tables", AcceptsAll, Widened<CreateUpsample>},
    {"", "GridSample", "gather", AcceptsAll, Widened<CreateGridSample>},
    {"", "AffineGrid", "reference", AcceptsAll, Widened<CreateAffineGrid>},
};

}  // namespace

std::span<const KernelEntry> ResizeKernels() { return kRows; }

}  // namespace sardonyx::cpu
