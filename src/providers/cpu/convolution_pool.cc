// MaxPool, AveragePool, LpPool, Global*Pool, MaxUnpool, MaxRoiPool, RoiAlign.
#include <fmt/format.h>

#include "kernels/pool/pool.h"
#include "kernels/pool/roi.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/convolution.h"
#include "providers/cpu/widened.h"

namespace sardonyx::cpu {
namespace {

using kernels::GlobalPoolKind;
using kernels::Window;
using kernels::WindowAttributes;

struct PoolState {
  WindowAttributes attributes;
  std::vector<int64_t> kernel_shape;
  bool count_include_pad = false;
  bool column_major = false;
  double p = 2;
};

StatusOr<PoolState> ReadPool(const NodeInfo& node) {
  PoolState state;
  ASSIGN_OR_RETURN(state.attributes, ReadWindowAttributes(node));
  state.attributes.may_exceed = true;
  state.kernel_shape = node.GetInts("kernel_shape");
  state.count_include_pad = node.GetInt("count_include_pad") != 0;
  state.column_major = node.GetInt("storage_order") != 0;
  return state;
}

// The exponent is a float in the first version of the operators and an int later.
double ReadExponent(const NodeInfo& node) {
  return node.schema().since_version == 1 ? static_cast<double>(node.GetFloat("p", 2)) : static_cast<double>(node.GetInt("p", 2));
}

struct PoolShape {
  Window window;
  int64_t planes = 0;
  Dims output;
};
StatusOr<PoolShape> PlanPool(const PoolState& state, const Dims& x) {
  if (x.rank() < 3) return Invalid(fmt::format("X {} must be [batch, channels, spatial...]", x.ToString()));
  PoolShape shape;
  ASSIGN_OR_RETURN(shape.window, kernels::MakeWindow(state.attributes, std::span<const int64_t>(x).subspan(2), state.kernel_shape));
  shape.planes = x[0] * x[1];
  shape.output = Dims{x[0], x[1]};
  for (int64_t dim : shape.window.output_dims()) shape.output.push_back(dim);
  ASSIGN_OR_RETURN([[maybe_unused]] const int64_t count, CheckedNumElements(DataType::kDouble, shape.output));
  return shape;
}

StatusOr<std::unique_ptr<Kernel>> CreateMaxPool(const NodeInfo& node) {
  ASSIGN_OR_RETURN(PoolState state, ReadPool(node));
  return MakeKernel([state = std::move(state)](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    ASSIGN_OR_RETURN(const PoolShape shape, PlanPool(state, x.dims));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, shape.output));
    int64_t* indices = nullptr;
    if (context.num_outputs() > 1 && context.has_output(1)) {
      ASSIGN_OR_RETURN(TensorView positions, context.Output(1, DataType::kInt64, shape.output));
      indices = positions.mutable_ptr<int64_t>();
    }
    return Dispatch<float, double, int8_t, uint8_t>(x.dtype, "MaxPool", [&]<class T>() -> Status {
      kernels::MaxPool<T>(shape.window, shape.planes, x.ptr<T>(), y.mutable_ptr<T>(), indices, state.column_major, context.thread_pool());
      return Status();
    });
  });
}

StatusOr<std::unique_ptr<Kernel>> CreateAveragePool(const NodeInfo& node) {
  ASSIGN_OR_RETURN(PoolState state, ReadPool(node));
  return MakeKernel([state = std::move(state)](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    ASSIGN_OR_RETURN(const PoolShape shape, PlanPool(state, x.dims));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, shape.output));
    return Dispatch<float, double>(x.dtype, "AveragePool", [&]<class T>() -> Status {
      kernels::AveragePool<T>(shape.window, shape.planes, state.count_include_pad, x.ptr<T>(), y.mutable_ptr<T>(), context.thread_pool());
      return Status();
    });
  });
}

StatusOr<std::unique_ptr<Kernel>> CreateLpPool(const NodeInfo& node) {
  ASSIGN_OR_RETURN(PoolState state, ReadPool(node));
  state.p = ReadExponent(node);
  if (!(state.p > 0)) return Invalid(fmt::format("LpPool with p = {}", state.p));
  return MakeKernel([state = std::move(state)](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    ASSIGN_OR_RETURN(const PoolShape shape, PlanPool(state, x.dims));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, shape.output));
    return Dispatch<float, double>(x.dtype, "LpPool", [&]<class T>() -> Status {
      kernels::LpPool<T>(shape.window, shape.planes, state.p, x.ptr<T>(), y.mutable_ptr<T>(), context.thread_pool());
      return Status();
    });
  });
}

