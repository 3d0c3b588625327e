#include "kernels/conv/blocked_conv_transpose.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace sardonyx::kernels {
namespace {

// Kernel positions k of an axis with k * dilation = phase modulo the stride: first, first + step, ... In a convolution they stand in
// reverse.
struct AxisTaps {
  AxisTaps(const WindowAxis& axis, int64_t phase) : step(axis.stride / std::gcd(axis.stride, axis.dilation)) {
    while (first < std::min(axis.kernel, step) && first * axis.dilation % axis.stride != phase) ++first;
    count = first < std::min(axis.kernel, step) ? (axis.kernel - 1 - first) / step + 1 : 0;
  }
  int64_t At(int64_t i) const { return first + (count - 1 - i) * step; }
  int64_t first = 0, count, step;
};

// One axis of a phase: output `first_output` and every stride-th one after it.
struct AxisPhase {
  AxisPhase(const WindowAxis& axis, int64_t phase) : taps(axis, phase) {
    first_output = ((phase - axis.pad_begin) % axis.stride + axis.stride) % axis.stride;
    window.input = axis.output;  // X's size
    window.output = first_output < axis.input ? (axis.input - 1 - first_output) / axis.stride + 1 : 0;
    window.kernel = taps.count;
    window.dilation = std::max<int64_t>(1, taps.step * axis.dilation / axis.stride);
    const int64_t last_tap_sees = (first_output + axis.pad_begin - taps.first * axis.dilation) / axis.stride;
    window.pad_begin = taps.count == 0 ? 0 : (taps.count - 1) * window.dilation - last_tap_sees;
  }
  AxisTaps taps;
  WindowAxis window;
  int64_t first_output;
};

// Calls visit({phase of depth, of height, of width}) for each.
template <class Visit>
void ForEachPhase(const Window& window, Visit&& visit) {
  for (int64_t d = 0; d < window.depth().stride; ++d)
    for (int64_t h = 0; h < window.height().stride; ++h)
      for (int64_t w = 0; w < window.width().stride; ++w) visit(std::array<int64_t, 3>{d, h, w});
}

ConvShape ShapeOf(const ConvTransposeShape& s, const std::array<AxisPhase, 3>& axes) {
  ConvShape shape;
  shape.batch = s.batch;
  shape.groups = s.groups;
  shape.channels = s.channels;
  shape.outputs = s.outputs;
  shape.window.rank = 3;
  shape.output = Dims{s.batch, s.groups * s.outputs};
  for (size_t i = 0; i < 3; ++i) {
    shape.window.axes[i] = axes[i].window;
    shape.output.push_back(axes[i].window.output);
  }
  return shape;
}

std::array<AxisPhase, 3> AxesOf(const Window& window, const std::array<int64_t, 3>& phase) {
  return {AxisPhase(window.depth(), phase[0]), AxisPhase(window.height(), phase[1]), AxisPhase(window.width(), phase[2])};
}

}  // namespace

void PackBlockedTransposeWeights(const Window& window, const float* w, int64_t groups, int64_t outputs, int64_t channels, float* out) {
  const int64_t blocks = ChannelBlocks(outputs), kernel = window.kernel_size();
  ForEachPhase(window, [&](const std::array<int64_t, 3>& phase) {
    const AxisTaps d(window.depth(), phase[0]), h(window.height(), phase[1]), v(window.width(), phase[2]);
    for (int64_t block = 0; block < groups * blocks; ++block) {
      const int64_t first = block % blocks * kChannelBlock, count = std::min(kChannelBlock, outputs - first);
      const float* from = w + (block / blocks * channels * outputs + first) * kernel;
      for (int64_t tap = 0; tap < d.count * h.count * v.count; ++tap) {
        const int64_t kd = d.At(tap / v.count / h.count), kh = h.At(tap / v.count % h.count), kw = v.At(tap % v.count);
        const int64_t position = (kd * window.height().kernel + kh) * window.width().kernel + kw;
        for (int64_t c = 0; c < channels; ++c, out += kChannelBlock) {
          for (int64_t o = 0; o < count; ++o) out[o] = from[(c * outputs + o) * kernel + position];
          std::fill(out + count, out + kChannelBlock, 0.0f);
        }
      }
    }
  });
}

size_t BlockedConvTransposeWorkspace(const ConvTransposeShape& s, int threads) {
  size_t bytes = 0;
  ForEachPhase(s.window, [&](const std::array<int64_t, 3>& phase) {
    bytes = std::max(bytes, BlockedConvWorkspace(ShapeOf(s, AxesOf(s.window, phase)), false, threads));
  });
  return bytes;
}

void BlockedConvTranspose(const BlockedConvTransposeArguments& a, void* workspace, ThreadPool& pool) {
  const ConvTransposeShape& s = a.shape;
  const WindowAxis &da = s.window.depth(), &ha = s.window.height(), &wa = s.window.width();
  const int64_t row = wa.input * kChannelBlock, plane = ha.input * row, block = da.input * plane;
  const float* weights = a.weights;
  ForEachPhase(s.window, [&](const std::array<int64_t, 3>& phase) {
    const std::array<AxisPhase, 3> axes = AxesOf(s.window, phase);
    const OutputGrid grid{.first = axes[0].first_output * plane + axes[1].first_output * row + axes[2].first_output * kChannelBlock,
                          .depth = da.stride * plane,
                          .row = ha.stride * row,
                          .column = wa.stride * kChannelBlock,
                          .block = block,
                          .image = s.groups * ChannelBlocks(s.outputs) * block};
    const ConvShape shape = ShapeOf(s, axes);
    BlockedConv({.shape = shape, .x = a.x, .weights = weights, .bias = a.bias, .y = a.y, .grid = &grid}, workspace, pool);
    weights += PackedBlockedWeightsSize(s.groups, s.outputs, s.channels, shape.window.kernel_size());
  });
}

}  // namespace sardonyx::kernels
