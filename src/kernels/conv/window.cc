#include "kernels/conv/window.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/ceil_div.h"
#include "base/status_macros.h"

namespace sardonyx::kernels {
namespace {

// Sizes beyond this cannot be meant, and products of two of them still fit.
constexpr int64_t kLimit = int64_t{1} << 31;
constexpr int64_t kMaxLeadingKernel = int64_t{1} << 20;

Status CheckList(std::string_view name, std::span<const int64_t> values, size_t count, int64_t least) {
  if (!values.empty() && values.size() != count)
    return Invalid(fmt::format("{} has {} values, but {} are needed for {} spatial axes", name, values.size(), count,
                               name == "pads" ? count / 2 : count));
  for (int64_t value : values)
    if (value < least || value >= kLimit) return Invalid(fmt::format("{} holds {}, which is out of range", name, value));
  return Status();
}

// Output and, for SAME, pads of one axis.
Status Resolve(const WindowAttributes& attributes, WindowAxis& axis) {
  if (attributes.auto_pad == AutoPad::kSameUpper || attributes.auto_pad == AutoPad::kSameLower) {
    axis.output = CeilDiv(axis.input, axis.stride);
    const int64_t total = std::max<int64_t>(0, (axis.output - 1) * axis.stride + axis.extent() - axis.input);
    axis.pad_begin = attributes.auto_pad == AutoPad::kSameUpper ? total / 2 : total - total / 2;
    axis.pad_end = total - axis.pad_begin;
    return Status();
  }
  if (attributes.auto_pad == AutoPad::kValid) axis.pad_begin = axis.pad_end = 0;
  const int64_t padded = axis.input + axis.pad_begin + axis.pad_end;
  if (padded < axis.extent()) {
    const int64_t towards_zero = (padded - axis.extent()) / axis.stride + 1;
    if (attributes.may_exceed && axis.input > 0 && towards_zero >= 0) {
      axis.output = towards_zero;
      return Status();
    }
    if (axis.input > 0)
      return Invalid(fmt::format("a window of extent {} does not fit an input of {} with its padding", axis.extent(), padded));
    axis.output = 0;
    return Status();
  }
  const int64_t room = padded - axis.extent();
  const bool ceil = attributes.ceil_mode && attributes.auto_pad != AutoPad::kValid;
  axis.output = (ceil ? CeilDiv(room, axis.stride) : room / axis.stride) + 1;
  if (ceil && (axis.output - 1) * axis.stride >= axis.input + axis.pad_begin) --axis.output;
  return Status();
}

}  // namespace

StatusOr<AutoPad> ParseAutoPad(std::string_view name) {
  if (name.empty() || name == "NOTSET") return AutoPad::kNotSet;
  if (name == "SAME_UPPER") return AutoPad::kSameUpper;
  if (name == "SAME_LOWER") return AutoPad::kSameLower;
  if (name == "VALID") return AutoPad::kValid;
  return Invalid(fmt::format("auto_pad '{}' is none of NOTSET, SAME_UPPER, SAME_LOWER, VALID", name));
}

Dims Window::output_dims() const {
  Dims dims;
  for (size_t i = 0; i < rank; ++i) dims.push_back(spatial(i).output);
  return dims;
}

bool Window::is_pointwise() const {
  for (size_t i = 0; i < rank; ++i) {
    const WindowAxis& axis = spatial(i);
    if (axis.kernel != 1 || axis.stride != 1 || axis.pad_begin != 0 || axis.output != axis.input) return false;
  }
  return true;
}

Status Window::CombineLeading() {
  if (leading.empty()) return {};
  const auto product = [&](int64_t WindowAxis::*size) -> StatusOr<int64_t> {
    Dims dims;
    for (const WindowAxis& axis : leading) dims.push_back(axis.*size);
    return CheckedNumElements(DataType::kDouble, dims);
  };
  ASSIGN_OR_RETURN(axes[0].input, product(&WindowAxis::input));
  ASSIGN_OR_RETURN(axes[0].output, product(&WindowAxis::output));
  ASSIGN_OR_RETURN(axes[0].kernel, product(&WindowAxis::kernel));
  // Kernel positions along these axes are tried one by one.
  if (axes[0].kernel > kMaxLeadingKernel) return Resource(fmt::format("a window of {} positions before its last two axes", axes[0].kernel));
  return {};
}

int64_t Window::LeadingAt(int64_t output, int64_t kernel) const {
  int64_t index = 0, stride = 1;
  for (size_t i = leading.size(); i-- > 0;) {
    const WindowAxis& axis = leading[i];
    const int64_t position = axis.Start(output % axis.output) + kernel % axis.kernel * axis.dilation;
    if (position < 0 || position >= axis.input) return -1;
    index += position * stride;
    stride *= axis.input;
    output /= axis.output;
    kernel /= axis.kernel;
  }
  return index;
}

StatusOr<Window> MakeWindowAxes(const WindowAttributes& attributes, std::span<const int64_t> input, std::span<const int64_t> kernel) {
  const size_t rank = input.size();
  if (rank > kMaxSpatialAxes)
    return Unsupported(fmt::format("windows over {} spatial axes; at most {} are implemented", rank, kMaxSpatialAxes));
  if (kernel.empty() && rank > 0) return Invalid("kernel_shape is missing");
  RETURN_IF_ERROR(CheckList("kernel_shape", kernel, rank, 1));
  RETURN_IF_ERROR(CheckList("strides", attributes.strides, rank, 1));
  RETURN_IF_ERROR(CheckList("dilations", attributes.dilations, rank, 1));
  RETURN_IF_ERROR(CheckList("pads", attributes.pads, 2 * rank, 0));
  Window window;
  window.rank = rank;
  if (rank > kWindowAxes) window.leading.resize(rank - (kWindowAxes - 1));
  for (size_t i = 0; i < rank; ++i) {
    WindowAxis& axis = window.spatial(i);
    axis.input = input[i];
    axis.kernel = kernel[i];
    if (!attributes.strides.empty()) axis.stride = attributes.strides[i];
    if (!attributes.dilations.empty()) axis.dilation = attributes.dilations[i];
    if (!attributes.pads.empty() && attributes.auto_pad == AutoPad::kNotSet) {
      axis.pad_begin = attributes.pads[i];
      axis.pad_end = attributes.pads[rank + i];
    }
    if (axis.input < 0 || axis.input >= kLimit) return Invalid(fmt::format("a spatial axis of {} is out of range", axis.input));
  }
  return window;
}

StatusOr<Window> MakeWindow(const WindowAttributes& attributes, std::span<const int64_t> input, std::span<const int64_t> kernel) {
  ASSIGN_OR_RETURN(Window window, MakeWindowAxes(attributes, input, kernel));
  for (size_t i = 0; i < window.rank; ++i) RETURN_IF_ERROR(Resolve(attributes, window.spatial(i)));
  RETURN_IF_ERROR(window.CombineLeading());
  return window;
}

}  // namespace sardonyx::kernels
