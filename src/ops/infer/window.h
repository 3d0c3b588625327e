// The sliding window that convolutions and poolings share.
#pragma once

#include <string>
#include <vector>

#include "ops/infer/common.h"

namespace sardonyx::ops::infer {

struct Window {
  std::vector<Dim> kernel;  // one an axis, as are strides and dilations
  std::vector<int64_t> strides, dilations;
  std::vector<int64_t> pads;  // all begins, then all ends
  std::string auto_pad;       // NOTSET, SAME_UPPER, SAME_LOWER or VALID
  bool may_exceed = false;  // pooling: larger than the padded input; then places are rounded towards zero
  bool ceil_mode = false;

  size_t rank() const { return kernel.size(); }
  // The kernel's extent with its dilation.
  Dim Extent(size_t axis) const { return (kernel[axis] - 1) * Dim(dilations[axis]) + 1; }
};

// The attributes of a window over `rank` axes. `kernel` is what the weights say; attribute kernel_shape, when present,
// must agree. kInvalid for lists of the wrong length, sizes below 1, and unknown auto_pad.
StatusOr<Window> ReadWindow(const InferenceContext& context, std::vector<Dim> kernel);
// The same where only attribute kernel_shape gives the rank.
StatusOr<Window> ReadPoolWindow(const InferenceContext& context);

// Number of places of the window along `axis`. kInvalid when the padded input is smaller than the window.
StatusOr<Dim> WindowPlaces(const Window& window, size_t axis, const Dim& size);

}  // namespace sardonyx::ops::infer
