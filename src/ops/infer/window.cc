#include "ops/infer/window.h"

#include <algorithm>

namespace sardonyx::ops::infer {
namespace {

constexpr int64_t kMaxSize = int64_t{1} << 40;  // far beyond any real window; keeps the arithmetic from overflowing

StatusOr<std::vector<int64_t>> Sizes(const InferenceContext& context, std::string_view name, size_t count, int64_t fallback, int64_t minimum) {
  std::vector<int64_t> sizes = GetInts(context, name);
  if (sizes.empty()) sizes.assign(count, fallback);
  if (sizes.size() != count) return Invalid(fmt::format("{} has {} numbers; expected {}", name, sizes.size(), count));
  for (int64_t size : sizes)
    if (size < minimum || size > kMaxSize) return Invalid(fmt::format("{} holds {}", name, size));
  return sizes;
}

}  // namespace

StatusOr<Window> ReadWindow(const InferenceContext& context, std::vector<Dim> kernel) {
  Window window;
  window.kernel = std::move(kernel);
  const size_t rank = window.rank();
  if (HasAttribute(context, "kernel_shape")) {
    ASSIGN_OR_RETURN(const std::vector<int64_t> sizes, Sizes(context, "kernel_shape", rank, 1, 1));
    for (size_t i = 0; i < rank; ++i) {
      ASSIGN_OR_RETURN(window.kernel[i], EqualDims(Dim(sizes[i]), window.kernel[i], "kernel_shape and the weights"));
    }
  }
  ASSIGN_OR_RETURN(window.strides, Sizes(context, "strides", rank, 1, 1));
  ASSIGN_OR_RETURN(window.dilations, Sizes(context, "dilations", rank, 1, 1));
  ASSIGN_OR_RETURN(window.pads, Sizes(context, "pads", rank * 2, 0, -kMaxSize));
  window.auto_pad = GetString(context, "auto_pad", "NOTSET");
  if (window.auto_pad.empty()) window.auto_pad = "NOTSET";
  for (std::string_view known : {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"})
    if (window.auto_pad == known) {
      window.ceil_mode = GetInt(context, "ceil_mode") != 0;
      return window;
    }
  return Invalid(fmt::format("auto_pad = '{}' is none of NOTSET, SAME_UPPER, SAME_LOWER, VALID", window.auto_pad));
}

StatusOr<Window> ReadPoolWindow(const InferenceContext& context) {
  if (!HasAttribute(context, "kernel_shape")) return Invalid("attribute kernel_shape is missing");
  ASSIGN_OR_RETURN(Window window, ReadWindow(context, std::vector<Dim>(GetInts(context, "kernel_shape").size())));
  window.may_exceed = true;
  return window;
}

StatusOr<Dim> WindowPlaces(const Window& window, size_t axis, const Dim& size) {
  const Dim stride(window.strides[axis]);
  if (window.auto_pad == "SAME_UPPER" || window.auto_pad == "SAME_LOWER") return Dim::CeilDiv(size, stride);
  const bool padded = window.auto_pad == "NOTSET";
  const Dim before(padded ? window.pads[axis] : 0), after(padded ? window.pads[axis + window.rank()] : 0);
  const Dim room = size + before + after - window.Extent(axis);
  if (room.is_constant() && room.value() < 0 && window.may_exceed) {
    const int64_t towards_zero = room.value() / window.strides[axis] + 1;
    if (towards_zero >= 0) return Dim(towards_zero);
  }
  if (room.is_constant() && room.value() < 0)
    return Invalid(fmt::format("the window of size {} does not fit the input of size {} with padding {} along spatial axis {}",
                               window.Extent(axis).ToString(), size.ToString(), (before + after).ToString(), axis));
  if (!window.ceil_mode) return Dim::FloorDiv(room, stride) + 1;
  // A last window that would begin in the padding after the input does not count.
  return Dim::Min(Dim::CeilDiv(room, stride) + 1, Dim::CeilDiv(size + before, stride));
}

}  // namespace sardonyx::ops::infer