template <GlobalPoolKind kind>
StatusOr<std::unique_ptr<Kernel>> CreateGlobalPool(const NodeInfo& node) {
  const double p = kind == GlobalPoolKind::kLp ? ReadExponent(node) : 2;
  if (!(p > 0)) return Invalid(fmt::format("GlobalLpPool with p = {}", p));
  return MakeKernel([p](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    if (x.rank() < 2) return Invalid(fmt::format("X {} must be [batch, channels, spatial...]", x.dims.ToString()));
    Dims dims = x.dims;
    for (size_t i = 2; i < dims.rank(); ++i) dims[i] = 1;
    const int64_t size = x.dims.Product(2, x.rank());
    if (size == 0) return Invalid(fmt::format("X {} has planes without elements", x.dims.ToString()));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, dims));
    return Dispatch<float, double>(x.dtype, "a global pool", [&]<class T>() -> Status {
      kernels::GlobalPool<T>(kind, p, x.dims[0] * x.dims[1], size, x.ptr<T>(), y.mutable_ptr<T>(), context.thread_pool());
      return Status();
    });
  });
}

// Dims that MaxPool would have made Y's from, when output_shape does not say.
StatusOr<Dims> UnpooledDims(const PoolState& state, const Dims& x) {
  if (x.rank() < 3) return Invalid(fmt::format("X {} must be [batch, channels, spatial...]", x.ToString()));
  ASSIGN_OR_RETURN(const Window window,
                   kernels::MakeWindowAxes(state.attributes, std::span<const int64_t>(x).subspan(2), state.kernel_shape));
  Dims dims{x[0], x[1]};
  for (size_t i = 0; i < window.rank; ++i) {
    const kernels::WindowAxis& axis = window.spatial(i);
    dims.push_back((axis.input - 1) * axis.stride - axis.pad_begin - axis.pad_end + axis.kernel);
  }
  ASSIGN_OR_RETURN([[maybe_unused]] const int64_t count, CheckedNumElements(DataType::kDouble, dims));
  return dims;
}

StatusOr<std::unique_ptr<Kernel>> CreateMaxUnpool(const NodeInfo& node) {
  ASSIGN_OR_RETURN(PoolState state, ReadPool(node));
  return MakeKernel([state = std::move(state)](KernelContext& context) -> Status {
    const TensorView &x = context.input(0), &indices = context.input(1);
    if (!(x.dims == indices.dims))
      return Invalid(fmt::format("X {} and I {} must have the same dims", x.dims.ToString(), indices.dims.ToString()));
    ASSIGN_OR_RETURN(const Dims inferred, UnpooledDims(state, x.dims));
    Dims dims = inferred;
    if (context.has_input(2)) {
      dims = Dims(context.input(2).as<int64_t>());
      ASSIGN_OR_RETURN([[maybe_unused]] const int64_t count, CheckedNumElements(x.dtype, dims));
      if (dims.rank() != x.rank()) return Invalid(fmt::format("output_shape {} must have {} dims", dims.ToString(), x.rank()));
    }
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, dims));
    return Dispatch<float, double>(x.dtype, "MaxUnpool", [&]<class T>() -> Status {
      if (kernels::MaxUnpool<T>(x.ptr<T>(), indices.ptr<int64_t>(), x.num_elements(), inferred, dims, y.mutable_ptr<T>())) return Status();
      return Invalid(fmt::format("I holds an index outside of {}", inferred.ToString()));
    });
  });
}

// ---- regions of interest

StatusOr<kernels::RoiShape> PlanRois(const TensorView& x, const TensorView& rois, int64_t columns, int64_t pooled_height,
                                     int64_t pooled_width) {
  if (x.rank() != 4 || rois.rank() != 2 || rois.dims[1] != columns)
    return Invalid(fmt::format("X {} and rois {} must be [batch, channels, height, width] and [rois, {}]", x.dims.ToString(),
                               rois.dims.ToString(), columns));
  if (pooled_height < 1 || pooled_width < 1) return Invalid(fmt::format("an output of {} x {}", pooled_height, pooled_width));
  if (rois.dims[0] > 0 && x.num_elements() == 0) return Invalid(fmt::format("X {} has no elements to pool", x.dims.ToString()));
  const kernels::RoiShape shape{x.dims[0], x.dims[1], x.dims[2], x.dims[3], rois.dims[0], pooled_height, pooled_width};
  ASSIGN_OR_RETURN([[maybe_unused]] const int64_t count,
                   CheckedNumElements(DataType::kDouble, Dims{shape.rois, shape.channels, pooled_height, pooled_width}));
  return shape;
}

StatusOr<std::unique_ptr<Kernel>> CreateMaxRoiPool(const NodeInfo& node) {
  const std::vector<int64_t> pooled = node.GetInts("pooled_shape");
  if (pooled.size() != 2) return Invalid("pooled_shape must be (height, width)");
  return MakeKernel([pooled, scale = node.GetFloat("spatial_scale", 1)](KernelContext& context) -> Status {
    const TensorView &x = context.input(0), &rois = context.input(1);
    if (rois.dtype != x.dtype) return Invalid("X and rois differ in element type");
    ASSIGN_OR_RETURN(const kernels::RoiShape shape, PlanRois(x, rois, 5, pooled[0], pooled[1]));
    return Dispatch<float, double>(x.dtype, "MaxRoiPool", [&]<class T>() -> Status {
      for (int64_t i = 0; i < shape.rois; ++i) {
        const T image = rois.ptr<T>()[i * 5];
        if (!(image >= 0 && image < static_cast<T>(shape.batch)))
          return Invalid(fmt::format("roi {} is of image {}, beyond the batch of {}", i, image, shape.batch));
      }
      ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, Dims{shape.rois, shape.channels, pooled[0], pooled[1]}));
      kernels::MaxRoiPool<T>(shape, scale, x.ptr<T>(), rois.ptr<T>(), y.mutable_ptr<T>(), context.thread_pool());
      return Status();
    });
  });
}

