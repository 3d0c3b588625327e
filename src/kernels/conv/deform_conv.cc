#include "kernels/conv/deform_conv.h"

#include <algorithm>
#include <cmath>

#include "kernels/gemm/gemm_f32.h"
#include "kernels/gemm/gemm_generic.h"

namespace sardonyx::kernels {
namespace {

// The value of a plane between its elements: the sum over the corners around `position`, those outside being zero.
template <class T>
T Interpolate(const Window& window, const T* plane, const double (&position)[kWindowAxes]) {
  int64_t low[kWindowAxes];
  double fraction[kWindowAxes];
  for (size_t axis = 0; axis < kWindowAxes; ++axis) {
    const double size = static_cast<double>(window.axes[axis].input);
    if (!(position[axis] > -1 && position[axis] < size)) return T{0};
    const double floor = std::floor(position[axis]);
    low[axis] = static_cast<int64_t>(floor);
    fraction[axis] = position[axis] - floor;
  }
  double sum = 0;
  for (int corner = 0; corner < 8; ++corner) {
    double weight = 1;
    int64_t offset = 0;
    bool inside = true;
    for (size_t axis = 0; axis < kWindowAxes; ++axis) {
      const bool high = (corner >> axis) & 1;
      const int64_t index = low[axis] + high;
      weight *= high ? fraction[axis] : 1 - fraction[axis];
      inside = inside && index >= 0 && index < window.axes[axis].input;
      offset = offset * window.axes[axis].input + index;
    }
    if (weight != 0 && inside) sum += weight * static_cast<double>(plane[offset]);
  }
  return static_cast<T>(sum);
}

// Row `k` of the kernel at every output position of one channel.
template <class T>
void SampleRow(const Window& window, int64_t k, const T* plane, const T* offsets, const T* mask, T* row) {
  const int64_t positions = window.output_size(), width = window.width().output, height = window.height().output;
  int64_t kernel[kWindowAxes], rest = k;
  for (size_t axis = kWindowAxes; axis-- > 0;) {
    kernel[axis] = rest % window.axes[axis].kernel;
    rest /= window.axes[axis].kernel;
  }
  for (int64_t n = 0; n < positions; ++n) {
    const int64_t output[kWindowAxes] = {n / width / height, n / width % height, n % width};
    double position[kWindowAxes] = {};
    for (size_t axis = 0; axis < kWindowAxes; ++axis)
      position[axis] = static_cast<double>(window.axes[axis].Start(output[axis]) + kernel[axis] * window.axes[axis].dilation);
    for (size_t i = 0; i < window.rank; ++i)
      position[kWindowAxes - window.rank + i] +=
          static_cast<double>(offsets[(k * static_cast<int64_t>(window.rank) + static_cast<int64_t>(i)) * positions + n]);
    row[n] = Interpolate(window, plane, position) * (mask ? mask[k * positions + n] : T{1});
  }
}

int64_t PackedElements(const ConvShape& s) { return (PackedColumnsSize(s.depth(), s.window.output_size()) + 15) / 16 * 16; }

}  // namespace

template <class T>
size_t DeformConvWorkspace(const ConvShape& s) {
  return static_cast<size_t>(s.depth() * s.window.output_size() + (std::is_same_v<T, float> ? PackedElements(s) : 0)) * sizeof(T);
}

template <class T>
void DeformConv(const ConvShape& s, int64_t offset_groups, const T* x, const T* w, const T* offset, const T* bias, const T* mask, T* y,
                void* workspace, ThreadPool& pool) {
  if (s.output.num_elements() == 0) return;
  const Window& window = s.window;
  const int64_t positions = window.output_size(), kernel = window.kernel_size();
  const int64_t channels_of_offset = s.groups * s.channels / offset_groups;
  const int64_t rank = static_cast<int64_t>(window.rank);
  T* packed = static_cast<T*>(workspace);
  T* columns = packed + (std::is_same_v<T, float> ? PackedElements(s) : 0);
  for (int64_t i = 0; i < s.batch * s.groups; ++i) {
    const int64_t image = i / s.groups, group = i % s.groups;
    pool.ParallelFor(s.depth(), static_cast<double>(positions) * 40, [&](int64_t first, int64_t last) {
      for (int64_t row = first; row < last; ++row) {
        const int64_t channel = group * s.channels + row / kernel;
        const int64_t offset_group = image * offset_groups + channel / channels_of_offset;
        SampleRow(window, row % kernel, x + (image * s.groups * s.channels + channel) * window.input_size(),
                  offset + offset_group * kernel * rank * positions, mask ? mask + offset_group * kernel * positions : nullptr,
                  columns + row * positions);
      }
    });
    T* out = y + i * s.outputs * positions;
    const T* weights = w + group * s.outputs * s.depth();
    if constexpr (std::is_same_v<T, float>) {
      GemmF32Arguments g{.m = s.outputs, .n = positions, .k = s.depth(), .a = {weights, s.depth(), 1}};
      PackColumnsF32({columns, positions, 1}, s.depth(), positions, packed, pool);
      g.packed_b = packed;
      g.c = out;
      g.c_stride = positions;
      if (bias) g.epilogue.row_bias = bias + group * s.outputs;
      GemmF32(g, nullptr, pool);
    } else {
      GemmGeneric<T>(s.outputs, positions, s.depth(), {weights, s.depth(), 1}, {columns, positions, 1}, out, positions, pool);
      if (bias)
        for (int64_t o = 0; o < s.outputs; ++o)
          for (int64_t n = 0; n < positions; ++n) out[o * positions + n] += bias[group * s.outputs + o];
    }
  }
}

template size_t DeformConvWorkspace<float>(const ConvShape&);
template size_t DeformConvWorkspace<double>(const ConvShape&);
template void DeformConv<float>(const ConvShape&, int64_t, const float*, const float*, const float*, const float*, const float*, float*,
                                void*, ThreadPool&);
template void DeformConv<double>(const ConvShape&, int64_t, const double*, const double*, const double*, const double*, const double*,
                                 double*, void*, ThreadPool&);

void CausalConv(int64_t batch, int64_t channels, int64_t length, int64_t kernel, const float* x, const float* w, const float* bias,
                const float* past, bool silu, float* y, float* present, ThreadPool& pool) {
  const int64_t state = kernel - 1;
  pool.ParallelFor(batch * channels, static_cast<double>(length * kernel), [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      const float* input = x + row * length;
      const float* weights = w + row % channels * kernel;
      // Position t of the sequence, which begins with the state.
      const auto at = [&](int64_t t) { return t >= state ? input[t - state] : (past ? past[row * state + t] : 0.0f); };
      for (int64_t t = 0; t < length; ++t) {
        float sum = bias ? bias[row % channels] : 0.0f;
        for (int64_t k = 0; k < kernel; ++k) sum += weights[k] * at(t + k);
        y[row * length + t] = sum;
      }
      for (int64_t t = 0; t < state; ++t) present[row * state + t] = at(length + t);
      if (silu) ActivateF32({ActivationKind::kSilu}, y + row * length, length);
    }
  });
}

}  // namespace sardonyx::kernels
