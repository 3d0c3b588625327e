// Windows that slide over spatial axes: the geometry that convolution and pooling share.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sardonyx/status.h"
#include "sardonyx/tensor.h"

namespace sardonyx::kernels {

// Loops are over three axes; what stands before the last two counts as one of them.
inline constexpr size_t kWindowAxes = 3;
inline constexpr size_t kMaxSpatialAxes = 8;

enum class AutoPad : uint8_t { kNotSet, kSameUpper, kSameLower, kValid };
// kInvalid for a name that the specification does not have.
StatusOr<AutoPad> ParseAutoPad(std::string_view name);

// Attributes of a node; empty lists take the specification's defaults (strides and dilations 1, pads 0).
struct WindowAttributes {
  AutoPad auto_pad = AutoPad::kNotSet;
  std::vector<int64_t> strides;
  std::vector<int64_t> dilations;
  std::vector<int64_t> pads;  // begins of all axes, then ends
  bool ceil_mode = false;     // outputs round up, but no window starts in the padding at the end
  // Pooling: a window may be larger than the padded input and then sees what there is. The number of outputs is rounded
  // towards zero there, as ONNX's own inference does.
  bool may_exceed = false;
};

// One axis: position o of the output sees input positions o * stride - pad_begin + i * dilation, i < kernel.
struct WindowAxis {
  int64_t input = 1, output = 1;
  int64_t kernel = 1, stride = 1, dilation = 1;
  int64_t pad_begin = 0, pad_end = 0;
  int64_t extent() const { return (kernel - 1) * dilation + 1; }
  int64_t Start(int64_t o) const { return o * stride - pad_begin; }
};

// Always three axes (depth, height, width): a window of lower rank has leading axes of size 1. Of one of higher rank, depth
// stands for all axes before the last two, row-major: its input, output and kernel are their products, and only DepthAt()
// tells which input a kernel position of an output sees.
struct Window {
  size_t rank = 0;
  std::array<WindowAxis, kWindowAxes> axes;
  std::vector<WindowAxis> leading;  // what depth stands for; empty up to rank 3
  const WindowAxis& depth() const { return axes[0]; }
  const WindowAxis& height() const { return axes[1]; }
  const WindowAxis& width() const { return axes[2]; }
  int64_t input_size() const { return axes[0].input * axes[1].input * axes[2].input; }
  int64_t output_size() const { return axes[0].output * axes[1].output * axes[2].output; }
  int64_t kernel_size() const { return axes[0].kernel * axes[1].kernel * axes[2].kernel; }
  // Spatial axis i < rank.
  WindowAxis& spatial(size_t i) { return i < leading.size() ? leading[i] : axes[kWindowAxes - rank + i]; }
  const WindowAxis& spatial(size_t i) const { return const_cast<Window*>(this)->spatial(i); }
  // The input position along depth that position `kernel` of the window at `output` sees; -1: padding.
  int64_t DepthAt(int64_t output, int64_t kernel) const {
    if (!leading.empty()) return LeadingAt(output, kernel);
    const int64_t d = depth().Start(output) + kernel * depth().dilation;
    return d >= 0 && d < depth().input ? d : -1;
  }
  // The output's spatial dims, `rank` of them.
  Dims output_dims() const;
  // A 1x1 kernel that visits every position once: the product needs no columns to be gathered.
  bool is_pointwise() const;
  // Sets depth, once the leading axes are resolved. kResource where their product overflows.
  Status CombineLeading();

 private:
  int64_t LeadingAt(int64_t output, int64_t kernel) const;
};

// kInvalid where lists disagree in length, or a size, stride, dilation or pad is out of range, or a window is larger than
// its padded input; kUnsupported beyond kMaxSpatialAxes.
StatusOr<Window> MakeWindow(const WindowAttributes& attributes, std::span<const int64_t> input, std::span<const int64_t> kernel);

// The checks of the attribute lists alone, for callers that compute sizes in another way (ConvTranspose): sets kernel,
// stride, dilation and explicit pads, but neither the output nor pads that auto_pad asks for; the caller ends with
// CombineLeading().
StatusOr<Window> MakeWindowAxes(const WindowAttributes& attributes, std::span<const int64_t> input, std::span<const int64_t> kernel);

}  // namespace sardonyx::kernels
