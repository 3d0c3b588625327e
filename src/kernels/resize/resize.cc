#include "kernels/resize/resize.h"

#include <algorithm>
#include <complex>
#include <string>

#include "kernels/resize/bits.h"

namespace sardonyx::kernels {
namespace {

int64_t Product(std::span<const ResizeAxis> axes, bool output) {
  int64_t product = 1;
  for (const ResizeAxis& axis : axes) product *= output ? axis.output : axis.input;
  return product;
}

bool IsExtrapolated(const ResizeAxis& axis, int64_t o) { return !axis.extrapolated.empty() && axis.extrapolated[static_cast<size_t>(o)]; }

// One axis of [outer, input, inner] -> [outer, output, inner].
template <class T>
void ResizePass(const ResizeAxis& axis, int64_t outer, int64_t inner, double extrapolation, const T* x, T* y, ThreadPool& pool) {
  const double cost = static_cast<double>(inner * axis.taps);
  pool.ParallelFor(outer * axis.output, cost, [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      const int64_t o = row % axis.output;
      T* out = y + row * inner;
      if (IsExtrapolated(axis, o)) {
        std::fill_n(out, inner, static_cast<T>(extrapolation));
        continue;
      }
      const T* plane = x + row / axis.output * axis.input * inner;
      const int64_t* index = axis.index.data() + o * axis.taps;
      const double* weight = axis.weight.data() + o * axis.taps;
      if (inner == 1) {
        double sum = 0;
        for (int64_t t = 0; t < axis.taps; ++t) sum += weight[t] * static_cast<double>(plane[index[t]]);
        *out = static_cast<T>(sum);
        continue;
      }
      for (int64_t t = 0; t < axis.taps; ++t) {
        const T factor = static_cast<T>(weight[t]);
        const T* in = plane + index[t] * inner;
        if (t == 0)
          for (int64_t i = 0; i < inner; ++i) out[i] = factor * in[i];
        else
          for (int64_t i = 0; i < inner; ++i) out[i] += factor * in[i];
      }
    }
  });
}

}  // namespace

template <class T>
void ResizeNearest(std::span<const ResizeAxis> axes, const T* x, const T& extrapolation, T* y, ThreadPool& pool) {
  if (Product(axes, true) == 0) return;
  // Trailing axes that stay as they are move as one block.
  size_t moving = axes.size();
  int64_t block = 1;
  while (moving > 0 && axes[moving - 1].identity) block *= axes[--moving].output;
  if (moving == 0) {
    std::copy_n(x, block, y);
    return;
  }
  const ResizeAxis& last = axes[moving - 1];
  const auto outer = axes.first(moving - 1);
  pool.ParallelFor(Product(outer, true), static_cast<double>(last.output * block), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      int64_t rest = row, offset = 0, stride = 1;
      bool extrapolated = false;
      for (size_t i = outer.size(); i-- > 0;) {
        const int64_t o = rest % outer[i].output;
        rest /= outer[i].output;
        extrapolated = extrapolated || IsExtrapolated(outer[i], o);
        offset += outer[i].index[static_cast<size_t>(o)] * stride;
        stride *= outer[i].input;
      }
      const T* in = x + offset * last.input * block;
      T* out = y + row * last.output * block;
      for (int64_t o = 0; o < last.output; ++o, out += block) {
        if (extrapolated || IsExtrapolated(last, o))
          std::fill_n(out, block, extrapolation);
        else
          std::copy_n(in + last.index[static_cast<size_t>(o)] * block, block, out);
      }
    }
  });
}

int64_t ResizeIntermediateSize(std::span<const ResizeAxis> axes) {
  int64_t largest = 0, size = Product(axes, false);
  for (size_t i = axes.size(); i-- > 0;) {
    if (axes[i].input == 0) return 0;
    size = size / axes[i].input * axes[i].output;
    largest = std::max(largest, size);
  }
  return largest;
}

template <class T>
void ResizeInterpolated(std::span<const ResizeAxis> axes, double extrapolation, const T* x, T* y, void* workspace, ThreadPool& pool) {
  const int64_t total = Product(axes, true);
  if (total == 0) return;
  int64_t passes = 0;
  for (const ResizeAxis& axis : axes) passes += !axis.identity;
  if (passes == 0) {
    std::copy_n(x, total, y);
    return;
  }
  T* buffers[2] = {static_cast<T*>(workspace), static_cast<T*>(workspace) + ResizeIntermediateSize(axes)};
  const T* in = x;
  int64_t inner = 1;
  for (size_t i = axes.size(); i-- > 0;) {
    const int64_t outer = Product(axes.first(i), false);
    if (!axes[i].identity) {
      --passes;
      T* out = passes == 0 ? y : buffers[passes % 2];
      ResizePass(axes[i], outer, inner, extrapolation, in, out, pool);
      in = out;
    }
    inner *= axes[i].output;
  }
}

template void ResizeInterpolated<float>(std::span<const ResizeAxis>, double, const float*, float*, void*, ThreadPool&);
template void ResizeInterpolated<double>(std::span<const ResizeAxis>, double, const double*, double*, void*, ThreadPool&);
#define SARDONYX_NEAREST(T) template void ResizeNearest<T>(std::span<const ResizeAxis>, const T*, const T&, T*, ThreadPool&)
SARDONYX_NEAREST(uint8_t);
SARDONYX_NEAREST(uint16_t);
SARDONYX_NEAREST(uint32_t);
SARDONYX_NEAREST(uint64_t);
SARDONYX_NEAREST(Word128);
SARDONYX_NEAREST(std::string);
#undef SARDONYX_NEAREST

}  // namespace sardonyx::kernels
