#include "providers/cpu/convolution_grid.h"

#include <complex>
#include <string>

#include <fmt/format.h>

#include "kernels/resize/grid_sample.h"
#include "providers/cpu/bind.h"

namespace sardonyx::cpu {
namespace {

using kernels::GridMode;
using kernels::GridOptions;
using kernels::GridPadding;
using kernels::GridShape;

StatusOr<GridOptions> ReadOptions(const NodeInfo& node) {
  GridOptions options;
  const std::string mode = node.GetString("mode", "linear"), padding = node.GetString("padding_mode", "zeros");
  if (mode == "nearest")
    options.mode = GridMode::kNearest;
  else if (mode == "cubic" || mode == "bicubic")
    options.mode = GridMode::kCubic;
  else if (mode != "linear" && mode != "bilinear")
    return Invalid(fmt::format("mode '{}' is none of linear, nearest, cubic", mode));
  if (padding == "border")
    options.padding = GridPadding::kBorder;
  else if (padding == "reflection")
    options.padding = GridPadding::kReflection;
  else if (padding != "zeros")
    return Invalid(fmt::format("padding_mode '{}' is none of zeros, border, reflection", padding));
  options.align_corners = node.GetInt("align_corners") != 0;
  return options;
}

Status RunGridSample(KernelContext& context, const GridOptions& options) {
  const TensorView &x = context.input(0), &grid = context.input(1);
  const size_t rank = x.rank() - 2;
  if (x.rank() < 3 || grid.rank() != x.rank() || grid.dims.back() != static_cast<int64_t>(rank) || grid.dims[0] != x.dims[0])
    return Invalid(
        fmt::format("X {} and grid {} must be [N, C, spatial...] and [N, spatial..., {}]", x.dims.ToString(), grid.dims.ToString(), rank));
  if (rank > kernels::kMaxGridAxes)
    return Unsupported(fmt::format("GridSample over {} spatial axes; at most {} are implemented", rank, kernels::kMaxGridAxes));
  GridShape shape;
  shape.batch = x.dims[0];
  shape.channels = x.dims[1];
  shape.rank = rank;
  for (size_t i = 0; i < rank; ++i) shape.size[i] = x.dims[i + 2];
  shape.positions = grid.dims.Product(1, grid.rank() - 1);
  Dims dims{x.dims[0], x.dims[1]};
  for (size_t i = 1; i + 1 < grid.rank(); ++i) dims.push_back(grid.dims[i]);
  ASSIGN_OR_RETURN(const int64_t count, CheckedNumElements(x.dtype, dims));
  if (count > 0 && x.num_elements() == 0) return Invalid(fmt::format("X {} has nothing to sample", x.dims.ToString()));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, dims));
  if (x.dtype == DataType::kString && options.mode != GridMode::kNearest)
    return Unsupported("GridSample between strings: only mode nearest has a meaning for them");
  return Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t, bool, std::complex<float>,
                  std::complex<double>, std::string>(x.dtype, "GridSample", [&]<class T>() {
    return Dispatch<float, double>(grid.dtype, "grid of GridSample", [&]<class G>() -> Status {
      kernels::GridSample<T, G>(shape, options, x.ptr<T>(), grid.ptr<G>(), y.mutable_ptr<T>(), context.thread_pool());
      return Status();
    });
  });
}

}  // namespace

StatusOr<std::unique_ptr<Kernel>> CreateGridSample(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const GridOptions options, ReadOptions(node));
  return MakeKernel([options](KernelContext& context) { return RunGridSample(context, options); });
}

StatusOr<std::unique_ptr<Kernel>> CreateAffineGrid(const NodeInfo& node) {
  return MakeKernel([align_corners = node.GetInt("align_corners") != 0](KernelContext& context) -> Status {
    const TensorView& theta = context.input(0);
    const auto size = context.input(1).as<int64_t>();
    if (size.size() != 4 && size.size() != 5) return Invalid("size must be (N, C, H, W) or (N, C, D, H, W)");
    const size_t rank = size.size() - 2;
    const Dims expected{size[0], static_cast<int64_t>(rank), static_cast<int64_t>(rank) + 1};
    if (!(theta.dims == expected)) return Invalid(fmt::format("theta {} must be {}", theta.dims.ToString(), expected.ToString()));
    Dims dims{size[0]};
    for (int64_t dim : size.subspan(2)) dims.push_back(dim);
    dims.push_back(static_cast<int64_t>(rank));
    ASSIGN_OR_RETURN([[maybe_unused]] const int64_t count, CheckedNumElements(DataType::kDouble, dims));
    ASSIGN_OR_RETURN(TensorView grid, context.Output(0, theta.dtype, dims));
    return Dispatch<float, double>(theta.dtype, "AffineGrid", [&]<class T>() -> Status {
      kernels::AffineGrid<T>(size[0], rank, size.data() + 2, align_corners, theta.ptr<T>(), grid.mutable_ptr<T>(), context.thread_pool());
      return Status();
    });
  });
}

}  // namespace sardonyx::cpu