struct RoiAlignState {
  kernels::RoiAlignOptions options;
  int64_t height = 1, width = 1;
};

StatusOr<std::unique_ptr<Kernel>> CreateRoiAlign(const NodeInfo& node) {
  RoiAlignState state;
  const std::string mode = node.GetString("mode", "avg");
  const std::string transform = node.GetString("coordinate_transformation_mode", "output_half_pixel");
  if (mode != "avg" && mode != "max") return Invalid(fmt::format("mode '{}' is neither avg nor max", mode));
  if (transform != "half_pixel" && transform != "output_half_pixel")
    return Invalid(fmt::format("coordinate_transformation_mode '{}' is neither half_pixel nor output_half_pixel", transform));
  state.options.maximum = mode == "max";
  state.options.half_pixel = node.schema().since_version >= 16 && transform == "half_pixel";
  state.options.sampling_ratio = node.GetInt("sampling_ratio");
  state.options.spatial_scale = node.GetFloat("spatial_scale", 1);
  state.height = node.GetInt("output_height", 1);
  state.width = node.GetInt("output_width", 1);
  if (state.options.sampling_ratio < 0 || state.options.sampling_ratio > 1024)
    return Invalid(fmt::format("sampling_ratio {} is out of range", state.options.sampling_ratio));
  return MakeKernel([state](KernelContext& context) -> Status {
    const TensorView &x = context.input(0), &rois = context.input(1), &images = context.input(2);
    if (rois.dtype != x.dtype) return Invalid("X and rois differ in element type");
    ASSIGN_OR_RETURN(const kernels::RoiShape shape, PlanRois(x, rois, 4, state.height, state.width));
    if (!(images.dims == Dims{shape.rois}))
      return Invalid(fmt::format("batch_indices {} must be [{}]", images.dims.ToString(), shape.rois));
    for (int64_t image : images.as<int64_t>())
      if (image < 0 || image >= shape.batch)
        return Invalid(fmt::format("batch_indices holds {}, beyond the batch of {}", image, shape.batch));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, Dims{shape.rois, shape.channels, state.height, state.width}));
    return Dispatch<float, double>(x.dtype, "RoiAlign", [&]<class T>() -> Status {
      const int64_t image_size = shape.channels * shape.height * shape.width, count = shape.channels * state.height * state.width;
      for (int64_t i = 0; i < shape.rois; ++i) {
        const T *const image = x.ptr<T>() + images.ptr<int64_t>()[i] * image_size, *const roi = rois.ptr<T>() + i * 4;
        const double samples = std::max(1.0, kernels::RoiAlignSamples(shape, state.options, roi));
        // A hostile roi can ask for many more samples than there are pixels: a step is a fraction of a second.
        const auto step = static_cast<int64_t>(std::max(1.0, 3e7 / samples));
        for (int64_t first = 0; first < count; first += step) {
          RETURN_IF_ERROR(context.CheckInterrupted());
          context.ParallelFor(std::min(step, count - first), 10 * samples, [&](int64_t begin, int64_t end) {
            kernels::RoiAlign<T>(shape, state.options, image, roi, y.mutable_ptr<T>() + i * count, first + begin, first + end);
          });
        }
      }
      return Status();
    });
  });
}

constexpr KernelEntry kRows[] = {
    {"", "MaxPool", "window", AcceptsAll, Widened<CreateMaxPool>},
    {"", "AveragePool", "window", AcceptsAll, Widened<CreateAveragePool>},
    {"", "LpPool", "window", AcceptsAll, Widened<CreateLpPool>},
    {"", "GlobalAveragePool", "plane", AcceptsAll, Widened<CreateGlobalPool<GlobalPoolKind::kAverage>>},
    {"", "GlobalMaxPool", "plane", AcceptsAll, Widened<CreateGlobalPool<GlobalPoolKind::kMax>>},
    {"", "GlobalLpPool", "plane", AcceptsAll, Widened<CreateGlobalPool<GlobalPoolKind::kLp>>},
    {"", "MaxUnpool", "scatter", AcceptsAll, Widened<CreateMaxUnpool>},
    {"", "MaxRoiPool", "reference", AcceptsAll, Widened<CreateMaxRoiPool>},
    {"", "RoiAlign", "reference", AcceptsAll, Widened<CreateRoiAlign>},
};

}  // namespace

std::span<const KernelEntry> PoolKernels() { return kRows; }

}  // namespace sardonyx::cpu
