#include "providers/cpu/convolution_gather.h"

#include <complex>

#include <fmt/format.h>

#include "kernels/conv/col2im.h"
#include "kernels/conv/deform_conv.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/convolution.h"

namespace sardonyx::cpu {
namespace {

struct DeformState {
  kernels::WindowAttributes attributes;
  std::vector<int64_t> kernel_shape;
  int64_t groups = 1, offset_groups = 1;
};

// [batch, channels, output...]
Status CheckMap(std::string_view name, const Dims& dims, const kernels::ConvShape& s, int64_t channels) {
  Dims expected{s.batch, channels};
  for (int64_t dim : s.window.output_dims()) expected.push_back(dim);
  if (dims == expected) return Status();
  return Invalid(fmt::format("{} {} must be {}", name, dims.ToString(), expected.ToString()));
}

template <class T>
Status RunDeformConv(KernelContext& context, const DeformState& state) {
  const TensorView &x = context.input(0), &w = context.input(1), &offset = context.input(2);
  ASSIGN_OR_RETURN(const kernels::ConvShape s, kernels::PlanConv(x.dims, w.dims, state.groups, state.kernel_shape, state.attributes));
  if (s.window.rank > kernels::kWindowAxes)
    return Unsupported(fmt::format("DeformConv over {} spatial axes; at most 3 are implemented", s.window.rank));
  const int64_t channels = s.groups * s.channels;
  if (state.offset_groups < 1 || channels % state.offset_groups != 0)
    return Invalid(fmt::format("{} channels cannot be split into offset_group {}", channels, state.offset_groups));
  const int64_t kernel = state.offset_groups * s.window.kernel_size();
  RETURN_IF_ERROR(CheckMap("offset", offset.dims, s, kernel * static_cast<int64_t>(s.window.rank)));
  const bool has_bias = context.has_input(3), has_mask = context.has_input(4);
  if (has_bias) RETURN_IF_ERROR(kernels::CheckConvBias(s, context.input(3).dims));
  if (has_mask) RETURN_IF_ERROR(CheckMap("mask", context.input(4).dims, s, kernel));
  // The gathered columns must be addressable.
  const int64_t columns[] = {s.depth(), s.window.output_size()};
  ASSIGN_OR_RETURN([[maybe_unused]] const int64_t count, CheckedNumElements(DataType::kDouble, columns));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataTypeOf<T>::value, s.output));
  ASSIGN_OR_RETURN(void* workspace, context.Workspace(kernels::DeformConvWorkspace<T>(s)));
  kernels::DeformConv<T>(s, state.offset_groups, x.ptr<T>(), w.ptr<T>(), offset.ptr<T>(), has_bias ? context.input(3).ptr<T>() : nullptr,
                         has_mask ? context.input(4).ptr<T>() : nullptr, y.mutable_ptr<T>(), workspace, context.thread_pool());
  return Status();
}

}  // namespace

StatusOr<std::unique_ptr<Kernel>> CreateDeformConv(const NodeInfo& node) {
  DeformState state;
  ASSIGN_OR_RETURN(state.attributes, ReadWindowAttributes(node));
  state.kernel_shape = node.GetInts("kernel_shape");
  state.groups = node.GetInt("group", 1);
  state.offset_groups = node.GetInt("offset_group", 1);
  return MakeKernel([state = std::move(state)](KernelContext& context) {
    return Dispatch<float, double>(context.input(0).dtype, "DeformConv", [&]<class T>() { return RunDeformConv<T>(context, state); });
  });
}

StatusOr<std::unique_ptr<Kernel>> CreateCol2Im(const NodeInfo& node) {
  ASSIGN_OR_RETURN(kernels::WindowAttributes attributes, ReadWindowAttributes(node));
  return MakeKernel([attributes = std::move(attributes)](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    const auto image = context.input(1).as<int64_t>(), block = context.input(2).as<int64_t>();
    if (image.size() != block.size()) return Invalid("image_shape and block_shape differ in length");
    ASSIGN_OR_RETURN(const kernels::Window window, kernels::MakeWindow(attributes, image, block));
    const Dims expected{window.kernel_size(), window.output_size()};
    if (x.rank() != 3 || window.kernel_size() < 1 || x.dims[1] % window.kernel_size() != 0 || x.dims[2] != window.output_size())
      return Invalid(fmt::format("input {} does not hold blocks of {} at {} positions", x.dims.ToString(), expected[0], expected[1]));
    const int64_t channels = x.dims[1] / window.kernel_size();
    Dims dims{x.dims[0], channels};
    for (int64_t dim : image) dims.push_back(dim);
    if (x.dtype == DataType::kString) return Unsupported("Col2Im of strings: they have no sum");
    return Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t, bool, std::complex<float>,
                    std::complex<double>>(x.dtype, "Col2Im", [&]<class T>() -> Status {
      ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, dims));
      // Sums of signed integers wrap: their unsigned twins are added.
      using Sum = decltype([] {
        if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
          return std::make_unsigned_t<T>();
        else
          return T();
      }());
      kernels::Col2Im<Sum>(window, dims[0] * channels, x.ptr<Sum>(), y.mutable_ptr<Sum>(), context.thread_pool());
      return Status();
    });
  });
}

StatusOr<std::unique_ptr<Kernel>> CreateCausalConvWithState(const NodeInfo& node) {
  const std::string activation = node.GetString("activation", "none");
  if (activation != "none" && activation != "silu" && activation != "swish")
    return Invalid(fmt::format("activation '{}' is none of none, silu, swish", activation));
  return MakeKernel([silu = activation != "none"](KernelContext& context) -> Status {
    const TensorView &x = context.input(0), &w = context.input(1);
    if (x.dtype != DataType::kFloat) return Unsupported(fmt::format("CausalConvWithState for {}", DataTypeName(x.dtype)));
    if (x.rank() != 3 || w.rank() != 3 || w.dims[0] != x.dims[1] || w.dims[1] != 1 || w.dims[2] < 1)
      return Invalid(fmt::format("input {} and weight {} must be [batch, channels, length] and [channels, 1, k]", x.dims.ToString(),
                                 w.dims.ToString()));
    const int64_t batch = x.dims[0], channels = x.dims[1], length = x.dims[2], kernel = w.dims[2];
    const bool has_bias = context.has_input(2), has_past = context.has_input(3);
    if (has_bias && !(context.input(2).dims == Dims{channels})) return Invalid(fmt::format("bias must be [{}]", channels));
    const Dims state{batch, channels, kernel - 1};
    if (has_past && !(context.input(3).dims == state)) return Invalid(fmt::format("past_state must be {}", state.ToString()));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, x.dims));
    ASSIGN_OR_RETURN(TensorView present, context.Output(1, x.dtype, state));
    kernels::CausalConv(batch, channels, length, kernel, x.ptr<float>(), w.ptr<float>(), has_bias ? context.input(2).ptr<float>() : nullptr,
                        has_past ? context.input(3).ptr<float>() : nullptr, silu, y.mutable_ptr<float>(), present.mutable_ptr<float>(),
                        context.thread_pool());
    return Status();
  });
}

}  // namespace sardonyx::cpu
